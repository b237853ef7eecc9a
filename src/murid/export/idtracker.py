"""``trajectories.h5`` as idtracker.ai writes it: centroids by frame and animal, and how likely each identity is."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from murid.core.extras import import_extra
from murid.core.files import replace_on_success
from murid.core.types import Trajectories
from murid.export.recording import TrackedRecording
from murid.export.trajectories import iterate_trajectories, require_animals

CHUNK_FRAMES = 4096


def export_idtracker(path: str | Path, recording: TrackedRecording) -> None:
    """Write the trajectories of animals, atomically.

    ``trajectories`` ``(F, N, 2)`` float64 pixels and ``id_probabilities`` ``(F, N, 1)`` float64,
    missing frames NaN; ``interpolated`` ``(F, N)`` bool is murid's own. Attributes are those of
    idtracker.ai that murid has a value for; ``body_length`` is the mean diagonal of the boxes.

    Parameters
    ----------
    path : str or Path
        The file; one that is there is replaced.
    recording : TrackedRecording

    Raises
    ------
    FormatError
        If there is no animal.
    MissingExtraError
        If h5py is not installed.
    StorageError
        If it cannot be written.
    """
    h5py = import_extra("h5py", "h5py", "idtracker")
    require_animals(recording)
    totals = _Totals()
    with replace_on_success(path) as temporary, h5py.File(temporary, "w") as file:
        _create(file, recording)
        for where, trajectories in iterate_trajectories(recording):
            file["trajectories"][where] = trajectories.position.transpose(0, 2, 1)
            if trajectories.identity_probability is not None:
                file["id_probabilities"][where] = trajectories.identity_probability[..., None]
            if trajectories.interpolated is not None:
                file["interpolated"][where] = trajectories.interpolated
            totals.add(trajectories)
        file.attrs.update(totals.summarise())
        file.attrs.update(
            version=f"murid {version('murid')}",
            video_paths=[recording.source],
            frames_per_second=float(recording.fps),
            width=recording.width,
            height=recording.height,
            identities_labels=list(recording.names),
        )


def _create(file: Any, recording: TrackedRecording) -> None:
    n_frames, n_animals = recording.n_frames, len(recording.names)
    kinds = {
        "trajectories": ((2,), np.float64, np.nan),
        "id_probabilities": ((1,), np.float64, np.nan),
    }
    for name, (last, dtype, fill) in (kinds | {"interpolated": ((), np.bool_, False)}).items():
        chunks = (min(CHUNK_FRAMES, n_frames), n_animals, *last)
        shape = (n_frames, n_animals, *last)
        file.create_dataset(
            name, shape, dtype, chunks=chunks, compression="gzip", shuffle=True, fillvalue=fill
        )
    for name in ("identities_groups", "setup_points"):
        file.create_group(name)


class _Totals:
    """Sums over all frames."""

    def __init__(self) -> None:
        self._places = self._boxes = self._told = 0
        self._diagonals = self._certainty = 0.0

    def add(self, trajectories: Trajectories) -> None:
        """Take in the frames of a stretch."""
        diagonals = np.hypot(trajectories.shape[:, 0], trajectories.shape[:, 1])
        self._places += diagonals.size
        self._boxes += int(np.isfinite(diagonals).sum())
        self._diagonals += float(np.nansum(diagonals))
        if trajectories.identity_probability is not None:
            self._told += int(np.isfinite(trajectories.identity_probability).sum())
            self._certainty += float(np.nansum(trajectories.identity_probability))

    def summarise(self) -> dict[str, float]:
        """Attributes of the file."""
        return {
            "body_length": self._diagonals / max(self._boxes, 1),
            "fraction_identified": self._boxes / max(self._places, 1),
            "estimated_accuracy": self._certainty / self._told if self._told else np.nan,
        }

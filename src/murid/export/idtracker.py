"""``trajectories.h5`` of idtracker.ai: centroids and identity probabilities by frame and animal."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from murid.core.extras import import_extra
from murid.core.files import replace_on_success
from murid.core.types import Trajectories
from murid.export.checks import check_has_tracks
from murid.export.recording import TrackedRecording
from murid.export.tracks_chunk import TracksChunk
from murid.export.trajectories import HDF5_CHUNK_FRAMES, to_trajectories


def export_idtracker(path: str | Path, recording: TrackedRecording) -> None:
    """Write trajectories as idtracker.ai does, atomically.

    ``trajectories`` ``(F, I, 2)`` float64 pixels and ``id_probabilities`` ``(F, I, 1)`` float64.
    Row k is frame k of the video, up to the last one that was tracked; NaN where an animal is
    missing or the frame was not tracked. ``interpolated`` and ``merged``
    ``(F, I)`` bool are additions of murid. Where a person corrected identities, so are ``source``
    ``(F, I)`` int8, who says which animal it is (0 the program, 1 the program because of a
    correction, 2 a person, -1 missing), and the attribute ``murid_corrections``, which describes
    the corrections as JSON.
    Attributes are those of idtracker.ai that murid has a value for; ``body_length`` is the mean
    diagonal of the boxes.

    Parameters
    ----------
    path : str or Path
        The file; an existing one is replaced.
    recording : TrackedRecording

    Raises
    ------
    FormatError
        If there is no track.
    MissingExtraError
        If h5py is not installed.
    StorageError
        If the file cannot be written.
    """
    h5py = import_extra("h5py", "h5py", "idtracker")
    check_has_tracks(recording)
    statistics = _Statistics()
    track_ids = recording.summary.track_ids
    frame_step = 1
    with replace_on_success(path) as temporary, h5py.File(temporary, "w") as file:
        _create_datasets(file, recording)
        for chunk in recording:
            trajectories = to_trajectories(chunk, track_ids, recording.names)
            _fill_datasets(file, _get_rows(chunk), trajectories)
            statistics.add(trajectories)
            frame_step = chunk.frame_step
        file.attrs.update(statistics.compute())
        file.attrs.update(
            version=f"murid {version('murid')}",
            video_paths=[recording.source],
            frames_per_second=float(recording.fps) * frame_step,
            width=recording.width,
            height=recording.height,
            identities_labels=list(recording.names),
        )
        if recording.corrections:
            file.attrs["murid_corrections"] = recording.corrections.to_json()


def _create_datasets(file: Any, recording: TrackedRecording) -> None:
    """Create the datasets with their full shape, without values."""
    _create_dataset(file, recording, "trajectories", (2,), np.float64, np.nan)
    _create_dataset(file, recording, "id_probabilities", (1,), np.float64, np.nan)
    _create_dataset(file, recording, "interpolated", (), np.bool_, False)
    _create_dataset(file, recording, "merged", (), np.bool_, False)
    if recording.corrections:
        _create_dataset(file, recording, "source", (), np.int8, -1)
    for name in ("identities_groups", "setup_points"):
        file.create_group(name)


def _create_dataset(
    file: Any,
    recording: TrackedRecording,
    name: str,
    last_axes: tuple[int, ...],
    dtype: Any,
    fillvalue: float,
) -> None:
    n_frames = recording.n_video_frames
    n_animals = len(recording.names)
    file.create_dataset(
        name,
        (n_frames, n_animals, *last_axes),
        dtype,
        chunks=(min(HDF5_CHUNK_FRAMES, n_frames), n_animals, *last_axes),
        compression="gzip",
        shuffle=True,
        fillvalue=fillvalue,
    )


def _get_rows(chunk: TracksChunk) -> slice:
    """Return the rows of the file for the frames of a chunk."""
    first = chunk.first_video_frame + chunk.frame_step * chunk.first_frame
    return slice(first, first + chunk.frame_step * len(chunk.times_s), chunk.frame_step)


def _fill_datasets(file: Any, frames: slice, trajectories: Trajectories) -> None:
    file["trajectories"][frames] = trajectories.position.transpose(0, 2, 1)
    if trajectories.identity_probability is not None:
        file["id_probabilities"][frames] = trajectories.identity_probability[..., None]
    if trajectories.interpolated is not None:
        file["interpolated"][frames] = trajectories.interpolated
    if trajectories.merged is not None:
        file["merged"][frames] = trajectories.merged
    if "source" in file and trajectories.source is not None:
        file["source"][frames] = trajectories.source


class _Statistics:
    """Means over all frames, for the attributes of the file."""

    def __init__(self) -> None:
        self._n_animal_frames = 0
        self._n_boxes = 0
        self._n_probabilities = 0
        self._sum_diagonals_px = 0.0
        self._sum_probabilities = 0.0

    def add(self, trajectories: Trajectories) -> None:
        """Add the frames of a chunk."""
        diagonals_px = np.hypot(trajectories.shape[:, 0], trajectories.shape[:, 1])
        self._n_animal_frames += diagonals_px.size
        self._n_boxes += int(np.isfinite(diagonals_px).sum())
        self._sum_diagonals_px += float(np.nansum(diagonals_px))
        probability = trajectories.identity_probability
        if probability is not None:
            self._n_probabilities += int(np.isfinite(probability).sum())
            self._sum_probabilities += float(np.nansum(probability))

    def compute(self) -> dict[str, float]:
        """Return the attributes of the file."""
        accuracy = np.nan
        if self._n_probabilities:
            accuracy = self._sum_probabilities / self._n_probabilities
        return {
            "body_length": self._sum_diagonals_px / max(self._n_boxes, 1),
            "fraction_identified": self._n_boxes / max(self._n_animal_frames, 1),
            "estimated_accuracy": accuracy,
        }

"""A finished (or unfinished) run, as users hold it: tracks, trajectories, exports, scores, an annotated video."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from murid.analysis.behaviour import Behaviour, compute_behaviour
from murid.analysis.config import MeasureConfig
from murid.arenas.file import layout_from_dict, read_arena_file
from murid.arenas.layout import Layout
from murid.core import Tracks, Trajectories
from murid.core.files import make_directory
from murid.core.progress import ProgressCallback, no_progress
from murid.errors import ConfigError, RunError, SourceError
from murid.evaluation import evaluate
from murid.export.metadata import read_metadata
from murid.export.recording import TrackedRecording
from murid.export.registry import find_format, guess_format
from murid.export.tracks_chunk import TracksChunk
from murid.export.trajectories import to_trajectories
from murid.metrics import Metrics
from murid.store import RunDirectory
from murid.store.manifest import Manifest
from murid.video import Annotator, UnreadableFrame, VideoWriter, open_source


class Run:
    """What murid made of one video.

    Parameters
    ----------
    directory : RunDirectory
        Opened for reading.
    """

    def __init__(self, directory: RunDirectory) -> None:
        self._directory = directory

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """Open a run directory; raises `RunError` if it is none, damaged, or of a newer murid."""
        return cls(RunDirectory.open(path))

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @property
    def path(self) -> Path:
        """The run directory."""
        return self._directory.path

    @property
    def video_path(self) -> Path:
        """Where `annotate` puts the annotated video."""
        return self.path / "exports" / "annotated.mp4"

    def tracks(self) -> Tracks:
        """Return all tracks; raises `RunError` if tracking is not finished.

        Where identities were told, a track is an identity, and positions may be filled in
        (`Tracks.interpolated`).
        """
        return self._directory.read_tracks()

    def trajectories(self) -> Trajectories:
        """Return where each track was over time, missing frames as NaN; raises `RunError` as `tracks` does."""
        tracks, times_s = self.tracks(), self._directory.frames.read().times_s
        ids = np.unique(tracks.track_ids[tracks.track_ids >= 0])
        return to_trajectories(
            TracksChunk(0, times_s, tracks), ids, [self.names.get(i, str(i)) for i in ids.tolist()]
        )

    @property
    def names(self) -> dict[int, str]:
        """What identities are called, where they were given names."""
        return {i: own.name for i, own in self._directory.manifest.names.items()}

    def export(
        self,
        format: str | None,  # noqa: A002 (the word users know)
        out: str | Path,
        metadata: str | Path | None = None,
    ) -> Path:
        """Write the tracks to a file.

        Parameters
        ----------
        format : str or None
            ``"mot"``, ``"csv"``, …, a key of `murid.datasets.FORMATS`; None = by the suffix of
            `out`.
        out : str or Path
        metadata : str or Path, optional
            TOML file that says more of session and animals, for ``"nwb"``; see
            `murid.export.metadata`.

        Raises
        ------
        ConfigError, FormatError
            If the format or the suffix is unknown, the metadata cannot be read or the format has no
            place for them, or the tracks do not fit the format.
        MissingExtraError
            If the format needs a library that is not installed.
        RunError, StorageError
            If tracking is not finished, the format needs identities that were not told, or the file
            cannot be written.
        """
        chosen = guess_format(out) if format is None else find_format(format)
        if metadata is not None and not chosen.takes_metadata:
            raise ConfigError(
                f"metadata: expected a format that has a place for them, got {chosen.name!r}"
            )
        if chosen.needs_identities and not self._directory.is_done("identification"):
            state, expected = (
                self._directory.manifest.stages["identification"].state,
                "done (murid identify goes on)",
            )
            raise RunError(
                self.path,
                "stages.identification.state",
                f"{expected}, since {chosen.name} is of animals",
                state,
            )
        chosen.export(out, self._record({} if metadata is None else read_metadata(metadata)))
        return Path(out)

    def behaviour(
        self,
        arena: str | Path | None = None,
        config: MeasureConfig | None = None,
        *,
        tracks: bool = False,
    ) -> Behaviour:
        """Return how the animals move and what they do: what `murid.analysis.measure` and the pictures start from.

        All of the recording is in memory, some 200 bytes per animal and frame.

        Parameters
        ----------
        arena : str or Path, optional
            Arena file; by default the one that the video was tracked with.
        config : MeasureConfig, optional
        tracks : bool
            Whether to take every track for an animal where identities were not told.

        Raises
        ------
        FormatError
            If the arena file cannot be read, or is of another picture.
        RunError
            If tracking is not finished, or identities were not told and `tracks` is False.
        ConfigError
            If a setting is in centimetres and there is no scale.
        """
        if not tracks and not self._directory.is_done("identification"):
            state, expected = (
                self._directory.manifest.stages["identification"].state,
                "done (murid identify tells them",
            )
            got = f"{state} (--tracks takes every track for an animal)"
            raise RunError(
                self.path,
                "stages.identification.state",
                f"{expected}), since animals are measured",
                got,
            )
        own = read_layout(self._directory)
        layout = own if arena is None else read_arena_file(arena, (own.width, own.height))
        return compute_behaviour(self.trajectories(), layout, config)

    def evaluate(self, truth: str | Path) -> Metrics:
        """Score the tracks against ground truth in a file; no track at all scores zero.

        Raises
        ------
        FormatError
            If the file is no ground truth, or of another video.
        RunError
            If tracking is not finished.
        """
        return evaluate(self.path, truth, allow_empty=True).combined

    def annotate(
        self, out: str | Path | None = None, report: ProgressCallback = no_progress
    ) -> Path:
        """Write the video with tracks drawn on it.

        Parameters
        ----------
        out : str or Path, optional
            The ``.mp4`` to write; `video_path` by default.
        report : callable
            Told of progress.

        Raises
        ------
        SourceError
            If the video has gone or changed since it was tracked.
        RunError, StorageError
            If tracking is not finished, or the file cannot be written.
        """
        path = self.video_path if out is None else Path(out)
        source = open_source(self._directory.manifest.source)
        if source.compute_fingerprint() != dict(self._directory.manifest.fingerprint):
            raise SourceError(
                source.info.path, "fingerprint", "the video that was tracked", "another one"
            )
        make_directory(path.parent)
        info, annotator = source.info, Annotator(source.info.fps, self.names)
        tracked = (frame for _, tracks in self._directory.iterate_tracks() for frame in tracks)
        with VideoWriter(path, info.fps, info.width, info.height) as video_writer:
            image = np.zeros((info.height, info.width, 3), np.uint8)
            for frame, of_frame in zip(source.iterate(), tracked, strict=True):
                if not isinstance(frame, UnreadableFrame):
                    image = annotator.annotate(frame, of_frame)
                video_writer.write(image)
                if frame.index % 30 == 29:
                    report("draw", frame.index + 1, self._directory.n_frames)
        return path

    def info(self) -> dict[str, Any]:
        """Return what there is to know of the run as plain values; raises `RunError` if a part is missing or damaged.

        Of a finished run no part is read, only how many frames in each could not be decoded.
        """
        directory, manifest = self._directory, self._directory.manifest
        facts = {
            "run": str(self.path),
            "source": manifest.source,
            "width": manifest.fingerprint.get("width"),
            "height": manifest.fingerprint.get("height"),
            "fps": manifest.fingerprint.get("fps"),
            "n_frames": directory.n_frames,
            "detector": manifest.detector.split(" ")[0],
            "murid_version": manifest.murid_version,
            "stages": {name: stage.state for name, stage in manifest.stages.items()},
            "note": manifest.stages["detection"].note,
            "identity_note": manifest.stages["identification"].note,
            "appearance_selections": _list_adaptations(manifest),
            "unreadable_frames": directory.frames.list_unreadable(),
        }
        tracks = directory.read_summary() if directory.is_done("tracking") else []
        for row in tracks:
            own = manifest.names.get(row["id"])
            row |= (
                {"name": None, "name_probability": None}
                if own is None
                else {"name": own.name, "name_probability": own.probability}
            )
        return facts | {"tracks": tracks, "crossings": directory.identities.read_crossings()}

    def _record(self, metadata: Mapping[str, Any]) -> TrackedRecording:
        """Return the tracks as an export wants them."""
        manifest, facts = self._directory.manifest, self._directory.manifest.fingerprint
        return TrackedRecording(
            source=manifest.source,
            width=int(facts["width"]),
            height=int(facts["height"]),
            fps=float(facts["fps"]),
            n_frames=self._directory.n_frames,
            identified=self._directory.is_done("identification"),
            read_chunks=self._iterate_chunks,
            fingerprint=str(facts.get("sha256", "")),
            tracked_at=datetime.fromisoformat(manifest.provenance[0].time_utc)
            if manifest.provenance
            else None,
            metadata=metadata,
            identity_names=self.names,
        )

    def _iterate_chunks(self) -> Iterator[TracksChunk]:
        pairs = zip(self._directory.iterate_tracks(), self._directory.frames.iterate(), strict=True)
        return (TracksChunk(first, frames.times_s, tracks) for (first, tracks), frames in pairs)


def read_layout(directory: RunDirectory) -> Layout:
    """Arenas and zones that a video was tracked with; the whole picture where there are none."""
    plain = directory.manifest.config.get("tracking", {}).get("arena")
    return whole_picture(directory) if plain is None else layout_from_dict(plain)


def whole_picture(directory: RunDirectory) -> Layout:
    """Layout of the whole picture, without arenas and zones."""
    facts = directory.manifest.fingerprint
    return Layout(int(facts["width"]), int(facts["height"]))


def _list_adaptations(manifest: Manifest) -> list[dict[str, Any]] | None:
    """What learning the animals was worth; None where it was not done, nothing where it cannot be said."""
    if not manifest.config.get("identification", {}).get("refine"):
        return None
    last = next((own for own in reversed(manifest.provenance) if own.verb == "refine"), None)
    estimates = None if last is None else last.arguments["estimates"]
    return None if estimates is None else list(estimates)

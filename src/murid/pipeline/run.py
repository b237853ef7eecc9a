"""The result of tracking one video: tracks, trajectories, behaviour, export, scores, video."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from murid.analysis.behaviour import Behaviour, compute_behaviour
from murid.analysis.config import MeasureConfig
from murid.arenas.file import layout_from_dict, read_arena_file
from murid.arenas.layout import Layout
from murid.core import Tracks, Trajectories
from murid.core.clock import parse_time
from murid.core.identity_probabilities import IdentityProbabilities
from murid.core.keypoints import KEYPOINTS
from murid.core.progress import ProgressCallback, no_progress
from murid.core.types import Int64
from murid.corrections.records import has_new_evidence
from murid.corrections.summary import CorrectionsSummary
from murid.errors import ConfigError, RunError
from murid.evaluation import evaluate
from murid.export.metadata import read_metadata
from murid.export.recording import TrackedRecording
from murid.export.registry import (
    check_format_suffix,
    find_export_format,
    guess_export_format,
)
from murid.export.tracks_chunk import TracksChunk
from murid.export.trajectories import to_trajectories
from murid.metrics import Metrics
from murid.pipeline.annotate import check_is_tracked_video, iterate_annotated
from murid.pipeline.corrections import RunCorrections
from murid.pipeline.result_warnings import ResultWarning, list_result_warnings
from murid.store import RunDirectory
from murid.store.manifest import Manifest
from murid.video import FrameSource, VideoWriter, open_as_tracked

# Frames of the annotated video between two progress reports.
_REPORT_EVERY = 30


class Run:
    """The result of tracking one video.

    Parameters
    ----------
    directory : RunDirectory
        Opened for reading.
    """

    def __init__(self, directory: RunDirectory) -> None:
        self._directory = directory

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """Open a run directory.

        Raises
        ------
        RunError
            If it is not a run, is damaged, or was written by a newer murid.
        """
        return cls(RunDirectory.open(path))

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @property
    def path(self) -> Path:
        """The run directory."""
        return self._directory.path

    @property
    def video_path(self) -> Path:
        """Path of the annotated video, where `annotate` wrote it."""
        return self.path / "exports" / "annotated.mp4"

    @property
    def corrections(self) -> RunCorrections:
        """What a person has said about the animals; `murid.identify` takes it into account."""
        return RunCorrections(self.path)

    @property
    def names(self) -> dict[int, str]:
        """Names of identities, where they were given names."""
        names = self._directory.manifest.names
        return {identity: animal.name for identity, animal in names.items()}

    def tracks(self) -> Tracks:
        """Return all tracks; raises `RunError` if tracking is not finished.

        With identities, a track is an identity, and positions may be interpolated
        (`Tracks.interpolated`).
        """
        return self._directory.read_tracks()

    def trajectories(self) -> Trajectories:
        """Return the position of each track over time; raises `RunError` as `tracks` does.

        Frames in which it was not seen are NaN.
        """
        tracks = self.tracks()
        times_s = self._directory.frames.read().times_s
        ids = np.unique(tracks.track_ids[tracks.track_ids >= 0])
        names = [self.names.get(identity, str(identity)) for identity in ids.tolist()]
        return to_trajectories(TracksChunk(0, times_s, tracks), ids, names)

    def export(
        self,
        format: str | None,  # noqa: A002 (the word users know)
        out: str | Path,
        metadata: str | Path | None = None,
    ) -> Path:
        """Write the tracks to a file and return its path.

        Parameters
        ----------
        format : str or None
            ``"mot"``, ``"csv"``, …, a key of `murid.export.registry.EXPORT_FORMATS`; None = by
            the suffix of `out`.
        out : str or Path
            File to write.
        metadata : str or Path, optional
            TOML file with more about session and animals, for ``"nwb"``; see
            `murid.export.metadata`.

        Raises
        ------
        ConfigError, FormatError
            If the format or the suffix is unknown, or they do not fit each other, the metadata
            cannot be read or the format has no place for them, or the tracks do not fit the format.
        MissingExtraError
            If the format needs a library that is not installed.
        RunError, StorageError
            If tracking is not finished, the format needs identities and there are none, or the file
            cannot be written.
        """
        chosen = guess_export_format(out) if format is None else find_export_format(format)
        check_format_suffix(out, chosen)
        if metadata is not None and not chosen.takes_metadata:
            expected = "a format that has a place for them"
            raise ConfigError(f"metadata: expected {expected}, got {chosen.name!r}")
        if chosen.needs_identities:
            self._require_identities(f"{chosen.name} holds animals")
        given = {} if metadata is None else read_metadata(metadata)
        chosen.export(out, self._to_recording(given))
        return Path(out)

    def behaviour(
        self,
        arena: str | Path | None = None,
        config: MeasureConfig | None = None,
        *,
        tracks: bool = False,
    ) -> Behaviour:
        """Return the behaviour of the animals, from which measures and plots are computed.

        The whole recording is in memory, about 200 bytes per animal and frame.

        Parameters
        ----------
        arena : str or Path, optional
            Arena file; by default the one that the video was tracked with.
        config : MeasureConfig, optional
            Settings.
        tracks : bool
            Whether to take every track for an animal where there are no identities.

        Raises
        ------
        FormatError
            If the arena file cannot be read, or belongs to an image of another size.
        RunError
            If tracking is not finished, or there are no identities and `tracks` is False.
        ConfigError
            If a setting is in centimetres and there is no scale.
        """
        if not tracks:
            self._require_identities("animals are measured", "--tracks measures every track")
        layout = read_layout(self._directory)
        pixel_aspect = self._directory.manifest.pixel_aspect
        if arena is not None:
            layout = read_arena_file(arena, (layout.width, layout.height), pixel_aspect)
        return compute_behaviour(self.trajectories(), layout, config, pixel_aspect)

    def evaluate(self, truth: str | Path, *, all_frames: bool | None = None) -> Metrics:
        """Return the scores of the tracks against ground truth in a file; no track scores zero.

        `all_frames` says whether frames without labels have no animals; see
        `murid.evaluation.evaluate`.

        Raises
        ------
        FormatError
            If the file is not ground truth, or belongs to another video.
        RunError
            If tracking is not finished.
        """
        evaluation = evaluate(self.path, truth, allow_empty=True, all_frames=all_frames)
        return evaluation.combined

    def annotate(
        self,
        out: str | Path | None = None,
        report: ProgressCallback = no_progress,
        *,
        start: float | str | None = None,
        end: float | str | None = None,
        source: str | Path | None = None,
    ) -> Path:
        """Write the video with tracks drawn on it, and return its path.

        Number and time of each frame are in the lower left corner. A video that is there is
        replaced when the new one is complete.

        Parameters
        ----------
        out : str or Path, optional
            The ``.mp4`` to write; `video_path` by default.
        report : callable
            Called with progress.
        start, end : float or str, optional
            Times of the recording between which frames are drawn, in seconds or as ``HH:MM:SS``;
            all frames by default.
        source : str or Path, optional
            The video, where it is no longer where it was tracked.

        Raises
        ------
        ConfigError
            If `out` is no name of an ``.mp4`` file or is the video itself, or no frame lies between
            the times.
        SourceError
            If the video is gone or has changed since it was tracked.
        RunError, StorageError
            If tracking is not finished, or the file cannot be written.
        """
        path = self.video_path if out is None else Path(out)
        if path.suffix.lower() != ".mp4":
            raise ConfigError(f"out: expected the name of an .mp4 file, got {path}")
        video = self.open_source(source)
        info = video.info
        if path.exists() and Path(info.path).exists() and path.samefile(info.path):
            raise ConfigError(f"out: expected another file than the video itself, got {path}")
        check_is_tracked_video(self._directory, video)
        first, last = self._select_frames(start, end)
        images = iterate_annotated(self._directory, video, self.names, first, last)
        with VideoWriter(path, info.fps, info.width, info.height, info.pixel_aspect) as writer:
            for n_drawn, image in enumerate(images, 1):
                writer.write(image)
                if n_drawn % _REPORT_EVERY == 0 or n_drawn == last - first:
                    report("draw", n_drawn, last - first)
        return path

    def _select_frames(self, start: float | str | None, end: float | str | None) -> tuple[int, int]:
        """Return the first frame from one time on, and the first from another on.

        Raises `ConfigError` if there is none between them.
        """
        times_s = self._directory.frames.read().times_s
        start_s = parse_time("start", start)
        end_s = parse_time("end", end)
        first = 0 if start_s is None else int(np.searchsorted(times_s, start_s))
        last = len(times_s) if end_s is None else int(np.searchsorted(times_s, end_s))
        if first >= last:
            length = f"{times_s[0]:.6g} to {times_s[-1]:.6g} s" if len(times_s) else "none"
            got = f"start {start} and end {end}; the recording has {length}"
            raise ConfigError(f"start, end: expected times with frames between them, got {got}")
        return first, last

    def open_source(self, source: str | Path | None = None) -> FrameSource:
        """Open the video with the frames and the times with which it was tracked.

        Parameters
        ----------
        source : str or Path, optional
            The video, where it is no longer where it was tracked.

        Raises
        ------
        SourceError
            If it cannot be opened.
        """
        manifest = self._directory.manifest
        times_s = self._directory.frames.read().times_s
        return open_as_tracked(source or manifest.source, manifest.video, times_s)

    def info(self) -> dict[str, Any]:
        """Return a description of the run as plain values.

        Parts of a finished run are read only where an animal is seen in few frames; else only the
        number of unreadable frames in each.

        Raises
        ------
        RunError
            If a part is missing or damaged.
        """
        directory = self._directory
        manifest = directory.manifest
        tracks = directory.read_summary() if directory.is_done("tracking") else []
        unreadable = directory.frames.list_unreadable()
        warnings = list_result_warnings(directory, tracks, len(unreadable))
        means = self._summarise_probabilities(tracks)
        probability = None if means is None else means.overall
        for row in tracks:
            row |= _to_video_frames(row, manifest)
            animal = manifest.names.get(row["id"])
            row["name"] = None if animal is None else animal.name
            row["name_probability"] = None if animal is None else animal.probability
        return {
            "run": str(self.path),
            "source": manifest.source,
            "width": manifest.fingerprint.get("width"),
            "height": manifest.fingerprint.get("height"),
            "pixel_aspect": manifest.pixel_aspect,
            "fps": manifest.fps,
            "fps_is_assumed": bool(manifest.video.get("fps_is_assumed", False)),
            "clock": dict(manifest.clock),
            "frames": manifest.video.get("frames"),
            "gaps": manifest.video.get("gaps"),
            "n_frames": directory.n_frames,
            "keypoints": list(KEYPOINTS) if directory.detections.has_keypoints() else None,
            "detector": manifest.detector.split(" ")[0],
            "murid_version": manifest.murid_version,
            "stages": {name: stage.state for name, stage in manifest.stages.items()},
            "note": manifest.stages["detection"].note,
            "identity_note": manifest.stages["identification"].note,
            "appearance_selections": _list_selections(manifest),
            "warnings": [warning.to_dict() for warning in warnings],
            "unreadable_frames": list(map(manifest.to_video_frame, unreadable)),
            "unreadable_reason": directory.frames.read_reason(unreadable[0])
            if unreadable
            else None,
            "identity_probability": None if probability is None else round(probability, 4),
            "uncertain_identities": [] if means is None else list(means.uncertain_ids),
            "corrections": self.corrections.summarise(),
            "has_new_corrections": directory.is_done("identification")
            and has_new_evidence(self.corrections.entries, manifest.config["identification"]),
            "tracks": tracks,
            "crossings": [_to_video_frames(row, manifest) for row in self.crossings()],
        }

    def to_video_frames(self, frames: Int64) -> Int64:
        """Return the numbers in the video of frames ``(n,)`` of the run.

        They are the same unless only some frames of the video were tracked. Frames of
        `trajectories`, and of measures of them, are those of the run.
        """
        manifest = self._directory.manifest
        numbers: Int64 = manifest.first_video_frame + manifest.frame_step * np.asarray(frames)
        return numbers

    def warnings(self) -> list[ResultWarning]:
        """Return what makes the result nearly empty, such as frames without any animal.

        Raises
        ------
        RunError
            If a part is missing or damaged.
        """
        directory = self._directory
        tracks = directory.read_summary() if directory.is_done("tracking") else []
        return list_result_warnings(directory, tracks, len(directory.frames.list_unreadable()))

    def identity_probabilities(self) -> IdentityProbabilities | None:
        """Return how likely the identities are right; None where animals were not identified.

        `IdentityProbabilities.overall` is the mean over all animals and frames, and
        `IdentityProbabilities.uncertain_ids` are the identities to check first: below 95 %.

        Raises
        ------
        RunError
            If a part is missing or damaged.
        """
        directory = self._directory
        tracks = directory.read_summary() if directory.is_done("tracking") else []
        return self._summarise_probabilities(tracks)

    def _summarise_probabilities(
        self, rows: Sequence[Mapping[str, Any]]
    ) -> IdentityProbabilities | None:
        """Return those of the rows of the summary; None unless these are identities."""
        if not self._directory.is_done("identification"):
            return None
        return IdentityProbabilities.from_rows(rows)

    def crossings(self) -> list[dict[str, Any]]:
        """Return the doubtful crossings, the most doubtful first; frames are those of the run."""
        return self._directory.identities.read_crossings()

    def _require_identities(self, reason: str, way_out: str | None = None) -> None:
        """Raise `RunError` unless the animals were identified."""
        if not self._directory.is_done("identification"):
            state = self._directory.manifest.stages["identification"].state
            expected = f"done (murid identify makes identities), since {reason}"
            got = state if way_out is None else f"{state} ({way_out})"
            raise RunError(self.path, "stages.identification.state", expected, got)

    def _to_recording(self, metadata: Mapping[str, Any]) -> TrackedRecording:
        """Return the tracks as exporters take them."""
        manifest = self._directory.manifest
        fingerprint = manifest.fingerprint
        first = manifest.provenance[0] if manifest.provenance else None
        started_at = manifest.clock.get("started_at")
        return TrackedRecording(
            source=manifest.source,
            width=int(fingerprint["width"]),
            height=int(fingerprint["height"]),
            fps=manifest.fps,
            n_frames=self._directory.n_frames,
            identified=self._directory.is_done("identification"),
            read_chunks=self._iterate_chunks,
            fingerprint=str(fingerprint.get("sha256", "")),
            tracked_at=None if first is None else datetime.fromisoformat(first.time_utc),
            metadata=metadata,
            identity_names=self.names,
            started_at=None if started_at is None else datetime.fromisoformat(started_at),
            has_own_times=manifest.clock["kind"] == "timestamps",
            identity_probabilities=self.identity_probabilities(),
            corrections=self._get_corrections_of_identities(),
        )

    def _get_corrections_of_identities(self) -> CorrectionsSummary | None:
        """Return the corrections that the identities follow from; None without any.

        Those that were made since the animals were identified are not in the tracks yet.
        """
        stored = self._directory.manifest.corrections
        return CorrectionsSummary.from_plain(stored) if stored else None

    def _iterate_chunks(self) -> Iterator[TracksChunk]:
        manifest = self._directory.manifest
        tracks = self._directory.iterate_tracks()
        frames = self._directory.frames.iterate()
        for (first_frame, chunk), frame_table in zip(tracks, frames, strict=True):
            yield TracksChunk(
                first_frame,
                frame_table.times_s,
                chunk,
                manifest.first_video_frame,
                manifest.frame_step,
            )


def open_run(path: str | Path) -> Run:
    """Return the run in a directory; raises `RunError` as `Run.open` does."""
    return Run.open(path)


def read_layout(directory: RunDirectory) -> Layout:
    """Return the arenas and zones that a video was tracked with, or the whole image."""
    plain = directory.manifest.config.get("arenas")
    return whole_image(directory) if plain is None else layout_from_dict(plain)


def whole_image(directory: RunDirectory) -> Layout:
    """Return the layout of the whole image, without arenas and zones."""
    fingerprint = directory.manifest.fingerprint
    return Layout(int(fingerprint["width"]), int(fingerprint["height"]))


def _to_video_frames(row: Mapping[str, Any], manifest: Manifest) -> dict[str, Any]:
    """Return a row of a table with frames numbered as in the video."""
    frames = {name: manifest.to_video_frame(row[name]) for name in ("first_frame", "last_frame")}
    return {**row, **frames}


def has_refined(manifest: Manifest) -> bool:
    """Return whether the identities of a run were made with the second pass."""
    return _list_selections(manifest) is not None


def _list_selections(manifest: Manifest) -> list[dict[str, Any]] | None:
    """Return the estimates of the second pass; None without one, empty where they are unknown."""
    refine = manifest.config.get("identification", {}).get("refine", "never")
    if refine == "never":
        return None
    # Version 1 recorded it as "adapt".
    verbs = ("refine", "adapt")
    operations = [operation for operation in manifest.provenance if operation.verb in verbs]
    last = operations[-1] if operations else None
    estimates = None if last is None else last.arguments["estimates"]
    return None if estimates is None else list(estimates)

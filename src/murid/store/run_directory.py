"""The run directory: everything murid makes from one video, in a form that survives being killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from murid.core.files import make_directory, storage_errors
from murid.core.types import DetectionTable, Float32, Int64, Tracks
from murid.errors import ArrayError, RunError
from murid.store import create, parts
from murid.store.frame_table import FrameTable
from murid.store.lock import Lock
from murid.store.manifest import (
    AnimalName,
    Manifest,
    Operation,
    StageStatus,
    load_manifest,
    save_manifest,
)
from murid.store.parquet import count_rows
from murid.store.reader import CROSSINGS_NAME, RunReader
from murid.store.summary import Summary
from murid.store.writer import DetectionWriter

PART_FRAMES = 2048


class RunDirectory(RunReader):
    """A run on disk: ``manifest.json`` and parts: ``frames/``, ``detections/``, ``tracks/``, ``identities/``.

    Make one with `create` or `open`. As a context manager it lets go of the lock that a writer
    holds.
    """

    def __init__(self, path: Path, manifest: Manifest, lock: Lock | None) -> None:
        super().__init__(path, manifest)
        self._lock = lock
        self._summary = Summary()

    @classmethod
    def create(
        cls,
        path: str | Path,
        *,
        source: str | Path,
        fingerprint: Mapping[str, Any],
        config: Mapping[str, Mapping[str, Any]],
        detector: str,
        part_frames: int = PART_FRAMES,
        embedder: str | None = None,
        existing: Literal["refuse", "resume", "restart"] = "refuse",
    ) -> RunDirectory:
        """Start a run, or go on with the one that is there, and hold it for writing.

        Parameters
        ----------
        path : str or Path
            The directory; it and its parents are made.
        source : str or Path
            The video; stored as an absolute path.
        fingerprint : mapping
            What tells this video from another, as plain JSON values.
        config : mapping of str to mapping
            Settings per stage, as plain JSON values. Under ``"detection"`` belong only those that
            change the result.
        detector : str
            What tells the detector from another.
        part_frames : int
            Frames in each part but the last; a run that goes on keeps its own.
        embedder : str, optional
            What tells the weights of the embeddings from others.
        existing : {"refuse", "resume", "restart"}
            What to do about a run that is there. A restart removes its manifest and parts and
            nothing else.

        Raises
        ------
        RunError
            If the directory holds other files, or a run that is refused, damaged, newer than this
            murid, held by another process, or (resume) made from another video, detector or
            settings of detection.
        StorageError
            If it cannot be written to.
        """
        path = Path(path)
        manifest = create.make_manifest(
            source, fingerprint, config, detector, part_frames, embedder
        )
        if existing == "resume" and create.holds_run(path):
            create.check_same(path, load_manifest(path), manifest)
            return cls.open(path, writable=True)
        create.check_free(path, restart=existing == "restart")
        make_directory(path)
        return cls._hold(
            path, lambda: create.initialise(path, manifest, restart=existing == "restart")
        )

    @classmethod
    def open(cls, path: str | Path, *, writable: bool = False) -> RunDirectory:
        """Open a run that exists.

        Parameters
        ----------
        path : str or Path
            The directory.
        writable : bool
            Whether to hold it for writing; this also removes what a killed writer left
            half-written.

        Raises
        ------
        RunError
            If there is no run, a newer murid wrote it, its manifest is damaged, or (writable)
            another process writes.
        StorageError
            If it is to be written to and cannot.
        """
        path = Path(path)
        manifest = load_manifest(path)
        return cls._hold(path, lambda: create.tidy(path)) if writable else cls(path, manifest, None)

    @classmethod
    def _hold(cls, path: Path, prepare: Callable[[], None]) -> RunDirectory:
        lock = Lock(path)
        try:
            prepare()
            return cls(path, load_manifest(path), lock)
        except BaseException:
            lock.release()
            raise

    def close(self) -> None:
        """Let other processes write here; reading still works."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> RunDirectory:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def write_detections(self) -> DetectionWriter:
        """Go on with detection at `next_frame`: ``with run.write_detections() as writer: writer.add(...)``.

        Raises `RunError` if detection is done or the run is not held for writing.
        """
        if self.is_done("detection"):
            raise RunError(self.path, "stages.detection.state", "an unfinished stage", "done")
        first = self.next_frame
        self._update(self.manifest.with_stage("detection", StageStatus("running")))
        return DetectionWriter(
            self.write_part, first, self.manifest.part_frames, self.embeddings_every
        )

    @contextmanager
    def rewrite_part(self, number: int) -> Iterator[tuple[DetectionWriter, int]]:
        """Lend a writer for the frames of one damaged part, and say how many these are; raises as `write_part`."""
        first, size = number * self.manifest.part_frames, self.manifest.part_frames
        stage = self.manifest.stages["detection"]
        n_frames = min(size, stage.n_frames - first) if stage.state == "done" else size
        with DetectionWriter(self.write_part, first, size, self.embeddings_every) as writer:
            yield writer, n_frames

    def remove_last_part(self) -> None:
        """Remove the last part of an unfinished detection; raises `RunError` if it is finished, and `StorageError`."""
        self._check_writable()
        if self.is_done("detection"):
            raise RunError(self.path, "stages.detection.state", "an unfinished stage", "done")
        number = self.n_parts - 1
        with storage_errors(self.path):
            for kind in ("detections", "frames"):
                parts.part_path(self.path, kind, number).unlink(missing_ok=True)

    def write_part(self, frames: FrameTable, detections: DetectionTable) -> None:
        """Store a stretch of frames that begins where a part begins; the last of a video may be short of one part.

        Raises
        ------
        ArrayError
            If the stretch is not one part, or the two tables differ in length.
        RunError
            If the run is not held for writing.
        StorageError
            If the disk is full or writing is not permitted.
        """
        self._check_writable()
        number, offset = divmod(frames.first_frame, self.manifest.part_frames)
        if offset or not 1 <= len(frames) <= self.manifest.part_frames:
            expected = f"1 to {self.manifest.part_frames} frames from a multiple of {self.manifest.part_frames}"
            raise ArrayError(
                "FrameTable", expected, f"{len(frames)} from frame {frames.first_frame}"
            )
        if detections.n_frames != len(frames):
            raise ArrayError("DetectionTable.n_frames", str(len(frames)), str(detections.n_frames))
        # Frames first: a part counts once its detections are there.
        parts.write_frames(parts.part_path(self.path, "frames", number), frames)
        parts.write_detections(
            parts.part_path(self.path, "detections", number), frames.first_frame, detections
        )

    def finish_detection(self, note: str | None = None) -> None:
        """Say that the parts that are there are all; `note` keeps what the user should know. Raises as `write_part`."""
        done = StageStatus("done", self.n_frames, self.n_parts, note)
        self._update(self.manifest.with_stage("detection", done))

    def start_tracking(self, config: Mapping[str, Any]) -> None:
        """Forget the tracks that are there and note the settings for new ones.

        Raises `RunError` if detection is not finished or the run is not held for writing, and
        `StorageError`.
        """
        self._check_detected()
        settings = {**self.manifest.config, "tracking": create.to_plain(config, "config.tracking")}
        self._update(
            replace(self.manifest.with_stage("tracking", StageStatus("running")), config=settings)
        )
        create.remove_parts(self.path, "tracks")
        self._summary = Summary()

    def write_tracks(self, first_frame: int, tracks: Tracks) -> None:
        """Store the tracks of one part, one row per detection of that part, -1 where it belongs to none.

        Raises
        ------
        ArrayError
            If frames or rows differ from those of the part's detections.
        RunError
            If the run is not held for writing.
        StorageError
            If the disk is full or writing is not permitted.
        """
        self._check_writable()
        number, offset = divmod(first_frame, self.manifest.part_frames)
        expected = (
            self._count_frames(number),
            count_rows(parts.part_path(self.path, "detections", number)),
        )
        if offset or (tracks.n_frames, len(tracks.detections)) != expected:
            got = f"{tracks.n_frames} frames, {len(tracks.detections)} detections from frame {first_frame}"
            raise ArrayError(
                "Tracks", f"{expected[0]} frames, {expected[1]} detections of a part", got
            )
        parts.write_tracks(parts.part_path(self.path, "tracks", number), first_frame, tracks)
        self._summary.add(first_frame, tracks)

    def finish_tracking(self) -> None:
        """Say that the tracks of all parts are there; raises `RunError` if one is missing, and `StorageError`."""
        self._check_parts("tracks")
        self._save_summary("tracks")
        self._update(
            self.manifest.with_stage("tracking", StageStatus("done", self.n_frames, self.n_parts))
        )

    def start_identities(self, config: Mapping[str, Any]) -> None:
        """Forget the identities that are there and note the settings for new ones.

        Raises `RunError` if detection is not finished or the run is not held for writing, and
        `StorageError`.
        """
        self._check_detected()
        settings = {
            **self.manifest.config,
            "identification": create.to_plain(config, "config.identification"),
        }
        self._update(
            replace(
                self.manifest.with_stage("identification", StageStatus("running")),
                config=settings,
                names={},
            )
        )
        create.remove_parts(self.path, "identities")
        self._summary = Summary()

    def forget_identities(self) -> None:
        """Go back to the tracks of the association; raises `RunError` if not held for writing, and `StorageError`."""
        settings = {
            stage: values
            for stage, values in self.manifest.config.items()
            if stage != "identification"
        }
        self._update(
            replace(
                self.manifest.with_stage("identification", StageStatus()), config=settings, names={}
            )
        )
        create.remove_parts(self.path, "identities")

    def write_identities(self, first_frame: int, rows: Int64, tracks: Tracks) -> None:
        """Store the identities of one part.

        Parameters
        ----------
        first_frame : int
            Of the part.
        rows : ndarray
            ``(N,)`` int64: which detection of its frame each is; -1 where a position is filled in.
        tracks : Tracks
            Identities as track ids, by frame.

        Raises
        ------
        ArrayError
            If the frames are not those of the part.
        RunError
            If the run is not held for writing.
        StorageError
            If the disk is full or writing is not permitted.
        """
        self._check_writable()
        number, offset = divmod(first_frame, self.manifest.part_frames)
        if offset or tracks.n_frames != self._count_frames(number):
            got = f"{tracks.n_frames} frames from frame {first_frame}"
            raise ArrayError("Tracks", f"the {self._count_frames(number)} frames of a part", got)
        parts.write_identities(
            parts.part_path(self.path, "identities", number), first_frame, rows, tracks
        )
        self._summary.add(first_frame, tracks)

    def finish_identities(self, crossings: Mapping[str, Any], note: str | None = None) -> None:
        """Say that the identities of all parts are there, and which crossings are doubtful.

        `crossings` holds arrays ``first_frame, last_frame, identity_a, identity_b`` int64 and
        ``swap_probability`` float32.
        Raises as `finish_tracking` does.
        """
        self._check_parts("identities")
        self._save_summary("identities")
        parts.write_crossings(self.path / CROSSINGS_NAME, dict(crossings))
        self._update(
            self.manifest.with_stage(
                "identification", StageStatus("done", self.n_frames, self.n_parts, note)
            )
        )

    def write_names(self, names: Mapping[int, AnimalName]) -> None:
        """Say what identities are called.

        Raises `RunError` if identities were not told or the run is not held for writing, and
        `StorageError`.
        """
        if not self.is_done("identification"):
            state = self.manifest.stages["identification"].state
            raise RunError(
                self.path, "stages.identification.state", "done (murid identify tells them)", state
            )
        self._update(replace(self.manifest, names=dict(names)))

    def write_colour_features(self, frames: Int64, rows: Int64, colour_features: Float32) -> None:
        """Keep the looks in plain terms ``(n, c)`` of some detections; raises as `write_part`."""
        self._check_writable()
        self._check_detected()
        parts.write_looks(
            self.path / parts.COLOUR_FEATURES_NAME, "colour_features", frames, rows, colour_features
        )

    def write_fur_descriptors(self, frames: Int64, rows: Int64, fur_descriptors: Float32) -> None:
        """Keep the prints of the fur ``(n, p)`` of some detections, as float16; raises as `write_part`."""
        self._check_writable()
        self._check_detected()
        parts.write_looks(
            self.path / parts.FUR_DESCRIPTORS_NAME,
            "print",
            frames,
            rows,
            fur_descriptors.astype(np.float16),
        )

    def write_point_matches(self, ties: Mapping[str, NDArray[Any]]) -> None:
        """Keep columns of points of fur followed from detection to detection; raises as `write_part`."""
        self._check_writable()
        self._check_detected()
        parts.write_point_matches(self.path / parts.POINT_MATCHES_NAME, ties)

    def record(self, verb: str, arguments: Mapping[str, Any]) -> None:
        """Add an operation to the provenance; raises `RunError` if not held for writing, and `StorageError`."""
        self._update(
            self.manifest.with_operation(
                Operation.now(verb, create.to_plain(arguments, "arguments"))
            )
        )

    def _save_summary(self, kind: parts.Kind) -> None:
        self._check_writable()
        if (
            self._summary.n_frames == self.n_frames
        ):  # else some parts were written by another process
            self._summary.save(parts.summary_path(self.path, kind))

    def _update(self, manifest: Manifest) -> None:
        self._check_writable()
        save_manifest(self.path, manifest)
        self.manifest = manifest

    def _check_parts(self, kind: parts.Kind) -> None:
        for number in range(self.n_parts):
            path = parts.part_path(self.path, kind, number)
            if not path.is_file():
                raise RunError(path, "file", f"the {kind} of every part", "nothing there")

    def _check_detected(self) -> None:
        if not self.is_done("detection"):
            state = self.manifest.stages["detection"].state
            raise RunError(self.path, "stages.detection.state", "done (murid track goes on)", state)

    def _check_writable(self) -> None:
        if self._lock is None:
            raise RunError(
                self.path, "run", "one that is open for writing", "one that is open for reading"
            )

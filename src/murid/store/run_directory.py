"""The run directory: all results of one video, stored so that a killed process loses little."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import numpy as np

from murid.core.files import make_directory
from murid.core.types import Float64, Tracks
from murid.errors import RunError
from murid.store import create
from murid.store.detection_parts import DetectionParts
from murid.store.frame_parts import FrameParts
from murid.store.identity_parts import IdentityParts
from murid.store.lock import Lock
from murid.store.manifest import (
    Manifest,
    Operation,
    StageName,
    StageStatus,
    load_manifest,
    to_json_values,
)
from murid.store.run_state import RunState
from murid.store.side_tables import FRAME_TIMES, SideTables
from murid.store.summary import Summary
from murid.store.track_parts import TrackParts

# Frames per part. A kill costs the unfinished part: about a minute of video at 30 frames per
# second. Larger parts cost more, smaller ones make more files.
PART_FRAMES = 2048


class RunDirectory:
    """A run on disk: ``manifest.json``, parts of the video, and side tables.

    Make one with `create` or `open`. As a context manager it releases the write lock. Memory does
    not grow with the length of the video, unless all parts are read at once (``read``).

    Attributes
    ----------
    frames : FrameParts
        Times of the frames.
    detections : DetectionParts
    tracks : TrackParts
    identities : IdentityParts
        Identities, their names and the doubtful crossings, once the animals are identified.
    side_tables : SideTables
        Results that lie in one file each.
    """

    def __init__(self, path: Path, manifest: Manifest, lock: Lock | None) -> None:
        self._state = RunState(path, manifest, lock)
        self.side_tables = SideTables(self._state)
        self.frames = FrameParts(self._state)
        self.detections = DetectionParts(self._state, self.frames, self.side_tables)
        self.tracks = TrackParts(self._state, self.detections, self.side_tables)
        self.identities = IdentityParts(self._state, self.detections, self.side_tables)

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
        video: Mapping[str, Any] | None = None,
        existing: Literal["refuse", "resume", "restart"] = "refuse",
    ) -> RunDirectory:
        """Start a run, or resume the one that exists, and open it for writing.

        Parameters
        ----------
        path : str or Path
            The directory; it and its parents are made.
        source : str or Path
            The video; stored as an absolute path.
        fingerprint : mapping
            Identifies the video, as plain JSON values.
        config : mapping of str to mapping
            Settings per stage, as plain JSON values. Under ``"detection"`` belong only those that
            change the result.
        detector : str
            Identifies the detector.
        part_frames : int
            Frames in each part but the last; a resumed run keeps its own.
        embedder : str, optional
            Identifies the weights of the embeddings.
        video : mapping, optional
            Facts about the recording, as plain JSON values: see `Manifest.video`.
        existing : {"refuse", "resume", "restart"}
            What to do if a run exists. A restart removes what murid wrote, and nothing else. A
            run of another video is refused in every case.

        Raises
        ------
        RunError
            If the directory holds other files, or a run that is refused, damaged, newer than this
            murid, held by another process, made from another video, or (resume) made with another
            detector or settings of detection.
        StorageError
            If it cannot be written to.
        """
        path = Path(path)
        manifest = create.make_manifest(
            source, fingerprint, config, detector, part_frames, embedder, video
        )
        if existing == "resume" and create.is_run_directory(path):
            create.check_same(path, load_manifest(path), manifest)
            return cls.open(path, writable=True)
        restart = existing == "restart"
        create.check_free(path, manifest, restart)
        make_directory(path)
        return cls._open_writable(path, lambda: create.initialise(path, manifest, restart=restart))

    @classmethod
    def open(cls, path: str | Path, *, writable: bool = False) -> RunDirectory:
        """Open a run that exists.

        Parameters
        ----------
        path : str or Path
            The directory.
        writable : bool
            Whether to open it for writing. This also removes what a killed process left
            half-written, and upgrades a run of an older format version.

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
        if not writable:
            return cls(path, manifest, None)
        return cls._open_writable(path, lambda: create.prepare(path))

    @classmethod
    def _open_writable(cls, path: Path, prepare: Callable[[], None]) -> RunDirectory:
        lock = Lock(path)
        try:
            prepare()
            return cls(path, load_manifest(path), lock)
        except BaseException:
            lock.release()
            raise

    def close(self) -> None:
        """Release the write lock; reading still works."""
        if self._state.lock is not None:
            self._state.lock.release()
            self._state.lock = None

    def __enter__(self) -> RunDirectory:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """The directory."""
        return self._state.path

    @property
    def manifest(self) -> Manifest:
        """The manifest as it was last read or written."""
        return self._state.manifest

    def is_done(self, stage: StageName) -> bool:
        """Whether a stage is finished."""
        return self._state.is_done(stage)

    @property
    def n_parts(self) -> int:
        """Number of parts that exist; raises `RunError` if one of a finished run is missing."""
        return self._state.n_parts

    @property
    def n_frames(self) -> int:
        """Number of frames in the parts that exist."""
        return self._state.n_frames

    @property
    def next_frame(self) -> int:
        """Index of the frame at which detection continues."""
        return self._state.next_frame

    def set_arenas(self, arenas: Mapping[str, Any] | None) -> None:
        """Store the arena layout; None = the whole image.

        A layout that differs from the stored one invalidates tracks and identities.

        Raises `RunError` if the run is not open for writing, and `StorageError`.
        """
        plain = None if arenas is None else to_json_values(arenas, "config.arenas")
        if self.manifest.config.get("arenas") == plain:
            return
        if self.manifest.stages["identification"].state != "pending":
            self.identities.remove()
        config = dict(self.manifest.config)
        config.pop("arenas", None)
        if plain is not None:
            config["arenas"] = plain
        manifest = self.manifest.with_stage("tracking", StageStatus())
        self._state.update(replace(manifest, config=config))

    def set_clock(
        self, video: Mapping[str, Any], times_s: Float64, source_times_s: Float64 | None = None
    ) -> None:
        """Store the clock of the recording.

        A clock that differs from the stored one gives the stored frames other times, and
        invalidates tracks and identities; detections stay.

        Parameters
        ----------
        video : mapping
            Facts about the recording, as plain JSON values: see `Manifest.video`.
        times_s : ndarray
            ``(F,)`` float64: the times of the frames of the run in seconds.
        source_times_s : ndarray, optional
            ``(n,)`` float64: the times of all frames of the video, where they come from a file of
            timestamps.

        Raises `RunError` if the run is not open for writing or is damaged, and `StorageError`.
        """
        plain = to_json_values(video, "video")
        is_new = self.manifest.clock != (plain.get("clock") or {"kind": "video"})
        if source_times_s is not None and (is_new or not FRAME_TIMES.find(self.path)):
            self._state.check_writable()
            frames = np.arange(len(source_times_s))
            FRAME_TIMES.write(self.path, {"frame": frames, "time_s": source_times_s}, {})
        if not is_new:
            return
        if source_times_s is None:
            FRAME_TIMES.remove(self.path)
        if self.manifest.stages["identification"].state != "pending":
            self.identities.remove()
        self.side_tables.remove_dependents("detections")
        # Tracks before times: a kill in between leaves no tracks of another clock.
        self._state.update(self.manifest.with_stage("tracking", StageStatus()))
        self.frames.retime(times_s)
        self._state.update(replace(self.manifest, video=plain))

    def describe_video(self, video: Mapping[str, Any]) -> None:
        """Store facts about the recording that are known once it is finished.

        They are added to those in `Manifest.video`. Raises `RunError` if the run is not open for
        writing, and `StorageError`.
        """
        plain = to_json_values({**self.manifest.video, **video}, "video")
        self._state.update(replace(self.manifest, video=plain))

    def read_source_times(self) -> Float64:
        """Return the stored times ``(n,)`` of all frames of the video, of a file of timestamps.

        Raises `RunError` if they are missing or damaged.
        """
        columns = FRAME_TIMES.read(self.path)
        if columns is None:
            path = FRAME_TIMES.path(self.path)
            raise RunError(path, "file", "the timestamps of the run", "nothing there")
        times_s: Float64 = columns["time_s"]
        return times_s

    def record(self, verb: str, arguments: Mapping[str, Any]) -> None:
        """Add an operation to the provenance.

        Raises `RunError` if the run is not open for writing, and `StorageError`.
        """
        operation = Operation.now(verb, to_json_values(arguments, "arguments"))
        self._state.update(self.manifest.with_operation(operation))

    def iterate_tracks(self, embeddings: bool = False) -> Iterator[tuple[int, Tracks]]:
        """Yield the index of the first frame and the result of each part.

        The result is the identities where the animals were identified, and the tracks otherwise:
        see `IdentityParts` and `TrackParts`. Raises `RunError` if tracking is not
        finished, or a part is missing or damaged.
        """
        self.tracks.check_done()
        if self.is_done("identification"):
            return self.identities.iterate(embeddings)
        return self.tracks.iterate(embeddings)

    def read_tracks(self, embeddings: bool = False) -> Tracks:
        """Return the result of all parts; raises `RunError` as `iterate_tracks` does."""
        return Tracks.concatenate([tracks for _, tracks in self.iterate_tracks(embeddings)])

    def read_summary(self) -> list[dict[str, Any]]:
        """Return one dictionary per track or identity, ordered by id.

        Keys: see `Summary.to_rows`. Raises `RunError` as `iterate_tracks` does.
        """
        identified = self.is_done("identification")
        result = self.identities if identified else self.tracks
        summary = result.read_summary()
        if summary is None:
            summary = Summary()
            for first_frame, tracks in self.iterate_tracks():
                summary.add(first_frame, tracks)
        return summary.to_rows(identified=identified)

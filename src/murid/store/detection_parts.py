"""The detections of a run: written during detection, read part by part."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from murid.core.files import storage_errors
from murid.core.keypoints import make_unknown_keypoints
from murid.core.types import DetectionTable, Float32
from murid.errors import ArrayError, RunError
from murid.store import parts
from murid.store.frame_parts import FrameParts
from murid.store.frame_table import FrameTable
from murid.store.keypoint_columns import KEYPOINT_COLUMNS
from murid.store.manifest import StageStatus
from murid.store.parquet import list_columns
from murid.store.run_state import RunState, find_damaged
from murid.store.side_tables import SideTables
from murid.store.writer import DetectionWriter


class DetectionParts:
    """The detections of a run.

    Everything that writes raises `RunError` if the run is not open for writing, and `StorageError`
    if the disk is full or writing is not permitted. Everything that reads raises `RunError` if a
    part is missing or damaged.
    """

    def __init__(self, state: RunState, frames: FrameParts, side_tables: SideTables) -> None:
        self._state = state
        self._frames = frames
        self._side_tables = side_tables

    @property
    def embeddings_every(self) -> int:
        """Embeddings are stored for every n-th frame; rows of the other frames are zero.

        Raises `RunError` if the manifest has something other than a number above 0.
        """
        settings = self._state.manifest.config.get("detection", {})
        every = settings.get("embeddings_every", 1)
        if not isinstance(every, int) or every < 1:
            field = "config.detection.embeddings_every"
            raise RunError(self._state.path, field, "a number above 0", repr(every))
        return every

    def iterate(
        self, embeddings: bool = True, keypoints: bool = True
    ) -> Iterator[tuple[int, DetectionTable]]:
        """Yield the index of the first frame and the detections of each part.

        Also works while detection is unfinished. Rows of frames whose embeddings were not stored
        (`embeddings_every`) have embeddings of zeros.

        Parameters
        ----------
        embeddings : bool
            Whether to read the embeddings: float32 unit rows that were stored as float16.
        keypoints : bool
            Whether to read the keypoints, if there are any.
        """
        for number in range(self._state.n_parts):
            yield self._state.first_frame(number), self.read_part(number, embeddings, keypoints)

    def read(self, embeddings: bool = True, keypoints: bool = True) -> DetectionTable:
        """Return the detections of all parts; parameters as for `iterate`."""
        tables = [table for _, table in self.iterate(embeddings, keypoints)]
        return DetectionTable.concatenate(tables)

    def read_part(
        self, number: int, embeddings: bool = True, keypoints: bool = True
    ) -> DetectionTable:
        """Return the detections of one part; parameters as for `iterate`."""
        path = self._state.part_path("detections", number)
        first_frame = self._state.first_frame(number)
        n_frames = self._state.count_frames(number)
        return parts.read_detections(path, first_frame, n_frames, embeddings, keypoints)

    def iterate_embeddings(self) -> Iterator[tuple[int, Float32]]:
        """Yield the index of the first detection and the embeddings of each part that has any.

        Detections are counted over the whole recording.
        """
        first_row = 0
        for _, table in self.iterate(keypoints=False):
            if table.embeddings is not None:
                yield first_row, table.embeddings
            first_row += len(table)

    def has_keypoints(self) -> bool:
        """Whether any part has keypoints, from the footers alone.

        Raises `RunError` if a part is damaged.
        """
        paths = (self._state.part_path("detections", k) for k in range(self._state.n_parts))
        return any(KEYPOINT_COLUMNS[0] in list_columns(path) for path in paths)

    def read_keypoints(self) -> Float32 | None:
        """Return the keypoints ``(N, 3, 3)`` of all detections; None if no part has any.

        They are unknown in parts that were detected without. In a day of video they take hundreds
        of megabytes.
        """
        if not self.has_keypoints():
            return None
        n_rows = sum(map(self._state.count_detections, range(self._state.n_parts)))
        keypoints = make_unknown_keypoints(n_rows)
        first_row = 0
        for _, table in self.iterate(embeddings=False):
            if table.keypoints is not None:
                keypoints[first_row : first_row + len(table)] = table.keypoints
            first_row += len(table)
        return keypoints

    def find_damaged(self) -> list[int]:
        """Return the numbers of the parts whose frames or detections are missing or damaged."""
        stage = self._state.manifest.stages["detection"]
        n_parts = stage.n_parts if stage.state == "done" else self._state.n_parts

        def read(number: int) -> None:
            self.read_part(number)
            self._frames.read_part(number)

        return find_damaged(range(n_parts), read)

    def write(self) -> DetectionWriter:
        """Return a writer that continues at `RunDirectory.next_frame`; use it in a ``with`` block.

        Raises `RunError` if detection is finished already.
        """
        self._check_unfinished()
        first_frame = self._state.next_frame
        self._state.update(
            self._state.manifest.with_stage("detection", StageStatus("running")),
        )
        return self._make_writer(first_frame)

    @contextmanager
    def rewrite_part(self, number: int) -> Iterator[tuple[DetectionWriter, int]]:
        """Yield a writer for the frames of one damaged part, and their number."""
        first_frame = self._state.first_frame(number)
        n_frames = self._state.manifest.part_frames
        stage = self._state.manifest.stages["detection"]
        if stage.state == "done":
            n_frames = min(n_frames, stage.n_frames - first_frame)
        with self._make_writer(first_frame) as writer:
            yield writer, n_frames

    def _make_writer(self, first_frame: int) -> DetectionWriter:
        part_frames = self._state.manifest.part_frames
        return DetectionWriter(self.write_part, first_frame, part_frames, self.embeddings_every)

    def remove_last_part(self) -> None:
        """Remove the last part of an unfinished detection; raises `RunError` if it is finished."""
        self._state.check_writable()
        self._check_unfinished()
        self._side_tables.remove_dependents("detections")
        number = self._state.n_parts - 1
        with storage_errors(self._state.path):
            self._state.part_path("detections", number).unlink(missing_ok=True)
            self._state.part_path("frames", number).unlink(missing_ok=True)

    def _check_unfinished(self) -> None:
        if self._state.is_done("detection"):
            field = "stages.detection.state"
            raise RunError(self._state.path, field, "an unfinished stage", "done")

    def write_part(self, frames: FrameTable, detections: DetectionTable) -> None:
        """Store the frames and detections of one part; only the last part may be shorter.

        Raises `ArrayError` if the frames are not those of a part, or the tables differ in length.
        """
        self._state.check_writable()
        part_frames = self._state.manifest.part_frames
        number, offset = divmod(frames.first_frame, part_frames)
        if offset or not 1 <= len(frames) <= part_frames:
            expected = f"1 to {part_frames} frames from a multiple of {part_frames}"
            got = f"{len(frames)} from frame {frames.first_frame}"
            raise ArrayError("FrameTable", expected, got)
        if detections.n_frames != len(frames):
            raise ArrayError("DetectionTable.n_frames", str(len(frames)), str(detections.n_frames))
        # Remove outdated side tables first, so that a kill in between leaves none.
        self._side_tables.remove_dependents("detections")
        # Frames before detections: a part counts once its detections are there.
        parts.write_frames(self._state.part_path("frames", number), frames)
        path = self._state.part_path("detections", number)
        parts.write_detections(path, frames.first_frame, detections)

    def finish(self, note: str | None = None) -> None:
        """Mark detection as finished; `note` is shown to the user."""
        state = self._state
        status = StageStatus("done", state.n_frames, state.n_parts, note)
        state.update(state.manifest.with_stage("detection", status))

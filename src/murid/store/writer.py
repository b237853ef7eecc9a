"""Collects detections frame by frame and writes them part by part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import TracebackType

import numpy as np

from murid.core.types import Detections, DetectionTable
from murid.errors import ArrayError
from murid.store.frame_table import FrameTable

WritePart = Callable[[FrameTable, DetectionTable], None]


class DetectionWriter:
    """Takes the frames in order and writes a part whenever one is full.

    Used in a ``with`` block, at whose end it writes the last part, which may be shorter. A block
    that ends with an error writes no shorter part: the run resumes after the last full one.

    Parameters
    ----------
    write_part : callable
        Stores the frames of one part and their detections.
    first_frame : int
        Index of the first frame.
    part_frames : int
        Frames in a full part.
    embeddings_every : int
        Embeddings of every n-th frame are stored, others are set to zero.
    """

    def __init__(
        self, write_part: WritePart, first_frame: int, part_frames: int, embeddings_every: int = 1
    ) -> None:
        self._write_part = write_part
        self._part_frames = part_frames
        self._embeddings_every = embeddings_every
        self._empty = Detections.empty()
        self._begin(first_frame)

    @property
    def next_frame(self) -> int:
        """Index of the frame that has to be added next."""
        return self._first_frame + len(self._times_s)

    def add(self, index: int, time_s: float, detections: Detections) -> None:
        """Add the next frame; raises `ArrayError` if it is not `next_frame`, and `StorageError`."""
        if detections.embeddings is not None or detections.keypoints is not None:
            self._empty = detections[:0]
        self._append(index, time_s, detections)

    def add_unreadable(self, index: int, time_s: float, reason: str) -> None:
        """Add the next frame, which could not be decoded; raises as `add` does."""
        self._unreadable[index] = reason
        self._append(index, time_s, None)

    def __enter__(self) -> DetectionWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None and self._times_s:
            self._flush()

    def _append(self, index: int, time_s: float, detections: Detections | None) -> None:
        if index != self.next_frame:
            raise ArrayError("frame index", str(self.next_frame), str(index))
        self._times_s.append(time_s)
        self._detections.append(detections)
        if len(self._times_s) == self._part_frames:
            self._flush()

    def _flush(self) -> None:
        frames = FrameTable(
            self._first_frame, np.array(self._times_s, np.float64), self._unreadable
        )
        # Unreadable frames get the columns of the others, so that all fit into one table.
        detections = [self._empty if d is None else d for d in self._detections]
        table = DetectionTable.from_frames(detections)
        self._write_part(frames, self._thin_embeddings(table))
        self._begin(self.next_frame)

    def _thin_embeddings(self, table: DetectionTable) -> DetectionTable:
        if table.embeddings is None or self._embeddings_every == 1:
            return table
        frames = table.frame_numbers + self._first_frame
        is_stored = frames % self._embeddings_every == 0
        embeddings = np.where(is_stored[:, None], table.embeddings, np.float32(0))
        return replace(table, embeddings=embeddings)

    def _begin(self, first_frame: int) -> None:
        self._first_frame = first_frame
        self._times_s: list[float] = []
        self._detections: list[Detections | None] = []
        self._unreadable: dict[int, str] = {}

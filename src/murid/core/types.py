"""The types that pass between the stages: frozen dataclasses of arrays, checked when made.

Lists and arrays of other numeric types are converted when a value is made; an array of the right
type is kept as it is, not copied.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from murid.core.keypoints import KEYPOINTS
from murid.core.validation import check_array, convert_field
from murid.errors import ArrayError

# Arrays by dtype; docstrings state their shapes.
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
UInt8 = NDArray[np.uint8]
Int8 = NDArray[np.int8]
Bool = NDArray[np.bool_]
# What selects rows: a slice, a mask or row numbers.
Index = slice | NDArray[np.bool_] | NDArray[np.integer[Any]]

# Who says which animal a box shows: the program, the program because of a correction, or a person.
SOURCES = ("program", "correction", "person")


@dataclass(frozen=True, eq=False, slots=True)
class Frame:
    """One decoded image of a video.

    Attributes
    ----------
    index : int
        Position in the video, from 0.
    time_s : float
        Presentation time in seconds from the start of the video.
    image : ndarray
        ``(h, w, 3)`` uint8, RGB.
    """

    index: int
    time_s: float
    image: UInt8

    def __post_init__(self) -> None:
        check_array("Frame.image", self.image, np.uint8, (None, None, 3))


@dataclass(frozen=True, eq=False, slots=True)
class Detections:
    """The detections of one frame; there may be none.

    Attributes
    ----------
    boxes : ndarray
        ``(n, 4)`` float32, xyxy in pixels of the video. Lists and other numbers are converted,
        here and in all columns.
    scores : ndarray
        ``(n,)`` float32 in [0, 1].
    embeddings : ndarray or None
        ``(n, d)`` float32 unit rows, or None where the detector computes none. A row of zeros
        stands for an embedding that was not stored.
    keypoints : ndarray or None
        ``(n, 3, 3)`` float32: x and y in pixels of the video, and confidence in [0, 1], of each of
        `KEYPOINTS`; None where the detector finds none. An unknown keypoint has NaN for x and y,
        and confidence 0.

    Raises
    ------
    ArrayError
        If a column has the wrong shape, or holds what is no number or does not fit in its type.
    """

    boxes: Float32
    scores: Float32
    embeddings: Float32 | None = None
    keypoints: Float32 | None = None

    def __post_init__(self) -> None:
        _convert_detection_columns(self)

    @classmethod
    def empty(cls, embedding_size: int | None = None) -> Detections:
        """Return a frame without animals, with ``(0, d)`` embeddings if a size is given."""
        embeddings = None if embedding_size is None else np.zeros((0, embedding_size), np.float32)
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), embeddings)

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, index: Index) -> Detections:
        """Return the detections chosen by a mask, a slice or an array of row numbers."""
        embeddings = None if self.embeddings is None else self.embeddings[index]
        keypoints = None if self.keypoints is None else self.keypoints[index]
        return Detections(self.boxes[index], self.scores[index], embeddings, keypoints)


@dataclass(frozen=True, eq=False, slots=True)
class DetectionTable:
    """The detections of consecutive frames: one row per detection, ordered by frame.

    Attributes
    ----------
    boxes, scores, embeddings, keypoints
        As in `Detections`, for all N detections of all frames.
    frame_offsets : ndarray
        ``(F + 1,)`` int64: rows of the t-th frame are ``frame_offsets[t]:frame_offsets[t + 1]``.

    Raises
    ------
    ArrayError
        As `Detections`, or if the offsets do not cover the rows.
    """

    boxes: Float32
    scores: Float32
    embeddings: Float32 | None
    frame_offsets: Int64
    keypoints: Float32 | None = None

    def __post_init__(self) -> None:
        _convert_detection_columns(self)
        convert_field(self, "frame_offsets", np.int64, (None,))
        offsets = self.frame_offsets
        if (
            len(offsets) < 1
            or offsets[0] != 0
            or offsets[-1] != len(self.boxes)
            or (np.diff(offsets) < 0).any()
        ):
            expected = f"increasing offsets from 0 to {len(self.boxes)}"
            raise ArrayError(
                "DetectionTable.frame_offsets", expected, np.array2string(offsets, threshold=6)
            )

    @classmethod
    def from_frames(cls, frames: Sequence[Detections]) -> DetectionTable:
        """Return the table of the given frames.

        Either all frames that have detections have embeddings or none has; else `ArrayError`. The
        same holds for keypoints.
        """
        offsets = np.concatenate([[0], np.cumsum([len(d) for d in frames])]).astype(np.int64)
        if not frames:
            return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), None, offsets)
        # Frames without detections do not count, unless there are no others.
        counting = [d for d in frames if len(d)] or frames
        return cls(
            np.concatenate([d.boxes for d in frames]),
            np.concatenate([d.scores for d in frames]),
            _join_column("embeddings", [d.embeddings for d in counting]),
            offsets,
            _join_column("keypoints", [d.keypoints for d in counting]),
        )

    @property
    def n_frames(self) -> int:
        """Number of frames, F."""
        return len(self.frame_offsets) - 1

    @property
    def frame_numbers(self) -> Int64:
        """``(N,)`` int64: frame of each detection, counted from 0 within this table."""
        return np.repeat(np.arange(self.n_frames, dtype=np.int64), np.diff(self.frame_offsets))

    def select(self, rows: Int64 | Bool) -> DetectionTable:
        """Return the detections of the given rows; the frames stay the same.

        Parameters
        ----------
        rows : ndarray
            Row numbers ``(m,)`` int64, ascending, or a mask ``(N,)`` bool.
        """
        chosen = np.asarray(rows)
        if chosen.dtype == np.bool_:
            chosen = np.flatnonzero(chosen)
        numbers: Int64 = np.asarray(chosen, np.int64)
        # Tables are immutable, so all rows need no copy.
        if len(numbers) == len(self):
            return self
        offsets = np.searchsorted(numbers, self.frame_offsets).astype(np.int64)
        embeddings = None if self.embeddings is None else self.embeddings[numbers]
        keypoints = None if self.keypoints is None else self.keypoints[numbers]
        return DetectionTable(
            self.boxes[numbers], self.scores[numbers], embeddings, offsets, keypoints
        )

    @classmethod
    def concatenate(cls, tables: Sequence[DetectionTable]) -> DetectionTable:
        """Return one table of the frames of all `tables`, in order.

        Embeddings and keypoints stay if all tables that have detections have them.
        """
        if not tables:
            return cls.from_frames([])
        counts = np.concatenate([np.diff(table.frame_offsets) for table in tables])
        return cls(
            np.concatenate([table.boxes for table in tables]),
            np.concatenate([table.scores for table in tables]),
            _join_complete_column(tables, [table.embeddings for table in tables]),
            np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]),
            _join_complete_column(tables, [table.keypoints for table in tables]),
        )

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, t: int) -> Detections:
        """Return the detections of the t-th frame, as views; -1 is the last one."""
        # A range turns negative numbers into positive ones and raises IndexError beyond its ends.
        t = range(self.n_frames)[t]
        rows = slice(self.frame_offsets[t], self.frame_offsets[t + 1])
        return Detections(
            self.boxes[rows],
            self.scores[rows],
            None if self.embeddings is None else self.embeddings[rows],
            None if self.keypoints is None else self.keypoints[rows],
        )

    def __iter__(self) -> Iterator[Detections]:
        return (self[t] for t in range(self.n_frames))


@dataclass(frozen=True, eq=False, slots=True)
class TrackedDetections:
    """The detections of one frame and the track that each belongs to.

    Attributes
    ----------
    detections : Detections
        Boxes as the tracker reports them, one row per detection given to it, in the same order.
    track_ids : ndarray
        ``(n,)`` int64; -1 where a detection belongs to no reported track.
    interpolated : ndarray or None
        ``(n,)`` bool: whether a position was interpolated; None = all were detected.
    merged : ndarray or None
        ``(n,)`` bool: whether the box holds another animal as well; None = unknown.
    """

    detections: Detections
    track_ids: Int64
    interpolated: Bool | None = None
    merged: Bool | None = None

    def __post_init__(self) -> None:
        n = len(self.detections)
        convert_field(self, "track_ids", np.int64, (n,))
        convert_field(self, "interpolated", np.bool_, (n,), optional=True)
        convert_field(self, "merged", np.bool_, (n,), optional=True)


@dataclass(frozen=True, eq=False, slots=True)
class Tracks:
    """The detections of consecutive frames and the track that each belongs to.

    Attributes
    ----------
    detections : DetectionTable
        Boxes as the tracker reports them.
    track_ids : ndarray
        ``(N,)`` int64; -1 where a detection belongs to no reported track.
    interpolated : ndarray or None
        ``(N,)`` bool: whether a position was interpolated; None = all were detected.
    identity_probabilities : ndarray or None
        ``(N,)`` float32 in [0, 1]: probability that it is this animal; None = unknown.
    merged : ndarray or None
        ``(N,)`` bool: whether the box holds another animal as well; None = unknown.
    sources : ndarray or None
        ``(N,)`` int8: who says which animal it is, an index in `SOURCES`; None = unknown.
    """

    detections: DetectionTable
    track_ids: Int64
    interpolated: Bool | None = None
    identity_probabilities: Float32 | None = None
    merged: Bool | None = None
    sources: Int8 | None = None

    def __post_init__(self) -> None:
        n = len(self.detections)
        convert_field(self, "track_ids", np.int64, (n,))
        convert_field(self, "interpolated", np.bool_, (n,), optional=True)
        convert_field(self, "merged", np.bool_, (n,), optional=True)
        convert_field(self, "identity_probabilities", np.float32, (n,), optional=True)
        convert_field(self, "sources", np.int8, (n,), optional=True)

    @classmethod
    def from_frames(cls, frames: Sequence[TrackedDetections]) -> Tracks:
        """Return the tracks of the given frames."""
        ids = [f.track_ids for f in frames]
        table = DetectionTable.from_frames([f.detections for f in frames])
        return cls(table, np.concatenate(ids) if ids else np.zeros(0, np.int64))

    @classmethod
    def concatenate(cls, parts: Sequence[Tracks]) -> Tracks:
        """Return the tracks of the frames of all `parts`, in order.

        Either all parts have an optional column or none has it.
        """
        no_ids = np.zeros(0, np.int64)
        interpolated = [part.interpolated for part in parts if part.interpolated is not None]
        probabilities = [
            part.identity_probabilities for part in parts if part.identity_probabilities is not None
        ]
        merged = [part.merged for part in parts if part.merged is not None]
        sources = [part.sources for part in parts if part.sources is not None]
        return cls(
            DetectionTable.concatenate([part.detections for part in parts]),
            np.concatenate([no_ids, *(part.track_ids for part in parts)]),
            np.concatenate(interpolated) if interpolated else None,
            np.concatenate(probabilities) if probabilities else None,
            np.concatenate(merged) if merged else None,
            np.concatenate(sources) if sources else None,
        )

    @property
    def n_frames(self) -> int:
        """Number of frames, F."""
        return self.detections.n_frames

    def __getitem__(self, t: int) -> TrackedDetections:
        """Return the t-th frame, as views; -1 is the last one."""
        t = range(self.n_frames)[t]
        rows = slice(self.detections.frame_offsets[t], self.detections.frame_offsets[t + 1])
        return TrackedDetections(
            self.detections[t],
            self.track_ids[rows],
            None if self.interpolated is None else self.interpolated[rows],
            None if self.merged is None else self.merged[rows],
        )

    def __iter__(self) -> Iterator[TrackedDetections]:
        return (self[t] for t in range(self.n_frames))


@dataclass(frozen=True, eq=False, slots=True)
class Trajectories:
    """The position of each individual over time, in the layout of movement's bounding-box dataset.

    Attributes
    ----------
    time_s : ndarray
        ``(F,)`` float64 seconds.
    individuals : tuple of str
        Names along the last axis.
    position, shape : ndarray
        ``(F, 2, I)`` float64 pixels: box centre (x, y) and size (width, height); NaN = missing.
    confidence : ndarray
        ``(F, I)`` float64; NaN = missing, 0 = interpolated.
    interpolated : ndarray or None
        ``(F, I)`` bool: whether a position was interpolated; None = all were detected.
    identity_probability : ndarray or None
        ``(F, I)`` float64 in [0, 1]: probability that it is this individual, NaN = missing;
        None = unknown.
    merged : ndarray or None
        ``(F, I)`` bool: whether the box holds another animal as well; None = unknown.
    source : ndarray or None
        ``(F, I)`` int8: who says which individual it is, an index in `SOURCES`, -1 = missing;
        None = unknown.
    keypoints : ndarray or None
        ``(F, 2, K, I)`` float64 pixels: x and y of each of `KEYPOINTS`, in the layout of movement's
        poses dataset; NaN = missing, None = no keypoints.
    keypoint_confidence : ndarray or None
        ``(F, K, I)`` float64 in [0, 1]; NaN = missing, 0 = interpolated. None = no keypoints.
    """

    time_s: Float64
    individuals: tuple[str, ...]
    position: Float64
    shape: Float64
    confidence: Float64
    interpolated: Bool | None = None
    identity_probability: Float64 | None = None
    merged: Bool | None = None
    source: Int8 | None = None
    keypoints: Float64 | None = None
    keypoint_confidence: Float64 | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "individuals", _to_names(self.individuals))
        convert_field(self, "time_s", np.float64, (None,))
        n_frames = len(self.time_s)
        n_individuals = len(self.individuals)
        per_individual = (n_frames, n_individuals)
        convert_field(self, "position", np.float64, (n_frames, 2, n_individuals))
        convert_field(self, "shape", np.float64, (n_frames, 2, n_individuals))
        convert_field(self, "confidence", np.float64, per_individual)
        convert_field(self, "interpolated", np.bool_, per_individual, optional=True)
        convert_field(self, "identity_probability", np.float64, per_individual, optional=True)
        convert_field(self, "merged", np.bool_, per_individual, optional=True)
        convert_field(self, "source", np.int8, per_individual, optional=True)
        n_keypoints = len(KEYPOINTS)
        keypoints_shape = (n_frames, 2, n_keypoints, n_individuals)
        confidence_shape = (n_frames, n_keypoints, n_individuals)
        convert_field(self, "keypoints", np.float64, keypoints_shape, optional=True)
        convert_field(self, "keypoint_confidence", np.float64, confidence_shape, optional=True)


def _convert_detection_columns(owner: Detections | DetectionTable) -> None:
    """Convert the columns of n detections; raises `ArrayError` that names the wrong one."""
    convert_field(owner, "boxes", np.float32, (None, 4))
    n = len(owner.boxes)
    convert_field(owner, "scores", np.float32, (n,))
    convert_field(owner, "embeddings", np.float32, (n, None), optional=True)
    convert_field(owner, "keypoints", np.float32, (n, len(KEYPOINTS), 3), optional=True)


def _join_column(name: str, columns: Sequence[Float32 | None]) -> Float32 | None:
    """Return an optional column of several frames as one; raises `ArrayError` for a mixture."""
    present = [column for column in columns if column is not None]
    if not present:
        return None
    if len(present) != len(columns):
        expected = f"{name} in all frames or in none"
        raise ArrayError(f"DetectionTable.{name}", expected, "a mixture")
    return np.concatenate(present)


def _join_complete_column(
    tables: Sequence[DetectionTable], columns: Sequence[Float32 | None]
) -> Float32 | None:
    """Return an optional column of several tables as one; None unless it has all their rows."""
    present = [column for column in columns if column is not None]
    # A table without detections has no column either, and does not count.
    n_rows = sum(len(column) for column in present)
    if not present or n_rows != sum(len(table) for table in tables):
        return None
    return np.concatenate(present)


def _to_names(names: Any) -> tuple[str, ...]:
    """Return names of individuals as a tuple; raises `ArrayError` unless they are texts."""
    is_list = isinstance(names, Sequence | np.ndarray) and not isinstance(names, str)
    if not is_list or not all(isinstance(name, str) for name in names):
        raise ArrayError("Trajectories.individuals", "a list of names", repr(names))
    return tuple(str(name) for name in names)

"""What flows through murid: frozen dataclasses of arrays, validated once at the door."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from murid.errors import ArrayError

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
UInt8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]
Index = slice | NDArray[np.bool_] | NDArray[np.integer[Any]]


def _check(field: str, array: Any, dtype: Any, shape: tuple[int | None, ...]) -> None:
    if not isinstance(array, np.ndarray):
        raise ArrayError(field, "a NumPy array", type(array).__name__)
    if array.dtype != dtype:
        raise ArrayError(field, f"dtype {np.dtype(dtype)}", f"dtype {array.dtype}")
    fits = array.ndim == len(shape) and all(
        w is None or n == w for n, w in zip(array.shape, shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if n is None else str(n) for n in shape)
        raise ArrayError(field, f"shape ({wanted})", f"shape {array.shape}")


def _check_columns(owner: str, boxes: Any, scores: Any, embeddings: Any) -> None:
    _check(f"{owner}.boxes", boxes, np.float32, (None, 4))
    _check(f"{owner}.scores", scores, np.float32, (len(boxes),))
    if embeddings is not None:
        _check(f"{owner}.embeddings", embeddings, np.float32, (len(boxes), None))


@dataclass(frozen=True, eq=False, slots=True)
class Frame:
    """One decoded picture.

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
        _check("Frame.image", self.image, np.uint8, (None, None, 3))


@dataclass(frozen=True, eq=False, slots=True)
class Detections:
    """The animals seen in one frame; a frame without any is a normal value.

    Attributes
    ----------
    boxes : ndarray
        ``(n, 4)`` float32, xyxy in pixels of the video.
    scores : ndarray
        ``(n,)`` float32 in [0, 1].
    embeddings : ndarray or None
        ``(n, d)`` float32 unit rows, or None where the detector makes none. In what is stored, a
        row of zeros is none.

    Raises
    ------
    ArrayError
        If a column has the wrong type or shape.
    """

    boxes: Float32
    scores: Float32
    embeddings: Float32 | None = None

    def __post_init__(self) -> None:
        _check_columns("Detections", self.boxes, self.scores, self.embeddings)

    @classmethod
    def empty(cls, embedding_size: int | None = None) -> Detections:
        """Return a frame without animals, with ``(0, d)`` embeddings if a size is given."""
        embeddings = None if embedding_size is None else np.zeros((0, embedding_size), np.float32)
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), embeddings)

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, index: Index) -> Detections:
        """Select rows by a mask, a slice or an array of row numbers; every column follows."""
        embeddings = None if self.embeddings is None else self.embeddings[index]
        return Detections(self.boxes[index], self.scores[index], embeddings)


@dataclass(frozen=True, eq=False, slots=True)
class DetectionTable:
    """Detections of a stretch of video, the frames' columns laid end to end.

    Attributes
    ----------
    boxes, scores, embeddings
        As in `Detections`, for all N detections of all frames.
    frame_offsets : ndarray
        ``(F + 1,)`` int64: rows of the t-th frame are ``frame_offsets[t]:frame_offsets[t + 1]``.

    Raises
    ------
    ArrayError
        If a column has the wrong type or shape, or the offsets do not cover the rows.
    """

    boxes: Float32
    scores: Float32
    embeddings: Float32 | None
    frame_offsets: Int64

    def __post_init__(self) -> None:
        _check_columns("DetectionTable", self.boxes, self.scores, self.embeddings)
        _check("DetectionTable.frame_offsets", self.frame_offsets, np.int64, (None,))
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
        """Lay the given frames end to end; all of them have embeddings, or none."""
        offsets = np.concatenate([[0], np.cumsum([len(d) for d in frames])]).astype(np.int64)
        if not frames:
            return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), None, offsets)
        embeddings = [d.embeddings for d in frames if d.embeddings is not None]
        if embeddings and len(embeddings) != len(frames):
            raise ArrayError(
                "DetectionTable.embeddings", "embeddings in all frames or in none", "a mixture"
            )
        return cls(
            np.concatenate([d.boxes for d in frames]),
            np.concatenate([d.scores for d in frames]),
            np.concatenate(embeddings) if embeddings else None,
            offsets,
        )

    @property
    def n_frames(self) -> int:
        """Number of frames, F."""
        return len(self.frame_offsets) - 1

    @property
    def frame_numbers(self) -> Int64:
        """``(N,)`` int64: position within this table of the frame that each detection belongs to."""
        return np.repeat(np.arange(self.n_frames, dtype=np.int64), np.diff(self.frame_offsets))

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, t: int) -> Detections:
        """Return the detections of the t-th frame, as views; -1 is the last one."""
        t = range(self.n_frames)[t]
        rows = slice(self.frame_offsets[t], self.frame_offsets[t + 1])
        return Detections(
            self.boxes[rows],
            self.scores[rows],
            None if self.embeddings is None else self.embeddings[rows],
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
        ``(n,)`` bool: whether a position was filled in rather than seen; None = all were seen.
    """

    detections: Detections
    track_ids: Int64
    interpolated: Bool | None = None

    def __post_init__(self) -> None:
        _check("TrackedDetections.track_ids", self.track_ids, np.int64, (len(self.detections),))
        if self.interpolated is not None:
            _check(
                "TrackedDetections.interpolated",
                self.interpolated,
                np.bool_,
                (len(self.detections),),
            )


@dataclass(frozen=True, eq=False, slots=True)
class Tracks:
    """Detections of a stretch of video and the track that each belongs to.

    Attributes
    ----------
    detections : DetectionTable
        Boxes as the tracker reports them.
    track_ids : ndarray
        ``(N,)`` int64; -1 where a detection belongs to no reported track.
    interpolated : ndarray or None
        ``(N,)`` bool: whether a position was filled in rather than seen; None = all were seen.
    identity_probabilities : ndarray or None
        ``(N,)`` float32 in [0, 1]: how likely it is this animal; None = not known.
    """

    detections: DetectionTable
    track_ids: Int64
    interpolated: Bool | None = None
    identity_probabilities: Float32 | None = None

    def __post_init__(self) -> None:
        n = len(self.detections)
        _check("Tracks.track_ids", self.track_ids, np.int64, (n,))
        if self.interpolated is not None:
            _check("Tracks.interpolated", self.interpolated, np.bool_, (n,))
        if self.identity_probabilities is not None:
            _check("Tracks.certainties", self.identity_probabilities, np.float32, (n,))

    @classmethod
    def from_frames(cls, frames: Sequence[TrackedDetections]) -> Tracks:
        """Lay the given frames end to end."""
        ids = [f.track_ids for f in frames]
        table = DetectionTable.from_frames([f.detections for f in frames])
        return cls(table, np.concatenate(ids) if ids else np.zeros(0, np.int64))

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
        )

    def __iter__(self) -> Iterator[TrackedDetections]:
        return (self[t] for t in range(self.n_frames))


@dataclass(frozen=True, eq=False, slots=True)
class Matches:
    """Result of an assignment between tracks (rows) and detections (columns).

    Attributes
    ----------
    track_rows, detection_rows : ndarray
        ``(k,)`` int64: the matched pairs.
    costs : ndarray
        ``(k,)`` float64: the cost of each pair.
    unmatched_tracks, unmatched_detections : ndarray
        int64 row numbers of what is left over, ascending.
    """

    track_rows: Int64
    detection_rows: Int64
    costs: Float64
    unmatched_tracks: Int64
    unmatched_detections: Int64

    def __post_init__(self) -> None:
        _check("Matches.track_rows", self.track_rows, np.int64, (None,))
        _check("Matches.detection_rows", self.detection_rows, np.int64, (len(self.track_rows),))
        _check("Matches.costs", self.costs, np.float64, (len(self.track_rows),))
        _check("Matches.unmatched_tracks", self.unmatched_tracks, np.int64, (None,))
        _check("Matches.unmatched_detections", self.unmatched_detections, np.int64, (None,))


@dataclass(frozen=True, eq=False, slots=True)
class TrackBank:
    """Live state of a tracker: one row a track, no object per animal.

    Attributes
    ----------
    ids : ndarray
        ``(m,)`` int64.
    states : ndarray
        ``(m,)`` int64 values of `murid.tracking.lifecycle.TrackState`.
    means : ndarray
        ``(m, 8)`` float64 Kalman means (x, y, a, h and their velocities per frame).
    covariances : ndarray
        ``(m, 8, 8)`` float64.
    embeddings : ndarray
        ``(m, d)`` float32 unit rows; ``d = 0`` without appearance.
    hits : ndarray
        ``(m,)`` int64 number of frames in which the track was matched.
    first_frames, last_frames : ndarray
        ``(m,)`` int64: first and latest frame in which the track was matched.
    """

    ids: Int64
    states: Int64
    means: Float64
    covariances: Float64
    embeddings: Float32
    hits: Int64
    first_frames: Int64
    last_frames: Int64

    def __post_init__(self) -> None:
        m = len(self.ids)
        for name in ("ids", "states", "hits", "first_frames", "last_frames"):
            _check(f"TrackBank.{name}", getattr(self, name), np.int64, (m,))
        _check("TrackBank.means", self.means, np.float64, (m, 8))
        _check("TrackBank.covariances", self.covariances, np.float64, (m, 8, 8))
        _check("TrackBank.embeddings", self.embeddings, np.float32, (m, None))

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: Index) -> TrackBank:
        """Select tracks by a mask, a slice or an array of row numbers; every column follows."""
        return TrackBank(*(getattr(self, name)[index] for name in TrackBank.__slots__))


@dataclass(frozen=True, eq=False, slots=True)
class Identities:
    """Which animal each track is.

    Attributes
    ----------
    names : tuple of str
        Name of each identity.
    uuids : tuple of str
        Identifier of each identity, the same across videos.
    track_ids, identity_ids : ndarray
        ``(T,)`` int64: the track, and the row of `names` it was given; -1 = unknown.
    margins : ndarray
        ``(T,)`` float32 in [0, 1]: how sure the decision is.
    """

    names: tuple[str, ...]
    uuids: tuple[str, ...]
    track_ids: Int64
    identity_ids: Int64
    margins: Float32

    def __post_init__(self) -> None:
        if len(self.uuids) != len(self.names):
            raise ArrayError("Identities.uuids", f"{len(self.names)} entries", f"{len(self.uuids)}")
        _check("Identities.track_ids", self.track_ids, np.int64, (None,))
        _check("Identities.identity_ids", self.identity_ids, np.int64, (len(self.track_ids),))
        _check("Identities.margins", self.margins, np.float32, (len(self.track_ids),))


@dataclass(frozen=True, eq=False, slots=True)
class Trajectories:
    """Where each individual was, in the layout of movement's bounding-box dataset.

    Attributes
    ----------
    time_s : ndarray
        ``(F,)`` float64 seconds.
    individuals : tuple of str
        Names along the last axis.
    position, shape : ndarray
        ``(F, 2, I)`` float64 pixels: box centre (x, y) and size (width, height); NaN = missing.
    confidence : ndarray
        ``(F, I)`` float64; NaN = missing, 0 = filled in.
    interpolated : ndarray or None
        ``(F, I)`` bool: whether a position was filled in rather than seen; None = all were seen.
    identity_probability : ndarray or None
        ``(F, I)`` float64 in [0, 1]: how likely it is this individual, NaN = missing; None = not
        known.
    """

    time_s: Float64
    individuals: tuple[str, ...]
    position: Float64
    shape: Float64
    confidence: Float64
    interpolated: Bool | None = None
    identity_probability: Float64 | None = None

    def __post_init__(self) -> None:
        _check("Trajectories.time_s", self.time_s, np.float64, (None,))
        f, i = len(self.time_s), len(self.individuals)
        _check("Trajectories.position", self.position, np.float64, (f, 2, i))
        _check("Trajectories.shape", self.shape, np.float64, (f, 2, i))
        _check("Trajectories.confidence", self.confidence, np.float64, (f, i))
        if self.interpolated is not None:
            _check("Trajectories.interpolated", self.interpolated, np.bool_, (f, i))
        if self.identity_probability is not None:
            _check(
                "Trajectories.identity_probability", self.identity_probability, np.float64, (f, i)
            )

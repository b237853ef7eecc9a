"""Labelled data in memory: the same columns for every file format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np

from murid.core.types import Bool, Float32, Int64
from murid.core.validation import check_array
from murid.errors import ArrayError, FileError, FormatError

# Track id of a label that does not say which animal it shows.
UNKNOWN_TRACK_ID = -1


@dataclass(frozen=True, slots=True)
class Problem:
    """An invalid part of labelled data, and where it is.

    Attributes
    ----------
    path : Path
        The file.
    location : str
        Line or key in the file; empty for the whole file.
    field : str
        Name of the invalid part: a column, the box, the image.
    expected, got : str
        Expected and actual content.
    """

    path: Path
    location: str
    field: str
    expected: str
    got: str

    @classmethod
    def from_error(cls, error: FileError) -> Problem:
        """Return the problem that an error describes."""
        location, _, field = error.field.rpartition(", ")
        return cls(error.path, location, field, error.expected, error.got)

    def to_error(self) -> FormatError:
        """Return the problem as an error to raise."""
        field = ", ".join(filter(None, (self.location, self.field)))
        return FormatError(self.path, field, self.expected, self.got)

    def __str__(self) -> str:
        return str(self.to_error())


def raise_problems(problems: Sequence[Problem]) -> NoReturn:
    """Raise one `FormatError` that lists all problems; there must be at least one."""
    if len(problems) == 1:
        raise problems[0].to_error()
    lines = "".join(f"\n  {problem}" for problem in problems)
    got = f"{len(problems)} problems:{lines}"
    raise FormatError(problems[0].path.parent, "labels", "none with problems", got)


@dataclass(frozen=True, eq=False, slots=True)
class LabelledFrame:
    """The labelled animals of one frame; columns of one length, as in `LabelledSequence`."""

    index: int
    boxes: Float32
    track_ids: Int64
    class_ids: Int64
    visibility: Float32
    complete: bool

    def __len__(self) -> int:
        return len(self.boxes)


@dataclass(frozen=True, eq=False, slots=True)
class LabelledSequence:
    """The labelled frames of one recording, or a set of independent labelled images.

    The labels of all frames are in columns of one length, frame after frame.

    Attributes
    ----------
    name : str
        Name of the sequence, unique in a data set.
    is_recording : bool
        Whether the frames belong to one recording, in order of time; otherwise the images are
        independent.
    frames : ndarray
        ``(F,)`` int64 index of each labelled frame in the recording, from 0, ascending.
    video : Path or None
        Video that contains the frames at these indices.
    image_paths : tuple of Path
        Image of each frame, if there is no video; empty if there are no images.
    sizes : ndarray
        ``(F, 2)`` int64 width and height in pixels; 0 = not known.
    frame_offsets : ndarray
        ``(F + 1,)`` int64: rows of the t-th frame are ``frame_offsets[t]:frame_offsets[t + 1]``.
    boxes : ndarray
        ``(N, 4)`` float32 xyxy pixels, with an area above 0 and the centre inside the image. The
        tail is not part of the box.
    track_ids : ndarray
        ``(N,)`` int64: the same animal of one recording has the same number; -1 = unknown.
    class_ids : ndarray
        ``(N,)`` int64 position in `class_names`.
    class_names : tuple of str
        Names of the classes.
    visibility : ndarray
        ``(N,)`` float32 in [0, 1], the visible fraction; NaN = unknown.
    complete : ndarray
        ``(F,)`` bool: whether all animals in the frame are labelled.
    fps : float or None
        Frames per second, where known.
    video_dataset : str
        Dataset with the images, if `video` is an HDF5 file; see
        `murid.datasets.embedded_images`.
    notes : tuple of str
        What the reader has decided about labels that can be read in more than one way.

    Raises
    ------
    ArrayError
        If a column has the wrong type or shape, or the offsets do not cover the rows.
    """

    name: str
    is_recording: bool
    frames: Int64
    video: Path | None
    image_paths: tuple[Path, ...]
    sizes: Int64
    frame_offsets: Int64
    boxes: Float32
    track_ids: Int64
    class_ids: Int64
    class_names: tuple[str, ...]
    visibility: Float32
    complete: Bool
    fps: float | None = None
    video_dataset: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n_frames = len(self.frames)
        n_boxes = len(self.boxes)
        check_array("LabelledSequence.frames", self.frames, np.int64, (n_frames,))
        check_array("LabelledSequence.sizes", self.sizes, np.int64, (n_frames, 2))
        check_array("LabelledSequence.frame_offsets", self.frame_offsets, np.int64, (n_frames + 1,))
        check_array("LabelledSequence.boxes", self.boxes, np.float32, (n_boxes, 4))
        check_array("LabelledSequence.track_ids", self.track_ids, np.int64, (n_boxes,))
        check_array("LabelledSequence.class_ids", self.class_ids, np.int64, (n_boxes,))
        check_array("LabelledSequence.visibility", self.visibility, np.float32, (n_boxes,))
        check_array("LabelledSequence.complete", self.complete, np.bool_, (n_frames,))
        offsets = self.frame_offsets
        if offsets[0] != 0 or offsets[-1] != n_boxes or (np.diff(offsets) < 0).any():
            raise ArrayError(
                "LabelledSequence.frame_offsets", f"from 0 up to {n_boxes}", str(offsets[[0, -1]])
            )
        if self.image_paths and len(self.image_paths) != n_frames:
            raise ArrayError(
                "LabelledSequence.image_paths", f"none or {n_frames}", str(len(self.image_paths))
            )

    @property
    def n_frames(self) -> int:
        """Number of labelled frames, F."""
        return len(self.frames)

    @property
    def frame_numbers(self) -> Int64:
        """``(N,)`` int64: position in `frames` of the frame that each box belongs to."""
        return np.repeat(np.arange(self.n_frames, dtype=np.int64), np.diff(self.frame_offsets))

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, t: int) -> LabelledFrame:
        """Return the t-th labelled frame, as views; -1 is the last one."""
        t = range(self.n_frames)[t]
        rows = slice(self.frame_offsets[t], self.frame_offsets[t + 1])
        return LabelledFrame(
            index=int(self.frames[t]),
            boxes=self.boxes[rows],
            track_ids=self.track_ids[rows],
            class_ids=self.class_ids[rows],
            visibility=self.visibility[rows],
            complete=bool(self.complete[t]),
        )

    def __iter__(self) -> Iterator[LabelledFrame]:
        return (self[t] for t in range(self.n_frames))

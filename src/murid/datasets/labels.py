"""Labelled data: what the annotations of other programs become, whatever they were kept in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from murid.core.types import Float32, Int64
from murid.errors import ArrayError, FileError, FormatError

UNKNOWN = -1
"""Track id of an animal that is labelled without saying which one it is."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in labelled data that cannot be used.

    Attributes
    ----------
    path : Path
        The file.
    place : str
        Where in it: a line, a key; empty for the whole.
    field : str
        What is wrong there: a column, the box, the image.
    expected, got : str
        What should be there, and what is.
    """

    path: Path
    place: str
    field: str
    expected: str
    got: str

    @classmethod
    def from_error(cls, error: FileError) -> Problem:
        """Take over what an error says."""
        place, _, field = error.field.rpartition(", ")
        return cls(error.path, place, field, error.expected, error.got)

    def to_error(self) -> FormatError:
        """Return the same as an error to be raised."""
        return FormatError(
            self.path, ", ".join(filter(None, (self.place, self.field))), self.expected, self.got
        )

    def __str__(self) -> str:
        return str(self.to_error())


def refuse(problems: Sequence[Problem]) -> NoReturn:
    """Raise one `FormatError` that lists all of the given problems, at least one."""
    if len(problems) == 1:
        raise problems[0].to_error()
    found = "".join(f"\n  {problem}" for problem in problems)
    raise FormatError(
        problems[0].path.parent, "labels", "none with problems", f"{len(problems)} problems:{found}"
    )


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
    """Labelled frames of one recording, or images that belong together; the frames' rows are laid end to end.

    Attributes
    ----------
    name : str
        Of the recording; no two of a data set have the same.
    recording : bool
        Whether the frames are moments of one recording, in order; otherwise the images are
        independent.
    frames : ndarray
        ``(F,)`` int64 index of each labelled frame in the recording, from 0, ascending.
    video : Path or None
        The video that holds the frames, at these indices.
    image_paths : tuple of Path
        Otherwise one image for each frame; empty if there are none at all.
    sizes : ndarray
        ``(F, 2)`` int64 width and height in pixels; 0 = not known.
    frame_offsets : ndarray
        ``(F + 1,)`` int64: rows of the t-th frame are ``frame_offsets[t]:frame_offsets[t + 1]``.
    boxes : ndarray
        ``(N, 4)`` float32 xyxy pixels, with an area, centres inside the image. The tail is not
        part of the box.
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

    Raises
    ------
    ArrayError
        If a column has the wrong type or shape, or the offsets do not cover the rows.
    """

    name: str
    recording: bool
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
    complete: NDArray[np.bool_]
    fps: float | None = None

    def __post_init__(self) -> None:
        f, n = len(self.frames), len(self.boxes)
        for name, dtype, shape in (
            ("frames", np.int64, (f,)),
            ("sizes", np.int64, (f, 2)),
            ("frame_offsets", np.int64, (f + 1,)),
            ("boxes", np.float32, (n, 4)),
            ("track_ids", np.int64, (n,)),
            ("class_ids", np.int64, (n,)),
            ("visibility", np.float32, (n,)),
            ("complete", np.bool_, (f,)),
        ):
            column = getattr(self, name)
            if column.dtype != dtype or column.shape != shape:
                expected = f"{np.dtype(dtype)} of shape {shape}"
                raise ArrayError(
                    f"LabelledSequence.{name}", expected, f"{column.dtype} of shape {column.shape}"
                )
        if (
            self.frame_offsets[0] != 0
            or self.frame_offsets[-1] != n
            or (np.diff(self.frame_offsets) < 0).any()
        ):
            raise ArrayError(
                "LabelledSequence.frame_offsets",
                f"from 0 up to {n}",
                str(self.frame_offsets[[0, -1]]),
            )
        if self.image_paths and len(self.image_paths) != f:
            raise ArrayError(
                "LabelledSequence.image_paths", f"none or {f}", str(len(self.image_paths))
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
        columns = (
            self.boxes[rows],
            self.track_ids[rows],
            self.class_ids[rows],
            self.visibility[rows],
        )
        return LabelledFrame(int(self.frames[t]), *columns, bool(self.complete[t]))

    def __iter__(self) -> Iterator[LabelledFrame]:
        return (self[t] for t in range(self.n_frames))

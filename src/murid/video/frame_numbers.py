"""Number images by their names, so that a missing one leaves a gap."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from murid.core.types import Int64

# How a second, or a minute, may be counted in times of day: as itself down to microseconds.
_SECONDS = tuple(10**k for k in range(7))


@dataclass(frozen=True, eq=False, slots=True)
class FrameNumbers:
    """Frame numbers of images.

    Attributes
    ----------
    frames : ndarray
        ``(n_images,)`` int64 frame number of each image, ascending, from 0.
    names : tuple of str
        Names of the missing images, in order of their frame numbers.
    first : int
        Frames before the first image by its number, where numbers count from 0 or from 1: 100 for
        ``000101.png``. 0 where the images are counted one after the other.
    """

    frames: Int64
    names: tuple[str, ...] = ()
    first: int = 0

    @property
    def n_frames(self) -> int:
        """Number of frames, with those that are missing."""
        return len(self.frames) + len(self.names)


def number_images(files: Sequence[Path], left_out: Sequence[Path] = ()) -> FrameNumbers:
    """Return the frame numbers of images by the numbers in their names.

    The first image is frame 0. A constant step from one number to the next, as in ``f0100.png``,
    ``f0200.png``, is no gap. The images are counted one after the other if the names differ in
    more than one number, if the step varies, if the numbers are times of day, or if more numbers
    are missing than there are images.

    Parameters
    ----------
    files : sequence of Path
        In natural order of their names.
    left_out : sequence of Path
        Other images of the folder, which the user did not choose. If the numbers that are missing
        are among them, nothing is missing.
    """
    consecutive = FrameNumbers(np.arange(len(files)))
    column = _find_varying_column([_split(file) for file in files])
    if column is None or len({file.parent for file in files}) > 1:
        return consecutive
    numbers = np.array([int(_split(file)[column]) for file in files], dtype=object)
    steps = np.diff(numbers)
    step = min(steps)
    most_common = Counter(steps.tolist()).most_common(1)[0][0]
    is_regular = step > 0 and (step == 1 or step == most_common)
    if not is_regular or any(difference % step for difference in steps):
        return consecutive
    if _are_clock_times(numbers, steps, step):
        return consecutive
    frames = (numbers - numbers[0]) // step
    if frames[-1] + 1 > 2 * len(files):
        return consecutive
    frames = frames.astype(np.int64)
    missing = np.setdiff1d(np.arange(frames[-1]), frames)
    names = tuple(
        _make_name(files[k], column, int(numbers[0] + step * frame))
        for frame, k in zip(
            missing.tolist(), np.searchsorted(frames, missing).tolist(), strict=True
        )
    )
    if {file.name for file in left_out}.intersection(names):
        return consecutive
    return FrameNumbers(frames, names, max(int(numbers[0]) - 1, 0) if step == 1 else 0)


def _split(file: Path) -> list[str]:
    """Return the parts of a name; those at odd places are numbers."""
    return re.split(r"(\d+)", file.stem)


def _find_varying_column(names: Sequence[Sequence[str]]) -> int | None:
    """Return the place of the only number in which names differ; None if there is more."""
    if len({len(parts) for parts in names}) != 1 or len(names) < 2:
        return None
    columns = [k for k, values in enumerate(zip(*names, strict=True)) if len(set(values)) > 1]
    return columns[0] if len(columns) == 1 and columns[0] % 2 else None


def _are_clock_times(numbers: Any, steps: Any, step: int) -> bool:
    """Whether numbers are hours, minutes and seconds, which jump from 59 to 100.

    Frame numbers that span over a hundred contain some that end in 60 to 99.
    """
    extra = set((steps[steps != step] - step).tolist())
    if not extra:
        return False
    for unit in _SECONDS:
        if step > 40 * unit or ((numbers // unit) % 100 >= 60).any():
            continue
        carries = {40 * unit, 4040 * unit}  # into a minute, and into an hour
        if extra <= carries or numbers[-1] // unit - numbers[0] // unit >= 100:
            return True
    return False


def _make_name(file: Path, column: int, number: int) -> str:
    """Return the name of the image that has another number than this one."""
    parts = _split(file)
    parts[column] = str(number).zfill(len(parts[column]) if parts[column][0] == "0" else 0)
    return "".join(parts) + file.suffix

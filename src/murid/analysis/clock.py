"""Clock of a recording: how long each frame lasts, and the time in which no frame was taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from murid.core.types import Bool, Float64, Int64
from murid.errors import ArrayError

A = TypeVar("A", Float64, Bool)

# Frames are missing where the next frame is later than this many median intervals. One dropped
# frame makes an interval of 2. `murid.core.clock` lists intervals from 1.5 on, which may still be
# jitter: that would be counted as interpolated time.
_MIN_DROP_INTERVALS = 1.75
# The fill limit is at least this many median intervals, so that one missed frame, with jitter, is
# interpolated at any frame rate. 2 would leave out half of them, 3.5 would bridge two frames.
_MIN_GAP_INTERVALS = 2.5
# Maximum number of rows for the frames that are missing between two frames. It keeps a clock with
# many nearly equal times from filling the memory; a second at 30 frames/s has that many.
_MAX_ROWS = 30


@dataclass(frozen=True, eq=False, slots=True)
class Clock:
    """Rows that cover a recording without holes: its frames, and the time without frames.

    A frame lasts until the next one. Where frames are missing, it lasts a median interval, and
    rows without a frame cover the rest. So dropped frames are treated as frames in which no animal
    was seen: short gaps are interpolated, longer ones are missing time.

    Attributes
    ----------
    time_s, durations_s : ndarray
        ``(R,)`` seconds: start of each row, and how long it lasts.
    frames : ndarray
        ``(R,)`` int64: frame of each row; for time without a frame, the frame before it.
    is_filmed : ndarray
        ``(R,)`` bool: whether the row is a frame.
    is_gap : ndarray
        ``(R,)`` bool: time without frames that is longer than `max_gap_s`.
    interval_s : float
        Median interval between frames; 0 with fewer than two frames.
    max_gap_s : float
        Fill limit, see `Clock.from_times`.
    """

    time_s: Float64
    durations_s: Float64
    frames: Int64
    is_filmed: Bool
    is_gap: Bool
    interval_s: float
    max_gap_s: float

    @classmethod
    def from_times(cls, time_s: Float64, max_gap_s: float = 0.0) -> Clock:
        """Return the clock of frames at the given times.

        Parameters
        ----------
        time_s : ndarray
            ``(F,)`` seconds, strictly increasing; the first one may be any number.
        max_gap_s : float
            Maximum time between two frames, or two known positions, that is interpolated; 0 = none.
            Unless it is 0, it is at least 2.5 median intervals.

        Raises
        ------
        ArrayError
            If times do not increase, or `max_gap_s` is negative.
        """
        if not max_gap_s >= 0:
            raise ArrayError("max_gap_s", "0 or more", f"{max_gap_s:g}")
        intervals_s = np.diff(time_s)
        _check_times(time_s, intervals_s)
        n_frames = len(time_s)
        interval_s = _compute_interval(intervals_s)
        limit_s = max(max_gap_s, _MIN_GAP_INTERVALS * interval_s) if max_gap_s else 0.0

        has_drop = intervals_s >= _MIN_DROP_INTERVALS * interval_s
        gap_after = has_drop & (intervals_s > limit_s)
        n_missing = np.zeros(n_frames, np.int64)
        if has_drop.any():
            n_dropped = np.round(intervals_s[has_drop] / interval_s) - 1
            n_missing[:-1][has_drop] = np.clip(n_dropped, 1, _MAX_ROWS)
        n_missing[:-1][gap_after] = 1
        frames = np.repeat(np.arange(n_frames), 1 + n_missing)
        first_rows = np.cumsum(1 + n_missing) - 1 - n_missing
        # Number of the row within the rows of its frame; 0 is the frame itself.
        places = np.arange(len(frames)) - first_rows[frames]
        is_filmed = places == 0
        row_time_s = time_s[frames]
        unfilmed = ~is_filmed
        before = frames[unfilmed]
        # Where frames were dropped, the rows are about as far apart as the frames would have been.
        spacing_s = (intervals_s[before] - interval_s) / n_missing[before]
        row_time_s[unfilmed] += interval_s + (places[unfilmed] - 1) * spacing_s
        return cls(
            time_s=row_time_s,
            durations_s=np.append(np.diff(row_time_s), interval_s)[: len(frames)],
            frames=frames,
            is_filmed=is_filmed,
            is_gap=unfilmed & np.append(gap_after, False)[frames],
            interval_s=interval_s,
            max_gap_s=limit_s,
        )

    @property
    def n_rows(self) -> int:
        """Number of rows, R."""
        return len(self.time_s)

    @property
    def n_frames(self) -> int:
        """Number of frames, F."""
        return int(np.count_nonzero(self.is_filmed))

    @property
    def end_s(self) -> float:
        """End of the last row, seconds; 0 without frames."""
        return float(self.time_s[-1] + self.durations_s[-1]) if self.n_rows else 0.0

    @property
    def edges_s(self) -> Float64:
        """``(R + 1,)`` seconds: start of each row, and the end of the last one."""
        return np.append(self.time_s, self.time_s[-1:] + self.durations_s[-1:])

    @property
    def unfilmed_s(self) -> float:
        """Time in gaps that are too long to be interpolated, seconds."""
        return float(self.durations_s[self.is_gap].sum())

    def expand(self, values: A, fill: float | bool) -> A:
        """Return values ``(F, ...)`` of frames as ``(R, ...)``, with `fill` where no frame is."""
        if self.is_filmed.all():
            return values
        expanded = values[self.frames]
        expanded[~self.is_filmed] = fill
        return expanded

    def find_frames(self, first_rows: Int64, last_rows: Int64) -> tuple[Int64, Int64]:
        """Return first and last frames ``(K,)`` within intervals of rows ``(K,)``, inclusive.

        An interval without a frame has that of the frame before it.
        """
        last_frames = self.frames[last_rows]
        next_frames = self.frames[first_rows] + ~self.is_filmed[first_rows]
        return np.minimum(next_frames, last_frames), last_frames


def _compute_interval(intervals_s: Float64) -> float:
    """Return the median interval; 0 without intervals."""
    if not len(intervals_s):
        return 0.0
    median_s = float(np.median(intervals_s))
    # Half of the intervals may be pauses, as between pairs of frames. The mean of a normal interval
    # and a pause is neither.
    lower_s = float(np.quantile(intervals_s, 0.5, method="lower"))
    return lower_s if median_s >= _MIN_DROP_INTERVALS * lower_s else median_s


def _check_times(time_s: Float64, intervals_s: Float64) -> None:
    """Raise `ArrayError` that names the first frame whose time is not after the one before."""
    if not np.isfinite(time_s).all():
        frame = int(np.flatnonzero(~np.isfinite(time_s))[0])
        raise ArrayError("time_s", "seconds", f"{time_s[frame]} at frame {frame}")
    if not (intervals_s > 0).all():
        frame = int(np.flatnonzero(~(intervals_s > 0))[0]) + 1
        got = f"{time_s[frame]:g} after {time_s[frame - 1]:g} at frame {frame}"
        raise ArrayError("time_s", "increasing times", got)

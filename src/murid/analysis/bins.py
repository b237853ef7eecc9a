"""Time bins: sums, means and counts of what happens in each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from murid.analysis.bouts import Bouts
from murid.core.types import Bool, Float64, Int64
from murid.errors import ConfigError

MOST_BINS = 1_000_000


@dataclass(frozen=True, eq=False, slots=True)
class Bins:
    """A recording cut into bins of equal length, the last one shorter.

    Attributes
    ----------
    numbers : ndarray
        ``(F,)`` int64 bin of each frame.
    durations_s : ndarray
        ``(F,)`` seconds that each frame lasts.
    start_s, end_s : ndarray
        ``(B,)`` seconds.
    """

    numbers: Int64
    durations_s: Float64
    start_s: Float64
    end_s: Float64

    @classmethod
    def cut(cls, time_s: Float64, durations_s: Float64, length_s: float | None) -> Bins:
        """Cut a recording into bins from its first frame on; None = one bin. Raises `ConfigError`."""
        if length_s is not None and not length_s > 0:
            raise ConfigError(f"bin: expected more than 0 seconds, got {length_s:g}")
        if not len(time_s):
            return cls(np.zeros(0, np.int64), durations_s, np.zeros(0), np.zeros(0))
        first, end = float(time_s[0]), float(time_s[-1] + durations_s[-1])
        if length_s is None:
            return cls(
                np.zeros(len(time_s), np.int64), durations_s, np.array([first]), np.array([end])
            )
        if (end - first) / length_s > MOST_BINS:
            raise ConfigError(
                f"bin: expected at most {MOST_BINS} bins, got {(end - first) / length_s:.0f}"
            )
        numbers = np.floor((time_s - first) / length_s + 1e-9).astype(np.int64)
        start = first + length_s * np.arange(numbers[-1] + 1)
        return cls(numbers, durations_s, start, np.minimum(start + length_s, end))

    def __len__(self) -> int:
        return len(self.start_s)

    def total(self, values: Float64) -> Float64:
        """Sum ``(B,)`` of values ``(F,)``, NaN counting nothing."""
        return np.bincount(self.numbers, np.nan_to_num(values), len(self)).astype(np.float64)

    def seconds(self, mask: Bool) -> Float64:
        """Seconds ``(B,)`` in which something ``(F,)`` holds."""
        return self.total(np.where(mask, self.durations_s, 0.0))

    def mean(self, values: Float64, mask: Bool | None = None) -> Float64:
        """Mean over time ``(B,)`` of values ``(F,)``, where `mask` holds; NaN where nothing is known."""
        known = np.isfinite(values) if mask is None else np.isfinite(values) & mask
        return divide(
            self.total(np.where(known, values * self.durations_s, 0.0)), self.seconds(known)
        )

    def largest(self, values: Float64) -> Float64:
        """Largest value ``(B,)``; NaN where nothing is known."""
        most = np.full(len(self), -np.inf)
        np.maximum.at(most, self.numbers, np.where(np.isfinite(values), values, -np.inf))
        return np.where(np.isfinite(most), most, np.nan)

    def count(self, bouts: Bouts) -> Int64:
        """Number ``(B,)`` of bouts that begin in each bin."""
        return np.bincount(self.numbers[bouts.first_frames], minlength=len(self))


def divide(a: Float64, b: Float64) -> Float64:
    """Quotient, NaN where the divisor is 0."""
    quotient: Float64 = np.divide(a, b, out=np.full(np.shape(a), np.nan), where=b > 0)
    return quotient

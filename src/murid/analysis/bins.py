"""Time bins: sums, means and counts of values in each bin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from murid.analysis.bouts import Bouts
from murid.core.types import Bool, Float64, Int64
from murid.errors import ConfigError

# More bins are probably a mistake in the unit, and would fill the memory with empty rows.
MAX_BINS = 1_000_000
# Tolerance for rounding errors of times, as a fraction of a bin: a frame that begins this little
# before a bin belongs to it.
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False, slots=True)
class Bins:
    """A recording cut into bins of equal length; the last one may be shorter.

    Attributes
    ----------
    bin_ids : ndarray
        ``(F,)`` int64: bin of each frame.
    durations_s : ndarray
        ``(F,)``: how long each frame lasts, seconds.
    start_s, end_s : ndarray
        ``(B,)`` seconds.
    """

    bin_ids: Int64
    durations_s: Float64
    start_s: Float64
    end_s: Float64

    @classmethod
    def cut(cls, time_s: Float64, durations_s: Float64, length_s: float | None) -> Bins:
        """Cut a recording into bins that start at its first frame; None = one bin.

        Raises `ConfigError` if the length is not above 0, or there would be too many bins.
        """
        if length_s is not None and not length_s > 0:
            raise ConfigError(f"bin: expected more than 0 seconds, got {length_s:g}")
        if not len(time_s):
            return cls(np.zeros(0, np.int64), durations_s, np.zeros(0), np.zeros(0))
        start_s = float(time_s[0])
        end_s = float(time_s[-1] + durations_s[-1])
        if length_s is None:
            bin_ids = np.zeros(len(time_s), np.int64)
            return cls(bin_ids, durations_s, np.array([start_s]), np.array([end_s]))
        n_bins = (end_s - start_s) / length_s
        if n_bins > MAX_BINS:
            raise ConfigError(f"bin: expected at most {MAX_BINS} bins, got {n_bins:.0f}")
        bin_ids = np.floor((time_s - start_s) / length_s + _ROUNDING).astype(np.int64)
        starts_s = start_s + length_s * np.arange(bin_ids[-1] + 1)
        return cls(bin_ids, durations_s, starts_s, np.minimum(starts_s + length_s, end_s))

    def __len__(self) -> int:
        return len(self.start_s)

    def total(self, values: Float64) -> Float64:
        """Return the sum ``(B,)`` of values ``(F,)``; NaN counts as 0."""
        return np.bincount(self.bin_ids, np.nan_to_num(values), len(self)).astype(np.float64)

    def seconds(self, mask: Bool) -> Float64:
        """Return how long ``(B,)`` a mask ``(F,)`` is True, seconds."""
        return self.total(np.where(mask, self.durations_s, 0.0))

    def mean(self, values: Float64) -> Float64:
        """Return the mean over time ``(B,)`` of values ``(F,)``; NaN where all are NaN."""
        known = np.isfinite(values)
        weighted = np.where(known, values * self.durations_s, 0.0)
        return divide(self.total(weighted), self.seconds(known))

    def max(self, values: Float64) -> Float64:
        """Return the maximum ``(B,)`` of values ``(F,)``; NaN where all are NaN."""
        maximum = np.full(len(self), -np.inf)
        np.maximum.at(maximum, self.bin_ids, np.where(np.isfinite(values), values, -np.inf))
        return np.where(np.isfinite(maximum), maximum, np.nan)

    def min(self, values: Float64) -> Float64:
        """Return the minimum ``(B,)`` of values ``(F,)``; NaN where all are NaN."""
        return -self.max(-values)

    def count(self, bouts: Bouts) -> Int64:
        """Return the number ``(B,)`` of bouts that begin in each bin."""
        return np.bincount(self.bin_ids[bouts.first_frames], minlength=len(self))


def divide(a: Float64, b: Float64) -> Float64:
    """Return the quotient; NaN where the divisor is 0."""
    quotient: Float64 = np.divide(a, b, out=np.full(np.shape(a), np.nan), where=b > 0)
    return quotient

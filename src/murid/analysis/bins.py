"""Time bins: sums, means and counts of values in each bin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from murid.analysis.bouts import Bouts
from murid.core.types import Bool, Float64, Int64
from murid.errors import ConfigError

# More bins are probably a mistake in the unit, and would fill the memory with empty rows.
MAX_BINS = 1_000_000
# Tolerance for rounding errors of times, as a fraction of a bin and in steps of float64: a frame
# that reaches this little into a bin does not belong to it.
_ROUNDING = 1e-9
_ROUNDING_STEPS = 8


@dataclass(frozen=True, eq=False, slots=True)
class Bins:
    """A recording cut into bins of equal length; the last one may be shorter.

    A frame that lasts beyond the end of a bin is cut into pieces, one in each bin. Its values are
    shared between them by time.

    Attributes
    ----------
    frames, bin_ids : ndarray
        ``(P,)`` int64: frame and bin of each piece, in order of time.
    piece_start_s, durations_s : ndarray
        ``(P,)`` seconds: start of each piece, and how long it lasts.
    shares : ndarray
        ``(P,)``: how much of its frame a piece is, in [0, 1].
    start_s, end_s : ndarray
        ``(B,)`` seconds.
    """

    frames: Int64
    bin_ids: Int64
    piece_start_s: Float64
    durations_s: Float64
    shares: Float64
    start_s: Float64
    end_s: Float64

    @classmethod
    def cut(cls, time_s: Float64, durations_s: Float64, length_s: float | None) -> Bins:
        """Cut a recording into bins that start at its first frame; None = one bin.

        Parameters
        ----------
        time_s, durations_s : ndarray
            ``(F,)`` seconds: start of each frame, and how long it lasts, until the next one.
        length_s : float or None
            Length of a bin, seconds.

        Raises
        ------
        ConfigError
            If the length is not above 0, or there would be too many bins.
        """
        if length_s is not None and not length_s > 0:
            raise ConfigError(f"bin: expected more than 0 seconds, got {length_s:g}")
        frames = np.arange(len(time_s))
        if not len(time_s):
            nothing = np.zeros(0)
            return cls(frames, frames, nothing, nothing, nothing, nothing, nothing)
        start_s = float(time_s[0])
        end_s = float(time_s[-1] + durations_s[-1])
        if length_s is None:
            one_bin = np.zeros(len(time_s), np.int64)
            whole = np.ones(len(time_s))
            bounds = (np.array([start_s]), np.array([end_s]))
            return cls(frames, one_bin, time_s, durations_s, whole, *bounds)
        n_bins = (end_s - start_s) / length_s
        if n_bins > MAX_BINS:
            raise ConfigError(f"bin: expected at most {MAX_BINS} bins, got {n_bins:.0f}")

        rounding = max(_ROUNDING, _ROUNDING_STEPS * float(np.spacing(abs(end_s))) / length_s)
        first_bins = np.floor((time_s - start_s) / length_s + rounding).astype(np.int64)
        ends = (time_s + durations_s - start_s) / length_s
        last_bins = np.ceil(ends - rounding).astype(np.int64) - 1
        last_bins = np.maximum(first_bins, last_bins)
        starts_s = start_s + length_s * np.arange(last_bins[-1] + 1)
        n_pieces = last_bins - first_bins + 1
        frames = np.repeat(frames, n_pieces)
        places = np.arange(len(frames)) - np.repeat(np.cumsum(n_pieces) - n_pieces, n_pieces)
        bin_ids = first_bins[frames] + places
        piece_start_s = np.where(places > 0, starts_s[bin_ids], time_s[frames])
        # A frame that is not cut keeps its duration as it is.
        piece_s = durations_s[frames]
        is_cut = n_pieces[frames] > 1
        piece_end_s = np.minimum(starts_s[bin_ids] + length_s, (time_s + durations_s)[frames])
        piece_s[is_cut] = np.maximum(0.0, piece_end_s - piece_start_s)[is_cut]
        shares = np.ones(len(frames))
        shares[is_cut] = piece_s[is_cut] / durations_s[frames[is_cut]]
        ends_s = np.minimum(starts_s + length_s, end_s)
        return cls(frames, bin_ids, piece_start_s, piece_s, shares, starts_s, ends_s)

    def __len__(self) -> int:
        return len(self.start_s)

    def total(self, values: Float64) -> Float64:
        """Return the sum ``(B,)`` of values ``(F,)``; NaN counts as 0."""
        return self._sum(np.nan_to_num(values)[self.frames] * self.shares)

    def seconds(self, mask: Bool) -> Float64:
        """Return how long ``(B,)`` a mask ``(F,)`` is True, seconds."""
        return self._sum(np.where(mask[self.frames], self.durations_s, 0.0))

    def mean(self, values: Float64) -> Float64:
        """Return the mean over time ``(B,)`` of values ``(F,)``; NaN where all are NaN."""
        known = np.isfinite(values)
        weighted = np.where(known[self.frames], values[self.frames] * self.durations_s, 0.0)
        return divide(self._sum(weighted), self.seconds(known))

    def max(self, values: Float64) -> Float64:
        """Return the maximum ``(B,)`` of values ``(F,)``; NaN where all are NaN."""
        maximum = np.full(len(self), -np.inf)
        known = np.where(np.isfinite(values), values, -np.inf)
        np.maximum.at(maximum, self.bin_ids, known[self.frames])
        return np.where(np.isfinite(maximum), maximum, np.nan)

    def min(self, values: Float64) -> Float64:
        """Return the minimum ``(B,)`` of values ``(F,)``; NaN where all are NaN."""
        return -self.max(-values)

    def first(self, mask: Bool) -> Float64:
        """Return when ``(B,)`` a mask ``(F,)`` is first True in each bin, seconds; NaN = never."""
        first_s = np.full(len(self), np.inf)
        is_true = mask[self.frames]
        np.minimum.at(first_s, self.bin_ids[is_true], self.piece_start_s[is_true])
        return np.where(np.isfinite(first_s), first_s, np.nan)

    def count(self, bouts: Bouts) -> Int64:
        """Return the number ``(B,)`` of bouts that begin in each bin."""
        # The pieces of a frame are in order, so the first one is where the frame begins.
        first_pieces = np.searchsorted(self.frames, bouts.first_frames)
        return np.bincount(self.bin_ids[first_pieces], minlength=len(self))

    def _sum(self, values: Float64) -> Float64:
        """Return the sum ``(B,)`` of values ``(P,)`` of pieces."""
        return np.bincount(self.bin_ids, values, len(self)).astype(np.float64)


def divide(a: Float64, b: Float64) -> Float64:
    """Return the quotient; NaN where the divisor is 0."""
    quotient: Float64 = np.divide(a, b, out=np.full(np.shape(a), np.nan), where=b > 0)
    return quotient

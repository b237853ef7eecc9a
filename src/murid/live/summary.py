"""Summary of live tracking: frame counts, latencies and failures."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

# Latencies are counted in bins of so many seconds. Memory is then constant over a recording of
# days, at a resolution far below the time between two frames.
_BIN_S = 1e-4


@dataclass(frozen=True, slots=True)
class LiveSummary:
    """What happened during live tracking.

    Attributes
    ----------
    n_captured, n_dropped, n_tracked : int
        Frames that the camera gave, those that were dropped, and those that were tracked.
    n_lost : int
        How often the camera was lost.
    p50_s, p99_s : float
        Median and 99th percentile of the latencies in seconds, from the arrival of an image to the
        end of the callbacks.
    failures : int
        Number of exceptions that callbacks raised.
    failure : str or None
        The first of them, in words.
    camera_failure : str or None
        Why the camera's images ended, if it was neither stopped nor at its end.
    """

    n_captured: int
    n_dropped: int
    n_tracked: int
    n_lost: int
    p50_s: float
    p99_s: float
    failures: int
    failure: str | None
    camera_failure: str | None


class LatencyHistogram:
    """Histogram of latencies, with percentiles."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()

    def add(self, latency_s: float) -> None:
        """Count a latency, in seconds."""
        self._counts[round(latency_s / _BIN_S)] += 1

    def compute_percentile(self, percent: float) -> float:
        """Return the latency in seconds that `percent` of them do not exceed; 0 without any."""
        if not self._counts:
            return 0.0
        bins = np.array(sorted(self._counts))
        cumulative = np.cumsum([self._counts[int(k)] for k in bins])
        rank = percent / 100 * cumulative[-1]
        return float(bins[np.searchsorted(cumulative, rank)] * _BIN_S)

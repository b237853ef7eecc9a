"""Bouts: stretches in which something holds, without flicker."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from murid.analysis.gaps import compute_durations, find_runs
from murid.core.types import Bool, Float64, Int64
from murid.errors import ArrayError

_ROUNDING_S = 1e-9


@dataclass(frozen=True, eq=False, slots=True)
class Bouts:
    """Stretches of frames.

    Attributes
    ----------
    first_frames, last_frames : ndarray
        ``(K,)`` int64, both within the bout.
    start_s, duration_s : ndarray
        ``(K,)`` float64; the last frame counts as long as it lasts.
    """

    first_frames: Int64
    last_frames: Int64
    start_s: Float64
    duration_s: Float64

    def __len__(self) -> int:
        return len(self.first_frames)

    def to_mask(self, n_frames: int) -> Bool:
        """Whether each of the frames is within a bout, ``(F,)``."""
        change = np.zeros(n_frames + 1, np.int64)
        change[self.first_frames] += 1
        change[self.last_frames + 1] -= 1
        return np.cumsum(change[:-1]) > 0


def find_bouts(state: Bool, time_s: Float64, at_least_s: float = 0.0, join_s: float = 0.0) -> Bouts:
    """Find the bouts of a state.

    Parameters
    ----------
    state : ndarray
        ``(F,)`` bool; False where it is not known.
    time_s : ndarray
        ``(F,)`` seconds.
    at_least_s : float
        Shorter bouts do not count.
    join_s : float
        Bouts with a shorter pause than this between them are one; pauses are closed before short
        bouts are dropped.

    Returns
    -------
    Bouts
    """
    if state.shape != time_s.shape:
        raise ArrayError("state", f"shape {time_s.shape}", f"shape {state.shape}")
    edges = np.append(
        time_s, time_s[-1:] + compute_durations(time_s)[-1:]
    )  # when frames begin and the last one ends
    runs = find_runs(state)
    apart = edges[runs[1:, 0]] - edges[runs[:-1, 1]] >= join_s
    first = runs[np.concatenate([np.ones(min(1, len(runs)), bool), apart]), 0]
    after = runs[np.concatenate([apart, np.ones(min(1, len(runs)), bool)]), 1]
    duration = edges[after] - edges[first]
    kept = duration >= at_least_s - _ROUNDING_S
    return Bouts(first[kept], after[kept] - 1, edges[first][kept], duration[kept])

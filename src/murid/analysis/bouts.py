"""Bouts: intervals of one behaviour; short pauses are bridged and short bouts dropped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from murid.analysis.gaps import find_runs
from murid.core.types import Bool, Float64, Index, Int64
from murid.errors import ArrayError

# Tolerance for rounding errors of times: a bout that is this much too short still counts.
_ROUNDING_S = 1e-9


@dataclass(frozen=True, eq=False, slots=True)
class Bouts:
    """Bouts of one behaviour: columns of one length.

    Attributes
    ----------
    first_frames, last_frames : ndarray
        ``(K,)`` int64 first and last frame, both inclusive.
    start_s, duration_s : ndarray
        ``(K,)`` float64; the duration includes that of the last frame.
    """

    first_frames: Int64
    last_frames: Int64
    start_s: Float64
    duration_s: Float64

    def __len__(self) -> int:
        return len(self.first_frames)

    def select(self, rows: Index) -> Bouts:
        """Return some of the bouts."""
        return Bouts(
            self.first_frames[rows],
            self.last_frames[rows],
            self.start_s[rows],
            self.duration_s[rows],
        )

    def to_mask(self, n_frames: int) -> Bool:
        """Return whether each frame is within a bout, ``(F,)``."""
        change = np.zeros(n_frames + 1, np.int64)
        change[self.first_frames] += 1
        change[self.last_frames + 1] -= 1
        return np.cumsum(change[:-1]) > 0


class NamedBouts(NamedTuple):
    """Bouts of one behaviour of one animal; `partner` is the other animal or the zone, if any."""

    behaviour: str
    animal: str
    partner: str
    arena: str
    bouts: Bouts


def find_bouts(
    state: Bool,
    edges_s: Float64,
    min_duration_s: float = 0.0,
    max_pause_s: float = 0.0,
    missing: Bool | None = None,
) -> Bouts:
    """Return the bouts of a state.

    Parameters
    ----------
    state : ndarray
        ``(F,)`` bool; False where it is not known.
    edges_s : ndarray
        ``(F + 1,)`` seconds: start of each frame, and end of the last one.
    min_duration_s : float
        Shorter bouts do not count.
    max_pause_s : float
        Bouts separated by a shorter pause than this are joined, before short bouts are dropped.
    missing : ndarray, optional
        ``(F,)`` bool: frames in which the state is not known. No bout goes on through them.

    Returns
    -------
    Bouts
    """
    if len(edges_s) not in (len(state) + 1, 0):
        raise ArrayError("edges_s", f"shape ({len(state) + 1},)", f"shape {edges_s.shape}")
    runs = find_runs(state)
    starts = runs[:, 0]
    ends = runs[:, 1]

    # A run begins a bout if the pause before it is long enough, and the first run always does.
    pauses_s = edges_s[starts[1:]] - edges_s[ends[:-1]]
    is_separate = pauses_s >= max_pause_s
    if missing is not None:
        n_missing = np.concatenate([[0], np.cumsum(missing)])
        is_separate |= n_missing[starts[1:]] > n_missing[ends[:-1]]
    always = np.ones(min(1, len(runs)), bool)
    first = starts[np.concatenate([always, is_separate])]
    end = ends[np.concatenate([is_separate, always])]

    duration_s = edges_s[end] - edges_s[first]
    bouts = Bouts(first, end - 1, edges_s[first], duration_s)
    return bouts.select(duration_s >= min_duration_s - _ROUNDING_S)


def select_entries(visits: Bouts, missing: Bool) -> Bouts:
    """Return the visits that begin with an entry: the animal was known to be outside before.

    A visit is none if it begins with the first known position, or after missing time that the
    animal was in the zone before.

    Parameters
    ----------
    visits : Bouts
    missing : ndarray
        ``(F,)`` bool: frames in which the position is not known.
    """
    n_frames = len(missing)
    in_visit = visits.to_mask(n_frames)
    decides = in_visit | ~missing
    # Last frame before each frame that decides; -1 = none.
    frames = np.where(decides, np.arange(n_frames), -1)
    before = np.concatenate([[-1], np.maximum.accumulate(frames)])[visits.first_frames]
    return visits.select((before >= 0) & ~in_visit[before])

"""Tracklets arranged in paths, with all that is needed to weigh them: steps, looks along them, what points say.

A tracklet in whose box another animal vanished, or comes out again, may be a sight of both: its looks say nothing of
who is who, and motion through a whole contact is taken from before it to after it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from murid.core.types import Int64
from murid.identification.evidence import Sights
from murid.identification.path_transitions import Pools, Steps, list_steps, pool_looks
from murid.identification.point_match_score import TieBalance


@dataclass(frozen=True, eq=False, slots=True)
class Arrangement:
    """Paths through tracklets, and what is seen along them.

    Attributes
    ----------
    steps : Steps
    sights : Sights
        Those of the recording, without what may be of two animals.
    pools : Pools
        Looks around each step.
    balance : TieBalance
        What followed points say for the paths.
    shared : ndarray
        ``(T,)`` bool: tracklets of boxes that may hold two animals.
    held : ndarray
        ``(S,)`` bool: steps over gaps in which the animal was in the box of another one.
    """

    steps: Steps
    sights: Sights
    pools: Pools
    balance: TieBalance
    shared: NDArray[np.bool_]
    held: NDArray[np.bool_]


def arrange(paths: Int64, sights: Sights) -> Arrangement:
    """Arrange tracklets in paths ``(T,)``; -1 = on none."""
    steps = list_steps(paths, sights.tracklets)
    shared, held = find_shared(steps, sights)
    own = _leave_out(sights, shared)
    return Arrangement(steps, own, pool_looks(steps, own.contrast), _balance(paths, sights, shared), shared, held)


def find_shared(steps: Steps, sights: Sights) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Boxes that may hold two animals: in them another path was last seen before a gap, or is seen again after it.

    Returns
    -------
    shared : ndarray
        ``(T,)`` bool: tracklets of such boxes, of which the middle lies in the gap of the other path.
    held : ndarray
        ``(S,)`` bool: gaps at both ends of which the animal was in the box of another one.
    """
    tracklets, shared = sights.tracklets, np.zeros(len(sights.tracklets), bool)
    vanished, emerged = np.zeros((2, len(steps)), bool)
    gaps = np.flatnonzero(steps.inner & (steps.ends > steps.begins + 1))
    inside = np.flatnonzero(steps.tails >= 0)
    middles = (tracklets.first_frames + tracklets.last_frames)[steps.tails[inside]] // 2
    for own in steps.slices():
        of = gaps[(gaps >= own.start) & (gaps < own.stop)]
        if not len(of):
            continue
        places = np.maximum(np.searchsorted(steps.begins[of], middles) - 1, 0)
        over = (steps.begins[of[places]] < middles) & (middles < steps.ends[of[places]])
        over &= (inside < own.start) | (inside >= own.stop)
        beside, gap = steps.tails[inside[over]], of[places[over]]
        before = _is_within(sights, beside, tracklets.offsets[steps.heads[gap] + 1] - 1)
        after = _is_within(sights, beside, tracklets.offsets[steps.tails[gap]])
        shared[beside[before | after]] = True
        vanished[gap[before]] = emerged[gap[after]] = True
    return shared, vanished & emerged


def _is_within(sights: Sights, tracklets: Int64, others: Int64) -> NDArray[np.bool_]:
    """Whether boxes of tracklets ``(k,)`` hold the middles of others, by their places in the rows, at their time."""
    of = sights.tracklets
    when = np.clip(sights.frames[others], of.first_frames[tracklets], of.last_frames[tracklets])
    boxes = sights.shapes[of.offsets[tracklets] + when - of.first_frames[tracklets]]
    apart = np.abs(boxes[:, :2] - sights.shapes[others, :2])
    return np.asarray((apart < np.exp(boxes[:, 2:]) / 2).all(axis=1))


def _leave_out(sights: Sights, shared: NDArray[np.bool_]) -> Sights:
    """Sights without the looks of some tracklets, which are not clear either."""
    counts = np.where(shared, 0.0, sights.contrast.counts)
    clear = sights.clear & ~np.repeat(shared, sights.tracklets.lengths)
    return replace(sights, clear=clear, contrast=replace(sights.contrast, counts=counts))


def _balance(paths: Int64, sights: Sights, shared: NDArray[np.bool_]) -> TieBalance:
    """What followed points say for paths."""
    n_frames = int(sights.frames.max(initial=0)) + 1 if len(sights.ties) else 1  # a day of them takes room
    seen = np.zeros((int(paths.max(initial=-1)) + 1, n_frames), bool)
    if len(sights.ties):
        of = paths[sights.tracklets.numbers]
        on = of >= 0
        seen[of[on], sights.frames[on]] = True
    return TieBalance(sights.ties, paths, seen, shared)

"""Constraints: detections that certainly show the same animal, or different ones.

They come from a person who corrects the identities. Tracklets are cut where they hold two animals,
and a change of the paths that breaks a constraint costs more than all other evidence is worth.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from murid.core.records import ArrayRecord
from murid.core.types import Bool, Float32, Int64
from murid.identification.tracklets import Tracklets

CERTAIN_LLR = 1000.0
"""Log-likelihood ratio of certain evidence: more than all other evidence adds up to, and far from
the limits of floating point."""
SHOWN_LLR = 50.0
"""Log-likelihood ratio that a tracklet is an animal where a person says so."""


class Source(IntEnum):
    """Who says which animal a box shows."""

    PROGRAM = 0
    CORRECTION = 1
    """The program, but for a correction it would say another one."""
    PERSON = 2


@dataclass(frozen=True, eq=False, slots=True)
class DetectionPairs(ArrayRecord):
    """Pairs of detections, each of one animal or of two.

    Attributes
    ----------
    rows : ndarray
        ``(P, 2)`` int64 rows of the detections in the whole recording.
    same : ndarray
        ``(P,)`` bool: whether both show the same animal.
    is_local : ndarray
        ``(P,)`` bool: whether a person saw both in one scene. Else the animals may have been
        swapped between the two detections, and swapped back.
    lines : ndarray
        ``(P,)`` int64 numbers by which the caller knows the pairs.
    """

    rows: Int64
    same: Bool
    is_local: Bool
    lines: Int64

    def __len__(self) -> int:
        return len(self.same)

    @classmethod
    def empty(cls) -> DetectionPairs:
        """Return no pairs."""
        none = np.zeros(0, np.int64)
        return cls(np.zeros((0, 2), np.int64), none.astype(bool), none.astype(bool), none)


@dataclass(frozen=True, eq=False, slots=True)
class IdentityConstraints:
    """What is certain about the animals of a recording.

    Attributes
    ----------
    pairs : DetectionPairs
    anchor_rows, anchor_numbers : ndarray
        ``(A,)`` int64: detections of animals, and the identities that these are to have.
    looked_at : ndarray
        ``(L,)`` int64 rows of detections whose animal a person has named.
    dropped : ndarray
        ``(D,)`` int64 rows of detections that show no animal.
    """

    pairs: DetectionPairs = field(default_factory=DetectionPairs.empty)
    anchor_rows: Int64 = field(default_factory=lambda: np.zeros(0, np.int64))
    anchor_numbers: Int64 = field(default_factory=lambda: np.zeros(0, np.int64))
    looked_at: Int64 = field(default_factory=lambda: np.zeros(0, np.int64))
    dropped: Int64 = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def shown(self) -> Int64:
        """Rows of detections that certainly show an animal."""
        return np.unique(np.concatenate([self.pairs.rows.ravel(), self.anchor_rows]))

    def renumber(self, new_rows: Int64, identity_offset: int = 0) -> IdentityConstraints:
        """Return the constraints with other rows, and with an offset added to the identities.

        `new_rows` ``(N,)`` int64 holds the new row of each detection; -1 = left out. Pairs of which
        one is left out are left out too.
        """
        pairs = new_rows[self.pairs.rows].reshape(-1, 2)
        anchors = new_rows[self.anchor_rows]
        looked_at = new_rows[self.looked_at]
        dropped = new_rows[self.dropped]
        is_known = np.flatnonzero((pairs >= 0).all(axis=1))
        kept = self.pairs.select(is_known)
        return IdentityConstraints(
            DetectionPairs(pairs[is_known], kept.same, kept.is_local, kept.lines),
            anchors[anchors >= 0],
            self.anchor_numbers[anchors >= 0] + identity_offset,
            looked_at[looked_at >= 0],
            dropped[dropped >= 0],
        )

    def find_animals(self) -> tuple[Int64, Int64, Bool]:
        """Find which detections are known to show the same animal.

        Returns
        -------
        rows : ndarray
            ``(k,)`` int64, ascending: the detections of all pairs.
        animals : ndarray
            ``(k,)`` int64 group of each, from 0: one animal.
        differ : ndarray
            ``(g, g)`` bool: which groups are different animals.
        """
        rows, indices = np.unique(self.pairs.rows, return_inverse=True)
        indices = indices.reshape(-1, 2)
        same = indices[self.pairs.same]
        graph = csr_array((np.ones(len(same)), (same[:, 0], same[:, 1])), shape=(len(rows),) * 2)
        n_animals, animals = connected_components(graph, directed=False)
        differ = np.zeros((n_animals, n_animals), bool)
        one, other = animals[indices[~self.pairs.same]].reshape(-1, 2).T
        differ[one, other] = True
        differ[other, one] = True
        return rows, animals.astype(np.int64), differ

    def find_cuts(self, tracklets: Tracklets, boxes: Float32) -> Int64:
        """Return the rows at which to cut tracklets that hold different animals.

        A tracklet is cut where its box moves furthest between the two detections.

        Parameters
        ----------
        tracklets : Tracklets
        boxes : ndarray
            ``(N, 4)`` float32 boxes of all detections.
        """
        rows, animals, differ = self.find_animals()
        positions = np.full(len(boxes), -1, np.int64)
        positions[tracklets.rows] = np.arange(len(tracklets.rows))
        found = positions[rows]
        numbers = np.where(found >= 0, tracklets.numbers[found], -1)
        order = np.lexsort((found, numbers))
        cuts = []
        for before, after in pairwise(order.tolist()):
            if numbers[before] != numbers[after] or numbers[before] < 0:
                continue
            if not differ[animals[before], animals[after]]:
                continue
            between = tracklets.rows[found[before] : found[after] + 1]
            steps = np.abs(np.diff(boxes[between], axis=0)).sum(axis=1)
            cuts.append(int(between[np.argmax(steps) + 1]))
        return np.array(cuts, np.int64)


def find_tracklets_of(rows: Int64, tracklets: Tracklets, n_detections: int) -> Int64:
    """Return the tracklet of each detection; -1 = none. `rows` may have any shape."""
    numbers = np.full(n_detections, -1, np.int64)
    numbers[tracklets.rows] = tracklets.numbers
    return numbers[rows]


@dataclass(frozen=True, eq=False, slots=True)
class Anchors:
    """Tracklets ``(A,)`` of animals, and the identities ``(A,)`` that these are to have."""

    tracklets: Int64
    numbers: Int64


def find_anchors(
    constraints: IdentityConstraints, tracklets: Tracklets, n_detections: int
) -> Anchors:
    """Return the anchors of constraints that are in tracklets."""
    found = find_tracklets_of(constraints.anchor_rows, tracklets, n_detections)
    return Anchors(found[found >= 0], constraints.anchor_numbers[found >= 0])


@dataclass(frozen=True, eq=False, slots=True)
class TrackletPairs(ArrayRecord):
    """Pairs of tracklets, each of one animal or of two; columns as in `DetectionPairs`.

    `tracklets` is ``(P, 2)`` int64.
    """

    tracklets: Int64
    same: Bool
    is_local: Bool
    lines: Int64

    def __len__(self) -> int:
        return len(self.same)

    @classmethod
    def empty(cls) -> TrackletPairs:
        """Return no pairs."""
        none = np.zeros(0, np.int64)
        return cls(np.zeros((0, 2), np.int64), none.astype(bool), none.astype(bool), none)

    @classmethod
    def from_detections(
        cls, pairs: DetectionPairs, tracklets: Tracklets, n_detections: int
    ) -> TrackletPairs:
        """Return the pairs of detections that are in tracklets."""
        found = find_tracklets_of(pairs.rows, tracklets, n_detections).reshape(-1, 2)
        known = np.flatnonzero((found >= 0).all(axis=1))
        own = pairs.select(known)
        return cls(found[known], own.same, own.is_local, own.lines)

    def find_broken(self, paths: Int64) -> Bool:
        """Return which pairs ``(P,)`` contradict the paths ``(T,)`` of the tracklets."""
        own = paths[self.tracklets].reshape(-1, 2)
        on_path = (own >= 0).all(axis=1)
        return np.where(on_path, (own[:, 0] == own[:, 1]) != self.same, self.same)

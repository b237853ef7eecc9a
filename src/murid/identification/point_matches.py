"""Point matches: which detections show the same tracked points of fur as earlier detections.

Where animals huddle, boxes hardly identify them. A point of fur that is tracked from frame to frame
stays on its animal. This is not part of the paper.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from murid.core.records import ArrayRecord
from murid.core.types import Float32, Int64

# Number of latest tracklets that are stored for each point. More would connect tracklets further
# apart, but the tables of point matches grow with this number.
N_VISITS = 6
# Weight of a point that was seeded next to another one and takes over its history, in units of the
# weight of the other. It may lie on another animal.
INHERITED_WEIGHT = 0.9
# A visit is forgotten after this time: by then, points have drifted over the fur;
# the minimum in frames keeps them over short contacts at low frame rates.
MAX_MATCH_S = 6.0
MIN_MATCH_FRAMES = 10
# Records in memory before equal ones are merged.
_MAX_PENDING_RECORDS = 1 << 18


@dataclass(frozen=True, eq=False, slots=True)
class PointMatches(ArrayRecord):
    """Detections with points that were on detections of other tracklets before.

    Attributes
    ----------
    after : ndarray
        ``(K,)`` int64 rows of the later detections.
    before : ndarray
        ``(K, N_VISITS)`` int64 rows of the earlier detections, each of another tracklet, the latest
        first; -1 = none.
    counts : ndarray
        ``(K, N_VISITS)`` float32 number of points on each of these; a point that inherited its
        history counts less than 1.
    """

    after: Int64
    before: Int64
    counts: Float32

    def __len__(self) -> int:
        return len(self.after)


class PointMatchCounter:
    """Counts the points that tracklets have in common while the points are tracked.

    Points are numbered in the order of the calls of `seed`, without those that `keep` dropped.

    Parameters
    ----------
    max_frames : int
        Number of frames after which a visit is forgotten.
    """

    def __init__(self, max_frames: int) -> None:
        self._max_frames = max_frames
        self._visits = _Visits.empty(0)
        # Tracklet that each point is on if it is not its latest one: a visit is entered only in the
        # second frame on a tracklet.
        self._pending: Int64 = np.zeros(0, np.int64)
        self._records: list[_MatchRecords] = []
        self._n_records = 0
        self._n_merged = 0

    def keep(self, kept: Int64) -> None:
        """Drop all points but those with these numbers ``(k,)``."""
        self._visits = self._visits.select(kept)
        self._pending = self._pending[kept]

    def seed(self, parents: Int64) -> None:
        """Add points ``(k,)``, each with the history of a parent, or with none: -1."""
        # The row without visits is the last one, which -1 selects.
        visits = _Visits.concatenate([self._visits, _Visits.empty(1)]).select(parents)
        visits.counts[:] *= np.float32(INHERITED_WEIGHT)
        self._visits = _Visits.concatenate([self._visits, visits])
        self._pending = np.append(self._pending, np.full(len(parents), -1))

    def update(self, frame: int, tracklets: Int64, rows: Int64) -> None:
        """Note the tracklet, and its detection, that each point ``(n,)`` is on; -1 = unknown."""
        visits = self._visits
        known = tracklets >= 0
        # Points that are still on their latest tracklet.
        same = known & (visits.tracklets[:, 0] == tracklets)
        visits.frames[same, 0] = frame
        visits.rows[same, 0] = rows[same]
        visits.counts[same, 0] = 1
        # Points that are on a new tracklet for the second time. A point on the outline of an animal
        # may be off it in the next frame.
        new = known & ~same
        confirmed = np.flatnonzero(new & (self._pending == tracklets))
        self._pending = np.where(new, tracklets, self._pending)
        if len(confirmed):
            self._enter(frame, confirmed, tracklets[confirmed], rows[confirmed])

    def _enter(self, frame: int, points: Int64, tracklets: Int64, rows: Int64) -> None:
        """Record the visits of points that enter new tracklets, then add the new ones to them."""
        visits = self._visits
        # Forget old visits, and earlier ones of the same tracklet.
        forgotten = visits.frames[points] < frame - self._max_frames
        forgotten |= visits.tracklets[points] == tracklets[:, None]
        visits.tracklets[points] = np.where(forgotten, -1, visits.tracklets[points])
        has_visits = (visits.tracklets[points] >= 0).any(axis=1)
        matched = visits.select(points[has_visits])
        self._record(
            _MatchRecords(
                tracklets[has_visits],
                rows[has_visits],
                matched.tracklets,
                matched.rows,
                matched.counts,
            )
        )
        visits.push(points, tracklets, rows, frame)

    def _record(self, records: _MatchRecords) -> None:
        self._records.append(records)
        self._n_records += len(records)
        if self._n_records > max(_MAX_PENDING_RECORDS, 2 * self._n_merged):
            self._records = [_merge(_MatchRecords.concatenate(self._records))]
            self._n_merged = len(self._records[0])
            self._n_records = self._n_merged

    def finish(self) -> PointMatches:
        """Return all matches."""
        found = _merge(_MatchRecords.concatenate([_MatchRecords.empty(), *self._records]))
        before = np.where(found.tracklets >= 0, found.rows, -1)
        return PointMatches(found.to_rows, before, found.counts)


@dataclass(frozen=True, eq=False, slots=True)
class _Visits(ArrayRecord):
    """The latest tracklets of each point, and when and in which detection it was last on them.

    All are ``(n, N_VISITS)``, the latest visit first; tracklet -1 = no visit.
    """

    tracklets: Int64
    rows: Int64
    counts: Float32
    frames: Int64

    @classmethod
    def empty(cls, n: int) -> _Visits:
        shape = (n, N_VISITS)
        return cls(
            np.full(shape, -1, np.int64),
            np.full(shape, -1, np.int64),
            np.zeros(shape, np.float32),
            np.zeros(shape, np.int64),
        )

    def push(self, points: Int64, tracklets: Int64, rows: Int64, frame: int) -> None:
        """Add a visit of some points, in place, and drop their oldest one."""
        for values in (self.tracklets, self.rows, self.counts, self.frames):
            values[points, 1:] = values[points, :-1]
        self.tracklets[points, 0] = tracklets
        self.rows[points, 0] = rows
        self.counts[points, 0] = 1
        self.frames[points, 0] = frame


@dataclass(frozen=True, eq=False, slots=True)
class _MatchRecords(ArrayRecord):
    """Tracklets ``(n,)`` that points entered, by which detection, and visits ``(n, N_VISITS)``."""

    to_tracklets: Int64
    to_rows: Int64
    tracklets: Int64
    rows: Int64
    counts: Float32

    @classmethod
    def empty(cls) -> _MatchRecords:
        visits = _Visits.empty(0)
        none = np.zeros(0, np.int64)
        return cls(none, none, visits.tracklets, visits.rows, visits.counts)

    def __len__(self) -> int:
        return len(self.to_tracklets)


def _merge(records: _MatchRecords) -> _MatchRecords:
    """Add up the points with equal histories; keep the first new and the last earlier rows."""
    if not len(records):
        return records
    keys = np.column_stack([records.to_tracklets, records.tracklets])
    order = np.lexsort(keys.T[::-1])
    keys = keys[order]
    records = records.select(order)
    starts = np.flatnonzero(np.append(True, (keys[1:] != keys[:-1]).any(axis=1)))
    return _MatchRecords(
        records.to_tracklets[starts],
        np.minimum.reduceat(records.to_rows, starts),
        records.tracklets[starts],
        np.maximum.reduceat(records.rows, starts),
        np.add.reduceat(records.counts, starts),
    )

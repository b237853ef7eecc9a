"""Which tracklets show the same spots of fur, counted while points are followed from picture to picture.

Where animals are one heap of fur, boxes tell nothing; a spot that is followed stays with the animal
that it is on, whatever the boxes do. The paper has nothing of the kind.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from murid.core.types import Float32, Int64

N_VISITS = 6
"""Tracklets that a point is known to have been on."""
HEIR = 0.9
"""Worth of a point that was sown next to another, in that of the other."""
LONGEST_TIE_S = 6.0
"""Beyond it, a point has slid over too much fur to be believed."""
_MOST_EVENTS = 1 << 18


@dataclass(frozen=True, eq=False, slots=True)
class PointMatches:
    """Detections on which points were seen that had been on other ones before.

    Attributes
    ----------
    after : ndarray
        ``(K,)`` int64 rows of the detections.
    before : ndarray
        ``(K, N_VISITS)`` int64 rows of those before, each of another tracklet, the latest first; -1
        = none.
    counts : ndarray
        ``(K, N_VISITS)`` float32 points that were on each of these; one that was sown next to
        another in the meantime counts less than 1.
    """

    after: Int64
    before: Int64
    counts: Float32

    def __len__(self) -> int:
        return len(self.after)


class PointMatchCounter:
    """Counts the points that tracklets share, while they are followed from picture to picture.

    Parameters
    ----------
    longest : int
        Frames after which a tracklet that a point was on is forgotten.
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._points = _Events.none()
        self._frames: Int64 = np.zeros((0, N_VISITS), np.int64)
        self._pending: Int64 = np.zeros(0, np.int64)
        self._found: list[_Events] = []
        self._n_found, self._n_merged = 0, 0

    def keep(self, kept: Int64) -> None:
        """Forget all points but some."""
        self._points, self._frames, self._pending = (
            self._points.take(kept),
            self._frames[kept],
            self._pending[kept],
        )

    def seed(self, parents: Int64) -> None:
        """Take in new points ``(k,)``, each the heir of another, or of none: -1."""
        none = np.zeros((1, N_VISITS), np.int64)  # in the last place, which -1 points to
        heirs = _Events.join([self._points, _Events.empty(1)]).take(parents)
        frames = np.concatenate([self._frames, none])[parents]
        heirs.counts[:] *= np.float32(HEIR)
        self._points = _Events.join([self._points, heirs])
        self._frames = np.concatenate([self._frames, frames])
        self._pending = np.append(self._pending, np.full(len(parents), -1))

    def see(self, frame: int, numbers: Int64, rows: Int64) -> None:
        """Note on which tracklet, and on which detection of it, each point is seen in a frame; -1 = none for sure."""
        points = self._points
        same = (numbers >= 0) & (points.numbers[:, 0] == numbers)
        self._frames[same, 0], points.before[same, 0], points.counts[same, 0] = frame, rows[same], 1
        new = (numbers >= 0) & ~same
        sure = np.flatnonzero(
            new & (self._pending == numbers)
        )  # on the rim of one it may be off it in the next frame
        self._pending = np.where(new, numbers, self._pending)
        if len(sure):
            self._enter(frame, sure, numbers[sure], rows[sure])

    def _enter(self, frame: int, who: Int64, numbers: Int64, rows: Int64) -> None:
        points = self._points
        gone = (self._frames[who] < frame - self._longest) | (
            points.numbers[who] == numbers[:, None]
        )
        points.numbers[who] = np.where(gone, -1, points.numbers[who])
        tied = who[(points.numbers[who] >= 0).any(axis=1)]
        events, own = points.take(tied), np.isin(who, tied)
        events.into[:], events.after[:] = numbers[own], rows[own]
        self._note(events)
        for values, value in (
            (points.numbers, numbers),
            (points.before, rows),
            (points.counts, 1),
            (self._frames, frame),
        ):
            values[who, 1:] = values[who, :-1]
            values[who, 0] = value

    def _note(self, events: _Events) -> None:
        self._found.append(events)
        self._n_found += len(events)
        if self._n_found > max(_MOST_EVENTS, 2 * self._n_merged):
            self._found = [_merge(_Events.join(self._found))]
            self._n_found = self._n_merged = len(self._found[0])

    def finish(self) -> PointMatches:
        """All that was counted."""
        found = _merge(_Events.join([_Events.none(), *self._found]))
        return PointMatches(
            found.after, np.where(found.numbers >= 0, found.before, -1), found.counts
        )


@dataclass(frozen=True, eq=False, slots=True)
class _Events:
    """Points that came into a tracklet ``(n,)``, in which detection, and where they had been ``(n, N_VISITS)``."""

    into: Int64
    after: Int64
    numbers: Int64
    before: Int64
    counts: Float32

    @classmethod
    def empty(cls, n: int) -> _Events:
        one, many = np.full(n, -1, np.int64), np.full((n, N_VISITS), -1, np.int64)
        return cls(one, one.copy(), many, many.copy(), np.zeros((n, N_VISITS), np.float32))

    @classmethod
    def none(cls) -> _Events:
        return cls.empty(0)

    @classmethod
    def join(cls, parts: list[_Events]) -> _Events:
        return cls(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__slots__)
        )

    def take(self, rows: Int64) -> _Events:
        return _Events(*(getattr(self, name)[rows] for name in self.__slots__))

    def __len__(self) -> int:
        return len(self.into)


def _merge(events: _Events) -> _Events:
    """Count points with the same history together: last seen on each tracklet at the latest, first on the new one."""
    if not len(events):
        return events
    keys = np.column_stack([events.into, events.numbers])
    order = np.lexsort(keys.T[::-1])
    keys, events = keys[order], events.take(order)
    starts = np.flatnonzero(np.append(True, (keys[1:] != keys[:-1]).any(axis=1)))
    return _Events(
        events.into[starts],
        np.minimum.reduceat(events.after, starts),
        events.numbers[starts],
        np.maximum.reduceat(events.before, starts),
        np.add.reduceat(events.counts, starts),
    )

"""What an export is made of: the tracks of one video, a stretch at a time, and what is known of that video."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from murid.core.types import Int64
from murid.datasets.raw_labels import to_name
from murid.export.tracks_chunk import TracksChunk

REGULAR_S = 1e-3
"""Frames are regular if none is further than this from where a constant rate has it: some
containers count in ms."""


class Survey(NamedTuple):
    """What only a pass over all tracks can tell.

    Attributes
    ----------
    track_ids : ndarray
        ``(I,)`` int64, ascending.
    rate : float or None
        Frames per second if they are regular, else None.
    """

    track_ids: Int64
    rate: float | None


@dataclass(frozen=True, eq=False)
class TrackedRecording:
    """Iterating yields its stretches, as often as asked; memory is that of one of them.

    Attributes
    ----------
    source : str
        Path of the video, image folder or glob.
    width, height : int
        Pixels.
    fps : float
        Average frames per second.
    n_frames : int
        Of all stretches together.
    identified : bool
        Whether a track is an animal from beginning to end.
    read : callable
        Yields consecutive stretches from frame 0 on.
    fingerprint : str
        What tells the video from another.
    made : datetime or None
        When it was tracked.
    metadata : mapping
        What the user says of session and animals; see `murid.export.metadata`.
    identity_names : mapping of int to str
        What animals are called, where they were given names.
    """

    source: str
    width: int
    height: int
    fps: float
    n_frames: int
    identified: bool
    read: Callable[[], Iterable[TracksChunk]]
    fingerprint: str = ""
    made: datetime | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    identity_names: Mapping[int, str] = field(default_factory=dict)

    def __iter__(self) -> Iterator[TracksChunk]:
        return iter(self.read())

    @property
    def name(self) -> str:
        """The video's name without folder and suffix, fit to be that of a file."""
        return to_name(Path(self.source).stem)

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each track or animal, in the order of the ids."""
        return tuple(self.name_track(i) for i in self.survey.track_ids.tolist())

    def name_track(self, track_id: int) -> str:
        """Name of one: as it was given, else ``animal_3``, or ``track_3`` where identities were not told."""
        return (
            self.identity_names.get(track_id)
            or f"{'animal' if self.identified else 'track'}_{track_id}"
        )

    @cached_property
    def survey(self) -> Survey:
        """What a pass over all tracks tells."""
        track_ids = np.zeros(0, np.int64)
        drift = _Drift()
        for stretch in self:
            track_ids = np.union1d(track_ids, stretch.tracks.track_ids)
            drift.add(stretch)
        return Survey(track_ids[track_ids >= 0], drift.find_rate(self.fps))


class _Drift:
    """Tells regular times from others in one pass: the range of frame intervals that fit every frame so far.

    An interval fits frame k if it brings k of them from the first frame to within `REGULAR_S` of
    frame k.
    """

    def __init__(self) -> None:
        self._first: float | None = None
        self._low, self._high = 0.0, np.inf

    def add(self, stretch: TracksChunk) -> None:
        """Take in the times of a stretch."""
        times = stretch.times_s
        if self._first is None and len(times):
            self._first = float(times[0])
        numbers = np.arange(stretch.first_frame, stretch.first_frame + len(times))
        after = numbers > 0
        if self._first is not None and after.any():
            elapsed, count = times[after] - self._first, numbers[after]
            self._low = max(self._low, float(((elapsed - REGULAR_S) / count).max()))
            self._high = min(self._high, float(((elapsed + REGULAR_S) / count).min()))

    def find_rate(self, nominal: float) -> float | None:
        """Frames per second that fit all frames, `nominal` if it does; else None."""
        if not 0 < self._low <= self._high < np.inf:
            return None
        return nominal if self._low <= 1 / nominal <= self._high else 2 / (self._low + self._high)

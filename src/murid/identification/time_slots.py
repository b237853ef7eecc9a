"""Time slots: the frames of a recording on a grid of equal intervals, with its pauses as gaps.

Identification counts time in frames. Where a recording pauses, the frames that are missing count
as slots without a frame, so that every duration is that of the clock. Where the intervals are
regular, slot and frame are the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from murid.core.clock import count_steps, to_frames
from murid.core.types import DetectionTable, Float64, Int64

# Up to this time without a frame, and up to this many missing frames, detections are linked as if
# no frame were missing. More would cut tracklets at every dropped frame, and fewer would link
# detections between which an animal may have gone anywhere.
MAX_DROPPED_S = 0.1
MAX_DROPPED_FRAMES = 1
# A longer pause counts as this long, so that a pause of a day takes no memory. Longer than every
# limit of identification, in seconds and in frames.
MAX_PAUSE_S = 60.0
MAX_PAUSE_FRAMES = 100


@dataclass(frozen=True, eq=False, slots=True)
class TimeSlots:
    """Slot of each frame.

    Attributes
    ----------
    slots : ndarray or None
        ``(F,)`` int64, ascending from 0; None = slot and frame are the same.
    """

    slots: Int64 | None = None

    @classmethod
    def from_times(cls, times_s: Float64 | None, fps: float, max_gap_s: float = 0.0) -> TimeSlots:
        """Return the slots of frames at the given times.

        Parameters
        ----------
        times_s : ndarray or None
            ``(F,)`` float64 seconds, ascending; None = equally spaced.
        fps : float
            Frames per second: the reciprocal of the usual interval.
        max_gap_s : float
            Longest gap that is filled by later steps, in seconds.
        """
        if times_s is None or len(times_s) < 2:
            return cls()
        steps = count_steps(times_s, fps)
        steps[steps <= 1 + to_frames(MAX_DROPPED_S, fps, MAX_DROPPED_FRAMES)] = 1
        if (steps == 1).all():
            return cls()
        # Longer than the longest gap that is filled, too.
        max_pause = to_frames(max(MAX_PAUSE_S, 2 * max_gap_s), fps, MAX_PAUSE_FRAMES)
        steps = np.minimum(steps, int(max_pause))
        return cls(np.append(0, np.cumsum(steps)))

    def get_slots(self, n_frames: int) -> Int64:
        """Return the slot ``(F,)`` of each frame, of which there are `n_frames`."""
        return np.arange(n_frames, dtype=np.int64) if self.slots is None else self.slots

    def spread(self, table: DetectionTable) -> DetectionTable:
        """Return detections by slot instead of frame; slots without a frame are empty."""
        if self.slots is None:
            return table
        n_slots = int(self.slots[-1]) + 1
        first_frames = np.searchsorted(self.slots, np.arange(n_slots + 1))
        return replace(table, frame_offsets=table.frame_offsets[first_frames])

    def find_frames(self, slots: Int64) -> Int64:
        """Return the frame ``(k,)`` in each slot; in a pause, the last one before it."""
        if self.slots is None:
            return slots
        frames: Int64 = np.searchsorted(self.slots, slots, side="right") - 1
        return np.maximum(frames, 0)

    def find_next_frames(self, slots: Int64) -> Int64:
        """Return the frame ``(k,)`` in each slot; in a pause, the first one after it."""
        if self.slots is None:
            return slots
        frames = np.searchsorted(self.slots, slots)
        return np.minimum(frames, len(self.slots) - 1)

    def count_missing(self, first: Int64, last: Int64) -> Int64:
        """Return the number of slots without a frame ``(k,)`` between two slots with frames."""
        if self.slots is None:
            return np.zeros(len(first), np.int64)
        return (last - first) - (self.find_frames(last) - self.find_frames(first))

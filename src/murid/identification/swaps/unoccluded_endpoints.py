"""Last unoccluded detections before each transition of a path, and first ones after it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from murid.core.ranges import concatenate_ranges
from murid.core.records import ArrayRecord
from murid.core.types import Int64
from murid.identification.evidence import TrackletEvidence
from murid.identification.motion import TrackletEnds, count_velocity_frames
from murid.identification.paths.transitions import PathTransitions


@dataclass(frozen=True, eq=False, slots=True)
class UnoccludedEndpoints(ArrayRecord):
    """Unoccluded detections of a path around each of its transitions.

    Attributes
    ----------
    tracklet_ends : TrackletEnds
        Shapes and velocities at these detections, as if the path were a tracklet that ended at the
        last unoccluded detection and one that began at the next.
    begins, ends : ndarray
        ``(S,)`` int64 frames of the last unoccluded detection before a transition and of the first
        one after it; -1 = none.
    last_rows, first_rows : ndarray
        ``(S,)`` int64 indices of these detections in the rows of the tracklets; -1 = none.
    """

    tracklet_ends: TrackletEnds
    begins: Int64
    ends: Int64
    last_rows: Int64
    first_rows: Int64

    @classmethod
    def empty(cls) -> UnoccludedEndpoints:
        """Return the endpoints of no transitions."""
        none = np.zeros(0, np.int64)
        return cls(TrackletEnds.empty(), none, none, none, none)


def find_unoccluded_endpoints(
    transitions: PathTransitions, evidence: TrackletEvidence
) -> UnoccludedEndpoints:
    """Return the unoccluded detections around each transition ``(S,)``."""
    parts = [UnoccludedEndpoints.empty()]
    for path in transitions.slices():
        # All transitions of a path but the last lead into its tracklets.
        parts.append(_find_on_path(transitions.successors[path][:-1], evidence))
    return UnoccludedEndpoints.concatenate(parts)


def _find_on_path(path_tracklets: Int64, evidence: TrackletEvidence) -> UnoccludedEndpoints:
    """Return the unoccluded detections around each transition of one path of tracklets."""
    tracklets = evidence.tracklets
    lengths = tracklets.lengths[path_tracklets]
    rows = np.repeat(tracklets.offsets[path_tracklets], lengths) + concatenate_ranges(lengths)
    shapes = evidence.shapes[rows]
    frames = evidence.frames[rows].astype(np.int64)
    unoccluded = evidence.unoccluded[rows]
    # A transition lies before the detection at its bound, or after the last one.
    bounds = np.append(0, np.cumsum(lengths))
    indices = np.arange(len(rows))
    previous = np.maximum.accumulate(np.where(unoccluded, indices, -1))
    following = np.minimum.accumulate(np.where(unoccluded, indices, len(rows))[::-1])[::-1]
    last = np.append(-1, previous)[bounds]
    first = np.append(following, len(rows))[bounds]
    has_last = last >= 0
    has_first = first < len(rows)
    last = np.maximum(last, 0)
    first = np.minimum(first, len(rows) - 1)
    # Velocities over a few detections before the last one and after the first one.
    span = count_velocity_frames(evidence.motion.fps)
    earlier = np.maximum(last - span, 0)
    later = np.minimum(first + span, len(rows) - 1)
    n_before = frames[last] - frames[earlier]
    n_after = frames[later] - frames[first]
    leaving = (shapes[last, :2] - shapes[earlier, :2]) / np.maximum(n_before, 1)[:, None]
    entering = (shapes[later, :2] - shapes[first, :2]) / np.maximum(n_after, 1)[:, None]
    # Too few frames give no velocity, and too many frames hold a gap.
    moving = (np.minimum(n_before, n_after) >= 2) & (np.maximum(n_before, n_after) <= 2 * span)
    return UnoccludedEndpoints(
        TrackletEnds(shapes[first], shapes[last], entering, leaving, moving),
        np.where(has_last, frames[last], -1),
        np.where(has_first, frames[first], -1),
        np.where(has_last, rows[last], -1),
        np.where(has_first, rows[first], -1),
    )

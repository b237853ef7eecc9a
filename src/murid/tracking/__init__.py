"""Data association (DAM): boxes, scores and embeddings of each frame become tracks."""

from murid.tracking.bidirectional import follow_both_ways
from murid.tracking.config import TrackConfig
from murid.tracking.factory import AnyTracker, make_tracker
from murid.tracking.lifecycle import TrackState
from murid.tracking.prune import find_likely_tracks, keep_tracks
from murid.tracking.tracker import Tracker

__all__ = [
    "AnyTracker",
    "TrackConfig",
    "TrackState",
    "Tracker",
    "find_likely_tracks",
    "follow_both_ways",
    "keep_tracks",
    "make_tracker",
]

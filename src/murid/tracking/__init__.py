"""Data association (DAM): boxes, scores and embeddings of each frame become tracks."""

from murid.tracking.bidirectional import track_bidirectionally
from murid.tracking.config import MotionConfig, ScoreConfig, TrackingConfig
from murid.tracking.factory import AnyTracker, make_tracker
from murid.tracking.lifecycle import TrackState
from murid.tracking.prune import find_likely_tracks, select_tracks
from murid.tracking.tracker import Tracker

__all__ = [
    "AnyTracker",
    "MotionConfig",
    "ScoreConfig",
    "TrackState",
    "Tracker",
    "TrackingConfig",
    "find_likely_tracks",
    "make_tracker",
    "select_tracks",
    "track_bidirectionally",
]

"""Data association (DAM): boxes, scores and embeddings of each frame become tracks."""

from murid.track.config import TrackConfig
from murid.track.lifecycle import TrackState
from murid.track.tracker import Tracker

__all__ = ["TrackConfig", "TrackState", "Tracker"]

"""Synthetic rodents and composed scenes, with perfect ground truth, the same for the same seed."""

from murid.scenes.recording import RecordedFrame, RecordingConfig, record
from murid.scenes.still import Still, StillConfig, make_still

__all__ = ["RecordedFrame", "RecordingConfig", "Still", "StillConfig", "make_still", "record"]

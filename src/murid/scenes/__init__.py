"""Synthetic rodents and composed scenes, with perfect ground truth, the same for the same seed."""

from murid.scenes.recording import RecordedFrame, RecordingConfig, record
from murid.scenes.scenarios import SCENARIOS, make_scenario
from murid.scenes.still import Still, StillConfig, make_still

__all__ = [
    "SCENARIOS",
    "RecordedFrame",
    "RecordingConfig",
    "Still",
    "StillConfig",
    "make_scenario",
    "make_still",
    "record",
]

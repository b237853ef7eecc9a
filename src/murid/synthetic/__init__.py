"""Synthetic rodents and composed scenes, with perfect ground truth, the same for the same seed."""

from murid.synthetic.recording import RecordedFrame, RecordingConfig, record
from murid.synthetic.scenarios import SCENARIOS, make_scenario
from murid.synthetic.still import Still, make_still
from murid.synthetic.still_config import StillConfig

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

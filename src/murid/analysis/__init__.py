"""What animals did, measured on trajectories: pure functions of arrays."""

from murid.analysis.behaviour import Behaviour, prepare
from murid.analysis.config import MeasureConfig
from murid.analysis.measures import Table, measure_all, tabulate_frames

__all__ = [
    "Behaviour",
    "MeasureConfig",
    "Table",
    "measure_all",
    "prepare",
    "tabulate_frames",
]

"""What animals did, measured on trajectories: pure functions of arrays."""

from murid.analysis.arena import Arena, Layout, Region, Zone
from murid.analysis.behaviour import Behaviour, prepare
from murid.analysis.config import MeasureConfig
from murid.analysis.measures import Table, measure_all, tabulate_frames

__all__ = [
    "Arena",
    "Behaviour",
    "Layout",
    "MeasureConfig",
    "Region",
    "Table",
    "Zone",
    "measure_all",
    "prepare",
    "tabulate_frames",
]

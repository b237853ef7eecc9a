"""Measure the behaviour of animals from their trajectories: pure functions of arrays."""

from murid.analysis.behaviour import Behaviour, compute_behaviour
from murid.analysis.config import MeasureConfig
from murid.analysis.measures import Table, compute_measures, tabulate_frames

__all__ = [
    "Behaviour",
    "MeasureConfig",
    "Table",
    "compute_behaviour",
    "compute_measures",
    "tabulate_frames",
]

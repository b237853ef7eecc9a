"""Scores against ground truth: arrays in, numbers out."""

from murid.evaluate.labelled_boxes import LabelledBoxes
from murid.evaluate.metrics import Metrics, compute_metrics

__all__ = ["LabelledBoxes", "Metrics", "compute_metrics"]

"""Scores against ground truth: arrays in, numbers out."""

from murid.metrics.average_precision import (
    MarkedDetections,
    compute_average_precision,
    mark_detections,
    match_greedily,
)
from murid.metrics.labelled_boxes import LabelledBoxes
from murid.metrics.matching import Matching, Switch, find_switches, match
from murid.metrics.mot_metrics import Metrics, Scores, compute_metrics, compute_scores
from murid.metrics.protocol import PLAIN, PROTOCOLS, Protocol, Truth, apply_protocol, select_class
from murid.metrics.retrieval import Retrieval, retrieve

__all__ = [
    "PLAIN",
    "PROTOCOLS",
    "LabelledBoxes",
    "MarkedDetections",
    "Matching",
    "Metrics",
    "Protocol",
    "Retrieval",
    "Scores",
    "Switch",
    "Truth",
    "apply_protocol",
    "compute_average_precision",
    "compute_metrics",
    "compute_scores",
    "find_switches",
    "mark_detections",
    "match",
    "match_greedily",
    "retrieve",
    "select_class",
]

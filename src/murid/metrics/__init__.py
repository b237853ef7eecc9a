"""Scores of tracking, detection and re-identification against ground truth, from arrays."""

from murid.metrics.average_precision import (
    AveragePrecisions,
    DetectionMatches,
    compute_average_precision,
    match_detections,
    match_greedily,
)
from murid.metrics.keypoints import KeypointScores, compute_keypoint_scores, match_centres
from murid.metrics.labelled_boxes import LabelledBoxes
from murid.metrics.labelled_frames import Labelling, find_labelling
from murid.metrics.matching import IdSwitch, Matching, find_id_switches, match
from murid.metrics.mot_metrics import Metrics, MetricSums, compute_metric_sums, compute_metrics
from murid.metrics.protocol import (
    PLAIN_PROTOCOL,
    PROTOCOLS,
    GroundTruth,
    ScoringProtocol,
    apply_protocol,
    select_class,
)
from murid.metrics.retrieval import MIN_GAP_S, Retrieval, retrieve

__all__ = [
    "MIN_GAP_S",
    "PLAIN_PROTOCOL",
    "PROTOCOLS",
    "AveragePrecisions",
    "DetectionMatches",
    "GroundTruth",
    "IdSwitch",
    "KeypointScores",
    "LabelledBoxes",
    "Labelling",
    "Matching",
    "MetricSums",
    "Metrics",
    "Retrieval",
    "ScoringProtocol",
    "apply_protocol",
    "compute_average_precision",
    "compute_keypoint_scores",
    "compute_metric_sums",
    "compute_metrics",
    "find_id_switches",
    "find_labelling",
    "match",
    "match_centres",
    "match_detections",
    "match_greedily",
    "retrieve",
    "select_class",
]

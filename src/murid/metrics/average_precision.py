"""Average precision of detection, as COCO computes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from murid.core.boxes import compute_iou
from murid.core.types import Bool, Float64
from murid.metrics.labelled_boxes import LabelledBoxes

# The thresholds of COCO: 0.50, 0.55, ... 0.95.
IOU_THRESHOLDS = tuple(round(0.5 + 0.05 * k, 2) for k in range(10))

# Recalls at which COCO samples the precision.
_RECALLS = np.linspace(0, 1, 101)


class AveragePrecisions(NamedTuple):
    """Average precision at IoU 0.50 and 0.75, and its mean over `IOU_THRESHOLDS`, in [0, 1]."""

    ap50: float
    ap75: float
    ap: float


@dataclass(frozen=True, eq=False, slots=True)
class DetectionMatches:
    """Detections of one video or several, compared with ground truth.

    Attributes
    ----------
    scores : ndarray
        ``(n,)`` float64.
    is_correct : ndarray
        ``(10, n)`` bool: whether a detection is a true positive at each of `IOU_THRESHOLDS`.
    n_truth : int
        Number of ground truth boxes.
    """

    scores: Float64
    is_correct: Bool
    n_truth: int

    @classmethod
    def concatenate(cls, parts: Sequence[DetectionMatches]) -> DetectionMatches:
        """Return the detections of several videos; at least one part."""
        return cls(
            scores=np.concatenate([part.scores for part in parts]),
            is_correct=np.concatenate([part.is_correct for part in parts], axis=1),
            n_truth=sum(part.n_truth for part in parts),
        )

    def compute_average_precisions(self) -> AveragePrecisions | None:
        """Return the average precisions; None without ground truth or if all scores are equal."""
        if self.n_truth == 0 or (len(self.scores) > 1 and np.ptp(self.scores) == 0):
            return None
        values = [
            compute_average_precision(self.scores, is_correct, self.n_truth)
            for is_correct in self.is_correct
        ]
        ap50 = values[IOU_THRESHOLDS.index(0.5)]
        ap75 = values[IOU_THRESHOLDS.index(0.75)]
        return AveragePrecisions(ap50, ap75, float(np.mean(values)))


def match_detections(truth: LabelledBoxes, detections: LabelledBoxes) -> DetectionMatches:
    """Compare detections that have scores with the ground truth of the same video."""
    assert detections.scores is not None
    is_correct = np.zeros((len(IOU_THRESHOLDS), len(detections)), bool)
    frames = np.union1d(truth.frames, detections.frames)
    rows_by_frame = zip(truth.split(frames), detections.split(frames), strict=True)
    for truth_rows, rows in rows_by_frame:
        best_first = rows[np.argsort(-detections.scores[rows], kind="stable")]
        iou = compute_iou(detections.boxes[best_first], truth.boxes[truth_rows])
        is_correct[:, best_first] = _match_at_all_thresholds(iou)
    return DetectionMatches(detections.scores, is_correct, len(truth))


def match_greedily(boxes: NDArray[Any], truth: NDArray[Any], iou_threshold: float = 0.5) -> Bool:
    """Return which detections ``(n,)`` are true positives.

    Each detection takes the free ground truth box with the highest IoU, in the given order: sort
    them by descending score.

    Parameters
    ----------
    boxes, truth : ndarray
        ``(n, 4)`` and ``(m, 4)``, xyxy.
    iou_threshold : float
        Minimum IoU.
    """
    return _match_greedily(compute_iou(boxes, truth), iou_threshold)


def _match_at_all_thresholds(iou: NDArray[Any]) -> Bool:
    """Return which detections are true positives ``(10, n)`` at each of `IOU_THRESHOLDS`."""
    candidates = iou >= IOU_THRESHOLDS[0]
    # In most frames no two boxes compete, so the thresholds need no matching of their own.
    if (candidates.sum(axis=0) <= 1).all() and (candidates.sum(axis=1) <= 1).all():
        return np.asarray(iou.max(axis=1, initial=0) >= np.array(IOU_THRESHOLDS)[:, None])
    return np.array([_match_greedily(iou, threshold) for threshold in IOU_THRESHOLDS])


def _match_greedily(iou: NDArray[Any], iou_threshold: float) -> Bool:
    """Return which detections ``(n,)`` are true positives, from their IoU ``(n, m)``."""
    is_correct = np.zeros(len(iou), bool)
    free = iou >= iou_threshold
    for k in np.flatnonzero(free.any(axis=1)):
        if free[k].any():
            is_correct[k] = True
            best = np.where(free[k], iou[k], -1).argmax()
            free[:, best] = False
    return is_correct


def compute_average_precision(scores: NDArray[Any], is_correct: Bool, n_truth: int) -> float:
    """Return the average precision: mean of the interpolated precision at recalls 0, 0.01, ... 1.

    The interpolated precision is the highest one at that recall or a higher one.

    Parameters
    ----------
    scores : ndarray
        ``(n,)`` of all detections.
    is_correct : ndarray
        ``(n,)`` bool: whether each is a true positive.
    n_truth : int
        Number of ground truth boxes.

    Returns
    -------
    float
        In [0, 1].

    References
    ----------
    Lin et al., Microsoft COCO: Common Objects in Context (2014).
    """
    if not len(scores) or not n_truth:
        return 0.0
    true_positives = np.cumsum(is_correct[np.argsort(-scores, kind="stable")])
    precision = true_positives / np.arange(1, len(true_positives) + 1)
    # Highest precision at each recall or beyond; 0 where the recall is not reached.
    envelope = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    return float(envelope[np.searchsorted(true_positives / n_truth, _RECALLS)].mean())

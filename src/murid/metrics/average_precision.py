"""How well animals are found, whoever they are: average precision as COCO computes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from murid.core.boxes import compute_iou
from murid.metrics.labelled_boxes import LabelledBoxes

IOU_THRESHOLDS = tuple(round(0.5 + 0.05 * k, 2) for k in range(10))
"""COCO's: 0.50, 0.55, ... 0.95."""

_RECALLS = np.linspace(0, 1, 101)


@dataclass(frozen=True, eq=False, slots=True)
class MarkedDetections:
    """Detections marked against the truth; those of several videos can be laid end to end.

    Attributes
    ----------
    scores : ndarray
        ``(n,)`` float64.
    hits : ndarray
        ``(10, n)`` bool: whether a detection finds an animal at each of `IOU_THRESHOLDS`.
    n_truth : int
        Number of true boxes.
    """

    scores: NDArray[np.float64]
    hits: NDArray[np.bool_]
    n_truth: int

    @classmethod
    def concatenate(cls, parts: Sequence[MarkedDetections]) -> MarkedDetections:
        """Lay detections of several videos end to end; at least one part."""
        hits = np.concatenate([part.hits for part in parts], axis=1)
        return cls(
            np.concatenate([part.scores for part in parts]),
            hits,
            sum(part.n_truth for part in parts),
        )

    def compute_precisions(self) -> tuple[float, float, float] | None:
        """AP at IoU 0.50 and 0.75, and its mean over all thresholds, in [0, 1]; None where the scores rank nothing."""
        if self.n_truth == 0 or (len(self.scores) > 1 and np.ptp(self.scores) == 0):
            return None
        values = [compute_average_precision(self.scores, hits, self.n_truth) for hits in self.hits]
        return values[0], values[IOU_THRESHOLDS.index(0.75)], float(np.mean(values))


def mark_detections(truth: LabelledBoxes, found: LabelledBoxes) -> MarkedDetections:
    """Mark detections that have scores against the truth of the same video, frame by frame, best first."""
    assert found.scores is not None
    hits = np.zeros((len(IOU_THRESHOLDS), len(found)), bool)
    frames = np.union1d(truth.frames, found.frames)
    for ours, theirs in zip(truth.split(frames), found.split(frames), strict=True):
        best_first = theirs[np.argsort(-found.scores[theirs], kind="stable")]
        overlap = compute_iou(found.boxes[best_first], truth.boxes[ours])
        hits[:, best_first] = _match_at_all_thresholds(overlap)
    return MarkedDetections(found.scores, hits, len(truth))


def match_greedily(
    boxes: NDArray[Any], truth: NDArray[Any], iou_threshold: float = 0.5
) -> NDArray[np.bool_]:
    """Which detections (best first) find a box of the truth that none before them has found; ``(n,)`` bool."""
    return _match_greedily(compute_iou(boxes, truth), iou_threshold)


def _match_at_all_thresholds(overlap: NDArray[Any]) -> NDArray[np.bool_]:
    near = overlap >= IOU_THRESHOLDS[0]
    if (near.sum(axis=0) <= 1).all() and (
        near.sum(axis=1) <= 1
    ).all():  # nothing to choose, as in most frames
        return np.asarray(overlap.max(axis=1, initial=0) >= np.array(IOU_THRESHOLDS)[:, None])
    return np.array([_match_greedily(overlap, threshold) for threshold in IOU_THRESHOLDS])


def _match_greedily(overlap: NDArray[Any], iou_threshold: float) -> NDArray[np.bool_]:
    hit, free = np.zeros(len(overlap), bool), overlap >= iou_threshold
    for k in np.flatnonzero(free.any(axis=1)):
        if free[k].any():
            hit[k] = True
            free[:, np.where(free[k], overlap[k], -1).argmax()] = False
    return hit


def compute_average_precision(scores: NDArray[Any], hits: NDArray[np.bool_], n_truth: int) -> float:
    """Mean over the recalls 0, 0.01, ... 1 of the highest precision at that recall or more (Lin et al., COCO, 2014).

    Parameters
    ----------
    scores : ndarray
        ``(n,)`` of all detections.
    hits : ndarray
        ``(n,)`` bool: whether each finds an animal.
    n_truth : int
        Number of animals to find.

    Returns
    -------
    float
        In [0, 1].
    """
    if not len(scores) or not n_truth:
        return 0.0
    found = np.cumsum(hits[np.argsort(-scores, kind="stable")])
    precision = found / np.arange(1, len(found) + 1)
    envelope = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    return float(envelope[np.searchsorted(found / n_truth, _RECALLS)].mean())

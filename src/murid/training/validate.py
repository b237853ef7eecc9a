"""How good a network is on pictures it has not seen: average precision, and the calibration of its scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize

from murid.core.boxes import compute_iou
from murid.detect.decode import HeadMaps, decode
from murid.models.network import Network
from murid.scenes.still import Still
from murid.training.data import collate


@dataclass(frozen=True)
class Validation:
    """What `validate` found.

    Attributes
    ----------
    ap50 : float
        Average precision at IoU 0.5, all pictures together, in [0, 1].
    recall : float
        Share of animals with a detection at IoU 0.5 or more and a calibrated score of 0.5 or more.
    score_scale, score_bias : float
        Calibration: ``sigmoid(scale * logit(score) + bias)`` is the chance that a detection is right.
    """

    ap50: float
    recall: float
    score_scale: float
    score_bias: float


def validate(network: Network, stills: Sequence[Still], score_threshold: float = 0.03) -> Validation:
    """Measure a network in evaluation mode on pictures with truth."""
    scores, hits, n_truth = [], [], 0
    for still in stills:
        boxes, confidence = _detect(network, still, score_threshold)
        scores.append(confidence)
        hits.append(match_greedily(boxes, still.boxes))
        n_truth += len(still.boxes)
    score, hit = np.concatenate(scores), np.concatenate(hits)
    scale, bias = fit_calibration(score, hit)
    sure = scale * _logit(score) + bias >= 0
    return Validation(compute_average_precision(score, hit, n_truth), float(hit[sure].sum() / n_truth), scale, bias)


def match_greedily(boxes: NDArray[Any], truth: NDArray[Any], iou_threshold: float = 0.5) -> NDArray[np.bool_]:
    """Which detections (best first) find a box of the truth that none before them has found; ``(n,)`` bool."""
    hit = np.zeros(len(boxes), bool)
    overlap = compute_iou(boxes, truth)
    for k in range(len(boxes) if len(truth) else 0):
        best = int(overlap[k].argmax())
        if overlap[k, best] >= iou_threshold:
            hit[k] = True
            overlap[:, best] = -1
    return hit


def compute_average_precision(scores: NDArray[Any], hits: NDArray[np.bool_], n_truth: int) -> float:
    """Area under the precision-recall curve, precision made monotone (PASCAL VOC 2010)."""
    order = np.argsort(-scores, kind="stable")
    found = np.cumsum(hits[order])
    precision = found / np.arange(1, len(order) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(envelope[hits[order]].sum() / max(n_truth, 1))


def fit_calibration(scores: NDArray[Any], hits: NDArray[np.bool_]) -> tuple[float, float]:
    """Scale and bias of Platt's logistic calibration on the logits of the scores (Platt 1999).

    Without both right and wrong detections there is nothing to learn, and scores stay as they are.
    """
    if hits.all() or not hits.any():
        return 1.0, 0.0
    x, y = _logit(scores), hits.astype(np.float64)

    def loss(parameters: NDArray[Any]) -> float:
        z = parameters[0] * x + parameters[1]
        return float(np.mean(np.logaddexp(0, z) - y * z))

    scale, bias = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead").x
    return float(scale), float(bias)


def _logit(scores: NDArray[Any]) -> NDArray[np.float64]:
    p = np.clip(scores.astype(np.float64), 1e-6, 1 - 1e-6)
    return np.asarray(np.log(p / (1 - p)))


@torch.inference_mode()
def _detect(network: Network, still: Still, score_threshold: float) -> tuple[NDArray[Any], NDArray[Any]]:
    images = collate([still]).images[:, : network.config.n_channels]
    output = network(images)
    heatmap, offset, size = (a[0].float().numpy() for a in (output.heatmap.sigmoid(), output.offset, output.size))
    maps = HeadMaps(heatmap[0], offset, size)
    boxes, scores = decode(maps, box_mode=network.config.box_mode, score_threshold=score_threshold)
    return boxes, scores

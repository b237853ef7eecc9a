"""Validation of a network: average precision, re-identification, and calibration of its scores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize

from murid.core.boxes import compute_iou
from murid.core.keypoints import KEYPOINTS, NOSE, TAIL_BASE
from murid.core.types import Detections
from murid.detection.decode import HeadMaps, decode
from murid.metrics import (
    MIN_GAP_S,
    Retrieval,
    compute_average_precision,
    match_greedily,
    retrieve,
)
from murid.networks.comparison.yolox_head import Yolox, decode_yolox
from murid.networks.network import Network
from murid.synthetic.still import Still
from murid.training.data import Batch, collate, to_rois

# Minimum uncalibrated score of detections. Lower values add detections that hardly change average
# precision and take time.
_MIN_SCORE = 0.03
# Minimum IoU of a detection and the animal whose keypoints it is compared with.
_MIN_MATCH_IOU = 0.5
# Images per batch in validation.
_BATCH_SIZE = 16
# Scores are clipped to this distance from 0 and 1 before their logit is taken.
_LOGIT_MARGIN = 1e-6


@dataclass(frozen=True)
class ScoredDetections:
    """Detections of some images compared with the ground truth.

    Attributes
    ----------
    scores : ndarray
        ``(n,)`` float32, before calibration.
    hits50, hits75 : ndarray
        ``(n,)`` bool: whether a detection matches an animal at IoU 0.5 and 0.75.
    n_truth : int
        Number of true boxes.
    embeddings : ndarray
        ``(k, d)`` float32 unit rows of the true boxes whose identity is known.
    identities : ndarray
        ``(k,)`` int64.
    nose_errors : ndarray
        ``(m,)`` float64 distance of the nose from the true one, in body lengths, of the detected
        animals whose keypoints are known and found.
    is_reversed : ndarray
        ``(m,)`` bool: whether the body axis points to the tail base instead of the nose.
    recordings : ndarray
        ``(k,)`` int64 labelled recording of each; -1 = none.
    times_s : ndarray
        ``(k,)`` float64 time of each in its recording.
    """

    scores: NDArray[np.float32]
    hits50: NDArray[np.bool_]
    hits75: NDArray[np.bool_]
    n_truth: int
    embeddings: NDArray[np.float32]
    identities: NDArray[np.int64]
    nose_errors: NDArray[np.float64]
    is_reversed: NDArray[np.bool_]
    recordings: NDArray[np.int64]
    times_s: NDArray[np.float64]

    @classmethod
    def concatenate(cls, parts: Sequence[ScoredDetections]) -> ScoredDetections:
        """Return the detections of several batches as one."""
        return cls(
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.hits50 for part in parts]),
            np.concatenate([part.hits75 for part in parts]),
            sum(part.n_truth for part in parts),
            np.concatenate([part.embeddings for part in parts]),
            np.concatenate([part.identities for part in parts]),
            np.concatenate([part.nose_errors for part in parts]),
            np.concatenate([part.is_reversed for part in parts]),
            np.concatenate([part.recordings for part in parts]),
            np.concatenate([part.times_s for part in parts]),
        )


@dataclass(frozen=True)
class ValidationResult:
    """Result of `validate`.

    Attributes
    ----------
    ap50, ap75 : float
        Average precision at IoU 0.5 and 0.75 over all images, in [0, 1].
    recall : float
        Share of animals with a detection at IoU 0.5 or more and a calibrated score of 0.5 or more.
    rank1 : float or None
        Rank-1 accuracy of re-identification: share of true boxes for which the most similar other
        box is of the same animal, among animals with two or more boxes. Animals of a labelled
        recording are compared with boxes of that recording at least a second away, as in
        `murid.evaluation`; all others with each other. None if there are no such animals.
    nose_error : float or None
        Median distance of the nose from the true one, in body lengths from nose to tail base. None
        if no keypoints are known and found.
    reversed_share : float or None
        Share of these animals whose body axis points to the tail base.
    score_scale, score_bias : float
        Calibration: ``sigmoid(scale * logit(score) + bias)`` is the probability that a detection
        is correct.
    reid_map : float or None
        Mean average precision of re-identification, of the same queries as `rank1`.
    """

    ap50: float
    ap75: float
    recall: float
    rank1: float | None
    nose_error: float | None
    reversed_share: float | None
    score_scale: float
    score_bias: float
    reid_map: float | None = None


def validate(
    network: Network | Yolox, stills: Sequence[Still], second_views: Sequence[Still] = ()
) -> ValidationResult:
    """Return the metrics of a network in evaluation mode.

    Parameters
    ----------
    network : Network or Yolox
    stills : sequence of Still
        Labelled images of one size.
    second_views : sequence of Still
        Other views of these images, for re-identification only.
    """
    scored = [score_batch(network, batch) for batch in _iterate_batches(stills)]
    scored += [
        score_batch(network, batch, detects=False) for batch in _iterate_batches(second_views)
    ]
    return summarise(scored)


def _iterate_batches(stills: Sequence[Still]) -> Iterator[Batch]:
    for first in range(0, len(stills), _BATCH_SIZE):
        yield collate(list(stills[first : first + _BATCH_SIZE]))


def score_batch(
    network: Network | Yolox, batch: Batch, *, detects: bool = True
) -> ScoredDetections:
    """Detect in a batch and compare with the ground truth, and embed the true boxes.

    Parameters
    ----------
    network : Network or Yolox
    batch : Batch
    detects : bool
        Whether to detect; otherwise the result has embeddings only.
    """
    with torch.inference_mode():
        output = network(batch.images[:, : network.config.n_channels])
        # Embed the true boxes, so that errors of detection do not count for re-identification.
        known = (batch.identities >= 0) & isinstance(network, Network)
        embeddings = _embed(network, output, to_rois(batch.boxes)[known.cpu()])
    known = known.cpu()
    detections = decode_output(network, output) if detects else []
    truths = batch.boxes if detects else []
    pairs = [(d.boxes, truth) for d, truth in zip(detections, truths, strict=True)]
    none = np.zeros(0, np.bool_)
    keypoints = batch.keypoints if detects else []
    nose_errors, is_reversed = _compare_keypoints(detections, truths, keypoints)
    return ScoredDetections(
        scores=np.concatenate([np.zeros(0, np.float32), *(d.scores for d in detections)]),
        hits50=np.concatenate([none, *(match_greedily(b, truth, 0.5) for b, truth in pairs)]),
        hits75=np.concatenate([none, *(match_greedily(b, truth, 0.75) for b, truth in pairs)]),
        n_truth=sum(len(truth) for truth in truths),
        embeddings=embeddings.float().cpu().numpy(),
        identities=batch.identities.cpu()[known].numpy(),
        nose_errors=nose_errors,
        is_reversed=is_reversed,
        recordings=batch.recordings[known.numpy()],
        times_s=batch.times_s[known.numpy()],
    )


def _compare_keypoints(
    detections: Sequence[Detections],
    true_boxes: Sequence[NDArray[Any]],
    true_keypoints: Sequence[NDArray[Any]],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return errors of the nose ``(m,)`` and whether axes are reversed; see `ScoredDetections`."""
    found = []
    truth = []
    for image, boxes, keypoints in zip(detections, true_boxes, true_keypoints, strict=True):
        if image.keypoints is None or not len(image) or not len(boxes):
            continue
        overlaps = compute_iou(boxes, image.boxes)
        matched = (overlaps.max(axis=1) >= _MIN_MATCH_IOU) & np.isfinite(keypoints).all((1, 2))
        found.append(image.keypoints[overlaps.argmax(axis=1)[matched], :, :2])
        truth.append(keypoints[matched])
    none = np.zeros((0, len(KEYPOINTS), 2))
    found_points = np.concatenate([none, *found])
    true_points = np.concatenate([none, *truth])
    true_axes = true_points[:, NOSE] - true_points[:, TAIL_BASE]
    found_axes = found_points[:, NOSE] - found_points[:, TAIL_BASE]
    errors = np.linalg.norm(found_points[:, NOSE] - true_points[:, NOSE], axis=1)
    lengths = np.linalg.norm(true_axes, axis=1)
    return errors / np.maximum(lengths, 1), (true_axes * found_axes).sum(axis=1) < 0


@torch.inference_mode()
def detect_batch(
    network: Network | Yolox, batch: Batch, score_threshold: float = _MIN_SCORE
) -> list[Detections]:
    """Return the detections in each image of a batch, in pixels, best first."""
    output = network(batch.images[:, : network.config.n_channels])
    return decode_output(network, output, score_threshold)


def decode_output(
    network: Network | Yolox, output: Any, score_threshold: float = _MIN_SCORE
) -> list[Detections]:
    """Return the detections in each image from the output for a batch, in pixels, best first."""
    if isinstance(network, Yolox):
        decoded = decode_yolox(output, score_threshold)
        return [Detections(boxes.cpu().numpy(), scores.cpu().numpy()) for boxes, scores in decoded]
    heatmaps = output.heatmap.sigmoid().float().cpu().numpy()
    offsets = output.offset.float().cpu().numpy()
    sizes = output.size.float().cpu().numpy()
    keypoints = [None] * len(heatmaps)
    if output.keypoints is not None:
        keypoints = output.keypoints.float().cpu().numpy()
    detections = []
    for heatmap, *others in zip(heatmaps, offsets, sizes, keypoints, strict=True):
        maps = HeadMaps(heatmap.max(axis=0), *others)
        box_mode = network.config.box_mode
        detections.append(decode(maps, box_mode=box_mode, score_threshold=score_threshold))
    return detections


def _embed(network: Network | Yolox, output: Any, rois: torch.Tensor) -> torch.Tensor:
    """Return unit rows ``(k, d)`` of boxes ``(k, 5)``; plain YOLOX has none."""
    if isinstance(network, Yolox):
        return rois.new_zeros((0, network.config.rim.embedding_size))
    return network.embed(output, rois.to(output.p3.device))


def summarise(parts: Iterable[ScoredDetections]) -> ValidationResult:
    """Return average precision, recall, rank 1 and calibration of all parts together."""
    scored = ScoredDetections.concatenate(list(parts))
    scale, bias = fit_calibration(scored.scores, scored.hits50)
    retrieval = retrieve_animals(scored)
    # A calibrated score of 0.5 or more has a logit of 0 or more.
    likely = scale * _logit(scored.scores) + bias >= 0
    has_keypoints = len(scored.nose_errors) > 0
    return ValidationResult(
        ap50=compute_average_precision(scored.scores, scored.hits50, scored.n_truth),
        ap75=compute_average_precision(scored.scores, scored.hits75, scored.n_truth),
        recall=float(scored.hits50[likely].sum() / max(scored.n_truth, 1)),
        rank1=None if retrieval is None else retrieval.compute_rank(1),
        nose_error=float(np.median(scored.nose_errors)) if has_keypoints else None,
        reversed_share=float(scored.is_reversed.mean()) if has_keypoints else None,
        score_scale=scale,
        score_bias=bias,
        reid_map=None if retrieval is None else retrieval.compute_mean_average_precision(),
    )


def retrieve_animals(scored: ScoredDetections) -> Retrieval | None:
    """Return the retrieval of all animals by their embeddings; None if no two are known.

    Each recording is a gallery of its own. One with a single animal is left out, since there is
    nothing to mistake it for. Boxes that belong to no recording are one more gallery.
    """
    parts = []
    for recording in np.unique(scored.recordings):
        rows = scored.recordings == recording
        identities = scored.identities[rows]
        if len(np.unique(identities)) < 2:
            continue
        # Times in milliseconds stand for frame numbers. Without a recording there is no time.
        times_ms = (1000 * scored.times_s[rows]).round().astype(np.int64)
        frames = None if recording < 0 else times_ms
        gap = round(1000 * MIN_GAP_S)
        parts.append(retrieve(scored.embeddings[rows], identities, frames, gap))
    return Retrieval.concatenate(parts) if parts else None


def fit_calibration(scores: NDArray[Any], hits: NDArray[np.bool_]) -> tuple[float, float]:
    """Return scale and bias of Platt's logistic calibration of the scores' logits (Platt 1999).

    If all detections are correct, or none is, scores stay unchanged: scale 1 and bias 0.
    """
    if hits.all() or not hits.any():
        return 1.0, 0.0
    logits = _logit(scores)
    targets = hits.astype(np.float64)

    def compute_loss(parameters: NDArray[Any]) -> float:
        z = parameters[0] * logits + parameters[1]
        return float(np.mean(np.logaddexp(0, z) - targets * z))

    # Nelder-Mead needs no gradient; there are two parameters only.
    scale, bias = minimize(compute_loss, np.array([1.0, 0.0]), method="Nelder-Mead").x
    return float(scale), float(bias)


def _logit(scores: NDArray[Any]) -> NDArray[np.float64]:
    p = np.clip(scores.astype(np.float64), _LOGIT_MARGIN, 1 - _LOGIT_MARGIN)
    return np.asarray(np.log(p / (1 - p)))

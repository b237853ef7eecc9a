"""How good a network is on pictures it has not seen: average precision, and the calibration of its scores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize

from murid.core.types import Float32
from murid.detection.decode import HeadMaps, decode
from murid.metrics import compute_average_precision, match_greedily, retrieve
from murid.networks.comparison.yolox_head import Yolox, decode_yolox
from murid.networks.network import Network
from murid.synthetic.still import Still
from murid.training.data import Batch, collate, to_rois

_SCORE_THRESHOLD = 0.03
_BATCH_SIZE = 16


@dataclass(frozen=True)
class Scored:
    """Detections of some pictures marked against the truth.

    Attributes
    ----------
    scores : ndarray
        ``(n,)`` float32, before calibration.
    hits50, hits75 : ndarray
        ``(n,)`` bool: whether a detection finds an animal at IoU 0.5 and 0.75.
    n_truth : int
        Number of animals.
    embeddings : ndarray
        ``(k, d)`` float32 unit rows of the true boxes whose identity is known.
    identities : ndarray
        ``(k,)`` int64.
    """

    scores: NDArray[np.float32]
    hits50: NDArray[np.bool_]
    hits75: NDArray[np.bool_]
    n_truth: int
    embeddings: NDArray[np.float32]
    identities: NDArray[np.int64]


@dataclass(frozen=True)
class Validation:
    """What `validate` found.

    Attributes
    ----------
    ap50, ap75 : float
        Average precision at IoU 0.5 and 0.75, all pictures together, in [0, 1].
    recall : float
        Share of animals with a detection at IoU 0.5 or more and a calibrated score of 0.5 or more.
    rank1 : float or None
        Share of animals seen twice or more whose most alike box is the same animal; None where none
        is.
    score_scale, score_bias : float
        Calibration: ``sigmoid(scale * logit(score) + bias)`` is the chance that a detection is
        right.
    """

    ap50: float
    ap75: float
    recall: float
    rank1: float | None
    score_scale: float
    score_bias: float


def validate(network: Network | Yolox, stills: Sequence[Still]) -> Validation:
    """Measure a network in evaluation mode on pictures of one size with truth."""
    chunks = (stills[k : k + _BATCH_SIZE] for k in range(0, len(stills), _BATCH_SIZE))
    return summarise([score_batch(network, collate(list(chunk))) for chunk in chunks])


def score_batch(network: Network | Yolox, batch: Batch) -> Scored:
    """Detect in a batch, and mark what is right."""
    with torch.inference_mode():
        output = network(batch.images[:, : network.config.n_channels])
        known = (batch.identities >= 0) & isinstance(network, Network)
        embeddings = _embed(network, output, to_rois(batch.boxes)[known.cpu()])
    found = decode_output(network, output)
    pairs = list(zip((boxes for boxes, _ in found), batch.boxes, strict=True))
    return Scored(
        np.concatenate([scores for _, scores in found]),
        np.concatenate([match_greedily(boxes, truth, 0.5) for boxes, truth in pairs]),
        np.concatenate([match_greedily(boxes, truth, 0.75) for boxes, truth in pairs]),
        sum(len(truth) for truth in batch.boxes),
        embeddings.float().cpu().numpy(),
        batch.identities[known].cpu().numpy(),
    )


@torch.inference_mode()
def detect_batch(
    network: Network | Yolox, batch: Batch, score_threshold: float = _SCORE_THRESHOLD
) -> list[tuple[Float32, Float32]]:
    """Boxes in pixels and scores of each picture of a batch, best first."""
    return decode_output(
        network, network(batch.images[:, : network.config.n_channels]), score_threshold
    )


def decode_output(
    network: Network | Yolox, output: Any, score_threshold: float = _SCORE_THRESHOLD
) -> list[tuple[Float32, Float32]]:
    """Boxes in pixels and scores of each picture from what the network says of a batch, best first."""
    if isinstance(network, Yolox):
        return [
            (b.cpu().numpy(), s.cpu().numpy()) for b, s in decode_yolox(output, score_threshold)
        ]
    heads = (output.heatmap.sigmoid(), output.offset, output.size)
    heatmaps, offsets, sizes = (value.float().cpu().numpy() for value in heads)
    return [
        decode(
            HeadMaps(h.max(axis=0), o, s),
            box_mode=network.config.box_mode,
            score_threshold=score_threshold,
        )
        for h, o, s in zip(heatmaps, offsets, sizes, strict=True)
    ]


def _embed(network: Network | Yolox, output: Any, rois: torch.Tensor) -> torch.Tensor:
    """Unit rows ``(k, d)`` of boxes ``(k, 5)``; plain YOLOX has none."""
    if isinstance(network, Yolox):
        return rois.new_zeros((0, network.config.rim.embedding_size))
    return network.embed(output, rois.to(output.p3.device))


def summarise(scored: Iterable[Scored]) -> Validation:
    """Average precision, recall and calibration of all that was scored."""
    parts = list(scored)
    scores = np.concatenate([part.scores for part in parts])
    hits50, hits75 = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("hits50", "hits75")
    )
    n_truth = sum(part.n_truth for part in parts)
    scale, bias = fit_calibration(scores, hits50)
    sure = scale * _logit(scores) + bias >= 0
    ap50, ap75 = (compute_average_precision(scores, hits, n_truth) for hits in (hits50, hits75))
    embeddings, identities = (
        np.concatenate([getattr(p, name) for p in parts]) for name in ("embeddings", "identities")
    )
    rank1 = retrieve(embeddings, identities).compute_rank(1)
    return Validation(ap50, ap75, float(hits50[sure].sum() / max(n_truth, 1)), rank1, scale, bias)


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

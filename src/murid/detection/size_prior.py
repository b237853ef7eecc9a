"""Body-size prior: lower the scores of detections much smaller than the animals of a recording."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from murid.core.boxes import compute_areas
from murid.core.types import Detections, Float32, Float64

# Detections with at least this score are taken for animals when the body area is estimated.
_MIN_SCORE = 0.5

# A body may be this many times smaller than the median body without a penalty: a mouse among rats,
# or an animal that is half occluded.
_FREE_SIZE_RATIO = 5.0


def compute_weighted_median(values: Float64, weights: Float64) -> float:
    """Return the value ``(n,)`` below which half of the weights ``(n,)`` lie; n is at least 1."""
    order = np.argsort(values)
    cumulative = np.cumsum(weights[order])
    return float(values[order[np.searchsorted(cumulative, weights.sum() / 2)]])


def estimate_body_area(detections: Sequence[Detections]) -> float | None:
    """Return the median box area of high-scored detections, in square pixels, weighted by score.

    None if there are no such detections.
    """
    scores = np.concatenate([np.zeros(0), *(frame.scores for frame in detections)])
    areas = np.concatenate([np.zeros(0), *(compute_areas(frame.boxes) for frame in detections)])
    is_animal = scores >= _MIN_SCORE
    if not is_animal.any():
        return None
    return compute_weighted_median(areas[is_animal], scores[is_animal])


def downweight_small(scores: Float32, areas: Float32, body_area: float, penalty: float) -> Float32:
    """Return lower scores for boxes that are much smaller than the median body.

    The logit of a score falls by `penalty` times the logarithm of the ratio between a fifth of the
    body area and the box's area, if that ratio is above 1. Reflections and droppings are that
    small, animals of one recording hardly ever.

    Parameters
    ----------
    scores, areas : ndarray
        ``(n,)`` float32 scores, and areas in square pixels.
    body_area : float
        Median area of a body, as `estimate_body_area` returns it.
    penalty : float
        0 or more; 0 changes nothing.
    """
    positive_areas = np.maximum(areas.astype(np.float64), 1e-9)
    ratio = body_area / (_FREE_SIZE_RATIO * positive_areas)
    clipped = np.clip(scores.astype(np.float64), 1e-6, 1 - 1e-6)
    odds = clipped / (1 - clipped) * np.maximum(ratio, 1.0) ** -penalty
    return np.asarray(odds / (1 + odds), np.float32)

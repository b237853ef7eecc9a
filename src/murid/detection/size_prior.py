"""What most bodies in a recording are like, and how much less likely an animal is what is far smaller."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from murid.core.boxes import compute_areas
from murid.core.types import Detections, Float32, Float64

_SURE = 0.5
_FREELY_SMALLER = 5.0
"""Times by which a body may be smaller than usual: a mouse among rats, or one half hidden."""


def compute_weighted_median(values: Float64, weights: Float64) -> float:
    """Value of which half of all weight lies below and half above; at least one value ``(n,)``."""
    order = np.argsort(values)
    return float(values[order[np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)]])


def estimate_body_area(found: Sequence[Detections]) -> float | None:
    """Find the usual area of a body in square pixels among sure detections; None if there are none."""
    scores = np.concatenate([np.zeros(0), *(d.scores for d in found)])
    areas = np.concatenate([np.zeros(0), *(compute_areas(d.boxes) for d in found)])
    sure = scores >= _SURE
    return compute_weighted_median(areas[sure], scores[sure]) if sure.any() else None


def downweight_small(scores: Float32, areas: Float32, body_area: float, doubt: float) -> Float32:
    """Lower the scores ``(n,)`` of what is far smaller than usual.

    The logit of a score falls by `doubt` times the logarithm of how many times an area is smaller
    than a fifth of the usual one: glints and droppings are, animals of one recording hardly ever.
    """
    times_smaller = body_area / (_FREELY_SMALLER * np.maximum(areas.astype(np.float64), 1e-9))
    known = np.clip(scores.astype(np.float64), 1e-6, 1 - 1e-6)
    odds = known / (1 - known) * np.maximum(times_smaller, 1.0) ** -doubt
    return np.asarray(odds / (1 + odds), np.float32)

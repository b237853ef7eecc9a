"""Unit vectors that describe appearance: normalising, distance, running mean."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Embeddings = NDArray[np.floating]


def normalize(embeddings: Embeddings) -> Embeddings:
    """Rows ``(n, d)`` scaled to unit length; a zero row stays zero."""
    norms = np.linalg.norm(embeddings, axis=-1, keepdims=True)
    unit: Embeddings = np.divide(
        embeddings, norms, out=np.zeros(embeddings.shape, norms.dtype), where=norms > 0
    )
    return unit


def compute_cosine_distances(a: Embeddings, b: Embeddings) -> Embeddings:
    """Cosine distances ``(n, m)`` in [0, 2] between unit rows ``(n, d)`` and ``(m, d)``."""
    # Rounding can make the dot product of equal unit rows exceed 1.
    return np.maximum(1 - a @ b.T, 0)


def update_running_mean(
    means: Embeddings, observed: Embeddings, momentum: float = 0.9
) -> Embeddings:
    """Exponential running mean of unit rows ``(n, d)``, scaled to unit length (FairMOT).

    `momentum` is the weight of the old mean.
    """
    return normalize(momentum * means + (1 - momentum) * observed)

"""Mean prints of fur as points of a space in which what is curved among them can be cut straight."""

from __future__ import annotations

import numpy as np

from murid.core.types import Float32

MOST_LANDMARKS = 600
"""Prints that others are compared with: so many dimensions has the space at most."""
_SHARPNESS = 1.0
_LEAST_SPREAD = 1e-4  # of the most spread direction, below which one is left out
_BLOCK = 8192


def compute_kernel_features(fur_descriptors: Float32, rng: np.random.Generator) -> Float32:
    """Points ``(Q, r)`` whose inner products are those of a Gaussian kernel of the patterns.

    A print is as strong as the light and as long as it was seen; only its pattern counts, its
    direction. Poses and bodies that were found the wrong way round make one animal's patterns
    several heaps, which the kernel keeps apart (Nyström approximation: Williams and Seeger, NIPS
    2000).

    Parameters
    ----------
    fur_descriptors : ndarray
        ``(Q, p)`` float32.
    rng : Generator
    """
    if not len(fur_descriptors):
        return np.zeros((0, 1), np.float32)
    patterns = fur_descriptors - fur_descriptors.mean(axis=0)
    patterns /= np.maximum(np.linalg.norm(patterns, axis=1, keepdims=True), 1e-9)
    landmarks = patterns[
        np.sort(rng.choice(len(patterns), min(MOST_LANDMARKS, len(patterns)), replace=False))
    ]
    spread, ways = np.linalg.eigh(_compare(landmarks, landmarks).astype(np.float64))
    some = spread > _LEAST_SPREAD * spread[-1]
    scaled = (ways[:, some] / np.sqrt(spread[some])).astype(np.float32)
    points = [
        _compare(patterns[i : i + _BLOCK], landmarks) @ scaled
        for i in range(0, len(patterns), _BLOCK)
    ]
    return np.concatenate(points)


def _compare(a: Float32, b: Float32) -> Float32:
    """Gaussian kernel ``(n, m)`` of unit vectors."""
    likeness: Float32 = np.exp(2 * _SHARPNESS * (a @ b.T - 1))
    return likeness

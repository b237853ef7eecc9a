"""Kernel features of fur descriptors: the Nyström approximation of a Gaussian kernel."""

from __future__ import annotations

import numpy as np

from murid.core.types import Float32

# Landmarks of the Nyström approximation, and so the largest number of dimensions. Time and memory
# grow linearly with it.
MAX_LANDMARKS = 600
# Precision of the Gaussian. A larger one separates more clusters, but needs more landmarks.
_GAMMA = 1.0
# Eigenvalues below this share of the largest are noise, which whitening would amplify.
_MIN_EIGENVALUE_SHARE = 1e-4
# Rows at a time, which bounds the memory of the kernel matrix.
_CHUNK_ROWS = 8192


def compute_kernel_features(fur_descriptors: Float32, rng: np.random.Generator) -> Float32:
    """Return points ``(Q, r)`` whose inner products approximate a Gaussian kernel.

    Descriptors are centred and scaled to length one first, since their length depends on the light
    and on how many images they are the mean of. The descriptors of one animal form several
    clusters, one a posture, and those of bodies whose front and rear were confused. Linear
    discriminants can separate such clusters from other animals only in the kernel space.

    The approximation is that of Williams and Seeger (NIPS 2000).

    Parameters
    ----------
    fur_descriptors : ndarray
        ``(Q, p)`` float32.
    rng : Generator
        Chooses the landmarks.
    """
    if not len(fur_descriptors):
        return np.zeros((0, 1), np.float32)
    # Centre, and scale to length one.
    patterns = fur_descriptors - fur_descriptors.mean(axis=0)
    patterns /= np.maximum(np.linalg.norm(patterns, axis=1, keepdims=True), 1e-9)
    # Whiten the kernel between landmarks.
    n_landmarks = min(MAX_LANDMARKS, len(patterns))
    landmarks = patterns[np.sort(rng.choice(len(patterns), n_landmarks, replace=False))]
    kernel = _compute_kernel(landmarks, landmarks).astype(np.float64)
    eigenvalues, eigenvectors = np.linalg.eigh(kernel)
    kept = eigenvalues > _MIN_EIGENVALUE_SHARE * eigenvalues[-1]
    whitening = (eigenvectors[:, kept] / np.sqrt(eigenvalues[kept])).astype(np.float32)
    # Project all descriptors, some rows at a time.
    points = [
        _compute_kernel(patterns[start : start + _CHUNK_ROWS], landmarks) @ whitening
        for start in range(0, len(patterns), _CHUNK_ROWS)
    ]
    return np.concatenate(points)


def _compute_kernel(a: Float32, b: Float32) -> Float32:
    """Return the Gaussian kernel ``(n, m)`` of unit vectors ``(n, p)`` and ``(m, p)``."""
    kernel: Float32 = np.exp(2 * _GAMMA * (a @ b.T - 1))
    return kernel

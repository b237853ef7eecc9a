"""Looks of tracklets, averaged over short stretches of clear sights, in one pass over the embeddings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from murid.core.types import Float32, Float64, Int32, Int64
from murid.identification.appearance_model import PIECE_S, TrackletFeatures, add_up
from murid.identification.evidence import TrackletEvidence
from murid.identification.kernel_features import compute_kernel_features

_SIZE_WEIGHT = 0.1
_LEAST_SIGHTS = 3
_MOST_PIECES = 200_000


@dataclass(frozen=True, eq=False, slots=True)
class FurDescriptors:
    """Prints of the fur of some detections.

    Attributes
    ----------
    rows : ndarray
        ``(K,)`` int64 rows of the detections in the whole recording, ascending.
    values : ndarray
        ``(K, p)`` float.
    """

    rows: Int64
    values: NDArray[np.floating]


def compute_tracklet_features(
    evidence: TrackletEvidence,
    order: Int32,
    embeddings: Iterable[tuple[int, Float32]],
    n_animals: int,
    fur_descriptors: FurDescriptors | None = None,
) -> TrackletFeatures:
    """Average the looks of clear sights over short stretches of each tracklet.

    Parameters
    ----------
    evidence : Sights
    order : ndarray
        ``(N,)`` int32: rows of the tracklets are places in it, and it holds rows of the embeddings.
    embeddings : iterable
        First row and ``(n, d)`` embeddings of one stretch after the other, a row of zeros where
        there is none; none at all leaves size alone.
    n_animals : int
    fur_descriptors : Prints, optional
    """
    codes, owners, basics, counts = _cut(evidence, order, n_animals)
    features, n_looks = basics[:, 1:].astype(np.float32), np.zeros(len(codes), np.float32)
    for first, stretch in embeddings:
        if features.shape[1] == 1:
            size, features = features, np.zeros((len(codes), 1 + stretch.shape[1]), np.float32)
            features[:, :1] = size
        of = owners[first : first + len(stretch)]
        rows = np.flatnonzero((of >= 0) & stretch.any(axis=1))
        own, numbers, seen = np.unique(of[rows], return_inverse=True, return_counts=True)
        graph = csr_array(
            (np.ones(len(rows), np.float32), (numbers, rows)), shape=(len(own), len(stretch))
        )
        features[own, 1:] += graph @ stretch
        n_looks[own] += seen
    good = (counts >= _LEAST_SIGHTS) & ((n_looks > 0) if features.shape[1] > 1 else True)
    features[:, 1:] /= np.maximum(n_looks, 1)[:, None]
    found = TrackletFeatures(codes[good], basics[good, 0], features[good])
    if fur_descriptors is None:
        return found
    places = np.where(good, np.cumsum(good) - 1, -1)
    of = owners[fur_descriptors.rows]
    return _add_prints(found, fur_descriptors, np.where(of >= 0, places[of], -1))


def _cut(
    evidence: TrackletEvidence, order: Int32, n_animals: int
) -> tuple[Int64, Int32, Float64, Float64]:
    """Tracklet ``(P,)`` of each piece, piece ``(N,)`` of each detection, time and size ``(P, 2)``, sights ``(P,)``."""
    tracklets, frames, fps = evidence.tracklets, evidence.frames, evidence.motion.fps
    n_frames = int(frames.max(initial=0)) + 1
    length = max(1, round(PIECE_S * fps), n_frames * n_animals // _MOST_PIECES)
    places = np.flatnonzero(evidence.clear)
    codes = tracklets.numbers[places]
    codes = codes * (n_frames + 1) + (frames[places] - tracklets.first_frames[codes]) // length
    codes, tracklet_features = np.unique(codes, return_inverse=True)
    basics = np.column_stack(
        [frames[places] / fps, _SIZE_WEIGHT * evidence.shapes[places, 2:].sum(axis=1)]
    )
    sums, counts = add_up(basics, tracklet_features, len(codes))
    owners = np.full(len(order), -1, np.int32)
    owners[order[tracklets.rows[places]]] = tracklet_features
    return codes // (n_frames + 1), owners, sums / np.maximum(counts, 1)[:, None], counts


def _add_prints(
    tracklet_features: TrackletFeatures, fur_descriptors: FurDescriptors, of: Int64
) -> TrackletFeatures:
    """Pieces with the mean prints of their detections; `of` ``(K,)`` says which piece each print belongs to."""
    rows = np.flatnonzero(of >= 0)
    printed, numbers, counts = np.unique(of[rows], return_inverse=True, return_counts=True)
    graph = csr_array(
        (np.ones(len(rows), np.float32), (numbers, rows)), shape=(len(printed), len(of))
    )
    means = (graph @ fur_descriptors.values.astype(np.float32)) / counts[:, None].astype(np.float32)
    patterns = compute_kernel_features(means, np.random.default_rng(0))
    return TrackletFeatures(
        tracklet_features.tracklets,
        tracklet_features.times_s,
        tracklet_features.features,
        printed,
        patterns,
    )

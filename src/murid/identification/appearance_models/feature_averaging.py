"""Average embeddings, size and fur descriptors over segments of tracklets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from murid.core.types import Float32, Float64, Int32, Int64
from murid.identification.appearance_models.kernel_features import compute_kernel_features
from murid.identification.appearance_models.tracklet_features import (
    SEGMENT_S,
    FurDescriptors,
    TrackletFeatures,
    compute_appearance_times,
    sum_by_group,
)
from murid.identification.evidence import TrackletEvidence

# Weight of the logarithm of the box area beside the unit-length embedding.
_SIZE_WEIGHT = 0.1
# Segments of fewer unoccluded detections are too noisy, and not needed: there are enough others. At
# low frame rates there are not, and half of the frames of a segment suffice.
_MIN_DETECTIONS = 3
# Upper bound of the number of segments, and so of memory: segments of a long recording are longer.
_MAX_SEGMENTS = 200_000


@dataclass(frozen=True, eq=False, slots=True)
class _Segments:
    """Segments of tracklets, before embeddings are added.

    Attributes
    ----------
    tracklets : ndarray
        ``(P,)`` int64 tracklet of each segment.
    of_detections : ndarray
        ``(N,)`` int32 segment of each detection of the recording; -1 = none.
    times_s : ndarray
        ``(P,)`` float64 mean time in seconds.
    sizes : ndarray
        ``(P,)`` float64 mean weighted logarithm of the box area.
    counts : ndarray
        ``(P,)`` float64 number of unoccluded detections.
    min_detections : int
        Segments of fewer unoccluded detections are not used.
    """

    tracklets: Int64
    of_detections: Int32
    times_s: Float64
    sizes: Float64
    counts: Float64
    min_detections: int

    def __len__(self) -> int:
        return len(self.tracklets)


def compute_tracklet_features(
    evidence: TrackletEvidence,
    order: Int32,
    embeddings: Iterable[tuple[int, Float32]],
    n_animals: int,
    fur_descriptors: FurDescriptors | None = None,
) -> TrackletFeatures:
    """Average size, embeddings and fur descriptors over segments of each tracklet.

    Only unoccluded detections count. Embeddings are read once, chunk by chunk.

    Parameters
    ----------
    evidence : TrackletEvidence
    order : ndarray
        ``(N,)`` int32: the rows of the tracklets are positions in it; it holds rows of the
        embeddings.
    embeddings : iterable
        First row and ``(n, d)`` embeddings of one chunk after the other, a row of zeros for a
        detection without; no chunk at all leaves size as the only feature.
    n_animals : int
    fur_descriptors : FurDescriptors, optional
    """
    segments = _cut_segments(evidence, order, n_animals)
    means, n_embedded = _average_embeddings(segments, embeddings)
    features = np.column_stack([segments.sizes.astype(np.float32), means])
    # Drop segments of few detections, and those without embeddings where others have some.
    kept = segments.counts >= segments.min_detections
    if means.shape[1]:
        kept &= n_embedded > 0
    found = TrackletFeatures(segments.tracklets[kept], segments.times_s[kept], features[kept])
    if fur_descriptors is None:
        return found
    new_numbers = np.where(kept, np.cumsum(kept) - 1, -1)
    of_descriptors = segments.of_detections[fur_descriptors.rows]
    owners = np.where(of_descriptors >= 0, new_numbers[of_descriptors], -1)
    return _add_fur_features(found, fur_descriptors, owners)


def _cut_segments(evidence: TrackletEvidence, order: Int32, n_animals: int) -> _Segments:
    """Cut the tracklets into segments, and average time and size of their unoccluded detections."""
    tracklets = evidence.tracklets
    frames = evidence.frames
    fps = evidence.motion.fps
    n_frames = int(frames.max(initial=0)) + 1
    length = max(1, round(SEGMENT_S * fps), n_frames * n_animals // _MAX_SEGMENTS)
    # A segment is a tracklet and the number of the segment within it.
    rows = np.flatnonzero(evidence.unoccluded)
    owners = tracklets.numbers[rows]
    within = (frames[rows] - tracklets.first_frames[owners]) // length
    codes, segments = np.unique(owners * (n_frames + 1) + within, return_inverse=True)
    times_s = compute_appearance_times(frames[rows], fps)
    sizes = _SIZE_WEIGHT * evidence.shapes[rows, 2:].sum(axis=1)
    sums, counts = sum_by_group(np.column_stack([times_s, sizes]), segments, len(codes))
    means = sums / np.maximum(counts, 1)[:, None]
    of_detections = np.full(len(order), -1, np.int32)
    of_detections[order[tracklets.rows[rows]]] = segments
    return _Segments(
        tracklets=codes // (n_frames + 1),
        of_detections=of_detections,
        times_s=means[:, 0],
        sizes=means[:, 1],
        counts=counts,
        min_detections=min(_MIN_DETECTIONS, (length + 1) // 2),
    )


def _average_embeddings(
    segments: _Segments, chunks: Iterable[tuple[int, Float32]]
) -> tuple[Float32, Float32]:
    """Return mean embeddings ``(P, d)`` of the segments, and how many each is the mean of ``(P,)``.

    Without chunks, d = 0.
    """
    sums = np.zeros((len(segments), 0), np.float32)
    counts = np.zeros(len(segments), np.float32)
    for first, chunk in chunks:
        if not sums.shape[1]:
            sums = np.zeros((len(segments), chunk.shape[1]), np.float32)
        owners = segments.of_detections[first : first + len(chunk)]
        rows = np.flatnonzero((owners >= 0) & chunk.any(axis=1))
        own, numbers, n_rows = np.unique(owners[rows], return_inverse=True, return_counts=True)
        sums[own] += _build_incidence(numbers, rows, (len(own), len(chunk))) @ chunk
        counts[own] += n_rows
    means = sums / np.maximum(counts, 1)[:, None]
    return means.astype(np.float32), counts


def _add_fur_features(
    features: TrackletFeatures, fur_descriptors: FurDescriptors, owners: Int64
) -> TrackletFeatures:
    """Add kernel features of mean fur descriptors; `owners` ``(K,)`` are their segments or -1."""
    rows = np.flatnonzero(owners >= 0)
    segments, numbers, counts = np.unique(owners[rows], return_inverse=True, return_counts=True)
    incidence = _build_incidence(numbers, rows, (len(segments), len(owners)))
    sums = incidence @ fur_descriptors.values.astype(np.float32)
    means = sums / counts[:, None].astype(np.float32)
    fur_features = compute_kernel_features(means, np.random.default_rng(0))
    return TrackletFeatures(
        features.tracklets, features.times_s, features.features, segments, fur_features
    )


def _build_incidence(groups: NDArray[np.integer], rows: Int64, shape: tuple[int, int]) -> csr_array:
    """Return the sparse matrix whose product with values ``(n, d)`` sums the rows of each group."""
    return csr_array((np.ones(len(rows), np.float32), (groups, rows)), shape=shape)

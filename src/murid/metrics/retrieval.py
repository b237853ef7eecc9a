"""Retrieval of the same animal by embeddings: rank-k accuracy and mean average precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from murid.core.types import Float32, Float64, Int64

# Minimum time between a query and the boxes that it is compared with, since an animal looks the
# same a moment later.
MIN_GAP_S = 1.0

# Queries that are ranked together: more are not faster, and need more memory.
_QUERY_BATCH_SIZE = 512


@dataclass(frozen=True, eq=False, slots=True)
class Retrieval:
    """Results of the queries of one video or several.

    Attributes
    ----------
    ranks : ndarray
        ``(q,)`` int64: rank, from 0, of the first correct box in the gallery, most similar first.
    average_precisions : ndarray
        ``(q,)`` float64 in [0, 1].
    """

    ranks: Int64
    average_precisions: Float64

    def __len__(self) -> int:
        return len(self.ranks)

    @classmethod
    def concatenate(cls, parts: Sequence[Retrieval]) -> Retrieval:
        """Return the queries of several videos; at least one part."""
        return cls(
            ranks=np.concatenate([part.ranks for part in parts]),
            average_precisions=np.concatenate([part.average_precisions for part in parts]),
        )

    def compute_rank(self, k: int) -> float | None:
        """Return the rank-k accuracy in [0, 1]; None without queries."""
        return float((self.ranks < k).mean()) if len(self) else None

    def compute_mean_average_precision(self) -> float | None:
        """Return the mean average precision in [0, 1]; None without queries."""
        return float(self.average_precisions.mean()) if len(self) else None


def retrieve(
    embeddings: Float32, identities: Int64, frames: Int64 | None = None, gap_frames: int = 1
) -> Retrieval:
    """Rank for each box the others by the similarity of their embeddings.

    Parameters
    ----------
    embeddings : ndarray
        ``(k, d)`` float32 unit rows.
    identities : ndarray
        ``(k,)`` int64 animal of each in the ground truth.
    frames : ndarray, optional
        ``(k,)`` int64 frame of each.
    gap_frames : int
        The gallery of a query holds the boxes at least this many frames from it, because an animal
        looks the same a moment later. Without `frames` it holds all other boxes.

    Returns
    -------
    Retrieval
        One query for each box whose animal is in its gallery.

    References
    ----------
    Zheng et al., Scalable Person Re-identification: A Benchmark (2015), with frames in place of
    cameras.
    """
    parts = [Retrieval(np.zeros(0, np.int64), np.zeros(0))]
    for start in range(0, len(embeddings), _QUERY_BATCH_SIZE):
        queries = np.arange(start, min(start + _QUERY_BATCH_SIZE, len(embeddings)))
        parts.append(_rank(embeddings, identities, frames, gap_frames, queries))
    return Retrieval.concatenate(parts)


def _rank(
    embeddings: Float32,
    identities: Int64,
    frames: Int64 | None,
    gap_frames: int,
    queries: Int64,
) -> Retrieval:
    """Return the results of a batch of queries, given as rows."""
    # Sort all boxes by similarity, those outside the gallery last.
    similarities = embeddings[queries] @ embeddings.T
    outside_gallery = queries[:, None] == np.arange(len(embeddings))
    if frames is not None:
        outside_gallery |= np.abs(frames[queries][:, None] - frames) < gap_frames
    similarities[outside_gallery] = -np.inf
    order = np.argsort(-similarities, axis=1, kind="stable")

    # Keep the queries that have a correct box in their gallery.
    same_animal = identities[queries][:, None] == identities
    is_correct = np.take_along_axis(same_animal & ~outside_gallery, order, axis=1)
    is_correct = is_correct[is_correct.any(axis=1)]

    precision = np.cumsum(is_correct, axis=1) / np.arange(1, is_correct.shape[1] + 1)
    average_precisions = (precision * is_correct).sum(axis=1) / is_correct.sum(axis=1)
    return Retrieval(is_correct.argmax(axis=1), average_precisions)

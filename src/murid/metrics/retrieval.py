"""How well embeddings tell animals apart: retrieval of the same animal at another moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from murid.core.types import Float32, Float64, Int64

_QUERIES_AT_ONCE = 512


@dataclass(frozen=True, eq=False, slots=True)
class Retrieval:
    """Answers to queries; those of several videos can be laid end to end.

    Attributes
    ----------
    ranks : ndarray
        ``(q,)`` int64: place from 0 of the first box of the same animal among all, most alike
        first.
    average_precisions : ndarray
        ``(q,)`` float64 in [0, 1].
    """

    ranks: Int64
    average_precisions: Float64

    def __len__(self) -> int:
        return len(self.ranks)

    @classmethod
    def concatenate(cls, parts: Sequence[Retrieval]) -> Retrieval:
        """Lay queries of several videos end to end; at least one part."""
        ranks = np.concatenate([part.ranks for part in parts])
        return cls(ranks, np.concatenate([part.average_precisions for part in parts]))

    def compute_rank(self, k: int) -> float | None:
        """Share of queries with the same animal among the `k` most alike; None without queries."""
        return float((self.ranks < k).mean()) if len(self) else None

    def compute_mean_average_precision(self) -> float | None:
        """Mean of the average precisions in [0, 1]; None without queries."""
        return float(self.average_precisions.mean()) if len(self) else None


def retrieve(
    embeddings: Float32, identities: Int64, frames: Int64 | None = None, gap_frames: int = 1
) -> Retrieval:
    """Ask for each box which others show the same animal.

    Parameters
    ----------
    embeddings : ndarray
        ``(k, d)`` float32 unit rows.
    identities : ndarray
        ``(k,)`` int64 true animal of each.
    frames : ndarray, optional
        ``(k,)`` int64: when each was seen.
    gap_frames : int
        A query's gallery holds the boxes at least this far in time from it, since a moment later
        every animal looks like itself. Without `frames` it holds all others.

    Returns
    -------
    Retrieval
        One answer for each box whose animal is in its gallery.

    References
    ----------
    Zheng et al., Scalable Person Re-identification: A Benchmark (2015), with moments in place of
    cameras.
    """
    parts = [Retrieval(np.zeros(0, np.int64), np.zeros(0))]
    for start in range(0, len(embeddings), _QUERIES_AT_ONCE):
        queries = np.arange(start, min(start + _QUERIES_AT_ONCE, len(embeddings)))
        parts.append(_answer(embeddings, identities, frames, gap_frames, queries))
    return Retrieval.concatenate(parts)


def _answer(
    embeddings: Float32,
    identities: Int64,
    frames: Int64 | None,
    gap_frames: int,
    queries: NDArray[np.int64],
) -> Retrieval:
    likeness = embeddings[queries] @ embeddings.T
    outside = queries[:, None] == np.arange(len(embeddings))
    if frames is not None:
        outside |= np.abs(frames[queries][:, None] - frames) < gap_frames
    likeness[outside] = -np.inf
    order = np.argsort(-likeness, axis=1, kind="stable")
    same = identities[queries][:, None] == identities
    right = np.take_along_axis(same & ~outside, order, axis=1)
    right = right[right.any(axis=1)]
    precision = np.cumsum(right, axis=1) / np.arange(1, right.shape[1] + 1)
    return Retrieval(right.argmax(axis=1), (precision * right).sum(axis=1) / right.sum(axis=1))

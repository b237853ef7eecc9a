"""What the identities of one recording look like: prototypes that do not depend on pose, nor on a few wrong frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage

from murid.core.types import Float32, Float64, Index, Int64

MOST_PROTOTYPES = 12
"""Prototypes of an animal in one recording, at most."""
LEAST_SIGHTS = 5
"""Clear sights of an identity below which nothing is said of its looks."""
_KEPT = 0.9  # of the sights: the rest is most unlike the others, and often another animal
_SIGHTS_EACH = 10  # for each prototype
_RUN = 8  # sights in a row whose mean shows how much the looks of one animal vary


@dataclass(frozen=True, eq=False, slots=True)
class AppearanceSamples:
    """Clear sights of identities, spread over a recording, in time order.

    Attributes
    ----------
    identity_ids : ndarray
        ``(n,)`` int64.
    embeddings : ndarray
        ``(n, d)`` float32 unit rows.
    colour_features : ndarray
        ``(n, c)`` float32: looks in plain terms, NaN where they were not measured.
    """

    identity_ids: Int64
    embeddings: Float32
    colour_features: Float32


@dataclass(frozen=True, eq=False, slots=True)
class Prototypes:
    """Typical looks of animals.

    Attributes
    ----------
    owners : ndarray
        ``(p,)`` int64: which animal each is of.
    weights : ndarray
        ``(p,)`` float32: share of its animal's sights, adding up to 1 for each animal.
    embeddings : ndarray
        ``(p, d)`` float32.
    colour_features : ndarray
        ``(p, c)`` float32, NaN where they were not measured.
    """

    owners: Int64
    weights: Float32
    embeddings: Float32
    colour_features: Float32

    def __len__(self) -> int:
        return len(self.owners)

    def __getitem__(self, rows: Index) -> Prototypes:
        """Return some of them."""
        return Prototypes(*(getattr(self, name)[rows] for name in Prototypes.__slots__))

    def average(self, n_owners: int) -> tuple[Float64, Float64]:
        """Mean embeddings ``(n_owners, d)`` and cues ``(n_owners, c)``; NaN where there is no prototype."""
        return self._average(self.embeddings, n_owners), self._average(
            self.colour_features, n_owners
        )

    def _average(self, values: Float32, n_owners: int) -> Float64:
        known = np.isfinite(values).all(axis=1)
        weights = np.where(known, self.weights, 0)
        sums = np.zeros((n_owners, values.shape[1]))
        np.add.at(sums, self.owners, np.nan_to_num(values) * weights[:, None])
        totals = np.bincount(self.owners, weights, n_owners)
        return np.asarray(sums / np.where(totals > 0, totals, np.nan)[:, None], np.float64)


@dataclass(frozen=True, eq=False, slots=True)
class IdentityPrototypes:
    """Looks of the identities of one recording.

    Attributes
    ----------
    identity_ids : ndarray
        ``(I,)`` int64, ascending: those seen clearly often enough.
    prototypes : Prototypes
        Owners are places in `identity_ids`.
    variation : float
        How far the mean embedding of a few sights of one animal usually lies from that of all of
        them.
    """

    identity_ids: Int64
    prototypes: Prototypes
    variation: float


def compute_prototypes(samples: AppearanceSamples) -> IdentityPrototypes:
    """Find the prototypes of each identity: centres of clusters of its sights, the strangest tenth left out."""
    ids, counts = np.unique(samples.identity_ids, return_counts=True)
    ids = ids[counts >= LEAST_SIGHTS].astype(np.int64)
    found = [
        _choose(samples, np.flatnonzero(samples.identity_ids == i), k)
        for k, i in enumerate(ids.tolist())
    ]
    spreads = [
        s
        for i in ids.tolist()
        for s in _measure_variation(samples.embeddings[samples.identity_ids == i])
    ]
    return IdentityPrototypes(
        ids, join(found, samples), float(np.sqrt(np.median(spreads))) if spreads else 1.0
    )


def join(parts: list[Prototypes], like: AppearanceSamples | Prototypes) -> Prototypes:
    """Prototypes end to end; none at all, as wide as `like`, where there is no part."""
    none = Prototypes(
        np.zeros(0, np.int64),
        np.zeros(0, np.float32),
        like.embeddings[:0],
        like.colour_features[:0],
    )
    columns = ([getattr(part, name) for part in (none, *parts)] for name in Prototypes.__slots__)
    return Prototypes(*(np.concatenate(column) for column in columns))


def _choose(samples: AppearanceSamples, rows: Int64, owner: int) -> Prototypes:
    embeddings = samples.embeddings[rows].astype(np.float64)
    far = np.linalg.norm(embeddings - np.median(embeddings, axis=0), axis=1)
    kept = far <= np.quantile(far, _KEPT)
    rows, embeddings = rows[kept], embeddings[kept]
    k = int(np.clip(len(rows) // _SIGHTS_EACH, 1, MOST_PROTOTYPES))
    labels = (
        fcluster(linkage(embeddings, "ward"), k, "maxclust")
        if k > 1
        else np.zeros(len(rows), np.int64)
    )
    parts = []
    for label in np.unique(labels).tolist():
        own = labels == label
        colour_features = samples.colour_features[rows[own]]
        measured = colour_features[np.isfinite(colour_features).all(axis=1)]
        centre = (
            measured.mean(axis=0) if len(measured) else np.full(colour_features.shape[1], np.nan)
        )
        parts.append((own.mean(), embeddings[own].mean(axis=0), centre))
    weights, centres, colour_features = (
        np.array(column, np.float32) for column in zip(*parts, strict=True)
    )
    return Prototypes(np.full(len(parts), owner, np.int64), weights, centres, colour_features)


def _measure_variation(embeddings: Float32) -> list[float]:
    n = len(embeddings) // _RUN
    means = embeddings[: n * _RUN].reshape(n, _RUN, -1).mean(axis=1)
    squares: list[float] = (
        np.square(means - means.mean(axis=0)).sum(axis=1).tolist() if n > 1 else []
    )
    return squares

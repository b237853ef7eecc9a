"""Prototypes: a few typical appearances of each identity of one recording."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage

from murid.core.records import ArrayRecord
from murid.core.types import Float32, Float64, Int64

# Maximum number of prototypes of one animal in a recording: one for each typical posture. A gallery
# file grows with this number.
MAX_PROTOTYPES = 12
# Identities with fewer samples are not described.
MIN_SAMPLES = 5
# Share of the samples that is used. The others differ most from the median and often show another
# animal.
_INLIER_SHARE = 0.9
# Number of samples for each cluster.
_SAMPLES_PER_PROTOTYPE = 10
# Consecutive samples that are averaged to measure how much the embeddings of one animal vary:
# single ones are noisy.
_SAMPLES_PER_MEAN = 8


@dataclass(frozen=True, eq=False, slots=True)
class AppearanceSamples(ArrayRecord):
    """Unoccluded images of identities, spread over a recording, in time order.

    Attributes
    ----------
    identity_ids : ndarray
        ``(n,)`` int64.
    embeddings : ndarray
        ``(n, d)`` float32 unit rows.
    colour_features : ndarray
        ``(n, c)`` float32, NaN where they were not measured.
    """

    identity_ids: Int64
    embeddings: Float32
    colour_features: Float32

    def __len__(self) -> int:
        return len(self.identity_ids)


@dataclass(frozen=True, eq=False, slots=True)
class MeanAppearance:
    """Mean embeddings ``(n, d)`` and colour features ``(n, c)``, float64, NaN where unknown."""

    embeddings: Float64
    colour_features: Float64


@dataclass(frozen=True, eq=False, slots=True)
class Prototypes(ArrayRecord):
    """Typical appearances of animals.

    Attributes
    ----------
    owners : ndarray
        ``(p,)`` int64 number of the animal of each.
    weights : ndarray
        ``(p,)`` float32 share of the animal's samples; the sum is 1 for each animal and recording.
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

    @classmethod
    def empty(cls, embedding_size: int, n_colour_features: int) -> Prototypes:
        """Return no prototypes."""
        return cls(
            np.zeros(0, np.int64),
            np.zeros(0, np.float32),
            np.zeros((0, embedding_size), np.float32),
            np.zeros((0, n_colour_features), np.float32),
        )

    def average(self, n_owners: int) -> MeanAppearance:
        """Return the weighted mean of each owner; NaN for one without prototypes."""
        return MeanAppearance(
            self._average(self.embeddings, n_owners), self._average(self.colour_features, n_owners)
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
    """Prototypes of the identities of one recording.

    Attributes
    ----------
    identity_ids : ndarray
        ``(I,)`` int64, ascending: identities with enough samples.
    prototypes : Prototypes
        Owners are positions in `identity_ids`.
    variation : float
        Typical distance between the mean embedding of a few samples of an animal and that of all of
        them.
    """

    identity_ids: Int64
    prototypes: Prototypes
    variation: float

    def average(self) -> MeanAppearance:
        """Return the mean appearance of each identity."""
        return self.prototypes.average(len(self.identity_ids))


def compute_prototypes(samples: AppearanceSamples) -> IdentityPrototypes:
    """Return the prototypes of each identity: centres of clusters of its samples."""
    ids, counts = np.unique(samples.identity_ids, return_counts=True)
    ids = ids[counts >= MIN_SAMPLES].astype(np.int64)
    found = [
        Prototypes.empty(samples.embeddings.shape[1], samples.colour_features.shape[1]),
    ]
    squared_distances: list[float] = []
    for owner, identity_id in enumerate(ids.tolist()):
        own = samples.select(samples.identity_ids == identity_id)
        found.append(_cluster_samples(own, owner))
        squared_distances += _measure_variation(own.embeddings)
    variation = float(np.sqrt(np.median(squared_distances))) if squared_distances else 1.0
    return IdentityPrototypes(ids, Prototypes.concatenate(found), variation)


def _cluster_samples(samples: AppearanceSamples, owner: int) -> Prototypes:
    """Cluster the samples of one identity (Ward linkage), without the most unusual ones."""
    # Drop outliers.
    embeddings = samples.embeddings.astype(np.float64)
    distances = np.linalg.norm(embeddings - np.median(embeddings, axis=0), axis=1)
    inliers = distances <= np.quantile(distances, _INLIER_SHARE)
    embeddings = embeddings[inliers]
    colour_features = samples.colour_features[inliers]
    # Cluster by embedding.
    n = len(embeddings)
    n_clusters = int(np.clip(n // _SAMPLES_PER_PROTOTYPE, 1, MAX_PROTOTYPES))
    labels = np.zeros(n, np.int64)
    if n_clusters > 1:
        labels = fcluster(linkage(embeddings, "ward"), n_clusters, "maxclust")
    members = [labels == label for label in np.unique(labels).tolist()]
    # A prototype is the mean of a cluster.
    return Prototypes(
        np.full(len(members), owner, np.int64),
        np.array([own.mean() for own in members], np.float32),
        np.array([embeddings[own].mean(axis=0) for own in members], np.float32),
        np.array([_average_measured(colour_features[own]) for own in members], np.float32),
    )


def _average_measured(colour_features: Float32) -> Float32:
    """Return the mean ``(c,)`` of the rows without NaN; NaN if there is none."""
    measured = colour_features[np.isfinite(colour_features).all(axis=1)]
    if not len(measured):
        return np.full(colour_features.shape[1], np.nan, np.float32)
    return np.asarray(measured.mean(axis=0), np.float32)


def _measure_variation(embeddings: Float32) -> list[float]:
    """Return the squared distances of means of consecutive embeddings from the mean of all."""
    n_means = len(embeddings) // _SAMPLES_PER_MEAN
    if n_means < 2:
        return []
    runs = embeddings[: n_means * _SAMPLES_PER_MEAN].reshape(n_means, _SAMPLES_PER_MEAN, -1)
    means = runs.mean(axis=1)
    squares: list[float] = np.square(means - means.mean(axis=0)).sum(axis=1).tolist()
    return squares

"""Fisher's linear discriminants: axes that separate the animals best."""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh
from scipy.sparse import coo_array

from murid.core.types import Float32, Float64, Int64
from murid.identification.appearance_models.tracklet_features import sum_by_group

# The mean of this number of segments has half of the full weight: means of few segments differ by
# noise alone.
_PRIOR_SEGMENTS = 20


def solve_discriminants(within: Float64, between: Float64, n_axes: int, ridge: Float64) -> Float64:
    """Return discriminants ``(d, n_axes)``, best first, of within- and between-animal scatter.

    Both scatters are ``(d, d)``. `ridge` ``(d,)`` is added to the within-animal
    variances, which few segments underestimate.
    """
    n = len(within)
    noise = within + np.diag(ridge)
    axes: Float64 = eigh(between, noise, subset_by_index=(n - n_axes, n - 1))[1][:, ::-1]
    return axes


def compute_scatter(
    features: Float32 | Float64, pairs: Int64, weights: Float64 | float = 1.0
) -> Float64:
    """Return the weighted mean outer product ``(d, d)`` of the differences of pairs ``(E, 2)``.

    The sum over pairs is that of a graph whose nodes are the features ``X`` ``(P, d)``: with its
    Laplacian ``L``, it is ``X.T @ L @ X``, which is faster where there are more pairs than nodes.
    """
    used, nodes = np.unique(pairs, return_inverse=True)
    first, second = nodes.reshape(pairs.shape).T
    pair_weights = np.broadcast_to(weights, len(pairs)).astype(np.float64)
    n = len(used)
    # Features far from zero would leave only rounding errors of their small differences.
    centred = np.asarray(features[used], np.float64)
    centred -= centred.mean(axis=0) if n else 0.0
    adjacency = coo_array((pair_weights, (first, second)), (n, n)).tocsr()
    adjacency = adjacency + adjacency.T
    laplacian_features = adjacency.sum(axis=1)[:, None] * centred - adjacency @ centred
    total = max(float(pair_weights.sum()), 1e-12)
    scatter: Float64 = centred.T @ laplacian_features / total
    return scatter


def compute_mean_scatter(
    owners: Int64,
    features: Float32 | Float64,
    same: Int64,
    different: Int64,
) -> Float64:
    """Return the scatter ``(d, d)`` of the differences between owners' means in `different` pairs.

    Means of few segments have a smaller weight: otherwise their noise would count as a difference.
    `owners` ``(P,)`` is the animal or tracklet of each segment.
    """
    used = np.unique(np.concatenate([same, different]))
    n_owners = int(owners.max()) + 1
    sums, counts = sum_by_group(features[used], owners[used], n_owners)
    means = sums / np.maximum(counts, 1)[:, None]
    owner_pairs = owners[different]
    reliability = (counts / (counts + _PRIOR_SEGMENTS))[owner_pairs].prod(axis=1)
    return compute_scatter(means, owner_pairs, reliability)

"""Fisher's linear discriminants: axes that separate the animals best."""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh

from murid.core.types import Float32, Float64, Int64
from murid.identification.appearance_models.pair_sampling import subtract_pairs
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
    """Return the weighted mean outer product ``(d, d)`` of the differences of pairs ``(E, 2)``."""
    differences = subtract_pairs(features, pairs)
    weights = np.broadcast_to(weights, len(differences))
    total = max(float(weights.sum()), 1e-12)
    scatter: Float64 = (differences * weights[:, None]).T @ differences / total
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
    means = (sums / np.maximum(counts, 1)[:, None])[owners]
    reliability = (counts / (counts + _PRIOR_SEGMENTS))[owners][different].prod(axis=1)
    return compute_scatter(means, different, reliability)

"""Pairs of segments of the same animal and of different animals, without labels.

Two segments of one tracklet are a pair of the same animal. Segments of two tracklets that are seen
at the same time are a pair of different animals.
"""

from __future__ import annotations

import numpy as np

from murid.core.types import Float32, Float64, Int64
from murid.identification.appearance_models.tracklet_features import TrackletFeatures

# Features of one tracklet count as independent observations of an animal only after this time:
# within less, it hardly moves, and its variation would be underestimated.
MIN_LAG_S = 2.0
# Two tracklets are seen at the same time if their segments are less than this apart.
SIMULTANEOUS_S = 0.25
# Neighbours in time order that are examined for pairs of different animals.
_MAX_NEIGHBOURS = 8
# Candidate pairs per segment and per tracklet: so that a long tracklet does not dominate.
_PAIRS_PER_SEGMENT = 4
_MAX_PAIRS_PER_TRACKLET = 400
# Pairs beyond which a random subset is used: more pairs cost time and hardly change the estimates.
_MAX_PAIRS = 20000


def sample_same_pairs(features: TrackletFeatures, rng: np.random.Generator) -> Int64:
    """Draw pairs ``(k, 2)`` of segments of one tracklet that are some time apart."""
    n_tracklets = features.tracklets.max(initial=-1) + 1
    bounds = np.searchsorted(features.tracklets, np.arange(n_tracklets + 1))
    sizes = np.diff(bounds)
    # Draw both members of each pair at random within its tracklet.
    quota = np.minimum(sizes * _PAIRS_PER_SEGMENT, _MAX_PAIRS_PER_TRACKLET)
    starts = np.repeat(bounds[:-1], quota)
    n_choices = np.repeat(sizes, quota)
    members = [starts + (rng.random(len(starts)) * n_choices).astype(np.int64) for _ in range(2)]
    pairs: Int64 = np.column_stack(members)
    # Drop pairs that are too close in time to be independent.
    lags = np.abs(features.times_s[pairs[:, 0]] - features.times_s[pairs[:, 1]])
    return subsample_pairs(pairs[lags >= MIN_LAG_S], rng)


def sample_different_pairs(features: TrackletFeatures, rng: np.random.Generator) -> Int64:
    """Draw pairs ``(k, 2)`` of segments of different tracklets that are seen at the same time."""
    order = np.argsort(features.times_s, kind="stable")
    times = features.times_s[order]
    pairs = []
    for shift in range(1, _MAX_NEIGHBOURS + 1):
        earlier = order[:-shift]
        later = order[shift:]
        simultaneous = times[shift:] - times[:-shift] < SIMULTANEOUS_S
        different = features.tracklets[earlier] != features.tracklets[later]
        wanted = simultaneous & different
        pairs.append(np.column_stack([earlier[wanted], later[wanted]]))
    return subsample_pairs(np.concatenate(pairs), rng)


def subsample_pairs(pairs: Int64, rng: np.random.Generator) -> Int64:
    """Return at most `_MAX_PAIRS` of the pairs ``(k, 2)``, drawn without replacement."""
    if len(pairs) <= _MAX_PAIRS:
        return pairs
    return pairs[rng.choice(len(pairs), _MAX_PAIRS, replace=False)]


def subtract_pairs(features: Float32 | Float64, pairs: Int64) -> Float64:
    """Return the differences ``(k, d)`` of the features of each pair ``(k, 2)``."""
    return np.asarray(features[pairs[:, 0]] - features[pairs[:, 1]], np.float64)

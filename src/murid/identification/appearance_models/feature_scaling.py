"""Scaling of tracklet features: size, embeddings and fur features side by side, on one scale."""

from __future__ import annotations

import numpy as np

from murid.core.types import Float32, Float64, Int64
from murid.identification.appearance_models.pair_sampling import sample_same_pairs
from murid.identification.appearance_models.tracklet_features import TrackletFeatures

# Ridge of embeddings and size, and of fur features, in units of their mean within-animal variance.
# Fur features have many more dimensions than there are segments, and need a stronger one.
_RIDGE = 0.05
_FUR_RIDGE = 0.3


def scale_features(features: TrackletFeatures, use_fur: bool) -> tuple[TrackletFeatures, Float64]:
    """Return all features of the segments side by side, on one scale, and their ridge.

    The result is the input of `swap_appearance.fit_swap_appearance`.

    Parameters
    ----------
    features : TrackletFeatures
    use_fur : bool
        Whether to add fur features; then segments without them are dropped.

    Returns
    -------
    features : TrackletFeatures
    ridge : ndarray
        ``(d,)`` float64 of each feature.
    """
    rows = features.fur_rows if use_fur else np.arange(len(features))
    basics = features.select(rows)
    same = sample_same_pairs(basics, np.random.default_rng(0))
    basic = normalize_variance(basics.features, same)
    parts = [basic]
    if use_fur:
        parts.append(normalize_variance(features.fur_features, same))
    combined: Float32 = np.column_stack(parts)
    ridge = build_ridge(basic.shape[1], combined.shape[1])
    return TrackletFeatures(basics.tracklets, basics.times_s, combined), ridge


def normalize_variance(features: Float32 | Float64, same: Int64) -> Float32:
    """Scale features ``(P, d)`` so that their mean within-animal variance is 1."""
    if not len(same):
        return features.astype(np.float32)
    variance = np.square(features[same[:, 0]] - features[same[:, 1]]).mean()
    return np.asarray(features / np.sqrt(max(variance, 1e-12)), np.float32)


def build_ridge(n_basic: int, n_combined: int) -> Float64:
    """Return the ridge ``(n_combined,)`` of basic features, followed by fur features."""
    ridge: Float64 = np.repeat([_RIDGE, _FUR_RIDGE], [n_basic, n_combined - n_basic])
    return ridge

"""Fit the appearance model to a recording, without labels, with fur descriptors where they help.

The within-animal variation is estimated from single tracklets, and with a small weight from groups
of tracklets: a group that contains two animals by mistake would take their difference for variation
and hide the mistake. For the same reason each fold of the recording is compared in a space that was
fitted on the other folds. So it can be tested there: two animals that are seen at the same time are
compared with the rest of their groups, as if they might have been swapped. These comparisons
calibrate the log-likelihood ratios, and show whether fur descriptors help.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize_scalar

from murid.core.types import Bool, Float32, Float64, Int64
from murid.identification.appearance_models.appearance_model import (
    AppearanceFeatures,
    AppearanceModel,
    AppearanceSpaces,
)
from murid.identification.appearance_models.discriminants import (
    compute_mean_scatter,
    compute_scatter,
    solve_discriminants,
)
from murid.identification.appearance_models.pair_likelihood import (
    fit_between_variance,
    fit_student_variance,
)
from murid.identification.appearance_models.pair_sampling import (
    sample_different_pairs,
    sample_same_pairs,
    subtract_pairs,
)
from murid.identification.appearance_models.tracklet_features import (
    TrackletFeatures,
    find_folds,
    sum_by_group,
)

# Decrease of the held-out loss, in nats per comparison, from which on fur descriptors are used: a
# smaller one may be due to chance.
MIN_IMPROVEMENT = 0.03
# Largest held-out loss of fur descriptors alone. A guess has 0.69, shuffled descriptors had 0.65 or
# more, and those of recordings in which they help 0.37 or less.
MAX_FUR_LOSS = 0.5
# Segments of a group further apart than this are not used for the within-animal variation.
MAX_LAG_S = 20.0
# A segment counts in full if its squared difference from the one before is at least half of the
# mean. The counts of an animal that does not move hardly grow.
NOVELTY_WEIGHT = 2.0
# Time over which the two animals of a held-out comparison are averaged; it divides `FOLD_BLOCK_S`.
CHUNK_S = 2.0
_N_FOLDS = 5
_MAX_AXES = 8
# Ridge of embeddings and size, and of fur features, in units of their mean within-animal variance.
# Fur features have many more dimensions than there are segments, and need a stronger one.
_RIDGE = 0.05
_FUR_RIDGE = 0.3
# Weight of the within-group scatter beside the within-tracklet scatter.
_GROUP_WEIGHT = 0.1
# Pairs, and held-out comparisons, below which nothing is fitted.
_MIN_PAIRS = 10
_MIN_COMPARISONS = 5


@dataclass(frozen=True, eq=False, slots=True)
class AppearanceSelection:
    """The result of the cross-validation of fur descriptors.

    Attributes
    ----------
    before, after : float
        Share of held-out pairs of animals, in [0, 1], that are told apart correctly without and
        with fur descriptors.
    used : bool
        Whether fur descriptors are used.
    """

    before: float
    after: float
    used: bool


@dataclass(frozen=True, eq=False, slots=True)
class _Fitted:
    """A calibrated model, and the log-likelihood ratios ``(E,)`` of the held-out comparisons."""

    model: AppearanceModel
    llrs: Float64

    def compute_accuracy(self) -> float:
        """Return the share of right comparisons; one without an answer counts half."""
        return float((np.sign(self.llrs).mean() + 1) / 2)

    def compute_loss(self) -> float:
        """Return the mean loss of the comparisons in nats."""
        return _compute_loss(self.llrs)


@dataclass(frozen=True, eq=False, slots=True)
class _Pairs:
    """Pairs of segments ``(k, 2)`` of the same group, and of groups seen at the same time."""

    same: Int64
    different: Int64


@dataclass(frozen=True, eq=False, slots=True)
class _FoldSpace:
    """The space of one fold: all segments in it ``(P, r)``, and their variation."""

    projected: Float64
    variation: AppearanceSpaces


def fit_appearance_model(
    features: TrackletFeatures, groups: Int64, n_animals: int, rng: np.random.Generator
) -> tuple[AppearanceModel, AppearanceSelection | None]:
    """Fit the model, and decide whether to use fur descriptors.

    Parameters
    ----------
    features : TrackletFeatures
    groups : ndarray
        ``(T,)`` int64: tracklets of one group are one animal, as far as is known.
    n_animals : int
    rng : Generator

    Returns
    -------
    model : AppearanceModel
        An uninformative one if there are too few pairs.
    selection : AppearanceSelection or None
        None if fur descriptors were not tested.
    """
    selection = None
    if len(features.fur_rows):
        with_fur, selection = _select_fur(features, groups, n_animals, rng)
        if with_fur is not None:
            return with_fur, selection
    basics = features.select(np.arange(len(features)))
    pairs = _sample_pairs(basics, groups, rng)
    fitted = _fit(basics, (basics.features,), groups, pairs, n_animals, rng)
    model = AppearanceModel.uninformative(len(groups)) if fitted is None else fitted.model
    return model, selection


def _select_fur(
    features: TrackletFeatures, groups: Int64, n_animals: int, rng: np.random.Generator
) -> tuple[AppearanceModel | None, AppearanceSelection | None]:
    """Return the best model with fur descriptors, None if they do not help, and the comparison."""
    # All variants see the same segments and pairs.
    segments = features.select(features.fur_rows)
    fur = features.fur_features
    pairs = _sample_pairs(segments, groups, rng)

    def fit(*variant: Float32 | Float64) -> _Fitted | None:
        return _fit(segments, variant, groups, pairs, n_animals, rng)

    without = fit(segments.features)
    alone = fit(fur)
    both = fit(segments.features, fur)
    if without is None or alone is None or both is None:
        return None, None
    best = min(alone, both, key=_Fitted.compute_loss)
    # With fur of noise, the model of both is better as well: it trusts position and light.
    used = best.compute_loss() < without.compute_loss() - MIN_IMPROVEMENT
    used &= alone.compute_loss() < MAX_FUR_LOSS
    selection = AppearanceSelection(without.compute_accuracy(), best.compute_accuracy(), bool(used))
    return best.model if used else None, selection


def _sample_pairs(features: TrackletFeatures, groups: Int64, rng: np.random.Generator) -> _Pairs:
    """Draw pairs by group; they index the segments in their original order."""
    order = features.sort_by_group(groups)
    regrouped = features.regroup(groups)
    same = order[sample_same_pairs(regrouped, rng)]
    different = order[sample_different_pairs(regrouped, rng)]
    return _Pairs(same, different)


def _fit(
    segments: TrackletFeatures,
    variant: tuple[Float32 | Float64, ...],
    groups: Int64,
    pairs: _Pairs,
    n_animals: int,
    rng: np.random.Generator,
) -> _Fitted | None:
    """Fit the spaces of all folds and calibrate; None if there are too few pairs.

    `variant` are the features of the segments to use: ``(P, d)`` of size and embeddings, ``(P, p)``
    of fur, or both.
    """
    if n_animals < 2 or min(len(pairs.same), len(pairs.different)) < _MIN_PAIRS:
        return None
    features, ridge = _scale(segments, variant, pairs.same)
    folds = find_folds(features.times_s, _N_FOLDS)
    novelty = np.ones(len(features))
    spaces = []
    for fold in range(_N_FOLDS):
        own = folds == fold
        space = _fit_fold_space(features, own, ridge, groups, pairs, rng)
        if space is None:
            return None
        spaces.append(space)
        mean_square = 2 * float(space.variation.noise_traces[0])
        novelty[own] = _compute_novelty(features.tracklets, space.projected, mean_square)[own]
    projected = [space.projected for space in spaces]
    # One space after the other, to save memory: a day has many tracklets.
    means = [
        _average(points, novelty, features.tracklets, len(groups)).means.astype(np.float32)
        for points in projected
    ]
    model = AppearanceModel(
        np.stack(means),
        np.bincount(features.tracklets, novelty, len(groups)).astype(np.float64),
        AppearanceSpaces.concatenate([space.variation for space in spaces]),
        1.0,
        n_animals=n_animals,
    )

    def compare(model: AppearanceModel, parts: Int64) -> Float64:
        return _compare_held_out(
            features, groups, parts, projected, novelty, pairs.different, model
        )

    held_out = folds
    llrs = compare(model, held_out)
    if len(llrs) < _MIN_COMPARISONS:
        # No group is seen in two folds, as in a short recording: hold out every other chunk.
        held_out = (features.times_s // CHUNK_S).astype(np.int64) % 2
        llrs = compare(model, held_out)
    if len(llrs) < _MIN_COMPARISONS:
        return None
    model = replace(
        model,
        calibration_weight=_fit_calibration_weight(llrs),
        coats_only=len(variant) == 1 and variant[0] is segments.features,
    )
    return _Fitted(model, compare(model, held_out))


def _scale(
    segments: TrackletFeatures, variant: tuple[Float32 | Float64, ...], same: Int64
) -> tuple[TrackletFeatures, Float64]:
    """Return segments with all features side by side, on one scale, and the ridge ``(d,)``."""
    scaled = []
    ridge = []
    for part in variant:
        # The mean within-animal variance becomes 1.
        variance = np.square(part[same[:, 0]] - part[same[:, 1]]).mean()
        scaled.append(np.asarray(part / np.sqrt(max(variance, 1e-12)), np.float32))
        share = _RIDGE if part is segments.features else _FUR_RIDGE
        ridge.append(np.full(part.shape[1], share))
    combined: Float32 = np.column_stack(scaled)
    return TrackletFeatures(segments.tracklets, segments.times_s, combined), np.concatenate(ridge)


def _fit_fold_space(
    features: TrackletFeatures,
    in_fold: Bool,
    ridge: Float64,
    groups: Int64,
    pairs: _Pairs,
    rng: np.random.Generator,
) -> _FoldSpace | None:
    """Fit the space of a fold on the other folds; None if there are too few pairs.

    The noise is measured on pairs of which one segment is in the fold. If there are too few of
    these, as in a short recording, all segments and pairs are used for both.
    """
    training = np.flatnonzero(~in_fold)
    held_out = pairs.same[in_fold[pairs.same].sum(axis=1) == 1]
    if len(held_out) < _MIN_PAIRS:
        training = np.arange(len(features))
        held_out = pairs.same
    axes = _fit_axes(features.select(training), ridge, groups, rng)
    if axes is None:
        return None
    projected = np.asarray(features.features @ axes, np.float64)
    # A difference has twice the covariance of a segment.
    covariance = compute_scatter(projected, held_out) / 2
    within = fit_student_variance(subtract_pairs(projected, held_out))
    between, alike_share = fit_between_variance(subtract_pairs(projected, pairs.different), within)
    variation = AppearanceSpaces(
        within[None],
        between[None],
        np.array([alike_share]),
        np.array([np.trace(covariance)]),
        np.array([np.square(covariance).sum()]),
    )
    return _FoldSpace(projected, variation)


def _fit_axes(
    features: TrackletFeatures, ridge: Float64, groups: Int64, rng: np.random.Generator
) -> Float64 | None:
    """Fit discriminants ``(d, r)`` to single tracklets and groups; None if too few pairs."""
    singles = np.arange(len(groups))
    scatters = [_compute_scatters(features, owners, rng) for owners in (singles, groups)]
    if min(n_pairs for _, _, n_pairs in scatters) < _MIN_PAIRS:
        return None
    (within, between, _), (group_within, group_between, _) = scatters
    within = within + _GROUP_WEIGHT * group_within
    return solve_discriminants(within, between + group_between, min(_MAX_AXES, len(ridge)), ridge)


def _compute_scatters(
    features: TrackletFeatures, groups: Int64, rng: np.random.Generator
) -> tuple[Float64, Float64, int]:
    """Return the scatters within and between groups ``(d, d)``, and the lower number of pairs.

    Between groups, it is that of means of groups seen at the same time.
    """
    own = features.regroup(groups)
    same = sample_same_pairs(own, rng)
    different = sample_different_pairs(own, rng)
    same = same[np.ptp(own.times_s[same], axis=1) <= MAX_LAG_S]
    within = compute_scatter(own.features, same)
    between = compute_mean_scatter(own.tracklets, own.features, same, different)
    return within, between, min(len(same), len(different))


def _compute_novelty(tracklets: Int64, projected: Float64, mean_square: float) -> Float64:
    """Return how far each segment ``(P,)`` is a new observation, in [0, 1].

    `mean_square` is the mean squared difference of two segments of one animal.
    """
    steps = np.square(np.diff(projected, axis=0)).sum(axis=1) / max(mean_square, 1e-9)
    same_tracklet = tracklets[1:] == tracklets[:-1]
    later = np.where(same_tracklet, np.minimum(NOVELTY_WEIGHT * steps, 1), 1.0)
    novelty: Float64 = np.append(1.0, later)
    return novelty[: len(tracklets)]


def _average(points: Float64, novelty: Float64, owners: Int64, n: int) -> AppearanceFeatures:
    """Return mean features ``(n,)`` of owners, NaN where an owner has none.

    `points` ``(P, r)`` are weighted by their novelty; `owners` is ``(P,)``.
    """
    sums, _ = sum_by_group(np.column_stack([points * novelty[:, None], novelty]), owners, n)
    counts = sums[:, -1]
    known_counts = np.where(counts > 0, counts, np.nan)
    return AppearanceFeatures(sums[:, :-1] / known_counts[:, None], counts)


def _compare_held_out(
    features: TrackletFeatures,
    groups: Int64,
    parts: Int64,
    projected: list[Float64],
    novelty: Float64,
    different: Int64,
    model: AppearanceModel,
) -> Float64:
    """Return log-likelihood ratios ``(E,)`` of held-out comparisons; above 0 = right.

    In the space of each fold, the mean of two animals over a chunk of time in the fold is compared
    with that over the other `parts` ``(P,)`` of the recording. `different` ``(k, 2)`` are segments
    seen at the same time.
    """
    owners = groups[features.tracklets]
    folds = model.find_folds(features.times_s)
    # Chunks of groups, and pairs of those that are seen at the same time.
    numbers = (features.times_s // CHUNK_S).astype(np.int64)
    _, firsts, chunks = np.unique(
        owners * (numbers.max() + 1) + numbers, return_index=True, return_inverse=True
    )
    simultaneous = different[numbers[different[:, 0]] == numbers[different[:, 1]]]
    pairs = np.unique(np.sort(chunks[simultaneous], axis=1), axis=0)
    found = [np.zeros(0)]
    for fold, part in np.unique(np.column_stack([folds, parts]), axis=0).tolist():
        points = projected[fold]
        inside = (folds == fold) & (parts == part)
        outside = parts != part
        in_chunks = _average(points[inside], novelty[inside], chunks[inside], len(firsts))
        in_rest = _average(points[outside], novelty[outside], owners[outside], len(groups))
        rest = in_rest.select(owners[firsts])
        has_rest = np.isin(owners[firsts], owners[outside])
        own = pairs[inside[firsts[pairs[:, 0]]] & has_rest[pairs].all(axis=1)]
        one, other = own.T
        in_fold = np.full(len(one), fold)
        found.append(
            model.compare_swapped(
                (in_chunks.select(one), in_chunks.select(other)),
                (rest.select(one), rest.select(other)),
                in_fold,
            )
        )
    return np.concatenate(found)


def _fit_calibration_weight(llrs: Float64) -> float:
    """Return the factor in [0, 1] of log-likelihood ratios of comparisons that are right.

    This is a logistic regression without intercept (Platt scaling).
    """
    if llrs.mean() <= 0:
        return 0.0
    best = minimize_scalar(
        lambda weight: _compute_loss(weight * llrs), bounds=(0, 1), method="bounded"
    )
    return float(best.x)


def _compute_loss(llrs: Float64) -> float:
    """Return the mean loss in nats of comparisons that are right."""
    return float(np.logaddexp(0, -llrs).mean())

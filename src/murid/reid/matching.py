"""Re-identification: which animal of a gallery each identity of a recording is.

An identity and an animal are compared by two distances: of their mean embeddings, in units of the
variation within an animal, and of their mean colour features, in units of the change of an animal
from day to day. Light and camera shift the appearance of all animals alike. This common shift is
estimated together with the assignment. The log-likelihood ratio of a match is linear in the
logarithms of both distances, with coefficients fitted on synthetic recordings of several days
(`ReidentificationModel`). All identities are assigned at once, no two to one animal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.special import softmax

from murid.core.types import Float64, Int64
from murid.reid.gallery import Gallery
from murid.reid.prototypes import IdentityPrototypes, MeanAppearance

# Score of a pair that must not be assigned.
_FORBIDDEN_LLR = -1e6
# Maximum number of alternations of assignment and common shift, which converge in a few.
_MAX_ITERATIONS = 20
# Minimum distance: the logarithm of a smaller one would be dominated by noise.
_MIN_DISTANCE = 0.05
# Maximum absolute log-likelihood ratio of one pair, so that one pair cannot force an assignment of
# the others.
_MAX_LLR = 8.0
# Prior log-odds that an animal is in the gallery, 5 to 1.
_KNOWN_LOG_ODDS = float(np.log(5))
# An identity with a lower probability stays unknown.
_MIN_PROBABILITY = 0.5


@dataclass(frozen=True, slots=True)
class ReidentificationModel:
    """How the appearance of an animal changes from day to day.

    ``benchmarks/gallery.py calibrate`` fits it and writes ``reidentification_model.json``.

    Attributes
    ----------
    colour_change_std : tuple of float
        ``(c,)``: standard deviation of the change of each colour feature of an animal between two
        recordings, without the common shift.
    colour_shift_shrinkage : tuple of float
        ``(c,)``: the common shift of each colour feature is shrunk to 0 as if so many more animals
        had not changed.
    embedding_shift_shrinkage : float
        The same for embeddings.
    coefficients : tuple of float
        Intercept, and factors of the logarithms of the embedding distance and the colour distance.
    embedding_coefficients : tuple of float
        Intercept and factor where colour features are unknown.
    """

    colour_change_std: tuple[float, ...]
    colour_shift_shrinkage: tuple[float, ...]
    embedding_shift_shrinkage: float
    coefficients: tuple[float, float, float]
    embedding_coefficients: tuple[float, float]


@dataclass(frozen=True, eq=False, slots=True)
class Reidentification:
    """The animal of a gallery that each identity of a recording is.

    Attributes
    ----------
    animals : ndarray
        ``(I,)`` int64 positions in the gallery; -1 = unknown.
    probabilities : ndarray
        ``(I,)`` float64 in [0, 1], of that animal, or of being unknown.
    shift : ndarray
        ``(c,)`` float64 common shift of the colour features from those of the gallery.
    """

    animals: Int64
    probabilities: Float64
    shift: Float64


@dataclass(frozen=True, eq=False, slots=True)
class Distances:
    """Distances of the embeddings and the colour features of pairs; NaN in the latter = unknown."""

    embedding: Float64
    colour: Float64


@dataclass(frozen=True, eq=False, slots=True)
class AppearanceDifferences:
    """Differences between the identities of a recording and the animals of a gallery.

    Attributes
    ----------
    values : ndarray
        ``(n, k, e + c)`` float64 of embeddings and then of colour features, both in units of their
        variation; NaN = unknown.
    shrinkage : ndarray
        ``(e + c,)`` float64, as in `ReidentificationModel`.
    embedding_size : int
        e.
    """

    values: Float64
    shrinkage: Float64
    embedding_size: int

    def compute_distances(self, shift: Float64) -> Distances:
        """Return the distances ``(n, k)`` after the common shift ``(e + c,)`` is subtracted."""
        return self._compute_distances(self.values - shift)

    def compute_pair_distances(self, identities: Int64, animals: Int64) -> Distances:
        """Return the distances ``(p,)`` of pairs, each with the common shift of the other pairs."""
        pairs = self.values[identities, animals]
        known = np.isfinite(pairs)
        # Leave one out: otherwise a pair would explain its own difference.
        other_sums = np.where(known, pairs, 0).sum(axis=0) - np.where(known, pairs, 0)
        other_counts = known.sum(axis=0) - known
        return self._compute_distances(pairs - other_sums / (other_counts + self.shrinkage))

    def estimate_shift(self, identities: Int64, animals: Int64) -> Float64:
        """Return the common shift ``(e + c,)`` of pairs: their mean, shrunk to 0."""
        pairs = self.values[identities, animals]
        known = np.isfinite(pairs)
        sums = np.where(known, pairs, 0).sum(axis=0)
        return np.asarray(sums / (known.sum(axis=0) + self.shrinkage), np.float64)

    def list_initial_shifts(self) -> list[Float64]:
        """Return shifts to start from: none, the mean of all differences, and that of each pair."""
        n_values = self.values.shape[2]
        differences = np.nan_to_num(self.values.reshape(-1, n_values))
        no_shift = np.zeros(n_values)
        if not len(differences):
            return [no_shift]
        return [no_shift, differences.mean(axis=0), *differences]

    def _compute_distances(self, residuals: Float64) -> Distances:
        embeddings = residuals[..., : self.embedding_size]
        colours = residuals[..., self.embedding_size :]
        return Distances(
            np.linalg.norm(embeddings, axis=-1), np.sqrt(np.square(colours).mean(axis=-1))
        )


@dataclass(frozen=True, eq=False, slots=True)
class _Solution:
    """An assignment, the common shift that goes with it, and its total log-likelihood ratio.

    `animals` ``(n,)`` are positions in the gallery, k = unknown.
    """

    animals: Int64
    shift: Float64
    llr: float


def match_to_gallery(
    identity_prototypes: IdentityPrototypes, gallery: Gallery, model: ReidentificationModel
) -> Reidentification:
    """Re-identify the animals of a recording, no two identities as one animal.

    Parameters
    ----------
    identity_prototypes : IdentityPrototypes
        With embeddings of the gallery's weights.
    gallery : Gallery
    model : ReidentificationModel
    """
    n = len(identity_prototypes.identity_ids)
    k = len(gallery.animals)
    scale = np.hypot(identity_prototypes.variation, gallery.variation) / np.sqrt(2)
    differences = compute_differences(
        identity_prototypes.average(), gallery.decay_weights().average(k), scale, model
    )
    # The best assignment, from several initial shifts.
    shifts = differences.list_initial_shifts()
    solutions = [_solve(differences, shift, model, None) for shift in shifts]
    best = max(solutions, key=lambda solution: solution.llr)
    # Each identity in turn gets every other animal; the best totals give the probabilities.
    llrs = _score_alternatives(differences, best, model)
    probabilities = softmax(llrs, axis=1)
    rows = np.arange(n)
    animals = np.where(best.animals < k, best.animals, -1)
    animals[probabilities[rows, best.animals] < _MIN_PROBABILITY] = -1
    chosen_probabilities = np.where(animals >= 0, probabilities[rows, animals], probabilities[:, k])
    # Back from units of the daily change.
    n_colours = len(model.colour_change_std)
    shift = best.shift[-n_colours:] * np.array(model.colour_change_std)
    return Reidentification(animals, chosen_probabilities, shift)


def compute_differences(
    identities: MeanAppearance,
    animals: MeanAppearance,
    scale: float,
    model: ReidentificationModel,
) -> AppearanceDifferences:
    """Return the differences between identities and animals.

    Embeddings are divided by `scale`, and projected on the space that all means span.
    """
    embeddings = np.concatenate([identities.embeddings, animals.embeddings]) / scale
    axes = np.linalg.svd(np.nan_to_num(embeddings), full_matrices=False)[2]
    projected = embeddings @ axes.T
    n = len(identities.embeddings)
    embedding_differences = projected[:n, None] - projected[None, n:]
    colour_differences = identities.colour_features[:, None] - animals.colour_features[None]
    embedding_size = projected.shape[1]
    shrinkage = np.append(
        np.full(embedding_size, model.embedding_shift_shrinkage), model.colour_shift_shrinkage
    )
    return AppearanceDifferences(
        np.concatenate(
            [embedding_differences, colour_differences / np.array(model.colour_change_std)], axis=2
        ),
        shrinkage,
        embedding_size,
    )


def compute_match_llrs(distances: Distances, model: ReidentificationModel) -> Float64:
    """Return log-likelihood ratios of "same animal" from both distances.

    Pairs with an unknown embedding distance get the lowest ratio.
    """
    log_embedding = np.log(np.maximum(distances.embedding, _MIN_DISTANCE))
    log_colour = np.log(np.maximum(distances.colour, _MIN_DISTANCE))
    intercept, embedding_factor = model.embedding_coefficients
    without_colour = intercept + embedding_factor * log_embedding
    intercept, embedding_factor, colour_factor = model.coefficients
    with_colour = intercept + embedding_factor * log_embedding + colour_factor * log_colour
    llrs = np.where(np.isnan(log_colour), without_colour, with_colour)
    llrs = np.nan_to_num(llrs, nan=_FORBIDDEN_LLR)
    return np.asarray(np.clip(llrs, -_MAX_LLR, _MAX_LLR), np.float64)


def _score_alternatives(
    differences: AppearanceDifferences, best: _Solution, model: ReidentificationModel
) -> Float64:
    """Return the best total log-likelihood ratios ``(n, k + 1)`` with an identity as an animal."""
    n, k = differences.values.shape[:2]
    shifts = (np.zeros(differences.values.shape[2]), best.shift)
    llrs = np.full((n, k + 1), best.llr)
    for identity in range(n):
        for animal in range(k + 1):
            if animal == best.animals[identity]:
                continue
            forced = (identity, animal)
            llrs[identity, animal] = max(
                _solve(differences, shift, model, forced).llr for shift in shifts
            )
    return llrs


def _solve(
    differences: AppearanceDifferences,
    shift: Float64,
    model: ReidentificationModel,
    forced: tuple[int, int] | None,
) -> _Solution:
    """Alternate between assignment and common shift until the assignment stays the same."""
    n, k = differences.values.shape[:2]
    animals = np.full(n, -1)
    for _ in range(_MAX_ITERATIONS):
        previous = animals
        llrs = compute_match_llrs(differences.compute_distances(shift), model)
        animals = _assign(llrs, forced)
        known = np.flatnonzero(animals < k)
        shift = differences.estimate_shift(known, animals[known])
        if np.array_equal(previous, animals):
            break
    distances = differences.compute_pair_distances(known, animals[known])
    total = compute_match_llrs(distances, model).sum() - _KNOWN_LOG_ODDS * (n - len(known))
    return _Solution(animals, shift, float(total))


def _assign(llrs: Float64, forced: tuple[int, int] | None) -> Int64:
    """Assign an animal to each identity ``(n,)``, k = unknown, with the largest sum of llrs.

    `llrs` is ``(n, k)``; `forced` is an identity and the animal that it must get.
    """
    n, k = llrs.shape
    # Each identity has a column of its own for "unknown".
    unknown = np.where(np.eye(n, dtype=bool), -_KNOWN_LOG_ODDS, _FORBIDDEN_LLR)
    scores = np.concatenate([llrs, unknown], axis=1)
    if forced is not None:
        identity, animal = forced
        column = animal if animal < k else k + identity
        scores[identity, np.arange(k + n) != column] = _FORBIDDEN_LLR
    columns: Int64 = np.asarray(linear_sum_assignment(scores, maximize=True)[1], np.int64)
    columns[columns > k] = k
    return columns

"""The pairwise model: log-likelihood ratio that animals were not swapped, from all evidence.

One model scores links between tracklets, decides swaps, and gives the probability of a swap. Its
parameters were fitted by ``benchmarks/pairwise_model.py`` and are stored in
``pairwise_model.json``, with the recordings that they were fitted to.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from scipy.special import expit, logit

from murid.core.types import Float64

# Below this probability the animals had no contact, and unseen swaps are not counted.
NEGLIGIBLE_PROBABILITY = 1e-5


@dataclass(frozen=True, kw_only=True, slots=True)
class PairwiseModel:
    """Logistic model of whether two animals kept their identities through a possible swap.

    The terms are those of `LlrTerms`: each is above 0 where it supports the paths as they are. The
    weights are 0 or more, so more support never lowers the log-likelihood ratio. There is no
    intercept: exchanging the two hypotheses changes the sign.

    Attributes
    ----------
    short_gap_motion, long_gap_motion, contact_motion, appearance : float
        Weights of the terms of these names.
    tracklet_votes, contact_votes, point_matches : float
        Weights of the other terms.
    unseen_swap_probability : float
        Probability of a swap that the evidence does not show, in [0, 0.5].
    """

    short_gap_motion: float
    long_gap_motion: float
    contact_motion: float
    appearance: float
    tracklet_votes: float
    contact_votes: float
    point_matches: float
    unseen_swap_probability: float

    def compute_link_llrs(self, motion: Float64, appearance: Float64, votes: Float64) -> Float64:
        """Return the log-likelihood ratio ``(E,)`` that two tracklets are the same animal.

        A link has no contact of its own: its motion and its votes are those of the tracklets, and
        count with the weights of both.

        Parameters
        ----------
        motion : ndarray
            ``(E, 2)`` float64 log-likelihood ratios over short and long gaps, as of
            `murid.identification.motion.split_by_gap`.
        appearance : ndarray
            ``(E,)`` float64 log-likelihood ratios.
        votes : ndarray
            ``(E,)`` float64 number of bidirectional tracks that join the tracklets.
        """
        motion_weights = np.array([self.short_gap_motion, self.long_gap_motion])
        vote_weight = self.tracklet_votes + self.contact_votes
        motion_llrs: Float64 = motion @ (motion_weights + self.contact_motion)
        return motion_llrs + self.appearance * appearance + vote_weight * votes

    def compute_swap_probabilities(self, llrs: Float64) -> Float64:
        """Return the probability ``(K,)`` in [0, 0.5] of a swap, given log-likelihood ratios.

        At a log-likelihood ratio below 0 the swap is the likelier one, but was not made since it
        contradicts other changes: the probability is 0.5.
        """
        probabilities = np.minimum(expit(-llrs), 0.5)
        unseen = self.unseen_swap_probability
        with_unseen = unseen + (1 - 2 * unseen) * probabilities
        return np.where(probabilities > NEGLIGIBLE_PROBABILITY, with_unseen, 0.0)

    def find_max_llr(self, probability: float) -> float:
        """Return the log-likelihood ratio above which a swap is less likely than `probability`.

        `probability` is above `NEGLIGIBLE_PROBABILITY`.
        """
        unseen = self.unseen_swap_probability
        seen = (probability - unseen) / (1 - 2 * unseen)
        return float(-logit(max(seen, NEGLIGIBLE_PROBABILITY)))


@cache
def load_pairwise_model() -> PairwiseModel:
    """Return the model that is part of the package."""
    text = files("murid.identification").joinpath("pairwise_model.json").read_text("utf-8")
    return PairwiseModel(**json.loads(text)["parameters"])

"""The log-likelihood ratio of paths as they are against changed ones, term by term."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields

import numpy as np

from murid.core.records import ArrayRecord
from murid.core.types import Float64


@dataclass(frozen=True, kw_only=True, slots=True)
class LlrWeights:
    """Weight of each term of `LlrTerms`."""

    tracklet_motion: float
    contact_motion: float
    appearance: float
    tracklet_votes: float
    contact_votes: float
    point_matches: float


@dataclass(frozen=True, eq=False, slots=True)
class LlrTerms(ArrayRecord):
    """Evidence for paths as they are against paths with a change, one row per possible change.

    Above 0, the paths as they are explain the recording better. All fields are ``(K,)`` float64.

    Attributes
    ----------
    tracklet_motion : ndarray
        Log-likelihood ratio of motion between the ends of the tracklets.
    contact_motion : ndarray
        Log-likelihood ratio of motion from the last unoccluded detections before a contact to the
        first after it.
    appearance : ndarray
        Log-likelihood ratio of the appearance of the animals.
    tracklet_votes : ndarray
        Bidirectional tracks that agree with the paths between the ends of the tracklets, less those
        that agree with the change.
    contact_votes : ndarray
        The same between the unoccluded detections before and after a contact.
    point_matches : ndarray
        Log-likelihood ratio of the points of fur that the KLT point tracker followed.
    """

    tracklet_motion: Float64
    contact_motion: Float64
    appearance: Float64
    tracklet_votes: Float64
    contact_votes: Float64
    point_matches: Float64

    def __len__(self) -> int:
        return len(self.tracklet_motion)

    @classmethod
    def empty(cls) -> LlrTerms:
        """Return no rows."""
        return cls(*(np.zeros(0) for _ in fields(cls)))

    def compute_weighted_sum(self, weights: LlrWeights) -> Float64:
        """Return the weighted sum ``(K,)`` float64 of the terms."""
        # One matrix product, since a sum term by term rounds differently.
        columns = [getattr(self, field.name) for field in fields(self)]
        sums: Float64 = np.column_stack(columns) @ np.array(astuple(weights))
        return sums


# Weights with which paths are changed, chosen by hand; those that turn the terms into
# probabilities are in `identity_probability`. The two terms of motion see one movement, so their
# weights add up to 1. Votes are counts (up to 2, for two bidirectional tracks) rather than
# log-likelihood ratios, again seen twice. Appearance and point matches are calibrated ratios of
# their own and count in full.
PATH_WEIGHTS = LlrWeights(
    tracklet_motion=0.7,
    contact_motion=0.3,
    appearance=1.0,
    tracklet_votes=0.5,
    contact_votes=0.5,
    point_matches=1.0,
)

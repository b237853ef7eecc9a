"""The log-likelihood ratio of paths as they are against changed ones, term by term."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from murid.core.records import ArrayRecord
from murid.core.types import Float64
from murid.identification.pairwise_model import load_pairwise_model


@dataclass(frozen=True, eq=False, slots=True)
class LlrTerms(ArrayRecord):
    """Evidence for paths as they are against paths with a change, one row per possible change.

    Above 0, the paths as they are explain the recording better. All fields are ``(K,)`` float64.

    Attributes
    ----------
    short_gap_motion, long_gap_motion : ndarray
        Log-likelihood ratio of motion between the ends of the tracklets, over short gaps and over
        long ones; see `murid.identification.motion.split_by_gap`.
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
    constraints : ndarray
        Log-likelihood ratio of the constraints: `CERTAIN_LLR` for each that the change breaks, less
        as much for each that it mends.
    """

    short_gap_motion: Float64
    long_gap_motion: Float64
    contact_motion: Float64
    appearance: Float64
    tracklet_votes: Float64
    contact_votes: Float64
    point_matches: Float64
    constraints: Float64

    def __len__(self) -> int:
        return len(self.contact_motion)

    @classmethod
    def empty(cls) -> LlrTerms:
        """Return no rows."""
        return cls(*(np.zeros(0) for _ in fields(cls)))

    def compute_llrs(self) -> Float64:
        """Return the log-likelihood ratio ``(K,)`` float64 of the pairwise model."""
        model = load_pairwise_model()
        # One matrix product, since a sum term by term rounds differently.
        names = [field.name for field in fields(self) if field.name != "constraints"]
        columns = [getattr(self, name) for name in names]
        weights = [getattr(model, name) for name in names]
        llrs: Float64 = np.column_stack(columns) @ np.array(weights)
        return llrs + self.constraints

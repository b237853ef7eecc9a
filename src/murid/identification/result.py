"""Result of identification: boxes of identities over time, and doubtful crossings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from murid.core.records import ArrayRecord
from murid.core.types import Bool, Float32, Int64, UInt8
from murid.identification.appearance_models.appearance_fit import AppearanceSelection

# Mean identity probability, given that boxes show animals, from which on a recording is not in
# doubt. A second pass over the video learns the fur of the animals where it is lower.
MIN_MEAN_PROBABILITY = 0.995


@dataclass(frozen=True, eq=False, slots=True)
class DoubtfulCrossings(ArrayRecord):
    """Moments at which two animals may have been swapped, the most doubtful first.

    Attributes
    ----------
    first_frames, last_frames : ndarray
        ``(C,)`` int64: the animals were apart before the first and are apart after the last.
    pairs : ndarray
        ``(C, 2)`` int64 identities.
    swap_probabilities : ndarray
        ``(C,)`` float32 in [0, 0.5].
    lasting_probabilities : ndarray
        ``(C,)`` float32 in [0, 0.5]: of swaps after which the identities stay exchanged until
        another lasting swap of the two. The rest of the swap probability is that of an interval
        between this crossing and another one.
    interval_frames : ndarray
        ``(C,)`` float32: expected number of animal-frames that are wrong because of such intervals.
    """

    first_frames: Int64
    last_frames: Int64
    pairs: Int64
    swap_probabilities: Float32
    lasting_probabilities: Float32
    interval_frames: Float32

    def __len__(self) -> int:
        return len(self.first_frames)

    @classmethod
    def empty(cls) -> DoubtfulCrossings:
        """Return none."""
        frames = np.zeros(0, np.int64)
        values = np.zeros(0, np.float32)
        return cls(frames, frames, np.zeros((0, 2), np.int64), values, values, values)


@dataclass(frozen=True, eq=False, slots=True)
class IdentificationResult:
    """Boxes of the identities: one row per identity and frame, by frame and then identity.

    Attributes
    ----------
    frames : ndarray
        ``(M,)`` int64.
    rows : ndarray
        ``(M,)`` int64 row of the detection in the whole recording; -1 = interpolated.
    identity_ids : ndarray
        ``(M,)`` int64 from 1.
    boxes : ndarray
        ``(M, 4)`` float32 xyxy pixels.
    scores : ndarray
        ``(M,)`` float32; 0 where interpolated.
    identity_probabilities : ndarray
        ``(M,)`` float32 in [0, 1]: how likely the animal is this identity.
    merged : ndarray
        ``(M,)`` bool: whether the box holds another animal as well, in contact.
    sources : ndarray
        ``(M,)`` uint8 `Source` of the identity.
    crossings : DoubtfulCrossings
    note : str or None
        A message for the user: more animals than expected were detected for a moment.
    appearance_selections : tuple of AppearanceSelection
        Whether fur descriptors help to tell the animals apart. One for each arena with enough
        descriptors to decide.
    mean_given_existence : float
        Mean identity probability of the detections, given that they show animals: only this may
        grow with what more is learnt of the appearance of the animals.
    unmet_lines : tuple of int
        Numbers of the constraints that the paths do not keep.
    """

    frames: Int64
    rows: Int64
    identity_ids: Int64
    boxes: Float32
    scores: Float32
    identity_probabilities: Float32
    merged: Bool
    sources: UInt8
    crossings: DoubtfulCrossings
    note: str | None = None
    appearance_selections: tuple[AppearanceSelection, ...] = ()
    mean_given_existence: float = 1.0
    unmet_lines: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def interpolated(self) -> Bool:
        """``(M,)`` bool: whether each box is interpolated rather than detected."""
        return self.rows < 0

    @property
    def is_doubtful(self) -> bool:
        """Whether identities may be wrong: there are doubtful crossings that matter."""
        if not len(self.crossings):
            return False
        return self.mean_given_existence < MIN_MEAN_PROBABILITY

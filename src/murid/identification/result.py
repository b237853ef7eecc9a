"""What is known of who is who: identities of detections, filled-in positions, crossings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from murid.core.types import Float32, Int64
from murid.identification.appearance_selection import AppearanceSelection

SURE_ENOUGH = 0.995
"""Mean certainty of names from which on they are not in doubt."""


@dataclass(frozen=True, eq=False, slots=True)
class DoubtfulCrossings:
    """Moments at which two identities may have been exchanged, the most doubtful first.

    Attributes
    ----------
    first_frames, last_frames : ndarray
        ``(C,)`` int64: the animals were apart before the one and are after the other.
    pairs : ndarray
        ``(C, 2)`` int64 identities.
    swap_probabilities : ndarray
        ``(C,)`` float32 in [0, 0.5]: how likely they were exchanged.
    """

    first_frames: Int64
    last_frames: Int64
    pairs: Int64
    swap_probabilities: Float32

    def __len__(self) -> int:
        return len(self.first_frames)


@dataclass(frozen=True, eq=False, slots=True)
class IdentificationResult:
    """Who is where in a recording: one row per animal and frame, by frame and then identity.

    Attributes
    ----------
    frames : ndarray
        ``(M,)`` int64.
    rows : ndarray
        ``(M,)`` int64 row of the detection in the whole recording; -1 where a position is filled
        in.
    identity_ids : ndarray
        ``(M,)`` int64 from 1.
    boxes : ndarray
        ``(M, 4)`` float32 xyxy pixels.
    scores : ndarray
        ``(M,)`` float32; 0 where a position is filled in.
    identity_probabilities : ndarray
        ``(M,)`` float32 in [0, 1]: how likely it is this animal.
    crossings : DoubtfulCrossings
    note : str or None
        What the user should know, such as more animals than there should be.
    appearance_selections : tuple of Adaptation
        What prints of the fur are worth here: one, or one an arena, where there are enough to say.
    """

    frames: Int64
    rows: Int64
    identity_ids: Int64
    boxes: Float32
    scores: Float32
    identity_probabilities: Float32
    crossings: DoubtfulCrossings
    note: str | None = None
    appearance_selections: tuple[AppearanceSelection, ...] = ()

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def interpolated(self) -> NDArray[np.bool_]:
        """``(M,)`` bool: whether each position is filled in rather than seen."""
        return self.rows < 0

    @property
    def is_doubtful(self) -> bool:
        """Whether names may well be wrong."""
        return len(self.crossings) > 0 and float(self.identity_probabilities.mean()) < SURE_ENOUGH

"""More animals than there should be: tracklets that move, are surely animals, and belong to nobody."""

from __future__ import annotations

import numpy as np

from murid.core.types import Float64, Int64
from murid.errors import ConfigError
from murid.identification.evidence import TrackletEvidence

LEAST_TRAVEL = 1.0
"""Body lengths that something moves by if it is surely an animal."""
LEAST_S = 0.5
"""Time for which it is seen clear of others."""
REFUSED_S = 3.0
"""Time after which more animals than N are an error rather than a false detection."""
REFUSED_SHARE = 0.02
"""… and share of the recording."""


def check_animal_count(
    evidence: TrackletEvidence, tracklet_llrs: Float64, paths: Int64, n_animals: int
) -> str | None:
    """Say where more animals than N were seen at once; None where they were not.

    Raises
    ------
    ConfigError
        If that is so for long, naming the first frame.
    """
    tracklets, fps = evidence.tracklets, evidence.motion.fps
    n_seen = np.bincount(
        evidence.frames[(paths >= 0)[tracklets.numbers]],
        minlength=int(evidence.frames.max(initial=0)) + 1,
    )
    crowded = np.zeros(len(n_seen), bool)
    for k in np.flatnonzero(
        (paths < 0) & (tracklet_llrs > 0) & (tracklets.lengths >= LEAST_S * fps)
    ).tolist():
        own = slice(tracklets.offsets[k], tracklets.offsets[k + 1])
        if np.ptp(evidence.shapes[own, :2], axis=0).max() >= LEAST_TRAVEL:
            beside = evidence.frames[own][evidence.clear[own]]
            crowded[beside[n_seen[beside] >= n_animals]] = True
    n_frames = int(crowded.sum())
    if n_frames < LEAST_S * fps:
        return None
    first = int(np.argmax(crowded))
    said = f"more than {n_animals} seen apart at once, first in frame {first}, for {n_frames / fps:.1f} s"
    if n_frames > max(REFUSED_S * fps, REFUSED_SHARE * len(n_seen)):
        raise ConfigError(
            f"animals: expected as many as there are, or more, got {n_animals}: {said}"
        )
    return said

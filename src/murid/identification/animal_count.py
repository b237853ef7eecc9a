"""Animal-count check: whether more animals than N were detected apart from each other at once."""

from __future__ import annotations

import numpy as np

from murid.core.clock import to_frames
from murid.core.types import Float64, Int64
from murid.errors import ConfigError
from murid.identification.evidence import TrackletEvidence

# A tracklet without an identity is surely an animal, not clutter, if it moves by this many body
# lengths and lasts for this time. Only its unoccluded frames count. At low frame rates it must last
# for this many frames: so many detections in a row are hardly ever clutter.
MIN_TRAVEL = 1.0
MIN_DURATION_S = 0.5
MIN_DURATION_FRAMES = 12
# More than N animals for longer than both this time and this share of the recording are an error.
# For less, false detections are more likely, and the result gets a note. The minimum in frames is
# six times that of a single tracklet, as the times are.
MAX_EXTRA_ANIMAL_S = 3.0
MAX_EXTRA_ANIMAL_FRAMES = 72
MAX_EXTRA_ANIMAL_SHARE = 0.02


def check_animal_count(
    evidence: TrackletEvidence,
    tracklet_llrs: Float64,
    paths: Int64,
    n_animals: int,
    video_frames: range | None = None,
) -> str | None:
    """Return a note on where more than N animals were detected at once, None if nowhere.

    Parameters
    ----------
    evidence : TrackletEvidence
    tracklet_llrs : ndarray
        ``(T,)`` float64, as of `ExistenceEvidence.compute_llrs`.
    paths : ndarray
        ``(T,)`` int64 path of each tracklet; -1 = none.
    n_animals : int
    video_frames : range, optional
        Number in the video of each frame, where not all were tracked.

    Raises
    ------
    ConfigError
        If there are more than N animals for long; the message names the first frame.
    """
    tracklets = evidence.tracklets
    fps = evidence.motion.fps
    is_identity = (paths >= 0)[tracklets.numbers]
    n_frames = int(evidence.frames.max(initial=0)) + 1
    n_identities = np.bincount(evidence.frames[is_identity], minlength=n_frames)
    # Frames with N identities and yet another animal beside them.
    has_extra = np.zeros(len(n_identities), bool)
    min_frames = to_frames(MIN_DURATION_S, fps, MIN_DURATION_FRAMES)
    lasting = tracklets.lengths >= min_frames
    for tracklet in np.flatnonzero((paths < 0) & (tracklet_llrs > 0) & lasting).tolist():
        rows = slice(tracklets.offsets[tracklet], tracklets.offsets[tracklet + 1])
        travel = np.ptp(evidence.shapes[rows, :2], axis=0).max()
        if travel >= MIN_TRAVEL:
            frames = evidence.frames[rows][evidence.unoccluded[rows]]
            has_extra[frames[n_identities[frames] >= n_animals]] = True
    n_extra = int(has_extra.sum())
    if n_extra < min_frames:
        return None
    first = int(evidence.time_slots.find_frames(np.flatnonzero(has_extra)[:1])[0])
    if video_frames is not None:
        first = video_frames[first]
    note = (
        f"more than {n_animals} seen apart at once, first in frame {first},"
        f" for {n_extra / fps:.1f} s"
    )
    max_frames = to_frames(MAX_EXTRA_ANIMAL_S, fps, MAX_EXTRA_ANIMAL_FRAMES)
    last = np.array([n_frames - 1], np.int64)
    n_recorded = n_frames - int(evidence.time_slots.count_missing(np.zeros(1, np.int64), last)[0])
    if n_extra > max(max_frames, MAX_EXTRA_ANIMAL_SHARE * n_recorded):
        raise ConfigError(
            f"animals: expected as many as there are, or more, got {n_animals}: {note}"
        )
    return note

"""Choose frames that represent a video and are cheap to decode."""

from __future__ import annotations

import numpy as np

from murid.core.types import Int64

# Decoding budget: frames that may be decoded for each frame wanted, but at least so many in all.
# A larger budget spreads the samples more evenly over videos with few key frames, but takes longer.
_DECODED_PER_SAMPLE = 8
_MIN_DECODED = 400

# If the samples fall on so many different key frames, relative to their number, the key frames
# themselves are taken: each costs one decoded frame.
_MIN_KEYFRAME_FRACTION = 0.9


def spread_evenly(n_total: int, n_frames: int) -> Int64:
    """Return up to `n_frames` frame numbers spread evenly over a video, ascending.

    The first frame (0) and the last (``n_total - 1``) are among them. No number occurs twice.
    """
    positions = np.linspace(0, max(n_total - 1, 0), max(n_frames, 1))
    return np.unique(positions.round().astype(np.int64))


def plan_sampling(n_total: int, keyframes: Int64, n_frames: int) -> list[Int64]:
    """Choose frames that are spread over a video and cheap to decode.

    Parameters
    ----------
    n_total : int
        Number of frames of the video.
    keyframes : ndarray
        int64 numbers of the frames at which decoding can start, ascending.
    n_frames : int
        Approximate number of frames to choose.

    Returns
    -------
    list of ndarray
        One array for each key frame that is used: int64 numbers of the chosen frames, ascending,
        all before the next key frame. Decoding from these key frames takes 8 decoded frames for
        each chosen one, or 400 if that is more. The list is empty if the whole video has no more
        frames than that, or no key frames.
    """
    max_decoded = max(_DECODED_PER_SAMPLE * n_frames, _MIN_DECODED)
    if n_total <= max_decoded or len(keyframes) == 0:
        return []
    even = spread_evenly(n_total, n_frames)
    starts = _find_keyframes(keyframes, even)
    # Move each sample towards its key frame, so that the decoded frames stay within the budget.
    if len(np.unique(starts)) >= _MIN_KEYFRAME_FRACTION * len(even):
        scale = 0.0
    else:
        scale = max_decoded / n_total
    offsets = (np.maximum(even - starts, 0) * scale).astype(np.int64)
    chosen = np.unique(starts + offsets)
    is_new_keyframe = np.diff(_find_keyframes(keyframes, chosen))
    return np.split(chosen, np.flatnonzero(is_new_keyframe) + 1)


def _find_keyframes(keyframes: Int64, numbers: Int64) -> Int64:
    """Return the last key frame at or before each frame number; the first if there is none."""
    positions = np.searchsorted(keyframes, numbers, side="right") - 1
    return keyframes[np.maximum(positions, 0)]

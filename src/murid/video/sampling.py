"""Which frames to look at to know a video without decoding all of it."""

from __future__ import annotations

import numpy as np

from murid.core.types import Int64

_DECODED_PER_FRAME = 8
_LEAST_DECODED = 400
_ENOUGH_KEYS = 0.9


def spread_evenly(n_total: int, n_frames: int) -> Int64:
    """Up to `n_frames` different numbers from 0 to ``n_total - 1``, ascending, the first and the last among them."""
    return np.unique(np.linspace(0, max(n_total - 1, 0), max(n_frames, 1)).round().astype(np.int64))


def plan_runs(n_total: int, keyframes: Int64, n_frames: int) -> list[Int64]:
    """Choose frames that are spread over a video and cheap to decode.

    Parameters
    ----------
    n_total : int
        Frames of the video.
    keyframes : ndarray
        int64 numbers of the frames at which decoding may begin, ascending.
    n_frames : int
        About how many to choose.

    Returns
    -------
    list of ndarray
        For each key frame that is used the int64 numbers of the frames to take, ascending, all
        before the next key frame. To decode from these key frames on takes 8 frames for each one
        wanted, or 400 if that is more. Empty where the whole video has no more.
    """
    most = max(_DECODED_PER_FRAME * n_frames, _LEAST_DECODED)
    if n_total <= most or len(keyframes) == 0:
        return []
    even = spread_evenly(n_total, n_frames)
    keys = _find_keys(keyframes, even)
    reach = 0.0 if len(np.unique(keys)) >= _ENOUGH_KEYS * len(even) else most / n_total
    wanted = np.unique(keys + (np.maximum(even - keys, 0) * reach).astype(np.int64))
    return np.split(wanted, np.flatnonzero(np.diff(_find_keys(keyframes, wanted))) + 1)


def _find_keys(keyframes: Int64, numbers: Int64) -> Int64:
    """Key frame before or at each number, the first where there is none."""
    return keyframes[np.maximum(np.searchsorted(keyframes, numbers, side="right") - 1, 0)]

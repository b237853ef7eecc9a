"""Where an animal was while it was not seen: straight lines across gaps that it can have crossed so."""

from __future__ import annotations

import numpy as np

from murid.core.types import Float32, Float64, Int32, Int64

NEAR = 0.5
"""Body lengths that an unseen animal may have moved by in any gap …"""
PACE = 3.0
"""… and by which it may have moved in every second of it."""


def fill_gaps(
    frames: Int32, boxes: Float32, *, body_px: float, fps: float, longest_s: Float64
) -> tuple[Int64, Int64, Float32]:
    """Interpolate boxes between sights of an animal.

    Parameters
    ----------
    frames : ndarray
        ``(n,)`` int32 frame of each sight, ascending.
    boxes : ndarray
        ``(n, 4)`` float32 xyxy pixels.
    body_px, fps : float
        Length of a body; frames per second.
    longest_s : ndarray
        ``(n - 1,)`` float64: longest gap that is filled after each sight but the last, seconds.

    Returns
    -------
    frames, before, boxes : ndarray
        ``(k,)`` int64 frames that are filled in, ``(k,)`` int64 the sights before them, and ``(k,
        4)`` float32 boxes.
    """
    gaps = frames[1:] - frames[:-1]
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    moved = np.hypot(*(centres[1:] - centres[:-1]).T) / body_px
    crossed = (gaps <= longest_s * fps) & (moved <= NEAR + PACE * gaps / fps)
    starts = np.flatnonzero((gaps > 1) & crossed)
    lengths = gaps[starts] - 1
    before = np.repeat(starts, lengths)
    transitions = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths) + 1
    shares = (transitions / gaps[before]).astype(np.float32)[:, None]
    return (
        frames[before] + transitions,
        before,
        boxes[before] * (1 - shares) + boxes[before + 1] * shares,
    )

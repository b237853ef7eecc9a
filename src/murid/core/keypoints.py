"""The keypoints of an animal: their names, their order and the lines between them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

KEYPOINTS = ("nose", "centre", "tail_base")
"""Names of the keypoints, in the order of all arrays.

``nose`` is the tip of the snout, ``centre`` the middle of the body along the spine, and
``tail_base`` the place where the tail leaves the body.
"""

NOSE, CENTRE, TAIL_BASE = range(len(KEYPOINTS))

SKELETON = ((TAIL_BASE, CENTRE), (CENTRE, NOSE))
"""Pairs of keypoints that are joined by a line: the body axis, from tail base to nose."""

X, Y, CONFIDENCE = range(3)
"""What an array of keypoints ``(n, K, 3)`` holds along its last axis."""


def make_unknown_keypoints(n_rows: int) -> NDArray[np.float32]:
    """Return keypoints ``(n, K, 3)`` float32 of which none is known: NaN, with confidence 0."""
    keypoints = np.full((n_rows, len(KEYPOINTS), 3), np.nan, np.float32)
    keypoints[:, :, CONFIDENCE] = 0
    return keypoints

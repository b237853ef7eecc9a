"""The keypoints of an animal: their names, their order and the lines between them."""

from __future__ import annotations

KEYPOINTS = ("nose", "centre", "tail_base")
"""Names of the keypoints, in the order of all arrays.

``nose`` is the tip of the snout, ``centre`` the middle of the body along the spine, and
``tail_base`` the place where the tail leaves the body.
"""

NOSE, CENTRE, TAIL_BASE = range(len(KEYPOINTS))

SKELETON = ((TAIL_BASE, CENTRE), (CENTRE, NOSE))
"""Pairs of keypoints that are joined by a line: the body axis, from tail base to nose."""

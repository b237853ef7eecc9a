"""Compute boxes from keypoints: bounds of the visible keypoints of the body, plus a margin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatchcase

import numpy as np

from murid.core.boxes import clip
from murid.core.plurals import format_count
from murid.core.types import Float64
from murid.datasets.raw_labels import Box, RawLabels, ReadOptions, Size

# A keypoint of the tail with one of these words in its name is the base of the tail.
_BASE_WORDS = ("base", "root", "start")


def select_body_keypoints(
    names: Sequence[str], exclude_keypoints: Sequence[str] | None
) -> list[int]:
    """Return the positions of the keypoints that belong to the body.

    Parameters
    ----------
    names : sequence of str
        Names of all keypoints.
    exclude_keypoints : sequence of str or None
        Patterns (``*`` and ``?``, any case) of keypoints to exclude; None = those with ``tail`` in
        their name, except the base of the tail, which is the end of the body.
    """
    return [k for k, name in enumerate(names) if not _is_excluded(name.lower(), exclude_keypoints)]


def _is_excluded(name: str, patterns: Sequence[str] | None) -> bool:
    if patterns is None:
        return "tail" in name and not any(word in name for word in _BASE_WORDS)
    return any(fnmatchcase(name, pattern.lower()) for pattern in patterns)


def compute_box(points: Float64, options: ReadOptions, size: Size | None = None) -> Box | None:
    """Return the box around the visible keypoints of an animal.

    Parameters
    ----------
    points : ndarray
        ``(K, 2)`` float64 pixels, keypoints of the body; NaN = not visible.
    options : ReadOptions
        `margin`, a fraction of the longer side of the bounds, is added on every side: the keypoints
        of a straight spine span a line, which has no area.
    size : tuple of int, optional
        Width and height of the image, to which the box is clipped.

    Returns
    -------
    tuple of float or None
        xyxy; None if fewer than two keypoints are visible, or all are in one place.
    """
    visible = points[np.isfinite(points).all(axis=1)]
    if not len(visible):
        return None
    longer_side = float(np.ptp(visible, axis=0).max())
    if not longer_side > 0:
        return None
    box = np.concatenate([visible.min(axis=0), visible.max(axis=0)])[None]
    box += options.margin * longer_side * np.array([-1, -1, 1, 1])
    if size is not None:
        box = clip(box, *size)
    left, top, right, bottom = box[0].tolist()
    return left, top, right, bottom


def mark_incomplete_frames(raw: RawLabels) -> None:
    """Mark frames with fewer boxes than other frames as incomplete.

    Keypoint tools do not label an animal whose keypoints are hidden, so one may be missing there.
    """
    counts = Counter(label.frame for label in raw.labels)
    max_count = max(counts.values(), default=0)
    raw.incomplete.update(frame for frame in raw.frames if counts[frame] < max_count)


def describe_boxless(name: str, n_boxless: int) -> list[str]:
    """Return a note about animals with too few keypoints for a box, if there are any."""
    if not n_boxless:
        return []
    animals = format_count(n_boxless, "animal")
    return [f"{name}: {animals} with fewer than two visible keypoints of the body left out"]

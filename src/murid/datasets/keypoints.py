"""Poses become boxes: tight bounds of the visible points of the body, and a margin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatchcase

import numpy as np

from murid.core.boxes import clip
from murid.core.types import Float64
from murid.datasets.raw_labels import Box, RawLabels, ReadOptions, Size

_BASE_WORDS = ("base", "root", "start")


def choose_body_points(names: Sequence[str], leave_out: Sequence[str] | None) -> list[int]:
    """Positions of the points that belong to the body.

    Parameters
    ----------
    names : sequence of str
        Of all points.
    leave_out : sequence of str or None
        Patterns (``*`` and ``?``, any case) of points to leave out; None = those with ``tail`` in
        their name, but for the tail's base, which is the end of the body.
    """
    return [k for k, name in enumerate(names) if not _is_left_out(name.lower(), leave_out)]


def _is_left_out(name: str, leave_out: Sequence[str] | None) -> bool:
    if leave_out is None:
        return "tail" in name and not any(word in name for word in _BASE_WORDS)
    return any(fnmatchcase(name, pattern.lower()) for pattern in leave_out)


def make_box(points: Float64, options: ReadOptions, size: Size | None = None) -> Box | None:
    """Box of a pose.

    Parameters
    ----------
    points : ndarray
        ``(K, 2)`` float64 pixels of the body's points; NaN = not visible.
    options : ReadOptions
        `margin` is added on every side, as a share of the longer side of the bounds: points along
        the spine of an animal that lies straight span a line, not a box.
    size : tuple of int, optional
        Width and height of the image, which the box is cut to.

    Returns
    -------
    tuple of float or None
        xyxy; None if fewer than two points, or points in one place, are visible.
    """
    seen = points[np.isfinite(points).all(axis=1)]
    if not len(seen) or not (reach := float(np.ptp(seen, axis=0).max())) > 0:
        return None
    box = np.concatenate([seen.min(axis=0), seen.max(axis=0)])[None]
    box += options.margin * reach * np.array([-1, -1, 1, 1])
    left, top, right, bottom = (box if size is None else clip(box, *size))[0].tolist()
    return left, top, right, bottom


def mark_thin_frames(draft: RawLabels) -> None:
    """Mark frames with fewer boxes than the fullest one as incomplete: an animal may be there without points."""
    counts = Counter(label.frame for label in draft.labels)
    fullest = max(counts.values(), default=0)
    draft.incomplete.update(frame for frame in draft.frames if counts[frame] < fullest)

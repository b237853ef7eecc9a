"""Boxes between keyframes, for labels of videos that give only some of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from murid.datasets.raw_labels import Box


def interpolate_keyframes(boxes: Mapping[int, Box | None], frames: Sequence[int]) -> dict[int, Box]:
    """Return the box of each frame from its first one on, until the animal is outside.

    Between two boxes it moves evenly; from the last one on it stays.

    Parameters
    ----------
    boxes : dict of int to tuple
        Boxes by frame; None = outside the image from here on.
    frames : sequence of int
        Frames of the task, ascending.
    """
    given = sorted(boxes)
    interpolated = {frame: box for frame, box in boxes.items() if box is not None}
    for k, frame in enumerate(given):
        box = boxes[frame]
        if box is None:
            continue
        following = given[k + 1] if k + 1 < len(given) else None
        end = math.inf if following is None else following
        last = box if following is None else boxes[following] or box
        for between in frames:
            if frame < between < end:
                share = 0.0 if following is None else (between - frame) / (following - frame)
                left, top, right, bottom = (
                    (1 - share) * a + share * b for a, b in zip(box, last, strict=True)
                )
                interpolated[between] = left, top, right, bottom
    return dict(sorted(interpolated.items()))

"""The boxes of some frames as the page draws them."""

from __future__ import annotations

from typing import Any

import numpy as np

from murid.errors import ConfigError
from murid.review.results import IdentityPart, RunResults

# Frames whose boxes are sent at once: those of a long clip.
MAX_BOX_FRAMES = 1200

Values = list[float]


def list_boxes(results: RunResults, first_frame: int, last_frame: int) -> dict[str, Any]:
    """Return all boxes of some frames as plain values, both frames included.

    Each box is ``[identity, row, x1, y1, x2, y2, probability, score, merged]``; identity 0 is a
    detection without an animal, row -1 an interpolated box.

    Raises
    ------
    ConfigError
        If the frames are too many, or in another order.
    RunError
        If a part of the run is damaged.
    """
    if not 0 <= first_frame <= last_frame < first_frame + MAX_BOX_FRAMES:
        got = f"{first_frame} to {last_frame}"
        raise ConfigError(f"frames: expected up to {MAX_BOX_FRAMES} in order, got {got}")
    frames: list[list[Values]] = []
    for part in results.iterate_parts(first_frame, last_frame):
        first = max(first_frame - part.first_frame, 0)
        last = min(last_frame - part.first_frame, part.n_frames - 1)
        frames += [_list_assigned(part, t) + _list_others(part, t) for t in range(first, last + 1)]
    times_s = results.times_s[first_frame : last_frame + 1]
    return {
        "first_frame": first_frame,
        "times_s": np.round(times_s, 4).tolist(),
        "frames": frames,
    }


def _list_assigned(part: IdentityPart, t: int) -> list[Values]:
    """Return the boxes of identities in a frame of a part."""
    own = slice(part.offsets[t], part.offsets[t + 1])
    columns = np.column_stack(
        [
            part.identities[own],
            part.rows[own],
            part.boxes[own].round(1),
            part.probabilities[own],
            part.scores[own],
            part.merged[own],
        ]
    )
    boxes: list[Values] = columns.round(3).tolist()
    return boxes


def _list_others(part: IdentityPart, t: int) -> list[Values]:
    """Return the detections in a frame of a part that have no identity."""
    assigned = part.rows[part.offsets[t] : part.offsets[t + 1]]
    detections = part.detections[t]
    rows = np.setdiff1d(np.arange(len(detections)), assigned)
    nothing = np.zeros(len(rows))
    columns = np.column_stack(
        [nothing, rows, detections.boxes[rows].round(1), nothing, detections.scores[rows], nothing]
    )
    boxes: list[Values] = columns.round(3).tolist()
    return boxes

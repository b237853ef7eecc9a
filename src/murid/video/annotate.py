"""Tracks drawn onto frames: boxes, names and short trails in colours that colour-blind people tell apart."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from itertools import pairwise

import cv2
import numpy as np

from murid.core import Frame, TrackedDetections
from murid.core.boxes import compute_centres
from murid.core.types import UInt8

Colour = tuple[int, int, int]
_Sighting = tuple[int, tuple[int, int]]  # frame, and centre in pixels

PALETTE: tuple[Colour, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (204, 121, 167),
    (213, 94, 0),
    (0, 114, 178),
    (187, 187, 187),
)
"""Okabe and Ito's colours (2008), RGB, grey in place of black."""

_TRAIL_S = 1.0


def choose_colour(track_id: int) -> Colour:
    """Colour of a track, always the same."""
    return PALETTE[(track_id - 1) % len(PALETTE)]


class Annotator:
    """Draw frame after frame; remembers where each track was during the last second, seen or not.

    Parameters
    ----------
    fps : float
        Frames per second, which sets the length of the trails.
    names : mapping of int to str
        What to call a track; its id where there is no name.
    """

    def __init__(self, fps: float, names: Mapping[int, str] | None = None) -> None:
        self._length = max(2.0, _TRAIL_S * fps)
        self._trails: dict[int, deque[_Sighting]] = defaultdict(deque)
        self._names = dict(names or {})

    def annotate(self, frame: Frame, tracked: TrackedDetections) -> UInt8:
        """Return a copy of the frame's image with the tracks drawn on it."""
        image = np.ascontiguousarray(frame.image).copy()
        kept = np.flatnonzero(tracked.track_ids >= 0)
        boxes = tracked.detections.boxes[kept]
        ids = [int(i) for i in tracked.track_ids[kept]]
        for track_id, (x, y) in zip(ids, compute_centres(boxes), strict=True):
            self._trails[track_id].append((frame.index, (round(float(x)), round(float(y)))))
        self._forget(frame.index)
        unit = max(1, round(max(image.shape[:2]) / 640))
        for track_id, trail in self._trails.items():
            self._draw_trail(image, trail, frame.index, choose_colour(track_id), unit)
        interpolated = (
            np.zeros(len(ids), bool) if tracked.interpolated is None else tracked.interpolated[kept]
        )
        for track_id, box, unseen in zip(ids, boxes, interpolated.tolist(), strict=True):
            name = self._names.get(track_id, str(track_id))
            _draw_box(
                image, box, f"({name})" if unseen else name, choose_colour(track_id), unit, unseen
            )
        return image

    def _forget(self, index: int) -> None:
        for trail in self._trails.values():
            while trail and index - trail[0][0] >= self._length:
                trail.popleft()
        for track_id in [track_id for track_id, trail in self._trails.items() if not trail]:
            del self._trails[track_id]

    def _draw_trail(
        self, image: UInt8, trail: Sequence[_Sighting], index: int, colour: Colour, unit: int
    ) -> None:
        """Draw a line through the sightings, the thinner and paler the longer ago they were."""
        for (seen, start), (_, end) in pairwise(trail):
            strength = 1 - (index - seen) / self._length
            faded = tuple(int(strength * c + (1 - strength) * 128) for c in colour)
            cv2.line(image, start, end, faded, max(1, round(2 * unit * strength)), cv2.LINE_AA)


def _draw_box(
    image: UInt8, box: np.ndarray, name: str, colour: Colour, unit: int, unseen: bool
) -> None:
    """Draw a box and its name; thinly where the animal was not seen."""
    left, top, right, bottom = (round(float(v)) for v in box)
    if not unseen:
        cv2.rectangle(image, (left, top), (right, bottom), (0, 0, 0), 2 * unit + 2, cv2.LINE_AA)
    cv2.rectangle(
        image, (left, top), (right, bottom), colour, unit if unseen else 2 * unit, cv2.LINE_AA
    )
    scale = 0.5 * unit
    (width, height), base = cv2.getTextSize(name, cv2.FONT_HERSHEY_SIMPLEX, scale, unit)
    pad = 2 * unit
    y = top - base - pad if top - height - base - 2 * pad >= 0 else bottom + height + pad
    x = min(max(left, 0), max(0, image.shape[1] - width - 2 * pad))
    cv2.rectangle(image, (x, y - height - pad), (x + width + 2 * pad, y + base), colour, -1)
    cv2.putText(
        image, name, (x + pad, y), cv2.FONT_HERSHEY_SIMPLEX, scale, (0, 0, 0), unit, cv2.LINE_AA
    )

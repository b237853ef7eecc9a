"""Draw tracks onto frames: boxes, labels, trails and arrows in colour-blind-safe colours."""

from __future__ import annotations

import unicodedata
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from murid.core import Frame, TrackedDetections
from murid.core.boxes import compute_centres
from murid.core.keypoints import NOSE, TAIL_BASE
from murid.core.types import Float32, UInt8

Colour = tuple[int, int, int]

# The palette of Okabe and Ito (2008), RGB, which colour-blind people can tell apart. Grey takes the
# place of black, in which outlines are drawn.
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

_BLACK: Colour = (0, 0, 0)
_WHITE: Colour = (255, 255, 255)
_FONT = cv2.FONT_HERSHEY_SIMPLEX

# Lines are one pixel thick for each 640 pixels of the longer image side, so that they look alike at
# all resolutions.
_REFERENCE_SIDE_PX = 640

# Long enough to show the direction of movement, short enough not to clutter a cage of animals.
_TRAIL_S = 1.0

# Trails have at least so many frames, where one takes half a second or more.
_MIN_TRAIL_FRAMES = 2

# Arrows from tail base to nose are opaque from the second confidence on, and fade to the first one,
# below which they are not drawn: an arrow that points the wrong way is worse than none.
_MIN_ARROW_CONFIDENCE = 0.3
_OPAQUE_ARROW_CONFIDENCE = 0.7
# How opaque an arrow of the lowest confidence is; fainter ones cannot be seen on bedding.
_MIN_ARROW_OPACITY = 0.3
# Length of the head of an arrow, as a fraction of the arrow, and at most this many units.
_ARROW_HEAD_FRACTION = 0.3
_MAX_ARROW_HEAD_UNITS = 9
# Half of the angle at the tip of the head, degrees.
_ARROW_HEAD_ANGLE_DEG = 28.0
# Bits of a fraction of a pixel in coordinates of OpenCV.
_SHIFT = 4

# Times are rounded, so a point that is this much younger than the limit counts as old.
_ROUNDING_S = 1e-6


@dataclass(frozen=True, slots=True)
class _TrailPoint:
    """Centre of a track's box in one frame, in whole pixels."""

    time_s: float
    centre: tuple[int, int]


def choose_colour(track_id: int) -> Colour:
    """Return the RGB colour of a track, the same each time."""
    return PALETTE[(track_id - 1) % len(PALETTE)]


class Annotator:
    """Draws tracks on one frame after the other, with trails of the last second.

    An animal with keypoints has an arrow from its tail base to its nose, which fades where their
    confidence is low.

    Parameters
    ----------
    fps : float
        Frames per second; below 2, trails are two frames long instead of one second.
    names : mapping of int to str
        Label of each track. A track without a name is labelled with its id.
    """

    def __init__(self, fps: float, names: Mapping[int, str] | None = None) -> None:
        self._trail_s = max(_MIN_TRAIL_FRAMES / fps, _TRAIL_S)
        self._trails: dict[int, deque[_TrailPoint]] = defaultdict(deque)
        self._names = dict(names or {})

    def annotate(
        self, frame: Frame, tracked: TrackedDetections, caption: str | None = None
    ) -> UInt8:
        """Return a copy of the frame's image with the tracks drawn on it.

        Parameters
        ----------
        frame : Frame
            The image, and its number, by which trails are cut.
        tracked : TrackedDetections
            Boxes and their tracks.
        caption : str, optional
            Text for the lower left corner, such as the number and the time of the frame.
        """
        image = np.ascontiguousarray(frame.image).copy()
        unit = max(1, round(max(image.shape[:2]) / _REFERENCE_SIDE_PX))
        kept = np.flatnonzero(tracked.track_ids >= 0)
        boxes = tracked.detections.boxes[kept]
        track_ids = [int(track_id) for track_id in tracked.track_ids[kept]]
        if tracked.interpolated is None:
            interpolated = np.zeros(len(track_ids), bool)
        else:
            interpolated = tracked.interpolated[kept]

        # Trails come first, so that boxes and labels cover them.
        for track_id, (x, y) in zip(track_ids, compute_centres(boxes), strict=True):
            centre = (round(float(x)), round(float(y)))
            self._trails[track_id].append(_TrailPoint(frame.time_s, centre))
        self._drop_old_points(frame.time_s)
        for track_id, trail in self._trails.items():
            self._draw_trail(image, trail, frame.time_s, choose_colour(track_id), unit)

        for track_id, box, is_interpolated in zip(
            track_ids, boxes, interpolated.tolist(), strict=True
        ):
            name = _to_ascii(self._names.get(track_id, "")) or str(track_id)
            label = f"({name})" if is_interpolated else name
            _draw_box(image, box, label, choose_colour(track_id), unit, is_interpolated)
        if tracked.detections.keypoints is not None:
            keypoints = tracked.detections.keypoints[kept]
            for track_id, points in zip(track_ids, keypoints, strict=True):
                _draw_arrow(image, points, choose_colour(track_id), unit)
        if caption is not None:
            draw_caption(image, caption)
        return image

    def _drop_old_points(self, time_s: float) -> None:
        """Remove the points of trails that are older than a second at a time."""
        for trail in self._trails.values():
            while trail and time_s - trail[0].time_s >= self._trail_s - _ROUNDING_S:
                trail.popleft()
        ended = [track_id for track_id, trail in self._trails.items() if not trail]
        for track_id in ended:
            del self._trails[track_id]

    def _draw_trail(
        self, image: UInt8, trail: Sequence[_TrailPoint], time_s: float, colour: Colour, unit: int
    ) -> None:
        """Draw lines between the points of a trail; older ones are thinner and fade to grey."""
        for start, end in pairwise(trail):
            strength = 1 - (time_s - start.time_s) / self._trail_s
            faded = tuple(int(strength * c + (1 - strength) * 128) for c in colour)
            thickness = max(1, round(2 * unit * strength))
            cv2.line(image, start.centre, end.centre, faded, thickness, cv2.LINE_AA)


def format_caption(number: int, time_s: float) -> str:
    """Return the number of a frame and its time, such as ``frame 120  0:00:04.000``."""
    # Round first: 59.9996 s is 0:01:00.000.
    milliseconds = round(1000 * abs(time_s))
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    sign = "-" if time_s < 0 and milliseconds else ""
    return f"frame {number}  {sign}{hours}:{minutes:02}:{seconds:02}.{rest:03}"


def draw_caption(image: UInt8, text: str) -> None:
    """Draw a line of text into the lower left corner of an image, white on black."""
    unit = max(1, round(max(image.shape[:2]) / _REFERENCE_SIDE_PX))
    scale = 0.4 * unit
    (width, height), baseline = cv2.getTextSize(text, _FONT, scale, unit)
    # Small images need smaller letters.
    if width > image.shape[1]:
        scale *= image.shape[1] / width
        (width, height), baseline = cv2.getTextSize(text, _FONT, scale, unit)
    pad = 2 * unit
    bottom = image.shape[0]
    top_left = (0, bottom - height - baseline - 2 * pad)
    cv2.rectangle(image, top_left, (width + 2 * pad, bottom), _BLACK, -1)
    position = (pad, bottom - baseline - pad)
    cv2.putText(image, text, position, _FONT, scale, _WHITE, unit, cv2.LINE_AA)


def _to_ascii(name: str) -> str:
    """Return a name without accents and other signs that the font does not have."""
    plain = unicodedata.normalize("NFKD", name).replace("\N{LATIN SMALL LETTER SHARP S}", "ss")
    return plain.encode("ascii", "ignore").decode()


def _draw_box(
    image: UInt8, box: np.ndarray, label: str, colour: Colour, unit: int, is_interpolated: bool
) -> None:
    """Draw a box and its label; an interpolated box is thin and has no black outline."""
    left, top, right, bottom = (round(float(side)) for side in box)
    if not is_interpolated:
        outline = 2 * unit + 2
        cv2.rectangle(image, (left, top), (right, bottom), _BLACK, outline, cv2.LINE_AA)
    thickness = unit if is_interpolated else 2 * unit
    cv2.rectangle(image, (left, top), (right, bottom), colour, thickness, cv2.LINE_AA)

    # The label goes above the box, or below it where the image ends above.
    scale = 0.5 * unit
    (width, height), baseline = cv2.getTextSize(label, _FONT, scale, unit)
    pad = 2 * unit
    fits_above = top - height - baseline - 2 * pad >= 0
    y = top - baseline - pad if fits_above else bottom + height + pad
    x = min(max(left, 0), max(0, image.shape[1] - width - 2 * pad))
    text_top_left = (x, y - height - pad)
    text_bottom_right = (x + width + 2 * pad, y + baseline)
    cv2.rectangle(image, text_top_left, text_bottom_right, colour, -1)
    cv2.putText(image, label, (x + pad, y), _FONT, scale, _BLACK, unit, cv2.LINE_AA)


def _draw_arrow(image: UInt8, keypoints: Float32, colour: Colour, unit: int) -> None:
    """Draw an arrow from tail base to nose, of keypoints ``(K, 3)``, unless these are unknown."""
    nose = keypoints[NOSE]
    tail_base = keypoints[TAIL_BASE]
    if not np.isfinite([nose, tail_base]).all():
        return
    confidence = min(float(nose[2]), float(tail_base[2]))
    direction = (nose - tail_base)[:2].astype(np.float64)
    length = float(np.hypot(*direction))
    if confidence < _MIN_ARROW_CONFIDENCE or length < 1:
        return
    rise = (confidence - _MIN_ARROW_CONFIDENCE) / (_OPAQUE_ARROW_CONFIDENCE - _MIN_ARROW_CONFIDENCE)
    opacity = min(1.0, _MIN_ARROW_OPACITY + (1 - _MIN_ARROW_OPACITY) * rise)

    # The head is a triangle whose tip is the nose; the shaft ends in its base.
    direction /= length
    side = np.array([-direction[1], direction[0]])
    head = min(_ARROW_HEAD_FRACTION * length, _MAX_ARROW_HEAD_UNITS * unit)
    base = nose[:2] - head * direction
    half_width = head * np.tan(np.radians(_ARROW_HEAD_ANGLE_DEG)) * side
    corners = _to_fixed(np.stack([nose[:2], base + half_width, base - half_width]))
    start, end = _to_fixed(np.stack([tail_base[:2], base]))

    # Only the part of the image around the arrow is blended.
    margin = head + 4 * unit
    ends = np.stack([nose[:2], tail_base[:2]])
    left, top = np.maximum(np.floor(ends.min(axis=0) - margin), 0).astype(int)
    right, bottom = np.maximum(np.ceil(ends.max(axis=0) + margin), 0).astype(int)
    part = image[top:bottom, left:right]
    if not part.size:
        return
    before = part.copy()
    for drawn, thickness in ((_BLACK, 2 * unit + 2), (colour, 2 * unit)):
        cv2.line(image, start.tolist(), end.tolist(), drawn, thickness, cv2.LINE_AA, _SHIFT)
        if drawn == _BLACK:
            cv2.polylines(image, [corners], True, drawn, 2, cv2.LINE_AA, _SHIFT)
        cv2.fillPoly(image, [corners], drawn, cv2.LINE_AA, _SHIFT)
    part[:] = cv2.addWeighted(part, opacity, before, 1 - opacity, 0)


def _to_fixed(points: np.ndarray) -> np.ndarray:
    """Return points in pixels as the whole numbers that OpenCV takes with `_SHIFT`."""
    return np.round(points * (1 << _SHIFT)).astype(np.int32)

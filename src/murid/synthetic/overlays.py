"""Overlays that recording and tracking software burns into images: text, banners, boxes, lines."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from murid.core.types import Float32, UInt8
from murid.synthetic.camera import compress_image

# Colours of overlays, RGB: white, black, and the signal colours of plotting tools.
_COLOURS = (
    (255, 255, 255),
    (0, 0, 0),
    (255, 230, 0),
    (0, 220, 0),
    (255, 40, 30),
    (255, 150, 0),
    (0, 200, 255),
    (230, 0, 230),
)
_WORDS = (
    "CAM 1", "cage", "REC", "arena", "IR", "trial", "Basler", "mouse", "id", "CH02", "session",
    "day", "top view", "frame", "t", "fps", "pose: detected", "OTHER", "distance", "zone A",
)  # fmt: skip

# Shares of the overlays with each part. Boxes around the animals are what tracking software draws
# when it writes a video; a larger share teaches a detector to look for the animal within them.
_READINGS_PROBABILITY = 0.7
_TRACKED_BOXES_PROBABILITY = 0.3

# Half of the backgrounds show a number where the numbers change, as an image of one moment does;
# in the others they have averaged out.
_READINGS_IN_BACKGROUND_PROBABILITY = 0.5

# The recording software compresses the image after it has drawn on it.
_COMPRESSED_PROBABILITY = 0.5


def add_overlay(
    rng: np.random.Generator, image: UInt8, background: UInt8 | None, boxes: Float32
) -> tuple[UInt8, UInt8 | None]:
    """Draw an overlay on an image and its background.

    Static parts (text, banners, lines, boxes) are the same in both. Changing numbers differ, and
    boxes around animals are in the image alone.

    Parameters
    ----------
    rng : Generator
    image : ndarray
        ``(h, w, 3)`` uint8 RGB.
    background : ndarray or None
        The background image, if there is one.
    boxes : ndarray
        ``(n, 4)`` boxes of the animals, some of which are drawn.

    Returns
    -------
    image : ndarray
        A copy with the overlay.
    background : ndarray or None
        A copy with the static parts.
    """
    # Both images are drawn with generators of the same seed, one for each kind of part.
    static_seed, readings_seed = rng.integers(2**31, size=2).tolist()
    has_readings = rng.random() < _READINGS_PROBABILITY
    averaged_out = rng.random() >= _READINGS_IN_BACKGROUND_PROBABILITY
    image = image.copy()
    if background is not None:
        background = background.copy()
    for picture in (image, background):
        if picture is None:
            continue
        _draw_static(np.random.default_rng(static_seed), picture)
        if has_readings and (picture is image or not averaged_out):
            _draw_readings(np.random.default_rng(readings_seed), picture, rng)
    if rng.random() < _TRACKED_BOXES_PROBABILITY:
        _draw_tracked_boxes(rng, image, boxes)
    if rng.random() < _COMPRESSED_PROBABILITY:
        image = compress_image(image, int(rng.integers(35, 92)))
    return image, background


def _draw_static(rng: np.random.Generator, image: UInt8) -> None:
    """Draw one to four parts that do not change, in place."""
    parts: tuple[Callable[[np.random.Generator, UInt8], None], ...] = (
        _draw_banner,
        _draw_label,
        _draw_region,
        _draw_bar,
        _draw_crosshair,
    )
    for _ in range(int(rng.integers(1, 5))):
        parts[int(rng.choice(len(parts), p=[0.25, 0.35, 0.2, 0.12, 0.08]))](rng, image)


def _sample_colour(rng: np.random.Generator) -> tuple[int, int, int]:
    return _COLOURS[int(rng.integers(len(_COLOURS)))]


def _sample_text(rng: np.random.Generator) -> str:
    """Return a word, with a number in half of the cases."""
    word = _WORDS[int(rng.integers(len(_WORDS)))]
    return f"{word} {rng.integers(1000)}" if rng.random() < 0.5 else word


def _put_text(
    rng: np.random.Generator, image: UInt8, text: str, x: int, y: int, boxed: bool
) -> None:
    """Write text with its lower left corner at (x, y), on a filled box on request, in place."""
    colour = _sample_colour(rng)
    scale = float(rng.uniform(0.25, 0.65))
    font = int(rng.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_PLAIN]))
    if font == cv2.FONT_HERSHEY_PLAIN:
        scale *= 1.8
    thickness = 2 if rng.random() < 0.15 else 1
    if boxed:
        (width, height), base = cv2.getTextSize(text, font, scale, thickness)
        corner = (x + width + 2, y + base)
        cv2.rectangle(image, (x - 2, y - height - 2), corner, _sample_colour(rng), -1)
    line_type = cv2.LINE_AA if rng.random() < 0.6 else cv2.LINE_8
    cv2.putText(image, text, (x, y), font, scale, colour, thickness, line_type)


def _draw_banner(rng: np.random.Generator, image: UInt8) -> None:
    """Fill a strip at the upper or lower edge, half transparent or opaque, with text on it."""
    height, width = image.shape[:2]
    strip_px = int(rng.uniform(0.04, 0.16) * height) + 4
    at_top = rng.random() < 0.6
    rows = slice(0, strip_px) if at_top else slice(height - strip_px, height)
    opacity = float(rng.choice([1.0, rng.uniform(0.3, 0.8)]))
    grey = float(rng.choice([0, rng.uniform(0, 255), 255], p=[0.6, 0.25, 0.15]))
    image[rows] = (image[rows] * (1 - opacity) + grey * opacity).astype(np.uint8)
    y = rows.stop - max(2, strip_px // 4)
    for _ in range(int(rng.integers(1, 4))):
        _put_text(rng, image, _sample_text(rng), int(rng.uniform(0, 0.7) * width), y, False)


def _draw_label(rng: np.random.Generator, image: UInt8) -> None:
    """Write a text anywhere, mostly near the edges, half of them on a filled box."""
    height, width = image.shape[:2]
    x = int(rng.uniform(0, 0.8) * width)
    near_edge = rng.random() < 0.7
    share = rng.uniform(0.1, 0.95)
    if near_edge:
        share = rng.choice([rng.uniform(0.04, 0.15), rng.uniform(0.88, 1)])
    y = int(share * height)
    _put_text(rng, image, _sample_text(rng), x, y, bool(rng.random() < 0.5))


def _draw_region(rng: np.random.Generator, image: UInt8) -> None:
    """Draw the outline of an arena or a zone: one to three rectangles, ellipses or lines."""
    height, width = image.shape[:2]
    colour = _sample_colour(rng)
    thickness = int(rng.integers(1, 3))
    for _ in range(int(rng.integers(1, 4))):
        points = (rng.uniform(0, 1, (2, 2)) * (width, height)).astype(int)
        start, end = points.tolist()
        shape = int(rng.integers(3))
        if shape == 0:
            cv2.rectangle(image, start, end, colour, thickness)
        elif shape == 1:
            axes = np.maximum(np.abs(points[1] - points[0]) // 2, 4).tolist()
            cv2.ellipse(image, start, axes, 0, 0, 360, colour, thickness, cv2.LINE_AA)
        else:
            cv2.line(image, start, end, colour, thickness, cv2.LINE_AA)


def _draw_bar(rng: np.random.Generator, image: UInt8) -> None:
    """Draw one to four bars of scores, or a scale bar, with text below."""
    height, width = image.shape[:2]
    x = int(rng.uniform(0, 0.6) * width)
    y = int(rng.choice([rng.uniform(0.01, 0.1), rng.uniform(0.85, 0.95)]) * height)
    bar_height = int(rng.integers(3, 12))
    for _ in range(int(rng.integers(1, 5))):
        length = int(rng.uniform(0.06, 0.2) * width)
        end = (x + int(length * rng.random()), y + bar_height)
        cv2.rectangle(image, (x, y), end, _sample_colour(rng), -1)
        if rng.random() < 0.6:
            cv2.rectangle(image, (x, y), (x + length, y + bar_height), (255, 255, 255), 1)
        if rng.random() < 0.5:
            _put_text(rng, image, _sample_text(rng), x, y + bar_height + 10, False)
        x += length + int(rng.integers(4, 20))


def _draw_crosshair(rng: np.random.Generator, image: UInt8) -> None:
    """Draw a cross through the image, or a grid."""
    height, width = image.shape[:2]
    colour = _sample_colour(rng)
    n_lines = 1 if rng.random() < 0.5 else int(rng.integers(2, 6))
    for k in range(1, n_lines + 1):
        x = k * width // (n_lines + 1)
        y = k * height // (n_lines + 1)
        cv2.line(image, (x, 0), (x, height), colour, 1)
        cv2.line(image, (0, y), (width, y), colour, 1)


def _draw_readings(
    layout_rng: np.random.Generator, image: UInt8, number_rng: np.random.Generator
) -> None:
    """Write one to three time stamps or counters; the numbers have a generator of their own."""
    height, width = image.shape[:2]
    for _ in range(int(layout_rng.integers(1, 4))):
        text = _sample_reading(int(layout_rng.integers(4)), number_rng)
        x = int(layout_rng.uniform(0, 0.6) * width)
        low = layout_rng.uniform(0.04, 0.14)
        high = layout_rng.uniform(0.9, 1)
        y = int(layout_rng.choice([low, high]) * height)
        _put_text(layout_rng, image, text, x, y, bool(layout_rng.random() < 0.3))


def _sample_reading(kind: int, rng: np.random.Generator) -> str:
    """Return a date with time, a time, a frame number, or a measurement."""
    hour, minute, second = rng.integers((24, 60, 60)).tolist()
    month, day = rng.integers((12, 28)).tolist()
    number = int(rng.integers(100000))
    texts = (
        f"2024-{month + 1:02d}-{day + 1:02d} {hour:02d}:{minute:02d}:{second:02d}",
        f"{hour:02d}:{minute:02d}:{second:02d}.{number % 1000:03d}",
        f"frame {number} t={number / 30:.2f}s",
        f"{number / 100:.2f}",
    )
    return texts[kind]


def _draw_tracked_boxes(rng: np.random.Generator, image: UInt8, boxes: Float32) -> None:
    """Draw loose boxes around animals as a tracker does, some with a label, points or a trail."""
    thickness = int(rng.integers(1, 3))
    labelled = rng.random() < 0.7
    dotted = rng.random() < 0.5
    max_margin = float(rng.choice([0.1, 0.6]))
    for box in boxes[rng.random(len(boxes)) < 0.85]:
        size = box[2:] - box[:2]
        # Boxes of trackers are late and loose.
        shift = rng.normal(0, 0.06, 2) * size
        margin = rng.uniform(-0.05, max_margin, 2) * size / 2
        start = (box[:2] + shift - margin).astype(int).tolist()
        end = (box[2:] + shift + margin).astype(int).tolist()
        colour = _sample_colour(rng)
        cv2.rectangle(image, start, end, colour, thickness)
        if labelled:
            text = f"#{rng.integers(10)} id={rng.integers(500)} pose"[: int(rng.integers(2, 16))]
            _put_text(rng, image, text, start[0], start[1] - 2, bool(rng.random() < 0.7))
        if dotted:
            points = box[:2] + rng.uniform(0.15, 0.85, (int(rng.integers(2, 8)), 2)) * size
            for point in points.astype(int).tolist():
                cv2.circle(image, point, int(rng.integers(1, 3)), _sample_colour(rng), -1)

"""Arenas, zones and scale drawn on a picture, with a grid of pixels to read coordinates off."""

from __future__ import annotations

import cv2
import numpy as np

from murid.arenas.layout import Layout, Region
from murid.core.types import UInt8
from murid.video.annotate import PALETTE, Colour

ARENA_COLOUR, ZONE_COLOUR, NEST_COLOUR, IGNORED_COLOUR = (
    PALETTE[0],
    PALETTE[1],
    PALETTE[4],
    PALETTE[7],
)
_LEAST_SIDE = 960  # pixels of the picture that is drawn on
MARGIN = 44
"""Pixels above and to the left of what `draw_layout` draws."""
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def choose_factor(image: UInt8) -> int:
    """How much larger than a picture ``(h, w, 3)`` `draw_layout` draws it."""
    longest: int = max(image.shape[:2])
    return max(1, -(-_LEAST_SIDE // longest))


def draw_layout(image: UInt8, layout: Layout) -> UInt8:
    """Draw a layout on a picture ``(h, w, 3)`` RGB of its size, larger where that is small."""
    factor = choose_factor(image)
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    size = (image.shape[1] * factor, image.shape[0] * factor)
    canvas = cv2.resize(
        cv2.addWeighted(image, 0.5, grey, 0.5, 0), size, interpolation=cv2.INTER_CUBIC
    )
    for region in layout.ignored:
        _hatch(canvas, region, factor)
    for arena in layout.arenas:
        count = "" if arena.animals is None else f" ({arena.animals})"
        _outline(canvas, arena, factor, ARENA_COLOUR, f"{arena.name}{count}", 3)
    for zone in layout.zones:
        kind = f" ({zone.kind})" if zone.hides and zone.kind != zone.name else ""
        _outline(
            canvas, zone, factor, NEST_COLOUR if zone.hides else ZONE_COLOUR, zone.name + kind, 2
        )
    for region in layout.ignored:
        _outline(canvas, region, factor, IGNORED_COLOUR, f"{region.name} (ignored)", 1)
    if layout.cm_per_px is not None:
        _draw_scale(canvas, layout.cm_per_px / factor)
    return _add_axes(canvas, factor)


def _corners(region: Region, factor: int) -> np.ndarray:
    return np.round(np.asarray(region.geometry.exterior.coords) * factor).astype(np.int32)


def _outline(
    canvas: UInt8, region: Region, factor: int, colour: Colour, text: str, width: int
) -> None:
    corners = _corners(region, factor)
    cv2.polylines(canvas, [corners], True, (0, 0, 0), width + 2, cv2.LINE_AA)
    cv2.polylines(canvas, [corners], True, colour, width, cv2.LINE_AA)
    (wide, high), base = cv2.getTextSize(text, _FONT, 0.6, 1)
    x, y = round(region.geometry.centroid.x * factor), corners[:, 1].min()
    x = int(np.clip(x - wide // 2, 4, max(4, canvas.shape[1] - wide - 8)))
    y = int(np.clip(y + high + 10, high + 6, canvas.shape[0] - base - 4))
    cv2.rectangle(canvas, (x - 4, y - high - 4), (x + wide + 4, y + base + 2), colour, -1)
    cv2.putText(canvas, text, (x, y), _FONT, 0.6, (0, 0, 0), 1, cv2.LINE_AA)


def _hatch(canvas: UInt8, region: Region, factor: int) -> None:
    """Stripes, so that it is seen without colour that nothing is tracked there."""
    mask = np.zeros(canvas.shape[:2], np.uint8)
    cv2.fillPoly(mask, [_corners(region, factor)], 1)
    rows, columns = np.indices(mask.shape)
    stripes = ((rows + columns) // 6 % 3 == 0) & (mask > 0)
    canvas[stripes] = IGNORED_COLOUR


def _draw_scale(canvas: UInt8, cm_per_px: float) -> None:
    """A bar of 1, 2, 5, 10 … cm, about a fifth of the picture."""
    wanted = 0.2 * canvas.shape[1] * cm_per_px
    power = 10.0 ** np.floor(np.log10(wanted))
    cm = power * max(step for step in (1, 2, 5) if step * power <= wanted or step == 1)
    x, y, length = 20, canvas.shape[0] - 20, round(cm / cm_per_px)
    cv2.rectangle(canvas, (x - 8, y - 34), (x + length + 8, y + 10), (255, 255, 255), -1)
    cv2.rectangle(canvas, (x, y - 4), (x + length, y + 2), (0, 0, 0), -1)
    cv2.putText(canvas, f"{cm:g} cm", (x, y - 12), _FONT, 0.6, (0, 0, 0), 1, cv2.LINE_AA)


def _add_axes(canvas: UInt8, factor: int) -> UInt8:
    """A margin with the pixels of the video, and fine lines across."""
    height, width = canvas.shape[:2]
    step = 50 if max(height, width) / factor <= 1200 else 200
    fine = canvas.copy()
    for at in range(step, max(height, width) // factor + 1, step):
        for aside, colour in ((0, (255, 255, 255)), (1, (0, 0, 0))):
            cv2.line(fine, (at * factor + aside, 0), (at * factor + aside, height), colour, 1)
            cv2.line(fine, (0, at * factor + aside), (width, at * factor + aside), colour, 1)
    framed = np.full((height + MARGIN, width + MARGIN, 3), 255, np.uint8)
    framed[MARGIN:, MARGIN:] = cv2.addWeighted(canvas, 0.8, fine, 0.2, 0)
    for at in range(0, width // factor, step):
        _write(framed, str(at), (MARGIN + at * factor, MARGIN - 10))
    for at in range(step, height // factor, step):
        _write(framed, str(at), (MARGIN // 2, MARGIN + at * factor + 5))
    return framed


def _write(canvas: UInt8, text: str, centre: tuple[int, int]) -> None:
    (wide, _), _ = cv2.getTextSize(text, _FONT, 0.45, 1)
    cv2.putText(
        canvas, text, (centre[0] - wide // 2, centre[1]), _FONT, 0.45, (0, 0, 0), 1, cv2.LINE_AA
    )

"""Draw arenas, zones and the scale on an image, with a pixel grid to read coordinates off."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from murid.arenas.layout import Layout, Region
from murid.core.files import write_bytes
from murid.core.types import UInt8
from murid.video.annotate import PALETTE, Colour

ARENA_COLOUR = PALETTE[0]
ZONE_COLOUR = PALETTE[1]
NEST_COLOUR = PALETTE[4]
IGNORED_COLOUR = PALETTE[7]

# Border above and to the left of what `draw_layout` draws, in pixels; coordinates stand in it.
_MARGIN = 44

# Small images are enlarged to at least this longer side, in pixels, so that labels fit.
_MIN_SIDE_PX = 960

# Spacing of the grid lines in pixels of the video: wide for large videos, so that the coordinates
# in the margin do not overlap.
_GRID_STEP_PX = 50
_WIDE_GRID_STEP_PX = 200
_MAX_SIDE_WITH_NARROW_GRID_PX = 1200

# Length of the scale bar as a fraction of the image width.
_SCALE_BAR_FRACTION = 0.2

_BLACK: Colour = (0, 0, 0)
_WHITE: Colour = (255, 255, 255)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_LABEL_SIZE = 0.6
_COORDINATE_SIZE = 0.45


def write_layout_image(path: str | Path, image: UInt8, layout: Layout) -> None:
    """Write what `draw_layout` draws as a PNG file, atomically; raises `StorageError`."""
    drawn = draw_layout(image, layout)[..., ::-1]
    write_bytes(path, cv2.imencode(".png", drawn)[1].tobytes())


def _compute_magnification(image: UInt8) -> int:
    """Return the whole factor by which `draw_layout` enlarges an image ``(h, w, 3)``."""
    max_side: int = max(image.shape[:2])
    return max(1, -(-_MIN_SIDE_PX // max_side))


def draw_layout(image: UInt8, layout: Layout) -> UInt8:
    """Return an image ``(h, w, 3)`` RGB with a layout drawn on it, enlarged if it is small.

    The layout must have the size of the image.
    """
    factor = _compute_magnification(image)
    # Half the saturation, so that the colours of the regions stand out.
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    muted = cv2.addWeighted(image, 0.5, grey, 0.5, 0)
    size = (image.shape[1] * factor, image.shape[0] * factor)
    canvas = cv2.resize(muted, size, interpolation=cv2.INTER_CUBIC)

    # Hatching comes first, so that it covers no outline or label.
    for region in layout.ignored:
        _hatch(canvas, region, factor)
    for arena in layout.arenas:
        count = "" if arena.animals is None else f" ({arena.animals})"
        _draw_region(canvas, arena, factor, ARENA_COLOUR, f"{arena.name}{count}", 3)
    for zone in layout.zones:
        kind = f" ({zone.kind})" if zone.hides and zone.kind != zone.name else ""
        colour = NEST_COLOUR if zone.hides else ZONE_COLOUR
        _draw_region(canvas, zone, factor, colour, zone.name + kind, 2)
    for region in layout.ignored:
        _draw_region(canvas, region, factor, IGNORED_COLOUR, f"{region.name} (ignored)", 1)
    if layout.cm_per_px is not None:
        _draw_scale_bar(canvas, layout.cm_per_px / factor)
    return _add_axes(canvas, factor)


def _get_corners(region: Region, factor: int) -> np.ndarray:
    """Return the corners ``(n, 2)`` of a region's outline in canvas pixels."""
    corners = np.asarray(region.geometry.exterior.coords) * factor
    return np.round(corners).astype(np.int32)


def _draw_region(
    canvas: UInt8, region: Region, factor: int, colour: Colour, label: str, thickness: int
) -> None:
    """Draw the outline of a region, and a label inside at its top."""
    corners = _get_corners(region, factor)
    cv2.polylines(canvas, [corners], True, _BLACK, thickness + 2, cv2.LINE_AA)
    cv2.polylines(canvas, [corners], True, colour, thickness, cv2.LINE_AA)
    (width, height), baseline = cv2.getTextSize(label, _FONT, _LABEL_SIZE, 1)
    centre_x = round(region.geometry.centroid.x * factor)
    top = corners[:, 1].min()
    x = int(np.clip(centre_x - width // 2, 4, max(4, canvas.shape[1] - width - 8)))
    y = int(np.clip(top + height + 10, height + 6, canvas.shape[0] - baseline - 4))
    cv2.rectangle(canvas, (x - 4, y - height - 4), (x + width + 4, y + baseline + 2), colour, -1)
    cv2.putText(canvas, label, (x, y), _FONT, _LABEL_SIZE, _BLACK, 1, cv2.LINE_AA)


def _hatch(canvas: UInt8, region: Region, factor: int) -> None:
    """Draw stripes on a region, which show without colours that nothing is tracked there."""
    mask = np.zeros(canvas.shape[:2], np.uint8)
    cv2.fillPoly(mask, [_get_corners(region, factor)], 1)
    rows, columns = np.indices(mask.shape)
    is_stripe = ((rows + columns) // 6 % 3 == 0) & (mask > 0)
    canvas[is_stripe] = IGNORED_COLOUR


def _draw_scale_bar(canvas: UInt8, cm_per_px: float) -> None:
    """Draw a bar of 1, 2, 5, 10, ... cm, at most a fifth of the image wide."""
    max_cm = _SCALE_BAR_FRACTION * canvas.shape[1] * cm_per_px
    power = 10.0 ** np.floor(np.log10(max_cm))
    cm = power * max(step for step in (1, 2, 5) if step * power <= max_cm or step == 1)
    length = round(cm / cm_per_px)
    x = 20
    y = canvas.shape[0] - 20
    cv2.rectangle(canvas, (x - 8, y - 34), (x + length + 8, y + 10), _WHITE, -1)
    cv2.rectangle(canvas, (x, y - 4), (x + length, y + 2), _BLACK, -1)
    cv2.putText(canvas, f"{cm:g} cm", (x, y - 12), _FONT, _LABEL_SIZE, _BLACK, 1, cv2.LINE_AA)


def _add_axes(canvas: UInt8, factor: int) -> UInt8:
    """Return the canvas with a grid, and a margin that shows the coordinates in video pixels."""
    height, width = canvas.shape[:2]
    is_small = max(height, width) / factor <= _MAX_SIDE_WITH_NARROW_GRID_PX
    step = _GRID_STEP_PX if is_small else _WIDE_GRID_STEP_PX

    # A white line beside a black one shows on any background.
    grid = canvas.copy()
    for coordinate in range(step, max(height, width) // factor + 1, step):
        for offset, colour in ((0, _WHITE), (1, _BLACK)):
            position = coordinate * factor + offset
            cv2.line(grid, (position, 0), (position, height), colour, 1)
            cv2.line(grid, (0, position), (width, position), colour, 1)
    framed = np.full((height + _MARGIN, width + _MARGIN, 3), 255, np.uint8)
    framed[_MARGIN:, _MARGIN:] = cv2.addWeighted(canvas, 0.8, grid, 0.2, 0)

    for x in range(0, width // factor, step):
        _draw_coordinate(framed, x, (_MARGIN + x * factor, _MARGIN - 10))
    for y in range(step, height // factor, step):
        _draw_coordinate(framed, y, (_MARGIN // 2, _MARGIN + y * factor + 5))
    return framed


def _draw_coordinate(canvas: UInt8, coordinate: int, centre: tuple[int, int]) -> None:
    text = str(coordinate)
    (width, _), _ = cv2.getTextSize(text, _FONT, _COORDINATE_SIZE, 1)
    origin = (centre[0] - width // 2, centre[1])
    cv2.putText(canvas, text, origin, _FONT, _COORDINATE_SIZE, _BLACK, 1, cv2.LINE_AA)

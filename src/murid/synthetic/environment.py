"""Environments of synthetic recordings: an enclosure, its walkable ground, and its shelters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from murid.core.types import Float32, Float64
from murid.synthetic.clutter import draw_blob, scatter_shapes
from murid.synthetic.dark_walls import DarkBox, draw_dark_box
from murid.synthetic.enclosure import Enclosure, make_open_field
from murid.synthetic.ground import Ground
from murid.synthetic.pixels import FRACTION_BITS, to_subpixels
from murid.synthetic.surfaces import Colour, draw_bedding, draw_plain_surface, sample_grey
from murid.synthetic.texture import crop_texture

EnclosureKind = Literal["field", "disc", "cage", "tank", "dark"]

# Side view of a tank: height at which the back wall meets the floor, as a share of the image. A
# smaller share shows more of the floor, like a higher camera.
TANK_BACK = 0.58

# Half width and half height of the ground as shares of the image; the rest is wall and outside.
_GROUND_SHARES = {"field": 0.42, "cage": 0.44, "tank": 0.46, "dark": 0.38}
_DISC_RADIUS_SHARE = 0.46

# Half width and half height of a shelter, in body lengths: room for two animals side by side.
_SHELTER_HALF_SIZE = np.array([0.95, 0.72])
_SHELTER_WALL_GAP = 0.15


@dataclass(frozen=True)
class Environment:
    """Surroundings of the animals of a recording.

    Attributes
    ----------
    enclosure : Enclosure
        The images without animals.
    ground : Ground
        Where the animals can walk.
    shelters : ndarray
        ``(s, 2)`` float64 centres of the roofs, pixels.
    dark_box : DarkBox or None
        The box whose walls mirror the animals, if the enclosure is one.
    """

    enclosure: Enclosure
    ground: Ground
    shelters: Float64
    dark_box: DarkBox | None = None


def build_environment(
    rng: np.random.Generator,
    kind: EnclosureKind,
    height: int,
    width: int,
    body_px: float,
    n_shelters: int = 0,
    floor_brightness: float | None = None,
) -> Environment:
    """Build the environment of a recording.

    Parameters
    ----------
    rng : Generator
    kind : str
        ``field``: a plain open field. ``disc``: a round one. ``cage``: with bedding and furniture.
        ``tank``: a cage with glass walls, seen from the side. ``dark``: a box with dark, reflecting
        walls and dark corners.
    height, width : int
        Pixels.
    body_px : float
        Length of the animals, which decides the size of the shelters.
    n_shelters : int
        Number of opaque roofs; a dark box has none.
    floor_brightness : float, optional
        Brightness of the floor in [0, 1]. Sampled by default.

    Returns
    -------
    Environment
    """
    ground = _make_ground(kind, height, width)
    if kind == "dark":
        return _build_dark_box(rng, height, width, ground, floor_brightness)
    draw = {"field": _draw_field, "disc": _draw_disc, "cage": _draw_cage, "tank": _draw_tank}[kind]
    image = draw(rng, height, width, floor_brightness)
    shelters = _place_shelters(rng, ground, body_px, n_shelters)
    cover = np.zeros((height, width, 3), np.float32)
    cover_alpha = np.zeros((height, width), np.float32)
    for centre in shelters:
        _draw_roof(rng, image, cover, cover_alpha, centre, body_px)
    floor = _draw_ground_mask(ground, height, width) > 0.5
    image = np.ascontiguousarray(image, np.float32)
    return Environment(Enclosure(image, floor, cover, cover_alpha), ground, shelters)


def _build_dark_box(
    rng: np.random.Generator,
    height: int,
    width: int,
    ground: Ground,
    brightness: float | None,
) -> Environment:
    """Build a box with dark walls around the ground, without shelters."""
    x, y = ground.centre
    half_width, half_height = ground.half_size
    walls = (x - half_width, y - half_height, x + half_width, y + half_height)
    box = draw_dark_box(rng, height, width, walls, brightness)
    return Environment(box.enclosure, ground, np.zeros((0, 2)), box)


def _make_ground(kind: EnclosureKind, height: int, width: int) -> Ground:
    """Return the walkable area, in the middle of the image."""
    centre = (width / 2, height / 2)
    if kind == "disc":
        radius = _DISC_RADIUS_SHARE * min(height, width)
        half_width = min(1.2 * radius, _DISC_RADIUS_SHARE * width)
        return Ground(centre, (half_width, radius), elliptic=True)
    share = _GROUND_SHARES[kind]
    return Ground(centre, (share * width, share * height))


def _draw_ground_mask(ground: Ground, height: int, width: int, blur_px: float = 0.0) -> Float32:
    """Draw the ground as a mask ``(h, w)`` in [0, 1], with a blurred edge on request."""
    mask = np.zeros((height, width), np.float32)
    x, y = ground.centre
    a, b = ground.half_size
    if ground.elliptic:
        centre = (round(x), round(y))
        axes = (round(a), round(b))
        cv2.ellipse(mask, centre, axes, 0, 0, 360, 1.0, -1, cv2.LINE_AA)
    else:
        top_left = (round(x - a), round(y - b))
        bottom_right = (round(x + a), round(y + b))
        cv2.rectangle(mask, top_left, bottom_right, 1.0, -1, cv2.LINE_AA)
    if blur_px:
        mask = cv2.GaussianBlur(mask, (0, 0), blur_px)
    return np.asarray(mask, np.float32)


def _draw_field(
    rng: np.random.Generator, height: int, width: int, brightness: float | None
) -> Float32:
    """Draw an open field."""
    if brightness is None:
        return make_open_field(rng, height, width).image
    floor = _draw_plain_floor(rng, height, width, brightness)
    return _add_walls(rng, floor, _make_ground("field", height, width))


def _draw_disc(
    rng: np.random.Generator, height: int, width: int, brightness: float | None
) -> Float32:
    """Draw a round open field."""
    if brightness is None:
        brightness = float(rng.uniform(0.55, 0.8))
    floor = _draw_plain_floor(rng, height, width, brightness)
    return _add_walls(rng, floor, _make_ground("disc", height, width))


def _draw_cage(
    rng: np.random.Generator, height: int, width: int, brightness: float | None
) -> Float32:
    """Draw a cage with faint bedding and two objects on the floor."""
    if brightness is None:
        brightness = float(rng.uniform(0.5, 0.7))
    bedding = draw_bedding(rng, height, width, _tint(rng, brightness))
    # Bedding at full contrast would hide the animals more than in most real cages.
    floor = 0.35 * bedding + 0.65 * _draw_plain_floor(rng, height, width, brightness)
    for _ in range(2):
        draw_blob(rng, floor)
    return _add_walls(rng, floor, _make_ground("cage", height, width))


def _draw_tank(
    rng: np.random.Generator, height: int, width: int, brightness: float | None
) -> Float32:
    """Draw a tank seen from the side: a back wall above, and bedding below."""
    if brightness is None:
        brightness = float(rng.uniform(0.45, 0.7))
    wall_brightness = min(1.0, brightness + float(rng.choice([-0.2, 0.2])))
    image = draw_plain_surface(rng, height, width, _tint(rng, wall_brightness))
    # Objects behind the glass.
    scatter_shapes(rng, image[: int(0.4 * height)], 3)
    edge = int(TANK_BACK * height)
    bedding = draw_bedding(rng, height - edge, width, _tint(rng, brightness))
    image[edge:] = 0.6 * bedding + 0.4 * brightness
    # A shade along the line where wall and floor meet.
    fade = np.exp(-np.abs(np.arange(height) - edge) / (0.03 * height))
    image *= (1 - 0.35 * fade)[:, None, None]
    return np.asarray(image, np.float32)


def _draw_plain_floor(
    rng: np.random.Generator, height: int, width: int, brightness: float
) -> Float32:
    return draw_plain_surface(rng, height, width, _tint(rng, brightness))


def _tint(rng: np.random.Generator, brightness: float) -> Colour:
    """Sample a nearly grey colour of a given brightness."""
    return sample_grey(rng, brightness, brightness, 0.03)


def _add_walls(rng: np.random.Generator, floor: Float32, ground: Ground) -> Float32:
    """Return the floor with a wall around it, the wall's shade, and surroundings with objects."""
    height, width = floor.shape[:2]
    outside = draw_plain_surface(rng, height, width, sample_grey(rng, 0.1, 0.85))
    scatter_shapes(rng, outside, 4)
    half_width, half_height = ground.half_size
    wall_ground = Ground(ground.centre, (1.06 * half_width, 1.07 * half_height), ground.elliptic)
    wall = _draw_plain_floor(rng, height, width, float(rng.uniform(0.15, 0.6)))
    image = outside
    for surface, area in ((wall, wall_ground), (floor, ground)):
        inside = _draw_ground_mask(area, height, width, 1.0)[..., None]
        image = image * (1 - inside) + surface * inside
    # The wall throws a shade of 6 to 14 px width on the floor.
    near_wall = 1 - _draw_ground_mask(ground, height, width, float(rng.uniform(6, 14)))
    shade = rng.uniform(0.15, 0.5) * near_wall * _draw_ground_mask(ground, height, width)
    return np.asarray(image * (1 - shade)[..., None], np.float32)


def _place_shelters(rng: np.random.Generator, ground: Ground, body_px: float, n: int) -> Float64:
    """Return ``(n, 2)`` centres along the walls, evenly spaced from a random one on."""
    first = ground.sample_points(rng, 1)[0]
    circumference = 2 * np.pi * float(np.mean(ground.half_size))
    margin = (_SHELTER_HALF_SIZE[1] + _SHELTER_WALL_GAP) * body_px
    spacing = [circumference * k / max(n, 1) for k in range(n)]
    centres = [ground.follow_wall(first, step, margin) for step in spacing]
    # Shelters stay inside the walls as a whole.
    half_size = _SHELTER_HALF_SIZE * body_px
    inner_half_size = np.maximum(np.array(ground.half_size) - half_size, 1)
    inner = Ground(ground.centre, tuple(inner_half_size.tolist()), ground.elliptic)
    return inner.confine(np.array(centres).reshape(-1, 2))


def _draw_roof(
    rng: np.random.Generator,
    image: Float32,
    cover: Float32,
    cover_alpha: Float32,
    centre: Float64,
    body_px: float,
) -> None:
    """Draw a pitched roof into the cover, and its shadow on the floor, in place."""
    height, width = cover_alpha.shape
    half_width = float(_SHELTER_HALF_SIZE[0]) * body_px
    half_height = float(_SHELTER_HALF_SIZE[1]) * body_px
    x = float(centre[0])
    y = float(centre[1])
    angle = float(rng.uniform(-8, 8))
    corners = cv2.boxPoints(((x, y), (2 * half_width, 2 * half_height), angle))
    roof = _fill_polygon(height, width, corners)

    # The shadow falls to the lower right.
    shadow = _fill_polygon(height, width, corners + 0.06 * body_px)
    image *= 1 - 0.55 * cv2.GaussianBlur(shadow, (0, 0), 0.07 * body_px)[..., None]

    # The upper side of the roof is lit, the lower one is not, and the ridge is dark.
    across = (np.arange(height, dtype=np.float32)[:, None] - y) / half_height
    pitch = np.where(across < 0, 1.08, 0.84) * (1 - 0.5 * np.exp(-((across / 0.03) ** 2)))
    grain = 1 + 0.05 * crop_texture(rng, height, width, fine=True)
    inside = roof[..., None]
    surface = np.clip(sample_grey(rng, 0.3, 0.75, 0.15) * (pitch * grain)[..., None], 0, 1)
    cover[:] = cover * (1 - inside) + surface * inside
    np.maximum(cover_alpha, roof, out=cover_alpha)


def _fill_polygon(height: int, width: int, corners: Float32) -> Float32:
    """Fill a polygon ``(k, 2)`` with 1 in a mask ``(h, w)`` of zeros."""
    mask = np.zeros((height, width), np.float32)
    cv2.fillPoly(mask, [to_subpixels(corners)], 1.0, cv2.LINE_AA, FRACTION_BITS)
    return mask

"""Places to film in: an arena without animals, the ground they walk on, and the shelters they may hide in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.synthetic.clutter import draw_blob, scatter_shapes
from murid.synthetic.enclosure import Enclosure, make_open_field
from murid.synthetic.ground import Ground
from murid.synthetic.surfaces import Colour, draw_bedding, draw_grey, fill_surface
from murid.synthetic.texture import crop_texture

Float = NDArray[np.float32]
Float64 = NDArray[np.float64]
EnclosureKind = Literal["field", "disc", "cage", "tank"]

TANK_BACK = 0.58
"""Height at which the back wall of a tank seen from the side meets its floor, as a share of the
picture."""
_SHELTER_HALF = (0.95, 0.72)  # body lengths


@dataclass(frozen=True)
class Environment:
    """Where a recording is made.

    Attributes
    ----------
    arena : Enclosure
    ground : Ground
    shelters : ndarray
        ``(s, 2)`` float64 middles of the roofs, pixels.
    """

    arena: Enclosure
    ground: Ground
    shelters: Float64


def build_environment(
    rng: np.random.Generator,
    kind: EnclosureKind,
    height: int,
    width: int,
    body_px: float,
    n_shelters: int = 0,
    floor_brightness: float | None = None,
) -> Environment:
    """Build a place.

    Parameters
    ----------
    rng : Generator
    kind : str
        ``field``, a plain open field; ``disc``, a round one; ``cage``, with bedding and furniture;
        ``tank``, a cage with glass walls that is seen from the side.
    height, width : int
        Pixels.
    body_px : float
        Length of the animals; shelters are made for it.
    n_shelters : int
        Opaque roofs.
    floor_brightness : float, optional
        Brightness of the floor in [0, 1].

    Returns
    -------
    Environment
    """
    ground = _lay_ground(kind, height, width)
    image = {"field": _paint_field, "disc": _paint_disc, "cage": _paint_cage, "tank": _paint_tank}[
        kind
    ](rng, height, width, floor_brightness)
    shelters = _site_shelters(rng, ground, body_px, n_shelters)
    cover, alpha = np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32)
    for centre in shelters:
        _raise_roof(rng, image, cover, alpha, centre, body_px)
    arena = Enclosure(
        np.ascontiguousarray(image, np.float32), _mask(ground, height, width) > 0.5, cover, alpha
    )
    return Environment(arena, ground, shelters)


def _lay_ground(kind: EnclosureKind, height: int, width: int) -> Ground:
    centre = (width / 2, height / 2)
    if kind == "disc":
        radius = 0.46 * min(height, width)
        return Ground(centre, (min(1.2 * radius, 0.46 * width), radius), round=True)
    share = {"field": 0.42, "cage": 0.44, "tank": 0.46}[kind]
    return Ground(centre, (share * width, share * height))


def _mask(ground: Ground, height: int, width: int, blur_px: float = 0.0) -> Float:
    mask = np.zeros((height, width), np.float32)
    (x, y), (a, b) = ground.centre, ground.half
    if ground.round:
        cv2.ellipse(
            mask, (round(x), round(y)), (round(a), round(b)), 0, 0, 360, 1.0, -1, cv2.LINE_AA
        )
    else:
        cv2.rectangle(
            mask, (round(x - a), round(y - b)), (round(x + a), round(y + b)), 1.0, -1, cv2.LINE_AA
        )
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), blur_px) if blur_px else mask, np.float32)


def _paint_field(
    rng: np.random.Generator, height: int, width: int, floor_brightness: float | None
) -> Float:
    if floor_brightness is None:
        return make_open_field(rng, height, width).image
    return _enclose(
        rng, _floor(rng, height, width, floor_brightness), _lay_ground("field", height, width)
    )


def _paint_disc(
    rng: np.random.Generator, height: int, width: int, floor_brightness: float | None
) -> Float:
    floor_brightness = (
        float(rng.uniform(0.55, 0.8)) if floor_brightness is None else floor_brightness
    )
    return _enclose(
        rng, _floor(rng, height, width, floor_brightness), _lay_ground("disc", height, width)
    )


def _paint_cage(
    rng: np.random.Generator, height: int, width: int, floor_brightness: float | None
) -> Float:
    floor_brightness = (
        float(rng.uniform(0.5, 0.7)) if floor_brightness is None else floor_brightness
    )
    bedding = draw_bedding(rng, height, width, _tint(rng, floor_brightness))
    floor = 0.35 * bedding + 0.65 * _floor(rng, height, width, floor_brightness)
    for _ in range(2):
        draw_blob(rng, floor)
    return _enclose(rng, floor, _lay_ground("cage", height, width))


def _paint_tank(
    rng: np.random.Generator, height: int, width: int, floor_brightness: float | None
) -> Float:
    floor_brightness = (
        float(rng.uniform(0.45, 0.7)) if floor_brightness is None else floor_brightness
    )
    image = fill_surface(
        rng, height, width, _tint(rng, min(1.0, floor_brightness + float(rng.choice([-0.2, 0.2]))))
    )
    scatter_shapes(rng, image[: int(0.4 * height)], 3)
    edge = int(TANK_BACK * height)
    bedding = draw_bedding(rng, height - edge, width, _tint(rng, floor_brightness))
    image[edge:] = 0.6 * bedding + 0.4 * floor_brightness
    fade = np.exp(-np.abs(np.arange(height) - edge) / (0.03 * height))
    image *= (1 - 0.35 * fade)[:, None, None]
    return np.asarray(image, np.float32)


def _floor(rng: np.random.Generator, height: int, width: int, floor_brightness: float) -> Float:
    return fill_surface(rng, height, width, _tint(rng, floor_brightness))


def _tint(rng: np.random.Generator, floor_brightness: float) -> Colour:
    return draw_grey(rng, floor_brightness, floor_brightness, 0.03)


def _enclose(rng: np.random.Generator, floor: Float, ground: Ground) -> Float:
    """Put the floor between walls: a rim, its shade on the floor, and whatever is outside."""
    height, width = floor.shape[:2]
    outside = fill_surface(rng, height, width, draw_grey(rng, 0.1, 0.85))
    scatter_shapes(rng, outside, 4)
    rim = Ground(ground.centre, (1.06 * ground.half[0], 1.07 * ground.half[1]), ground.round)
    wall = _floor(rng, height, width, float(rng.uniform(0.15, 0.6)))
    image = outside
    for piece, where in ((wall, rim), (floor, ground)):
        inside = _mask(where, height, width, 1.0)[..., None]
        image = image * (1 - inside) + piece * inside
    near_wall = 1 - _mask(ground, height, width, float(rng.uniform(6, 14)))
    shade = rng.uniform(0.15, 0.5) * near_wall * _mask(ground, height, width)
    return np.asarray(image * (1 - shade)[..., None], np.float32)


def _site_shelters(rng: np.random.Generator, ground: Ground, body_px: float, n: int) -> Float64:
    """Places along the walls, evenly spread from a random one on."""
    first = ground.draw(rng, 1)[0]
    around = 2 * np.pi * float(np.mean(ground.half))
    margin = (_SHELTER_HALF[1] + 0.15) * body_px
    sites = [ground.follow_wall(first, around * k / max(n, 1), margin) for k in range(n)]
    half = np.array(_SHELTER_HALF) * body_px
    inner = Ground(
        ground.centre, tuple(np.maximum(np.array(ground.half) - half, 1).tolist()), ground.round
    )
    return inner.confine(np.array(sites).reshape(-1, 2))


def _raise_roof(
    rng: np.random.Generator, image: Float, cover: Float, alpha: Float, centre: Any, body_px: float
) -> None:
    """Draw a house with a pitched roof into the cover, and its shadow on the floor, in place."""
    height, width = alpha.shape
    (a, b), (x, y) = (float(h) * body_px for h in _SHELTER_HALF), (float(v) for v in centre)
    corners = cv2.boxPoints(((x, y), (2 * a, 2 * b), float(rng.uniform(-8, 8))))
    roof, shadow = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    cv2.fillPoly(roof, [np.round(corners * 16).astype(np.int32)], 1.0, cv2.LINE_AA, 4)
    cv2.fillPoly(
        shadow, [np.round((corners + 0.06 * body_px) * 16).astype(np.int32)], 1.0, cv2.LINE_AA, 4
    )
    image *= 1 - 0.55 * cv2.GaussianBlur(shadow, (0, 0), 0.07 * body_px)[..., None]
    across = (np.arange(height, dtype=np.float32)[:, None] - y) / b
    pitch = np.where(across < 0, 1.08, 0.84) * (1 - 0.5 * np.exp(-((across / 0.03) ** 2)))
    grain = 1 + 0.05 * crop_texture(rng, height, width, fine=True)
    inside = roof[..., None]
    paint = np.clip(draw_grey(rng, 0.3, 0.75, 0.15) * (pitch * grain)[..., None], 0, 1)
    cover[:] = cover * (1 - inside) + paint * inside
    np.maximum(alpha, roof, out=alpha)

"""One synthetic rodent seen from above: a coat and a posture rendered to a sprite.

The body is a chain of spheres along a bent spine. Their upper envelope is a height field, which gives outline, shading
and the order of overlap in one go; coats are painted in body coordinates (along and across the spine).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.scenes.texture import crop_texture

Float = NDArray[np.float32]

_SPINE = np.linspace(0, 1, 14, dtype=np.float32)
_WIDTH_STATIONS = np.array([0.0, 0.1, 0.28, 0.48, 0.66, 0.76, 0.86, 0.95, 1.0], np.float32)
_HALF_WIDTHS = np.array([0.09, 0.15, 0.205, 0.19, 0.15, 0.125, 0.12, 0.065, 0.03], np.float32)
_RENDER_LENGTH_PX = 80.0
_PINK = np.array([0.80, 0.62, 0.58], np.float32)


@dataclass(frozen=True)
class Coat:
    """What one animal looks like in every frame.

    Attributes
    ----------
    base, patch : ndarray
        ``(3,)`` float32 RGB in [0, 1]: main colour, and colour of hood, patches or dye.
    pattern : str
        ``plain``, ``hooded``, ``patched``, ``dyed``.
    marks : ndarray
        ``(k, 3)`` float32: position along the spine, across it, and radius of each patch, in body lengths.
    stoutness, ear, tail_width : float
        Body width relative to a lean animal; ear radius and tail width in body lengths.
    fur : float
        Amplitude of the fur texture.
    tail : ndarray
        ``(3,)`` float32 RGB.
    tagged : bool
        Whether an ear carries a bright tag.
    """

    base: Float
    patch: Float
    pattern: str
    marks: Float
    stoutness: float
    ear: float
    tail_width: float
    fur: float
    tail: Float
    tagged: bool


@dataclass(frozen=True)
class Posture:
    """How one animal stands in one frame.

    Attributes
    ----------
    heading : float
        Direction of the nose in radians, x to the right and y down.
    bend, neck : float
        Total turn of the spine and of the neck, radians.
    stretch : float
        Length relative to a relaxed animal; width shrinks as length grows.
    rear : float
        0 on four feet to 1 upright: foreshortens the body.
    tail_bend, tail_length : float
        Turn of the tail in radians, its length in body lengths.
    """

    heading: float
    bend: float = 0.0
    neck: float = 0.0
    stretch: float = 1.0
    rear: float = 0.0
    tail_bend: float = 0.0
    tail_length: float = 0.8


@dataclass(frozen=True)
class Sprite:
    """A cut-out animal.

    Attributes
    ----------
    image : ndarray
        ``(h, w, 3)`` float32 RGB in [0, 1].
    alpha : ndarray
        ``(h, w)`` float32 opacity, tail included.
    body : ndarray
        ``(h, w)`` float32 opacity of the body without the tail.
    origin : ndarray
        ``(2,)`` float32: pixel of the sprite that stands for the animal's position (x, y).
    """

    image: Float
    alpha: Float
    body: Float
    origin: Float


def sample_coat(rng: np.random.Generator) -> Coat:
    """Draw a coat; plain coats are by far the commonest, as in laboratories."""
    kind = rng.choice(["black", "albino", "brown", "grey", "beige"], p=[0.38, 0.27, 0.16, 0.12, 0.07])
    base = {
        "black": np.array([0.09, 0.085, 0.08]) * rng.uniform(0.4, 2.0),
        "albino": np.array([0.90, 0.88, 0.84]) * rng.uniform(0.75, 1.1),
        "brown": np.array([0.40, 0.29, 0.20]) * rng.uniform(0.6, 1.4),
        "grey": np.full(3, rng.uniform(0.25, 0.55)),
        "beige": np.array([0.72, 0.6, 0.45]) * rng.uniform(0.8, 1.2),
    }[str(kind)]
    pattern = str(rng.choice(["plain", "hooded", "patched", "dyed"], p=[0.86, 0.04, 0.03, 0.07]))
    patch = np.array([0.09, 0.08, 0.08]) if base.mean() > 0.5 else np.array([0.85, 0.83, 0.8])
    if pattern == "dyed":
        patch = rng.uniform(0, 1, 3)
    marks = np.column_stack([rng.uniform(0, 1, 3), rng.uniform(-0.18, 0.18, 3), rng.uniform(0.06, 0.2, 3)])
    dark_tail = kind in ("black", "brown", "grey") and rng.random() < 0.6
    tail = base * 0.5 + np.array([0.22, 0.19, 0.18]) if dark_tail else _PINK * rng.uniform(0.6, 1.15)
    return Coat(
        base=np.clip(base, 0.01, 1).astype(np.float32),
        patch=patch.astype(np.float32),
        pattern=pattern,
        marks=marks[: rng.integers(1, 4)].astype(np.float32),
        stoutness=float(rng.uniform(0.78, 1.25)),
        ear=float(rng.uniform(0.035, 0.085)),
        tail_width=float(rng.uniform(0.02, 0.05)),
        fur=float(rng.uniform(0.01, 0.09)),
        tail=np.clip(tail, 0, 1).astype(np.float32),
        tagged=bool(rng.random() < 0.06),
    )


def sample_posture(rng: np.random.Generator) -> Posture:
    """Draw a posture: mostly relaxed, sometimes curled, stretched or upright."""
    curled, upright = rng.random() < 0.18, rng.random() < 0.08
    bend = rng.normal(0, 0.45) if not curled else rng.choice([-1, 1]) * rng.uniform(1.2, 2.8)
    return Posture(
        heading=float(rng.uniform(-np.pi, np.pi)),
        bend=float(bend),
        neck=float(rng.normal(0, 0.35)),
        stretch=float(rng.uniform(0.72, 1.2)) if not curled else float(rng.uniform(0.65, 0.95)),
        rear=float(rng.uniform(0.3, 0.9)) if upright else 0.0,
        tail_bend=float(rng.normal(0, 1.0)),
        tail_length=float(rng.uniform(0.55, 1.05)),
    )


def render_rodent(coat: Coat, posture: Posture, length_px: float, light: Float, rng: np.random.Generator) -> Sprite:
    """Render one animal.

    Parameters
    ----------
    coat, posture : Coat, Posture
        The animal and how it stands.
    length_px : float
        Length from nose to tail base of a relaxed animal, pixels.
    light : ndarray
        ``(3,)`` float32: direction to the light (x, y, up), unit length.
    rng : Generator
        Source of the fur's texture.

    Returns
    -------
    Sprite
    """
    scale = min(length_px, _RENDER_LENGTH_PX)
    spine, angles, radii = _bend_spine(coat, posture)
    tail = _bend_tail(posture, spine[0], angles[0])
    points = np.concatenate([spine - radii[:, None], spine + radii[:, None], tail])
    low = points.min(axis=0) - 0.12
    size = np.ceil((points.max(axis=0) + 0.12 - low) * scale).astype(int)
    centres, r = ((spine - low) * scale).astype(np.float32), (radii * scale).astype(np.float32)

    x = np.arange(size[0], dtype=np.float32)
    y = np.arange(size[1], dtype=np.float32)
    d2 = (x[None, None] - centres[:, 0, None, None]) ** 2 + (y[None, :, None] - centres[:, 1, None, None]) ** 2
    lift = r[:, None, None] ** 2 - d2
    nearest = lift.argmax(axis=0)
    top = lift.max(axis=0)
    height = np.sqrt(np.maximum(top, 0))
    body = np.clip(top / (2 * r[nearest]) + 0.5, 0, 1).astype(np.float32)

    image = _paint_coat(coat, nearest, angles, centres, x, y, scale)
    _paint_ears(image, body, coat, centres, angles, scale)
    image *= _shade(height, light)[..., None]
    image *= 1 + coat.fur * crop_texture(rng, image.shape[0], image.shape[1], fine=True)[..., None]
    alpha = body.copy()
    _paint_tail(image, alpha, coat, ((tail - low) * scale).astype(np.float32), scale)
    sprite = Sprite(image, alpha, body, centres.mean(axis=0))
    return sprite if scale == length_px else resize_sprite(sprite, length_px / scale)


def resize_sprite(sprite: Sprite, factor: float) -> Sprite:
    """Sprite enlarged or reduced by a factor."""
    size = tuple(max(2, round(n * factor)) for n in sprite.alpha.shape[::-1])
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    image, alpha, body = (cv2.resize(a, size, interpolation=how) for a in (sprite.image, sprite.alpha, sprite.body))
    image, alpha, body = (np.asarray(a, np.float32) for a in (image, alpha, body))
    return Sprite(image, alpha, body, sprite.origin * np.float32(factor))


def _bend_spine(coat: Coat, posture: Posture) -> tuple[Float, Float, Float]:
    """Spine points (14, 2), their directions and the body's half widths, in body lengths from rump to nose."""
    length = posture.stretch * (1 - 0.5 * posture.rear)
    turn = posture.bend * (_SPINE - 0.5) + posture.neck * np.clip((_SPINE - 0.7) / 0.3, 0, 1)
    angles = posture.heading + turn
    steps = np.column_stack([np.cos(angles), np.sin(angles)]) * (length * 0.9 / (len(_SPINE) - 1))
    spine = np.cumsum(steps, axis=0) - steps[0]
    radii = np.interp(_SPINE, _WIDTH_STATIONS, _HALF_WIDTHS) * coat.stoutness / np.sqrt(posture.stretch)
    return (spine - spine.mean(axis=0)).astype(np.float32), angles, radii.astype(np.float32)


def _bend_tail(posture: Posture, root: Float, angle: float) -> Float:
    s = np.linspace(0, 1, 12)
    angles = angle + np.pi + posture.tail_bend * s + 0.5 * posture.tail_bend * np.sin(4 * s)
    steps = np.column_stack([np.cos(angles), np.sin(angles)]) * posture.tail_length / 11
    return np.asarray(root + np.cumsum(steps, axis=0), np.float32)


def _paint_coat(
    coat: Coat, nearest: NDArray[Any], angles: Float, centres: Float, x: Float, y: Float, scale: float
) -> Float:
    image = np.empty((len(y), len(x), 3), np.float32)
    image[:] = coat.base
    if coat.pattern == "plain":
        return image
    normal_x, normal_y = -np.sin(angles)[nearest], np.cos(angles)[nearest]
    dx, dy = x[None] - centres[:, 0][nearest], y[:, None] - centres[:, 1][nearest]
    across = (dx * normal_x + dy * normal_y) / scale
    along = _SPINE[nearest] + (dx * normal_y - dy * normal_x) / scale
    if coat.pattern == "hooded":
        mask = (along > 0.68) | (np.abs(across) < 0.045)
    else:
        mask = np.zeros(nearest.shape, bool)
        for s, t, radius in coat.marks:
            mask |= (along - s) ** 2 + (across - t) ** 2 < radius**2
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), max(0.5, 0.015 * scale))[..., None]
    return np.asarray(image * (1 - soft) + coat.patch * soft, np.float32)


def _paint_ears(image: Float, body: Float, coat: Coat, spine_px: Float, angles: Float, scale: float) -> None:
    head, angle = spine_px[10], float(angles[10])
    side = np.array([-np.sin(angle), np.cos(angle)])
    ahead = np.array([np.cos(angle), np.sin(angle)])
    ear_colour = coat.base * 0.6 + _PINK * 0.25
    for sign in (-1, 1):
        _disc(image, body, head + sign * side * 0.11 * scale, coat.ear * scale, ear_colour)
        if scale > 40:
            _disc(image, None, head + (sign * side * 0.07 + ahead * 0.1) * scale, 0.014 * scale, coat.base * 0.2)
    if coat.tagged:
        _disc(image, None, head + side * 0.12 * scale, 0.025 * scale, np.array([1.0, 1.0, 0.9]))


def _disc(image: Float, body: Float | None, centre: Float, radius: float, colour: NDArray[Any]) -> None:
    where = (round(float(centre[0]) * 16), round(float(centre[1]) * 16))
    r = max(1, round(radius * 16))
    cv2.circle(image, where, r, tuple(float(c) for c in colour), -1, cv2.LINE_8, 4)
    if body is not None:
        cv2.circle(body, where, r, 1.0, -1, cv2.LINE_8, 4)


def _paint_tail(image: Float, alpha: Float, coat: Coat, tail_px: Float, scale: float) -> None:
    mask = np.zeros(alpha.shape, np.uint8)
    points = np.round(tail_px * 16).astype(np.int32)
    for k in range(len(points) - 1):
        width = coat.tail_width * scale * (1 - 0.7 * k / len(points))
        cv2.line(mask, points[k].tolist(), points[k + 1].tolist(), 255, max(1, round(width)), cv2.LINE_AA, 4)
    tail = mask.astype(np.float32) / 255
    if coat.tail_width * scale < 1:
        tail *= coat.tail_width * scale
    new = np.maximum(tail - alpha, 0)[..., None]
    image *= 1 - new
    image += coat.tail * new
    np.maximum(alpha, tail, out=alpha)


def _shade(height: Float, light: Float) -> Float:
    smooth = cv2.GaussianBlur(height, (0, 0), 1.2)
    gx, gy = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=0.125), cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=0.125)
    facing = (light[2] - gx * light[0] - gy * light[1]) / np.sqrt(1 + gx**2 + gy**2)
    return np.asarray(0.55 + 0.5 * np.clip(facing, 0, 1.2), np.float32)

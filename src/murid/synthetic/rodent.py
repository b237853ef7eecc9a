"""One synthetic rodent rendered to a sprite: a coat, a posture, seen from above or from the side.

The upper envelope of the spheres along the spine is a height field, which gives outline, shading
and overlap in one go; coats are painted in body coordinates (along and across the spine).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.synthetic.animal import Coat, Posture
from murid.synthetic.skeleton import STATIONS, Skeleton, pose_from_above, pose_from_the_side
from murid.synthetic.sprite import Sprite, resize_sprite
from murid.synthetic.texture import crop_texture

Float = NDArray[np.float32]

_RENDER_LENGTH_PX = 80.0
_SPINE = 0.9  # body lengths
_PINK = np.array([0.80, 0.62, 0.58], np.float32)


def render_from_above(
    coat: Coat,
    posture: Posture,
    length_px: float,
    light: Float,
    rng: np.random.Generator,
    fur: Float | None = None,
) -> Sprite:
    """Render one animal seen from above.

    Parameters
    ----------
    coat, posture : Coat, Posture
        The animal and how it stands.
    length_px : float
        Length from nose to tail base of a relaxed animal, pixels.
    light : ndarray
        ``(3,)`` float32: direction to the light (x, y, up), unit length.
    rng : Generator
        Source of the fur's texture where none is given.
    fur : ndarray, optional
        ``(k, k)`` float32 texture of zero mean and unit variance, carried on the skin: it turns and
        bends with it.

    Returns
    -------
    Sprite
    """
    canvas = _Canvas(pose_from_above(coat, posture), min(length_px, _RENDER_LENGTH_PX))
    image = canvas.paint_coat(coat)
    _paint_ears(image, canvas.body, coat, canvas.spine, canvas.skeleton.angles, canvas.scale)
    return _finish(canvas, image, coat, length_px, light, rng, fur)


def render_from_side(
    coat: Coat,
    posture: Posture,
    length_px: float,
    light: Float,
    rng: np.random.Generator,
    fur: Float | None = None,
) -> Sprite:
    """Render one animal seen from the side, facing left or right as its heading says; its origin is at its feet.

    Parameters and result are those of `render_from_above`.
    """
    canvas = _Canvas(pose_from_the_side(coat, posture), min(length_px, _RENDER_LENGTH_PX))
    image = canvas.paint_coat(coat)
    _paint_feet(image, canvas, coat)
    _paint_face(image, canvas, coat)
    sprite = _finish(canvas, image, coat, length_px, light, rng, fur)
    ground = np.float32(-canvas.low[1] * length_px)
    sprite = replace(sprite, origin=np.array([sprite.origin[0], ground], np.float32))
    return sprite if np.cos(posture.heading) >= 0 else _mirror(sprite)


class _Canvas:
    """The envelope of a skeleton's spheres, on a grid of `scale` pixels a body length."""

    def __init__(self, skeleton: Skeleton, scale: float) -> None:
        spine, radii, feet = skeleton.spine, skeleton.radii, skeleton.feet
        points = np.concatenate(
            [spine - radii[:, None], spine + radii[:, None], skeleton.tail, feet[:, :2]]
        )
        self.skeleton, self.scale = skeleton, scale
        self.low = points.min(axis=0) - 0.12
        size = np.ceil((points.max(axis=0) + 0.12 - self.low) * scale).astype(int)
        self.spine = ((spine - self.low) * scale).astype(np.float32)
        self.x, self.y = (np.arange(n, dtype=np.float32) for n in size)
        self.r = (radii * scale).astype(np.float32)
        d2 = (self.x[None, None] - self.spine[:, 0, None, None]) ** 2
        d2 = d2 + (self.y[None, :, None] - self.spine[:, 1, None, None]) ** 2
        lift = self.r[:, None, None] ** 2 - d2
        self.nearest = lift.argmax(axis=0)
        top = lift.max(axis=0)
        self.height = np.sqrt(np.maximum(top, 0))
        self.body = np.clip(top / (2 * self.r[self.nearest]) + 0.5, 0, 1).astype(np.float32)

    def put(self, points: Float) -> Float:
        """Pixels of points given in body lengths."""
        return np.asarray((points - self.low) * self.scale, np.float32)

    def unroll(self) -> tuple[Float, Float]:
        """Where on the body each pixel ``(h, w)`` is: along the spine, 0 to 1, and across it, in body lengths."""
        ahead_x, ahead_y = (
            np.cos(self.skeleton.angles)[self.nearest],
            np.sin(self.skeleton.angles)[self.nearest],
        )
        dx = (self.x[None] - self.spine[:, 0][self.nearest]) / self.scale
        dy = (self.y[:, None] - self.spine[:, 1][self.nearest]) / self.scale
        return STATIONS[self.nearest] + (dx * ahead_x + dy * ahead_y), dy * ahead_x - dx * ahead_y

    def paint_coat(self, coat: Coat) -> Float:
        """Colours ``(h, w, 3)`` of the fur."""
        image = np.empty((*self.height.shape, 3), np.float32)
        image[:] = coat.base
        return (
            image
            if coat.pattern == "plain"
            else _paint_marks(image, coat, *self.unroll(), self.scale)
        )


def _finish(
    canvas: _Canvas,
    image: Float,
    coat: Coat,
    length_px: float,
    light: Float,
    rng: np.random.Generator,
    fur: Float | None,
) -> Sprite:
    """Shade, add fur and tail, and bring to size."""
    image *= _shade(canvas.height, light)[..., None]
    height, width = image.shape[:2]
    hair = crop_texture(rng, height, width, fine=True) if fur is None else _lay_fur(fur, canvas)
    image *= 1 + coat.fur * hair[..., None]
    alpha = canvas.body.copy()
    _paint_tail(image, alpha, coat, canvas.put(canvas.skeleton.tail), canvas.scale)
    sprite = Sprite(image, alpha, canvas.body, canvas.spine.mean(axis=0))
    return sprite if canvas.scale == length_px else resize_sprite(sprite, length_px / canvas.scale)


def _lay_fur(fur: Float, canvas: _Canvas) -> Float:
    """The texture as the body carries it: it turns and bends with the spine."""
    along, across = canvas.unroll()
    middle = np.float32(len(fur) / 2)
    x, y = middle + (along - 0.5) * _SPINE * canvas.scale, middle + across * canvas.scale
    laid = cv2.remap(
        fur,
        x.astype(np.float32),
        y.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_WRAP,
    )
    return np.asarray(laid, np.float32)


def _mirror(sprite: Sprite) -> Sprite:
    image, alpha, body = (
        np.ascontiguousarray(a[:, ::-1]) for a in (sprite.image, sprite.alpha, sprite.body)
    )
    x, y = sprite.origin
    return Sprite(image, alpha, body, np.array([alpha.shape[1] - 1 - x, y], np.float32))


def _paint_marks(image: Float, coat: Coat, along: Float, across: Float, scale: float) -> Float:
    if coat.pattern == "hooded":
        mask = (along > 0.68) | (np.abs(across) < 0.045)
    else:
        mask = np.zeros(along.shape, bool)
        for s, t, radius in coat.marks:
            mask |= (along - s) ** 2 + (across - t) ** 2 < radius**2
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), max(0.5, 0.015 * scale))[..., None]
    return np.asarray(image * (1 - soft) + coat.patch * soft, np.float32)


def _paint_ears(
    image: Float, body: Float, coat: Coat, spine_px: Float, angles: Float, scale: float
) -> None:
    head, angle = spine_px[10], float(angles[10])
    side = np.array([-np.sin(angle), np.cos(angle)])
    ahead = np.array([np.cos(angle), np.sin(angle)])
    ear_colour = coat.base * 0.6 + _PINK * 0.25
    for sign in (-1, 1):
        _disc(image, body, head + sign * side * 0.11 * scale, coat.ear * scale, ear_colour)
        if scale > 40:
            _disc(
                image,
                None,
                head + (sign * side * 0.07 + ahead * 0.1) * scale,
                0.014 * scale,
                coat.base * 0.2,
            )
    if coat.tagged:
        _disc(image, None, head + side * 0.12 * scale, 0.025 * scale, np.array([1.0, 1.0, 0.9]))


def _paint_face(image: Float, canvas: _Canvas, coat: Coat) -> None:
    """Ear and eye of an animal seen from the side."""
    head, angle, scale = canvas.spine[11], float(canvas.skeleton.angles[11]), canvas.scale
    up, ahead = np.array([np.sin(angle), -np.cos(angle)]), np.array([np.cos(angle), np.sin(angle)])
    ear = canvas.spine[10] + 0.09 * scale * up
    _disc(image, canvas.body, ear, coat.ear * scale, coat.base * 0.6 + _PINK * 0.25)
    _disc(image, None, head + (0.03 * up + 0.03 * ahead) * scale, 0.018 * scale, coat.base * 0.15)
    if coat.tagged:
        _disc(image, None, ear, 0.025 * scale, np.array([1.0, 1.0, 0.9]))


def _paint_feet(image: Float, canvas: _Canvas, coat: Coat) -> None:
    for x, y, radius in canvas.skeleton.feet:
        where = canvas.put(np.array([x, y], np.float32))
        _disc(
            image, canvas.body, where, float(radius) * canvas.scale, 0.4 * coat.base + 0.4 * _PINK
        )


def _disc(
    image: Float, body: Float | None, centre: Float, radius: float, colour: NDArray[Any]
) -> None:
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
        cv2.line(
            mask,
            points[k].tolist(),
            points[k + 1].tolist(),
            255,
            max(1, round(width)),
            cv2.LINE_AA,
            4,
        )
    tail = mask.astype(np.float32) / 255
    if coat.tail_width * scale < 1:
        tail *= coat.tail_width * scale
    new = np.maximum(tail - alpha, 0)[..., None]
    image *= 1 - new
    image += coat.tail * new
    np.maximum(alpha, tail, out=alpha)


def _shade(height: Float, light: Float) -> Float:
    smooth = cv2.GaussianBlur(height, (0, 0), 1.2)
    gx, gy = (
        cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=0.125),
        cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=0.125),
    )
    facing = (light[2] - gx * light[0] - gy * light[1]) / np.sqrt(1 + gx**2 + gy**2)
    return np.asarray(0.55 + 0.5 * np.clip(facing, 0, 1.2), np.float32)

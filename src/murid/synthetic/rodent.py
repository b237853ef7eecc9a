"""Render synthetic rodents to sprites, from a coat and a posture, seen from above or the side."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.core.types import Float32
from murid.synthetic.animal import PINK, Coat, Posture
from murid.synthetic.body_raster import BodyRaster
from murid.synthetic.pixels import FRACTION_BITS, SUBPIXELS, to_subpixels
from murid.synthetic.skeleton import (
    EYE_STATION,
    HEAD_STATION,
    SPINE_LENGTH,
    pose_from_above,
    pose_from_side,
)
from murid.synthetic.sprite import Sprite, flip_sprite, resize_sprite
from murid.synthetic.texture import crop_texture

# Larger animals are rendered at this length and enlarged: a longer one costs time in proportion
# to its square, and shows details of fur that the simulated camera blurs anyway.
_MAX_RENDER_LENGTH_PX = 80.0

# Body length in pixels above which eyes are visible from above.
_MIN_EYE_LENGTH_PX = 40

# Bright ear tag; the radius is in body lengths.
_TAG_COLOUR = np.array([1.0, 1.0, 0.9])
_TAG_RADIUS = 0.025


def render_from_above(
    coat: Coat,
    posture: Posture,
    length_px: float,
    light: Float32,
    rng: np.random.Generator,
    fur: Float32 | None = None,
) -> Sprite:
    """Render one animal seen from above.

    Parameters
    ----------
    coat, posture : Coat, Posture
    length_px : float
        Length from nose to tail base of a relaxed animal, pixels.
    light : ndarray
        ``(3,)`` float32 direction to the light (x, y, up), unit length.
    rng : Generator
        Source of the fur texture if none is given.
    fur : ndarray, optional
        ``(k, k)`` float32 texture of zero mean and unit variance. It is fixed to the skin: it
        turns and bends with the body.

    Returns
    -------
    Sprite
    """
    skeleton = pose_from_above(coat, posture)
    raster = BodyRaster(skeleton, min(length_px, _MAX_RENDER_LENGTH_PX))
    image = _draw_coat(raster, coat)
    _draw_head_from_above(image, raster, coat)
    return _finish_sprite(raster, image, coat, length_px, light, rng, fur)


def render_from_side(
    coat: Coat,
    posture: Posture,
    length_px: float,
    light: Float32,
    rng: np.random.Generator,
    fur: Float32 | None = None,
) -> Sprite:
    """Render one animal seen from the side, facing left or right according to its heading.

    The origin of the sprite is at the animal's feet. Parameters and result are those of
    `render_from_above`.
    """
    skeleton = pose_from_side(coat, posture)
    raster = BodyRaster(skeleton, min(length_px, _MAX_RENDER_LENGTH_PX))
    image = _draw_coat(raster, coat)
    _draw_feet(image, raster, coat)
    _draw_head_from_side(image, raster, coat)
    sprite = _finish_sprite(raster, image, coat, length_px, light, rng, fur)
    ground_y = np.float32(-raster.top_left[1] * length_px)
    sprite = replace(sprite, origin=np.array([sprite.origin[0], ground_y], np.float32))
    faces_right = np.cos(posture.heading) >= 0
    return sprite if faces_right else flip_sprite(sprite, left_right=True)


def _finish_sprite(
    raster: BodyRaster,
    image: Float32,
    coat: Coat,
    length_px: float,
    light: Float32,
    rng: np.random.Generator,
    fur: Float32 | None,
) -> Sprite:
    """Add shading, fur and tail, and resize to the wanted length."""
    image *= _compute_shading(raster.height, light)[..., None]
    height, width = image.shape[:2]
    texture = crop_texture(rng, height, width, fine=True) if fur is None else _warp_fur(fur, raster)
    image *= 1 + coat.fur_contrast * texture[..., None]
    alpha = raster.alpha.copy()
    _draw_tail(image, alpha, raster, coat)
    # The raster's pixels refer to pixel centres, the keypoints to pixel edges.
    keypoints = raster.to_pixels(raster.skeleton.keypoints) + np.float32(0.5)
    sprite = Sprite(image, alpha, raster.alpha, raster.spine_px.mean(axis=0), keypoints)
    if raster.scale == length_px:
        return sprite
    return resize_sprite(sprite, length_px / raster.scale)


def _compute_shading(height: Float32, light: Float32) -> Float32:
    """Return the brightness ``(h, w)`` of a Lambertian surface of the given height, in pixels."""
    smooth = cv2.GaussianBlur(height, (0, 0), 1.2)
    slope_x = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=0.125)
    slope_y = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=0.125)
    normal_length = np.sqrt(1 + slope_x**2 + slope_y**2)
    facing = (light[2] - slope_x * light[0] - slope_y * light[1]) / normal_length
    # The constant is ambient light: a larger one makes bodies look flatter.
    return np.asarray(0.55 + 0.5 * np.clip(facing, 0, 1.2), np.float32)


def _warp_fur(fur: Float32, raster: BodyRaster) -> Float32:
    """Return the texture ``(h, w)`` of the fur, which turns and bends with the spine."""
    along, across = raster.compute_body_coordinates()
    centre = np.float32(len(fur) / 2)
    x = centre + (along - 0.5) * SPINE_LENGTH * raster.scale
    y = centre + across * raster.scale
    warped = cv2.remap(
        fur,
        x.astype(np.float32),
        y.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_WRAP,
    )
    return np.asarray(warped, np.float32)


def _draw_coat(raster: BodyRaster, coat: Coat) -> Float32:
    """Return the colours ``(h, w, 3)`` of the coat with its hood, patches or dye."""
    image = np.empty((*raster.height.shape, 3), np.float32)
    image[:] = coat.base_colour
    if coat.pattern == "plain":
        return image
    along, across = raster.compute_body_coordinates()
    if coat.pattern == "hooded":
        # Dark head and shoulders, and a stripe along the back, as hooded rats have them.
        mask = (along > 0.68) | (np.abs(across) < 0.045)
    else:
        mask = np.zeros(along.shape, bool)
        for mark_along, mark_across, radius in coat.marks:
            squared_distance = (along - mark_along) ** 2 + (across - mark_across) ** 2
            mask |= squared_distance < radius**2
    blur_px = max(0.5, 0.015 * raster.scale)
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), blur_px)[..., None]
    return np.asarray(image * (1 - soft) + coat.mark_colour * soft, np.float32)


def _draw_head_from_above(image: Float32, raster: BodyRaster, coat: Coat) -> None:
    """Draw ears, eyes and the ear tag, in place."""
    scale = raster.scale
    body = raster.alpha
    head = raster.spine_px[HEAD_STATION]
    angle = float(raster.skeleton.angles[HEAD_STATION])
    side = np.array([-np.sin(angle), np.cos(angle)])
    ahead = np.array([np.cos(angle), np.sin(angle)])
    for sign in (-1, 1):
        ear = head + sign * side * 0.11 * scale
        _draw_disc(image, body, ear, coat.ear_radius * scale, _get_ear_colour(coat))
        if scale > _MIN_EYE_LENGTH_PX:
            eye = head + (sign * side * 0.07 + ahead * 0.1) * scale
            _draw_disc(image, None, eye, 0.014 * scale, coat.base_colour * 0.2)
    if coat.tagged:
        tag = head + side * 0.12 * scale
        _draw_disc(image, None, tag, _TAG_RADIUS * scale, _TAG_COLOUR)


def _draw_head_from_side(image: Float32, raster: BodyRaster, coat: Coat) -> None:
    """Draw one ear, one eye and the ear tag, in place."""
    scale = raster.scale
    head = raster.spine_px[EYE_STATION]
    angle = float(raster.skeleton.angles[EYE_STATION])
    up = np.array([np.sin(angle), -np.cos(angle)])
    ahead = np.array([np.cos(angle), np.sin(angle)])
    ear = raster.spine_px[HEAD_STATION] + 0.09 * scale * up
    _draw_disc(image, raster.alpha, ear, coat.ear_radius * scale, _get_ear_colour(coat))
    eye = head + (0.03 * up + 0.03 * ahead) * scale
    _draw_disc(image, None, eye, 0.018 * scale, coat.base_colour * 0.15)
    if coat.tagged:
        _draw_disc(image, None, ear, _TAG_RADIUS * scale, _TAG_COLOUR)


def _get_ear_colour(coat: Coat) -> NDArray[Any]:
    return coat.base_colour * 0.6 + PINK * 0.25


def _draw_feet(image: Float32, raster: BodyRaster, coat: Coat) -> None:
    """Draw the visible feet, in place."""
    colour = 0.4 * coat.base_colour + 0.4 * PINK
    for x, y, radius in raster.skeleton.feet:
        centre = raster.to_pixels(np.array([x, y], np.float32))
        _draw_disc(image, raster.alpha, centre, float(radius) * raster.scale, colour)


def _draw_disc(
    image: Float32,
    body: Float32 | None,
    centre: NDArray[Any],
    radius_px: float,
    colour: NDArray[Any],
) -> None:
    """Draw a disc into the image, and into the body's opacity if it is given, in place."""
    centre_subpx = to_subpixels(np.asarray(centre, np.float64)).tolist()
    radius_subpx = max(1, round(radius_px * SUBPIXELS))
    rgb = tuple(float(channel) for channel in colour)
    cv2.circle(image, centre_subpx, radius_subpx, rgb, -1, cv2.LINE_8, FRACTION_BITS)
    if body is not None:
        cv2.circle(body, centre_subpx, radius_subpx, 1.0, -1, cv2.LINE_8, FRACTION_BITS)


def _draw_tail(image: Float32, alpha: Float32, raster: BodyRaster, coat: Coat) -> None:
    """Draw a tapering tail behind the body into image and opacity, in place."""
    mask = np.zeros(alpha.shape, np.uint8)
    tail_px = raster.to_pixels(raster.skeleton.tail)
    points = to_subpixels(tail_px)
    width_px = coat.tail_width * raster.scale
    for k in range(len(points) - 1):
        taper = 1 - 0.7 * k / len(points)
        start = points[k].tolist()
        end = points[k + 1].tolist()
        thickness = max(1, round(width_px * taper))
        cv2.line(mask, start, end, 255, thickness, cv2.LINE_AA, FRACTION_BITS)
    tail = mask.astype(np.float32) / 255
    # A line is at least 1 px wide; a thinner tail is fainter instead.
    if width_px < 1:
        tail *= width_px
    behind_body = np.maximum(tail - alpha, 0)[..., None]
    image *= 1 - behind_body
    image += coat.tail_colour * behind_body
    np.maximum(alpha, tail, out=alpha)

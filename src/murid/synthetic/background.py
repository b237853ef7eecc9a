"""What a still camera would remember of a place: the scene without most of its animals, and not quite as it is now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.synthetic.camera import CameraModel, expose
from murid.synthetic.composition import Shadow, compose
from murid.synthetic.enclosure import Enclosure, add_clutter
from murid.synthetic.sprite import Sprite

Float = NDArray[np.float32]
Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class Cast:
    """The animals of a picture: sprites, ``(n, 2)`` positions, their shadow and how they shade each other."""

    sprites: Sequence[Sprite]
    positions: Float64
    shadow: Shadow
    contact_shade: float


def change_place(
    rng: np.random.Generator, arena: Enclosure, cast: Cast, body_px: float
) -> Enclosure:
    """Return the arena with things that no backdrop shows and that are no animals: reflections, shadows, newcomers."""
    image = arena.image
    if rng.random() < 0.2:
        image = _add_reflections(rng, replace(arena, image=image), cast, body_px)
    if rng.random() < 0.2:
        image = _shade(rng, image, float(rng.uniform(-0.35, 0.2)))
    if rng.random() < 0.15:
        image = image.copy()
        add_clutter(rng, image, int(rng.integers(1, 4)))
    return replace(arena, image=image)


def recall_backdrop(
    rng: np.random.Generator, arena: Enclosure, cast: Cast, camera: CameraModel, body_px: float
) -> NDArray[np.uint8]:
    """Draw the backdrop ``(h, w, 3)`` uint8 that a detector would have learnt from the recording of a picture.

    Animals that hardly moved are in it, a little displaced; so may be others that rested where
    nothing is now, and things that were taken away. Light and camera are not quite the same.
    """
    resting = rng.random(len(cast.sprites)) < rng.choice([0.0, 0.3, 1.0], p=[0.7, 0.15, 0.15])
    rows = np.flatnonzero(resting)
    sprites = [cast.sprites[int(k)] for k in rows]
    positions = cast.positions[rows] + rng.normal(
        0, rng.choice([0.015, 0.04, 0.12]) * body_px, (len(rows), 2)
    )
    if len(cast.sprites) and rng.random() < 0.15:
        sprites.append(cast.sprites[0])
        spot = rng.uniform(0, 1, 2) * arena.image.shape[1::-1]
        positions = np.concatenate([positions, spot[None]])
    image = arena.image
    if rng.random() < 0.1:
        image = image.copy()
        add_clutter(rng, image, 1)
    scene, _ = compose(
        replace(arena, image=image), sprites, positions, cast.shadow, cast.contact_shade
    )
    if rng.random() < 0.3:
        scene = _shade(rng, scene, float(rng.uniform(-0.12, 0.12)))
    scene = _shake(rng, scene) if rng.random() < 0.2 else scene
    if rng.random() < 0.25:
        _nudge_parts(rng, scene)
    calm = replace(
        camera,
        gain=camera.gain * float(rng.normal(1, 0.03)),
        noise=0.15 * camera.noise,
        jpeg_quality=camera.jpeg_quality if rng.random() < 0.5 else None,
    )
    return expose(scene, calm, rng)


def _add_reflections(
    rng: np.random.Generator, arena: Enclosure, cast: Cast, body_px: float
) -> Float:
    """Faint, blurred mirror images beside the animals, as walls of glass or steel show them."""
    blur, opacity = float(rng.uniform(0.6, 0.06 * body_px + 1)), np.float32(rng.uniform(0.1, 0.55))
    angle = rng.uniform(0, 2 * np.pi)
    step = rng.uniform(0.8, 1.6) * body_px * np.array([np.cos(angle), np.sin(angle)])
    nothing = np.zeros_like(arena.cover_alpha)
    faint = [_mirror(sprite, blur, opacity) for sprite in cast.sprites]
    scene, _ = compose(
        replace(arena, cover_alpha=nothing),
        faint,
        cast.positions + step,
        Shadow(strength=0),
        contact_shade=0,
    )
    return scene


def _mirror(sprite: Sprite, blur_px: float, opacity: np.float32) -> Sprite:
    """Sprite seen in a mirror; without a body, so that nothing counts it as an animal."""
    alpha = cv2.GaussianBlur(np.ascontiguousarray(sprite.alpha[:, ::-1]), (0, 0), blur_px) * opacity
    image = cv2.GaussianBlur(np.ascontiguousarray(sprite.image[:, ::-1]), (0, 0), blur_px)
    return Sprite(image, alpha.astype(np.float32), np.zeros_like(sprite.body), sprite.origin)


def _shade(rng: np.random.Generator, image: Float, strength: float) -> Float:
    """Multiply a soft patch of light (above zero) or shadow into a picture."""
    height, width = image.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    cx, cy = rng.uniform(0, 1, 2) * (width, height)
    radius = rng.uniform(0.1, 0.6) * width
    patch = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * radius**2)).astype(np.float32)
    lit: Float = np.clip(image * (1 + np.float32(strength) * patch[..., None]), 0, 1)
    return lit


def _nudge_parts(rng: np.random.Generator, image: Float) -> None:
    """Move one to four patches by a few pixels, in place: wobbling walls, wandering glints, bedding pushed about."""
    height, width = image.shape[:2]
    for _ in range(int(rng.integers(1, 5))):
        h, w = (int(v) for v in rng.uniform(0.04, 0.4, 2) * (height, width))
        top, left = int(rng.integers(height - h)), int(rng.integers(width - w))
        patch = image[top : top + h, left : left + w]
        dx, dy = (int(v) for v in rng.normal(0, 2.5, 2))
        patch[:] = np.roll(patch, (dy, dx), axis=(0, 1))


def _shake(rng: np.random.Generator, image: Float) -> Float:
    """Move a picture by a fraction of a pixel or a little more."""
    dx, dy = rng.normal(0, 0.6, 2)
    move = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    moved = cv2.warpAffine(
        image, move, image.shape[1::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(moved, np.float32)

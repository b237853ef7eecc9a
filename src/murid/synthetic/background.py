"""Background images that go with single images, with the errors of a learnt background model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from murid.core.types import Float32, Float64, UInt8
from murid.synthetic.camera import CameraModel, take_image
from murid.synthetic.clutter import add_clutter
from murid.synthetic.composition import Shadow, compose_scene
from murid.synthetic.enclosure import Enclosure
from murid.synthetic.sprite import Sprite

# Shares of the images that have each kind of change since the background was learnt. Larger shares
# teach a detector to rely less on the background.
_REFLECTIONS_PROBABILITY = 0.2
_LIGHT_CHANGE_PROBABILITY = 0.2
_NEW_OBJECT_PROBABILITY = 0.15

# Animals that rest while the background is learnt become part of it: in 70 % of the images none
# do, in the others each animal does with probability 0.3 or 1.
_RESTING_PROBABILITIES = [0.0, 0.3, 1.0]
_RESTING_SHARES = [0.7, 0.15, 0.15]
# How far they have moved since, in body lengths.
_RESTING_SHIFTS = [0.015, 0.04, 0.12]

# Shares of the backgrounds that show an animal elsewhere, an object taken away since, other light,
# another position of the camera, and objects moved since.
_ABSENT_ANIMAL_PROBABILITY = 0.15
_REMOVED_OBJECT_PROBABILITY = 0.1
_OTHER_LIGHT_PROBABILITY = 0.3
_CAMERA_SHIFT_PROBABILITY = 0.2
_MOVED_PATCHES_PROBABILITY = 0.25

# A background is the mean or median of many frames, so that little of the noise is left.
BACKGROUND_NOISE_SHARE = 0.15


@dataclass(frozen=True)
class PlacedAnimals:
    """Animals of an image.

    Attributes
    ----------
    sprites : sequence of Sprite
    positions : ndarray
        ``(n, 2)`` float64 pixels.
    shadow : Shadow
    contact_shade : float
        How much they darken each other, as in `compose_scene`.
    body_px : float
        Typical length of an animal.
    """

    sprites: Sequence[Sprite]
    positions: Float64
    shadow: Shadow
    contact_shade: float
    body_px: float


def add_distractors(
    rng: np.random.Generator, enclosure: Enclosure, animals: PlacedAnimals
) -> Enclosure:
    """Add reflections, light changes and new objects, which the background does not show."""
    image = enclosure.image
    if rng.random() < _REFLECTIONS_PROBABILITY:
        image = _add_reflections(rng, enclosure, animals)
    if rng.random() < _LIGHT_CHANGE_PROBABILITY:
        image = _change_light(rng, image, float(rng.uniform(-0.35, 0.2)))
    if rng.random() < _NEW_OBJECT_PROBABILITY:
        image = image.copy()
        add_clutter(rng, image, int(rng.integers(1, 4)))
    return replace(enclosure, image=image)


def make_background_image(
    rng: np.random.Generator, enclosure: Enclosure, animals: PlacedAnimals, camera: CameraModel
) -> UInt8:
    """Make the background image that a detector would have learnt from the recording.

    It shows animals that hardly moved, slightly displaced. It can also show an animal that is
    elsewhere now, and objects that were removed. Light and camera position can differ slightly.

    Returns
    -------
    ndarray
        ``(h, w, 3)`` uint8 RGB.
    """
    sprites, positions = _sample_learnt_animals(rng, enclosure, animals)
    image = enclosure.image
    if rng.random() < _REMOVED_OBJECT_PROBABILITY:
        image = image.copy()
        add_clutter(rng, image, 1)
    scene, _ = compose_scene(
        replace(enclosure, image=image), sprites, positions, animals.shadow, animals.contact_shade
    )
    if rng.random() < _OTHER_LIGHT_PROBABILITY:
        scene = _change_light(rng, scene, float(rng.uniform(-0.12, 0.12)))
    if rng.random() < _CAMERA_SHIFT_PROBABILITY:
        scene = _shift(rng, scene)
    if rng.random() < _MOVED_PATCHES_PROBABILITY:
        _move_patches(rng, scene)
    background_camera = replace(
        camera,
        gain=camera.gain * float(rng.normal(1, 0.03)),
        noise=BACKGROUND_NOISE_SHARE * camera.noise,
        jpeg_quality=camera.jpeg_quality if rng.random() < 0.5 else None,
    )
    return take_image(scene, background_camera, rng)


def _sample_learnt_animals(
    rng: np.random.Generator, enclosure: Enclosure, animals: PlacedAnimals
) -> tuple[list[Sprite], Float64]:
    """Sample the animals that are part of the background, and their positions ``(k, 2)``."""
    uniform = rng.random(len(animals.sprites))
    resting = uniform < rng.choice(_RESTING_PROBABILITIES, p=_RESTING_SHARES)
    indices = np.flatnonzero(resting)
    sprites = [animals.sprites[int(k)] for k in indices]
    shift_px = rng.choice(_RESTING_SHIFTS) * animals.body_px
    positions = animals.positions[indices] + rng.normal(0, shift_px, (len(indices), 2))
    if len(animals.sprites) and rng.random() < _ABSENT_ANIMAL_PROBABILITY:
        sprites.append(animals.sprites[0])
        height, width = enclosure.image.shape[:2]
        elsewhere = rng.uniform(0, 1, 2) * (width, height)
        positions = np.concatenate([positions, elsewhere[None]])
    return sprites, positions


def _add_reflections(
    rng: np.random.Generator, enclosure: Enclosure, animals: PlacedAnimals
) -> Float32:
    """Add faint, blurred mirror images beside the animals, like those on glass or steel walls."""
    blur_px = float(rng.uniform(0.6, 0.06 * animals.body_px + 1))
    opacity = np.float32(rng.uniform(0.1, 0.55))
    angle = rng.uniform(0, 2 * np.pi)
    distance_px = rng.uniform(0.8, 1.6) * animals.body_px
    shift = distance_px * np.array([np.cos(angle), np.sin(angle)])
    no_cover = np.zeros_like(enclosure.cover_alpha)
    scene, _ = compose_scene(
        replace(enclosure, cover_alpha=no_cover),
        [_make_reflection(sprite, blur_px, opacity) for sprite in animals.sprites],
        animals.positions + shift,
        Shadow(strength=0),
        contact_shade=0,
    )
    return scene


def _make_reflection(sprite: Sprite, blur_px: float, opacity: np.float32) -> Sprite:
    """Return the mirror image of an animal, without a body, so that it gets no box."""
    flipped_alpha = np.ascontiguousarray(sprite.alpha[:, ::-1])
    flipped_image = np.ascontiguousarray(sprite.image[:, ::-1])
    alpha = cv2.GaussianBlur(flipped_alpha, (0, 0), blur_px) * opacity
    image = cv2.GaussianBlur(flipped_image, (0, 0), blur_px)
    return Sprite(image, alpha.astype(np.float32), np.zeros_like(sprite.body), sprite.origin)


def _change_light(rng: np.random.Generator, image: Float32, strength: float) -> Float32:
    """Multiply a soft patch of light (positive strength) or shadow (negative) into an image."""
    height, width = image.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    centre_x, centre_y = rng.uniform(0, 1, 2) * (width, height)
    radius = rng.uniform(0.1, 0.6) * width
    squared_distance = (x - centre_x) ** 2 + (y - centre_y) ** 2
    patch = np.exp(-squared_distance / (2 * radius**2)).astype(np.float32)
    lit: Float32 = np.clip(image * (1 + np.float32(strength) * patch[..., None]), 0, 1)
    return lit


def _move_patches(rng: np.random.Generator, image: Float32) -> None:
    """Move one to four patches by a few pixels, in place: loose walls, glints, moved bedding."""
    height, width = image.shape[:2]
    for _ in range(int(rng.integers(1, 5))):
        patch_size = rng.uniform(0.04, 0.4, 2) * (height, width)
        patch_height, patch_width = patch_size.astype(int).tolist()
        top = int(rng.integers(height - patch_height))
        left = int(rng.integers(width - patch_width))
        patch = image[top : top + patch_height, left : left + patch_width]
        dx, dy = rng.normal(0, 2.5, 2).astype(int).tolist()
        patch[:] = np.roll(patch, (dy, dx), axis=(0, 1))


def _shift(rng: np.random.Generator, image: Float32) -> Float32:
    """Move an image by about half a pixel."""
    height, width = image.shape[:2]
    dx, dy = rng.normal(0, 0.6, 2)
    matrix = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    moved = cv2.warpAffine(
        image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(moved, np.float32)

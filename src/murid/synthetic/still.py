"""Single synthetic images for training: any coat, enclosure and camera, half of them in contact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np

from murid.core.types import Bool, Float32, Float64, Int64, UInt8
from murid.synthetic.animal import Coat, sample_coat, sample_posture
from murid.synthetic.background import PlacedAnimals, add_distractors, make_background_image
from murid.synthetic.camera import sample_camera, take_image
from murid.synthetic.composition import Shadow, compose_scene
from murid.synthetic.enclosure import Enclosure, make_enclosure
from murid.synthetic.keypoint_truth import to_edges, transform_keypoints
from murid.synthetic.pixels import to_float_image
from murid.synthetic.rodent import render_from_above
from murid.synthetic.sprite import Sprite, estimate_body_length, resize_sprite

# Share of the images with real animals that also have a real background.
_REAL_BACKGROUND_PROBABILITY = 0.5

# The mean number of animals follows from the room that there is for them, up to this maximum.
_MAX_MEAN_ANIMALS = 9.0
_MAX_ANIMALS = 14

# Share of the images in which all animals look alike, the hard case of identification, and the
# number of identities among which look-alikes are chosen.
_LOOKALIKE_PROBABILITY = 0.55
_N_LOOKALIKE_CANDIDATES = 60

# Share of the images in which one animal is much larger than the others.
_LARGE_ANIMAL_PROBABILITY = 0.1

# Of the animals in images with contact, the share that touches another one, and their distance in
# body lengths.
_CONTACT_PROBABILITY = 0.75
_CONTACT_DISTANCES = (0.3, 0.95)

# Minimum difference of brightness between coat and floor; below it nobody could label the animal.
_MIN_CONTRAST = 0.1


@dataclass(frozen=True)
class Still:
    """A synthetic image and its ground truth.

    Attributes
    ----------
    image : ndarray
        ``(h, w, 3)`` uint8 RGB.
    boxes : ndarray
        ``(n, 4)`` float32 xyxy pixels of the bodies without tails.
    identities : ndarray
        ``(n,)`` int64 number of the coat; -1 for cut-outs of real animals.
    background : ndarray or None
        ``(h, w, 3)`` uint8 RGB background image that a detector would have learnt; None if the
        image has none.
    keypoints : ndarray or None
        ``(n, 3, 2)`` float32 pixels: x and y of each of `KEYPOINTS`; NaN = unknown, None = all
        unknown.
    """

    image: UInt8
    boxes: Float32
    identities: Int64
    background: UInt8 | None = None
    keypoints: Float32 | None = None


@dataclass(frozen=True)
class StillConfig:
    """Settings of synthetic training images."""

    size_px: int = 256
    """Width and height."""
    body_px: tuple[float, float] = (22.0, 150.0)
    """Minimum and maximum length of the bodies, nose to tail base."""
    n_identities: int = 600
    """Number of different coats; each is made from its own number."""
    touching: float = 0.6
    """Share of images in which animals are put in contact."""
    empty: float = 0.06
    """Share of images without animals."""
    cutouts: float = 0.25
    """Share of images with cut-outs of real animals, if these are given."""
    backgrounds: float = 0.75
    """Share of images with a background image. The others stand for a moving camera, and for the
    beginning of a recording, when no background is known."""


def make_still(
    seed: int,
    config: StillConfig,
    cutouts: Sequence[Sprite] = (),
    backgrounds: Sequence[UInt8] = (),
) -> Still:
    """Make a synthetic training image; the same seed gives the same image.

    Parameters
    ----------
    seed : int
    config : StillConfig
    cutouts : sequence of Sprite
        Real animals, as `murid.synthetic.cutouts` cuts them out.
    backgrounds : sequence of ndarray
        ``(h, w, 3)`` uint8 real backgrounds, used under half of the cut-outs.

    Returns
    -------
    Still
    """
    rng = np.random.default_rng(seed)
    size_px = config.size_px
    # Lengths are uniform on a logarithmic scale: as many small animals as large ones.
    body_px = float(np.exp(rng.uniform(*np.log(config.body_px))))
    use_cutouts = bool(len(cutouts)) and rng.random() < config.cutouts
    if use_cutouts and len(backgrounds) and rng.random() < _REAL_BACKGROUND_PROBABILITY:
        enclosure = _crop_background(rng, backgrounds, size_px)
    else:
        enclosure = make_enclosure(rng, size_px, size_px)
    camera = sample_camera(rng)

    # Animals and their positions.
    n = _sample_count(rng, config, body_px)
    if not use_cutouts:
        cutouts = ()
    identities, sprites = _make_animals(rng, config, n, body_px, enclosure, cutouts)
    touching = rng.random() < config.touching
    positions = place_animals(rng, enclosure.floor, n, body_px, touching)
    shadow = Shadow(
        strength=float(rng.choice([0, rng.uniform(0.1, 0.7)], p=[0.3, 0.7])),
        blur_px=float(rng.uniform(1, 0.12 * body_px + 1.5)),
        shift_px=tuple(rng.normal(0, 0.06 * body_px, 2).tolist()),
    )
    animals = PlacedAnimals(sprites, positions, shadow, float(rng.uniform(0, 0.7)), body_px)

    # The image, and the background image that goes with it.
    surroundings = add_distractors(rng, enclosure, animals)
    scene, truth = compose_scene(surroundings, sprites, positions, shadow, animals.contact_shade)
    image = take_image(scene, camera, rng)
    background = None
    if rng.random() < config.backgrounds:
        background = make_background_image(rng, enclosure, animals, camera)
    visible = identities[truth.animal_indices]
    return Still(image, truth.boxes, visible, background, truth.keypoints)


def _sample_count(rng: np.random.Generator, config: StillConfig, body_px: float) -> int:
    """Sample the number of animals: the smaller they are, the more."""
    room = config.size_px / body_px / 3.2
    count = 1 + rng.poisson(min(_MAX_MEAN_ANIMALS, 2.2 * room**1.2))
    if rng.random() < config.empty:
        return 0
    return int(min(count, _MAX_ANIMALS))


def place_animals(
    rng: np.random.Generator, floor: Bool, n: int, body_px: float, touching: bool
) -> Float64:
    """Sample ``(n, 2)`` positions on the floor; if touching, most are next to an earlier one."""
    free = np.argwhere(floor)[:, ::-1]
    if not len(free):
        free = np.array([[floor.shape[1] // 2, floor.shape[0] // 2]])
    positions = np.zeros((n, 2))
    for k in range(n):
        positions[k] = free[rng.integers(len(free))]
        if touching and k and rng.random() < _CONTACT_PROBABILITY:
            angle = rng.uniform(0, 2 * np.pi)
            distance = rng.uniform(*_CONTACT_DISTANCES) * body_px
            offset = distance * np.array([np.cos(angle), np.sin(angle)])
            positions[k] = positions[rng.integers(k)] + offset
    return positions


def _make_animals(
    rng: np.random.Generator,
    config: StillConfig,
    n: int,
    body_px: float,
    enclosure: Enclosure,
    cutouts: Sequence[Sprite],
) -> tuple[Int64, list[Sprite]]:
    """Return identities ``(n,)`` and sprites of n animals, cut-outs if there are any."""
    light = _sample_light(rng)
    identities = rng.integers(config.n_identities, size=n)
    if rng.random() < _LOOKALIKE_PROBABILITY and n:
        identities = _find_lookalikes(rng, int(identities[0]), config.n_identities, n)
    lengths_px = body_px * np.exp(rng.normal(0, 0.12, n))
    if rng.random() < _LARGE_ANIMAL_PROBABILITY and n > 1:
        lengths_px[0] *= rng.uniform(1.5, 2.2)
    if len(cutouts):
        gain = float(np.exp(rng.normal(0, 0.35)))
        sprites = [_augment_cutout(rng, cutouts, length_px, gain) for length_px in lengths_px]
        return np.full(n, -1), sprites
    floor_brightness = 0.5
    if enclosure.floor.any():
        floor_brightness = float(enclosure.image[enclosure.floor].mean())
    sprites = []
    for identity, length_px in zip(identities, lengths_px, strict=True):
        coat = _ensure_contrast(make_coat(int(identity)), floor_brightness)
        posture = sample_posture(rng)
        sprites.append(render_from_above(coat, posture, float(length_px), light, rng))
    return identities.astype(np.int64), sprites


@lru_cache(maxsize=4096)
def make_coat(identity: int) -> Coat:
    """Return the coat of an identity, the same for the same number."""
    return sample_coat(np.random.default_rng((identity, 7)))


def _find_lookalikes(rng: np.random.Generator, identity: int, n_identities: int, n: int) -> Int64:
    """Return n identities whose main colour is nearest to the given one's, in random order."""
    candidates = rng.integers(n_identities, size=_N_LOOKALIKE_CANDIDATES)
    base_colour = make_coat(identity).base_colour
    difference = [np.abs(make_coat(int(c)).base_colour - base_colour).sum() for c in candidates]
    nearest = candidates[np.argsort(difference)[: max(n, 1)]]
    return np.asarray(rng.permutation(nearest)[:n], np.int64)


def _ensure_contrast(coat: Coat, floor_brightness: float) -> Coat:
    """Return the coat, a little darker or lighter if it hardly contrasts with the floor."""
    brightness = coat.base_colour.mean()
    difference = float(brightness) - floor_brightness
    if abs(difference) >= _MIN_CONTRAST:
        return coat
    target = _MIN_CONTRAST if difference >= 0 else -_MIN_CONTRAST
    change = target - difference
    # Where there is no room on this side, go to the other.
    if not 0 <= brightness + change <= 1:
        change = -target - difference
    base_colour = np.clip(coat.base_colour + np.float32(change), 0, 1).astype(np.float32)
    return replace(coat, base_colour=base_colour)


def _sample_light(rng: np.random.Generator) -> Float32:
    """Sample a direction ``(3,)`` to the light, up to 50 degrees from the vertical."""
    tilt = rng.uniform(0, 0.9)
    azimuth = rng.uniform(0, 2 * np.pi)
    x = np.sin(tilt) * np.cos(azimuth)
    y = np.sin(tilt) * np.sin(azimuth)
    return np.array([x, y, np.cos(tilt)], np.float32)


def _augment_cutout(
    rng: np.random.Generator, cutouts: Sequence[Sprite], body_px: float, gain: float
) -> Sprite:
    """Choose a cut-out and change its size, angle, side and brightness."""
    sprite = cutouts[int(rng.integers(len(cutouts)))]
    length_px = estimate_body_length(sprite.body.sum())
    sprite = resize_sprite(sprite, body_px / length_px)

    # Rotate around the origin, in an image that is large enough for any angle.
    height, width = sprite.alpha.shape
    side = int(np.ceil(np.hypot(height, width))) + 2
    origin = (float(sprite.origin[0]), float(sprite.origin[1]))
    rotation = cv2.getRotationMatrix2D(origin, float(rng.uniform(0, 360)), 1.0)
    rotation[:, 2] += side / 2 - sprite.origin
    layers = np.dstack([sprite.image, sprite.alpha, sprite.body])
    rotated = cv2.warpAffine(layers, rotation, (side, side), flags=cv2.INTER_LINEAR)
    keypoints = transform_keypoints(sprite.keypoints, to_edges(rotation))
    if rng.random() < 0.5:
        rotated = rotated[:, ::-1]
        keypoints[:, 0] = side - keypoints[:, 0]

    # A high gain stands for a light animal: the image is inverted.
    image = rotated[..., :3]
    image = 1 - image * rng.uniform(0.6, 1) if gain > 1.6 else image * gain
    return Sprite(
        np.clip(image, 0, 1),
        np.ascontiguousarray(rotated[..., 3]),
        np.ascontiguousarray(rotated[..., 4]),
        np.full(2, side / 2, np.float32),
        keypoints,
    )


def _crop_background(
    rng: np.random.Generator, backgrounds: Sequence[UInt8], size_px: int
) -> Enclosure:
    """Crop a random square of a real background, and resize it."""
    background = backgrounds[int(rng.integers(len(backgrounds)))]
    height, width = background.shape[:2]
    side = int(rng.uniform(0.45, 1.0) * min(height, width))
    top = int(rng.integers(height - side + 1))
    left = int(rng.integers(width - side + 1))
    crop = background[top : top + side, left : left + side]
    resized = cv2.resize(crop, (size_px, size_px), interpolation=cv2.INTER_AREA)
    return Enclosure.uncovered(to_float_image(np.ascontiguousarray(resized)))

"""Single synthetic images for training: any coat, enclosure and camera, half of them in contact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np

from murid.core.types import Float32, Float64, Int64, UInt8
from murid.synthetic.animal import sample_posture
from murid.synthetic.background import PlacedAnimals, add_distractors, make_background_image
from murid.synthetic.camera import (
    CameraModel,
    sample_camera,
    sample_washed_out_camera,
    take_image,
)
from murid.synthetic.composition import Shadow, compose_scene
from murid.synthetic.dark_walls import WallReflections
from murid.synthetic.keypoint_truth import to_edges, transform_keypoints
from murid.synthetic.litters import PUP_LENGTHS, place_litter, sample_pup_coat, sample_pup_posture
from murid.synthetic.overlays import add_overlay
from murid.synthetic.rodent import render_from_above
from murid.synthetic.sprite import Sprite, blur_along, estimate_body_length, resize_sprite
from murid.synthetic.steel import add_steel
from murid.synthetic.still_coats import ensure_contrast, make_coat
from murid.synthetic.still_config import StillConfig, StillKind
from murid.synthetic.still_scenes import (
    Place,
    make_place,
    place_animals,
    place_group,
    sample_count,
    sample_identities,
    sample_kind,
)

# Share of the images with real animals that also have a real background.
_REAL_BACKGROUND_PROBABILITY = 0.5

# Share of the images in which one animal is much larger than the others.
_LARGE_ANIMAL_PROBABILITY = 0.1

MIN_CUT_VISIBILITY = 0.12
"""An animal that the edge of the image cuts has a box from this visible fraction on, which is less
than a head."""

# Minimum length in pixels of camouflaged animals: smaller ones would be invisible.
_MIN_CAMOUFLAGED_PX = 34.0

# Litters: minimum length of a dam in pixels, so that pups have enough of them; number of pups; and
# share of litters in which the pups lie over the dam.
_MIN_DAM_PX = 55.0
_MAX_PUPS = 9
_PUPS_ABOVE_PROBABILITY = 0.35

# Movement during a long exposure, in body lengths: 0.3 is two lengths a second in 150 ms.
_MAX_MOTION_BLUR = (0.08, 0.35)

# Animals in close contact bend less than others.
_CONTACT_BEND_SHARE = 0.4

# Steel that has moved since the background was learnt, and how far.
_MOVED_STEEL_PROBABILITY = 0.25
_STEEL_SHIFT_PX = 3.0

# Kinds of images with faint animals, and the camera that still shows them.
_FAINT_KINDS = ("dark_walls", "camouflage", "litters")
_MAX_FAINT_NOISE = 0.02
_MAX_FAINT_BLUR_PX = 1.2
_MIN_FAINT_GAIN = 0.85


@dataclass(frozen=True)
class Still:
    """An image to train or validate on, and its ground truth.

    Attributes
    ----------
    image : ndarray
        ``(h, w, 3)`` uint8 RGB.
    boxes : ndarray
        ``(n, 4)`` float32 xyxy pixels of the bodies without tails.
    identities : ndarray
        ``(n,)`` int64 number of the coat, or of a labelled animal; -1 = unknown, as for cut-outs of
        real animals, and for pups.
    background : ndarray or None
        ``(h, w, 3)`` uint8 RGB background image that a detector would have learnt; None if the
        image has none.
    keypoints : ndarray or None
        ``(n, 3, 2)`` float32 pixels: x and y of each of `KEYPOINTS`; NaN = unknown, None = all
        unknown.
    class_ids : ndarray or None
        ``(n,)`` int64 class of each animal; None = all 0.
    recording : int or None
        Number of the labelled recording whose tracks give the identities; None otherwise.
    time_s : float
        Time of the image in that recording.
    """

    image: UInt8
    boxes: Float32
    identities: Int64
    background: UInt8 | None = None
    keypoints: Float32 | None = None
    class_ids: Int64 | None = None
    recording: int | None = None
    time_s: float = 0.0


class _Group(NamedTuple):
    """Animals of an image: coats, typical length, cut-outs, and movement in body lengths."""

    identities: Int64
    body_px: float
    cutouts: Sequence[Sprite]
    max_blur: float


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
    # Lengths are uniform on a logarithmic scale: as many small animals as large ones.
    body_px = float(np.exp(rng.uniform(*np.log(config.body_px))))
    n = sample_count(rng, config, body_px)
    use_cutouts = bool(len(cutouts)) and rng.random() < config.cutouts
    kind = sample_kind(rng, config, n, use_cutouts)
    if kind == "contacts":
        n = max(n, int(rng.integers(2, 4)))
    min_px = {"litters": _MIN_DAM_PX, "camouflage": _MIN_CAMOUFLAGED_PX}.get(kind, 0.0)
    body_px = max(body_px, min(min_px, config.body_px[1]))

    # Animals, and the enclosure around them.
    identities = sample_identities(rng, config, kind, n)
    is_real = use_cutouts and len(backgrounds) and rng.random() < _REAL_BACKGROUND_PROBABILITY
    place = make_place(rng, config, kind, identities, backgrounds if is_real else ())
    group = _Group(identities, body_px, cutouts if use_cutouts else (), _sample_blur(rng, config))
    if kind == "litters":
        identities, sprites, positions = _make_litter(rng, group, place)
    else:
        poses = place_group(rng, config, kind, place, n, body_px)
        identities, sprites = _make_animals(rng, group, place, kind, poses.headings)
        positions = poses.positions
    shadow = Shadow(
        strength=float(rng.choice([0, rng.uniform(0.1, 0.7)], p=[0.3, 0.7])),
        blur_px=float(rng.uniform(1, 0.12 * body_px + 1.5)),
        shift_px=tuple(rng.normal(0, 0.06 * body_px, 2).tolist()),
    )
    animals = PlacedAnimals(sprites, positions, shadow, float(rng.uniform(0, 0.7)), body_px)
    camera = _sample_camera(rng, config, kind, place, sprites)

    # Steel is in the image and in its background, where it can have been in another place.
    enclosure = place.enclosure
    learnt = enclosure
    if place.box is not None:
        reflections = WallReflections.sample(rng, place.box, body_px)
        enclosure = reflections.add(sprites, positions)
    if rng.random() < config.steel:
        steel_seed = int(rng.integers(2**31))
        moved = rng.random() < _MOVED_STEEL_PROBABILITY
        shift_x, shift_y = rng.normal(0, _STEEL_SHIFT_PX * moved, 2).tolist()
        in_one_place = learnt is enclosure and not moved
        enclosure = add_steel(steel_seed, enclosure, (shift_x, shift_y))
        learnt = enclosure if in_one_place else add_steel(steel_seed, learnt)

    # The image, and the background image that goes with it.
    surroundings = add_distractors(rng, enclosure, animals)
    scene, truth = compose_scene(
        surroundings,
        sprites,
        positions,
        shadow,
        animals.contact_shade,
        min_cut_visibility=MIN_CUT_VISIBILITY,
    )
    image = take_image(scene, camera, rng)
    background = None
    if rng.random() < config.backgrounds:
        background = make_background_image(rng, learnt, animals, camera)
    if rng.random() < config.overlays:
        image, background = add_overlay(rng, image, background, truth.boxes)
    visible = identities[truth.animal_indices]
    return Still(image, truth.boxes, visible, background, truth.keypoints)


def _sample_camera(
    rng: np.random.Generator,
    config: StillConfig,
    kind: StillKind,
    place: Place,
    sprites: Sequence[Sprite],
) -> CameraModel:
    """Sample a camera under which a person could still label the animals."""
    if kind not in _FAINT_KINDS and rng.random() < config.washed_out:
        coats = [float(sprite.image[sprite.body > 0.5].mean()) for sprite in sprites]
        return sample_washed_out_camera(rng, place.floor_brightness, coats)
    camera = sample_camera(rng)
    if kind in _FAINT_KINDS:
        # Noise and blur would hide what little contrast there is.
        noise = min(camera.noise, _MAX_FAINT_NOISE)
        blur_px = min(camera.blur_px, _MAX_FAINT_BLUR_PX)
        gain = max(camera.gain, _MIN_FAINT_GAIN)
        camera = replace(camera, noise=noise, blur_px=blur_px, gain=gain, offset=0.0)
    return camera


def _sample_blur(rng: np.random.Generator, config: StillConfig) -> float:
    """Sample the maximum movement during the exposure, in body lengths; 0 for a short exposure."""
    if rng.random() >= config.motion_blur:
        return 0.0
    return float(rng.uniform(*_MAX_MOTION_BLUR))


def _make_litter(
    rng: np.random.Generator, group: _Group, place: Place
) -> tuple[Int64, list[Sprite], Float64]:
    """Return identities, sprites and positions of a heap of pups, and of a dam on top of them."""
    n_pups = int(rng.integers(2, _MAX_PUPS + 1))
    relative = float(rng.uniform(*PUP_LENGTHS))
    relative_lengths = relative * np.exp(rng.normal(0, 0.06, n_pups))
    lengths_px = group.body_px * np.clip(relative_lengths, *PUP_LENGTHS)
    floor_brightness = place.floor_brightness
    pup_coat = sample_pup_coat(rng, floor_brightness)
    light = _sample_light(rng)
    sprites = [
        render_from_above(pup_coat, sample_pup_posture(rng), float(length_px), light, rng)
        for length_px in lengths_px
    ]
    dam_coat = ensure_contrast(make_coat(int(group.identities[0])), floor_brightness)
    sprites.append(render_from_above(dam_coat, sample_posture(rng), group.body_px, light, rng))
    dam = place_animals(rng, place.enclosure.floor, 1, group.body_px, touching=False)
    heap = place_litter(rng, dam[0], group.body_px, lengths_px)
    positions = np.concatenate([heap, dam])
    identities = np.append(np.full(n_pups, -1), group.identities[:1])
    # A third of the litters crawl over the dam's outline instead of lying below it.
    if rng.random() < _PUPS_ABOVE_PROBABILITY:
        order = np.roll(np.arange(n_pups + 1), 1)
        return identities[order], [sprites[k] for k in order], positions[order]
    return identities, sprites, positions


def _make_animals(
    rng: np.random.Generator,
    group: _Group,
    place: Place,
    kind: StillKind,
    headings: Float64,
) -> tuple[Int64, list[Sprite]]:
    """Return identities ``(n,)`` and sprites of n animals, cut-outs if there are any."""
    light = _sample_light(rng)
    n = len(headings)
    lengths_px = group.body_px * np.exp(rng.normal(0, 0.12, n))
    if kind == "plain" and rng.random() < _LARGE_ANIMAL_PROBABILITY and n > 1:
        lengths_px[0] *= rng.uniform(1.5, 2.2)
    if len(group.cutouts):
        gain = float(np.exp(rng.normal(0, 0.35)))
        sprites = [_augment_cutout(rng, group.cutouts, length_px, gain) for length_px in lengths_px]
        return np.full(n, -1), sprites
    sprites = []
    rows = zip(group.identities, lengths_px, headings, strict=True)
    for identity, length_px, heading in rows:
        coat = make_coat(int(identity))
        if kind != "camouflage":
            coat = ensure_contrast(coat, place.floor_brightness)
        posture = sample_posture(rng)
        if not np.isnan(heading):
            # Bent and upright bodies would not touch where they are meant to.
            bend = _CONTACT_BEND_SHARE * posture.bend
            posture = replace(posture, heading=float(heading), bend=bend, rear=0.0)
        sprite = render_from_above(coat, posture, float(length_px), light, rng)
        sprites.append(_blur_motion(rng, sprite, posture.heading, group.max_blur * length_px))
    return group.identities.astype(np.int64), sprites


def _blur_motion(
    rng: np.random.Generator, sprite: Sprite, heading: float, max_movement_px: float
) -> Sprite:
    """Blur an animal along its heading, or, as in a turn, nearly so."""
    if not max_movement_px:
        return sprite
    movement_px = max_movement_px * rng.random()
    direction = heading + rng.normal(0, 0.4)
    dx, dy = movement_px * np.array([np.cos(direction), np.sin(direction)])
    return blur_along(sprite, float(dx), float(dy))


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

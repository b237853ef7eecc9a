"""Random training pictures: any coat, any place, any camera, half of them with animals in contact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.synthetic.animal import Coat, sample_coat, sample_posture
from murid.synthetic.background import Cast, change_place, recall_backdrop
from murid.synthetic.camera import expose, sample_camera
from murid.synthetic.composition import Shadow, compose
from murid.synthetic.enclosure import Enclosure, make_enclosure
from murid.synthetic.rodent import render_from_above
from murid.synthetic.sprite import Sprite, resize_sprite

Float = NDArray[np.float32]


@dataclass(frozen=True)
class Still:
    """A picture and its truth.

    Attributes
    ----------
    image : ndarray
        ``(h, w, 3)`` uint8 RGB.
    boxes : ndarray
        ``(n, 4)`` float32 xyxy pixels, bodies without tails.
    identities : ndarray
        ``(n,)`` int64: number of the coat; -1 where the animal has none (cut-outs).
    background : ndarray or None
        ``(h, w, 3)`` uint8 RGB: what a detector would have learnt of the empty scene; None =
        nothing.
    """

    image: NDArray[np.uint8]
    boxes: Float
    identities: NDArray[np.int64]
    background: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class StillConfig:
    """What training pictures look like.

    Attributes
    ----------
    size_px : int
        Width and height.
    body_px : tuple of float
        Shortest and longest body, nose to tail base.
    n_identities : int
        Number of different coats; each is made from its own number.
    touching : float
        Share of pictures in which animals are put in contact.
    empty : float
        Share of pictures without animals.
    cutouts : float
        Share of pictures whose animals are cut-outs of real ones, where these are given.
    backgrounds : float
        Share of pictures with a backdrop; the rest are as from a moving camera or a recording that
        has just begun.
    """

    size_px: int = 256
    body_px: tuple[float, float] = (22.0, 150.0)
    n_identities: int = 600
    touching: float = 0.6
    empty: float = 0.06
    cutouts: float = 0.25
    backgrounds: float = 0.75


def make_still(
    seed: int,
    config: StillConfig,
    cutouts: Sequence[Sprite] = (),
    places: Sequence[Any] = (),
) -> Still:
    """Draw a training picture; the same seed gives the same picture.

    Parameters
    ----------
    seed : int
    config : StillConfig
    cutouts : sequence of Sprite
        Real animals, as `murid.synthetic.cutouts` cuts them.
    places : sequence of ndarray
        ``(h, w, 3)`` uint8 real backgrounds, used under cut-outs half of the time.

    Returns
    -------
    Still
    """
    rng = np.random.default_rng(seed)
    size = config.size_px
    body = float(np.exp(rng.uniform(*np.log(config.body_px))))
    real = bool(len(cutouts)) and rng.random() < config.cutouts
    arena = (
        _take_place(rng, places, size)
        if real and len(places) and rng.random() < 0.5
        else make_enclosure(rng, size, size)
    )
    camera = sample_camera(rng)
    crowd = 1 + rng.poisson(min(9.0, 2.2 * (size / body / 3.2) ** 1.2))
    n = 0 if rng.random() < config.empty else int(min(crowd, 14))
    numbers, sprites = _draw_animals(rng, config, n, body, arena, cutouts if real else ())
    positions = place_animals(rng, arena.floor, n, body, rng.random() < config.touching)
    shadow = Shadow(
        strength=float(rng.choice([0, rng.uniform(0.1, 0.7)], p=[0.3, 0.7])),
        blur_px=float(rng.uniform(1, 0.12 * body + 1.5)),
        shift_px=tuple(rng.normal(0, 0.06 * body, 2).tolist()),
    )
    cast = Cast(sprites, positions, shadow, float(rng.uniform(0, 0.7)))
    scene, truth = compose(
        change_place(rng, arena, cast, body), sprites, positions, shadow, cast.contact_shade
    )
    image = expose(scene, camera, rng)
    background = (
        recall_backdrop(rng, arena, cast, camera, body)
        if rng.random() < config.backgrounds
        else None
    )
    return Still(image, truth.boxes, numbers[truth.animal_indices], background)


def place_animals(
    rng: np.random.Generator, floor: NDArray[np.bool_], n: int, body_px: float, touching: bool
) -> NDArray[np.float64]:
    """Draw ``(n, 2)`` positions on the floor; where touching, most animals stand next to an earlier one."""
    spots = np.argwhere(floor)[:, ::-1]
    if not len(spots):
        spots = np.array([[floor.shape[1] // 2, floor.shape[0] // 2]])
    positions = np.zeros((n, 2))
    for k in range(n):
        positions[k] = spots[rng.integers(len(spots))]
        if touching and k and rng.random() < 0.75:
            angle, distance = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 0.95) * body_px
            positions[k] = positions[rng.integers(k)] + distance * np.array(
                [np.cos(angle), np.sin(angle)]
            )
    return positions


def _draw_animals(
    rng: np.random.Generator,
    config: StillConfig,
    n: int,
    body: float,
    arena: Enclosure,
    cutouts: Sequence[Sprite],
) -> tuple[NDArray[np.int64], list[Sprite]]:
    light = _sample_light(rng)
    numbers = rng.integers(config.n_identities, size=n)
    if rng.random() < 0.55 and n:
        numbers[:] = numbers[0]
        numbers = _find_lookalikes(rng, int(numbers[0]), config.n_identities, n)
    sizes = body * np.exp(rng.normal(0, 0.12, n))
    if rng.random() < 0.1 and n > 1:
        sizes[0] *= rng.uniform(1.5, 2.2)
    if len(cutouts):
        gain = float(np.exp(rng.normal(0, 0.35)))
        return np.full(n, -1), [_vary_cutout(rng, cutouts, s, gain) for s in sizes]
    ground = arena.image[arena.floor].mean() if arena.floor.any() else 0.5
    sprites = []
    for k in range(n):
        coat = _keep_contrast(make_coat(int(numbers[k])), float(ground))
        sprites.append(render_from_above(coat, sample_posture(rng), float(sizes[k]), light, rng))
    return numbers.astype(np.int64), sprites


@lru_cache(maxsize=4096)
def make_coat(number: int) -> Coat:
    """Coat of one identity, the same for the same number."""
    return sample_coat(np.random.default_rng((number, 7)))


def _find_lookalikes(
    rng: np.random.Generator, number: int, n_identities: int, n: int
) -> NDArray[np.int64]:
    """Identities whose main colour is nearest to that of the given one, in random order."""
    candidates = rng.integers(n_identities, size=60)
    wanted = make_coat(number)
    difference = [np.abs(make_coat(int(c)).base - wanted.base).sum() for c in candidates]
    nearest = candidates[np.argsort(difference)[: max(n, 1)]]
    return np.asarray(rng.permutation(nearest)[:n], np.int64)


def _keep_contrast(coat: Coat, ground: float, minimum: float = 0.1) -> Coat:
    """Coat made a little darker or lighter where it would vanish against the floor."""
    gap = float(coat.base.mean()) - ground
    if abs(gap) >= minimum:
        return coat
    push = (minimum if gap >= 0 else -minimum) - gap
    if not 0 <= coat.base.mean() + push <= 1:
        push = -(minimum if gap >= 0 else -minimum) - gap
    return replace(coat, base=np.clip(coat.base + np.float32(push), 0, 1).astype(np.float32))


def _sample_light(rng: np.random.Generator) -> Float:
    tilt, side = rng.uniform(0, 0.9), rng.uniform(0, 2 * np.pi)
    return np.array(
        [np.sin(tilt) * np.cos(side), np.sin(tilt) * np.sin(side), np.cos(tilt)], np.float32
    )


def _vary_cutout(
    rng: np.random.Generator, cutouts: Sequence[Sprite], body: float, gain: float
) -> Sprite:
    """Pick a cut-out at another size, angle, side and tone."""
    sprite = cutouts[int(rng.integers(len(cutouts)))]
    longest = np.sqrt(sprite.body.sum() / 0.3)
    sprite = resize_sprite(sprite, body / float(longest))
    height, width = sprite.alpha.shape
    reach = int(np.ceil(np.hypot(height, width))) + 2
    turn = cv2.getRotationMatrix2D(
        (float(sprite.origin[0]), float(sprite.origin[1])), float(rng.uniform(0, 360)), 1.0
    )
    turn[:, 2] += reach / 2 - sprite.origin
    layers = np.dstack([sprite.image, sprite.alpha, sprite.body])
    turned = cv2.warpAffine(layers, turn, (reach, reach), flags=cv2.INTER_LINEAR)
    if rng.random() < 0.5:
        turned = turned[:, ::-1]
    image = turned[..., :3]
    image = 1 - image * rng.uniform(0.6, 1) if gain > 1.6 else image * gain
    centre = np.full(2, reach / 2, np.float32)
    return Sprite(
        np.clip(image, 0, 1),
        np.ascontiguousarray(turned[..., 3]),
        np.ascontiguousarray(turned[..., 4]),
        centre,
    )


def _take_place(rng: np.random.Generator, places: Sequence[Any], size: int) -> Enclosure:
    """Cut a random window, at a random scale, out of a real background."""
    place = places[int(rng.integers(len(places)))]
    shortest = min(place.shape[:2])
    window = int(rng.uniform(0.45, 1.0) * shortest)
    top, left = (int(rng.integers(n - window + 1)) for n in place.shape[:2])
    piece = cv2.resize(
        place[top : top + window, left : left + window], (size, size), interpolation=cv2.INTER_AREA
    )
    image = np.ascontiguousarray(piece, np.float32) / np.float32(255)
    nothing = np.zeros((size, size), np.float32)
    return Enclosure(image, np.ones((size, size), bool), np.zeros_like(image), nothing)

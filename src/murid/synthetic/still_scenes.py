"""Kinds of synthetic training images: their coats, their enclosure, and where the animals are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from murid.core.types import Bool, Float64, Int64, UInt8
from murid.synthetic.bedding import draw_coarse_bedding
from murid.synthetic.contact import CONTACT_KINDS, arrange_contact
from murid.synthetic.dark_walls import DarkBox, make_dark_box, place_at_walls
from murid.synthetic.enclosure import Enclosure, make_enclosure
from murid.synthetic.pixels import to_float_image
from murid.synthetic.still_coats import (
    find_lookalikes,
    make_coat,
    sample_dark_identities,
    sample_identity,
)
from murid.synthetic.still_config import (
    EXCLUSIVE_KINDS,
    RENDERED_KINDS,
    StillConfig,
    StillKind,
)
from murid.synthetic.surfaces import sample_grey

# The mean number of animals follows from the room that there is for them, up to this maximum.
_MAX_MEAN_ANIMALS = 9.0
_MAX_ANIMALS = 14

# Share of the images in which all animals look alike, the hard case of identification.
_LOOKALIKE_PROBABILITY = 0.55

# Of the animals in images with contact, the share that touches another one, and their distance in
# body lengths.
_CONTACT_PROBABILITY = 0.75
_CONTACT_DISTANCES = (0.3, 0.95)


# Positions of animals at the edge of the image: distance inside of it, in body lengths.
_EDGE_DEPTHS = (-0.42, 0.25)

# Difference of brightness between coat and bedding where animals are camouflaged, and contrast of
# the bedding. Under less than 0.05 a person finds the animals only by their movement.
_CAMOUFLAGE_CONTRAST = (0.05, 0.12)
_CAMOUFLAGE_BEDDING_CONTRAST = (0.06, 0.25)

# Range of the brightness of camouflaged coats: on black or white bedding they would be invisible.
_CAMOUFLAGED_COATS = (0.18, 0.7)


class Place(NamedTuple):
    """Where the animals of an image are: the enclosure, its mean floor, and the walls, if dark."""

    enclosure: Enclosure
    floor_brightness: float
    box: DarkBox | None

    @classmethod
    def of(cls, enclosure: Enclosure, box: DarkBox | None = None) -> Place:
        """Return a place with the mean of its floor."""
        return cls(enclosure, _measure_floor(enclosure), box)


class Poses(NamedTuple):
    """Positions ``(n, 2)`` in pixels, and headings ``(n,)`` in radians, NaN for any."""

    positions: Float64
    headings: Float64


def sample_kind(
    rng: np.random.Generator, config: StillConfig, n: int, use_cutouts: bool
) -> StillKind:
    """Sample the kind of an image; an image without animals is plain."""
    shares = [getattr(config, kind) for kind in EXCLUSIVE_KINDS]
    index = int(np.searchsorted(np.cumsum(shares), rng.random(), side="right"))
    if index == len(EXCLUSIVE_KINDS) or n == 0:
        return "plain"
    if use_cutouts and EXCLUSIVE_KINDS[index] in RENDERED_KINDS:
        return "plain"
    return EXCLUSIVE_KINDS[index]


def sample_count(rng: np.random.Generator, config: StillConfig, body_px: float) -> int:
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


def place_group(
    rng: np.random.Generator,
    config: StillConfig,
    kind: StillKind,
    place: Place,
    n: int,
    body_px: float,
) -> Poses:
    """Sample positions and, where the kind decides them, headings of n animals."""
    size_px = config.size_px
    touching = rng.random() < config.touching
    headings: Float64 = np.full(n, np.nan)
    if place.box is not None:
        positions = place_at_walls(rng, place.box.walls, (size_px, size_px), n, body_px)
        return Poses(positions, headings)
    positions = place_animals(rng, place.enclosure.floor, n, body_px, touching)
    if kind == "contacts" and n > 1:
        kinds = CONTACT_KINDS if n > 2 else CONTACT_KINDS[:-1]
        chosen = kinds[int(rng.integers(len(kinds)))]
        contact = arrange_contact(rng, chosen, positions[0], body_px)
        # They are the topmost ones, so that no other animal lies on them.
        k = len(contact.headings)
        positions[-k:] = contact.positions
        headings[-k:] = contact.headings
    elif kind == "rims":
        for k in range(n):
            positions[k], headings[k] = _sample_at_edge(rng, size_px, body_px)
    return Poses(positions, headings)


def _sample_at_edge(
    rng: np.random.Generator, size_px: int, body_px: float
) -> tuple[Float64, float]:
    """Sample position and heading of an animal that walks into the image or out of it."""
    along = rng.uniform(0, size_px)
    depth = rng.uniform(*_EDGE_DEPTHS) * body_px
    side = int(rng.integers(4))
    position = ((depth, along), (along, depth), (size_px - depth, along), (along, size_px - depth))
    inwards = side * np.pi / 2
    turned = np.pi if rng.random() < 0.4 else 0.0
    return np.array(position[side]), float(inwards + turned + rng.normal(0, 0.5))


def make_place(
    rng: np.random.Generator,
    config: StillConfig,
    kind: StillKind,
    identities: Int64,
    backgrounds: Sequence[UInt8],
) -> Place:
    """Draw the enclosure that a kind of image needs, or take one of the real backgrounds."""
    size_px = config.size_px
    if len(backgrounds):
        return Place.of(_crop_background(rng, backgrounds, size_px))
    if kind == "dark_walls":
        box = make_dark_box(rng, size_px, size_px)
        return Place.of(box.enclosure, box)
    if kind == "camouflage":
        # The floor follows the coat, because an identity always has the same coat.
        coat_brightness = float(make_coat(int(identities[0])).base_colour.mean())
        difference = float(rng.choice([-1, 1]) * rng.uniform(*_CAMOUFLAGE_CONTRAST))
        brightness = coat_brightness + difference
        contrast = float(rng.uniform(*_CAMOUFLAGE_BEDDING_CONTRAST))
        colour = sample_grey(rng, brightness, brightness, 0.08)
        bedding = draw_coarse_bedding(rng, size_px, size_px, colour, contrast)
        return Place.of(Enclosure.uncovered(bedding))
    return Place.of(make_enclosure(rng, size_px, size_px))


def sample_identities(
    rng: np.random.Generator, config: StillConfig, kind: StillKind, n: int
) -> Int64:
    """Sample ``(n,)`` numbers of coats."""
    if kind == "dark_walls":
        return sample_dark_identities(rng, config.n_identities, n)
    identities = rng.integers(config.n_identities, size=n)
    if kind == "camouflage":
        identities[0] = sample_identity(rng, config.n_identities, _CAMOUFLAGED_COATS)
    is_alike = kind == "camouflage" or rng.random() < _LOOKALIKE_PROBABILITY
    if is_alike and n:
        return find_lookalikes(rng, int(identities[0]), config.n_identities, n)
    return identities


def _measure_floor(enclosure: Enclosure) -> float:
    """Return the mean brightness of the floor, 0.5 if there is none."""
    if not enclosure.floor.any():
        return 0.5
    # OpenCV's masked mean is many times faster than indexing with a mask.
    means = cv2.mean(enclosure.image, enclosure.floor.astype(np.uint8))
    return float(np.mean(means[:3]))


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

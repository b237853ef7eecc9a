"""Coats and postures of synthetic animals, and how they are sampled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from murid.core.types import Float32

# RGB of bare skin (ears, feet, tails of light animals) and of the extreme coats.
PINK = np.array([0.80, 0.62, 0.58], np.float32)
_BLACK = np.array([0.105, 0.1, 0.095])
_WHITE = np.array([0.88, 0.86, 0.82])

# Colours of animal markers: red, blue, green, violet, yellow.
_DYES = np.array(
    [[0.75, 0.12, 0.15], [0.1, 0.25, 0.7], [0.1, 0.5, 0.2], [0.45, 0.15, 0.55], [0.8, 0.65, 0.1]]
)


@dataclass(frozen=True)
class _Breed:
    """Main colour ``(3,)`` RGB, amplitude of the fur texture, and whether the tail is dark."""

    colour: NDArray[Any]
    fur_contrast: float
    dark_tail: bool


_BREEDS = {
    "black": _Breed(_BLACK, 0.04, True),
    "albino": _Breed(_WHITE, 0.03, False),
    "agouti": _Breed(np.array([0.37, 0.28, 0.18]), 0.11, True),
    "grey": _Breed(np.full(3, 0.4), 0.06, True),
    "beige": _Breed(np.array([0.72, 0.6, 0.45]), 0.05, False),
    "hooded": _Breed(_WHITE, 0.04, False),
    "dyed": _Breed(_WHITE, 0.03, False),
}

BREEDS = tuple(_BREEDS)
"""Coats that `RecordingConfig` accepts by name."""


@dataclass(frozen=True)
class Coat:
    """Appearance of one animal, the same in every frame.

    Attributes
    ----------
    base_colour, mark_colour : ndarray
        ``(3,)`` float32 RGB in [0, 1]: main colour, and colour of hood, patches or dye.
    pattern : str
        ``plain``, ``hooded``, ``patched`` or ``dyed``.
    marks : ndarray
        ``(k, 3)`` float32: position along the spine (0 to 1), position across it, and radius of
        each patch. The last two are in body lengths.
    body_width : float
        Relative to a lean animal.
    ear_radius, tail_width : float
        Body lengths.
    fur_contrast : float
        Amplitude of the fur texture.
    tail_colour : ndarray
        ``(3,)`` float32 RGB.
    tagged : bool
        Whether an ear carries a bright tag.
    """

    base_colour: Float32
    mark_colour: Float32
    pattern: str
    marks: Float32
    body_width: float
    ear_radius: float
    tail_width: float
    fur_contrast: float
    tail_colour: Float32
    tagged: bool


@dataclass(frozen=True)
class Posture:
    """Posture of one animal in one frame.

    Attributes
    ----------
    heading : float
        Direction of the nose in radians, x to the right and y down.
    bend, neck : float
        Total turn of the spine and of the neck, radians.
    stretch : float
        Length relative to a relaxed animal. The width shrinks as the length grows.
    rear : float
        0 on four feet to 1 upright. Rearing foreshortens the body seen from above.
    tail_bend : float
        Turn of the tail, radians.
    tail_length : float
        Body lengths.
    """

    heading: float
    bend: float = 0.0
    neck: float = 0.0
    stretch: float = 1.0
    rear: float = 0.0
    tail_bend: float = 0.0
    tail_length: float = 0.8


def sample_coat(rng: np.random.Generator) -> Coat:
    """Sample a coat. Plain coats are by far the most frequent, as in laboratories."""
    kind = str(
        rng.choice(["black", "albino", "brown", "grey", "beige"], p=[0.38, 0.27, 0.16, 0.12, 0.07])
    )
    base_colour = _sample_base_colour(rng, kind)

    # Marks contrast with the coat; dyes have any colour.
    pattern = str(rng.choice(["plain", "hooded", "patched", "dyed"], p=[0.86, 0.04, 0.03, 0.07]))
    is_light = base_colour.mean() > 0.5
    mark_colour = np.array([0.09, 0.08, 0.08]) if is_light else np.array([0.85, 0.83, 0.8])
    if pattern == "dyed":
        mark_colour = rng.uniform(0, 1, 3)
    marks = _sample_marks(rng, 3, (0, 1), 0.18, (0.06, 0.2))

    # Dark mice have dark tails, more or less; all others have pink ones.
    dark_tail = kind in ("black", "brown", "grey") and rng.random() < 0.6
    if dark_tail:
        tail_colour = base_colour * 0.5 + np.array([0.22, 0.19, 0.18])
    else:
        tail_colour = PINK * rng.uniform(0.6, 1.15)

    # Wider ranges than those of a breed: young and fat animals, mice and rats.
    return Coat(
        base_colour=np.clip(base_colour, 0.01, 1).astype(np.float32),
        mark_colour=mark_colour.astype(np.float32),
        pattern=pattern,
        marks=marks[: rng.integers(1, 4)].astype(np.float32),
        body_width=float(rng.uniform(0.78, 1.25)),
        ear_radius=float(rng.uniform(0.035, 0.085)),
        tail_width=float(rng.uniform(0.02, 0.05)),
        fur_contrast=float(rng.uniform(0.01, 0.09)),
        tail_colour=np.clip(tail_colour, 0, 1).astype(np.float32),
        tagged=bool(rng.random() < 0.06),
    )


def _sample_base_colour(rng: np.random.Generator, kind: str) -> NDArray[Any]:
    """Sample the main colour ``(3,)`` of a kind of coat.

    The ranges cover exposure as well as fur, since real images of one breed differ by both. A
    colour is sampled for every kind, so that the random state afterwards does not depend on it.
    """
    colours = {
        "black": np.array([0.09, 0.085, 0.08]) * rng.uniform(0.4, 2.0),
        "albino": np.array([0.90, 0.88, 0.84]) * rng.uniform(0.75, 1.1),
        "brown": np.array([0.40, 0.29, 0.20]) * rng.uniform(0.6, 1.4),
        "grey": np.full(3, rng.uniform(0.25, 0.55)),
        "beige": np.array([0.72, 0.6, 0.45]) * rng.uniform(0.8, 1.2),
    }
    return colours[kind]


def _sample_marks(
    rng: np.random.Generator,
    n: int,
    along: tuple[float, float],
    max_across: float,
    radius: tuple[float, float],
) -> NDArray[np.float64]:
    """Sample ``(n, 3)`` marks: position along the spine, across it, and radius."""
    return np.column_stack(
        [rng.uniform(*along, n), rng.uniform(-max_across, max_across, n), rng.uniform(*radius, n)]
    )


def sample_posture(rng: np.random.Generator) -> Posture:
    """Sample a posture: mostly relaxed, sometimes curled, stretched or upright."""
    curled = rng.random() < 0.18
    upright = rng.random() < 0.08
    bend = rng.choice([-1, 1]) * rng.uniform(1.2, 2.8) if curled else rng.normal(0, 0.45)
    return Posture(
        heading=float(rng.uniform(-np.pi, np.pi)),
        bend=float(bend),
        neck=float(rng.normal(0, 0.35)),
        stretch=float(rng.uniform(0.65, 0.95) if curled else rng.uniform(0.72, 1.2)),
        rear=float(rng.uniform(0.3, 0.9)) if upright else 0.0,
        tail_bend=float(rng.normal(0, 1.0)),
        tail_length=float(rng.uniform(0.55, 1.05)),
    )


def sample_coat_of_breed(breed: str, rng: np.random.Generator) -> Coat:
    """Sample a coat of one of the `BREEDS`. Its animals differ a little in colour and build."""
    traits = _BREEDS[breed]
    base_colour = traits.colour * rng.uniform(0.85, 1.12) * (1 + rng.normal(0, 0.02, 3))
    base_colour = np.clip(base_colour, 0.01, 1)
    tail_colour = base_colour * 0.5 + 0.16 if traits.dark_tail else PINK * rng.uniform(0.85, 1.1)
    marks = _sample_marks(rng, 2, (0.15, 0.6), 0.06, (0.08, 0.14))
    mark_colour = _DYES[rng.integers(len(_DYES))] if breed == "dyed" else _BLACK
    return Coat(
        base_colour=base_colour.astype(np.float32),
        mark_colour=mark_colour.astype(np.float32),
        pattern=breed if breed in ("hooded", "dyed") else "plain",
        marks=marks[: rng.integers(1, 3)].astype(np.float32),
        body_width=float(rng.uniform(0.92, 1.08)),
        ear_radius=float(rng.uniform(0.055, 0.075)),
        tail_width=float(rng.uniform(0.028, 0.04)),
        fur_contrast=traits.fur_contrast,
        tail_colour=np.clip(tail_colour, 0, 1).astype(np.float32),
        tagged=False,
    )


def get_breed_brightness(breed: str) -> float:
    """Return the mean of a breed's main colour, in [0, 1]."""
    return float(_BREEDS[breed].colour.mean())

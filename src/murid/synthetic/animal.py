"""What an animal is: its coat, its posture, and the cut-out that a picture is put together from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

_PINK = np.array([0.80, 0.62, 0.58], np.float32)
_BLACK, _WHITE = np.array([0.105, 0.1, 0.095]), np.array([0.88, 0.86, 0.82])
_BREEDS: dict[str, tuple[NDArray[Any], float, bool]] = {
    "black": (_BLACK, 0.04, True),
    "albino": (_WHITE, 0.03, False),
    "agouti": (np.array([0.37, 0.28, 0.18]), 0.11, True),
    "grey": (np.full(3, 0.4), 0.06, True),
    "beige": (np.array([0.72, 0.6, 0.45]), 0.05, False),
    "hooded": (_WHITE, 0.04, False),
    "dyed": (_WHITE, 0.03, False),
}
"""Main colour, amplitude of the fur, and whether the tail is dark."""
BREEDS = tuple(_BREEDS)
"""Coats that can be asked for by name."""
_DYES = np.array(
    [[0.75, 0.12, 0.15], [0.1, 0.25, 0.7], [0.1, 0.5, 0.2], [0.45, 0.15, 0.55], [0.8, 0.65, 0.1]]
)


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
        ``(k, 3)`` float32: position along the spine, across it, and radius of each patch, in body
        lengths.
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


def sample_coat(rng: np.random.Generator) -> Coat:
    """Draw a coat; plain coats are by far the commonest, as in laboratories."""
    kind = rng.choice(
        ["black", "albino", "brown", "grey", "beige"], p=[0.38, 0.27, 0.16, 0.12, 0.07]
    )
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
    marks = np.column_stack(
        [rng.uniform(0, 1, 3), rng.uniform(-0.18, 0.18, 3), rng.uniform(0.06, 0.2, 3)]
    )
    dark_tail = kind in ("black", "brown", "grey") and rng.random() < 0.6
    tail = (
        base * 0.5 + np.array([0.22, 0.19, 0.18]) if dark_tail else _PINK * rng.uniform(0.6, 1.15)
    )
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


def sample_coat_of_breed(breed: str, rng: np.random.Generator) -> Coat:
    """Draw a coat of one of the `BREEDS`; animals of a breed differ a little in tone and build."""
    colour, fur, dark_tail = _BREEDS[breed]
    base = np.clip(colour * rng.uniform(0.85, 1.12) * (1 + rng.normal(0, 0.02, 3)), 0.01, 1)
    pattern = breed if breed in ("hooded", "dyed") else "plain"
    tail = base * 0.5 + 0.16 if dark_tail else _PINK * rng.uniform(0.85, 1.1)
    spots = np.column_stack(
        [rng.uniform(0.15, 0.6, 2), rng.uniform(-0.06, 0.06, 2), rng.uniform(0.08, 0.14, 2)]
    )
    return Coat(
        base=base.astype(np.float32),
        patch=(_DYES[rng.integers(len(_DYES))] if breed == "dyed" else _BLACK).astype(np.float32),
        pattern=pattern,
        marks=spots[: rng.integers(1, 3)].astype(np.float32),
        stoutness=float(rng.uniform(0.92, 1.08)),
        ear=float(rng.uniform(0.055, 0.075)),
        tail_width=float(rng.uniform(0.028, 0.04)),
        fur=fur,
        tail=np.clip(tail, 0, 1).astype(np.float32),
        tagged=False,
    )


def get_tone(breed: str) -> float:
    """Mean brightness of a breed's main colour, in [0, 1]."""
    return float(_BREEDS[breed][0].mean())

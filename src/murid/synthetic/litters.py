"""Litters: pups of low contrast that huddle beside or partly below a dam."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from murid.core.types import Float32, Float64
from murid.synthetic.animal import PINK, Coat, Posture, sample_coat, sample_posture

PUP_LENGTHS = (0.25, 0.5)
"""Minimum and maximum length of a pup, relative to the dam."""

# Newborn pups are pink; of the others, some have the tone of the bedding, some a first fur.
_PINK_SHARE = 0.55
_BEDDING_TONE_SHARE = 0.25

# How much lighter or darker than the floor a pup of the bedding's tone is.
_TONE_DIFFERENCE = (0.05, 0.14)

# A litter lies in a heap: centres of the pups in lengths of a pup, around a centre beside the dam
# in lengths of the dam. Below 0.25 most of the heap is hidden by the dam.
_HEAP_SPREAD = (0.35, 0.75)
_HEAP_DISTANCE = (0.2, 0.5)

# Minimum distance of two pups, in lengths of a pup: they press together but do not lie in one
# place. The position is drawn this many times at most.
_MIN_PUP_DISTANCE = 0.42
_N_TRIES = 12

# Share of the pups that have crept away from the heap.
_STRAY_SHARE = 0.12


def sample_pup_coat(rng: np.random.Generator, floor_brightness: float) -> Coat:
    """Sample the coat of pups of one litter: smooth, broad, with small ears and short tails.

    Parameters
    ----------
    rng : Generator
    floor_brightness : float
        Mean brightness of the bedding, in [0, 1].
    """
    kind = rng.random()
    if kind < _PINK_SHARE:
        colour = PINK * rng.uniform(0.55, 1.15) * (1 + rng.normal(0, 0.04, 3))
        # Under infrared light, or on pale bedding, a pink pup can be as bright as the floor.
        if abs(colour.mean() - floor_brightness) < _TONE_DIFFERENCE[0]:
            colour = colour * (1 + rng.choice([-0.12, 0.12]))
    elif kind < _PINK_SHARE + _BEDDING_TONE_SHARE:
        difference = rng.choice([-1, 1]) * rng.uniform(*_TONE_DIFFERENCE)
        colour = np.full(3, floor_brightness + difference) * (1 + rng.normal(0, 0.04, 3))
    else:
        colour = sample_coat(rng).base_colour * 0.8 + PINK * 0.15
    base_colour = np.clip(colour, 0.03, 1).astype(np.float32)
    return replace(
        sample_coat(rng),
        base_colour=base_colour,
        pattern="plain",
        body_width=float(rng.uniform(1.0, 1.35)),
        ear_radius=float(rng.uniform(0.02, 0.045)),
        tail_width=float(rng.uniform(0.02, 0.035)),
        fur_contrast=float(rng.uniform(0, 0.015)),
        tail_colour=base_colour,
        tagged=False,
    )


def sample_pup_posture(rng: np.random.Generator) -> Posture:
    """Sample the posture of a pup: lying, often bent, with a short tail, never upright."""
    posture = sample_posture(rng)
    return replace(posture, rear=0.0, tail_length=float(rng.uniform(0.25, 0.5)))


def place_litter(
    rng: np.random.Generator, dam: Float64, dam_px: float, pup_lengths_px: Float64 | Float32
) -> Float64:
    """Sample positions ``(n, 2)`` of pups in a heap beside the dam, some of them away from it.

    Parameters
    ----------
    rng : Generator
    dam : ndarray
        ``(2,)`` position of the dam, pixels.
    dam_px : float
        Length of the dam.
    pup_lengths_px : ndarray
        ``(n,)`` lengths of the pups.
    """
    n = len(pup_lengths_px)
    angle = rng.uniform(0, 2 * np.pi)
    direction = np.array([np.cos(angle), np.sin(angle)])
    centre = dam + rng.uniform(*_HEAP_DISTANCE) * dam_px * direction
    mean_px = float(np.mean(pup_lengths_px)) if n else 0.0
    # The heap grows with the number of pups.
    spread = rng.uniform(*_HEAP_SPREAD) * mean_px * np.sqrt(max(n, 1) / 3)
    positions = np.zeros((n, 2))
    for k in range(n):
        is_stray = rng.random() < _STRAY_SHARE
        deviation = dam_px if is_stray else spread
        for _ in range(_N_TRIES):
            positions[k] = centre + rng.normal(0, deviation, 2)
            distances = np.linalg.norm(positions[:k] - positions[k], axis=1)
            if distances.min(initial=np.inf) >= _MIN_PUP_DISTANCE * mean_px:
                break
    return positions

"""Coats of single images by number: look-alikes, dark ones, and contrast with the floor."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from murid.core.types import Int64
from murid.synthetic.animal import Coat, sample_coat

# Number of identities among which look-alikes and dark coats are chosen.
_N_CANDIDATES = 60

# Share of the candidates that counts as dark.
_DARK_SHARE = 0.35

# Minimum difference of brightness between coat and floor; below it nobody could label the animal.
_MIN_CONTRAST = 0.1


@lru_cache(maxsize=4096)
def make_coat(identity: int) -> Coat:
    """Return the coat of an identity, the same for the same number."""
    return sample_coat(np.random.default_rng((identity, 7)))


def find_lookalikes(rng: np.random.Generator, identity: int, n_identities: int, n: int) -> Int64:
    """Return n identities whose main colour is nearest to the given one's, in random order."""
    candidates = rng.integers(n_identities, size=_N_CANDIDATES)
    base_colour = make_coat(identity).base_colour
    difference = [np.abs(make_coat(int(c)).base_colour - base_colour).sum() for c in candidates]
    nearest = candidates[np.argsort(difference)[: max(n, 1)]]
    return np.asarray(rng.permutation(nearest)[:n], np.int64)


def sample_dark_identities(rng: np.random.Generator, n_identities: int, n: int) -> Int64:
    """Sample n identities with dark coats."""
    candidates = rng.integers(n_identities, size=_N_CANDIDATES)
    brightness = [make_coat(int(c)).base_colour.mean() for c in candidates]
    darkest = candidates[np.argsort(brightness)[: int(_DARK_SHARE * _N_CANDIDATES)]]
    return np.asarray(rng.choice(darkest, n), np.int64)


def sample_identity(
    rng: np.random.Generator, n_identities: int, brightness: tuple[float, float]
) -> int:
    """Sample an identity whose main colour is in a range of brightness, or the nearest to it."""
    candidates = rng.integers(n_identities, size=_N_CANDIDATES)
    coats = np.array([make_coat(int(c)).base_colour.mean() for c in candidates])
    outside = np.maximum(brightness[0] - coats, coats - brightness[1])
    # Candidates are in random order, so the first one in the range is a random one.
    return int(candidates[np.argmin(np.maximum(outside, 0))])


def ensure_contrast(coat: Coat, floor_brightness: float) -> Coat:
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

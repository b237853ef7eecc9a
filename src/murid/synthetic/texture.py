"""Noise textures: a small bank of tiles, made once a process, cropped and flipped at random."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

_TILE = 640
_N_TILES = 12


@lru_cache(maxsize=2 * _N_TILES)
def _tile(number: int, fine: bool) -> Float:
    rng = np.random.default_rng((number, fine))
    noise = rng.standard_normal((_TILE, _TILE), np.float32)
    if fine:
        out = cv2.GaussianBlur(noise, (0, 0), 0.4 + 0.12 * number)
    else:
        out = np.zeros((_TILE, _TILE), np.float32)
        for octave in range(2, 8):
            n = 2**octave
            weight = rng.uniform(0.2, 1) * 0.75**octave
            coarse = rng.standard_normal((n, n)).astype(np.float32)
            out += weight * cv2.resize(coarse, (_TILE, _TILE), interpolation=cv2.INTER_CUBIC)
    return np.asarray((out - out.mean()) / out.std(), np.float32)


def crop_texture(rng: np.random.Generator, height: int, width: int, fine: bool) -> Float:
    """Draw a random piece of noise.

    Parameters
    ----------
    rng : Generator
    height, width : int
        Size in pixels; a piece larger than a tile is enlarged from it.
    fine : bool
        Grain and fur rather than clouds.

    Returns
    -------
    ndarray
        ``(height, width)`` float32 of about zero mean and unit variance.
    """
    tile = _tile(int(rng.integers(_N_TILES)), fine)
    if height > _TILE or width > _TILE:
        tile = np.asarray(cv2.resize(tile, (max(width, _TILE), max(height, _TILE))), np.float32)
    top = int(rng.integers(tile.shape[0] - height + 1))
    left = int(rng.integers(tile.shape[1] - width + 1))
    piece = tile[top : top + height, left : left + width]
    return piece[:: rng.choice([-1, 1]), :: rng.choice([-1, 1])]

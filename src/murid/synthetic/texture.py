"""Random noise textures for fur, grain and uneven light, cropped from a bank of tiles."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from murid.core.types import Float32

# A process makes each tile once, which takes far less time than new noise for every image.
# More or larger tiles mean fewer repetitions, and more memory: 1.6 MB a tile.
_TILE_SIZE_PX = 640
_N_TILES = 12

# Blur of the fine tiles in pixels: from sharp sensor-like grain to soft fur.
_MIN_FINE_BLUR_PX = 0.4
_FINE_BLUR_STEP_PX = 0.12

# Coarse tiles add up octaves of 4 to 128 cells a side. A higher persistence gives the fine
# octaves more weight: rougher clouds.
_OCTAVES = range(2, 8)
_PERSISTENCE = 0.75


@lru_cache(maxsize=2 * _N_TILES)
def _make_tile(number: int, fine: bool) -> Float32:
    """Make a square tile of zero mean and unit variance, the same for the same number."""
    rng = np.random.default_rng((number, fine))
    noise = rng.standard_normal((_TILE_SIZE_PX, _TILE_SIZE_PX), np.float32)
    if fine:
        blur_px = _MIN_FINE_BLUR_PX + _FINE_BLUR_STEP_PX * number
        tile = cv2.GaussianBlur(noise, (0, 0), blur_px)
    else:
        tile = _sum_octaves(rng)
    return np.asarray((tile - tile.mean()) / tile.std(), np.float32)


def _sum_octaves(rng: np.random.Generator) -> Float32:
    """Add up noise of several resolutions with random weights."""
    size = (_TILE_SIZE_PX, _TILE_SIZE_PX)
    tile = np.zeros(size, np.float32)
    for octave in _OCTAVES:
        n_cells = 2**octave
        weight = rng.uniform(0.2, 1) * _PERSISTENCE**octave
        coarse = rng.standard_normal((n_cells, n_cells)).astype(np.float32)
        tile += weight * cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
    return tile


def crop_texture(rng: np.random.Generator, height: int, width: int, fine: bool) -> Float32:
    """Crop a random noise texture, randomly flipped.

    Parameters
    ----------
    rng : Generator
    height, width : int
        Size in pixels. If larger than a tile, the tile is enlarged first.
    fine : bool
        True for grain and fur, False for clouds.

    Returns
    -------
    ndarray
        ``(height, width)`` float32 of about zero mean and unit variance.
    """
    tile = _make_tile(int(rng.integers(_N_TILES)), fine)
    if height > _TILE_SIZE_PX or width > _TILE_SIZE_PX:
        size = (max(width, _TILE_SIZE_PX), max(height, _TILE_SIZE_PX))
        tile = np.asarray(cv2.resize(tile, size), np.float32)
    top = int(rng.integers(tile.shape[0] - height + 1))
    left = int(rng.integers(tile.shape[1] - width + 1))
    crop = tile[top : top + height, left : left + width]
    return crop[:: rng.choice([-1, 1]), :: rng.choice([-1, 1])]

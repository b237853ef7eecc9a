"""Coarse bedding: wood shavings, strips of paper and corncob, cropped from a bank of tiles."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, get_args

import cv2
import numpy as np

from murid.core.types import Float32
from murid.synthetic.pixels import FRACTION_BITS, to_subpixels
from murid.synthetic.surfaces import Colour, sample_grey

BeddingKind = Literal["shavings", "paper", "cob"]

# A process makes each tile once, in about 50 ms, because drawing thousands of flakes for every
# image would take longer than the rest of the image. More tiles mean fewer repetitions.
_TILE_SIZE_PX = 512
_N_TILES = 3

# Length and width of the pieces in pixels of the tile, and their number: enough to cover it.
_PIECES_PX: dict[BeddingKind, tuple[tuple[float, float], tuple[float, float], int]] = {
    "shavings": ((8, 22), (3, 9), 6000),
    "paper": ((14, 40), (2, 4), 6000),
    "cob": ((5, 9), (4, 8), 12000),
}

# Shadow of a piece on those below: displacement in pixels, and tone in standard deviations of the
# tones of the pieces. A darker one makes the bedding look looser.
_SHADOW_SHIFT_PX = 1.2
_SHADOW_TONE = -2.2

# Scale of a tile in the image: with a smaller one the bedding is finer.
_SCALES = (0.4, 1.3)


def draw_coarse_bedding(
    rng: np.random.Generator,
    height: int,
    width: int,
    colour: Colour | None = None,
    contrast: float | None = None,
) -> Float32:
    """Draw bedding of pieces of a few pixels, lying on top of each other.

    Parameters
    ----------
    rng : Generator
    height, width : int
        Pixels.
    colour : ndarray, optional
        ``(3,)`` mean RGB in [0, 1]. Sampled by default.
    contrast : float, optional
        Standard deviation of the brightness relative to its mean. Sampled by default.

    Returns
    -------
    ndarray
        ``(h, w, 3)`` float32 RGB in [0, 1].
    """
    kind = get_args(BeddingKind)[int(rng.integers(len(_PIECES_PX)))]
    tile = _make_tile(kind, int(rng.integers(_N_TILES)))
    # The tile has to cover the image.
    min_scale = max(height, width) / _TILE_SIZE_PX
    scale = max(min_scale, float(rng.uniform(*_SCALES)))
    crop_height = min(_TILE_SIZE_PX, int(np.ceil(height / scale)))
    crop_width = min(_TILE_SIZE_PX, int(np.ceil(width / scale)))
    top = int(rng.integers(_TILE_SIZE_PX - crop_height + 1))
    left = int(rng.integers(_TILE_SIZE_PX - crop_width + 1))
    crop = tile[top : top + crop_height, left : left + crop_width]
    tone = cv2.resize(crop, (width, height), interpolation=cv2.INTER_LINEAR)
    tone = tone[:: rng.choice([-1, 1]), :: rng.choice([-1, 1])]
    if colour is None:
        colour = sample_grey(rng, 0.15, 0.85, 0.12)
    if contrast is None:
        contrast = float(rng.uniform(0.06, 0.4))
    bedding = np.asarray(colour, np.float32) * (1 + np.float32(contrast) * tone[..., None])
    return np.asarray(np.clip(bedding, 0, 1), np.float32)


@lru_cache(maxsize=_N_TILES * len(_PIECES_PX))
def _make_tile(kind: BeddingKind, number: int) -> Float32:
    """Draw a tile ``(s, s)`` of zero mean and unit variance, the same for the same number."""
    rng = np.random.default_rng((get_args(BeddingKind).index(kind), number, 3))
    lengths_px, widths_px, count = _PIECES_PX[kind]
    tile = np.zeros((_TILE_SIZE_PX, _TILE_SIZE_PX), np.float32)
    centres = rng.uniform(0, _TILE_SIZE_PX, (count, 2))
    sizes = np.column_stack([rng.uniform(*lengths_px, count), rng.uniform(*widths_px, count)])
    angles = rng.uniform(0, 180, count)
    tones = rng.normal(0, 1, count)
    # Corners of all pieces at once, (count, 4, 2).
    cos = np.cos(np.radians(angles))[:, None]
    sin = np.sin(np.radians(angles))[:, None]
    along = np.array([-0.5, 0.5, 0.5, -0.5]) * sizes[:, :1]
    across = np.array([-0.5, -0.5, 0.5, 0.5]) * sizes[:, 1:]
    x = centres[:, :1] + along * cos - across * sin
    y = centres[:, 1:] + along * sin + across * cos
    corners = np.stack([x, y], axis=2)
    # A piece lies on its shadow, which separates it from those below.
    shadows = to_subpixels(corners + _SHADOW_SHIFT_PX)
    pieces = to_subpixels(corners)
    for shadow, piece, tone in zip(shadows, pieces, tones.tolist(), strict=True):
        cv2.fillConvexPoly(tile, shadow, _SHADOW_TONE, cv2.LINE_8, FRACTION_BITS)
        cv2.fillConvexPoly(tile, piece, tone, cv2.LINE_AA, FRACTION_BITS)
    tile = np.asarray(cv2.GaussianBlur(tile, (0, 0), 0.6), np.float32)
    return np.asarray((tile - tile.mean()) / tile.std(), np.float32)

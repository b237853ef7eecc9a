"""What an animal looks like in plain terms: how bright and of what colour its pixels are, against the floor it is on.

Measured in picture and empty scene alike, tones and colours hardly change with the light. A
network's embedding says more of shape and less of tone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from murid.core.types import Float32, UInt8
from murid.video.background_model import BackgroundModel

N_COLOUR_FEATURES = 10
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_BLACK = 0.04  # added before logarithms, in [0, 1]: below, it is noise
_LEAST_SHARE = 0.2  # of a box that must differ from the empty scene to be taken for the animal
_MARK = 0.1  # share of the pixels, those of the strongest colour, that are taken for a mark
_ELLIPSE = 0.7  # of the box, where the empty scene says nothing
_MOST_PIXELS = 4000


def compute_colour_features(
    image: UInt8, boxes: Float32, background: BackgroundModel | None
) -> Float32:
    """Measure the looks of animals in one picture.

    Parameters
    ----------
    image : ndarray
        ``(h, w, 3)`` uint8 RGB.
    boxes : ndarray
        ``(n, 4)`` float32 xyxy pixels.
    background : Backdrop or None
        The empty scene, of the size of the picture.

    Returns
    -------
    ndarray
        ``(n, N_COLOUR_FEATURES)`` float32: five quantiles of logarithmic brightness against the
        floor; red against green and blue against green, of the whole and of the most coloured
        tenth; logarithm of the animal's length, the square root of its pixels. NaN where a box
        holds too few pixels.
    """
    colour_features = np.full((len(boxes), N_COLOUR_FEATURES), np.nan, np.float32)
    difference = (
        None if background is None else background.compute_difference(image) > background.threshold
    )
    height, width = image.shape[:2]
    corners = np.clip(np.round(boxes), 0, [width, height, width, height]).astype(int).tolist()
    for k, (left, top, right, bottom) in enumerate(corners):
        if min(right - left, bottom - top) < 4:
            continue
        step = max(1, int(np.sqrt((right - left) * (bottom - top) / _MOST_PIXELS)))
        place = slice(top, bottom, step), slice(left, right, step)
        around = image if background is None else background.image
        mask = _find_body(None if difference is None else difference[place], image[place].shape[:2])
        colour_features[k] = _describe(
            image[place][mask],
            np.median(around[place].reshape(-1, 3), axis=0),
            0.5 * np.log(mask.sum() * step**2),
        )
    return colour_features


def _find_body(differs: NDArray[np.bool_] | None, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Pixels of a box that show its animal: what differs from the empty scene, else the middle."""
    y, x = (np.linspace(-1, 1, n) for n in shape)
    inside = np.add.outer(y**2, x**2) <= 1
    if differs is not None and (differs & inside).mean() >= _LEAST_SHARE:
        return np.asarray(differs & inside, np.bool_)
    return np.asarray(np.add.outer(y**2, x**2) <= _ELLIPSE**2, np.bool_)


def _describe(pixels: UInt8, floor: NDArray[np.float64], length: float) -> Float32:
    tones = np.log(pixels / np.float32(255) + np.float32(_BLACK))
    ground = np.log(floor / 255 + _BLACK)
    brightness = np.quantile(tones.mean(axis=1) - ground.mean(), _QUANTILES)
    colours = tones[:, [0, 2]] - tones[:, 1:2] - (ground[[0, 2]] - ground[1])
    strength = np.square(colours).sum(axis=1)
    mark = colours[strength >= np.quantile(strength, 1 - _MARK)].mean(axis=0)
    return np.concatenate([brightness, colours.mean(axis=0), mark, [length]]).astype(np.float32)

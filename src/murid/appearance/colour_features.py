"""Colour features: brightness, colour and size of animals, relative to the floor around them.

Brightness and colours are differences of logarithms between the animal and the background, so they
hardly change with the light. The embeddings of a network describe more of the shape and less of the
brightness.
"""

from __future__ import annotations

import numpy as np

from murid.core.types import Bool, Float32, Float64, UInt8
from murid.video.background_model import BackgroundModel

_BRIGHTNESS_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
N_COLOUR_FEATURES = 10
"""Number of colour features: brightness quantiles, two colours twice, and size."""
# Added to intensities in [0, 1] before the logarithm: darker pixels are noise.
_DARK_OFFSET = 0.04
# Share of the box that must be foreground; else the background model cannot separate the animal,
# and the middle of the box is used.
_MIN_FOREGROUND_SHARE = 0.2
# Radius of this middle, in halves of the box sides.
_MIDDLE_RADIUS = 0.7
# Share of the pixels, those of the strongest colour, that may be a mark: a dyed spot.
_MARK_SHARE = 0.1
# Maximum number of pixels of a box: more take longer and hardly change the quantiles.
_MAX_PIXELS = 4000
# Boxes with a shorter side are too small to measure.
_MIN_SIDE_PX = 4


def compute_colour_features(
    image: UInt8, boxes: Float32, background: BackgroundModel | None
) -> Float32:
    """Compute the colour features of the animals in one image.

    Parameters
    ----------
    image : ndarray
        ``(h, w, 3)`` uint8 RGB.
    boxes : ndarray
        ``(n, 4)`` float32 xyxy pixels.
    background : BackgroundModel or None
        Of the size of the image. Without one, the middle of each box is measured, relative to the
        whole box.

    Returns
    -------
    ndarray
        ``(n, N_COLOUR_FEATURES)`` float32: five quantiles of log brightness; log red minus green
        and log blue minus green, of all pixels and of the tenth with the strongest colour; all
        relative to the floor; log length, the square root of the animal's area in pixels. NaN for a
        box that is too small.
    """
    features = np.full((len(boxes), N_COLOUR_FEATURES), np.nan, np.float32)
    is_foreground = None
    floor_image = image
    if background is not None:
        is_foreground = background.compute_difference(image) > background.threshold
        floor_image = background.image
    height, width = image.shape[:2]
    corners = np.clip(np.round(boxes), 0, [width, height, width, height]).astype(int)
    for k, (left, top, right, bottom) in enumerate(corners.tolist()):
        if min(right - left, bottom - top) < _MIN_SIDE_PX:
            continue
        # Large boxes are subsampled.
        step = max(1, int(np.sqrt((right - left) * (bottom - top) / _MAX_PIXELS)))
        crop = slice(top, bottom, step), slice(left, right, step)
        body = _find_body(
            None if is_foreground is None else is_foreground[crop], image[crop].shape[:2]
        )
        floor = np.median(floor_image[crop].reshape(-1, 3), axis=0)
        log_length = 0.5 * np.log(body.sum() * step**2)
        features[k] = _describe(image[crop][body], floor, log_length)
    return features


def _find_body(is_foreground: Bool | None, shape: tuple[int, ...]) -> Bool:
    """Return the mask ``(h, w)`` of the animal: foreground in an ellipse, or the middle."""
    y = np.linspace(-1, 1, shape[0])
    x = np.linspace(-1, 1, shape[1])
    squared_radius = np.add.outer(y**2, x**2)
    if is_foreground is not None:
        body = np.asarray(is_foreground & (squared_radius <= 1), np.bool_)
        if body.mean() >= _MIN_FOREGROUND_SHARE:
            return body
    return np.asarray(squared_radius <= _MIDDLE_RADIUS**2, np.bool_)


def _describe(pixels: UInt8, floor: Float64, log_length: float) -> Float32:
    """Return the colour features of pixels ``(m, 3)`` on a floor of one colour ``(3,)``."""
    log_pixels = np.log(pixels / np.float32(255) + np.float32(_DARK_OFFSET))
    log_floor = np.log(floor / 255 + _DARK_OFFSET)
    brightness = np.quantile(log_pixels.mean(axis=1) - log_floor.mean(), _BRIGHTNESS_QUANTILES)
    # Red and blue relative to green.
    floor_colour = log_floor[[0, 2]] - log_floor[1]
    colours = log_pixels[:, [0, 2]] - log_pixels[:, 1:2] - floor_colour
    strengths = np.square(colours).sum(axis=1)
    is_mark = strengths >= np.quantile(strengths, 1 - _MARK_SHARE)
    mean_colour = colours.mean(axis=0)
    mark_colour = colours[is_mark].mean(axis=0)
    return np.concatenate([brightness, mean_colour, mark_colour, [log_length]]).astype(np.float32)

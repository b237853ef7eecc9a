"""Background model: the scene without animals, estimated from frames spread over a video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.core.types import UInt8

# Foreground threshold of a pixel: a multiple of the standard deviation of its noise. Higher values
# miss parts of animals that are nearly as bright as the floor; lower ones detect noise. The other,
# a minimum in grey levels, stays above the compression and sensor noise of a clean video.
_NOISE_FACTOR = 5.0
_MIN_THRESHOLD = 8.0

# Scale from a median absolute deviation to a standard deviation of normal noise (Hampel 1974).
_MAD_TO_STD = 1.4826

# A pixel is uncertain if it is foreground in this fraction of the frames: its median may show an
# animal at rest. If more of the image than the maximum is uncertain, the camera or the light has
# changed, and the medians are kept.
_MIN_FOREGROUND_FRACTION = 0.2
_MAX_UNCERTAIN_FRACTION = 0.5

# Fraction of the image that differs from the background in the median frame: animals cover less,
# so above this the camera moves.
_MAX_CHANGED_FRACTION = 0.4

# The darker and the brighter alternative to the median of a pixel: quantiles that at least a tenth
# of the frames reach.
_QUANTILES = (0.1, 0.5, 0.9)

# An alternative replaces the median if its difference from the inpainted surroundings is below this
# multiple of the median's. At 1, noise alone could decide.
_MAX_ERROR_RATIO = 0.8
_INPAINT_RADIUS_PX = 5

# The brightness shift of an image is estimated from every 8th pixel in both directions.
_SHIFT_STRIDE = 8


@dataclass(frozen=True, eq=False, slots=True)
class BackgroundModel:
    """The scene without animals.

    Attributes
    ----------
    image : ndarray
        ``(h, w, 3)`` uint8 RGB.
    threshold : ndarray
        ``(h, w)`` uint8 grey levels. A pixel that differs by at least this is foreground.
    """

    image: UInt8
    threshold: UInt8

    def compute_difference(self, image: UInt8) -> UInt8:
        """Return the difference of an image from the background, after a brightness correction.

        Parameters
        ----------
        image : ndarray
            ``(h, w, 3)`` uint8 RGB, of the size of the background.

        Returns
        -------
        ndarray
            ``(h, w)`` uint8: the maximum over the colour channels. The median difference of each
            channel is removed first, so that a change of light is not foreground.
        """
        coarse = (slice(None, None, _SHIFT_STRIDE), slice(None, None, _SHIFT_STRIDE))
        differences = image[coarse].astype(np.int16) - self.image[coarse]
        by_channel = np.ascontiguousarray(differences.reshape(-1, 3).T)
        shift = np.median(by_channel, axis=1)
        background = cv2.add(self.image, (*shift.tolist(), 0.0)) if shift.any() else self.image
        return _max_over_channels(cv2.absdiff(image, background))


def fit_background_model(images: Sequence[UInt8]) -> BackgroundModel:
    """Return the background model: the median of each pixel, corrected for resting animals.

    An animal that rests in one place for more than half of the frames is part of the median there.
    Where the frames show two alternatives for a region, the one that fits the surrounding
    background better is taken. An animal that rests in more than 80 % of the frames becomes part of
    the background.

    Parameters
    ----------
    images : sequence of ndarray
        ``(h, w, 3)`` uint8 RGB images of one size, spread over the video.
    """
    low, median, high = _compute_quantiles(images)
    deviations = np.stack([_max_over_channels(cv2.absdiff(image, median)) for image in images])
    threshold = _compute_threshold(deviations)
    foreground_fraction = (deviations > threshold).mean(axis=0)
    uncertain = _clean_and_dilate(foreground_fraction >= _MIN_FOREGROUND_FRACTION)
    if 0 < uncertain.mean() < _MAX_UNCERTAIN_FRACTION:
        corrected = _replace_resting_animals(low, median, high, uncertain, threshold)
        return BackgroundModel(corrected, threshold)
    return BackgroundModel(median, threshold)


def fit_static_background(images: Sequence[UInt8]) -> BackgroundModel | None:
    """Return the background model, or None if the images differ in size or the camera moves.

    See `fit_background_model`.
    """
    if len({image.shape for image in images}) != 1:
        return None
    background = fit_background_model(images)
    changed_fractions = [
        (background.compute_difference(image) > background.threshold).mean() for image in images
    ]
    return None if np.median(changed_fractions) > _MAX_CHANGED_FRACTION else background


def _compute_quantiles(images: Sequence[UInt8]) -> tuple[UInt8, UInt8, UInt8]:
    """Return the low, median and high quantile of each pixel over the images."""
    ordered = sort_images(np.stack(images))
    low, median, high = (
        ordered[round(quantile * (len(images) - 1))].copy() for quantile in _QUANTILES
    )
    return low, median, high


def _compute_threshold(deviations: UInt8) -> UInt8:
    """Return the foreground threshold ``(h, w)`` from absolute deviations ``(n, h, w)``."""
    ordered = sort_images(deviations.copy())
    n = len(deviations)
    low_median = ordered[(n - 1) // 2].astype(np.float32)
    high_median = ordered[n // 2]
    noise = np.float32(_MAD_TO_STD / 2) * (low_median + high_median)
    smooth = cv2.medianBlur(np.minimum(noise, 255).astype(np.uint8), 5).astype(np.float32)
    typical = np.float32(np.median(noise))
    # Where animals come and go the deviation is not noise. So no pixel counts as more than twice as
    # noisy as the median pixel.
    levels = _NOISE_FACTOR * np.minimum(smooth, 2 * typical)
    return np.asarray(np.clip(levels, _MIN_THRESHOLD, 255), np.uint8)


def sort_images(stack: UInt8) -> UInt8:
    """Sort a stack ``(n, h, w, ...)`` in place along the first axis, and return it.

    Whole images are compared at a time, which takes a tenth of the time of `numpy.sort`. The
    algorithm is Batcher's merge exchange (Knuth, The Art of Computer Programming, volume 3,
    algorithm 5.2.2M).
    """
    n = len(stack)
    half = 1 << max(0, (n - 1).bit_length() - 1)
    # The names of Knuth: p, q, r and d.
    p = half
    while p:
        q = half
        r = 0
        d = p
        while True:
            for i in range(n - d):
                if i & p == r:
                    _compare_and_exchange(stack[i], stack[i + d])
            if q == p:
                break
            d = q - p
            q //= 2
            r = p
        p //= 2
    return stack


def _compare_and_exchange(low: UInt8, high: UInt8) -> None:
    """Write the lower values of two images into `low` and the higher ones into `high`."""
    lower = np.minimum(low, high)
    np.maximum(low, high, out=high)
    low[...] = lower


def _replace_resting_animals(
    low: UInt8, median: UInt8, high: UInt8, uncertain: NDArray[np.bool_], threshold: UInt8
) -> UInt8:
    """Return the median with the darker or brighter alternative in regions where that fits better.

    An alternative fits better if it is nearer to what inpainting from the surroundings gives.
    """
    mask = uncertain.astype(np.uint8)
    inpainted = cv2.inpaint(median, mask, _INPAINT_RADIUS_PX, cv2.INPAINT_TELEA)
    background = median.copy()
    for alternative in (low, high):
        difference = _max_over_channels(cv2.absdiff(alternative, background))
        differs = uncertain & (difference > threshold)
        _, regions = cv2.connectedComponents(differs.astype(np.uint8))
        current_error = _sum_errors(regions, background, inpainted)
        alternative_error = _sum_errors(regions, alternative, inpainted)
        is_better = alternative_error < _MAX_ERROR_RATIO * current_error
        is_better[0] = False  # label 0 is what belongs to no region
        replaced = is_better[regions]
        background[replaced] = alternative[replaced]
    return background


def _sum_errors(regions: NDArray[np.int32], image: UInt8, inpainted: UInt8) -> NDArray[np.floating]:
    """Return the sum of absolute differences ``(n_regions,)`` of two images in each region."""
    error = _max_over_channels(cv2.absdiff(image, inpainted))
    return np.asarray(np.bincount(regions.ravel(), error.ravel()), np.float64)


def _clean_and_dilate(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Remove specks below 3x3 pixels, then grow what remains by 4 pixels."""
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    dilated: NDArray[np.bool_] = cv2.dilate(opened, np.ones((9, 9), np.uint8)) > 0
    return dilated


def _max_over_channels(image: UInt8) -> UInt8:
    """Return the maximum ``(h, w)`` over the three channels of an image ``(h, w, 3)``."""
    red, green, blue = cv2.split(image)
    maximum: UInt8 = cv2.max(cv2.max(red, green), blue)
    return maximum

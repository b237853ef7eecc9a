"""The empty scene, learnt from frames spread over a video, and how a picture differs from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.core.types import UInt8

_LOWEST_THRESHOLD = 8.0  # grey levels; compression and sensor noise of a clean video stay below
_NOISE_FACTOR = 5.0  # deviations of the noise that a pixel must differ by
_MOST_DOUBT = 0.5  # of the picture: beyond, it is the camera or the light that changes
_MOST_CHANGE = 0.4  # of the picture: more differs only where the camera moves
_RESTING_SHARE = (
    0.2  # of the frames: from here on, the rarer look of a pixel may be the empty scene
)
_BETTER = 0.8  # times the median's: how much nearer to its surroundings another look must be
_INPAINT_RADIUS = 5  # pixels


@dataclass(frozen=True, eq=False, slots=True)
class BackgroundModel:
    """The scene without animals.

    Attributes
    ----------
    image : ndarray
        ``(h, w, 3)`` uint8 RGB.
    threshold : ndarray
        ``(h, w)`` uint8 grey levels by which a pixel must differ to be called foreground.
    """

    image: UInt8
    threshold: UInt8

    def compute_difference(self, image: UInt8) -> UInt8:
        """Largest difference ``(h, w)`` uint8 over the colours, after removing what all of the picture shares."""
        coarse = (slice(None, None, 8), slice(None, None, 8))
        differences = image[coarse].astype(np.int16) - self.image[coarse]
        shift = np.median(np.ascontiguousarray(differences.reshape(-1, 3).T), axis=1)
        lit = cv2.add(self.image, (*shift.tolist(), 0.0)) if shift.any() else self.image
        return _max_over_colours(cv2.absdiff(image, lit))


def fit_background_model(images: Sequence[UInt8]) -> BackgroundModel:
    """Learn the empty scene: the median of each pixel, mended where an animal rested.

    An animal that lies in one place for more than half of the frames becomes part of a median.
    Where the frames show two looks of a region, the one that better continues the undoubted scene
    around it is taken. An animal that stays in place in more than 80 % of the frames is taken for a
    part of the scene.

    Parameters
    ----------
    images : sequence of ndarray
        Pictures ``(h, w, 3)`` uint8 of one size, spread over the video.
    """
    low, middle, high = _compute_looks(images)
    deviations = np.stack([_max_over_colours(cv2.absdiff(image, middle)) for image in images])
    threshold = _compute_threshold(deviations)
    doubtful = _grow((deviations > threshold).mean(axis=0) >= _RESTING_SHARE)
    if 0 < doubtful.mean() < _MOST_DOUBT:
        return BackgroundModel(_mend(low, middle, high, doubtful, threshold), threshold)
    return BackgroundModel(middle, threshold)


def fit_static_background(images: Sequence[UInt8]) -> BackgroundModel | None:
    """Learn the empty scene as `fit_background_model` does; None where sizes differ or the camera moves."""
    if len({image.shape for image in images}) != 1:
        return None
    background = fit_background_model(images)
    changed = [
        (background.compute_difference(image) > background.threshold).mean() for image in images
    ]
    return None if np.median(changed) > _MOST_CHANGE else background


def _compute_looks(images: Sequence[UInt8]) -> tuple[UInt8, UInt8, UInt8]:
    """Darker, median and brighter look of each pixel: quantiles of which at least a tenth of the frames is beyond."""
    ordered = sort_pictures(np.stack(images))
    low, middle, high = (
        ordered[round(share * (len(images) - 1))].copy() for share in (0.1, 0.5, 0.9)
    )
    return low, middle, high


def _compute_threshold(deviations: UInt8) -> UInt8:
    # Median absolute deviation; 1.4826 makes it a standard deviation for normal noise (Hampel
    # 1974).
    ordered, n = sort_pictures(deviations.copy()), len(deviations)
    noise = np.float32(1.4826 / 2) * (ordered[(n - 1) // 2].astype(np.float32) + ordered[n // 2])
    smooth = cv2.medianBlur(np.minimum(noise, 255).astype(np.uint8), 5).astype(np.float32)
    typical = np.float32(np.median(noise))
    # Where animals come and go the deviation is not noise, so no pixel counts as more than twice as
    # noisy as most.
    levels = np.clip(_NOISE_FACTOR * np.minimum(smooth, 2 * typical), _LOWEST_THRESHOLD, 255)
    return np.asarray(levels, np.uint8)


def sort_pictures(stack: UInt8) -> UInt8:
    """Sort in place along the first axis, whole pictures at a time: a tenth of the time of `numpy.sort`.

    Batcher's merge exchange (Knuth, The Art of Computer Programming, volume 3, algorithm 5.2.2M).
    """
    n = len(stack)
    half = 1 << max(0, (n - 1).bit_length() - 1)
    apart = half
    while apart:
        reach, distance, part = half, apart, 0
        while True:
            for i in range(n - distance):
                if i & apart == part:
                    _exchange(stack[i], stack[i + distance])
            if reach == apart:
                break
            reach, distance, part = reach // 2, reach - apart, apart
        apart //= 2
    return stack


def _exchange(low: UInt8, high: UInt8) -> None:
    lower = np.minimum(low, high)
    np.maximum(low, high, out=high)
    low[...] = lower


def _mend(
    low: UInt8, middle: UInt8, high: UInt8, doubtful: NDArray[np.bool_], threshold: UInt8
) -> UInt8:
    """Replace each doubtful region by the rarer look, darker or brighter, if that continues what is around it."""
    around = cv2.inpaint(middle, doubtful.astype(np.uint8), _INPAINT_RADIUS, cv2.INPAINT_TELEA)
    scene = middle.copy()
    for look in (low, high):
        differs = doubtful & (_max_over_colours(cv2.absdiff(look, scene)) > threshold)
        before, after = (_max_over_colours(cv2.absdiff(image, around)) for image in (scene, look))
        _, regions = cv2.connectedComponents(differs.astype(np.uint8))
        error_before, error_after = (
            np.bincount(regions.ravel(), error.ravel()) for error in (before, after)
        )
        better = error_after < _BETTER * error_before
        better[0] = False  # the label of what is in no region
        scene[better[regions]] = look[better[regions]]
    return scene


def _grow(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    specks_gone = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    grown: NDArray[np.bool_] = cv2.dilate(specks_gone, np.ones((9, 9), np.uint8)) > 0
    return grown


def _max_over_colours(image: UInt8) -> UInt8:
    red, green, blue = cv2.split(image)
    highest: UInt8 = cv2.max(cv2.max(red, green), blue)
    return highest

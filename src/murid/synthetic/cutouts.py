"""Real animals filmed alone, cut out of their background: material for composed scenes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.synthetic.sprite import Sprite

UInt8 = NDArray[np.uint8]

_LONGEST_TIP = 1.2  # half widths of the body: a snout, an ear or a foot
_FAINT, _FAINTEST = (
    0.15,
    0.5,
)  # of the contrast and of the threshold: the rim of the body, a pale snout or ear
_RIM = 0.15  # half widths of the body: how wide that is


def compute_median_background(images: Sequence[UInt8]) -> UInt8:
    """Background of a static camera: the median of ``(h, w, 3)`` uint8 pictures spread over the recording."""
    return np.asarray(np.median(np.stack(images), axis=0), np.uint8)


@dataclass(frozen=True)
class Found:
    """The animal in a picture: cut out, and its box ``(4,)`` float32 xyxy pixels, without tail, with its faint rim."""

    sprite: Sprite
    box: NDArray[np.float32]


def cut_out_animal(
    image: UInt8, place: UInt8, threshold: int = 28, margin_px: int = 6
) -> Sprite | None:
    """Cut the one animal out of a picture, as `find_animal` does."""
    found = find_animal(image, place, threshold, margin_px)
    return None if found is None else found.sprite


def find_animal(
    image: UInt8, place: UInt8, threshold: int = 28, margin_px: int = 6
) -> Found | None:
    """Find the one animal in a picture.

    Parameters
    ----------
    image, place : ndarray
        ``(h, w, 3)`` uint8 RGB: the picture, and the same view without the animal.
    threshold : int
        Least difference from the background, in grey levels.
    margin_px : int
        Rim kept around the animal.

    Returns
    -------
    Found or None
        None where no animal stands clear of the picture's edge.
    """
    red, green, blue = cv2.split(cv2.absdiff(image, place))
    difference = cv2.max(cv2.max(red, green), blue)
    difference = np.asarray(cv2.GaussianBlur(difference, (0, 0), 1.0), np.uint8)
    contrast = (
        float(np.percentile(difference[difference > threshold], 75))
        if (difference > threshold).any()
        else 0.0
    )
    mask = (difference > max(threshold, 0.45 * contrast)).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count < 2:
        return None
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    left, top, width, height, area = (int(v) for v in stats[largest])
    if (
        area < 150
        or left < 2
        or top < 2
        or left + width > image.shape[1] - 2
        or top + height > image.shape[0] - 2
    ):
        return None
    m = margin_px
    window = np.s_[max(0, top - m) : top + height + m, max(0, left - m) : left + width + m]
    animal = (labels[window] == largest).astype(np.uint8)
    body = _drop_tail(animal)
    if body.sum() < 0.5 * area:
        return None
    alpha = np.asarray(cv2.GaussianBlur(animal.astype(np.float32), (0, 0), 0.8), np.float32)
    ys, xs = np.nonzero(body)
    origin = np.array([xs.mean(), ys.mean()], np.float32)
    sprite = Sprite(
        image[window].astype(np.float32) / np.float32(255), alpha, body.astype(np.float32), origin
    )
    faint = difference[window] > max(_FAINTEST * threshold, _FAINT * contrast)
    ys, xs = np.nonzero(body | (faint & (_grow(body) > 0)))
    box = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1], np.float32)
    return Found(sprite, box + np.array([window[1].start, window[0].start] * 2, np.float32))


def _grow(body: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The body and the rim around it."""
    half_width = float(cv2.distanceTransform(body, cv2.DIST_L2, 3).max())
    size = 2 * max(1, round(_RIM * half_width)) + 1
    return np.asarray(
        cv2.dilate(body, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))), np.uint8
    )


def _drop_tail(animal: NDArray[Any]) -> NDArray[np.uint8]:
    """Largest part that survives an opening as wide as two thirds of the body's half width, with its snout and ears.

    What the opening took away is given back where it is short; the tail is long.
    """
    half_width = float(cv2.distanceTransform(animal, cv2.DIST_L2, 3).max())
    size = max(3, 2 * int(0.45 * half_width) + 1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    opened = cv2.morphologyEx(animal, cv2.MORPH_OPEN, disc)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(opened)
    if count < 2:
        return np.zeros_like(animal)
    body = labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    _, tips, stats, _ = cv2.connectedComponentsWithStats(
        (animal > 0).astype(np.uint8) & (opened == 0)
    )
    short = (
        np.hypot(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
        < _LONGEST_TIP * half_width
    )
    near = np.unique(tips[cv2.dilate(body.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0])
    given_back = np.zeros(len(stats), bool)
    given_back[near] = short[near]
    given_back[0] = False
    return np.asarray(body | given_back[tips], np.uint8)

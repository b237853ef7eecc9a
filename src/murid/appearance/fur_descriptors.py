"""What the fur of an animal looks like up close: its fine pattern, unrolled along the body.

A pattern far below the noise of one picture shows in the mean of many, but only if they lie on top
of each other to the pixel. The outline tells where the body is, which way it lies and how it is
bent, that well.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.core.types import Float32, Float64, UInt8
from murid.video.background_model import BackgroundModel

LENGTH, WIDTH = 28, 16
"""Pixels of a print, from rump to snout and across."""
DESCRIPTOR_SIZE = LENGTH * WIDTH
_HALF_WIDTH = 0.27  # bodies, of a print
_COARSE = 0.05  # bodies: what changes over more than this is light and posture
_RIM = 0.03  # bodies next to the outline that are left out
_TAIL = 0.06  # bodies: half the width of what belongs to the body
_CONTRAST = 0.5  # of the body's difference from the empty scene, below which it is shadow
_MARGIN = 0.15  # bodies around a box
_SLACK = 0.05  # bodies by which an animal may reach out of its box
_MOST_BEYOND = 0.05  # of its area that may lie further out, before it is taken for two that touch
_LEAST_SOLID = 0.85  # of its convex hull that a body fills
_LEAST_AREA = 0.05  # square bodies
_MOST_LEVEL = 2.5  # deviations that a value may be from the middle


@dataclass(frozen=True, eq=False, slots=True)
class _Pose:
    """Where a body lies in its patch: a parabola along its middle, from rump to snout.

    Its axes are `centre` and the unit vector `along` ``(2,)``; `ends` ``(2,)`` are where the body
    begins and ends on it, and `bend` ``(3,)`` the polynomial that says how far to the side of it
    the middle is.
    """

    centre: Float64
    along: Float64
    ends: Float64
    bend: Float64


def compute_fur_descriptors(
    image: UInt8,
    boxes: Float32,
    background: BackgroundModel,
    body_px: float,
    others: Float32 | None = None,
) -> Float32:
    """Take the prints of animals in one picture.

    Parameters
    ----------
    image : ndarray
        ``(h, w, 3)`` uint8 RGB.
    boxes : ndarray
        ``(n, 4)`` float32 xyxy pixels.
    background : Backdrop
        The empty scene, of the size of the picture.
    body_px : float
        Usual length of a box.
    others : ndarray, optional
        ``(m, 4)`` float32 boxes of all animals in the picture, `boxes` among them or not: what is
        nearer to the middle of one of these is not of the animal at hand.

    Returns
    -------
    ndarray
        ``(n, DESCRIPTOR_SIZE)`` float32, 0 where there is no body; NaN where no animal stands out.
    """
    fur_descriptors = np.full((len(boxes), DESCRIPTOR_SIZE), np.nan, np.float32)
    height, width = image.shape[:2]
    margin = _MARGIN * body_px
    for k, (left, top, right, bottom) in enumerate(boxes):
        x0, y0 = max(0, round(float(left - margin))), max(0, round(float(top - margin)))
        x1, y1 = (
            min(width, round(float(right + margin))),
            min(height, round(float(bottom + margin))),
        )
        if min(x1 - x0, y1 - y0) < 8:
            continue
        place = slice(y0, y1), slice(x0, x1)
        corner = np.array([x0, y0, x0, y0], np.float32)
        box = boxes[k] - corner
        own = None if others is None else _find_own(image[place].shape[:2], box, others - corner)
        body = _find_body(image[place], background.image[place], body_px, own)
        if body.sum() < _LEAST_AREA * body_px**2 or not _is_alone(body, box, body_px):
            continue
        fur_descriptors[k] = _unroll(
            _take_fur(image[place], body, body_px), _find_pose(body), body_px
        ).ravel()
    return fur_descriptors


def _find_own(shape: tuple[int, int], box: Float32, others: Float32) -> NDArray[np.bool_]:
    """Which pixels ``(h, w)`` are nearer to the middle of a box than to that of another, in halves of their sides."""
    y, x = np.arange(shape[0])[:, None] + 0.5, np.arange(shape[1]) + 0.5

    def measure(left: float, top: float, right: float, bottom: float) -> Float64:
        far = ((2 * x - left - right) / (right - left)) ** 2 + (
            (2 * y - top - bottom) / (bottom - top)
        ) ** 2
        return np.asarray(far, np.float64)

    distances = measure(*box.tolist())
    near = (others[:, :2] < shape[::-1]).all(axis=1) & (others[:, 2:] > 0).all(axis=1)
    near &= (np.abs(others - box) > 0.5).any(axis=1)
    own = np.ones(shape, bool)
    for other in others[near].tolist():
        own &= distances <= measure(*other)
    return own


def _find_body(patch: UInt8, empty: UInt8, body_px: float, own: NDArray[np.bool_] | None) -> UInt8:
    """Mask ``(h, w)`` of the animal in the middle of a patch, without its tail and what is not its `own`."""
    difference = cv2.absdiff(patch, empty).max(axis=2)
    middle = tuple(slice(n // 3, n - n // 3) for n in difference.shape)
    mask = (difference > max(8.0, _CONTRAST * float(np.median(difference[middle])))).astype(
        np.uint8
    )
    if own is not None:
        mask &= own
    size = 2 * max(1, round(_TAIL * body_px)) + 1
    mask = cv2.morphologyEx(
        mask, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    )
    _, labels = cv2.connectedComponents(mask)
    counts = np.bincount(labels[middle].ravel(), minlength=2)
    counts[0] = 0
    return np.asarray((labels == counts.argmax()) & (mask > 0), np.uint8)


def _is_alone(body: UInt8, box: Float64, body_px: float) -> bool:
    """Whether a mask is of one whole animal: it stays within its box, and is as round as a body."""
    y, x = np.nonzero(body)
    points = np.column_stack([x, y])
    beyond = np.maximum(box[:2] - points, points - box[2:]).max(axis=1) > _SLACK * body_px
    hull = cv2.contourArea(cv2.convexHull(points.astype(np.int32)))
    return bool(beyond.mean() <= _MOST_BEYOND and len(points) >= _LEAST_SOLID * hull)


def _find_pose(body: UInt8) -> _Pose:
    """Axis of the outline, the thin end taken for the snout, and the middles across it."""
    y, x = np.nonzero(body)
    points = np.column_stack([x, y]).astype(np.float64)
    centre = points.mean(axis=0)
    along = np.linalg.eigh(np.cov((points - centre).T))[1][:, 1]
    if (((points - centre) @ along) ** 3).mean() < 0:
        along = -along
    a, across = ((points - centre) @ axis for axis in (along, _turn(along)))
    slices = np.round(a - a.min()).astype(np.int64)
    counts = np.bincount(slices)
    some = counts > 0
    middles = np.bincount(slices, across)[some] / counts[some]
    bend = np.polynomial.polynomial.polyfit(
        a.min() + np.flatnonzero(some), middles, 2, w=counts[some]
    )
    return _Pose(centre, along, np.array([a.min(), a.max()]), bend)


def _turn(axis: Float64) -> Float64:
    return np.stack([-axis[..., 1], axis[..., 0]], axis=-1)


def _take_fur(patch: UInt8, body: UInt8, body_px: float) -> Float32:
    """Fine pattern ``(h, w)`` within the body: deviations from what is around each pixel."""
    rim = 2 * max(1, round(_RIM * body_px)) + 1
    inside = cv2.erode(body, np.ones((rim, rim), np.uint8)).astype(np.float32)
    grey, sigma = patch.astype(np.float32).mean(axis=2), max(1.0, _COARSE * body_px)
    around = cv2.GaussianBlur(grey * inside, (0, 0), sigma) / (
        cv2.GaussianBlur(inside, (0, 0), sigma) + 1e-3
    )
    fur = (grey - around) * inside
    usual = max(1.0, float(np.sqrt((fur**2).sum() / max(1.0, inside.sum()))))
    return np.asarray(np.clip(fur, -_MOST_LEVEL * usual, _MOST_LEVEL * usual), np.float32)


def _unroll(fur: Float32, pose: _Pose, body_px: float) -> Float32:
    """Print ``(WIDTH, LENGTH)`` of a pattern."""
    step = 2 * _HALF_WIDTH * body_px / WIDTH
    smooth = cv2.GaussianBlur(fur, (0, 0), 0.5 * step) if step > 1 else fur
    a = pose.ends[0] + (np.arange(LENGTH) + 0.5) / LENGTH * (pose.ends[1] - pose.ends[0])
    value = np.polynomial.polynomial.polyval
    side, slope = value(a, pose.bend), value(a, np.polynomial.polynomial.polyder(pose.bend))
    across = _turn(pose.along)
    spine = pose.centre + a[:, None] * pose.along + side[:, None] * across
    ahead = pose.along + slope[:, None] * across
    normals = _turn(ahead / np.linalg.norm(ahead, axis=1, keepdims=True))
    ways = step * (np.arange(WIDTH) - (WIDTH - 1) / 2)
    places = (spine + ways[:, None, None] * normals).astype(np.float32)
    return np.asarray(
        cv2.remap(smooth, places[..., 0], places[..., 1], cv2.INTER_LINEAR), np.float32
    )

"""KLT point tracker: points of fur, tracked from frame to frame.

The pyramidal method of Lucas and Kanade (Bouguet 2001) with a forward-backward check (Kalal,
Mikolajczyk and Matas, ICPR 2010). Points are seeded at corners (Shi and Tomasi, CVPR 1994).
"""

from __future__ import annotations

import cv2
import numpy as np

from murid.core.types import Bool, Float32, Int64, UInt8
from murid.video.background_model import BackgroundModel

# Points on each animal: enough for a majority after an occlusion. Time is in proportion.
N_POINTS = 40
# Body length in images in which points are tracked: a compromise of speed and detail.
BODY_PX = 64.0
# Side of the window that is matched, and pyramid levels above the image: they limit how far a point
# may move between two frames.
_WINDOW_PX = 11
_MAX_PYRAMID_LEVEL = 2
# Distance between the start of a point and where backward tracking ends, above which it is lost.
_MAX_FORWARD_BACKWARD_PX = 1.0
# A point is lost if its window changes by more than this many grey levels, and by more than this
# multiple of the median change: another animal that passes over a point drags it along.
_MIN_LOST_CHANGE = 1.0
_MAX_RELATIVE_CHANGE = 3.0
# Points are seeded where an animal has fewer than this share of `N_POINTS`.
_RESEED_SHARE = 0.7
# Corner detection: distance between points, quality as a share of the best corner's, block size.
_MIN_DISTANCE_PX = 3
_MIN_CORNER_QUALITY = 0.005
_CORNER_BLOCK_PX = 5
# A new point inherits the history of the nearest old one, if it is nearer than this, in body
# lengths.
_MAX_PARENT_DISTANCE = 0.12
# Squared distance from the centre of a box, in halves of its sides, above which a point is on no
# animal. The ellipse in the box is 1.
_MAX_BOX_DISTANCE = 1.3


class PointTracker:
    """Tracks points on animals from one frame to the next.

    Points are numbered from 0. When points are dropped, the others are renumbered.

    Parameters
    ----------
    background : BackgroundModel
        Of the size of the images.
    body_px : float
        Body length in pixels.
    """

    def __init__(self, background: BackgroundModel, body_px: float) -> None:
        self._background = background
        self._body_px = body_px
        self._grey: UInt8 | None = None
        self._is_foreground: Bool = np.zeros((0, 0), bool)
        self._positions: Float32 = np.zeros((0, 2), np.float32)

    def __len__(self) -> int:
        return len(self._positions)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the images, ``(h, w, 3)``."""
        return self._background.image.shape

    def reset(self) -> None:
        """Drop all points at the next image, which does not follow the last one."""
        self._grey = None

    def keep(self, wanted: Bool) -> None:
        """Drop all points ``(n,)`` but some."""
        self._positions = self._positions[wanted]

    def track(self, image: UInt8, boxes: Float32) -> Int64:
        """Move all points to the next image; return the numbers ``(k,)`` of those that are kept.

        Points that are lost, or on no animal, are dropped.

        Parameters
        ----------
        image : ndarray
            ``(h, w, 3)`` uint8 RGB.
        boxes : ndarray
            ``(b, 4)`` float32 xyxy pixels, of all animals.
        """
        previous = self._grey
        grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
        self._grey = grey
        difference = self._background.compute_difference(image)
        self._is_foreground = difference > self._background.threshold
        if previous is None or not len(self):
            self._positions = self._positions[:0]
            return np.zeros(0, np.int64)
        positions, found, change = _track_klt(previous, grey, self._positions)
        # Forward-backward check.
        returned, found_back, _ = _track_klt(grey, previous, positions)
        error = np.hypot(*(returned - self._positions).T)
        good = (error < _MAX_FORWARD_BACKWARD_PX) & found & found_back
        # The image around a point must not change abruptly.
        # OpenCV leaves the change of points that it did not find undefined.
        if good.any():
            median_change = float(np.median(change[good]))
            good &= change <= max(_MIN_LOST_CHANGE, _MAX_RELATIVE_CHANGE * median_change)
        # The point must be in the image, on foreground, and near a box.
        pixels = np.round(positions).astype(np.int64)
        good &= (pixels >= 0).all(axis=1) & (pixels < grey.shape[::-1]).all(axis=1)
        good[good] = self._is_foreground[pixels[good, 1], pixels[good, 0]]
        near_box = _compute_box_distances(positions[good], boxes) < _MAX_BOX_DISTANCE
        good[good] = near_box.any(axis=1)
        self._positions = positions[good]
        return np.flatnonzero(good)

    def find_owners(self, boxes: Float32) -> Int64:
        """Return the only box whose ellipse contains each point ``(n,)``; -1 = none or several."""
        if not len(boxes):
            return np.full(len(self), -1, np.int64)
        inside = _compute_box_distances(self._positions, boxes) < 1
        return np.where(inside.sum(axis=1) == 1, inside.argmax(axis=1), -1)

    def seed(self, boxes: Float32, wanted: Bool) -> Int64:
        """Add points on some of the animals ``(b,)``; return the parents of the new points.

        The parent of a new point is the number of the nearest old point; -1 = none is near.
        """
        parents = [np.zeros(0, np.int64)]
        old = self._positions
        for box in boxes[wanted]:
            new = self._find_corners(box)
            parents.append(self._find_parents(new, old))
            self._positions = np.concatenate([self._positions, new])
        return np.concatenate(parents)

    def _find_corners(self, box: Float32) -> Float32:
        """Return corners ``(k, 2)`` on an animal that has few points, away from these."""
        assert self._grey is not None
        none = np.zeros((0, 2), np.float32)
        n_inside = int((_compute_box_distances(self._positions, box[None]) < 1).sum())
        n_wanted = N_POINTS - n_inside
        size = np.tile(self._grey.shape[::-1], 2)
        left, top, right, bottom = np.clip(np.round(box), 0, size).astype(np.int64).tolist()
        has_enough = n_wanted <= N_POINTS * (1 - _RESEED_SHARE)
        if has_enough or min(right - left, bottom - top) < 2 * _CORNER_BLOCK_PX:
            return none
        # Foreground in the ellipse of the box, away from other points.
        y, x = np.mgrid[top:bottom, left:right]
        pixels = np.stack([x, y], axis=-1).reshape(-1, 2).astype(np.float32)
        inside = (_compute_box_distances(pixels, box[None]) < 1).reshape(y.shape)
        free = (inside & self._is_foreground[top:bottom, left:right]).astype(np.uint8)
        for centre in np.round(self._positions - [left, top]).astype(np.int64).tolist():
            cv2.circle(free, centre, _MIN_DISTANCE_PX, (0,), -1)
        corners = cv2.goodFeaturesToTrack(
            self._grey[top:bottom, left:right],
            n_wanted,
            _MIN_CORNER_QUALITY,
            _MIN_DISTANCE_PX,
            mask=free,
            blockSize=_CORNER_BLOCK_PX,
        )
        if corners is None:
            return none
        return np.asarray(corners[:, 0] + np.array([left, top]), np.float32)

    def _find_parents(self, new: Float32, old: Float32) -> Int64:
        """Return the nearest old point of each new one ``(k,)``; -1 = none is near."""
        if not len(old):
            return np.full(len(new), -1, np.int64)
        distances = np.hypot(*np.moveaxis(new[:, None] - old, -1, 0))
        is_near = distances.min(axis=1) < _MAX_PARENT_DISTANCE * self._body_px
        return np.where(is_near, distances.argmin(axis=1), -1)


def _track_klt(previous: UInt8, image: UInt8, positions: Float32) -> tuple[Float32, Bool, Float32]:
    """Track points ``(n, 2)``; return positions, whether found, and the change of their windows."""
    moved, found, change = cv2.calcOpticalFlowPyrLK(
        previous,
        image,
        positions[:, None],
        None,
        winSize=(_WINDOW_PX, _WINDOW_PX),
        maxLevel=_MAX_PYRAMID_LEVEL,
    )
    return moved[:, 0], found[:, 0] > 0, change[:, 0]


def _compute_box_distances(points: Float32, boxes: Float32) -> Float32:
    """Return squared distances ``(n, b)`` of points from box centres, in halves of the sides."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    half_sides = np.maximum((boxes[:, 2:] - boxes[:, :2]) / 2, 1)
    offsets = (points[:, None] - centres) / half_sides
    return np.asarray(np.square(offsets).sum(axis=2), np.float32)

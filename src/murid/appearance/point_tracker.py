"""Points of fur, followed from picture to picture by their surroundings.

The pyramidal method of Lucas and Kanade (Bouguet 2001), forward and back again: a point that does
not come home was lost (Kalal, Mikolajczyk and Matas, ICPR 2010). Points are sown where the fur has
corners (Shi and Tomasi, CVPR 1994).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.core.types import Float32, Int64, UInt8
from murid.video.background_model import BackgroundModel

N_POINTS = 40
"""Points on each animal."""
BODY_PX = 64.0
"""Length of a body in pictures in which points are followed well and fast."""
_WINDOW = 11  # pixels, as are the next three
_FURTHEST_HOME = 1.0
_APART = 3
_LEAST_CHANGE = 1.0  # grey levels
_MOST_CHANGE = 3.0  # times what is usual
_MOST_LEVELS = 2  # of the pyramid, above the picture
_FEW = 0.7  # of the points, below which more are sown
_LEAST_CORNER = 0.005  # of the best corner
_KIN = 0.12  # bodies to the nearest point, of which a new one is an heir
_REACH = 1.3  # squared halves of a box's sides beyond which a point is on no animal
_BLOCK = 5


class PointTracker:
    """Points on animals, from one picture to the next.

    Parameters
    ----------
    background : Backdrop
        The empty scene, of the size of the pictures.
    body_px : float
        Usual length of a box.
    """

    def __init__(self, background: BackgroundModel, body_px: float) -> None:
        self._backdrop = background
        self._body_px = body_px
        self._grey: UInt8 | None = None
        self._standing: NDArray[np.bool_] = np.zeros((0, 0), bool)
        self._places: Float32 = np.zeros((0, 2), np.float32)

    def __len__(self) -> int:
        return len(self._places)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the pictures, ``(h, w, 3)``."""
        return self._backdrop.image.shape

    def forget(self) -> None:
        """Forget all points, since the next picture does not follow the last one."""
        self._grey = None

    def keep(self, wanted: NDArray[np.bool_]) -> None:
        """Forget all points ``(n,)`` but some."""
        self._places = self._places[wanted]

    def follow(self, image: UInt8, boxes: Float32) -> Int64:
        """Move all points on to the next picture; gives the places ``(k,)`` of those that are still on an animal."""
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        self._standing = self._backdrop.compute_difference(image) > self._backdrop.threshold
        before, self._grey = self._grey, np.asarray(grey, np.uint8)
        if before is None or not len(self):
            self._places = self._places[:0]
            return np.zeros(0, np.int64)
        size, top = (_WINDOW, _WINDOW), _MOST_LEVELS
        places, found, change = cv2.calcOpticalFlowPyrLK(
            before, grey, self._places[:, None], None, winSize=size, maxLevel=top
        )
        home, found_home, _ = cv2.calcOpticalFlowPyrLK(
            grey, before, places, None, winSize=size, maxLevel=top
        )
        near = np.hypot(*(home[:, 0] - self._places).T) < _FURTHEST_HOME
        places = places[:, 0]
        pixels = np.round(places).astype(np.int64)
        good = near & (found[:, 0] > 0) & (found_home[:, 0] > 0)
        # What passes over a point drags it along, and is not what was around it before.
        good &= change[:, 0] <= max(_LEAST_CHANGE, _MOST_CHANGE * float(np.median(change)))
        good &= (pixels >= 0).all(axis=1) & (pixels < grey.shape[::-1]).all(axis=1)
        good[good] = self._standing[pixels[good, 1], pixels[good, 0]]
        good[good] = (_measure(places[good], boxes) < _REACH).any(axis=1)
        self._places = places[good]
        return np.flatnonzero(good)

    def find_owners(self, boxes: Float32) -> Int64:
        """The only box in whose ellipse each point ``(n,)`` lies; -1 = none or several."""
        inside = _measure(self._places, boxes) < 1
        if not len(boxes):
            return np.full(len(self), -1, np.int64)
        return np.where(inside.sum(axis=1) == 1, inside.argmax(axis=1), -1)

    def seed(self, boxes: Float32, wanted: NDArray[np.bool_]) -> Int64:
        """Sow points on the animals ``(b,)`` that want some; gives the point next to each new one, -1 = none near."""
        parents = [np.zeros(0, np.int64)]
        old = self._places
        for box in boxes[wanted]:
            new = self._find_corners(box)
            parents.append(self._find_parents(new, old))
            self._places = np.concatenate([self._places, new])
        return np.concatenate(parents)

    def _find_corners(self, box: Float32) -> Float32:
        assert self._grey is not None
        n = N_POINTS - int((_measure(self._places, box[None]) < 1).sum())
        x0, y0, x1, y1 = (
            np.clip(np.round(box), 0, np.tile(self._grey.shape[::-1], 2)).astype(np.int64).tolist()
        )
        none = np.zeros((0, 2), np.float32)
        if n <= N_POINTS * (1 - _FEW) or min(x1 - x0, y1 - y0) < 2 * _BLOCK:
            return none
        y, x = np.mgrid[y0:y1, x0:x1]
        inside = (
            _measure(np.stack([x, y], axis=-1).reshape(-1, 2).astype(np.float32), box[None]) < 1
        )
        free = (inside.reshape(y1 - y0, x1 - x0) & self._standing[y0:y1, x0:x1]).astype(np.uint8)
        for place in np.round(self._places - [x0, y0]).astype(np.int64).tolist():
            cv2.circle(free, place, _APART, (0,), -1)
        corners = cv2.goodFeaturesToTrack(
            self._grey[y0:y1, x0:x1], n, _LEAST_CORNER, _APART, mask=free, blockSize=_BLOCK
        )
        return none if corners is None else (corners[:, 0] + np.array([x0, y0])).astype(np.float32)

    def _find_parents(self, new: Float32, old: Float32) -> Int64:
        if not len(old):
            return np.full(len(new), -1, np.int64)
        distances = np.hypot(*np.moveaxis(new[:, None] - old, -1, 0))
        nearest = distances.argmin(axis=1)
        return np.where(distances.min(axis=1) < _KIN * self._body_px, nearest, -1)


def _measure(places: Float32, boxes: Float32) -> Float32:
    """Squared distances ``(n, b)`` of points from the middles of boxes, in halves of their sides."""
    middles, halves = (
        (boxes[:, :2] + boxes[:, 2:]) / 2,
        np.maximum((boxes[:, 2:] - boxes[:, :2]) / 2, 1),
    )
    return np.asarray(np.square((places[:, None] - middles) / halves).sum(axis=2), np.float32)

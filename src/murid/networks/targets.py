"""Training targets of the heads: peaks, offsets, sizes and keypoints of the true animals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from murid.core.keypoints import KEYPOINTS
from murid.core.types import Float32, Float64, Int64
from murid.errors import ArrayError
from murid.networks.presets import STRIDE, BoxMode


@dataclass(frozen=True, eq=False, slots=True)
class Targets:
    """Training targets of a batch; N is the number of boxes in all its images.

    Attributes
    ----------
    heatmap : Tensor
        ``(B, C, H / 4, W / 4)`` float32 in [0, 1], exactly 1 at centres.
    cells : Tensor
        ``(3, N)`` int64: image, row and column of each centre.
    offset : Tensor
        ``(N, 2)`` float32: centre within its cell, x and y, in cells.
    size : Tensor
        ``(N, 2 | 4)`` float32: width and height, or distances to left, top, right and bottom, in
        cells.
    keypoints : Tensor
        ``(N, 3, 2)`` float32: displacement of each keypoint from the corner of the cell, x and y,
        in diagonals of the box; NaN = unknown.
    """

    heatmap: torch.Tensor
    cells: torch.Tensor
    offset: torch.Tensor
    size: torch.Tensor
    keypoints: torch.Tensor

    def to(self, device: torch.device) -> Targets:
        """Return the targets on a device."""
        return self._map(lambda values: values.to(device, non_blocking=True))

    def pin_memory(self) -> Targets:
        """Return the targets in memory from which a GPU copies while it computes."""
        return self._map(torch.Tensor.pin_memory)

    def _map(self, convert: Callable[[torch.Tensor], torch.Tensor]) -> Targets:
        return Targets(
            heatmap=convert(self.heatmap),
            cells=convert(self.cells),
            offset=convert(self.offset),
            size=convert(self.size),
            keypoints=convert(self.keypoints),
        )


def gaussian_radius(width: Float64, height: Float64, min_overlap: float = 0.7) -> Float64:
    """Return the radius of the Gaussian peak of a box, as published (CornerNet, section 3.2).

    Parameters
    ----------
    width, height : ndarray
        ``(n,)`` sides of the boxes in cells.
    min_overlap : float
        IoU with the true box that a box shifted by the radius is meant to keep. A larger value
        gives narrower peaks.

    Returns
    -------
    ndarray
        ``(n,)`` float64 in cells, not rounded.

    Notes
    -----
    CornerNet, CenterNet and FairMOT use the wrong root of their quadratic equations, so the
    published radius is 3 to 3.5 times the geometric one. It is kept, because the geometric radius
    is zero for small animals, which then have a single positive cell.
    """
    side_sum = width + height
    area = width * height
    linear = min_overlap * side_sum
    constant = 4 * min_overlap * (1 - min_overlap) * area
    radius: Float64 = np.sqrt(linear**2 + constant) - linear
    return radius


def make_targets(
    boxes: Sequence[NDArray[Any]],
    height: int,
    width: int,
    *,
    box_mode: BoxMode,
    labels: Sequence[Int64] | None = None,
    n_classes: int = 1,
    keypoints: Sequence[NDArray[Any]] | None = None,
) -> Targets:
    """Return the training targets of ground-truth boxes.

    Parameters
    ----------
    boxes : sequence of ndarray
        One ``(n, 4)`` array per image, xyxy in input pixels; boxes may extend beyond the image.
    height, width : int
        Size of the images in pixels, multiples of 4.
    box_mode : {"wh", "ltrb"}
        ``"wh"``: centre and size of the box clipped to the image (CenterNet). ``"ltrb"``: distances
        from the centre, clipped to the image, to the sides of the whole box (FairMOT).
    labels : sequence of ndarray, optional
        One ``(n,)`` int64 array per image: the heatmap channel of each box. Default: all 0.
    n_classes : int
        Channels of the heatmap.
    keypoints : sequence of ndarray, optional
        One ``(n, 3, 2)`` array per image, x and y in input pixels, NaN = unknown. Default: all
        unknown.

    Returns
    -------
    Targets

    Raises
    ------
    ArrayError
        If a box is not finite, or has no area inside the image.

    Notes
    -----
    The paper's Eq. 1 lacks the minus sign of the Gaussian and sums over animals, so peaks would
    exceed 1. As in CornerNet and CenterNet, the exponent is negative here and overlapping peaks are
    merged by their maximum.
    """
    # Convert all boxes to cells of the heatmap, and clip them to the image.
    images = np.repeat(np.arange(len(boxes)), [len(b) for b in boxes])
    limits = np.array([width, height, width, height], np.float64) / STRIDE
    sides = np.concatenate([np.zeros((0, 4)), *boxes]).astype(np.float64) / STRIDE
    inside = np.clip(sides, 0, limits)
    _check_boxes(sides, inside)
    if box_mode == "wh":
        sides = inside
    # A centre on the right or lower border belongs to the last cell.
    centres = np.clip((sides[:, :2] + sides[:, 2:]) / 2, 0, limits[:2])
    cells = np.minimum(np.floor(centres), limits[:2] - 1).astype(np.int64)
    size = _compute_sizes(sides, centres, box_mode)
    # Each class has a channel of the heatmap.
    if labels is None:
        channels = np.zeros(len(images), np.int64)
    else:
        channels = np.concatenate([np.zeros(0, np.int64), *labels])
    heatmap = np.zeros((len(boxes), n_classes, height // STRIDE, width // STRIDE), np.float32)
    _draw_peaks(heatmap, images, channels, cells, sides)
    return Targets(
        torch.from_numpy(heatmap),
        torch.from_numpy(np.stack([images, cells[:, 1], cells[:, 0]])),
        torch.from_numpy((centres - cells).astype(np.float32)),
        torch.from_numpy(size.astype(np.float32)),
        torch.from_numpy(_normalise_keypoints(keypoints, cells, sides)),
    )


def _normalise_keypoints(
    keypoints: Sequence[NDArray[Any]] | None, cells: Int64, sides: Float64
) -> Float32:
    """Return displacements ``(n, 3, 2)`` from the cells, in diagonals of the boxes."""
    if keypoints is None:
        return np.full((len(cells), len(KEYPOINTS), 2), np.nan, np.float32)
    points = np.concatenate([np.zeros((0, len(KEYPOINTS), 2)), *keypoints]) / STRIDE
    diagonals = np.hypot(*(sides[:, 2:] - sides[:, :2]).T)
    displacements: Float64 = (points - cells[:, None]) / diagonals[:, None, None]
    return displacements.astype(np.float32)


def _compute_sizes(sides: Float64, centres: Float64, box_mode: BoxMode) -> Float64:
    """Return width and height ``(n, 2)``, or the distances to the four sides ``(n, 4)``."""
    if box_mode == "wh":
        return sides[:, 2:] - sides[:, :2]
    distances: Float64 = np.abs(sides - np.tile(centres, 2))
    return distances


def _check_boxes(sides: Float64, inside: Float64) -> None:
    if not np.isfinite(sides).all():
        raise ArrayError("boxes", "finite numbers", "NaN or infinity")
    if not (inside[:, 2:] > inside[:, :2]).all():
        row = int((inside[:, 2:] <= inside[:, :2]).any(1).argmax())
        raise ArrayError(
            "boxes", "boxes with an area inside the image", np.array2string(sides[row] * STRIDE)
        )


def _draw_peaks(
    heatmap: Float32, images: Int64, channels: Int64, cells: Int64, sides: Float64
) -> None:
    """Draw one Gaussian peak per box into `heatmap`, in place."""
    # CornerNet takes sides rounded up to whole cells.
    extent = np.ceil(sides[:, 2:] - sides[:, :2])
    radii = np.maximum(gaussian_radius(extent[:, 0], extent[:, 1]), 0).astype(np.int64)
    for image, channel, (x, y), radius in zip(images, channels, cells, radii, strict=True):
        _draw_peak(heatmap[image, channel], int(x), int(y), int(radius))


def _draw_peak(plane: Float32, x: int, y: int, radius: int) -> None:
    """Draw a Gaussian of σ = (2r + 1) / 6 on (2r + 1)² cells around (x, y) into `plane`, in place.

    The σ is that of CornerNet: the peak spans three standard deviations to either side.
    """
    # Cells of the peak that lie inside the plane, on each side of the centre.
    height, width = plane.shape
    left = min(x, radius)
    right = min(width - x, radius + 1)
    above = min(y, radius)
    below = min(height - y, radius + 1)
    sigma = (2 * radius + 1) / 6
    profile = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2).astype(np.float32)
    peak = profile[radius - above : radius + below, None] * profile[radius - left : radius + right]
    # Where peaks overlap, the larger value is kept.
    window = plane[y - above : y + below, x - left : x + right]
    np.maximum(window, peak, out=window)

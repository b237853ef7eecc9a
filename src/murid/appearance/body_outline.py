"""Compiled steps of fur descriptors: the outline of a body, its pose, and its pattern.

Coordinates are pixels of a patch that is cut out around one animal.
"""

from __future__ import annotations

import numpy as np

from murid.tracking.compiled.jit import jit

# Boxes whose edges all differ by less are the same box.
_SAME_BOX_PX = 0.5


@jit
def find_foreground(patch, background, box, others, min_contrast, min_contrast_share):
    """Return the pixels that differ from the background and are nearest to the centre of a box.

    Parameters
    ----------
    patch, background : ndarray
        ``(h, w, 3)`` uint8 RGB.
    box : ndarray
        ``(4,)`` float64 xyxy.
    others : ndarray
        ``(m, 4)`` float64 boxes; distances from centres are in halves of the sides of each box.
    min_contrast, min_contrast_share : float
        A pixel must differ by more grey levels than the first, and than this share of the median in
        the middle of the patch.

    Returns
    -------
    ndarray
        ``(h, w)`` uint8, 1 for foreground.
    """
    height, width = patch.shape[:2]
    difference = np.empty((height, width), np.uint8)
    # Histogram of the middle third, for its median.
    counts = np.zeros(256, np.int64)
    top = height // 3
    left = width // 3
    for y in range(height):
        for x in range(width):
            largest = np.int64(0)
            for channel in range(3):
                change = np.int64(patch[y, x, channel]) - np.int64(background[y, x, channel])
                largest = max(largest, abs(change))
            difference[y, x] = largest
            if top <= y < height - top and left <= x < width - left:
                counts[largest] += 1
    threshold = max(min_contrast, min_contrast_share * _find_median(counts))
    mask = (difference > threshold).astype(np.uint8)
    for k in range(len(others)):
        other = others[k]
        is_same = np.abs(other - box).max() <= _SAME_BOX_PX
        is_inside = other[0] < width and other[1] < height and other[2] > 0 and other[3] > 0
        if is_inside and not is_same:
            _remove_nearer(mask, box, other)
    return mask


@jit
def _find_median(counts):
    """Return the median of values 0, 1, … of which there are so many."""
    n = counts.sum()
    low = -1
    n_passed = 0
    for value in range(len(counts)):
        n_passed += counts[value]
        if low < 0 and 2 * n_passed >= n:
            low = value
        if 2 * n_passed > n:
            return (low + value) / 2
    return 0.0


@jit
def _remove_nearer(mask, box, other):
    """Set the pixels to 0, in place, that are nearer to the centre of another box."""
    for y in range(mask.shape[0]):
        own_y = (2 * y + 1 - box[1] - box[3]) / (box[3] - box[1])
        other_y = (2 * y + 1 - other[1] - other[3]) / (other[3] - other[1])
        for x in range(mask.shape[1]):
            own_x = (2 * x + 1 - box[0] - box[2]) / (box[2] - box[0])
            other_x = (2 * x + 1 - other[0] - other[2]) / (other[2] - other[0])
            if own_x**2 + own_y**2 > other_x**2 + other_y**2:
                mask[y, x] = 0


@jit
def select_body(labels, n_labels, box, max_overhang):
    """Return the component with the largest area in the middle of a patch.

    Parameters
    ----------
    labels : ndarray
        ``(h, w)`` int32 connected components; 0 = background.
    n_labels : int
        Number of components, the background included.
    box : ndarray
        ``(4,)`` float64 xyxy.
    max_overhang : float
        Distance in pixels outside the box from which on a pixel is counted.

    Returns
    -------
    body : ndarray
        ``(h, w)`` uint8, 1 for the component.
    extremes : ndarray
        ``(n, 2)`` int32 first and last pixel xy of each row: their convex hull is that of all.
    n_pixels, n_overhanging : int
        Pixels of the component, and those of them that lie outside the box.
    """
    height, width = labels.shape
    areas = np.zeros(n_labels, np.int64)
    for y in range(height // 3, height - height // 3):
        for x in range(width // 3, width - width // 3):
            areas[labels[y, x]] += 1
    areas[0] = 0
    chosen = areas.argmax()
    body = np.zeros((height, width), np.uint8)
    extremes = np.empty((2 * height, 2), np.int32)
    n_extremes = 0
    n_pixels = 0
    n_overhanging = 0
    if areas[chosen] == 0:
        return body, extremes[:0], 0, 0
    for y in range(height):
        first = -1
        last = -1
        for x in range(width):
            if labels[y, x] != chosen:
                continue
            body[y, x] = 1
            n_pixels += 1
            overhang = max(box[0] - x, box[1] - y, x - box[2], y - box[3])
            if overhang > max_overhang:
                n_overhanging += 1
            if first < 0:
                first = x
            last = x
        if first >= 0:
            extremes[n_extremes] = first, y
            extremes[n_extremes + 1] = last, y
            n_extremes += 2
    return body, extremes[:n_extremes], n_pixels, n_overhanging


@jit
def fit_pose(body):
    """Fit the midline of a body, a parabola; its narrow end is taken for the snout.

    Parameters
    ----------
    body : ndarray
        ``(h, w)`` uint8, 1 for the body.

    Returns
    -------
    centre : ndarray
        ``(2,)`` xy origin of the body's axes.
    direction : ndarray
        ``(2,)`` unit vector of the long axis, towards the snout.
    span : ndarray
        ``(2,)``: where the body begins and ends on the long axis.
    bend : ndarray
        ``(3,)`` polynomial of the midline's distance from the long axis, constant term first.
    """
    ys, xs = np.nonzero(body)
    n = len(xs)
    centre = np.array([xs.mean(), ys.mean()])
    # The long axis: the first principal component, towards the longer tail of the distribution.
    xx = 0.0
    xy = 0.0
    yy = 0.0
    for k in range(n):
        x = xs[k] - centre[0]
        y = ys[k] - centre[1]
        xx += x * x
        xy += x * y
        yy += y * y
    angle = 0.5 * np.arctan2(2 * xy, xx - yy)
    direction = np.array([np.cos(angle), np.sin(angle)])
    skewness = 0.0
    for k in range(n):
        along = (xs[k] - centre[0]) * direction[0] + (ys[k] - centre[1]) * direction[1]
        skewness += along**3
    if skewness < 0:
        direction = -direction
    # The middle of each slice across it.
    span = np.array([np.inf, -np.inf])
    for k in range(n):
        along = (xs[k] - centre[0]) * direction[0] + (ys[k] - centre[1]) * direction[1]
        span[0] = min(span[0], along)
        span[1] = max(span[1], along)
    n_slices = int(np.rint(span[1] - span[0])) + 1
    counts = np.zeros(n_slices)
    sums = np.zeros(n_slices)
    for k in range(n):
        x = xs[k] - centre[0]
        y = ys[k] - centre[1]
        slice_number = int(np.rint(x * direction[0] + y * direction[1] - span[0]))
        counts[slice_number] += 1
        sums[slice_number] += y * direction[0] - x * direction[1]
    return centre, direction, span, _fit_parabola(counts, sums, span[0])


@jit
def _fit_parabola(counts, sums, start):
    """Fit a parabola through the middles of slices; each is weighted by the square of its width.

    Slice k lies at position ``start + k``, and holds `counts` pixels with this sum of distances.
    """
    # Positions in units of the length, so that the equations are well conditioned.
    scale = max(1.0, float(len(counts)))
    moments = np.zeros(5)
    right = np.zeros(3)
    for k in range(len(counts)):
        if counts[k] == 0:
            continue
        position = (start + k) / scale
        weight = counts[k] ** 2
        middle = sums[k] / counts[k]
        power = 1.0
        for degree in range(5):
            moments[degree] += weight * power
            if degree < 3:
                right[degree] += weight * power * middle
            power *= position
    matrix = np.empty((3, 3))
    for i in range(3):
        for j in range(3):
            matrix[i, j] = moments[i + j]
        # A body of one or two slices has no bend; this keeps the equations solvable.
        matrix[i, i] += 1e-9 * moments[0]
    bend = np.linalg.solve(matrix, right)
    bend[1] /= scale
    bend[2] /= scale**2
    return bend


@jit
def sample_midline(pattern, centre, direction, span, bend, step, width, length):
    """Resample a pattern along the midline of a body.

    Parameters
    ----------
    pattern : ndarray
        ``(h, w)`` float32; 0 outside.
    centre, direction, span, bend : ndarray
        The pose, as of `fit_pose`.
    step : float
        Pixels between two samples across the body.
    width, length : int
        Number of samples across the body, and from rump to snout.

    Returns
    -------
    ndarray
        ``(width, length)`` float32.
    """
    sampled = np.empty((width, length), np.float32)
    for i in range(length):
        along = span[0] + (i + 0.5) / length * (span[1] - span[0])
        offset = bend[0] + bend[1] * along + bend[2] * along**2
        slope = bend[1] + 2 * bend[2] * along
        # A point of the midline, and the unit normal there; (-y, x) is a quarter turn of (x, y).
        x = centre[0] + along * direction[0] - offset * direction[1]
        y = centre[1] + along * direction[1] + offset * direction[0]
        tangent_x = direction[0] - slope * direction[1]
        tangent_y = direction[1] + slope * direction[0]
        norm = np.hypot(tangent_x, tangent_y)
        for j in range(width):
            distance = step * (j - (width - 1) / 2)
            sampled[j, i] = _interpolate(
                pattern, x - distance * tangent_y / norm, y + distance * tangent_x / norm
            )
    return sampled


@jit
def _interpolate(image, x, y):
    """Return the value of an image between its pixels, by bilinear interpolation; 0 outside."""
    left = int(np.floor(x))
    top = int(np.floor(y))
    value = 0.0
    for row, row_share in ((top, top + 1 - y), (top + 1, y - top)):
        for column, column_share in ((left, left + 1 - x), (left + 1, x - left)):
            if 0 <= row < image.shape[0] and 0 <= column < image.shape[1]:
                value += row_share * column_share * image[row, column]
    return value

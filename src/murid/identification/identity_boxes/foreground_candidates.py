"""Foreground candidates: where an animal that was not detected may be in a frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from murid.core.boxes import compute_areas
from murid.core.records import ArrayRecord
from murid.core.types import Bool, Float64, Int64
from murid.identification.foreground import Foreground

# Smallest part of an animal that counts: a share of the area of its box. Less is a tail, a shadow,
# or an edge of another animal outside its box.
MIN_AREA_SHARE = 0.12
# Distance from the interpolated box, in body lengths, up to which foreground is considered, and the
# boxes of other animals. The animal is inside those only if it is next to them.
MAX_DISTANCE = 1.5
MAX_CONTACT_DISTANCE = 0.5
# A component with a smaller bounding box, as a share of the area of the animal's box, is a part of
# the animal; one with a larger bounding box contains more than the animal.
MIN_BODY_SHARE = 0.5
MAX_BODY_SHARE = 2.0


@dataclass(frozen=True, eq=False, slots=True)
class Components(ArrayRecord):
    """Connected components of the foreground that is not in the box of a detected animal.

    Attributes
    ----------
    boxes : ndarray
        ``(k, 4)`` float64 xyxy pixels.
    areas_px : ndarray
        ``(k,)`` float64 area in square pixels.
    """

    boxes: Float64
    areas_px: Float64


@dataclass(frozen=True, eq=False, slots=True)
class Candidates(ArrayRecord):
    """Boxes in which one animal may be in one frame.

    Attributes
    ----------
    boxes : ndarray
        ``(k, 4)`` float64 xyxy pixels.
    components : ndarray
        ``(k,)`` int64 component that the animal is; -1 = it is in the box of another animal.
    hosts : ndarray
        ``(k,)`` int64 index of that other animal; -1 = none.
    is_cut : ndarray
        ``(k,)`` bool: whether another animal hides a part of the animal.
    """

    boxes: Float64
    components: Int64
    hosts: Int64
    is_cut: Bool


def find_components(foreground: Foreground, explained: Float64) -> Components:
    """Return the components of the foreground outside of the boxes ``(m, 4)`` of animals."""
    mask = foreground.mask.copy()
    for box in explained:
        mask[_to_cells(foreground, box)] = False
    labels, _ = ndimage.label(mask)
    found = ndimage.find_objects(labels)
    width, height = foreground.cell_px
    areas = np.bincount(labels.ravel())[1:].astype(np.float64)
    boxes = [
        (columns.start * width, rows.start * height, columns.stop * width, rows.stop * height)
        for rows, columns in found
    ]
    return Components(np.array(boxes, np.float64).reshape(-1, 4), areas * (width * height))


def compute_foreground_share(foreground: Foreground, box: Float64) -> float:
    """Return the share of a box ``(4,)`` that is foreground."""
    inside = foreground.mask[_to_cells(foreground, box)]
    return float(inside.mean()) if inside.size else 0.0


def find_candidates(
    box: Float64, components: Components, others: Float64, hosts: Int64, body_px: float
) -> Candidates:
    """Return where an animal may be in a frame in which it was not detected.

    Parameters
    ----------
    box : ndarray
        ``(4,)`` float64: its interpolated box.
    components : Components
        Foreground that belongs to no detected animal.
    others, hosts : ndarray
        ``(m, 4)`` float64 boxes of the animals that were detected, and ``(m,)`` their indices.
    body_px : float
        Body length in pixels.
    """
    area = max(float(compute_areas(box[None])[0]), 1.0)
    near = _measure_distances(box, components.boxes) <= MAX_DISTANCE * body_px
    visible = np.flatnonzero(near & (components.areas_px >= MIN_AREA_SHARE * area))
    touched = np.flatnonzero(_measure_distances(box, others) <= MAX_CONTACT_DISTANCE * body_px)
    boxes = []
    is_cut = []
    for component in visible.tolist():
        shaped, cut = _fit_to_component(box, components.boxes[component], others, body_px)
        boxes.append(shaped)
        is_cut.append(cut)
    boxes += [move_inside(box, others[k]) for k in touched.tolist()]
    none = np.full(len(visible), -1)
    return Candidates(
        boxes=np.array(boxes, np.float64).reshape(-1, 4),
        components=np.append(visible, np.full(len(touched), -1)),
        hosts=np.append(none, hosts[touched]),
        is_cut=np.append(np.array(is_cut, bool), np.ones(len(touched), bool)),
    )


def move_inside(box: Float64, outer: Float64) -> Float64:
    """Return a box ``(4,)`` moved, and made smaller where necessary, to lie inside another."""
    size = np.minimum(box[2:] - box[:2], outer[2:] - outer[:2])
    half = size / 2
    centre = np.clip((box[:2] + box[2:]) / 2, outer[:2] + half, outer[2:] - half)
    return np.concatenate([centre - half, centre + half])


def _to_cells(foreground: Foreground, box: Float64) -> tuple[slice, slice]:
    """Return the rows and columns of the cells whose middle lies in a box ``(4,)``."""
    width, height = foreground.cell_px
    left, top, right, bottom = np.maximum(box, 0).tolist()
    return (
        slice(round(top / height), round(bottom / height)),
        slice(round(left / width), round(right / width)),
    )


def _measure_distances(box: Float64, others: Float64) -> Float64:
    """Return the distance in pixels ``(m,)`` from the centre of a box to other boxes."""
    centre = (box[:2] + box[2:]) / 2
    outside = np.maximum(np.maximum(others[:, :2] - centre, centre - others[:, 2:]), 0)
    return np.asarray(np.hypot(outside[:, 0], outside[:, 1]), np.float64)


def _fit_to_component(
    box: Float64, component: Float64, others: Float64, body_px: float
) -> tuple[Float64, bool]:
    """Return the box of an animal of which a component shows all or a part, and whether a part.

    Where a component borders on the box of another animal, that hides the rest of the animal. So
    the component is extended under it, up to the area of the interpolated box.
    """
    size = box[2:] - box[:2]
    area = float(size.prod())
    seen = component[2:] - component[:2]
    if seen.prod() > MAX_BODY_SHARE * area:
        return move_inside(box, component), True
    # How far a part may continue under other animals, on each of the four sides.
    margin = 0.1 * body_px
    reach = np.zeros(4)
    for other in others:
        overlap = np.minimum(component[2:], other[2:]) - np.maximum(component[:2], other[:2])
        if (overlap < -margin).any():
            continue
        # The side on which the boxes touch is the one of the smaller overlap.
        axis = int(np.argmin(overlap))
        is_after = other[axis] + other[axis + 2] > component[axis] + component[axis + 2]
        side = axis + 2 * int(is_after)
        room = other[axis + 2] - component[axis + 2] if is_after else component[axis] - other[axis]
        reach[side] = max(reach[side], float(room))
    is_part = seen.prod() < MIN_BODY_SHARE * area
    if not reach.any():
        # Alone: what is seen is the animal, unless too little of it stands out from the floor.
        return (_extend(component, np.maximum(seen, size), box) if is_part else component), False
    max_side = float(size.max())
    result = component.copy()
    for axis in (0, 1):
        room = reach[axis] + reach[axis + 2]
        wanted = min(max(area / max(float(seen[1 - axis]), 1.0), float(seen[axis])), max_side)
        extra = min(max(wanted - float(seen[axis]), 0.0), room)
        if extra > 0:
            result[axis] -= extra * reach[axis] / room
            result[axis + 2] += extra * reach[axis + 2] / room
    return result, True


def _extend(component: Float64, size: Float64, box: Float64) -> Float64:
    """Return a box of a size ``(2,)`` that contains a component, as near to another box as it can.

    No side is shorter than that of the component.
    """
    half = size / 2
    centre = np.clip((box[:2] + box[2:]) / 2, component[2:] - half, component[:2] + half)
    return np.concatenate([centre - half, centre + half])

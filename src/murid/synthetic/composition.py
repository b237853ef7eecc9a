"""Compose scenes: animals into an enclosure, with shadows, occlusion and the resulting boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.core.types import Bool, Float32, Int64
from murid.synthetic.enclosure import Enclosure
from murid.synthetic.keypoint_truth import drop_outside, make_unknown_keypoints
from murid.synthetic.sprite import Sprite

FULL_BOX_VISIBILITY = 0.6
"""If at least this fraction of a body is visible, its box spans the whole body, as people label
it; otherwise the visible part."""

MIN_VISIBILITY = 0.25
"""An animal of which less than this fraction is visible has no box."""

# A keypoint of a mostly hidden animal is known in the visible part and on its edge: at most this
# share of the diagonal outside of it.
_MAX_OUTSIDE_VISIBLE_PART = 0.02

# Opacity of the cover above which the animals below are not visible.
_MIN_HIDING_ALPHA = 0.7

# Shade that an animal casts on one below it: reach and blur in pixels.
_CONTACT_MARGIN_PX = 3
_CONTACT_BLUR_PX = 1.5

LabelImage = NDArray[np.int16]


@dataclass(frozen=True)
class SceneTruth:
    """Ground truth of one frame.

    Attributes
    ----------
    boxes : ndarray
        ``(n, 4)`` float32 xyxy pixels of the bodies without tails.
    animal_indices : ndarray
        ``(n,)`` int64: which of the placed animals each box belongs to.
    visible_fractions : ndarray
        ``(n,)`` float32 visible fraction of each body.
    labels : ndarray
        ``(h, w)`` int16: index of the animal whose body each pixel shows, -1 for none.
    keypoints : ndarray
        ``(n, 3, 2)`` float32 pixels of nose, centre and tail base, in rows like `boxes`; NaN where
        unknown. A point below another animal is known, unless the box spans the visible part only.
    """

    boxes: Float32
    animal_indices: Int64
    visible_fractions: Float32
    labels: LabelImage
    keypoints: Float32


@dataclass(frozen=True)
class Shadow:
    """Soft shadow under each animal: opacity, blur and displacement, in pixels."""

    strength: float = 0.3
    blur_px: float = 3.0
    shift_px: tuple[float, float] = (2.0, 2.0)


class _Overlap(NamedTuple):
    """Where a patch overlaps a scene: slices of the scene, and of the patch."""

    in_scene: tuple[slice, slice]
    in_patch: tuple[slice, slice]


def compose_scene(
    enclosure: Enclosure,
    sprites: Sequence[Sprite],
    positions: NDArray[Any],
    shadow: Shadow,
    contact_shade: float = 0.3,
    order: Sequence[int] | Int64 | None = None,
    min_cut_visibility: float = MIN_VISIBILITY,
) -> tuple[Float32, SceneTruth]:
    """Place animals into an enclosure, one on top of another.

    Parameters
    ----------
    enclosure : Enclosure
    sprites : sequence of Sprite
    positions : ndarray
        ``(n, 2)`` x, y in pixels at which the origin of each sprite is placed.
    shadow : Shadow
    contact_shade : float
        How much an animal darkens the one beneath it along its outline, from 0 to 1.
    order : sequence of int, optional
        Indices of the animals from the lowest to the topmost. By default as given.
    min_cut_visibility : float
        Like `MIN_VISIBILITY`, for animals that the edge of the image cuts.

    Returns
    -------
    scene : ndarray
        ``(h, w, 3)`` float32 RGB in [0, 1].
    truth : SceneTruth
    """
    scene = enclosure.image.copy()
    height, width = scene.shape[:2]
    labels = np.full((height, width), -1, np.int16)
    areas = np.zeros(len(sprites))
    boxes = np.zeros((len(sprites), 4), np.float32)
    keypoints = make_unknown_keypoints(len(sprites))
    if order is None:
        order = range(len(sprites))
    for index in order:
        sprite = sprites[index]
        left, top = _round_corner(positions[index] - sprite.origin)

        # The floor and the animals below get darker.
        _add_shadow(scene, sprite, left, top, shadow)
        _add_contact_shade(scene, labels, sprite, left, top, contact_shade)

        # The animal covers it.
        overlap = _find_overlap(sprite.alpha.shape, left, top, height, width)
        alpha = sprite.alpha[overlap.in_patch][..., None]
        below = scene[overlap.in_scene]
        image = sprite.image[overlap.in_patch]
        scene[overlap.in_scene] = below * (1 - alpha) + image * alpha

        # Only the body counts for the ground truth, not the tail.
        body = sprite.body > 0.5
        areas[index] = body.sum()
        boxes[index] = _find_bounding_box(body) + np.array([left, top, left, top])
        keypoints[index] = sprite.keypoints + np.array([left, top], np.float32)
        labels[overlap.in_scene][body[overlap.in_patch]] = index

    # Bars and roofs lie above all animals.
    if enclosure.cover_alpha.any():
        cover_alpha = enclosure.cover_alpha[..., None]
        scene = scene * (1 - cover_alpha) + enclosure.cover * cover_alpha
        labels[enclosure.cover_alpha > _MIN_HIDING_ALPHA] = -1
    if enclosure.light is not None:
        scene = scene * enclosure.light[..., None]
    scene = np.asarray(np.clip(scene, 0, 1, out=scene), np.float32)
    return scene, _make_truth(labels, areas, boxes, keypoints, min_cut_visibility)


def _round_corner(corner: NDArray[Any]) -> tuple[int, int]:
    """Return the pixel nearest to a position x, y."""
    return round(float(corner[0])), round(float(corner[1]))


def _find_overlap(shape: tuple[int, ...], left: int, top: int, height: int, width: int) -> _Overlap:
    """Return the overlap of a patch placed at (left, top) with a scene of the given size."""
    x0 = min(max(left, 0), width)
    y0 = min(max(top, 0), height)
    x1 = max(min(left + shape[1], width), x0)
    y1 = max(min(top + shape[0], height), y0)
    in_scene = (slice(y0, y1), slice(x0, x1))
    if x1 == x0 or y1 == y0:
        # Nothing overlaps: slices from 0 keep both parts of the same, empty shape.
        return _Overlap(in_scene, (slice(0, y1 - y0), slice(0, x1 - x0)))
    return _Overlap(in_scene, (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)))


def _add_shadow(scene: Float32, sprite: Sprite, left: int, top: int, shadow: Shadow) -> None:
    """Darken the scene under an animal, in place."""
    if shadow.strength <= 0:
        return
    margin = int(3 * shadow.blur_px) + 1
    soft = cv2.GaussianBlur(_pad(sprite.body, margin), (0, 0), shadow.blur_px) * shadow.strength
    x = left - margin + round(shadow.shift_px[0])
    y = top - margin + round(shadow.shift_px[1])
    overlap = _find_overlap(soft.shape, x, y, *scene.shape[:2])
    scene[overlap.in_scene] *= 1 - soft[overlap.in_patch][..., None]


def _add_contact_shade(
    scene: Float32, labels: LabelImage, sprite: Sprite, left: int, top: int, strength: float
) -> None:
    """Darken the animals below the outline of another one, in place."""
    if strength <= 0:
        return
    margin = _CONTACT_MARGIN_PX
    soft = cv2.GaussianBlur(_pad(sprite.body, margin), (0, 0), _CONTACT_BLUR_PX) * strength
    overlap = _find_overlap(soft.shape, left - margin, top - margin, *scene.shape[:2])
    is_animal = labels[overlap.in_scene] >= 0
    scene[overlap.in_scene] *= 1 - (soft[overlap.in_patch] * is_animal)[..., None]


def _pad(layer: Float32, margin: int) -> Float32:
    """Surround a layer ``(h, w)`` with zeros."""
    padded = cv2.copyMakeBorder(layer, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=0)
    return np.asarray(padded, np.float32)


def _find_bounding_box(mask: Bool) -> Float32:
    """Return the box ``(4,)`` xyxy around a mask ``(h, w)``; zeros if it is empty."""
    ys = np.flatnonzero(mask.any(axis=1))
    xs = np.flatnonzero(mask.any(axis=0))
    if not len(ys):
        return np.zeros(4, np.float32)
    return np.array([xs[0], ys[0], xs[-1] + 1, ys[-1] + 1], np.float32)


def _make_truth(
    labels: LabelImage,
    areas: NDArray[Any],
    boxes: Float32,
    keypoints: Float32,
    min_cut_visibility: float,
) -> SceneTruth:
    """Keep the boxes of animals that are visible enough, and shrink them to the visible part."""
    height, width = labels.shape
    visible_areas = np.bincount(labels[labels >= 0], minlength=len(areas))
    visible_fractions = visible_areas / np.maximum(areas, 1)
    clipped = np.clip(boxes, 0, np.array([width, height, width, height], np.float32))
    is_cut = (clipped != boxes).any(axis=1)
    min_visibility = np.where(is_cut, min_cut_visibility, MIN_VISIBILITY)
    kept = np.flatnonzero(visible_fractions >= min_visibility)
    boxes = clipped
    shrunk = kept[visible_fractions[kept] < FULL_BOX_VISIBILITY]
    for index in shrunk:
        boxes[index] = _find_bounding_box(labels == index)
    keypoints = drop_outside(keypoints, boxes, width, height)
    keypoints[shrunk] = drop_outside(
        keypoints[shrunk], boxes[shrunk], width, height, _MAX_OUTSIDE_VISIBLE_PART
    )
    return SceneTruth(
        boxes[kept].astype(np.float32),
        kept.astype(np.int64),
        visible_fractions[kept].astype(np.float32),
        labels,
        keypoints[kept],
    )

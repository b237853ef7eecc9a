"""Animals into an arena: shadows, overlap, what stays visible, and the boxes that follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.synthetic.enclosure import Enclosure
from murid.synthetic.sprite import Sprite

Float = NDArray[np.float32]

FULL_BOX_VISIBILITY = 0.6
"""Above this visible share the box spans the whole body; below, the visible part."""
MIN_VISIBILITY = 0.25
"""An animal seen less than this has no box."""


@dataclass(frozen=True)
class SceneTruth:
    """What is known of the animals in one frame.

    Attributes
    ----------
    boxes : ndarray
        ``(n, 4)`` float32 xyxy pixels of the bodies without tails.
    animal_indices : ndarray
        ``(n,)`` int64: which of the placed animals each box belongs to.
    visible_fractions : ndarray
        ``(n,)`` float32 visible share of each body.
    labels : ndarray
        ``(h, w)`` int16: which of the placed animals' bodies each pixel shows, -1 none.
    """

    boxes: Float
    animal_indices: NDArray[np.int64]
    visible_fractions: Float
    labels: NDArray[np.int16]


@dataclass(frozen=True)
class Shadow:
    """Soft shadow under each animal: opacity, blur and displacement, in pixels."""

    strength: float = 0.3
    blur_px: float = 3.0
    shift_px: tuple[float, float] = (2.0, 2.0)


def compose(
    arena: Enclosure,
    sprites: Sequence[Sprite],
    positions: NDArray[Any],
    shadow: Shadow,
    contact_shade: float = 0.3,
    order: Sequence[int] | NDArray[np.int64] | None = None,
) -> tuple[Float, SceneTruth]:
    """Put animals into an arena, one on top of another.

    Parameters
    ----------
    arena : Enclosure
    sprites : sequence of Sprite
    positions : ndarray
        ``(n, 2)`` x, y in pixels where each sprite's origin goes.
    shadow : Shadow
    contact_shade : float
        How much an animal darkens the one beneath it along its edge.
    order : sequence of int, optional
        The animals from the lowest to the topmost; as they are given where None.

    Returns
    -------
    scene : ndarray
        ``(h, w, 3)`` float32 RGB in [0, 1].
    truth : SceneTruth
    """
    scene = arena.image.copy()
    height, width = scene.shape[:2]
    owner = np.full((height, width), -1, np.int16)
    areas, boxes = np.zeros(len(sprites)), np.zeros((len(sprites), 4), np.float32)
    for row in range(len(sprites)) if order is None else order:
        sprite = sprites[row]
        left, top = (round(float(v)) for v in positions[row] - sprite.origin)
        _cast_shadow(scene, sprite, left, top, shadow)
        _cast_edge(scene, owner, sprite, left, top, contact_shade)
        inside, part = _overlap(sprite.alpha.shape, left, top, height, width)
        alpha = sprite.alpha[part][..., None]
        scene[inside] = scene[inside] * (1 - alpha) + sprite.image[part] * alpha
        body = sprite.body > 0.5
        areas[row] = body.sum()
        boxes[row] = _bound(body) + np.array([left, top, left, top])
        owner[inside][body[part]] = row
    if arena.cover_alpha.any():
        cover = arena.cover_alpha[..., None]
        scene = scene * (1 - cover) + arena.cover * cover
        owner[arena.cover_alpha > 0.7] = -1
    return np.asarray(np.clip(scene, 0, 1, out=scene), np.float32), _find_visible(
        owner, areas, boxes
    )


def _overlap(
    shape: tuple[int, ...], left: int, top: int, height: int, width: int
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Slices of the scene and of a patch where the patch, put at (left, top), lies inside the scene."""
    x0, y0 = min(max(left, 0), width), min(max(top, 0), height)
    x1, y1 = max(min(left + shape[1], width), x0), max(min(top + shape[0], height), y0)
    inside = (slice(y0, y1), slice(x0, x1))
    if x1 == x0 or y1 == y0:
        return inside, (slice(0, y1 - y0), slice(0, x1 - x0))
    return inside, (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))


def _cast_shadow(scene: Float, sprite: Sprite, left: int, top: int, shadow: Shadow) -> None:
    if shadow.strength <= 0:
        return
    margin = int(3 * shadow.blur_px) + 1
    padded = cv2.copyMakeBorder(
        sprite.body, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=0
    )
    soft = cv2.GaussianBlur(padded, (0, 0), shadow.blur_px) * shadow.strength
    x, y = left - margin + round(shadow.shift_px[0]), top - margin + round(shadow.shift_px[1])
    inside, part = _overlap(soft.shape, x, y, *scene.shape[:2])
    scene[inside] *= 1 - soft[part][..., None]


def _cast_edge(
    scene: Float, owner: NDArray[np.int16], sprite: Sprite, left: int, top: int, strength: float
) -> None:
    margin = 3
    padded = cv2.copyMakeBorder(
        sprite.body, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=0
    )
    soft = cv2.GaussianBlur(padded, (0, 0), 1.5) * strength
    inside, part = _overlap(soft.shape, left - margin, top - margin, *scene.shape[:2])
    scene[inside] *= 1 - (soft[part] * (owner[inside] >= 0))[..., None]


def _bound(mask: NDArray[np.bool_]) -> Float:
    ys, xs = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(ys):
        return np.zeros(4, np.float32)
    return np.array([xs[0], ys[0], xs[-1] + 1, ys[-1] + 1], np.float32)


def _find_visible(owner: NDArray[np.int16], areas: NDArray[Any], boxes: Float) -> SceneTruth:
    height, width = owner.shape
    counts = np.bincount(owner[owner >= 0], minlength=len(areas))
    visible = counts / np.maximum(areas, 1)
    kept = np.flatnonzero(visible >= MIN_VISIBILITY)
    out = np.clip(boxes, 0, np.array([width, height, width, height], np.float32))
    for row in kept[visible[kept] < FULL_BOX_VISIBILITY]:
        out[row] = _bound(owner == row)
    return SceneTruth(
        out[kept].astype(np.float32), kept.astype(np.int64), visible[kept].astype(np.float32), owner
    )

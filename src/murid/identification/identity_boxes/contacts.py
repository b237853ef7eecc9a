"""Contacts: in which frames one box holds two animals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from murid.core.types import Bool, Float32
from murid.identification.identity_boxes.foreground_path import DetectedBoxes, GapBoxes


@dataclass(frozen=True, eq=False, slots=True)
class Merged:
    """Which boxes of an animal hold another animal as well.

    Attributes
    ----------
    detected : ndarray
        ``(n,)`` bool, of its detections.
    gap : ndarray
        ``(k,)`` bool, of its boxes in gaps.
    """

    detected: Bool
    gap: Bool


def find_merged(
    detected: Sequence[DetectedBoxes], may_be_merged: Sequence[Bool], gaps: Sequence[GapBoxes]
) -> list[Merged]:
    """Return which boxes of each animal hold two animals.

    In a gap, an animal is in the box of another one if the foreground says so: there, no other
    foreground is where it may be, or two animals claim the same. Where the foreground is not known,
    the middle of its interpolated box must lie in a box that may hold two animals.

    Parameters
    ----------
    detected : sequence of DetectedBoxes
        Of each animal.
    may_be_merged : sequence of ndarray
        ``(n,)`` bool of each animal: whether another one vanishes or reappears in this box.
    gaps : sequence of GapBoxes
        Boxes in the gaps of each animal.
    """
    merged = [
        Merged(np.zeros(len(own.frames), bool), np.zeros(len(gap), bool))
        for own, gap in zip(detected, gaps, strict=True)
    ]
    for animal, gap in enumerate(gaps):
        for host, boxes in enumerate(detected):
            if host == animal or not len(boxes.frames):
                continue
            # The detection of the other animal in the frame of each gap box, if there is one.
            indices = np.searchsorted(boxes.frames, gap.frames)
            indices = np.minimum(indices, len(boxes.frames) - 1)
            inside = gap.hosts == host
            inside |= (
                ~gap.is_held
                & may_be_merged[host][indices]
                & _contain_centres(boxes.boxes[indices], gap.boxes)
            )
            inside &= boxes.frames[indices] == gap.frames
            merged[animal].gap[inside] = True
            merged[host].detected[indices[inside]] = True
    if gaps:
        _mark_shared_components(gaps, merged)
    return merged


def _mark_shared_components(gaps: Sequence[GapBoxes], merged: Sequence[Merged]) -> None:
    """Mark boxes in gaps that are held to a component to which another animal's box is held."""
    frames = np.concatenate([np.zeros(0, np.int64), *(gap.frames for gap in gaps)])
    components = np.concatenate([np.zeros(0, np.int64), *(gap.components for gap in gaps)])
    _, inverse, counts = np.unique(
        np.column_stack([frames, components]), axis=0, return_inverse=True, return_counts=True
    )
    is_shared = (counts[inverse.ravel()] > 1) & (components >= 0)
    bounds = np.cumsum([len(gap) for gap in gaps])[:-1]
    for own, shared in zip(merged, np.split(is_shared, bounds), strict=True):
        own.gap[:] |= shared


def _contain_centres(boxes: Float32, others: Float32) -> Bool:
    """Return whether boxes ``(k, 4)`` contain the centres of other boxes, pair by pair."""
    centres = (others[:, :2] + others[:, 2:]) / 2
    inside = (boxes[:, :2] <= centres) & (centres <= boxes[:, 2:])
    return np.asarray(inside.all(axis=1))

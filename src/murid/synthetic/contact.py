"""Arrangements of animals in close contact: nose to nose, nose to tail, side by side, across."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import numpy as np

from murid.core.types import Float64

ContactKind = Literal["nose-to-nose", "nose-to-tail", "side-by-side", "across", "chain"]

CONTACT_KINDS: tuple[ContactKind, ...] = get_args(ContactKind)
"""Arrangements that `arrange_contact` makes."""

# Distances of the centres of two bodies, in body lengths: end to end along the spine, with the
# ends just touching or overlapping a little, and side by side across it. A body is about 0.35
# lengths wide.
_END_TO_END = (0.78, 1.0)
_SIDE_BY_SIDE = (0.26, 0.42)
# How far bodies side by side are shifted along each other.
_SIDE_SHIFT = 0.35
# Distance of the centre of a body that lies across another one.
_ACROSS = 0.35

# Standard deviation of the headings, radians.
_HEADING_DEVIATION = 0.3


class Contact(NamedTuple):
    """Positions ``(n, 2)`` in pixels and headings ``(n,)`` in radians of animals in contact."""

    positions: Float64
    headings: Float64


def arrange_contact(
    rng: np.random.Generator, kind: ContactKind, centre: Float64, body_px: float
) -> Contact:
    """Arrange animals in contact.

    Parameters
    ----------
    rng : Generator
    kind : str
        ``nose-to-nose``; ``nose-to-tail``: one follows another; ``side-by-side``, in the same or in
        opposite directions; ``across``: one lies across another; or ``chain``: three behind each
        other. All but the last one have two animals.
    centre : ndarray
        ``(2,)`` pixels of the first animal.
    body_px : float
        Length of the animals.
    """
    n = 3 if kind == "chain" else 2
    positions = np.tile(np.asarray(centre, np.float64), (n, 1))
    headings = np.full(n, rng.uniform(-np.pi, np.pi))
    for k in range(1, n):
        previous = float(headings[k - 1])
        ahead = np.array([np.cos(previous), np.sin(previous)])
        aside = np.array([-ahead[1], ahead[0]])
        turn = float(rng.normal(0, _HEADING_DEVIATION))
        if kind == "nose-to-nose":
            headings[k] = previous + np.pi + turn
            end = positions[k - 1] + 0.5 * ahead * body_px
            positions[k] = end - _half_length(rng, float(headings[k]), body_px)
        elif kind in ("nose-to-tail", "chain"):
            headings[k] = previous + turn
            end = positions[k - 1] - 0.5 * ahead * body_px
            positions[k] = end - _half_length(rng, float(headings[k]), body_px)
        elif kind == "side-by-side":
            headings[k] = previous + (np.pi if rng.random() < 0.5 else 0.0) + 0.5 * turn
            side = rng.choice([-1, 1]) * rng.uniform(*_SIDE_BY_SIDE)
            along = rng.uniform(-_SIDE_SHIFT, _SIDE_SHIFT)
            positions[k] = positions[k - 1] + (side * aside + along * ahead) * body_px
        else:
            headings[k] = previous + np.pi / 2 * rng.choice([-1, 1]) + turn
            shift = rng.uniform(-_ACROSS, _ACROSS, 2)
            positions[k] = positions[k - 1] + (shift[0] * ahead + shift[1] * aside) * body_px
    return Contact(positions, headings)


def _half_length(rng: np.random.Generator, heading: float, body_px: float) -> Float64:
    """Return the vector from the centre of a body to where its nose touches another one."""
    distance = rng.uniform(*_END_TO_END) - 0.5
    return distance * body_px * np.array([np.cos(heading), np.sin(heading)])

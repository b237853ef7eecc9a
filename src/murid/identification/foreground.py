"""Foreground: which parts of a frame differ from the background model, on a coarse grid."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from murid.core.types import Bool, Int64


@dataclass(frozen=True, eq=False, slots=True)
class Foreground:
    """The foreground of one frame.

    Attributes
    ----------
    frame : int
    mask : ndarray
        ``(h, w)`` bool: cells of a grid over the image that differ from the background.
    cell_px : tuple of float
        Width and height of a cell in pixels of the image.
    """

    frame: int
    mask: Bool
    cell_px: tuple[float, float]


ReadForeground = Callable[[Int64], Iterator[Foreground]]
"""Yields the foreground of the given frames ``(k,)``, ascending, as far as it is known."""

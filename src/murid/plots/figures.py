"""All figures of a recording by name, and how large each is."""

from __future__ import annotations

import io
from collections.abc import Callable
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from murid.core.files import write_bytes
from murid.plots.maps import MOST_PANELS, choose_columns, draw_occupancy, draw_paths
from murid.plots.plot_data import PlotData
from murid.plots.social import draw_social
from murid.plots.timelines import MOST_ROWS, draw_ethogram, draw_identities, draw_speed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDTH_IN = 8.0
_DPI = 150
DRAWERS: dict[str, Callable[..., None]] = {
    "paths": draw_paths,
    "occupancy": draw_occupancy,
    "speed": draw_speed,
    "ethogram": draw_ethogram,
    "social": draw_social,
    "identities": draw_identities,
}
"""What draws each figure into a matplotlib figure or part of one."""


def list_figures(data: PlotData) -> list[str]:
    """Names of the figures that say something of a recording: company needs two animals."""
    return [name for name in DRAWERS if name != "social" or len(data.names) > 1]


def draw(name: str, data: PlotData) -> Figure:
    """Draw one of `DRAWERS` on a page of its own."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH_IN, _choose_height(name, data)), layout="constrained", dpi=_DPI)
    DRAWERS[name](figure, data)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a figure as its suffix says, atomically; raises `StorageError`."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=path.suffix.lstrip("."))
    write_bytes(path, buffer.getvalue())


def _choose_height(name: str, data: PlotData) -> float:
    """Inches."""
    n, layout = max(1, len(data.names)), data.behaviour.layout
    if name in ("paths", "occupancy"):
        panels, aspect = min(n, MOST_PANELS), layout.width / layout.height
        columns = choose_columns(panels, aspect)
        return 0.5 + ceil(panels / columns) * (_WIDTH_IN / columns / aspect + 0.25)
    if name == "social":
        return 4.2
    row, around = {"speed": (0.6, 1.0), "ethogram": (0.5, 1.1), "identities": (0.42, 1.1)}[name]
    return around + row * min(n, MOST_ROWS)

"""Draw and save the figures of a recording by name, with a size that fits the animals."""

from __future__ import annotations

import io
from collections.abc import Callable
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from murid.core.files import write_bytes
from murid.plots.maps import MAX_PANELS, choose_columns, draw_occupancy, draw_paths
from murid.plots.plot_data import PlotData
from murid.plots.social import draw_social
from murid.plots.timelines import MAX_ROWS, draw_ethogram, draw_identities, draw_speed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Width that fits an A4 page, and a resolution for print.
_WIDTH_IN = 8.0
_DPI = 150
# Height of maps without the images: title and axis label of the figure, and title of a panel.
_MAPS_MARGIN_IN = 0.5
_PANEL_TITLE_IN = 0.25
_SOCIAL_HEIGHT_IN = 4.2
# Height of a row per animal in a timeline, and of title, legend and time axis together.
_ROW_IN = {"speed": 0.6, "ethogram": 0.5, "identities": 0.42}
_TIMELINE_MARGIN_IN = {"speed": 1.0, "ethogram": 1.1, "identities": 1.1}

# Each function draws into a matplotlib figure or subfigure.
DRAW_FUNCTIONS: dict[str, Callable[..., None]] = {
    "paths": draw_paths,
    "occupancy": draw_occupancy,
    "speed": draw_speed,
    "ethogram": draw_ethogram,
    "social": draw_social,
    "identities": draw_identities,
}


def list_figures(data: PlotData) -> list[str]:
    """Return the names of the figures of a recording; ``social`` needs at least two animals."""
    return [name for name in DRAW_FUNCTIONS if name != "social" or len(data.names) > 1]


def draw_figure(name: str, data: PlotData) -> Figure:
    """Return a new figure, drawn by the function of this name in `DRAW_FUNCTIONS`."""
    from matplotlib.figure import Figure

    height_in = _compute_height(name, data)
    figure = Figure(figsize=(_WIDTH_IN, height_in), layout="constrained", dpi=_DPI)
    DRAW_FUNCTIONS[name](figure, data)
    return figure


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure in the format of the suffix, atomically; raises `StorageError`."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=path.suffix.lstrip("."))
    write_bytes(path, buffer.getvalue())


def _compute_height(name: str, data: PlotData) -> float:
    """Return the height of a figure in inches."""
    n_animals = max(1, len(data.names))
    layout = data.behaviour.layout
    if name in ("paths", "occupancy"):
        n_panels = min(n_animals, MAX_PANELS)
        aspect = layout.width / layout.height
        n_columns = choose_columns(n_panels, aspect)
        panel_in = _WIDTH_IN / n_columns / aspect + _PANEL_TITLE_IN
        return _MAPS_MARGIN_IN + ceil(n_panels / n_columns) * panel_in
    if name == "social":
        return _SOCIAL_HEIGHT_IN
    return _TIMELINE_MARGIN_IN[name] + _ROW_IN[name] * min(n_animals, MAX_ROWS)

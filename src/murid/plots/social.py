"""Who was with whom: mean distances and the share of time in contact, as matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from murid.analysis.social import compute_association, compute_distance_matrix
from murid.core.types import Float64
from murid.plots.plot_data import PlotData
from murid.plots.style import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

_MOST_NUMBERS = 12


def draw_social(figure: Figure | SubFigure, data: PlotData) -> None:
    """Draw the mean distance of every two animals, and the share of time in which they are in contact."""
    behaviour = data.behaviour
    figure.suptitle("Social", x=0.01, ha="left", fontsize=10, weight="bold")
    left, right = figure.subplots(1, 2)
    distances = behaviour.scale * compute_distance_matrix(behaviour.position_px)
    shares = np.full(distances.shape, np.nan)
    for a, b in behaviour.pairs():
        known = np.isfinite(behaviour.compute_distances(a, b))
        together = behaviour.find_contacts(a, b).to_mask(behaviour.n_frames)
        shares[a, b] = shares[b, a] = compute_association(together, known, behaviour.durations_s)
    distances[np.isnan(shares)] = np.nan
    _draw_matrix(
        left, data, distances, f"mean distance ({behaviour.layout.unit})", "cividis_r", "{:.3g}"
    )
    _draw_matrix(right, data, 100 * shares, "time in contact (%)", "cividis", "{:.0f}")


def _draw_matrix(
    axes: Axes, data: PlotData, matrix: Float64, title: str, colours: str, form: str
) -> None:
    """Draw a matrix with its numbers, where these can be read."""
    n = len(data.names)
    image = axes.imshow(np.ma.masked_invalid(matrix), cmap=colours)
    axes.set_title(title, fontsize=8)
    every = -(-n // _MOST_NUMBERS)
    axes.set_xticks(range(0, n, every), data.names[::every], fontsize=7)
    axes.set_yticks(range(0, n, every), data.names[::every], fontsize=7)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if n > _MOST_NUMBERS:
        axes.figure.colorbar(image, ax=axes, shrink=0.6, aspect=15).ax.tick_params(labelsize=7)
        return
    for (row, column), value in np.ndenumerate(matrix):
        if np.isfinite(value):
            red, green, blue, _ = image.to_rgba(np.asarray(value))
            dark = 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.45
            colour = "white" if dark else INK
            axes.text(
                column, row, form.format(value), ha="center", va="center", fontsize=7, color=colour
            )

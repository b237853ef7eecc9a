"""Draw matrices of each pair of animals: mean distance, and share of time in contact."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from murid.analysis.social import compute_association, compute_distance_matrix
from murid.core.types import Float64
from murid.plots.plot_data import PlotData
from murid.plots.style import INK, compute_luminance, draw_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

# With more animals, numbers in cells and names of all animals are too small to read.
_MAX_NUMBERS = 12
# Numbers on a darker cell than this (relative luminance) are white.
_MAX_DARK_LUMINANCE = 0.45


def draw_social(figure: Figure | SubFigure, data: PlotData) -> None:
    """Draw mean distance and share of time in contact of each pair of animals."""
    behaviour = data.behaviour
    distances = behaviour.scale * compute_distance_matrix(
        behaviour.position_px, behaviour.durations_s
    )
    associations = np.full(distances.shape, np.nan)
    for a, b in behaviour.iterate_pairs():
        known = np.isfinite(behaviour.compute_distances(a, b))
        in_contact = behaviour.find_contacts(a, b).to_mask(behaviour.n_rows)
        association = compute_association(in_contact, known, behaviour.durations_s)
        associations[a, b] = association
        associations[b, a] = association
    # Distances between animals in different arenas have no meaning.
    distances[np.isnan(associations)] = np.nan
    draw_title(figure, "Social")
    left, right = figure.subplots(1, 2)
    title = f"mean distance ({behaviour.layout.unit})"
    _draw_matrix(left, data, distances, title, "cividis_r", "{:.3g}")
    _draw_matrix(right, data, 100 * associations, "time in contact (%)", "cividis", "{:.0f}")


def _draw_matrix(
    axes: Axes, data: PlotData, matrix: Float64, title: str, colour_map: str, number_format: str
) -> None:
    """Draw a matrix with its numbers, or with a colour bar if it is large."""
    n_animals = len(data.names)
    image = axes.imshow(np.ma.masked_invalid(matrix), cmap=colour_map)
    axes.set_title(title, fontsize=8)
    step = -(-n_animals // _MAX_NUMBERS)
    axes.set_xticks(range(0, n_animals, step), data.names[::step], fontsize=7)
    axes.set_yticks(range(0, n_animals, step), data.names[::step], fontsize=7)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if n_animals > _MAX_NUMBERS:
        axes.figure.colorbar(image, ax=axes, shrink=0.6, aspect=15).ax.tick_params(labelsize=7)
        return
    for (row, column), value in np.ndenumerate(matrix):
        if np.isfinite(value):
            red, green, blue, _ = image.to_rgba(np.asarray(value))
            luminance = compute_luminance((red, green, blue))
            colour = "white" if luminance < _MAX_DARK_LUMINANCE else INK
            text = number_format.format(value)
            axes.text(column, row, text, ha="center", va="center", fontsize=7, color=colour)

"""Maps: paths and occupancy of each animal over the background of the video."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from murid.analysis.gaps import find_runs
from murid.analysis.space import compute_occupancy
from murid.arenas.layout import Region
from murid.core.types import Float64
from murid.plots.plot_data import PlotData
from murid.plots.style import GREY, INK, choose_animal_style, draw_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

# More panels are too small to read.
MAX_PANELS = 24
# More points of a path are too dense to distinguish, and make figures slow and large.
_MAX_POINTS = 20_000
# Side of a square of the occupancy map, in body lengths: smaller squares show single paths.
_SQUARE_BODY_LENGTHS = 1 / 3
# Animals stay in resting places for far longer than elsewhere. So this percentile gets the top
# colour, and colours follow the square root of the time: otherwise only resting places show.
_MAX_COLOUR_PERCENTILE = 98
_COLOUR_EXPONENT = 0.5
# The background is mixed with white so that paths stand out.
_BACKGROUND_OPACITY = 0.45
# The scale bar is at most this fraction of the width of the image, and a round number.
_MAX_SCALE_BAR = 0.25
_SCALE_BARS_CM = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200)


def draw_paths(figure: Figure | SubFigure, data: PlotData, n_columns: int | None = None) -> None:
    """Draw the path of each animal in a panel of its own; a gap in a path is a gap in the line."""
    for animal, axes in _make_panels(figure, data, "Paths", n_columns):
        draw_background(axes, data)
        x, y = _thin(data.behaviour.position_px[:, :, animal]).T
        colour, _ = choose_animal_style(animal)
        line: dict[str, Any] = {"rasterized": True, "solid_capstyle": "round"}
        # A wider dark line below the coloured one shows the path on any background.
        axes.plot(x, y, color=INK, linewidth=1.5, alpha=0.55, **line)
        axes.plot(x, y, color=colour, linewidth=0.8, **line)
        known = np.flatnonzero(np.isfinite(x))
        if len(known):
            _draw_end(axes, x[known[0]], y[known[0]], "o", "first", colour)
            _draw_end(axes, x[known[-1]], y[known[-1]], "s", "last", colour)
    figure.supxlabel(
        "circle: first seen, square: last seen", fontsize=7, color=GREY, x=0.99, ha="right"
    )


def _draw_end(axes: Axes, x: float, y: float, marker: str, label: str, colour: Any) -> None:
    axes.plot(x, y, marker, color=colour, markeredgecolor=INK, markersize=5, label=label)


def draw_occupancy(
    figure: Figure | SubFigure, data: PlotData, n_columns: int | None = None
) -> None:
    """Draw the time that each animal spent in each square of a grid.

    There is one panel per animal, all with the same colour scale. The side of a square is a third
    of a body length.
    """
    from matplotlib.colors import PowerNorm

    behaviour = data.behaviour
    layout = behaviour.layout
    body_length_px = behaviour.body_length_px
    if not np.isfinite(body_length_px):
        body_length_px = layout.width / 10
    square_px = body_length_px * _SQUARE_BODY_LENGTHS
    maps = [
        compute_occupancy(
            behaviour.position_px[:, :, [animal]],
            behaviour.durations_s,
            layout.width,
            layout.height,
            square_px,
        )
        for animal in range(min(len(data.names), MAX_PANELS))
    ]
    # One colour scale for all panels.
    visited_s = np.concatenate([np.zeros(0), *(each.seconds[each.seconds > 0] for each in maps)])
    max_s = 1.0
    if len(visited_s):
        max_s = float(np.percentile(visited_s, _MAX_COLOUR_PERCENTILE))
    norm = PowerNorm(_COLOUR_EXPONENT, 0, max_s)

    # The colour bar needs any one of the images.
    image = None
    panels = []
    for animal, axes in _make_panels(figure, data, "Occupancy", n_columns):
        draw_background(axes, data)
        image = axes.pcolormesh(
            maps[animal].x_edges,
            maps[animal].y_edges,
            np.ma.masked_equal(maps[animal].seconds, 0),
            cmap="cividis",
            norm=norm,
            rasterized=True,
            zorder=1.5,
        )
        panels.append(axes)
    if image is not None:
        bar = figure.colorbar(image, ax=panels, extend="max", shrink=0.8, aspect=25, pad=0.01)
        square = f"{behaviour.scale * square_px:.2g} {layout.unit}"
        bar.set_label(f"seconds in a square of {square}", fontsize=8)
        bar.ax.tick_params(labelsize=7)


def draw_background(axes: Axes, data: PlotData) -> None:
    """Draw the background, mixed with white, and the outlines of arenas and zones."""
    layout = data.behaviour.layout
    if data.image is not None:
        grey = data.image.mean(axis=2)
        pale = _BACKGROUND_OPACITY * grey + (1 - _BACKGROUND_OPACITY) * 255
        extent = (0, layout.width, layout.height, 0)
        axes.imshow(pale, cmap="gray", vmin=0, vmax=255, extent=extent)
    for arena in layout.arenas:
        _draw_outline(axes, arena, "-")
    for zone in layout.zones:
        _draw_outline(axes, zone, "--")
    for zone in layout.zones:
        _draw_zone_name(axes, zone)
    axes.set(xlim=(0, layout.width), ylim=(layout.height, 0), aspect="equal", xticks=[], yticks=[])
    _draw_scale_bar(axes, data)


def _draw_outline(axes: Axes, region: Region, line_style: str) -> None:
    x, y = np.asarray(region.geometry.exterior.coords).T
    axes.plot(x, y, line_style, color=INK, linewidth=0.8, zorder=2)


def _draw_zone_name(axes: Axes, zone: Region) -> None:
    """Write the name of a zone at its upper edge."""
    centre_x = zone.geometry.centroid.x
    top = zone.geometry.bounds[1]
    axes.annotate(
        zone.name,
        (centre_x, top),
        (0, -2),
        textcoords="offset points",
        ha="center",
        va="top",
        fontsize=6,
        color=INK,
        bbox={"facecolor": "white", "alpha": 0.6, "edgecolor": "none", "pad": 0.5},
        zorder=5,
    )


def _draw_scale_bar(axes: Axes, data: PlotData) -> None:
    """Draw a scale bar in centimetres below the image, if the layout has a scale."""
    layout = data.behaviour.layout
    if layout.cm_per_px is None:
        return
    max_cm = max(_MAX_SCALE_BAR * layout.width * layout.cm_per_px, min(_SCALE_BARS_CM))
    length_cm = max(length for length in _SCALE_BARS_CM if length <= max_cm)
    length_px = length_cm / layout.cm_per_px
    below_axes: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "clip_on": False}
    axes.plot(
        [0, length_px],
        [-0.03, -0.03],
        color=INK,
        linewidth=2,
        solid_capstyle="butt",
        **below_axes,
    )
    label = f"{length_cm:g} cm"
    axes.text(0.5 * length_px, -0.05, label, ha="center", va="top", fontsize=6, **below_axes)


def _make_panels(
    figure: Figure | SubFigure, data: PlotData, title: str, n_columns: int | None
) -> list[tuple[int, Axes]]:
    """Return the number of each animal and a panel with its name as title."""
    layout = data.behaviour.layout
    n_panels = min(len(data.names), MAX_PANELS)
    draw_title(figure, title, n_panels, len(data.names))
    if not n_panels:
        return []
    n_columns = n_columns or choose_columns(n_panels, layout.width / layout.height)
    n_rows = ceil(n_panels / n_columns)
    grid = figure.subplots(n_rows, n_columns, squeeze=False).ravel().tolist()
    for unused in grid[n_panels:]:
        unused.set_axis_off()
    panels = list(enumerate(grid[:n_panels]))
    for animal, axes in panels:
        axes.set_title(data.labels[animal], fontsize=8, pad=2)
    return panels


def choose_columns(n_panels: int, aspect: float) -> int:
    """Return the number of columns for which the panels fill an area 1.6 times as wide as high."""
    n_columns = round(float((1.6 * n_panels / aspect) ** 0.5))
    return min(n_panels, max(1, n_columns))


def _thin(points: Float64) -> Float64:
    """Return every n-th point of a path, so that few enough remain, and every gap in it."""
    is_shown = np.zeros(len(points), bool)
    is_shown[:: max(1, len(points) // _MAX_POINTS)] = True
    missing = np.isnan(points[:, 0])
    is_shown[find_runs(missing)[:, 0]] = True
    return points[is_shown]

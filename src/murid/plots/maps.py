"""Where the animals were: their paths over the empty scene, and how long they were where."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from murid.analysis.space import compute_occupancy
from murid.core.types import Float64
from murid.plots.plot_data import PlotData
from murid.plots.style import GREY, INK, choose_look

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

MOST_PANELS = 24
_MOST_POINTS = 20_000
_SQUARE = 1 / 3  # of a body


def draw_paths(figure: Figure | SubFigure, data: PlotData, n_columns: int | None = None) -> None:
    """Draw the path of each animal over the scene, a panel each; a gap in a path is a gap in the line."""
    for animal, axes in _make_panels(figure, data, "Paths", n_columns):
        show_scene(axes, data)
        x, y = _thin(data.behaviour.position_px[:, :, animal]).T
        colour, _ = choose_look(animal)
        axes.plot(
            x, y, color=INK, linewidth=1.5, alpha=0.55, rasterized=True, solid_capstyle="round"
        )
        axes.plot(x, y, color=colour, linewidth=0.8, rasterized=True, solid_capstyle="round")
        known = np.flatnonzero(np.isfinite(x))
        if len(known):
            for at, marker, label in ((known[0], "o", "first"), (known[-1], "s", "last")):
                axes.plot(
                    x[at],
                    y[at],
                    marker,
                    color=colour,
                    markeredgecolor=INK,
                    markersize=5,
                    label=label,
                )
    _explain(figure, "circle: first seen, square: last seen")


def draw_occupancy(
    figure: Figure | SubFigure, data: PlotData, n_columns: int | None = None
) -> None:
    """Draw how long each animal was where, in squares of a third of a body, a panel each with one scale of colour."""
    behaviour, layout = data.behaviour, data.behaviour.layout
    body = behaviour.body_px if np.isfinite(behaviour.body_px) else layout.width / 10
    maps = [
        compute_occupancy(
            behaviour.position_px[:, :, [k]],
            behaviour.durations_s,
            layout.width,
            layout.height,
            body * _SQUARE,
        )
        for k in range(min(len(data.names), MOST_PANELS))
    ]
    visited = np.concatenate([np.zeros(0), *(m.seconds[m.seconds > 0] for m in maps)])
    most = float(np.percentile(visited, 98)) if len(visited) else 1.0
    from matplotlib.colors import PowerNorm

    image, panels, norm = None, [], PowerNorm(0.5, 0, most)
    for animal, axes in _make_panels(figure, data, "Occupancy", n_columns):
        show_scene(axes, data)
        shown = np.ma.masked_equal(maps[animal].seconds, 0)
        edges = maps[animal].x_edges, maps[animal].y_edges
        image = axes.pcolormesh(
            *edges, shown, cmap="cividis", norm=norm, rasterized=True, zorder=1.5
        )
        panels.append(axes)
    if image is not None:
        bar = figure.colorbar(image, ax=panels, extend="max", shrink=0.8, aspect=25, pad=0.01)
        bar.set_label(f"seconds in {_describe_square(data, body * _SQUARE)}", fontsize=8)
        bar.ax.tick_params(labelsize=7)


def show_scene(axes: Axes, data: PlotData) -> None:
    """Show the scene, paled, with the outlines of arenas and zones."""
    layout = data.behaviour.layout
    extent = (0, layout.width, layout.height, 0)
    if data.image is not None:
        pale = 0.45 * data.image.mean(axis=2) + 0.55 * 255
        axes.imshow(pale, cmap="gray", vmin=0, vmax=255, extent=extent)
    for region, style in [(a, "-") for a in layout.arenas] + [(z, "--") for z in layout.zones]:
        axes.plot(
            *np.asarray(region.geometry.exterior.coords).T,
            style,
            color=INK,
            linewidth=0.8,
            zorder=2,
        )
    for zone in layout.zones:
        centre, y = zone.geometry.centroid.x, zone.geometry.bounds[1]
        axes.annotate(
            zone.name,
            (centre, y),
            (0, -2),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=6,
            color=INK,
            bbox={"facecolor": "white", "alpha": 0.6, "edgecolor": "none", "pad": 0.5},
            zorder=5,
        )
    axes.set(xlim=(0, layout.width), ylim=(layout.height, 0), aspect="equal", xticks=[], yticks=[])
    _draw_scale(axes, data)


def _draw_scale(axes: Axes, data: PlotData) -> None:
    """A bar of some centimetres under the picture, where there is a scale."""
    layout = data.behaviour.layout
    if layout.cm_per_px is None:
        return
    wanted = 0.25 * layout.width * layout.cm_per_px
    cm = max(
        step for step in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200) if step <= max(wanted, 0.1)
    )
    place: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "clip_on": False}
    axes.plot(
        [0, cm / layout.cm_per_px],
        [-0.03, -0.03],
        color=INK,
        linewidth=2,
        solid_capstyle="butt",
        **place,
    )
    axes.text(
        0.5 * cm / layout.cm_per_px, -0.05, f"{cm:g} cm", ha="center", va="top", fontsize=6, **place
    )


def _make_panels(
    figure: Figure | SubFigure, data: PlotData, title: str, n_columns: int | None
) -> list[tuple[int, Axes]]:
    """Make a panel for each animal, named."""
    n, layout = min(len(data.names), MOST_PANELS), data.behaviour.layout
    more = f" ({n} of {len(data.names)} animals)" if n < len(data.names) else ""
    figure.suptitle(f"{title}{more}", x=0.01, ha="left", fontsize=10, weight="bold")
    if not n:
        return []
    columns = n_columns or choose_columns(n, layout.width / layout.height)
    grid = figure.subplots(ceil(n / columns), columns, squeeze=False).ravel().tolist()
    for spare in grid[n:]:
        spare.set_axis_off()
    for animal, axes in enumerate(grid[:n]):
        axes.set_title(data.names[animal], fontsize=8, pad=2)
    return list(enumerate(grid[:n]))


def choose_columns(n_panels: int, aspect: float) -> int:
    """Columns that make a page of `n_panels` pictures about as wide as high, or a little wider."""
    return min(n_panels, max(1, round(float((1.6 * n_panels / aspect) ** 0.5))))


def _explain(figure: Figure | SubFigure, text: str) -> None:
    figure.supxlabel(text, fontsize=7, color=GREY, x=0.99, ha="right")


def _thin(places: Float64) -> Float64:
    return places[:: max(1, len(places) // _MOST_POINTS)]


def _describe_square(data: PlotData, side_px: float) -> str:
    side, unit = data.behaviour.scale * side_px, data.behaviour.layout.unit
    return f"a square of {side:.2g} {unit}"

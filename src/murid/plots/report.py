"""Report of a recording: one page for print (PDF), and a web page (HTML)."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from murid.analysis.measures import Table, compute_measures
from murid.core.files import write_text
from murid.core.identity_probabilities import (
    MIN_CERTAIN_PROBABILITY,
    format_probability,
    is_uncertain,
)
from murid.core.plurals import format_count
from murid.core.types import Float64
from murid.plots.doubtful_crossings import format_crossings
from murid.plots.figures import DRAW_FUNCTIONS, draw_figure, list_figures, save_figure
from murid.plots.html_page import format_page, format_table
from murid.plots.maps import MAX_PANELS
from murid.plots.plot_data import PlotData

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

_A4_IN = (8.27, 11.69)
# The parts of an A4 page together are at most this high, before they are scaled to the page; a
# page of more animals is enlarged in the shape of A4.
_MAX_PARTS_IN = 13.0
# Left, bottom, width and height of the drawing, as fractions of the page: printers need margins.
_PRINTED_AREA = (0.045, 0.03, 0.91, 0.94)
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 1200px; margin: 2em auto;
  padding: 0 1em; }
table { border-collapse: collapse; margin: 1em 0; font-variant-numeric: tabular-nums; }
th, td { padding: 2px 10px; text-align: right; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; }
.crossings th, .crossings td { text-align: left; }
code { font: 13px ui-monospace, monospace; overflow-wrap: anywhere; }
img { max-width: 100%; display: block; margin: 1.5em 0; }
.note { background: #fff4d6; padding: .4em .8em; }
"""


def write_pdf(path: Path, data: PlotData) -> None:
    """Write the report as one page; raises `StorageError`."""
    save_figure(draw_page(data), path)


def draw_page(data: PlotData) -> Figure:
    """Draw all figures and a table of the animals on one page, A4 or larger in the same shape."""
    from matplotlib.figure import Figure

    # More animals need a larger page.
    heights_in = _compute_heights(min(len(data.names), MAX_PANELS))
    enlargement = max(1.0, sum(heights_in.values()) / _MAX_PARTS_IN)
    width_in, height_in = _A4_IN
    page = Figure(figsize=(enlargement * width_in, enlargement * height_in), dpi=150)
    page.set_layout_engine("constrained", rect=_PRINTED_AREA)
    grid = page.subfigures(
        len(heights_in),
        1,
        squeeze=False,
        height_ratios=list(heights_in.values()),
        hspace=0.03,
    )
    parts = dict(zip(heights_in, np.ravel(grid), strict=True))

    # The right map has a colour bar, and the ethogram needs more width than the matrices.
    _write_heading(parts["heading"], data)
    left, right = parts["maps"].subfigures(1, 2, width_ratios=[1, 1.12])
    DRAW_FUNCTIONS["paths"](left, data)
    DRAW_FUNCTIONS["occupancy"](right, data)
    DRAW_FUNCTIONS["speed"](parts["speed"], data)
    if "social" in list_figures(data):
        left, right = parts["behaviour"].subfigures(1, 2, width_ratios=[1.15, 1])
        DRAW_FUNCTIONS["ethogram"](left, data)
        DRAW_FUNCTIONS["social"](right, data)
    else:
        DRAW_FUNCTIONS["ethogram"](parts["behaviour"], data)
    DRAW_FUNCTIONS["identities"](parts["identities"], data)
    _draw_table(parts["table"], tabulate_animals(data))
    return page


def _compute_heights(n: int) -> dict[str, float]:
    """Return the height of each part of a page of `n` animals, in inches before scaling."""
    return {
        "heading": 0.55,
        # Up to nine maps fit the same height, since more of them are smaller.
        "maps": 2.6 if n < 2 else 3.0 + 0.22 * max(0, n - 9),
        # The other parts have one row per animal.
        "speed": 0.8 + 0.3 * n,
        "behaviour": 1.0 + 0.26 * n,
        "identities": 0.9 + 0.22 * n,
        "table": 0.5 + 0.17 * n,
    }


def _write_heading(figure: SubFigure, data: PlotData) -> None:
    figure.text(0.01, 0.95, data.name, fontsize=14, weight="bold", va="top")
    figure.text(0.99, 0.92, describe_recording(data), fontsize=9, va="top", ha="right")
    text = "  ".join([describe_settings(data), *list_notes(data)])
    figure.text(0.01, 0.42, text, fontsize=6.5, va="top", wrap=True)


def _draw_table(figure: SubFigure, table: Sequence[Sequence[str]]) -> None:
    axes = figure.subplots()
    axes.set_axis_off()
    rows = list(table[1 : MAX_PANELS + 1])
    if not rows:
        return
    drawn = axes.table(
        cellText=rows, colLabels=list(table[0]), loc="center", edges="horizontal", cellLoc="right"
    )
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(7.5)
    for cell in drawn.get_celld().values():
        cell.set_linewidth(0.4)
        cell.set_edgecolor("#bbbbbb")


def write_html(path: Path, data: PlotData) -> None:
    """Write the report as one HTML file that contains its images; raises `StorageError`."""
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in list_notes(data))
    images = "".join(
        f'<img alt="{name}" src="{_embed(name, data)}">' for name in list_figures(data)
    )
    title = escape(data.name)
    body = (
        f"<h1>{title}</h1><p>{escape(describe_recording(data))}</p>{notes}"
        f"{format_table(tabulate_animals(data))}"
        f"{images}{format_crossings(data.listed_crossings)}"
        f"<p>{escape(describe_settings(data))}</p>"
    )
    write_text(path, format_page(title, _STYLE, body))


def _embed(name: str, data: PlotData) -> str:
    """Return a figure as a PNG in a data URL."""
    buffer = io.BytesIO()
    draw_figure(name, data).savefig(buffer, format="png")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def describe_recording(data: PlotData) -> str:
    """Return a line about the recording: animals, arenas, duration, frames."""
    behaviour = data.behaviour
    minutes = data.duration_s / 60
    length = f"{minutes:.1f} min" if minutes < 180 else f"{minutes / 60:.1f} h"
    n_arenas = len(behaviour.layout.arenas)
    arenas = f", {n_arenas} arenas" if n_arenas > 1 else ""
    n_animals = len(data.names)
    animals = f"{n_animals} {'animal' if n_animals == 1 else 'animals'}"
    text = f"{animals}{arenas}, {length}, {behaviour.n_frames} frames"
    if behaviour.clock.is_gap.any():
        text += f", {behaviour.clock.unfilmed_s:.3g} s without frames"
    probability = (
        None if data.identity_probabilities is None else data.identity_probabilities.overall
    )
    if probability is not None:
        crossings = format_count(len(data.crossings), "doubtful crossing")
        text += f", {crossings}, names {format_probability(probability)} sure"
    return text


def list_notes(data: PlotData) -> list[str]:
    """Return what the reader of the report should know first: uncertain animals, and warnings."""
    identity_probabilities = data.identity_probabilities
    if identity_probabilities is None or not identity_probabilities.uncertain_ids:
        return list(data.notes)
    pairs = zip(data.names, identity_probabilities.means, strict=True)
    uncertain = ", ".join(
        f"{name} ({format_probability(probability)})"
        for name, probability in pairs
        if is_uncertain(probability)
    )
    limit = format_probability(MIN_CERTAIN_PROBABILITY)
    return [f"identities below {limit} sure: {uncertain}; murid info lists where", *data.notes]


def describe_settings(data: PlotData) -> str:
    """Return a line about the scale and the configuration of the measures."""
    facts = data.behaviour.describe()
    config = data.behaviour.config
    scale = "no scale"
    if facts["cm_per_px"] is not None:
        scale = f"{facts['cm_per_px']:.4g} cm per pixel"
    body = "unknown"
    if facts["body_length"] is not None:
        body = f"{facts['body_length']:.3g} {facts['unit']}"
    pixels = ""
    if facts["pixel_aspect"] != 1:
        pixels = f" of height; pixels {facts['pixel_aspect']:.4g} times as wide as high"
    interpolated = "counted" if config.use_interpolated else "left out"
    return (
        f"{scale}{pixels}; body length {body}; "
        f"positions smoothed over {facts['smoothing_frames']} frames, "
        f"gaps up to {facts['max_gap_s']:g} s interpolated, "
        f"positions interpolated by identification {interpolated}; "
        f"distance counts from {config.min_moving_speed} on, "
        f"immobile is slower than {config.max_immobile_speed} for {config.min_immobile_s:g} s."
    )


class _ReportColumn(NamedTuple):
    """A column of the table of animals; it is left out if no value is known."""

    heading: str
    values: Float64
    format: str


def tabulate_animals(data: PlotData) -> list[list[str]]:
    """Return a table of the animals over the whole recording; the first row is the heading."""
    animals = compute_measures(data.behaviour)["animals"]
    if not len(animals["animal"]):
        return [["animal"]]
    shown = [
        column
        for column in _make_columns(animals, data.behaviour.layout.unit)
        if np.isfinite(column.values).any()
    ]
    table = [["animal", *(column.heading for column in shown)]]
    for row, name in enumerate(animals["animal"]):
        cells = [_format_cell(column.values[row], column.format) for column in shown]
        table.append([str(name), *cells])
    if data.identity_probabilities is not None:
        table[0].append("identity sure")
        for cells, probability in zip(table[1:], data.identity_probabilities.means, strict=True):
            flag = " (uncertain)" if is_uncertain(probability) else ""
            cells.append(format_probability(probability) + flag)
    return table


def _make_columns(animals: Table, unit: str) -> list[_ReportColumn]:
    """Return the columns of the report: shares in percent, distances in metres."""
    known_s = animals["seen_s"] + animals["interpolated_s"]
    total_s = known_s + animals["missing_s"]
    known = 100 * (1 - animals["missing_s"] / np.maximum(total_s, 1e-9))
    contact = 100 * animals["contact_s"] / np.where(known_s > 0, known_s, np.nan)
    if unit == "cm":
        distance = _ReportColumn("distance (m)", animals["distance_cm"] / 100, "{:.1f}")
    else:
        distance = _ReportColumn(f"distance ({unit})", animals[f"distance_{unit}"], "{:.0f}")
    return [
        _ReportColumn("known (%)", known, "{:.1f}"),
        distance,
        _ReportColumn(f"speed ({unit}/s)", animals[f"speed_mean_{unit}_s"], "{:.1f}"),
        _ReportColumn("immobile (%)", 100 * animals["immobile_share"], "{:.0f}"),
        _ReportColumn("border (%)", 100 * animals["border_share"], "{:.0f}"),
        _ReportColumn("contact (%)", contact, "{:.0f}"),
        _ReportColumn("huddle (s)", animals["huddle_s"], "{:.0f}"),
    ]


def _format_cell(value: float, number_format: str) -> str:
    return "" if np.isnan(value) else number_format.format(value)

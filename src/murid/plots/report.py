"""the report of a recording: one page for print (PDF), and the same larger for the screen (HTML)."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from murid.analysis.measures import Table, compute_measures
from murid.core.files import write_text
from murid.plots.figures import DRAWERS, draw, list_figures, save
from murid.plots.maps import MOST_PANELS
from murid.plots.plot_data import PlotData

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

_A4_IN = (8.27, 11.69)
_MOST_IN = 13.0  # of what the parts would like to be high: more is squeezed
_PRINTED = (0.045, 0.03, 0.91, 0.94)  # of the page, within the margins of printers
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 1200px; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; margin: 1em 0; font-variant-numeric: tabular-nums; }
th, td { padding: 2px 10px; text-align: right; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; }
img { max-width: 100%; display: block; margin: 1.5em 0; } .note { background: #fff4d6; padding: .4em .8em; }
"""


def write_pdf(path: Path, data: PlotData) -> None:
    """Write the report as one page; raises `StorageError`."""
    save(draw_page(data), path)


def draw_page(data: PlotData) -> Figure:
    """Draw all figures and a table of the animals on one page: A4, or larger in its shape for many animals."""
    from matplotlib.figure import Figure

    n = min(len(data.names), MOST_PANELS)
    places = 2.6 if n < 2 else 3.0 + 0.22 * max(0, n - 9)
    rows = [0.55, places, 0.8 + 0.3 * n, 1.0 + 0.26 * n, 0.9 + 0.22 * n, 0.5 + 0.17 * n]
    larger = max(1.0, sum(rows) / _MOST_IN)
    page = Figure(figsize=(larger * _A4_IN[0], larger * _A4_IN[1]), dpi=150)
    page.set_layout_engine("constrained", rect=_PRINTED)
    head, maps, speed, middle, identities, foot = _split(page, height_ratios=rows, hspace=0.03)
    _write_heading(head, data)
    left, right = _split(maps, width_ratios=[1, 1.12])
    DRAWERS["paths"](left, data)
    DRAWERS["occupancy"](right, data)
    DRAWERS["speed"](speed, data)
    if "social" in list_figures(data):
        left, right = _split(middle, width_ratios=[1.15, 1])
        DRAWERS["ethogram"](left, data)
        DRAWERS["social"](right, data)
    else:
        DRAWERS["ethogram"](middle, data)
    DRAWERS["identities"](identities, data)
    _draw_table(foot, tabulate(data))
    return page


def _split(figure: Figure | SubFigure, **ratios: Any) -> list[SubFigure]:
    """Parts of a figure, in one row or column, as many as there are ratios."""
    shape = len(ratios.get("height_ratios", [1])), len(ratios.get("width_ratios", [1]))
    parts: list[SubFigure] = np.ravel(np.asarray(figure.subfigures(*shape, **ratios))).tolist()
    return parts


def write_html(path: Path, data: PlotData) -> None:
    """Write the report as one page that holds its pictures; raises `StorageError`."""
    table = tabulate(data)
    cells = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in table[1:]
    )
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table[0])
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in data.notes)
    pictures = "".join(
        f'<img alt="{name}" src="{_embed(name, data)}">' for name in list_figures(data)
    )
    body = (
        f"<h1>{escape(data.name)}</h1><p>{escape(describe(data))}</p>{notes}"
        f"<table><tr>{head}</tr>{cells}</table>{pictures}<p>{escape(explain(data))}</p>"
    )
    title = f'<meta charset="utf-8"><title>{escape(data.name)}</title><style>{_STYLE}</style>'
    write_text(
        path, f"<!doctype html><html lang=en><head>{title}</head><body>{body}</body></html>\n"
    )


def describe(data: PlotData) -> str:
    """One sentence: how long, how many animals, in what."""
    behaviour, minutes = data.behaviour, data.duration_s / 60
    length = f"{minutes:.1f} min" if minutes < 180 else f"{minutes / 60:.1f} h"
    arenas = f", {len(behaviour.layout.arenas)} arenas" if len(behaviour.layout.arenas) > 1 else ""
    n = len(data.names)
    return f"{n} {'animal' if n == 1 else 'animals'}{arenas}, {length}, {behaviour.n_frames} frames"


def explain(data: PlotData) -> str:
    """One sentence: how it was measured."""
    facts, config = data.behaviour.describe(), data.behaviour.config
    unit = facts["unit"]
    scale = "no scale" if facts["cm_per_px"] is None else f"{facts['cm_per_px']:.4g} cm per pixel"
    interpolated = "counted" if config.use_interpolated else "left out"
    body = "unknown" if facts["body_length"] is None else f"{facts['body_length']:.3g} {unit}"
    return (
        f"{scale}; body length {body}; positions smoothed over {facts['smoothing_frames']} frames, gaps up to "
        f"{config.max_gap_s:g} s bridged, filled-in positions {interpolated}; distance counts from {config.min_moving_speed} on, "
        f"immobile is slower than {config.max_immobile_speed} for {config.min_immobile_s:g} s."
    )


def tabulate(data: PlotData) -> list[list[str]]:
    """Rows of text, the first one the heading: the animals and what they did over the whole recording."""
    animals, unit = compute_measures(data.behaviour)["animals"], data.behaviour.layout.unit
    columns = {
        "animal": ("animal", "{}"),
        "known (%)": ("known", "{:.1f}"),
        f"distance ({'m' if unit == 'cm' else unit})": (
            f"distance_{unit}",
            "{:.1f}" if unit == "cm" else "{:.0f}",
        ),
        f"speed ({unit}/s)": (f"speed_mean_{unit}_s", "{:.1f}"),
        "immobile (%)": ("immobile_share", "{:.0f}"),
        "border (%)": ("border_share", "{:.0f}"),
        "contact (%)": ("contact_share", "{:.0f}"),
        "huddle (s)": ("huddle_s", "{:.0f}"),
    }
    values = _prepare(animals, unit)
    shown = {
        head: (key, form)
        for head, (key, form) in columns.items()
        if key == "animal" or (key in values and np.isfinite(values[key]).any())
    }
    n = len(data.names)
    return [
        list(shown),
        *([_format(values[key][k], form) for key, form in shown.values()] for k in range(n)),
    ]


def _format(value: Any, form: str) -> str:
    return "" if isinstance(value, float) and np.isnan(value) else form.format(value)


def _prepare(animals: Table, unit: str) -> dict[str, Any]:
    """Columns of the table of animals as the report has them: shares in percent, distance in metres."""
    if not animals:
        return {"animal": []}
    values = dict(animals)
    total = animals["seen_s"] + animals["interpolated_s"] + animals["missing_s"]
    values["known"] = 100 * (1 - animals["missing_s"] / np.maximum(total, 1e-9))
    for name in ("immobile_share", "border_share"):
        values[name] = 100 * animals[name]
    known_s = animals["seen_s"] + animals["interpolated_s"]
    values["contact_share"] = 100 * animals["contact_s"] / np.where(known_s > 0, known_s, np.nan)
    if unit == "cm":
        values["distance_cm"] = animals["distance_cm"] / 100
    return values


def _write_heading(figure: SubFigure, data: PlotData) -> None:
    figure.text(0.01, 0.95, data.name, fontsize=14, weight="bold", va="top")
    figure.text(0.99, 0.92, describe(data), fontsize=9, va="top", ha="right")
    figure.text(
        0.01, 0.42, "  ".join([explain(data), *data.notes]), fontsize=6.5, va="top", wrap=True
    )


def _draw_table(figure: SubFigure, table: Sequence[Sequence[str]]) -> None:
    axes = figure.subplots()
    axes.set_axis_off()
    rows = list(table[1 : MOST_PANELS + 1])
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


def _embed(name: str, data: PlotData) -> str:
    buffer = io.BytesIO()
    draw(name, data).savefig(buffer, format="png")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()

"""What happened when: speed, an ethogram, and how sure each identity is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from murid.analysis.gaps import find_runs
from murid.core.types import Bool, Float64
from murid.plots.plot_data import PlotData
from murid.plots.style import GREY, HATCHES, INK, PALE, choose_look, choose_time_unit, to_rgb
from murid.video import PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

MOST_ROWS = 24
_N_POINTS = 600
_MOST_RANK = 99.5  # percentile of the speeds that reaches the head of a row
_NARROW_IN = 5.0
_ROW = 0.8  # of the distance between rows
_LEAST_CHANCE = 0.01
_MOST_LABELS = 12
_ZONE_COLOURS = (PALETTE[1], PALETTE[0], PALETTE[2], PALETTE[4], PALETTE[5], PALETTE[3])


def draw_speed(figure: Figure | SubFigure, data: PlotData) -> None:
    """Draw the speed of each animal over time: the mean in each of 600 spans, the range, and immobility as a strip."""
    behaviour, (per_unit, _) = data.behaviour, choose_time_unit(data.duration_s)
    n = min(len(data.names), MOST_ROWS)
    courses = [_summarise(behaviour.speed[:, k]) for k in range(n)]
    highest = np.concatenate(
        [np.zeros(0), *(course[2][np.isfinite(course[2])] for course in courses)]
    )
    top = _round_up(float(np.percentile(highest, _MOST_RANK)) if len(highest) else 1.0)
    height = f"a row is {top:g} {behaviour.layout.unit}/s high"
    _title(figure, "Speed", data, n, f"{height}; line: mean, pale: range, black strip: immobile")
    axes = _make_rows(figure, data, n)
    for k, (places, mean, high, low) in enumerate(courses):
        colour, _ = choose_look(k)
        at, foot = data.edges_s[places] / per_unit, k + 0.36
        low_y, mean_y, high_y = (
            foot - _ROW * np.clip(values / top, 0, 1) for values in (low, mean, high)
        )
        axes.hlines([foot, foot - _ROW], *axes.get_xlim(), color=PALE, linewidth=0.5, zorder=1)
        axes.fill_between(at, low_y, high_y, color=colour, alpha=0.6, linewidth=0, zorder=2)
        axes.plot(at, mean_y, color=INK, linewidth=0.8, zorder=3)
        _draw_spans(axes, data, behaviour.immobile[k].to_mask(behaviour.n_frames), foot, 0.08, INK)


def draw_ethogram(figure: Figure | SubFigure, data: PlotData) -> None:
    """Draw for each animal, over time, which zone it was in, and below when it rested or was in contact."""
    behaviour = data.behaviour
    n = min(len(data.names), MOST_ROWS)
    _title(figure, "Ethogram", data, n)
    axes = _make_rows(figure, data, n)
    names = list(dict.fromkeys(zone.name for zone in behaviour.layout.zones))
    looks = {name: _choose_zone_look(place) for place, name in enumerate(names)}
    for k in range(n):
        for name, (inside, _) in behaviour.find_in_zones(k).items():
            _draw_spans(axes, data, inside, k - 0.4, 0.4, **looks[name])
        lanes = [
            (behaviour.immobile[k].to_mask(behaviour.n_frames), INK),
            (behaviour.find_contact_frames(k), GREY),
        ]
        for lane, (mask, colour) in enumerate(lanes):
            _draw_spans(axes, data, mask, k + 0.06 + 0.18 * lane, 0.15, colour)
        _draw_spans(axes, data, behaviour.missing[:, k], k - 0.02, 0.04, PALE)
    _draw_legend(axes, {name: looks[name] for name in names} | _name_lanes(len(data.names)))


def draw_identities(figure: Figure | SubFigure, data: PlotData) -> None:
    """Draw for each animal, over time, whether it was seen, how certain it is, and doubtful crossings between two."""
    told, n = data.trajectories, min(len(data.names), MOST_ROWS)
    _title(
        figure,
        "Identities",
        data,
        n,
        "white line: certainty, 0.5 at the foot of a bar and 1 at its head",
    )
    axes = _make_rows(figure, data, n)
    for k in range(n):
        seen = np.isfinite(told.confidence[:, k])
        interpolated = (
            np.zeros(len(seen), bool) if told.interpolated is None else told.interpolated[:, k]
        )
        colour, hatch = choose_look(k)
        axes.hlines(k, *axes.get_xlim(), color=PALE, linewidth=1, zorder=1)
        _draw_spans(axes, data, seen & ~interpolated, k - 0.3, 0.6, colour, hatch=hatch)
        _draw_spans(axes, data, interpolated, k - 0.12, 0.24, colour, alpha=0.5)
        if told.identity_probability is not None:
            _draw_certainty(axes, data, k)
    n_shown = _draw_crossings(axes, data, n)
    marks: dict[str, dict[str, Any]] = {
        "seen": {"facecolor": choose_look(0)[0]},
        "filled in": {"facecolor": choose_look(0)[0], "alpha": 0.5},
        "missing": {"facecolor": PALE},
    }
    _draw_legend(axes, marks, f"crossing, chance of an exchange ≥ {_LEAST_CHANCE:.0%} ({n_shown})")


def _make_rows(figure: Figure | SubFigure, data: PlotData, n: int) -> Axes:
    """Axes with a row for each animal over time."""
    axes: Axes = figure.subplots()
    per_unit, unit = choose_time_unit(data.duration_s)
    axes.set(
        xlim=(data.edges_s[0] / per_unit, max(data.edges_s[-1] / per_unit, 1e-9)),
        ylim=(n - 0.4, -0.6),
    )
    axes.set_yticks(range(n), data.names[:n], fontsize=8)
    axes.set_xlabel(unit, fontsize=8)
    axes.tick_params(axis="x", labelsize=7)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    return axes


def _draw_spans(
    axes: Axes,
    data: PlotData,
    mask: Bool,
    low: float,
    height: float,
    facecolor: Any = INK,
    **look: Any,
) -> None:
    """Draw bars over the stretches in which a mask ``(F,)`` holds."""
    per_unit, _ = choose_time_unit(data.duration_s)
    edges = data.edges_s / per_unit
    runs = find_runs(mask)
    if len(runs):
        spans = np.column_stack([edges[runs[:, 0]], edges[runs[:, 1]] - edges[runs[:, 0]]])
        style: dict[str, Any] = {
            "edgecolor": "#00000055",
            "linewidth": 0.0 if not look.get("hatch") else 0.3,
        } | look
        axes.broken_barh(
            spans.tolist(), (low, height), facecolor=facecolor, zorder=2, rasterized=True, **style
        )


def _summarise(values: Float64) -> tuple[np.ndarray, Float64, Float64, Float64]:
    """Middle frames, mean, largest and smallest of some hundred spans; NaN where nothing is known."""
    edges = np.unique(np.linspace(0, len(values), min(_N_POINTS, len(values)) + 1).astype(int))
    known = np.isfinite(values)
    counts = np.add.reduceat(known, edges[:-1]) if len(values) else np.zeros(0)
    total = np.add.reduceat(np.where(known, values, 0), edges[:-1]) if len(values) else np.zeros(0)
    high = (
        np.maximum.reduceat(np.where(known, values, -np.inf), edges[:-1])
        if len(values)
        else np.zeros(0)
    )
    low = (
        np.minimum.reduceat(np.where(known, values, np.inf), edges[:-1])
        if len(values)
        else np.zeros(0)
    )
    some = counts > 0
    mean = np.divide(total, counts, out=np.full(len(counts), np.nan), where=some)
    middle = (edges[:-1] + edges[1:]) // 2
    return middle, mean, np.where(some, high, np.nan), np.where(some, low, np.nan)


def _round_up(value: float) -> float:
    """Smallest number not below a value of 1, 1.5, 2, 3, 4, 5, 6 or 8 times a power of ten."""
    if not value > 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    return float(
        next(
            step * power
            for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10)
            if step * power >= value * (1 - 1e-9)
        )
    )


def _choose_zone_look(place: int) -> dict[str, Any]:
    return {
        "facecolor": to_rgb(_ZONE_COLOURS[place % len(_ZONE_COLOURS)]),
        "hatch": HATCHES[place // len(_ZONE_COLOURS) % len(HATCHES)],
    }


def _name_lanes(n_animals: int) -> dict[str, dict[str, Any]]:
    lanes = {
        "immobile": {"facecolor": INK},
        "contact": {"facecolor": GREY},
        "missing": {"facecolor": PALE},
    }
    return lanes if n_animals > 1 else {name: lanes[name] for name in ("immobile", "missing")}


def _draw_certainty(axes: Axes, data: PlotData, k: int) -> None:
    """A line through the bar of an animal, as low as its least certainty in each span."""
    assert data.trajectories.identity_probability is not None
    places, _, _, least = _summarise(data.trajectories.identity_probability[:, k])
    per_unit, _ = choose_time_unit(data.duration_s)
    height = k + 0.3 - 1.2 * np.clip(least - 0.5, 0, 0.5)
    at = data.edges_s[places] / per_unit
    axes.plot(at, height, color=INK, linewidth=2.0, zorder=3)
    axes.plot(at, height, color="white", linewidth=1.0, zorder=3)


def _draw_crossings(axes: Axes, data: PlotData, n: int) -> int:
    """A line between the two animals of each doubtful crossing, with its chance at the most doubtful; their number."""
    rows = {name: k for k, name in enumerate(data.names[:n])}
    per_unit, _ = choose_time_unit(data.duration_s)
    doubtful = [c for c in data.crossings if c["swap_probability"] >= _LEAST_CHANCE]
    for place, crossing in enumerate(doubtful):
        pair = sorted(
            rows[name]
            for name in (str(crossing["identity_a"]), str(crossing["identity_b"]))
            if name in rows
        )
        if len(pair) < 2:
            continue
        middle = (int(crossing["first_frame"]) + int(crossing["last_frame"])) // 2
        at = data.edges_s[np.clip(middle, 0, len(data.edges_s) - 1)] / per_unit
        axes.plot(
            [at, at],
            pair,
            color=INK,
            linewidth=1,
            marker="D",
            markersize=4,
            markerfacecolor="white",
            zorder=4,
        )
        if place < _MOST_LABELS:
            axes.annotate(
                f"{crossing['swap_probability']:.0%}",
                (at, sum(pair) / 2),
                (3, 0),
                textcoords="offset points",
                fontsize=6.5,
                va="center",
                bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.5},
                zorder=5,
            )
    return len(doubtful)


def _draw_legend(
    axes: Axes, looks: Mapping[str, Mapping[str, Any]], line: str | None = None
) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    marks: list[Any] = [
        Patch(label=name, **{"edgecolor": "#00000055"} | dict(look)) for name, look in looks.items()
    ]
    if line is not None:
        marks.append(
            Line2D([], [], color=INK, marker="D", markersize=4, markerfacecolor="white", label=line)
        )
    is_narrow = axes.figure.bbox.width < _NARROW_IN * axes.figure.dpi
    axes.legend(
        handles=marks,
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=3 if is_narrow else 8,
        frameon=False,
        fontsize=7,
        borderaxespad=0.1,
        columnspacing=1.2,
    )


def _title(
    figure: Figure | SubFigure, title: str, data: PlotData, n: int, explanation: str = ""
) -> None:
    more = f" ({n} of {len(data.names)} animals)" if n < len(data.names) else ""
    figure.suptitle(title + more, x=0.01, ha="left", fontsize=10, weight="bold")
    if explanation:
        figure.text(0.99, 0.985, explanation, ha="right", va="top", fontsize=7, color=GREY)

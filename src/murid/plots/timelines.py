"""Timelines, one row per animal: speed, ethogram, and identity probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from murid.analysis.bins import Bins
from murid.analysis.gaps import find_runs
from murid.core.types import Bool, Float64
from murid.plots.plot_data import PlotData
from murid.plots.style import (
    GREY,
    HATCHES,
    INK,
    PALE,
    choose_animal_style,
    choose_time_unit,
    draw_title,
    to_rgb,
)
from murid.video import PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

# More rows are too small to read.
MAX_ROWS = 24
# Points of a curve, about one per two pixels of the page: more would hide the mean in noise.
_N_POINTS = 600
# This percentile of all speeds reaches the top of a row, so that single jumps do not set the scale.
_MAX_SPEED_PERCENTILE = 99.5
# Height of a row of speeds, as a fraction of the distance between rows. All other offsets in rows
# are in the same unit, from the middle of the row down.
_ROW_HEIGHT = 0.8
# Crossings with a lower swap probability are not drawn; only the first few have a label.
_MIN_SWAP_PROBABILITY = 0.01
_MAX_LABELS = 12
# In a narrower figure the legend has several lines.
_NARROW_IN = 5.0
# The order keeps zones from having the colours of the first animals.
_ZONE_COLOURS = (PALETTE[1], PALETTE[0], PALETTE[2], PALETTE[4], PALETTE[5], PALETTE[3])
_BAR_EDGE = "#00000055"


def draw_speed(figure: Figure | SubFigure, data: PlotData) -> None:
    """Draw the speed of each animal: mean and range in 600 intervals, and immobility as a strip."""
    behaviour = data.behaviour
    n_rows = min(len(data.names), MAX_ROWS)
    curves = [_summarise(data, behaviour.speed[:, animal]) for animal in range(n_rows)]
    maxima = [curve.maximum[np.isfinite(curve.maximum)] for curve in curves]
    all_maxima = np.concatenate([np.zeros(0), *maxima])
    max_speed = 1.0
    if len(all_maxima):
        max_speed = float(np.percentile(all_maxima, _MAX_SPEED_PERCENTILE))
    top = _round_up(max_speed)
    explanation = (
        f"a row is {top:g} {behaviour.layout.unit}/s high; "
        "line: mean, pale: range, black strip: immobile"
    )
    _draw_heading(figure, "Speed", data, n_rows, explanation)
    axes = _make_rows(figure, data, n_rows)
    for animal, curve in enumerate(curves):
        baseline = animal + 0.36
        low = _to_row_height(curve.minimum / top, baseline)
        mean = _to_row_height(curve.mean / top, baseline)
        high = _to_row_height(curve.maximum / top, baseline)
        time = curve.time_s / choose_time_unit(data.duration_s)[0]
        colour, _ = choose_animal_style(animal)
        limits = [baseline, baseline - _ROW_HEIGHT]
        axes.hlines(limits, *axes.get_xlim(), color=PALE, linewidth=0.5, zorder=1)
        axes.fill_between(time, low, high, color=colour, alpha=0.6, linewidth=0, zorder=2)
        axes.plot(time, mean, color=INK, linewidth=0.8, zorder=3)
        alone = _find_isolated(curve.mean)
        axes.vlines(time[alone], low[alone], high[alone], color=colour, alpha=0.6, linewidth=1.5)
        axes.plot(time[alone], mean[alone], ".", color=INK, markersize=1.5, zorder=3)
        immobile = behaviour.immobile[animal].to_mask(behaviour.n_rows)
        _draw_bars(axes, data, immobile, baseline, 0.08, INK)


def _to_row_height(fractions: Float64, baseline: float) -> Float64:
    """Return vertical coordinates of fractions of a row; the axis of rows points down."""
    heights: Float64 = baseline - _ROW_HEIGHT * np.clip(fractions, 0, 1)
    return heights


def draw_ethogram(figure: Figure | SubFigure, data: PlotData) -> None:
    """Draw the zone of each animal over time, and below when it was immobile or in contact."""
    behaviour = data.behaviour
    n_rows = min(len(data.names), MAX_ROWS)
    _draw_heading(figure, "Ethogram", data, n_rows)
    axes = _make_rows(figure, data, n_rows)
    zone_names = dict.fromkeys(zone.name for zone in behaviour.layout.zones)
    zone_styles = {name: _choose_zone_style(number) for number, name in enumerate(zone_names)}
    for animal in range(n_rows):
        for name, frames in behaviour.find_zone_frames(animal).items():
            _draw_bars(axes, data, frames.inside, animal - 0.4, 0.4, **zone_styles[name])
        immobile = behaviour.immobile[animal].to_mask(behaviour.n_rows)
        in_contact = behaviour.find_contact_frames(animal)
        _draw_bars(axes, data, immobile, animal + 0.06, 0.15, INK)
        _draw_bars(axes, data, in_contact, animal + 0.24, 0.15, GREY)
        _draw_bars(axes, data, behaviour.missing[:, animal], animal - 0.02, 0.04, PALE)
    state_styles = {"immobile": {"facecolor": INK}}
    if len(data.names) > 1:
        state_styles["contact"] = {"facecolor": GREY}
    state_styles["missing"] = {"facecolor": PALE}
    _draw_legend(axes, zone_styles | state_styles)


def draw_identities(figure: Figure | SubFigure, data: PlotData) -> None:
    """Draw when each animal was detected, its identity probability, and uncertain crossings."""
    trajectories = data.trajectories
    clock = data.behaviour.clock
    n_rows = min(len(data.names), MAX_ROWS)
    explanation = "white line: identity probability, 0 at the bottom of a bar and 1 at its top"
    _draw_heading(figure, "Identities", data, n_rows, explanation)
    axes = _make_rows(figure, data, n_rows)
    for animal in range(n_rows):
        has_box: Bool = np.isfinite(trajectories.confidence[:, animal])
        known = clock.expand(has_box, False)
        # Time of dropped frames is interpolated, and gaps in the recording are missing.
        interpolated = ~clock.is_filmed & ~data.behaviour.missing[:, animal]
        if trajectories.interpolated is not None:
            interpolated |= clock.expand(trajectories.interpolated[:, animal], False)
        colour, hatch = choose_animal_style(animal)
        axes.hlines(animal, *axes.get_xlim(), color=PALE, linewidth=1, zorder=1)
        _draw_bars(axes, data, known & ~interpolated, animal - 0.3, 0.6, colour, hatch=hatch)
        _draw_bars(axes, data, interpolated, animal - 0.12, 0.24, colour, alpha=0.5)
        if trajectories.identity_probability is not None:
            probability = clock.expand(trajectories.identity_probability[:, animal], np.nan)
            _draw_identity_probability(axes, data, animal, probability)
    n_crossings = _draw_crossings(axes, data, n_rows)
    colour, _ = choose_animal_style(0)
    styles: dict[str, dict[str, Any]] = {
        "detected": {"facecolor": colour},
        "interpolated": {"facecolor": colour, "alpha": 0.5},
        "missing": {"facecolor": PALE},
    }
    crossings_label = f"crossing, swap probability ≥ {_MIN_SWAP_PROBABILITY:.0%} ({n_crossings})"
    _draw_legend(axes, styles, crossings_label)


def _draw_heading(
    figure: Figure | SubFigure, title: str, data: PlotData, n_rows: int, explanation: str = ""
) -> None:
    draw_title(figure, title, n_rows, len(data.names))
    if explanation:
        figure.text(0.99, 0.985, explanation, ha="right", va="top", fontsize=7, color=GREY)


def _make_rows(figure: Figure | SubFigure, data: PlotData, n_rows: int) -> Axes:
    """Return axes with time to the right and a row per animal, at 0, 1, 2, ... from the top."""
    axes: Axes = figure.subplots()
    unit_s, label = choose_time_unit(data.duration_s)
    start = data.edges_s[0] / unit_s
    end = data.edges_s[-1] / unit_s
    axes.set(xlim=(start, max(end, 1e-9)), ylim=(n_rows - 0.4, -0.6))
    axes.set_yticks(range(n_rows), data.labels[:n_rows], fontsize=8)
    axes.set_xlabel(label, fontsize=8)
    axes.tick_params(axis="x", labelsize=7)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    return axes


def _draw_bars(
    axes: Axes,
    data: PlotData,
    mask: Bool,
    top: float,
    height: float,
    facecolor: Any = INK,
    **style: Any,
) -> None:
    """Draw bars over the intervals in which a mask ``(R,)`` is True."""
    runs = find_runs(mask)
    if not len(runs):
        return
    unit_s, _ = choose_time_unit(data.duration_s)
    start = data.edges_s[runs[:, 0]] / unit_s
    end = data.edges_s[runs[:, 1]] / unit_s
    spans = np.column_stack([start, end - start])
    # Only hatched bars need an edge; it would cover short bars.
    edge: dict[str, Any] = {
        "edgecolor": _BAR_EDGE,
        "linewidth": 0.3 if style.get("hatch") else 0.0,
    }
    axes.broken_barh(
        spans.tolist(),
        (top, height),
        facecolor=facecolor,
        zorder=2,
        rasterized=True,
        **edge | style,
    )


class _Curve(NamedTuple):
    """Statistics of intervals of equal length: middle, mean, maximum, minimum; NaN = unknown."""

    time_s: Float64
    mean: Float64
    maximum: Float64
    minimum: Float64


def _summarise(data: PlotData, values: Float64) -> _Curve:
    """Return at most `_N_POINTS` points of a curve of values ``(R,)``; NaN is ignored.

    An interval in which no value is known, such as one within a gap, interrupts the curve.
    """
    clock = data.behaviour.clock
    # A single frame has no duration. No point is shorter than a frame.
    length_s = None
    if data.duration_s:
        length_s = max(data.duration_s / _N_POINTS, clock.interval_s)
    bins = Bins.cut(clock.time_s, clock.durations_s, length_s)
    return _Curve(
        time_s=0.5 * (bins.start_s + bins.end_s),
        mean=bins.mean(values),
        maximum=bins.max(values),
        minimum=bins.min(values),
    )


def _find_isolated(values: Float64) -> Bool:
    """Return which points of a curve are known while their neighbours are not, ``(P,)``.

    A line does not show them. They occur where frames come in bursts shorter than a point.
    """
    known = np.isfinite(values)
    padded = np.concatenate([[False], known, [False]])
    isolated: Bool = known & ~padded[:-2] & ~padded[2:]
    return isolated


def _round_up(value: float) -> float:
    """Return the lowest 1, 1.5, 2, 3, 4, 5, 6 or 8 times a power of ten not below a value."""
    if not value > 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    steps = (1, 1.5, 2, 3, 4, 5, 6, 8, 10)
    # The factor allows for rounding errors of the logarithm.
    return float(next(step * power for step in steps if step * power >= value * (1 - 1e-9)))


def _choose_zone_style(number: int) -> dict[str, Any]:
    colour = _ZONE_COLOURS[number % len(_ZONE_COLOURS)]
    hatch = HATCHES[number // len(_ZONE_COLOURS) % len(HATCHES)]
    return {"facecolor": to_rgb(colour), "hatch": hatch}


def _draw_identity_probability(
    axes: Axes, data: PlotData, animal: int, probability: Float64
) -> None:
    """Draw a line through the bar of an animal: the lowest probability of each interval."""
    curve = _summarise(data, probability)
    y = animal + 0.3 - 0.6 * curve.minimum
    time = curve.time_s / choose_time_unit(data.duration_s)[0]
    axes.plot(time, y, color=INK, linewidth=2.0, zorder=3)
    axes.plot(time, y, color="white", linewidth=1.0, zorder=3)
    alone = _find_isolated(curve.mean)
    axes.plot(time[alone], y[alone], ".", color="white", markersize=2.0, zorder=3)


def _draw_crossings(axes: Axes, data: PlotData, n_rows: int) -> int:
    """Draw a line between the two animals of each uncertain crossing; return the number of these.

    The crossings with the highest swap probability, which come first, are labelled with it.
    """
    rows = {name: row for row, name in enumerate(data.names[:n_rows])}
    uncertain = [
        crossing
        for crossing in data.crossings
        if crossing["swap_probability"] >= _MIN_SWAP_PROBABILITY
    ]
    unit_s, _ = choose_time_unit(data.duration_s)
    for number, crossing in enumerate(uncertain):
        names = (str(crossing["identity_a"]), str(crossing["identity_b"]))
        if not all(name in rows for name in names):
            continue
        pair = sorted(rows[name] for name in names)
        middle = (int(crossing["first_frame"]) + int(crossing["last_frame"])) // 2
        times_s = data.trajectories.time_s
        time = times_s[min(max(middle, 0), len(times_s) - 1)] / unit_s
        axes.plot(
            [time, time],
            pair,
            color=INK,
            linewidth=1,
            marker="D",
            markersize=4,
            markerfacecolor="white",
            zorder=4,
        )
        if number < _MAX_LABELS:
            label = f"{crossing['swap_probability']:.0%}"
            _draw_crossing_label(axes, time, sum(pair) / 2, label)
    return len(uncertain)


def _draw_crossing_label(axes: Axes, time: float, row: float, label: str) -> None:
    axes.annotate(
        label,
        (time, row),
        (3, 0),
        textcoords="offset points",
        fontsize=6.5,
        va="center",
        bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.5},
        zorder=5,
    )


def _draw_legend(
    axes: Axes, styles: Mapping[str, Mapping[str, Any]], crossings_label: str | None = None
) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = []
    for name, style in styles.items():
        handles.append(Patch(label=name, **{"edgecolor": _BAR_EDGE} | dict(style)))
    if crossings_label is not None:
        handles.append(
            Line2D(
                [],
                [],
                color=INK,
                marker="D",
                markersize=4,
                markerfacecolor="white",
                label=crossings_label,
            )
        )
    is_narrow = axes.figure.bbox.width < _NARROW_IN * axes.figure.dpi
    axes.legend(
        handles=handles,
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=3 if is_narrow else 8,
        frameon=False,
        fontsize=7,
        borderaxespad=0.1,
        columnspacing=1.2,
    )

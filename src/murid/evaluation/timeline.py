"""Timeline of the ids of every animal, and map of the ID switches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from murid.core.boxes import compute_centres
from murid.core.types import UInt8
from murid.evaluation.evaluate import ScoredSequence
from murid.metrics import IdSwitch, LabelledBoxes
from murid.plots.style import HATCHES, INK, PALE, choose_time_unit, to_rgb
from murid.video import PALETTE, choose_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Id of an interval in which an animal is visible, but not found.
MISSED = -1

# Limits that keep the figures readable: rows of the timeline, numbered switches on the map, and
# numbers in one label of the map.
_MAX_ROWS = 40
_MAX_NUMBERED_SWITCHES = 80
_MAX_NUMBERS_IN_LABEL = 4

# Weights of the relative luminance of sRGB. Below the limit, text on a colour is white.
_LUMINANCE_WEIGHTS = (0.2126, 0.7152, 0.0722)
_MAX_DARK_LUMINANCE = 0.4


class IdInterval(NamedTuple):
    """Consecutive frames in which an animal has one id.

    Attributes
    ----------
    start, end : int
        First frame, and frame after the last.
    id : int
        Id in the result, or `MISSED`.
    """

    start: int
    end: int
    id: int


def find_id_intervals(scored: ScoredSequence, animal: int) -> list[IdInterval]:
    """Return the intervals in which an animal has one id in the result, or is missed."""
    truth = scored.truth
    matching = scored.matching
    assigned_ids = np.full(len(truth), MISSED, np.int64)
    assigned_ids[matching.truth_rows] = scored.result.ids[matching.result_rows]

    rows = np.flatnonzero(truth.ids == animal)
    rows = rows[np.argsort(truth.frames[rows], kind="stable")]
    frames = truth.frames[rows]
    ids = assigned_ids[rows]
    breaks = np.flatnonzero((np.diff(frames) != 1) | (np.diff(ids) != 0)) + 1
    return [
        IdInterval(int(frames[part[0]]), int(frames[part[-1]]) + 1, int(ids[part[0]]))
        for part in np.split(np.arange(len(rows)), breaks)
    ]


def draw_timeline(scored: ScoredSequence, switches: Sequence[IdSwitch]) -> Figure:
    """Draw a row for each animal, coloured by its id in the result, with a mark at each switch.

    Of more than 40 animals, those with the most switches are shown.
    """
    from matplotlib.figure import Figure

    animals, counts = _choose_animals(scored.truth, switches)
    n_animals = len(np.unique(scored.truth.ids))
    figure = Figure(figsize=(12, 1.3 + 0.36 * len(animals)), layout="constrained", dpi=120)
    axes = figure.subplots()
    per_unit, unit = 1.0, "frame"
    if scored.pair.fps is not None:
        seconds, unit = choose_time_unit(scored.pair.n_frames / scored.pair.fps)
        per_unit = seconds * scored.pair.fps
    width = scored.pair.n_frames / per_unit
    for row, animal in enumerate(animals):
        spans: dict[int, list[tuple[float, float]]] = {}
        for start, end, name in find_id_intervals(scored, animal):
            spans.setdefault(name, []).append((start / per_unit, (end - start) / per_unit))
        for name, of_name in spans.items():
            _draw_spans(axes, row, name, of_name, width)
        times = [switch.frame / per_unit for switch in switches if switch.truth_id == animal]
        axes.vlines(times, row - 0.42, row + 0.42, colors=INK, linewidth=1.2, zorder=4)
        axes.scatter(
            times,
            [row - 0.46] * len(times),
            marker="v",
            s=42,
            color=INK,
            edgecolor="white",
            linewidth=0.7,
            zorder=5,
        )
    axes.set_yticks(
        range(len(animals)), [f"animal {animal}  ({counts.get(animal, 0)})" for animal in animals]
    )
    axes.set_ylim(len(animals) - 0.4, -0.8)
    axes.set_xlim(0, width)
    axes.set_xlabel(unit)
    shown = "" if len(animals) == n_animals else f" ({len(animals)} of {n_animals}, most switches)"
    axes.set_title(f"Which id each animal was given{shown}", loc="left", fontsize=11)
    _draw_legend(axes)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    return figure


def _choose_animals(
    truth: LabelledBoxes, switches: Sequence[IdSwitch]
) -> tuple[list[int], dict[int, int]]:
    counts: dict[int, int] = {}
    for switch in switches:
        counts[switch.truth_id] = counts.get(switch.truth_id, 0) + 1
    animals = np.unique(truth.ids).tolist()
    return sorted(sorted(animals, key=lambda animal: -counts.get(animal, 0))[:_MAX_ROWS]), counts


def _draw_spans(
    axes: Axes, row: int, name: int, spans: Sequence[tuple[float, float]], width: float
) -> None:
    """Draw the bars of one id in the row of an animal, given as starts and lengths."""
    if name == MISSED:
        axes.broken_barh(spans, (row - 0.06, 0.12), facecolor=PALE, zorder=2)
        return
    hatch = HATCHES[(name - 1) // len(PALETTE) % len(HATCHES)]
    colour = to_rgb(choose_colour(name))
    look: dict[str, Any] = {
        "facecolor": colour,
        "hatch": hatch,
        "edgecolor": "#00000055",
        "linewidth": 0.3,
    }
    axes.broken_barh(spans, (row - 0.32, 0.64), zorder=3, **look)
    is_dark = np.dot(colour, _LUMINANCE_WEIGHTS) < _MAX_DARK_LUMINANCE and not hatch
    box: dict[str, Any] | None = (
        {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1.0} if hatch else None
    )
    text: dict[str, Any] = {
        "ha": "center",
        "va": "center",
        "fontsize": 8,
        "color": "white" if is_dark else INK,
        "bbox": box,
    }
    for start, length in spans:
        if length / width > 0.008 * (1 + len(str(name))):
            axes.text(start + length / 2, row, str(name), zorder=6, **text)


def _draw_legend(axes: Axes) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    marks = [
        Patch(facecolor=to_rgb(PALETTE[1]), label="found, under this id"),
        Line2D([], [], color=PALE, linewidth=3, label="not found"),
        Line2D([], [], color=INK, marker="v", linestyle="none", label="ID switch, (n) of them"),
    ]
    axes.legend(
        handles=marks, loc="lower right", bbox_to_anchor=(1, 1), ncols=3, frameon=False, fontsize=8
    )


def draw_map(scored: ScoredSequence, switches: Sequence[IdSwitch], image: UInt8 | None) -> Figure:
    """Draw the paths of all animals and the ID switches, numbered as in the report, on a frame."""
    from matplotlib.figure import Figure

    truth = scored.truth
    width, height = _measure(scored, image)
    figure = Figure(figsize=(9, 9 * height / width + 0.5), layout="constrained", dpi=120)
    axes = figure.subplots()
    if image is not None:
        grey = image.mean(axis=2)
        axes.imshow(
            0.55 * grey + 0.45 * 255, cmap="gray", vmin=0, vmax=255, extent=(0, width, height, 0)
        )
    centres = compute_centres(truth.boxes)
    for animal in np.unique(truth.ids):
        own = np.flatnonzero(truth.ids == animal)
        own = own[np.argsort(truth.frames[own], kind="stable")]
        path: NDArray[Any] = np.insert(
            centres[own], np.flatnonzero(np.diff(truth.frames[own]) > 1) + 1, np.nan, axis=0
        )
        axes.plot(path[:, 0], path[:, 1], color="#0072b2", linewidth=0.8, alpha=0.35, zorder=2)
    places = centres[[switch.truth_row for switch in switches]]
    if len(switches) > _MAX_NUMBERED_SWITCHES:
        axes.scatter(
            places[:, 0],
            places[:, 1],
            s=36,
            color="#d55e00",
            edgecolor="white",
            linewidth=1,
            zorder=4,
        )
    else:
        _draw_numbers(axes, places, 0.02 * max(width, height))
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="equal", xticks=[], yticks=[])
    axes.set_title(
        "Where ids were switched (orange), and the paths of all animals (blue)",
        loc="left",
        fontsize=11,
    )
    return figure


def _draw_numbers(axes: Axes, places: NDArray[Any], radius: float) -> None:
    """Write the number of each switch; those nearer than `radius` pixels share a label."""
    labels: list[tuple[NDArray[Any], list[int]]] = []
    for number, place in enumerate(places, 1):
        near = next(
            (numbers for other, numbers in labels if np.hypot(*(other - place)) < radius), None
        )
        if near is None:
            labels.append((place, [number]))
        else:
            near.append(number)
    frame = {
        "boxstyle": "round,pad=0.25",
        "facecolor": "#d55e00",
        "edgecolor": "white",
        "linewidth": 1.2,
    }
    for (x, y), numbers in labels:
        text = ", ".join(map(str, numbers[:_MAX_NUMBERS_IN_LABEL])) + (
            " …" if len(numbers) > _MAX_NUMBERS_IN_LABEL else ""
        )
        axes.text(
            x,
            y,
            text,
            ha="center",
            va="center",
            fontsize=8,
            color="white",
            weight="bold",
            bbox=frame,
            zorder=5,
        )


def _measure(scored: ScoredSequence, image: UInt8 | None) -> tuple[float, float]:
    """Return width and height of the image, or of the area that the ground truth covers."""
    if image is not None:
        return float(image.shape[1]), float(image.shape[0])
    if scored.pair.size is not None:
        return float(scored.pair.size[0]), float(scored.pair.size[1])
    width, height = scored.truth.boxes[:, 2:].max(axis=0, initial=1)
    return float(width), float(height)

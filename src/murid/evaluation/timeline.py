"""Draw the timeline of the ids of every animal, and the map of ID switches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from murid.core.boxes import compute_centres
from murid.core.types import UInt8
from murid.evaluation.evaluate import ScoredSequence
from murid.metrics import IdSwitch, LabelledBoxes
from murid.plots.style import (
    INK,
    PALE,
    choose_animal_style,
    choose_time_unit,
    compute_luminance,
    to_rgb,
)
from murid.video import PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Id of an interval in which the ground truth has an animal, but the result has no match.
MISSED = -1

# Limits that keep the figures readable: rows of the timeline, numbered switches on the map, and
# numbers in one label of the map.
_MAX_ROWS = 40
_MAX_NUMBERED_SWITCHES = 80
_MAX_NUMBERS_IN_LABEL = 4

# Text on a colour with a lower relative luminance is white.
_MAX_DARK_LUMINANCE = 0.4

# The background of the map is mixed with white so that paths stand out.
_BACKGROUND_OPACITY = 0.55

# Blue paths and orange switches, which colour-blind people can distinguish.
_PATH_COLOUR = "#0072b2"
_SWITCH_COLOUR = "#d55e00"


class IdInterval(NamedTuple):
    """Consecutive scored frames in which an animal has one id.

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
    """Return the intervals in which an animal has one id in the result, or has no match.

    If only some frames are scored, an interval goes on to the next of them.
    """
    truth = scored.truth
    matching = scored.matching
    assigned_ids = np.full(len(truth), MISSED, np.int64)
    assigned_ids[matching.truth_rows] = scored.result.ids[matching.result_rows]

    rows = np.flatnonzero(truth.ids == animal)
    rows = rows[np.argsort(truth.frames[rows], kind="stable")]
    frames = truth.frames[rows]
    ids = assigned_ids[rows]
    scored_frames = scored.pair.scored_frames
    if scored_frames is None:
        scored_frames = np.arange(scored.pair.n_frames, dtype=np.int64)
    # Each scored frame stands for the frames up to the next one.
    ends = np.append(scored_frames[1:], scored_frames[-1] + 1)
    positions = np.searchsorted(scored_frames, frames)
    breaks = np.flatnonzero((np.diff(positions) != 1) | (np.diff(ids) != 0)) + 1
    return [
        IdInterval(int(frames[part[0]]), int(ends[positions[part[-1]]]), int(ids[part[0]]))
        for part in np.split(np.arange(len(rows)), breaks)
    ]


def draw_timeline(scored: ScoredSequence, switches: Sequence[IdSwitch]) -> Figure:
    """Draw a row for each animal, coloured by its id in the result, with a mark at each switch.

    Of more than 40 animals, those with the most switches are shown.
    """
    from matplotlib.figure import Figure

    n_frames = scored.pair.n_frames
    counts = Counter(switch.truth_id for switch in switches)
    animals = _choose_animals(scored.truth, counts)
    figure = Figure(figsize=(12, 1.3 + 0.36 * len(animals)), layout="constrained", dpi=120)
    axes = figure.subplots()

    # Without a frame rate, the axis counts frames.
    frames_per_unit = 1.0
    unit = "frame"
    if scored.pair.fps is not None:
        unit_s, unit = choose_time_unit(n_frames / scored.pair.fps)
        frames_per_unit = unit_s * scored.pair.fps
    duration = n_frames / frames_per_unit
    for row, animal in enumerate(animals):
        intervals = find_id_intervals(scored, animal)
        _draw_intervals(axes, row, intervals, frames_per_unit, duration)
        frames = [switch.frame for switch in switches if switch.truth_id == animal]
        _draw_switches(axes, row, [frame / frames_per_unit for frame in frames])

    axes.set_yticks(
        range(len(animals)), [f"animal {animal}  ({counts[animal]})" for animal in animals]
    )
    axes.set_ylim(len(animals) - 0.4, -0.8)
    axes.set_xlim(0, duration)
    axes.set_xlabel(unit)
    n_animals = len(np.unique(scored.truth.ids))
    selection = ""
    if len(animals) < n_animals:
        selection = f" ({len(animals)} of {n_animals}, most switches)"
    axes.set_title(f"Which id each animal was given{selection}", loc="left", fontsize=11)
    _draw_legend(axes)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    return figure


def _choose_animals(truth: LabelledBoxes, counts: Counter[int]) -> list[int]:
    """Return the animals with the most switches, by ascending id."""
    animals = np.unique(truth.ids).tolist()
    by_count = sorted(animals, key=lambda animal: -counts[animal])
    return sorted(by_count[:_MAX_ROWS])


def _draw_intervals(
    axes: Axes,
    row: int,
    intervals: Sequence[IdInterval],
    frames_per_unit: float,
    duration: float,
) -> None:
    """Draw the intervals of one animal; all bars of an id are drawn at once."""
    spans: dict[int, list[tuple[float, float]]] = {}
    for start, end, result_id in intervals:
        span = (start / frames_per_unit, (end - start) / frames_per_unit)
        spans.setdefault(result_id, []).append(span)
    for result_id, spans_of_id in spans.items():
        _draw_spans(axes, row, result_id, spans_of_id, duration)


def _draw_switches(axes: Axes, row: int, times: Sequence[float]) -> None:
    """Draw a line and a triangle at each switch of one animal."""
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


def _draw_spans(
    axes: Axes, row: int, result_id: int, spans: Sequence[tuple[float, float]], duration: float
) -> None:
    """Draw the bars of one id in the row of an animal, given as starts and lengths."""
    if result_id == MISSED:
        axes.broken_barh(spans, (row - 0.06, 0.12), facecolor=PALE, zorder=2)
        return
    # Ids count from 1, the styles of animals from 0.
    colour, hatch = choose_animal_style(result_id - 1)
    axes.broken_barh(
        spans,
        (row - 0.32, 0.64),
        zorder=3,
        facecolor=colour,
        hatch=hatch,
        edgecolor="#00000055",
        linewidth=0.3,
    )

    # Text on a hatch needs a background; on a dark colour it is white.
    is_dark = compute_luminance(colour) < _MAX_DARK_LUMINANCE and not hatch
    text: dict[str, Any] = {"color": "white" if is_dark else INK}
    if hatch:
        text["bbox"] = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1.0}
    for start, length in spans:
        # In a shorter bar, the text would not fit.
        if length / duration > 0.008 * (1 + len(str(result_id))):
            middle = start + length / 2
            axes.text(
                middle, row, str(result_id), ha="center", va="center", fontsize=8, zorder=6, **text
            )


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

    width, height = _get_image_size(scored, image)
    figure = Figure(figsize=(9, 9 * height / width + 0.5), layout="constrained", dpi=120)
    axes = figure.subplots()
    if image is not None:
        grey = image.mean(axis=2)
        pale = _BACKGROUND_OPACITY * grey + (1 - _BACKGROUND_OPACITY) * 255
        axes.imshow(pale, cmap="gray", vmin=0, vmax=255, extent=(0, width, height, 0))
    _draw_paths(axes, scored.truth)

    # Many numbers would cover each other, so only their places are shown.
    switch_rows = [switch.truth_row for switch in switches]
    places = compute_centres(scored.truth.boxes)[switch_rows]
    if len(switches) > _MAX_NUMBERED_SWITCHES:
        axes.scatter(
            places[:, 0],
            places[:, 1],
            s=36,
            color=_SWITCH_COLOUR,
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


def _draw_paths(axes: Axes, truth: LabelledBoxes) -> None:
    """Draw the path of each animal, with gaps where the ground truth has gaps."""
    centres = compute_centres(truth.boxes)
    for animal in np.unique(truth.ids):
        rows = np.flatnonzero(truth.ids == animal)
        rows = rows[np.argsort(truth.frames[rows], kind="stable")]
        gaps = np.flatnonzero(np.diff(truth.frames[rows]) > 1) + 1
        path: NDArray[Any] = np.insert(centres[rows], gaps, np.nan, axis=0)
        axes.plot(path[:, 0], path[:, 1], color=_PATH_COLOUR, linewidth=0.8, alpha=0.35, zorder=2)


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
        "facecolor": _SWITCH_COLOUR,
        "edgecolor": "white",
        "linewidth": 1.2,
    }
    for (x, y), numbers in labels:
        text = ", ".join(map(str, numbers[:_MAX_NUMBERS_IN_LABEL]))
        if len(numbers) > _MAX_NUMBERS_IN_LABEL:
            text += " …"
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


def _get_image_size(scored: ScoredSequence, image: UInt8 | None) -> tuple[float, float]:
    """Return width and height of the image, or of the area that the ground truth covers."""
    if image is not None:
        return float(image.shape[1]), float(image.shape[0])
    if scored.pair.size is not None:
        return float(scored.pair.size[0]), float(scored.pair.size[1])
    width, height = scored.truth.boxes[:, 2:].max(axis=0, initial=1)
    return float(width), float(height)

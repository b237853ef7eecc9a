"""The report: one page with the scores, timelines, maps and filmstrips of an evaluation."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from murid.core.files import make_directory, write_bytes, write_text
from murid.core.progress import ProgressCallback, no_progress
from murid.core.types import UInt8
from murid.datasets.images import iterate_frames
from murid.errors import ConfigError, SourceError
from murid.evaluation.evaluate import Evaluation, ScoredSequence
from murid.evaluation.filmstrip import Strip, fill
from murid.evaluation.tables import Cells, make_tables
from murid.evaluation.timeline import draw_map, draw_timeline
from murid.metrics import IdSwitch, find_id_switches
from murid.plots.style import check_matplotlib
from murid.video import open_source

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_STRIPS = 40

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 1200px; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; margin: 1em 0; font-variant-numeric: tabular-nums; }
th, td { padding: 2px 9px; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
img { max-width: 100%; display: block; } img[src$="map.png"] { max-width: min(100%, 800px); }
figure { margin: 1.2em 0; } figcaption { margin-bottom: .3em; }
.note { background: #fff4d6; padding: .4em .8em; }
"""


def write_report(
    directory: Path,
    evaluation: Evaluation,
    *,
    video: Path | None = None,
    report: ProgressCallback = no_progress,
) -> Path:
    """Write ``index.html`` and its pictures.

    Parameters
    ----------
    directory : Path
        Made if it is not there; what it holds of an earlier report is replaced.
    evaluation : Evaluation
    video : Path, optional
        The video, where it is not where run or truth say; for one sequence.
    report : callable
        Told of progress.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    ConfigError
        If one video is given for several sequences.
    SourceError
        If the given video cannot be opened, or a video is of another size than was evaluated.
    MissingExtraError, StorageError
        If matplotlib is not installed, or the directory cannot be written to.
    """
    check_matplotlib()
    if video is not None and len(evaluation.details) > 1:
        raise ConfigError(f"video: expected one sequence, got {len(evaluation.details)}")
    make_directory(directory)
    sections = [_write_sequence(directory, scored, video, report) for scored in evaluation.details]
    tables = "".join(_to_html(cells) for cells in make_tables(evaluation))
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in evaluation.notes)
    protocol = f"<p>ScoringProtocol: {escape(evaluation.protocol)}. What the columns mean: docs/evaluation.md.</p>"
    head = f'<meta charset="utf-8"><title>murid evaluate</title><style>{_STYLE}</style>'
    body = f"<h1>Evaluation</h1>{tables}{protocol}{notes}{''.join(sections)}"
    page = directory / "index.html"
    write_text(
        page, f"<!doctype html><html lang=en><head>{head}</head><body>{body}</body></html>\n"
    )
    return page


def _write_sequence(
    directory: Path, scored: ScoredSequence, video: Path | None, report: ProgressCallback
) -> str:
    """Write the pictures of one sequence and return its part of the page."""
    name, pair = scored.pair.name, scored.pair
    place = directory / name
    make_directory(place)
    for stale in place.glob("switch-*.jpg"):
        stale.unlink()
    switches = find_id_switches(scored.truth, scored.result, scored.matching)
    source = str(video) if video is not None else pair.video
    if source is None or (video is None and not Path(source).exists()):
        source, missing = (
            None,
            "<p class=note>No video found, so no filmstrips; --video says where it is.</p>",
        )
    else:
        _check_size(source, scored)
        missing = ""
    chosen = _spread(range(1, len(switches) + 1), _MOST_STRIPS) if source else []
    strips = {number: Strip(scored, switches[number - 1]) for number in chosen}
    view = _write_strips(place, strips, scored, source, report) if source else None
    _write_figure(place / "timeline.png", draw_timeline(scored, switches))
    _write_figure(place / "map.png", draw_map(scored, switches, view))
    parts = [
        f"<h2>{escape(name)}</h2>{missing}",
        _show(f"{name}/timeline.png"),
        _show(f"{name}/map.png"),
    ]
    if not switches:
        return "".join([*parts, "<p>No ID switch.</p>"])
    shown = (
        "" if len(chosen) == len(switches) else f", {len(chosen)} of {len(switches)} spread evenly"
    )
    explained = (
        f"<h3>ID switches{shown}</h3><p>Solid boxes: the result, coloured and named by id. White dashes: the "
        "animal whose id is switched. Orange frame: the first moment with the new id.</p>"
    )
    films = [
        _show(f"{name}/{_name_strip(n)}", _describe(n, switches[n - 1], pair.fps)) for n in chosen
    ]
    return "".join([*parts, explained if films else "", *films])


def _write_strips(
    place: Path,
    strips: dict[int, Strip],
    scored: ScoredSequence,
    source: str,
    report: ProgressCallback,
) -> UInt8 | None:
    """Write the strips, reading the video once; return the frame for the map."""
    middle = scored.pair.n_frames // 2
    wanted = sorted({middle}.union(*(strip.frames for strip in strips.values())))
    view: list[UInt8] = []
    numbers = {id(strip): number for number, strip in strips.items()}

    def read() -> Iterator[tuple[int, UInt8]]:
        for done, frame in enumerate(iterate_frames(source, wanted, skip_bad=True), 1):
            if frame.index >= middle and not view:
                view.append(frame.image)
            report("crop", done, len(wanted))
            yield frame.index, frame.image

    for strip in fill(list(strips.values()), read()):
        picture = np.ascontiguousarray(strip.render()[..., ::-1])
        _, packed = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])
        write_bytes(place / _name_strip(numbers[id(strip)]), packed.tobytes())
    return view[0] if view else None


def _check_size(source: str, scored: ScoredSequence) -> None:
    info, size = open_source(source).info, scored.pair.size
    if size is not None and size != (info.width, info.height):
        raise SourceError(
            source, "size", f"{size[0]}x{size[1]}, as was evaluated", f"{info.width}x{info.height}"
        )


def _spread(items: Sequence[int], most: int) -> list[int]:
    """At most so many of the items, evenly spread."""
    if len(items) <= most:
        return list(items)
    return [items[k] for k in np.linspace(0, len(items) - 1, most).round().astype(int)]


def _write_figure(path: Path, figure: Figure) -> None:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    write_bytes(path, buffer.getvalue())


def _name_strip(number: int) -> str:
    return f"switch-{number:03d}.jpg"


def _describe(number: int, switch: IdSwitch, fps: float | None) -> str:
    when = f"frame {switch.frame + 1}" + (f" ({switch.frame / fps:.1f} s)" if fps else "")
    gap = switch.frame - switch.last_frame - 1
    lost = f", after {gap} frames without a match" if gap else ""
    return f"<b>{number}</b> animal {switch.truth_id}: id {switch.old_id} → {switch.new_id} at {when}{lost}"


def _show(path: str, caption: str = "") -> str:
    text = f"<figcaption>{caption}</figcaption>" if caption else ""
    return f'<figure>{text}<img loading="lazy" src="{escape(path)}" alt=""></figure>'


def _to_html(cells: Cells) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in cells[0])
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in cells[1:]
    )
    return f"<table><tr>{head}</tr>{rows}</table>"

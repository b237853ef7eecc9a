"""HTML report of an evaluation: scores, timelines, maps and filmstrips of ID switches."""

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
from murid.evaluation.filmstrip import Filmstrip, fill_filmstrips
from murid.evaluation.tables import make_tables, to_html
from murid.evaluation.timeline import draw_map, draw_timeline
from murid.metrics import IdSwitch, find_id_switches
from murid.plots.style import check_matplotlib
from murid.video import open_source

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# More filmstrips make the page slow to load; of more switches, evenly spaced ones are shown.
_MAX_FILMSTRIPS = 40

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 1200px; margin: 2em auto;
  padding: 0 1em; }
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
    """Write ``index.html`` and its images.

    Parameters
    ----------
    directory : Path
        Created if it does not exist; an earlier report in it is replaced.
    evaluation : Evaluation
    video : Path, optional
        The video, if it was moved; for one sequence.
    report : callable
        Called with the progress.

    Returns
    -------
    Path
        Path of ``index.html``.

    Raises
    ------
    ConfigError
        If one video is given for several sequences.
    SourceError
        If a video cannot be opened, or has another size than the evaluated one.
    MissingExtraError, StorageError
        If matplotlib is not installed, or the directory cannot be written to.
    """
    check_matplotlib()
    if video is not None and len(evaluation.details) > 1:
        raise ConfigError(f"video: expected one sequence, got {len(evaluation.details)}")
    make_directory(directory)
    sections = [_write_sequence(directory, scored, video, report) for scored in evaluation.details]
    tables = "".join(to_html(cells) for cells in make_tables(evaluation))
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in evaluation.notes)
    name = escape(evaluation.protocol)
    protocol = f"<p>Protocol: {name}. What the columns mean: docs/reference/scores.md.</p>"
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
    """Write the images of one sequence and return its section of the page."""
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
            "<p class=note>No video found, so no filmstrips. Pass its path with --video.</p>",
        )
    else:
        _check_size(source, scored)
        missing = ""
    chosen = _select_evenly(range(1, len(switches) + 1), _MAX_FILMSTRIPS) if source else []
    strips = {number: Filmstrip(scored, switches[number - 1]) for number in chosen}
    view = _write_filmstrips(place, strips, scored, source, report) if source else None
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
        f"<h3>ID switches{shown}</h3><p>Solid boxes: the result, coloured by id. White dashes: "
        "the animal whose id switches. Orange frame: the first frame with the new id.</p>"
    )
    figures = [
        _show(f"{name}/{_get_filmstrip_name(n)}", _describe(n, switches[n - 1], pair.fps))
        for n in chosen
    ]
    return "".join([*parts, explained if figures else "", *figures])


def _write_filmstrips(
    place: Path,
    strips: dict[int, Filmstrip],
    scored: ScoredSequence,
    source: str,
    report: ProgressCallback,
) -> UInt8 | None:
    """Write the filmstrips, reading the video once, and return the frame for the map."""
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

    for strip in fill_filmstrips(list(strips.values()), read()):
        image = np.ascontiguousarray(strip.render()[..., ::-1])
        _, packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 90])
        write_bytes(place / _get_filmstrip_name(numbers[id(strip)]), packed.tobytes())
    return view[0] if view else None


def _check_size(source: str, scored: ScoredSequence) -> None:
    info, size = open_source(source).info, scored.pair.size
    if size is not None and size != (info.width, info.height):
        raise SourceError(
            source, "size", f"{size[0]}x{size[1]}, as was evaluated", f"{info.width}x{info.height}"
        )


def _select_evenly(items: Sequence[int], max_items: int) -> list[int]:
    """Return at most so many items, evenly spaced."""
    if len(items) <= max_items:
        return list(items)
    places = np.linspace(0, len(items) - 1, max_items).round().astype(int)
    return [items[k] for k in places]


def _write_figure(path: Path, figure: Figure) -> None:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    write_bytes(path, buffer.getvalue())


def _get_filmstrip_name(number: int) -> str:
    return f"switch-{number:03d}.jpg"


def _describe(number: int, switch: IdSwitch, fps: float | None) -> str:
    when = f"frame {switch.frame + 1}" + (f" ({switch.frame / fps:.1f} s)" if fps else "")
    gap = switch.frame - switch.last_frame - 1
    lost = f", after {gap} frames without a match" if gap else ""
    ids = f"id {switch.old_id} → {switch.new_id}"
    return f"<b>{number}</b> animal {switch.truth_id}: {ids} at {when}{lost}"


def _show(path: str, caption: str = "") -> str:
    text = f"<figcaption>{caption}</figcaption>" if caption else ""
    return f'<figure>{text}<img loading="lazy" src="{escape(path)}" alt=""></figure>'

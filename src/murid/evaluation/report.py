"""HTML report of an evaluation: scores, timelines, maps and filmstrips of ID switches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

import cv2
import numpy as np

from murid.core.files import make_directory, write_bytes, write_text
from murid.core.progress import ProgressCallback, no_progress
from murid.core.types import UInt8
from murid.datasets.images import iterate_frames
from murid.errors import ConfigError, SourceError
from murid.evaluation.evaluate import Evaluation, ScoredSequence
from murid.evaluation.filmstrip import Filmstrip, fill_filmstrips
from murid.evaluation.loading import EvaluationPair
from murid.evaluation.tables import make_tables
from murid.evaluation.timeline import draw_map, draw_timeline
from murid.metrics import IdSwitch, find_id_switches
from murid.plots.figures import save_figure
from murid.plots.html_page import format_page, format_table
from murid.plots.style import check_matplotlib
from murid.video import open_source

# Maximum number of filmstrips of a sequence, since more make the page slow to load. If there are
# more switches, evenly spaced ones are shown.
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
    tables = "".join(format_table(cells) for cells in make_tables(evaluation))
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in evaluation.notes)
    name = escape(evaluation.protocol)
    protocol = f"<p>Protocol: {name}. What the columns mean: docs/reference/scores.md.</p>"
    body = f"<h1>Evaluation</h1>{tables}{protocol}{notes}{''.join(sections)}"
    page = directory / "index.html"
    write_text(page, format_page("murid evaluate", _STYLE, body))
    return page


def _write_sequence(
    directory: Path, scored: ScoredSequence, video: Path | None, report: ProgressCallback
) -> str:
    """Write the images of one sequence and return its section of the page."""
    folder = directory / scored.pair.name
    make_directory(folder)
    # Filmstrips of an earlier report may have other numbers.
    for stale in folder.glob("switch-*.jpg"):
        stale.unlink()

    switches = find_id_switches(scored.truth, scored.result, scored.matching)
    source = _find_video(scored, video)
    shown: list[int] = []
    background = None
    if source is not None:
        _check_size(source, scored)
        shown = _select_evenly(range(1, len(switches) + 1), _MAX_FILMSTRIPS)
        strips = {number: Filmstrip(scored, switches[number - 1]) for number in shown}
        background = _write_filmstrips(folder, strips, scored, source, report)

    save_figure(draw_timeline(scored, switches), folder / "timeline.png")
    save_figure(draw_map(scored, switches, background), folder / "map.png")
    return _format_section(scored, switches, shown, has_video=source is not None)


def _find_video(scored: ScoredSequence, video: Path | None) -> str | None:
    """Return the given video, else that of the sequence; None if it does not exist."""
    if video is not None:
        return str(video)
    source = scored.pair.video
    return source if source is not None and Path(source).exists() else None


def _format_section(
    scored: ScoredSequence, switches: Sequence[IdSwitch], shown: Sequence[int], *, has_video: bool
) -> str:
    """Return the section of a sequence; `shown` are the numbers of switches with a filmstrip."""
    name = scored.pair.name
    parts = [f"<h2>{escape(name)}</h2>"]
    if not has_video:
        parts.append(
            "<p class=note>No video found, so no filmstrips. Pass its path with --video.</p>"
        )
    parts.append(_format_image(f"{name}/timeline.png"))
    parts.append(_format_image(f"{name}/map.png"))
    if not switches:
        parts.append("<p>No ID switch.</p>")
    if shown:
        selection = ""
        if len(shown) < len(switches):
            selection = f", {len(shown)} of {len(switches)} spread evenly"
        parts.append(
            f"<h3>ID switches{selection}</h3><p>Solid boxes: the result, coloured by id. White "
            "dashes: the animal whose id switches. Orange frame: the first frame with the new "
            "id.</p>"
        )
    for number in shown:
        caption = _describe_switch(number, switches[number - 1], scored.pair)
        parts.append(_format_image(f"{name}/{_get_filmstrip_name(number)}", caption))
    return "".join(parts)


def _write_filmstrips(
    folder: Path,
    strips: dict[int, Filmstrip],
    scored: ScoredSequence,
    source: str,
    report: ProgressCallback,
) -> UInt8 | None:
    """Write filmstrips by number; return the frame in the middle of the video, for the map."""
    # One pass over the video serves all filmstrips and the map.
    middle = scored.pair.n_frames // 2
    wanted = sorted({middle}.union(*(strip.frames for strip in strips.values())))
    middle_images: list[UInt8] = []

    def read_images() -> Iterator[tuple[int, UInt8]]:
        for n_done, frame in enumerate(iterate_frames(source, wanted, skip_bad=True), 1):
            # If the middle frame is damaged, the next one serves.
            if frame.index >= middle and not middle_images:
                middle_images.append(frame.image)
            report("crop", n_done, len(wanted))
            yield frame.index, frame.image

    numbers = {id(strip): number for number, strip in strips.items()}
    for strip in fill_filmstrips(list(strips.values()), read_images()):
        image = np.ascontiguousarray(strip.render()[..., ::-1])
        _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 90])
        write_bytes(folder / _get_filmstrip_name(numbers[id(strip)]), encoded.tobytes())
    return middle_images[0] if middle_images else None


def _check_size(source: str, scored: ScoredSequence) -> None:
    """Raise `SourceError` if the video has another size than the evaluated one."""
    info = open_source(source).info
    size = scored.pair.size
    if size is not None and size != (info.width, info.height):
        width, height = size
        expected = f"{width}x{height}, as was evaluated"
        raise SourceError(source, "size", expected, f"{info.width}x{info.height}")


def _select_evenly(items: Sequence[int], max_items: int) -> list[int]:
    """Return at most `max_items` items, evenly spaced."""
    if len(items) <= max_items:
        return list(items)
    positions = np.linspace(0, len(items) - 1, max_items).round().astype(int)
    return [items[k] for k in positions]


def _get_filmstrip_name(number: int) -> str:
    return f"switch-{number:03d}.jpg"


def _describe_switch(number: int, switch: IdSwitch, pair: EvaluationPair) -> str:
    """Return the caption of a filmstrip."""
    time = f" ({switch.frame / pair.fps:.1f} s)" if pair.fps else ""
    n_missed = pair.count_scored_frames(switch.last_frame + 1, switch.frame)
    missed = f", after {n_missed} frames without a match" if n_missed else ""
    ids = f"id {switch.old_id} → {switch.new_id}"
    return (
        f"<b>{number}</b> animal {switch.truth_id}: {ids} at frame {switch.frame + 1}{time}{missed}"
    )


def _format_image(path: str, caption: str = "") -> str:
    """Return an image with a caption in HTML."""
    text = f"<figcaption>{caption}</figcaption>" if caption else ""
    return f'<figure>{text}<img loading="lazy" src="{escape(path)}" alt=""></figure>'

"""The doubtful crossings of a report: a table with a command and a clip for each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from murid.core.plurals import format_count

# The report lists so many crossings. They are ordered by what depends on them, and the review page
# is the place for long lists.
MAX_LISTED = 50


@dataclass(frozen=True, slots=True)
class DoubtfulCrossing:
    """A crossing at which two animals may have been swapped.

    Attributes
    ----------
    id : str
        What `murid review` calls it.
    names : tuple of str
        The two animals.
    time_s : float
        When it begins, in seconds.
    first_frame, last_frame : int
        Frames of the video.
    clip_first, clip_last : int
        Frames of the run, from two seconds before to two seconds after it.
    swap_probability : float
    answer : str or None
        What a person said who looked at it: right, swapped or unsure.
    command : str
        Opens the review at this crossing.
    clip : str or None
        Address of its clip, relative to the report.
    """

    id: str
    names: tuple[str, str]
    time_s: float
    first_frame: int
    last_frame: int
    clip_first: int
    clip_last: int
    swap_probability: float
    answer: str | None
    command: str
    clip: str | None = None


def format_crossings(crossings: Sequence[DoubtfulCrossing]) -> str:
    """Return the section of an HTML report, empty without crossings.

    The first `MAX_LISTED` are listed, and a line says how many more there are.
    """
    if not crossings:
        return ""
    n_looked_at = sum(crossing.answer is not None for crossing in crossings)
    headings = [
        "time",
        "frames",
        "animals",
        "swap probability",
        "looked at",
        "clip",
        "to review it",
    ]
    header = "".join(f"<th>{heading}</th>" for heading in headings)
    rows = "".join(_format_row(crossing) for crossing in crossings[:MAX_LISTED])
    parts = [
        '<h2 id="crossings">Doubtful crossings</h2>',
        f"<p>{n_looked_at} of {len(crossings)} looked at. The one on which most depends comes "
        "first, those that were looked at come last. The command opens the crossing in the "
        "browser, where you say whether the animals were swapped.</p>",
        f'<table class="crossings"><tr>{header}</tr>{rows}</table>',
    ]
    n_more = len(crossings) - MAX_LISTED
    if n_more > 0:
        more = format_count(n_more, "more crossing")
        parts.append(f"<p>{more}: <code>murid review</code> shows them all.</p>")
    return "".join(parts)


def _format_row(crossing: DoubtfulCrossing) -> str:
    clip = "none"
    if crossing.clip is not None:
        clip = f'<a href="{escape(crossing.clip)}">clip</a>'
    cells = [
        _format_time(crossing.time_s),
        f"{crossing.first_frame} to {crossing.last_frame}",
        escape(" and ".join(crossing.names)),
        f"{crossing.swap_probability:.1%}",
        escape(crossing.answer or "no"),
        clip,
        f"<code>{escape(crossing.command)}</code>",
    ]
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _format_time(time_s: float) -> str:
    """Return a time such as ``0:01:23.4``."""
    minutes, seconds = divmod(round(10 * time_s) / 10, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02}:{seconds:04.1f}"

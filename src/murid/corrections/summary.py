"""How many corrections are in force, who made them, and when: the record that files carry."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from murid.core.plurals import format_count
from murid.corrections.records import Entry, select_active


@dataclass(frozen=True, slots=True)
class CorrectionsSummary:
    """Corrections in force: how many, by whom, and when they were made.

    Attributes
    ----------
    n : int
    authors : tuple of str
        In alphabetical order, each once.
    first_utc, last_utc : str or None
        When the first and the last one were made, ISO 8601; None without any.
    """

    n: int = 0
    authors: tuple[str, ...] = ()
    first_utc: str | None = None
    last_utc: str | None = None

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> CorrectionsSummary:
        """Return the summary that `to_plain` returned; an empty mapping is one of none."""
        if not plain:
            return cls()
        authors = tuple(plain["authors"])
        return cls(plain["n"], authors, plain["first_utc"], plain["last_utc"])

    def to_plain(self) -> dict[str, Any]:
        """Return plain values with the names of the attributes."""
        return {**asdict(self), "authors": list(self.authors)}

    def to_json(self) -> str:
        """Return `to_plain` as one line, for formats whose metadata are text."""
        return json.dumps(self.to_plain(), ensure_ascii=False)

    def describe(self) -> str:
        """Return a phrase such as ``2 corrections by Ada, Ben, 2026-05-04 to 2026-05-06``."""
        if not self.n:
            return "no corrections"
        dates = [str(time)[:10] for time in (self.first_utc, self.last_utc)]
        when = " to ".join(dict.fromkeys(dates))
        return f"{format_count(self.n, 'correction')} by {', '.join(self.authors)}, {when}"


def summarise_corrections(
    entries: Sequence[Entry], lines: Collection[int] | None = None
) -> CorrectionsSummary:
    """Return the summary of the active corrections of a log.

    Parameters
    ----------
    entries : sequence of Entry
        All lines of the log.
    lines : collection of int, optional
        Lines of those that count; all active ones by default.
    """
    active = select_active(tuple(entries))
    counted = [entry for entry in active if lines is None or entry.line in lines]
    if not counted:
        return CorrectionsSummary()
    # The clock of a computer may have been set back between two corrections.
    times = sorted(entry.time_utc for entry in counted)
    authors = tuple(sorted({entry.author for entry in counted}))
    return CorrectionsSummary(len(counted), authors, times[0], times[-1])

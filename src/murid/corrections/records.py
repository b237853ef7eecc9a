"""Corrections: what a person says about the animals of a run, one record each.

A correction names detections, not identities: identities are numbered anew whenever the run is
identified. So it holds for other settings, and for another number of animals too. `DetectionRef`
has the box of the detection, by which it is found again if the video is detected again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from murid.core.plurals import format_count

Box = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels."""

Answer = Literal["right", "swapped", "unsure"]


class _Record(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all records: immutable, with named fields."""


class DetectionRef(_Record, frozen=True):
    """A detection of the run.

    Attributes
    ----------
    frame : int
        Frame of the run.
    row : int
        Row of the detection within its frame.
    box : tuple of float
        Its box in pixels.
    """

    frame: int
    row: int
    box: Box


DetectionPair = tuple[DetectionRef, DetectionRef]
"""A detection of each of two animals."""


class AnimalRef(_Record, frozen=True):
    """An animal: its number in the run, and a detection that shows it.

    Attributes
    ----------
    number : int
        Its identity, from 1.
    detection : DetectionRef or None
        None for an animal of which there is no detection yet.
    """

    number: int
    detection: DetectionRef | None


class Crossing(_Record, frozen=True, tag_field="kind", tag="crossing"):
    """Whether two animals kept their identities through a crossing.

    Attributes
    ----------
    before, after : tuple of DetectionRef
        Both animals before and after the crossing, in the order of the identities in which the
        person saw them.
    answer : {"right", "swapped", "unsure"}
        ``unsure`` is no evidence; it says that the person looked.
    """

    before: DetectionPair
    after: DetectionPair
    answer: Answer

    @property
    def detections(self) -> tuple[DetectionRef, ...]:
        """The detections that it is about."""
        return (*self.before, *self.after)

    def describe(self) -> str:
        """Return what it says, in words."""
        frames = f"crossing at frames {self.before[0].frame} to {self.after[0].frame}"
        return f"{frames}: {self.answer}"


class Swap(_Record, frozen=True, tag_field="kind", tag="swap"):
    """Two animals are exchanged from a frame on, to a later frame or to the end.

    Attributes
    ----------
    animals : tuple of int
        The identities that the person saw.
    first_frame : int
        First frame in which they are exchanged.
    last_frame : int or None
        Last frame in which they are; None = to the end.
    begin : tuple of tuple of DetectionRef, or None
        Both animals before the first frame, and both from it on; None = from the beginning.
    end : tuple of tuple of DetectionRef, or None
        Both animals up to the last frame, and both after it; None = to the end.
    """

    animals: tuple[int, int]
    first_frame: int
    last_frame: int | None
    begin: tuple[DetectionPair, DetectionPair] | None
    end: tuple[DetectionPair, DetectionPair] | None

    @property
    def detections(self) -> tuple[DetectionRef, ...]:
        """The detections that it is about."""
        pairs = (*(self.begin or ()), *(self.end or ()))
        return tuple(detection for pair in pairs for detection in pair)

    def describe(self) -> str:
        """Return what it says, in words."""
        one, other = self.animals
        until = "the end" if self.last_frame is None else f"frame {self.last_frame}"
        return f"{one} and {other} exchanged from frame {self.first_frame} to {until}"


class Assign(_Record, frozen=True, tag_field="kind", tag="assign"):
    """A detection shows an animal."""

    detection: DetectionRef
    animal: AnimalRef

    @property
    def detections(self) -> tuple[DetectionRef, ...]:
        """The detections that it is about."""
        anchor = self.animal.detection
        return (self.detection,) if anchor is None else (self.detection, anchor)

    def describe(self) -> str:
        """Return what it says, in words."""
        return f"detection in frame {self.detection.frame} is animal {self.animal.number}"


class Drop(_Record, frozen=True, tag_field="kind", tag="drop"):
    """Detections do not show an animal."""

    dropped: tuple[DetectionRef, ...]

    @property
    def detections(self) -> tuple[DetectionRef, ...]:
        """The detections that it is about."""
        return self.dropped

    def describe(self) -> str:
        """Return what it says, in words."""
        frames = [detection.frame for detection in self.dropped]
        where = (
            f"frame {frames[0]}" if len(frames) == 1 else f"frames {min(frames)} to {max(frames)}"
        )
        return f"no animal: {format_count(len(frames), 'detection')} in {where}"


class Add(_Record, frozen=True, tag_field="kind", tag="add"):
    """An animal is in a box that a person drew."""

    frame: int
    box: Box
    animal: AnimalRef

    @property
    def detections(self) -> tuple[DetectionRef, ...]:
        """The detections that it is about."""
        anchor = self.animal.detection
        return () if anchor is None else (anchor,)

    def describe(self) -> str:
        """Return what it says, in words."""
        return f"box of animal {self.animal.number} drawn in frame {self.frame}"


class Rename(_Record, frozen=True, tag_field="kind", tag="rename"):
    """An animal has a name; an empty one takes its name away."""

    animal: AnimalRef
    name: str

    @property
    def detections(self) -> tuple[DetectionRef, ...]:
        """The detections that it is about."""
        anchor = self.animal.detection
        return () if anchor is None else (anchor,)

    def describe(self) -> str:
        """Return what it says, in words."""
        return f"animal {self.animal.number} is {self.name}" if self.name else "no name"


class Revoke(_Record, frozen=True, tag_field="kind", tag="revoke"):
    """An earlier line is revoked; that may be one that revokes another."""

    line: int

    @property
    def detections(self) -> tuple[DetectionRef, ...]:
        """None: it is about a line."""
        return ()

    def describe(self) -> str:
        """Return what it says, in words."""
        return f"line {self.line} revoked"


Correction = Crossing | Swap | Assign | Drop | Add | Rename
Statement = Correction | Revoke


class Entry(_Record, frozen=True):
    """A line of the log.

    Attributes
    ----------
    version : int
        Of the schema.
    line : int
        Number of the line, from 1.
    time_utc : str
        When it was written, ISO 8601.
    author : str
        Who wrote it.
    statement : Correction or Revoke
    """

    version: int
    line: int
    time_utc: str
    author: str
    statement: Statement


def select_active(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Return the corrections that are not revoked, in their order."""
    in_force = find_lines_in_force(entries)
    return tuple(
        entry
        for entry in entries
        if entry.line in in_force and not isinstance(entry.statement, Revoke)
    )


def find_lines_in_force(entries: tuple[Entry, ...]) -> set[int]:
    """Return the lines that are not revoked, also of entries that revoke others."""
    return {entry.line for entry in entries} - _find_revoked(entries)


def has_new_evidence(entries: tuple[Entry, ...], settings: Mapping[str, Any]) -> bool:
    """Return whether corrections were made or revoked since the animals were identified.

    "Unsure" is no evidence: nothing follows from it.

    Parameters
    ----------
    entries : tuple of Entry
        All lines of the log.
    settings : mapping
        Those of the identification, with the lines that it used as ``corrections``.
    """
    unsure = {
        entry.line
        for entry in entries
        if isinstance(entry.statement, Crossing) and entry.statement.answer == "unsure"
    }
    used = set(settings.get("corrections", ()))
    return used - unsure != {entry.line for entry in select_active(entries)} - unsure


def _find_revoked(entries: tuple[Entry, ...]) -> set[int]:
    """Return the lines that are revoked. The last line counts first: nothing can revoke it."""
    revoked: set[int] = set()
    for entry in reversed(entries):
        if isinstance(entry.statement, Revoke) and entry.line not in revoked:
            revoked.add(entry.statement.line)
    return revoked


def iterate_corrections(entries: tuple[Entry, ...]) -> Iterator[tuple[int, Correction]]:
    """Yield the line and the correction of each active entry."""
    for entry in select_active(entries):
        if not isinstance(entry.statement, Revoke):
            yield entry.line, entry.statement

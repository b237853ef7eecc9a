"""What corrections say about pairs of detections, and where they contradict each other."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from murid.corrections.records import (
    Add,
    Assign,
    Correction,
    Crossing,
    DetectionPair,
    DetectionRef,
    Drop,
    Entry,
    Rename,
    Swap,
    iterate_corrections,
)
from murid.errors import CorrectionError

Key = tuple[int, int]
"""Frame of a detection, and its row in the frame."""


@dataclass(frozen=True, slots=True)
class PairStatement:
    """Two detections show the same animal, or two different ones.

    Attributes
    ----------
    one, other : DetectionRef
    same : bool
    is_local : bool
        Whether a person saw both within one scene. A detection that is given to an animal may be
        far from the one that shows this animal, and what happened in between is open.
    line : int
        Line of the correction; 0 where it follows from several.
    """

    one: DetectionRef
    other: DetectionRef
    same: bool
    is_local: bool
    line: int


def list_pair_statements(entries: Sequence[Entry]) -> list[PairStatement]:
    """Return what the active corrections say about pairs of detections."""
    statements = []
    anchors: dict[int, DetectionRef] = {}
    for line, correction in iterate_corrections(tuple(entries)):
        statements += [
            PairStatement(one, other, same, is_local, line)
            for one, other, same, is_local in _list_pairs(correction)
        ]
        if isinstance(correction, Assign | Add | Rename) and correction.animal.detection:
            anchors.setdefault(correction.animal.number, correction.animal.detection)
    # Two animals of different numbers are different animals.
    numbers = sorted(anchors)
    for index, one in enumerate(numbers):
        for other in numbers[index + 1 :]:
            statements.append(PairStatement(anchors[one], anchors[other], False, False, 0))
    return statements


def _list_pairs(
    correction: Correction,
) -> Iterator[tuple[DetectionRef, DetectionRef, bool, bool]]:
    """Yield pairs of detections, whether they are the same animal, and whether in one scene."""
    if isinstance(correction, Crossing) and correction.answer != "unsure":
        swapped = correction.answer == "swapped"
        yield from _list_pairs_of_contact(correction.before, correction.after, swapped)
    elif isinstance(correction, Swap):
        yield from _list_pairs_of_contact(*correction.begin, True)
        if correction.end is not None:
            yield from _list_pairs_of_contact(*correction.end, True)
    elif isinstance(correction, Assign) and correction.animal.detection is not None:
        yield correction.detection, correction.animal.detection, True, False


def _list_pairs_of_contact(
    before: DetectionPair, after: DetectionPair, swapped: bool
) -> Iterator[tuple[DetectionRef, DetectionRef, bool, bool]]:
    """Yield the pairs of two animals before and after a moment at which they may be swapped."""
    same = after[::-1] if swapped else after
    other = after if swapped else after[::-1]
    for own_before, own_after, other_after in zip(before, same, other, strict=True):
        yield own_before, own_after, True, True
        yield own_before, other_after, False, True


def check_consistent(entries: Sequence[Entry]) -> None:
    """Raise `CorrectionError`, which names the lines, if active corrections contradict each other.

    They do where two detections would have to be the same animal and different ones, or where a
    detection is no animal but stands for one.
    """
    statements = list_pair_statements(entries)
    links: dict[Key, list[tuple[Key, int]]] = {}
    for statement in statements:
        if statement.same:
            one = to_key(statement.one)
            other = to_key(statement.other)
            links.setdefault(one, []).append((other, statement.line))
            links.setdefault(other, []).append((one, statement.line))
    lines = {entry.line: entry for entry in entries}
    for statement in statements:
        if statement.same:
            continue
        path = _find_lines(links, to_key(statement.one), to_key(statement.other))
        if path is not None:
            _refuse(lines, {*path, statement.line} - {0})
    for line, correction in iterate_corrections(tuple(entries)):
        if not isinstance(correction, Drop):
            continue
        dropped = {to_key(detection) for detection in correction.dropped}
        for other_line, other_correction in iterate_corrections(tuple(entries)):
            keys = {to_key(detection) for detection in other_correction.detections}
            if not isinstance(other_correction, Drop) and dropped & keys:
                _refuse(lines, {line, other_line})


def to_key(detection: DetectionRef) -> Key:
    """Return what tells a detection from others."""
    return detection.frame, detection.row


def _find_lines(
    links: dict[Key, list[tuple[Key, int]]], start: Key, goal: Key
) -> tuple[int, ...] | None:
    """Return the lines that make two detections the same animal, or None if they do not."""
    if start == goal:
        return ()
    came_from: dict[Key, tuple[Key, int]] = {}
    queue = deque([start])
    while queue:
        key = queue.popleft()
        for other, line in links.get(key, ()):
            if other in came_from or other == start:
                continue
            came_from[other] = key, line
            if other == goal:
                return _trace(came_from, start, goal)
            queue.append(other)
    return None


def _trace(came_from: dict[Key, tuple[Key, int]], start: Key, goal: Key) -> tuple[int, ...]:
    lines = []
    key = goal
    while key != start:
        key, line = came_from[key]
        lines.append(line)
    return tuple(lines)


def _refuse(lines: dict[int, Entry], involved: set[int]) -> None:
    descriptions = [f"{line} ({lines[line].statement.describe()})" for line in sorted(involved)]
    raise CorrectionError(tuple(sorted(involved)), descriptions)

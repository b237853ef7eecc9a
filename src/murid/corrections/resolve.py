"""Find the detections of corrections in a run, as the constraints of identification."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from murid.core.boxes import compute_iou
from murid.core.types import DetectionTable, Float32, Int64
from murid.corrections.pair_statements import PairStatement, list_pair_statements
from murid.corrections.records import (
    Add,
    AnimalRef,
    Assign,
    DetectionRef,
    Drop,
    Entry,
    Rename,
    iterate_corrections,
)
from murid.identification.constraints import DetectionPairs, IdentityConstraints

# A detection is found again if it has at least this overlap (IoU) with the box of the correction.
# The video may have been detected again with other settings.
MIN_OVERLAP = 0.5


@dataclass(frozen=True, eq=False, slots=True)
class ResolvedCorrections:
    """Corrections of a run, as far as their detections were found.

    Attributes
    ----------
    constraints : IdentityConstraints
    names : dict of int to str
        Names by the number of the animal; an empty one takes the name away.
    lost_lines : tuple of int
        Lines of corrections of which a detection is no longer there.
    """

    constraints: IdentityConstraints
    names: dict[int, str]
    lost_lines: tuple[int, ...]


@dataclass(frozen=True, eq=False, slots=True)
class DrawnBoxes:
    """Boxes that a person drew, in the order of time.

    Attributes
    ----------
    frames : ndarray
        ``(D,)`` int64.
    boxes : ndarray
        ``(D, 4)`` float32 xyxy pixels.
    animals : tuple of AnimalRef
    lines : tuple of int
    """

    frames: Int64
    boxes: Float32
    animals: tuple[AnimalRef, ...]
    lines: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.frames)


def list_drawn_boxes(entries: Sequence[Entry], n_frames: int) -> DrawnBoxes:
    """Return the boxes of the active corrections that lie in the `n_frames` frames of a run."""
    added = [
        (correction.frame, line, correction)
        for line, correction in iterate_corrections(tuple(entries))
        if isinstance(correction, Add) and correction.frame < n_frames
    ]
    added.sort(key=lambda item: item[:2])
    return DrawnBoxes(
        np.array([frame for frame, _, _ in added], np.int64),
        np.array([correction.box for _, _, correction in added], np.float32).reshape(-1, 4),
        tuple(correction.animal for _, _, correction in added),
        tuple(line for _, line, _ in added),
    )


def resolve_corrections(
    entries: Sequence[Entry], table: DetectionTable, drawn_rows: Int64
) -> ResolvedCorrections:
    """Return what the active corrections say about the detections of a run.

    Parameters
    ----------
    entries : sequence of Entry
        All lines of the log.
    table : DetectionTable
        All detections, those of `list_drawn_boxes` included.
    drawn_rows : ndarray
        ``(D,)`` int64 rows of the drawn boxes in the table.
    """
    finder = _DetectionFinder(table, drawn_rows)
    pairs = _Pairs()
    for statement in list_pair_statements(entries):
        pairs.add(statement, finder)
    drawn = list_drawn_boxes(entries, table.n_frames)
    for row, animal, line in zip(drawn_rows.tolist(), drawn.animals, drawn.lines, strict=True):
        if animal.detection is not None:
            pairs.add_rows(row, finder.find(animal.detection, line), line)
    names: dict[int, str] = {}
    looked_at = [int(row) for row in drawn_rows]
    dropped: list[int] = []
    for line, correction in iterate_corrections(tuple(entries)):
        if isinstance(correction, Add) and correction.frame >= table.n_frames:
            finder.lost_lines.add(line)
        if isinstance(correction, Assign):
            looked_at.append(finder.find(correction.detection, line))
        if isinstance(correction, Drop):
            dropped += [finder.find(detection, line) for detection in correction.dropped]
        if isinstance(correction, Rename):
            names[correction.animal.number] = correction.name
    anchors = _find_anchors(entries, finder)
    constraints = IdentityConstraints(
        pairs.build(),
        np.array(list(anchors.values()), np.int64),
        np.array(list(anchors), np.int64),
        _keep_found(looked_at),
        _keep_found(dropped),
    )
    return ResolvedCorrections(constraints, names, tuple(sorted(finder.lost_lines)))


def _find_anchors(entries: Sequence[Entry], finder: _DetectionFinder) -> dict[int, int]:
    """Return the row of a detection of each animal that a correction names by its number."""
    anchors: dict[int, int] = {}
    for line, correction in iterate_corrections(tuple(entries)):
        if not isinstance(correction, Assign | Add | Rename):
            continue
        animal = correction.animal
        row = -1 if animal.detection is None else finder.find(animal.detection, line)
        if row >= 0:
            anchors.setdefault(animal.number, row)
    return anchors


class _DetectionFinder:
    """Finds detections of corrections among those of the run."""

    def __init__(self, table: DetectionTable, drawn_rows: Int64) -> None:
        self._table = table
        # Drawn boxes are no detections that a correction can have named.
        self._is_drawn = np.zeros(len(table), bool)
        self._is_drawn[drawn_rows] = True
        self.lost_lines: set[int] = set()

    def find(self, detection: DetectionRef, line: int) -> int:
        """Return the row of a detection, or -1, and remember the line of one that is lost."""
        row = self._search(detection)
        if row < 0:
            self.lost_lines.add(line)
        return row

    def _search(self, detection: DetectionRef) -> int:
        if not 0 <= detection.frame < self._table.n_frames:
            return -1
        start, stop = self._table.frame_offsets[detection.frame : detection.frame + 2].tolist()
        rows = start + np.flatnonzero(~self._is_drawn[start:stop])
        if not len(rows):
            return -1
        box = np.array([detection.box], np.float32)
        overlaps = compute_iou(box, self._table.boxes[rows])[0]
        # Boxes that lie on one another are told apart by their rows.
        at_row = int(np.searchsorted(rows, start + detection.row))
        best = int(np.argmax(overlaps))
        if detection.row < len(rows) and overlaps[min(at_row, len(rows) - 1)] >= overlaps[best]:
            best = min(at_row, len(rows) - 1)
        return int(rows[best]) if overlaps[best] >= MIN_OVERLAP else -1


class _Pairs:
    """Pairs of rows that are collected."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, int]] = []
        self._same: list[bool] = []
        self._is_local: list[bool] = []
        self._lines: list[int] = []

    def add(self, statement: PairStatement, finder: _DetectionFinder) -> None:
        """Add a statement, if both detections are found."""
        one = finder.find(statement.one, statement.line)
        other = finder.find(statement.other, statement.line)
        if one >= 0 and other >= 0:
            self._append((one, other), statement.same, statement.is_local, statement.line)

    def add_rows(self, row: int, anchor: int, line: int) -> None:
        """Add that a row shows the animal of another one."""
        if anchor >= 0:
            self._append((row, anchor), True, False, line)

    def _append(self, rows: tuple[int, int], same: bool, is_local: bool, line: int) -> None:
        self._rows.append(rows)
        self._same.append(same)
        self._is_local.append(is_local)
        self._lines.append(line)

    def build(self) -> DetectionPairs:
        """Return the pairs as arrays."""
        return DetectionPairs(
            np.array(self._rows, np.int64).reshape(-1, 2),
            np.array(self._same, bool),
            np.array(self._is_local, bool),
            np.array(self._lines, np.int64),
        )


def _keep_found(rows: Iterable[int]) -> Int64:
    return np.array(sorted({row for row in rows if row >= 0}), np.int64)

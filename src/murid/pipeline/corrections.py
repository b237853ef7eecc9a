"""The corrections of a run: a person says what is right, and murid identifies the animals again."""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from murid.core.types import Int64
from murid.corrections.log import append_to_log, cut_log, read_log
from murid.corrections.pair_statements import check_consistent
from murid.corrections.records import (
    Add,
    AnimalRef,
    Answer,
    Assign,
    Box,
    Crossing,
    DetectionPair,
    DetectionRef,
    Drop,
    Entry,
    Rename,
    Revoke,
    Statement,
    Swap,
    select_active,
)
from murid.corrections.summary import summarise_corrections
from murid.errors import ConfigError, MuridError
from murid.store import RunDirectory

# Parts whose assignments are kept while corrections are made: those around a moment.
_N_CACHED_PARTS = 8


class RunCorrections:
    """The corrections of a run. They take effect when the run is identified: `murid.identify`.

    Frames are those of the run, identities are those that it has now. Each method that corrects
    adds a line to ``corrections.jsonl``, which is on the disk when it returns.

    Parameters
    ----------
    run : str, Path or RunDirectory
        A run whose animals were identified. A directory that is open for writing is used as it is;
        a path is opened for each correction.
    author : str, optional
        Who corrects; the user of this computer by default.
    """

    def __init__(self, run: str | Path | RunDirectory, author: str | None = None) -> None:
        self._directory = run if isinstance(run, RunDirectory) else None
        self._path = run.path if isinstance(run, RunDirectory) else Path(run)
        self._author = author or _get_user()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All lines of the log, revoked ones too; raises `RunError` if it is damaged."""
        return read_log(self._path)

    @property
    def active(self) -> tuple[Entry, ...]:
        """The corrections that are not revoked."""
        return select_active(self.entries)

    def summarise(self) -> dict[str, Any]:
        """Return how many corrections are in force, who made them, and when.

        Keys: ``n``, ``authors``, ``first_utc`` and ``last_utc`` (None without any). Raises
        `RunError` if the log is damaged.
        """
        return summarise_corrections(self.entries).to_plain()

    def answer_crossing(
        self, identities: tuple[int, int], first_frame: int, last_frame: int, answer: Answer
    ) -> Entry:
        """Say whether two identities are right through a crossing.

        Parameters
        ----------
        identities : tuple of int
        first_frame, last_frame : int
            The animals are apart before the first and after the last, as in `Run.crossings`.
        answer : {"right", "swapped", "unsure"}

        Raises
        ------
        ConfigError
            If one of them is not detected before or after the crossing.
        CorrectionError
            If it contradicts other corrections; then it is not added.
        RunError, StorageError
            If the animals were not identified, the log is damaged or cannot be written.
        """
        with self._open() as run:
            detections = _IdentityDetections(run)
            before = detections.find_pair(identities, first_frame, later=False)
            after = detections.find_pair(identities, last_frame, later=True)
            return self._add(Crossing(before=before, after=after, answer=answer))

    def swap(self, one: int, other: int, first_frame: int, last_frame: int | None = None) -> Entry:
        """Exchange two identities from a frame on, up to another one or to the end.

        From frame 0 on, they are exchanged up to the last frame. Raises as `answer_crossing`, and
        `ConfigError` if the frames are not those of the run.
        """
        with self._open() as run:
            _check_frames(run, first_frame, last_frame)
            detections = _IdentityDetections(run)
            pair = (one, other)
            begin = None
            if first_frame > 0:
                begin = detections.find_pairs_around(pair, first_frame)
            end = None
            if last_frame is not None and last_frame < run.n_frames - 1:
                end = detections.find_pairs_around(pair, last_frame + 1)
            if begin is None and end is None:
                expected = "a first or a last frame within the recording"
                raise ConfigError(f"swap: expected {expected}, got all of it (give names instead)")
            return self._add(
                Swap(
                    animals=pair,
                    first_frame=first_frame,
                    last_frame=None if end is None else last_frame,
                    begin=begin,
                    end=end,
                )
            )

    def assign(self, frame: int, identity: int, animal: int) -> Entry:
        """Say that the detection that has an identity in a frame is another animal.

        Raises as `answer_crossing`.
        """
        with self._open() as run:
            detections = _IdentityDetections(run)
            detection = detections.get(identity, frame)
            return self._add(Assign(detection=detection, animal=self._refer_to(detections, animal)))

    def assign_row(self, frame: int, row: int, animal: int) -> Entry:
        """Say which animal a detection is, given by its row in the frame.

        Raises as `answer_crossing`.
        """
        with self._open() as run:
            detections = _IdentityDetections(run)
            detection = detections.refer(frame, row)
            return self._add(Assign(detection=detection, animal=self._refer_to(detections, animal)))

    def drop(self, identity: int, first_frame: int, last_frame: int) -> Entry:
        """Say that the detections of an identity from one frame to another are no animal.

        Raises as `answer_crossing`.
        """
        with self._open() as run:
            _check_frames(run, first_frame, last_frame)
            dropped = _IdentityDetections(run).list_between(identity, first_frame, last_frame)
            if not dropped:
                frames = f"frames {first_frame} to {last_frame}"
                raise ConfigError(f"drop: expected a detection of {identity} in {frames}, got none")
            return self._add(Drop(dropped=dropped))

    def drop_row(self, frame: int, row: int) -> Entry:
        """Say that a detection is no animal; raises as `answer_crossing`."""
        with self._open() as run:
            return self._add(Drop(dropped=(_IdentityDetections(run).refer(frame, row),)))

    def add(self, frame: int, box: Sequence[float], animal: int) -> Entry:
        """Say that an animal is in a box ``(x1, y1, x2, y2)`` in pixels, where none was detected.

        Raises as `answer_crossing`, and `ConfigError` if the box is empty.
        """
        with self._open() as run:
            _check_frames(run, frame, None)
            animal_ref = self._refer_to(_IdentityDetections(run), animal)
            return self._add(Add(frame=frame, box=_to_box(box), animal=animal_ref))

    def rename(self, animal: int, name: str) -> Entry:
        """Give an animal a name; an empty one takes it away. Raises as `answer_crossing`."""
        with self._open() as run:
            animal_ref = self._refer_to(_IdentityDetections(run), animal)
            return self._add(Rename(animal=animal_ref, name=name.strip()))

    def undo(self, line: int | None = None) -> Entry:
        """Revoke a correction, by default the last one that is active.

        Raises
        ------
        ConfigError
            If there is nothing to revoke, or the line is no active correction.
        """
        with self._open():
            lines = [entry.line for entry in self.active]
            if not lines:
                raise ConfigError("undo: expected a correction, got none that is active")
            chosen = lines[-1] if line is None else line
            if chosen not in lines:
                raise ConfigError(f"undo: expected an active correction, got line {chosen}")
            return self._add(Revoke(line=chosen))

    def redo(self) -> Entry:
        """Revoke the last undo, unless something was corrected since then.

        Raises
        ------
        ConfigError
            If there is nothing to redo.
        CorrectionError
            If what comes back contradicts other corrections.
        """
        with self._open():
            line = self._find_undone()
            if line is None:
                raise ConfigError("redo: expected an undone correction, got none")
            return self._add(Revoke(line=line))

    @property
    def can_redo(self) -> bool:
        """Whether there is an undo to revoke."""
        return self._find_undone() is not None

    @contextmanager
    def all_or_none(self) -> Iterator[RunCorrections]:
        """Yield corrections of the same run; if one of them is refused, none is added.

        Raises `RunError` if the log is damaged, or another process writes to the run.
        """
        with self._open() as run:
            n_lines = len(self.entries)
            try:
                yield RunCorrections(run, self._author)
            except MuridError:
                cut_log(self._path, n_lines)
                raise

    def _find_undone(self) -> int | None:
        """Return the last undo that is in force and that no correction follows."""
        entries = self.entries
        lines = {entry.line: entry.statement for entry in entries}
        revoked: set[int] = set()
        for entry in reversed(entries):
            if not isinstance(entry.statement, Revoke):
                return None
            if entry.line in revoked:
                continue
            target = lines.get(entry.statement.line)
            if not isinstance(target, Revoke):
                return entry.line
            # A redo: the undo that it revoked is spent.
            revoked.add(entry.statement.line)
        return None

    def _add(self, statement: Statement) -> Entry:
        entries = self.entries
        check_consistent(
            (
                *entries,
                Entry(
                    version=1,
                    line=len(entries) + 1,
                    time_utc="",
                    author=self._author,
                    statement=statement,
                ),
            )
        )
        return append_to_log(self._path, statement, self._author)

    def _refer_to(self, detections: _IdentityDetections, animal: int) -> AnimalRef:
        """Return an animal by its number, with the detection that stands for it.

        That is the one that an earlier correction named, so that a number means one animal.
        """
        for entry in self.active:
            known = entry.statement
            if (
                isinstance(known, Assign | Add | Rename)
                and known.animal.number == animal
                and known.animal.detection is not None
            ):
                return known.animal
        return AnimalRef(number=animal, detection=detections.find_anchor(animal))

    @contextmanager
    def _open(self) -> Iterator[RunDirectory]:
        if self._directory is not None:
            yield self._directory
            return
        with RunDirectory.open(self._path, writable=True) as run:
            yield run


class _IdentityDetections:
    """The detections of the identities of a run, looked up around a frame."""

    def __init__(self, run: RunDirectory) -> None:
        run.identities.check_done()
        self._run = run
        self._read = lru_cache(_N_CACHED_PARTS)(run.identities.read_assignments)
        self._read_boxes = lru_cache(_N_CACHED_PARTS)(
            lambda number: run.detections.read_part(number, embeddings=False, keypoints=False)
        )

    def refer(self, frame: int, row: int) -> DetectionRef:
        """Return a detection with its box; raises `ConfigError` if there is none."""
        _check_frames(self._run, frame, None)
        number, offset = divmod(frame, self._run.manifest.part_frames)
        boxes = self._read_boxes(number)[offset].boxes
        if not 0 <= row < len(boxes):
            expected = f"a row below {len(boxes)} in frame {frame}"
            raise ConfigError(f"row: expected {expected}, got {row}")
        return DetectionRef(frame=frame, row=row, box=_to_box(boxes[row].tolist()))

    def get(self, identity: int, frame: int) -> DetectionRef:
        """Return the detection of an identity in a frame; raises `ConfigError` if it has none."""
        _check_frames(self._run, frame, None)
        found = self.list_between(identity, frame, frame)
        if not found:
            self._check_identity(identity)
            expected = f"a detection of {identity} in frame {frame}"
            raise ConfigError(f"frame: expected {expected}, got none (it may be interpolated)")
        return found[0]

    def _check_identity(self, identity: int) -> None:
        known = sorted(int(row["id"]) for row in self._run.read_summary())
        if identity not in known:
            expected = f"one of {', '.join(map(str, known))}" if known else "none"
            raise ConfigError(f"identity: expected {expected}, got {identity}")

    def list_between(self, identity: int, first: int, last: int) -> tuple[DetectionRef, ...]:
        """Return the detections of an identity from one frame to another."""
        part_frames = self._run.manifest.part_frames
        found = []
        for number in range(first // part_frames, last // part_frames + 1):
            frames, rows, identities, _ = self._read(number)
            own = np.flatnonzero((identities == identity) & (frames >= first) & (frames <= last))
            found += [self.refer(int(frames[k]), int(rows[k])) for k in own.tolist()]
        return tuple(found)

    def find_pair(self, identities: tuple[int, int], frame: int, *, later: bool) -> DetectionPair:
        """Return the detections of two identities next to a frame, before it or after it."""
        one, other = identities
        return self._find(one, frame, later), self._find(other, frame, later)

    def find_pairs_around(
        self, identities: tuple[int, int], frame: int
    ) -> tuple[DetectionPair, DetectionPair]:
        """Return the last detections of two identities before a frame, and the first from it on."""
        before = self.find_pair(identities, frame - 1, later=False)
        return before, self.find_pair(identities, frame, later=True)

    def _find(self, identity: int, frame: int, later: bool) -> DetectionRef:
        """Return the last detection up to a frame, or the first one from it on."""
        n_parts = self._run.n_parts
        start = min(max(frame, 0) // self._run.manifest.part_frames, n_parts - 1)
        for number in range(start, n_parts) if later else range(start, -1, -1):
            frames, rows, identities, _ = self._read(number)
            fits = (identities == identity) & ((frames >= frame) if later else (frames <= frame))
            own = np.flatnonzero(fits)
            if len(own):
                chosen = own[0] if later else own[-1]
                return self.refer(int(frames[chosen]), int(rows[chosen]))
        self._check_identity(identity)
        side = "from" if later else "up to"
        expected = f"a detection of {identity} {side} frame {frame}"
        raise ConfigError(f"frame: expected {expected}, got none")

    def find_anchor(self, identity: int) -> DetectionRef | None:
        """Return the most certain detection of an identity, the earliest of equal ones."""
        best: tuple[float, int, int] | None = None
        for number in range(self._run.n_parts):
            frames, rows, identities, probabilities = self._read(number)
            own: Int64 = np.flatnonzero(identities == identity)
            if not len(own):
                continue
            chosen = int(own[np.argmax(probabilities[own])])
            if best is None or probabilities[chosen] > best[0]:
                best = float(probabilities[chosen]), int(frames[chosen]), int(rows[chosen])
        return None if best is None else self.refer(best[1], best[2])


def _check_frames(run: RunDirectory, first: int, last: int | None) -> None:
    last_frame = run.n_frames - 1
    if not 0 <= first <= last_frame or (last is not None and not first <= last):
        got = f"{first}" if last is None else f"{first} to {last}"
        raise ConfigError(f"frame: expected frames from 0 to {last_frame}, in order, got {got}")


def _to_box(values: Sequence[float]) -> Box:
    x1, y1, x2, y2 = (round(float(value), 2) for value in values)
    if not (x1 < x2 and y1 < y2):
        raise ConfigError(f"box: expected x1 < x2 and y1 < y2, got {x1}, {y1}, {x2}, {y2}")
    return x1, y1, x2, y2


def _get_user() -> str:
    """Return the name of the user; a computer may have none for the process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "unknown"

"""The session of a review: what the page shows, and what becomes of the answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Any

import numpy as np
from msgspec import structs

from murid.core.identity_probabilities import format_probability
from murid.corrections.records import Answer, Crossing, DetectionRef, Entry, Rename
from murid.errors import MuridError, RunError
from murid.pipeline.corrections import RunCorrections
from murid.pipeline.run import read_layout
from murid.review.answers_needed import AnswersNeeded, estimate_answers_needed
from murid.review.background_solver import BackgroundSolver
from murid.review.clear_moments import SEARCHED_S, ClearMoment, find_clear_moments
from murid.review.crossing_zones import find_crossing_zones, list_zone_names
from murid.review.crossings import (
    PlacedAnswer,
    ReviewCrossing,
    describe_answered,
    list_review_crossings,
    place_answers,
)
from murid.review.requests import (
    AddRequest,
    AssignRequest,
    DropRequest,
    Edit,
    RenameRequest,
)
from murid.review.results import IdentityPart, RunResults
from murid.review.solve import Solve, Solver
from murid.review.timeline import Timeline
from murid.store import RunDirectory
from murid.web.app import ConflictError

# How often an answer is placed again, because identities were written meanwhile.
_MAX_TRIES = 5

# Four detections: those of two animals before a crossing and after it, as a person saw them.
Anchors = tuple[DetectionRef, ...]

_OPPOSITE: dict[Answer, Answer] = {"right": "swapped", "swapped": "right", "unsure": "unsure"}


@dataclass(frozen=True, slots=True)
class _Question:
    """Arguments of `RunCorrections.answer_crossing`."""

    identities: tuple[int, int]
    first_frame: int
    last_frame: int
    answer: Answer


class ReviewSession:
    """A run under review; may be used by several threads.

    Parameters
    ----------
    directory : RunDirectory
        A run whose animals were identified; open for writing, unless `reader_note` is given.
    reader_note : str or None
        Why nothing can be corrected.
    author : str, optional
        Who corrects.
    solve : callable
        Identifies the animals again.
    """

    def __init__(
        self,
        directory: RunDirectory,
        reader_note: str | None = None,
        author: str | None = None,
        solve: Solve | None = None,
    ) -> None:
        directory.identities.check_done()
        self._results = RunResults(directory)
        self._reader_note = reader_note
        self._author = author
        self._corrections = RunCorrections(directory, author)
        self._solve = solve or Solver()
        self._solver = BackgroundSolver(self._identify)
        self._lock = Lock()
        self._seen: dict[tuple[str, str], Anchors] = {}
        self._is_closed = False
        self._layout = read_layout(directory)
        self._answers_needed: tuple[tuple[str, int], AnswersNeeded | None] | None = None
        self._load()

    def _load(self) -> None:
        """Prepare what depends on the identities, in a thread where it takes a while."""
        directory = self._results.directory
        self._timeline_error: str | None = None
        self._revision = self._results.revision
        self._summary = self._results.read_summary()
        identities = [int(row["id"]) for row in self._summary]
        self._timeline = Timeline(self._results, identities, directory.n_frames, directory.n_parts)
        self._zones: dict[str, tuple[str, ...]] | None = None
        Thread(
            target=self._read_whole_run, args=(self._timeline,), name="murid-timeline", daemon=True
        ).start()

    def _read_whole_run(self, timeline: Timeline) -> None:
        """Compute the timeline and the zones of crossings, unless identities are new meanwhile."""
        try:
            while timeline is self._timeline and not self._is_closed and timeline.add_next_part():
                pass
            if self._layout.zones:
                crossings = self.list_crossings()
                zones = find_crossing_zones(
                    crossings, self._iterate_starts(timeline, crossings), self._layout
                )
                if timeline is self._timeline:
                    self._zones = zones
        except MuridError as error:
            self._timeline_error = str(error)

    def _iterate_starts(
        self, timeline: Timeline, crossings: list[ReviewCrossing]
    ) -> Iterator[IdentityPart]:
        """Yield the parts in which crossings begin, as long as they are those of a timeline."""
        part_frames = self._results.directory.manifest.part_frames
        for number in sorted({crossing.first_frame // part_frames for crossing in crossings}):
            if timeline is not self._timeline or self._is_closed:
                return
            yield self._results.read_part(number)

    def close(self) -> None:
        """Wait until identities are completely written, and release the run."""
        self._is_closed = True
        self._solver.close()
        self._results.close()
        self._results.directory.close()

    @property
    def results(self) -> RunResults:
        """The identities."""
        return self._results

    @property
    def timeline(self) -> Timeline:
        """The timeline of the identities that the run has now."""
        return self._timeline

    @property
    def is_solving(self) -> bool:
        """Whether identities are being computed."""
        return self._solver.is_solving

    def wait_for_solver(self, timeout_s: float | None = None) -> bool:
        """Wait until the identities are those that follow from all answers."""
        return self._solver.wait(timeout_s)

    def get_state(self) -> dict[str, Any]:
        """Return what the page shows outside the video, as plain values."""
        self._notice_other_writer()
        directory = self._results.directory
        manifest = directory.manifest
        times_s = self._results.times_s
        crossings = self.list_crossings()
        active = self._corrections.active
        probability = self._results.compute_overall_probability()
        return {
            "run": directory.path.name,
            "source": manifest.source,
            "revision": self._revision,
            "n_frames": len(times_s),
            "duration_s": float(times_s[-1]) if len(times_s) else 0.0,
            "fps": manifest.fps,
            "width": manifest.fingerprint.get("width"),
            "height": manifest.fingerprint.get("height"),
            "pixel_aspect": manifest.pixel_aspect,
            "first_video_frame": manifest.first_video_frame,
            "frame_step": manifest.frame_step,
            "times_s": _sample_times(times_s),
            "animals": self._list_animals(),
            "n_crossings": len(crossings),
            "n_looked_at": sum(crossing.answer is not None for crossing in crossings),
            "probability": None if probability is None else format_probability(probability),
            "answers_needed": self._estimate_answers_needed(crossings, probability),
            "zones": list_zone_names(self._layout) if self._zones is not None else [],
            "is_solving": self.is_solving,
            "solver_error": self._solver.error or self._timeline_error,
            "reader_note": self._reader_note,
            "n_corrections": len(active),
            "can_undo": bool(active) and self._reader_note is None,
            "can_redo": self._corrections.can_redo and self._reader_note is None,
            "log_length": len(self._corrections.entries),
        }

    def list_crossings(self) -> list[ReviewCrossing]:
        """Return the crossings: the one on whose answer most depends first, answered ones last."""
        rows = self._results.read_crossings()
        zones = self._zones or {}
        crossings = list_review_crossings(rows, self._place_answers(), self._results.times_s)
        return [structs.replace(c, zones=zones.get(c.id, ())) if zones else c for c in crossings]

    def list_revised_crossings(self) -> tuple[str, list[ReviewCrossing]]:
        """Return the revision of the identities, and their crossings as `list_crossings`."""
        while True:
            revision = self._results.revision
            crossings = self.list_crossings()
            # Otherwise identities were written meanwhile, and the crossings may be of both.
            if self._results.revision == revision:
                return revision, crossings

    def list_corrections(self) -> list[dict[str, Any]]:
        """Return the active corrections, as the timeline and the list of the page show them."""
        return [
            {
                "line": entry.line,
                "text": _describe(entry),
                "author": entry.author,
                "time_utc": entry.time_utc,
                "frame": min((d.frame for d in _get_detections(entry)), default=None),
            }
            for entry in self._corrections.active
        ]

    def find_crossing(self, crossing_id: str) -> ReviewCrossing:
        """Return a crossing; raises `ConflictError` if there is none with this id any more."""
        for crossing in self.list_crossings():
            if crossing.id == crossing_id:
                return crossing
        raise ConflictError("crossing: expected one that is listed, got one that is gone")

    def find_moments(self, crossing_id: str) -> dict[str, Any]:
        """Return the clearest moments of both animals before and after a crossing.

        What the person sees at this crossing is kept, so that an answer holds for these detections
        even if the identities are numbered anew meanwhile.
        """
        revision = self._results.revision
        crossing = self.find_crossing(crossing_id)
        self._remember(crossing, revision)
        times_s = self._results.times_s
        start, end = self._find_bounds(crossing)
        first = int(np.searchsorted(times_s, times_s[crossing.first_frame] - SEARCHED_S))
        last = int(np.searchsorted(times_s, times_s[crossing.last_frame] + SEARCHED_S))
        before = (max(first, start), crossing.first_frame)
        after = (crossing.last_frame, min(last, end, len(times_s) - 1))
        return {
            "revision": revision,
            "before": self._find_clear(crossing, *before),
            "after": self._find_clear(crossing, *after),
        }

    def answer(self, crossing_id: str, answer: Answer, revision: str) -> Entry:
        """Say whether two identities are right through a crossing.

        Raises `ConflictError` if the person saw identities that the run has no longer, and as
        `RunCorrections.answer_crossing`.
        """
        self._check_writable()
        with self._lock:
            entry = self._store_answer(crossing_id, answer, revision)
        if answer != "unsure":
            self._solver.request()
        return entry

    def edit(self, edit: Edit, revision: str) -> Entry:
        """Correct something in any frame.

        Raises `ConflictError` if the identities were computed again since the person saw them, and
        as the methods of `RunCorrections`.
        """
        self._check_writable()
        with self._lock, self._results.reading():
            if revision != self._results.revision:
                raise ConflictError(
                    "identities: expected those that the page shows, got new ones: look once more"
                )
            entry = self._apply(edit)
        self._solver.request()
        return entry

    def undo(self, line: int | None = None) -> Entry:
        """Revoke a correction; raises as `RunCorrections.undo`."""
        self._check_writable()
        with self._lock:
            entry = self._corrections.undo(line)
        self._solver.request()
        return entry

    def find_answered_crossing(self, line: int) -> dict[str, Any] | None:
        """Return what a line of the log answers, as `describe_answered`; None if nothing now."""
        entries = [entry for entry in self._corrections.entries if entry.line == line]
        answers = place_answers(entries, self._results.find_identity)
        return describe_answered(answers[0], self.list_crossings()) if answers else None

    def redo(self) -> Entry:
        """Revoke the last undo; raises as `RunCorrections.redo`."""
        self._check_writable()
        with self._lock:
            entry = self._corrections.redo()
        self._solver.request()
        return entry

    def _apply(self, edit: Edit) -> Entry:
        corrections = self._corrections
        if isinstance(edit, AssignRequest):
            return corrections.assign_row(edit.frame, edit.row, edit.animal)
        if isinstance(edit, DropRequest):
            return corrections.drop_row(edit.frame, edit.row)
        if isinstance(edit, AddRequest):
            return corrections.add(edit.frame, edit.box, edit.animal)
        if isinstance(edit, RenameRequest):
            return corrections.rename(edit.animal, edit.name)
        return corrections.swap(*edit.identities, edit.first_frame, edit.last_frame)

    def _store_answer(self, crossing_id: str, answer: Answer, revision: str) -> Entry:
        """Add an answer for what the person saw, whatever the numbers of the animals are now."""
        for _ in range(_MAX_TRIES):
            current = self._results.revision
            if revision == current:
                crossing = self.find_crossing(crossing_id)
                question = _Question(
                    crossing.identities, crossing.first_frame, crossing.last_frame, answer
                )
            else:
                question = self._renumber(crossing_id, answer, revision)
            with self._results.reading():
                # Only now nobody writes identities.
                if self._results.revision == current:
                    return self._corrections.answer_crossing(
                        question.identities,
                        question.first_frame,
                        question.last_frame,
                        question.answer,
                    )
        raise ConflictError("crossing: expected identities as shown, got new ones: look once more")

    def _find_clear(self, crossing: ReviewCrossing, first: int, last: int) -> list[ClearMoment]:
        parts = list(self._results.iterate_parts(first, last))
        return find_clear_moments(parts, crossing.identities, first, last, self._results.times_s)

    def _remember(self, crossing: ReviewCrossing, revision: str) -> None:
        """Keep the detections of both animals next to a crossing."""
        one, other = crossing.identities
        anchors = (
            self._find_detection(one, crossing.first_frame, -1),
            self._find_detection(other, crossing.first_frame, -1),
            self._find_detection(one, crossing.last_frame, 1),
            self._find_detection(other, crossing.last_frame, 1),
        )
        found = tuple(anchor for anchor in anchors if anchor is not None)
        if len(found) == len(anchors) and self._results.revision == revision:
            self._seen[revision, crossing.id] = found

    def _find_detection(self, identity: int, frame: int, step: int) -> DetectionRef | None:
        """Return the nearest detection of an identity, in the part of a frame."""
        part = next(self._results.iterate_parts(frame, frame), None)
        if part is None:
            return None
        frames = part.frames
        fits = (part.identities == identity) & (part.rows >= 0)
        fits &= (frames <= frame) if step < 0 else (frames >= frame)
        places = np.flatnonzero(fits)
        if not len(places):
            return None
        place = int(places[-1] if step < 0 else places[0])
        x1, y1, x2, y2 = part.boxes[place].tolist()
        return DetectionRef(
            frame=int(frames[place]), row=int(part.rows[place]), box=(x1, y1, x2, y2)
        )

    def _renumber(self, crossing_id: str, answer: Answer, revision: str) -> _Question:
        """Return a question about the detections that a person saw, in the numbers of now."""
        anchors = self._seen.get((revision, crossing_id), ())
        now = [self._results.find_identity(anchor.frame, anchor.row) for anchor in anchors]
        one, other, one_after, other_after = now or [None] * 4
        if one is None or other is None or one == other or {one, other} != {one_after, other_after}:
            raise ConflictError(
                "crossing: expected identities as shown, got new ones: look once more"
            )
        return _Question(
            (min(one, other), max(one, other)),
            max(anchors[0].frame, anchors[1].frame),
            min(anchors[2].frame, anchors[3].frame),
            # The new identities may be exchanged after the crossing, compared with those shown.
            answer if one == one_after else _OPPOSITE[answer],
        )

    def _find_bounds(self, crossing: ReviewCrossing) -> tuple[int, int]:
        """Return the frames between which neither animal has another doubtful crossing."""
        start = 0
        end = len(self._results.times_s) - 1
        for other in self.list_crossings():
            if other.id == crossing.id or not set(other.identities) & set(crossing.identities):
                continue
            if other.last_frame <= crossing.first_frame:
                start = max(start, other.last_frame)
            if other.first_frame >= crossing.last_frame:
                end = min(end, other.first_frame)
        return start, end

    def _estimate_answers_needed(
        self, crossings: list[ReviewCrossing], probability: float | None
    ) -> AnswersNeeded | None:
        """Return how many answers are expected to be needed; computed once for each answer."""
        if probability is None:
            return None
        key = (self._results.revision, len(self._corrections.entries))
        if self._answers_needed is None or self._answers_needed[0] != key:
            times_s = self._results.times_s
            n_positions = sum(row["n_frames"] + row["n_interpolated"] for row in self._summary)
            needed = estimate_answers_needed(
                crossings,
                times_s[[crossing.last_frame for crossing in crossings]].tolist(),
                float(times_s[-1]) if len(times_s) else 0.0,
                probability,
                n_positions / self._results.directory.manifest.fps,
            )
            self._answers_needed = (key, needed)
        return self._answers_needed[1]

    def _place_answers(self) -> list[PlacedAnswer]:
        answers = [e for e in self._corrections.active if isinstance(e.statement, Crossing)]
        return place_answers(answers, self._results.find_identity)

    def _list_animals(self) -> list[dict[str, Any]]:
        """Return identities with the names that a gallery or a correction gave them."""
        names = {
            identity: animal.name
            for identity, animal in self._results.directory.manifest.names.items()
        }
        for entry in self._corrections.active:
            if isinstance(entry.statement, Rename):
                anchor = entry.statement.animal.detection
                identity: int | None = entry.statement.animal.number
                if anchor is not None:
                    identity = self._results.find_identity(anchor.frame, anchor.row)
                if identity is not None:
                    names[identity] = entry.statement.name
        return [
            {
                "id": int(row["id"]),
                "name": names.get(int(row["id"])) or str(row["id"]),
                "probability": row["mean_identity_probability"],
            }
            for row in self._summary
        ]

    def _check_writable(self) -> None:
        if self._reader_note is not None:
            raise ConflictError(self._reader_note)

    def _identify(self) -> None:
        """Identify the animals; runs in the thread of the solver."""
        with self._results.rewriting() as directory:
            self._solve(directory)
        if self._results.revision != self._revision:
            with self._lock:
                self._load()

    def _notice_other_writer(self) -> None:
        """Open a run again that another process has identified, if it is only read here."""
        if self._reader_note is None or self._results.revision == self._revision:
            return
        try:
            self._results.reload()
            self._corrections = RunCorrections(self._results.directory, self._author)
            self._load()
        except RunError:
            # The other process is writing; the next request finds it finished.
            return


def _sample_times(times_s: np.ndarray, n_samples: int = 512) -> list[list[float]]:
    """Return frames and their times, spread over the recording, for the axis of the timeline."""
    if not len(times_s):
        return []
    frames = np.unique(np.linspace(0, len(times_s) - 1, n_samples).round().astype(int))
    return [[int(frame), round(float(times_s[frame]), 3)] for frame in frames.tolist()]


def _describe(entry: Entry) -> str:
    return entry.statement.describe()


def _get_detections(entry: Entry) -> tuple[DetectionRef, ...]:
    return entry.statement.detections

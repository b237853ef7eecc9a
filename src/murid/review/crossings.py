"""The crossings of a review: those that are in doubt, and those that a person has answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from msgspec import structs

from murid.core.types import Float64
from murid.corrections.records import Answer, Crossing, Entry
from murid.review.priority import TimedCrossing, compute_priorities

# Time before and after a crossing in its clip: enough to see which animal is which. It is shorter,
# but not below the minimum, where another crossing of one of the animals is near.
CLIP_MARGIN_S = 2.0
MIN_CLIP_MARGIN_S = 0.5

FindIdentity = Callable[[int, int], int | None]
"""Returns the identity of a detection, given by its frame and its row in the frame."""


class ReviewCrossing(msgspec.Struct, frozen=True, kw_only=True):
    """A crossing as the page shows it.

    Attributes
    ----------
    id : str
        The identities and the frames.
    identities : tuple of int
    first_frame, last_frame : int
        The animals are apart before the first and after the last.
    clip_first, clip_last : int
        Frames from two seconds before to two seconds after, or to the next crossing.
    duration_s : float
    swap_probability : float
        As computed; 0 for one that is no longer in doubt.
    lasting_probability : float
        Of a swap that is not undone at another crossing soon after it or before it.
    interval_s : float
        Expected wrong animal-time in seconds of swaps that are.
    priority_s : float
        Expected wrong animal-time in seconds that the answer decides.
    answer : {"right", "swapped", "unsure"} or None
        What a person said.
    line : int or None
        Line of the answer in the log.
    zones : tuple of str
        Zones in which either animal is as the crossing begins; () until they are known.
    """

    id: str
    identities: tuple[int, int]
    first_frame: int
    last_frame: int
    clip_first: int
    clip_last: int
    duration_s: float
    swap_probability: float
    lasting_probability: float = 0.0
    interval_s: float = 0.0
    priority_s: float
    answer: Answer | None = None
    line: int | None = None
    zones: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlacedAnswer:
    """An answer, and where its animals are among the identities that the run has now.

    The identities may have been numbered anew since the answer was given.
    """

    pair: tuple[int, int]
    first_frame: int
    last_frame: int
    answer: Answer
    line: int

    def measure_overlap(self, row: dict[str, Any]) -> int:
        """Return for how many frames a crossing is that of the answer; below 1 = it is not."""
        return self._measure(_get_pair(row), int(row["first_frame"]), int(row["last_frame"]))

    def measure_overlap_with(self, crossing: ReviewCrossing) -> int:
        """Return the same for a listed crossing."""
        return self._measure(crossing.identities, crossing.first_frame, crossing.last_frame)

    def _measure(self, pair: tuple[int, int], first_frame: int, last_frame: int) -> int:
        if self.pair != pair:
            return 0
        return min(self.last_frame, last_frame) - max(self.first_frame, first_frame) + 1


def _format_id(pair: tuple[int, int], first_frame: int, last_frame: int) -> str:
    """Return the id of a crossing: the identities and the frames."""
    return f"{pair[0]}-{pair[1]}-{first_frame}-{last_frame}"


def place_answers(entries: Sequence[Entry], find_identity: FindIdentity) -> list[PlacedAnswer]:
    """Return the answers among active corrections whose animals still have two identities."""
    placed = []
    for entry in entries:
        statement = entry.statement
        if not isinstance(statement, Crossing):
            continue
        found = [find_identity(before.frame, before.row) for before in statement.before]
        one, other = found
        if one is None or other is None or one == other:
            continue
        placed.append(
            PlacedAnswer(
                (min(one, other), max(one, other)),
                max(before.frame for before in statement.before),
                min(after.frame for after in statement.after),
                statement.answer,
                entry.line,
            )
        )
    return placed


def describe_answered(answer: PlacedAnswer, crossings: Sequence[ReviewCrossing]) -> dict[str, Any]:
    """Return ``id``, ``first_frame`` and ``last_frame`` of the crossing of an answer.

    They are those of the listed crossing, or of the answer if none is listed for it any more.
    """
    best = max(crossings, key=answer.measure_overlap_with, default=None)
    if best is not None and answer.measure_overlap_with(best) > 0:
        return {"id": best.id, "first_frame": best.first_frame, "last_frame": best.last_frame}
    return {
        "id": _format_id(answer.pair, answer.first_frame, answer.last_frame),
        "first_frame": answer.first_frame,
        "last_frame": answer.last_frame,
    }


def list_review_crossings(
    rows: Sequence[dict[str, Any]], answers: Sequence[PlacedAnswer], times_s: Float64
) -> list[ReviewCrossing]:
    """Return all crossings to look at, the one on whose answer most depends first.

    Answered ones follow, also those that are no longer in doubt because of the answer.

    Parameters
    ----------
    rows : sequence of dict
        Doubtful crossings, as `IdentityParts.read_crossings` returns them.
    answers : sequence of PlacedAnswer
    times_s : ndarray
        ``(F,)`` float64 times of the frames.
    """
    answer_of: dict[int, PlacedAnswer] = {}
    unmatched = []
    for answer in answers:
        overlaps = [answer.measure_overlap(row) for row in rows]
        best = max(range(len(rows)), key=lambda k: overlaps[k], default=None)
        if best is None or overlaps[best] < 1:
            unmatched.append(answer)
        else:
            answer_of[best] = answer

    # What a person has decided is not in doubt, and stops no other swap.
    timed = [
        TimedCrossing(
            _get_pair(row),
            float(times_s[int(row["last_frame"])]),
            0.0 if _is_decided(answer_of.get(k)) else _get_lasting_probability(row),
        )
        for k, row in enumerate(rows)
    ]
    end_s = float(times_s[-1]) if len(times_s) else 0.0
    frame_s = end_s / max(len(times_s) - 1, 1)
    lasting_s = compute_priorities(timed, end_s)

    crossings = [
        _make_crossing(
            _get_pair(row),
            int(row["first_frame"]),
            int(row["last_frame"]),
            _Doubt(
                float(row["swap_probability"]),
                _get_lasting_probability(row),
                frame_s * float(row.get("interval_frames", 0.0)),
                lasting_s[k],
            ),
            answer_of.get(k),
            times_s,
        )
        for k, row in enumerate(rows)
    ]
    crossings += [
        _make_crossing(a.pair, a.first_frame, a.last_frame, _Doubt(), a, times_s) for a in unmatched
    ]
    unique = {crossing.id: crossing for crossing in crossings}
    return sorted(
        _cut_clips(list(unique.values()), times_s),
        key=lambda c: (c.answer is not None, -c.priority_s, c.first_frame, c.identities),
    )


def _cut_clips(crossings: list[ReviewCrossing], times_s: Float64) -> list[ReviewCrossing]:
    """Return crossings whose clips end where another crossing of one of the animals begins.

    Otherwise the clip would show who is who after both, and the question is about one.
    """
    begins: dict[int, list[int]] = {}
    ends: dict[int, list[int]] = {}
    for crossing in crossings:
        for identity in crossing.identities:
            begins.setdefault(identity, []).append(crossing.first_frame)
            ends.setdefault(identity, []).append(crossing.last_frame)
    sorted_begins = {identity: np.sort(frames) for identity, frames in begins.items()}
    sorted_ends = {identity: np.sort(frames) for identity, frames in ends.items()}

    cut = []
    for crossing in crossings:
        first = crossing.clip_first
        last = crossing.clip_last
        for identity in crossing.identities:
            before = sorted_ends[identity]
            n_before = int(np.searchsorted(before, crossing.first_frame, side="right"))
            first = max(first, int(before[n_before - 1]) if n_before else 0)
            after = sorted_begins[identity]
            n_until = int(np.searchsorted(after, crossing.last_frame))
            last = min(last, int(after[n_until]) if n_until < len(after) else last)
        latest_s = times_s[crossing.first_frame] - MIN_CLIP_MARGIN_S
        earliest_s = times_s[crossing.last_frame] + MIN_CLIP_MARGIN_S
        clip_first = min(first, int(np.searchsorted(times_s, latest_s)))
        clip_last = max(last, int(np.searchsorted(times_s, earliest_s, side="right")) - 1)
        cut.append(structs.replace(crossing, clip_first=clip_first, clip_last=clip_last))
    return cut


def _get_pair(row: dict[str, Any]) -> tuple[int, int]:
    one = int(row["identity_a"])
    other = int(row["identity_b"])
    return min(one, other), max(one, other)


def _get_lasting_probability(row: dict[str, Any]) -> float:
    """Return the probability of a lasting swap; runs of older versions have only that of any."""
    return float(row.get("lasting_probability", row["swap_probability"]))


@dataclass(frozen=True, slots=True)
class _Doubt:
    """What is in doubt at a crossing.

    `lasting_s` and `interval_s` are the expected wrong animal-time of swaps that last, and of those
    that are undone at another crossing.
    """

    swap_probability: float = 0.0
    lasting_probability: float = 0.0
    interval_s: float = 0.0
    lasting_s: float = 0.0


def _is_decided(answer: PlacedAnswer | None) -> bool:
    return answer is not None and answer.answer != "unsure"


def _make_crossing(
    pair: tuple[int, int],
    first_frame: int,
    last_frame: int,
    doubt: _Doubt,
    answer: PlacedAnswer | None,
    times_s: Float64,
) -> ReviewCrossing:
    start_s = float(times_s[first_frame])
    end_s = float(times_s[last_frame])
    # A decided crossing is not in doubt any more.
    interval_s = 0.0 if _is_decided(answer) else doubt.interval_s
    clip_last = int(np.searchsorted(times_s, end_s + CLIP_MARGIN_S, side="right")) - 1
    return ReviewCrossing(
        id=_format_id(pair, first_frame, last_frame),
        identities=pair,
        first_frame=first_frame,
        last_frame=last_frame,
        clip_first=int(np.searchsorted(times_s, start_s - CLIP_MARGIN_S)),
        clip_last=clip_last,
        duration_s=round(end_s - start_s, 3),
        swap_probability=round(doubt.swap_probability, 6),
        lasting_probability=round(doubt.lasting_probability, 6),
        interval_s=round(interval_s, 3),
        priority_s=round(doubt.lasting_s + interval_s, 3),
        answer=None if answer is None else answer.answer,
        line=None if answer is None else answer.line,
    )

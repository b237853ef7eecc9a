"""The doubtful crossings of a run, in the order of the review, for its report."""

from __future__ import annotations

import shlex

from murid.core.types import Float64
from murid.corrections.log import read_log
from murid.corrections.records import select_active
from murid.plots.doubtful_crossings import DoubtfulCrossing
from murid.review.crossings import ReviewCrossing, list_review_crossings, place_answers
from murid.review.results import RunResults
from murid.store import RunDirectory
from murid.store.manifest import Manifest


def list_report_crossings(directory: RunDirectory) -> list[DoubtfulCrossing]:
    """Return the crossings of a run: the one on which most depends first, answered ones last.

    Parameters
    ----------
    directory : RunDirectory
        Open for reading. A run whose animals were not identified has no crossings.

    Raises
    ------
    RunError
        If a part, the crossings or the log of corrections is damaged.
    """
    if not directory.is_done("identification"):
        return []
    results = RunResults(directory)
    answers = place_answers(select_active(read_log(directory.path)), results.find_identity)
    crossings = list_review_crossings(results.read_crossings(), answers, results.times_s)
    # The report may be opened when the shell is elsewhere.
    run = str(directory.path.resolve())
    return [_describe(crossing, directory.manifest, results.times_s, run) for crossing in crossings]


def _describe(
    crossing: ReviewCrossing, manifest: Manifest, times_s: Float64, run: str
) -> DoubtfulCrossing:
    one, other = (
        manifest.names[i].name if i in manifest.names else str(i) for i in crossing.identities
    )
    return DoubtfulCrossing(
        id=crossing.id,
        names=(one, other),
        time_s=float(times_s[crossing.first_frame]),
        first_frame=manifest.to_video_frame(crossing.first_frame),
        last_frame=manifest.to_video_frame(crossing.last_frame),
        clip_first=crossing.clip_first,
        clip_last=crossing.clip_last,
        swap_probability=crossing.swap_probability,
        answer=crossing.answer,
        command=shlex.join(["murid", "review", run, "--crossing", crossing.id]),
    )

"""Decide on the second pass over the video, and say why it is made and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from murid.appearance.second_pass import (
    FurSample,
    choose_stretches,
    count_descriptors,
    count_point_frames,
    has_second_pass,
    run_second_pass,
    sample_fur,
)
from murid.core.durations import format_duration
from murid.core.plurals import format_count
from murid.core.progress import (
    AnnounceCallback,
    ProgressCallback,
    no_announcement,
    no_progress,
)
from murid.core.types import DetectionTable
from murid.errors import SourceError
from murid.identification import IdentificationResult
from murid.identification.appearance_models.appearance_fit import AppearanceSelection
from murid.identification.appearance_models.tracklet_features import FurDescriptors
from murid.identification.point_matches import PointMatches
from murid.store import RunDirectory

SecondPass = tuple[FurDescriptors, PointMatches]
Selections = tuple[AppearanceSelection, ...]

# Time of a frame in the second pass, relative to that in the first: decoding and tracking of
# points, and in addition for each fur descriptor; and seconds that are needed once, for the
# background model. Upper ends of what `benchmarks/second_pass.py` measures.
_BASE_RATIO = 0.15
_RATIO_PER_DESCRIPTOR = 0.03
_ONCE_S = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Feedback:
    """What a user learns while identities are made.

    Attributes
    ----------
    report : callable
        Called with progress.
    announce : callable
        Called with a sentence before a second pass over the video.
    detection_s : float or None
        Seconds that the detection of one frame took, on average; None = unknown.
    """

    report: ProgressCallback = no_progress
    announce: AnnounceCallback = no_announcement
    detection_s: float | None = None

    def describe_cost(self, n_frames: int, n_descriptors: float) -> str:
        """Return in words how long a second pass over so many frames takes: ``, about 40 s``.

        The second number is the descriptors of all these frames. Empty if the time is unknown.
        """
        if self.detection_s is None:
            return ""
        n_relative = _BASE_RATIO * n_frames + _RATIO_PER_DESCRIPTOR * n_descriptors
        return f", about {format_duration(_ONCE_S + n_relative * self.detection_s)}"


def refine_as_asked(run: RunDirectory, table: DetectionTable, feedback: Feedback) -> SecondPass:
    """Return the second pass that the user asked for; raises as `run_second_pass`."""
    if not has_second_pass(run):
        cost = feedback.describe_cost(run.n_frames, count_descriptors(table, run.manifest.fps))
        feedback.announce(f"looking at the fur of the animals, as asked for{cost}")
    return run_second_pass(run, feedback.report)


def refine_in_doubt(
    run: RunDirectory,
    table: DetectionTable,
    result: IdentificationResult,
    judge: Callable[[FurSample], Selections],
    feedback: Feedback,
) -> SecondPass | None:
    """Make a second pass over the video for a result that is in doubt.

    A short recording is read at once. In a long one, a sample shows first whether fur tells the
    animals apart. If it does not, only points are tracked, in frames where tracklets begin or end.

    Parameters
    ----------
    run : RunDirectory
        Open for writing.
    table : DetectionTable
        All detections of the run.
    result : IdentificationResult
        Identities without a second pass, some of which are in doubt.
    judge : callable
        Returns the result of the cross-validation on a sample.
    feedback : Feedback

    Returns
    -------
    tuple or None
        Fur descriptors and point matches; None if the video cannot be read.

    Raises
    ------
    RunError, StorageError
        As `run_second_pass`.
    """
    if has_second_pass(run):
        return run_second_pass(run, feedback.report)
    try:
        return _read_as_needed(run, table, describe_doubt(result), judge, feedback)
    except SourceError as error:  # the video of an old run may be gone
        feedback.announce(f"no second pass: {error}")
        return None


def _read_as_needed(
    run: RunDirectory,
    table: DetectionTable,
    doubt: str,
    judge: Callable[[FurSample], Selections],
    feedback: Feedback,
) -> SecondPass:
    """Read as much of the video as helps, and announce it, with what is in doubt."""
    n_descriptors = count_descriptors(table, run.manifest.fps)
    cost = feedback.describe_cost(run.n_frames, n_descriptors)
    stretches = choose_stretches(run.frames.read().times_s)
    if not stretches:
        feedback.announce(
            f"{doubt}: second pass over the video, which looks at the fur of the animals{cost}"
            " (--no-refine leaves it out)"
        )
        return run_second_pass(run, feedback.report)
    n_sampled = sum(map(len, stretches))
    share = n_sampled / run.n_frames
    sample_cost = feedback.describe_cost(n_sampled, share * n_descriptors)
    feedback.announce(
        f"{doubt}: looking at the fur of the animals in {share:.0%} of the video, to see whether it"
        f" tells them apart{sample_cost} (--no-refine leaves it out)"
    )
    sample = sample_fur(run, stretches, feedback.report)
    if any(selection.used for selection in judge(sample)):
        feedback.announce(f"fur tells these animals apart: second pass over the whole video{cost}")
        return run_second_pass(run, feedback.report)
    n_wanted = count_point_frames(run, table)
    cost = feedback.describe_cost(n_wanted, 0)
    feedback.announce(
        "fur does not tell these animals apart: only following points of it where animals meet,"
        f" in {n_wanted / run.n_frames:.0%} of the video{cost}"
    )
    return run_second_pass(run, feedback.report, sample.fur_descriptors)


def describe_doubt(result: IdentificationResult) -> str:
    """Return in words how sure the identities are."""
    mean = float(result.identity_probabilities.mean())
    crossings = format_count(len(result.crossings), "doubtful crossing")
    return f"identities are {100 * mean:.3g} % sure, with {crossings}"

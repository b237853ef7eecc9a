"""How many more answers make the identities of a recording certain enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from murid.core.identity_probabilities import format_probability
from murid.review.crossings import ReviewCrossing
from murid.review.priority import TimedCrossing, compute_priorities

# Overall identity probabilities to aim at. The highest one that answers alone can reach is shown;
# the rest of the doubt is about detections, at which no crossing helps.
_GOALS = (0.999, 0.995, 0.99, 0.98, 0.95, 0.9)


class AnswersNeeded(msgspec.Struct, frozen=True):
    """The expected number of answers to an overall identity probability.

    Attributes
    ----------
    n : int
        Number of further answers, in the order in which the crossings are shown.
    probability : str
        As of `format_probability`.
    """

    n: int
    probability: str


def estimate_answers_needed(
    crossings: Sequence[ReviewCrossing],
    end_times_s: Sequence[float],
    end_s: float,
    probability: float,
    animal_time_s: float,
) -> AnswersNeeded | None:
    """Return how many answers are expected to reach the highest goal within reach.

    Each answer takes away the wrong animal-time that is expected because of its crossing: that of
    intervals, and that of lasting swaps. The sum of the latter over all crossings is that of
    `compute_priorities`.

    Parameters
    ----------
    crossings : sequence of ReviewCrossing
        In the order in which they are shown.
    end_times_s : sequence of float
        When each of them ends.
    end_s : float
        Time of the last frame.
    probability : float
        The overall identity probability now.
    animal_time_s : float
        Over which it is the mean: the sum of the times for which each animal has a position.

    Returns
    -------
    AnswersNeeded or None
        None if no goal above the probability can be reached.
    """
    timed = [
        TimedCrossing(crossing.identities, time_s, _get_doubt(crossing))
        for crossing, time_s in zip(crossings, end_times_s, strict=True)
    ]
    open_ones = [k for k, crossing in enumerate(crossings) if crossing.answer is None]
    wrong_s = sum(compute_priorities(timed, end_s))

    def predict(n_answers: int) -> float:
        answered = list(timed)
        for k in open_ones[:n_answers]:
            answered[k] = replace(timed[k], swap_probability=0.0)
        gained_s = wrong_s - sum(compute_priorities(answered, end_s))
        gained_s += sum(crossings[k].interval_s for k in open_ones[:n_answers])
        return min(1.0, probability + gained_s / max(animal_time_s, 1e-9))

    best = predict(len(open_ones))
    goal = next((goal for goal in _GOALS if probability < goal <= best), None)
    if goal is None:
        return None
    # The expected wrong time never grows with an answer, so that the number can be bisected.
    low = 0
    high = len(open_ones)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if predict(middle) >= goal else (middle, high)
    return AnswersNeeded(high, format_probability(goal))


def _get_doubt(crossing: ReviewCrossing) -> float:
    """Return the probability of a lasting swap that is left after an answer."""
    return 0.0 if crossing.answer in ("right", "swapped") else crossing.lasting_probability

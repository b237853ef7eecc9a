"""How much depends on the answer at a doubtful crossing: the order in which they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TimedCrossing:
    """A doubtful crossing, as far as its priority depends on it.

    Attributes
    ----------
    pair : tuple of int
        The two identities.
    time_s : float
        When it ends, in seconds.
    swap_probability : float
        Of a lasting swap, in [0, 0.5].
    """

    pair: tuple[int, int]
    time_s: float
    swap_probability: float


def compute_priorities(crossings: Sequence[TimedCrossing], end_s: float) -> list[float]:
    """Return the expected wrong animal-time in seconds that each crossing decides.

    It is the swap probability times the animal-time that depends on the crossing. A swap makes two
    animals wrong until another swap of the same two corrects it. At a later crossing of theirs with
    the swap probability q, this happens or not; what the first crossing still says about the time
    after it is the difference between the probabilities to be wrong with a swap and without one,
    which is 1 - 2 q. So each later crossing of the two multiplies the rest of the time by 1 - 2 q:
    one with q = 0.5 ends it, one with q = 0 changes nothing. Without a later crossing, the time
    lasts to the end of the recording.

    Parameters
    ----------
    crossings : sequence of TimedCrossing
        All crossings of the recording, in any order.
    end_s : float
        Time of the last frame.
    """
    priorities = [0.0] * len(crossings)
    # From the end of the recording backwards: the time that depends on what is after a moment.
    order = sorted(range(len(crossings)), key=lambda k: crossings[k].time_s, reverse=True)
    next_s: dict[tuple[int, int], float] = {}
    dependent_s: dict[tuple[int, int], float] = {}
    for k in order:
        crossing = crossings[k]
        first, second = crossing.pair
        pair = (min(first, second), max(first, second))
        until_next_s = max(next_s.get(pair, end_s) - crossing.time_s, 0.0)
        interval_s = until_next_s + dependent_s.get(pair, 0.0)
        priorities[k] = crossing.swap_probability * 2 * interval_s
        dependent_s[pair] = interval_s * (1 - 2 * min(crossing.swap_probability, 0.5))
        next_s[pair] = crossing.time_s
    return priorities

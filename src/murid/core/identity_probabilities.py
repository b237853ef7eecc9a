"""How likely the identities of a recording are right: over all animals, and for each animal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# An animal below this mean identity probability is flagged. It decides no result: of the time that
# such an animal is shown, more than one twentieth is expected to be another one.
MIN_CERTAIN_PROBABILITY = 0.95


def is_uncertain(probability: float | None) -> bool:
    """Return whether an identity probability is too low to rely on; an unknown one is not."""
    return probability is not None and probability < MIN_CERTAIN_PROBABILITY


def format_probability(probability: float) -> str:
    """Return a probability in percent, such as ``64 %`` or ``99.7 %``, never rounded up.

    From 99 % on it has one decimal. Only a probability of 1 is ``100 %``.
    """
    percent = 100 * probability
    decimals = 1 if percent >= 99 and percent < 100 else 0
    # The summand undoes errors of the product: 100 * 0.29 is less than 29.
    floored = math.floor(percent * 10**decimals + 1e-9) / 10**decimals
    return f"{floored:.{decimals}f} %"


@dataclass(frozen=True, slots=True)
class IdentityProbabilities:
    """Mean identity probabilities of the animals of a recording.

    Attributes
    ----------
    ids : tuple of int
        Identities.
    means : tuple of float
        Mean identity probability of each, over the frames in which it has a box.
    n_frames : tuple of int
        Number of these frames.
    """

    ids: tuple[int, ...]
    means: tuple[float, ...]
    n_frames: tuple[int, ...]

    @classmethod
    def from_rows(cls, rows: Sequence[Mapping[str, Any]]) -> IdentityProbabilities:
        """Return those of the rows of `RunDirectory.read_summary`, which must be identities."""
        return cls(
            tuple(int(row["id"]) for row in rows),
            tuple(float(row["mean_identity_probability"]) for row in rows),
            tuple(int(row["n_frames"] + row["n_interpolated"]) for row in rows),
        )

    @property
    def overall(self) -> float | None:
        """Mean identity probability over all animals and frames; None without animals."""
        total = sum(self.n_frames)
        if not total:
            return None
        pairs = zip(self.means, self.n_frames, strict=True)
        return sum(probability * n for probability, n in pairs) / total

    @property
    def uncertain_ids(self) -> tuple[int, ...]:
        """Identities with a mean identity probability below `MIN_CERTAIN_PROBABILITY`."""
        pairs = zip(self.ids, self.means, strict=True)
        return tuple(identity for identity, probability in pairs if is_uncertain(probability))

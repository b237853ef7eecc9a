"""The input of all figures of a recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from murid.analysis.behaviour import Behaviour
from murid.core.identity_probabilities import (
    IdentityProbabilities,
    format_probability,
    is_uncertain,
)
from murid.core.types import Float64, Trajectories, UInt8
from murid.plots.doubtful_crossings import DoubtfulCrossing


@dataclass(frozen=True, eq=False)
class PlotData:
    """Trajectories, behaviour and crossings of one recording.

    Attributes
    ----------
    name : str
        Name of the recording.
    behaviour : Behaviour
        Positions and behaviour, after smoothing.
    trajectories : Trajectories
        Positions and identity probabilities before smoothing.
    image : ndarray or None
        ``(h, w, 3)`` uint8 RGB background of maps; None = white.
    crossings : sequence of mapping
        Uncertain crossings, the highest swap probability first: ``first_frame, last_frame,
        identity_a, identity_b, swap_probability``.
    notes : sequence of str
        Warnings for the reader of the report.
    identity_probabilities : IdentityProbabilities or None
        How likely the identities are right; None for tracks.
    listed_crossings : sequence of DoubtfulCrossing
        What the HTML report lists, the one on which most depends first.
    """

    name: str
    behaviour: Behaviour
    trajectories: Trajectories
    image: UInt8 | None = None
    crossings: Sequence[Mapping[str, Any]] = ()
    notes: Sequence[str] = field(default_factory=tuple)
    identity_probabilities: IdentityProbabilities | None = None
    listed_crossings: Sequence[DoubtfulCrossing] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the animals."""
        return self.behaviour.names

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the animals, with the identity probability of those that are uncertain."""
        if self.identity_probabilities is None:
            return self.names
        pairs = zip(self.names, self.identity_probabilities.means, strict=True)
        return tuple(
            f"{name} ({format_probability(value)} sure)" if is_uncertain(value) else name
            for name, value in pairs
        )

    @property
    def edges_s(self) -> Float64:
        """``(R + 1,)`` seconds: start of each row of the behaviour, and end of the last one."""
        return self.behaviour.clock.edges_s

    @property
    def duration_s(self) -> float:
        """Length of the recording, seconds."""
        return float(self.behaviour.durations_s.sum())

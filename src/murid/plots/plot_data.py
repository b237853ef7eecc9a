"""The input of all figures of a recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from murid.analysis.behaviour import Behaviour
from murid.core.types import Float64, Trajectories, UInt8


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
    """

    name: str
    behaviour: Behaviour
    trajectories: Trajectories
    image: UInt8 | None = None
    crossings: Sequence[Mapping[str, Any]] = ()
    notes: Sequence[str] = field(default_factory=tuple)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the animals."""
        return self.behaviour.names

    @property
    def edges_s(self) -> Float64:
        """``(R + 1,)`` seconds: start of each row of the behaviour, and end of the last one."""
        return self.behaviour.clock.edges_s

    @property
    def duration_s(self) -> float:
        """Length of the recording, seconds."""
        return float(self.behaviour.durations_s.sum())

"""A recording as figures want it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from murid.analysis.behaviour import Behaviour
from murid.core.types import Float64, Trajectories, UInt8


@dataclass(frozen=True, eq=False)
class PlotData:
    """What is drawn.

    Attributes
    ----------
    name : str
        Of the recording.
    behaviour : Behaviour
        What the animals did, and where.
    trajectories : Trajectories
        As they were told, before smoothing.
    image : ndarray or None
        ``(h, w, 3)`` uint8 RGB to draw on; None = white.
    crossings : sequence of mapping
        Doubtful crossings, the most doubtful first: ``first_frame, last_frame, a, b, chance``.
    notes : sequence of str
        What the reader should know.
    """

    name: str
    behaviour: Behaviour
    trajectories: Trajectories
    image: UInt8 | None = None
    crossings: Sequence[Mapping[str, Any]] = ()
    notes: Sequence[str] = field(default_factory=tuple)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the animals."""
        return self.behaviour.names

    @property
    def edges_s(self) -> Float64:
        """``(F + 1,)`` seconds: when each frame begins, and when the last one ends."""
        time_s = self.behaviour.time_s
        return np.append(time_s, time_s[-1:] + self.behaviour.durations_s[-1:])

    @property
    def duration_s(self) -> float:
        """Length of the recording."""
        return float(self.behaviour.durations_s.sum())

"""Settings of whole-recording identities."""

from __future__ import annotations

import math
from dataclasses import dataclass

from murid.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class IdentificationConfig:
    """How tracklets become identities.

    Raises
    ------
    ConfigError
        If a value is out of range.
    """

    min_score: float = 0.15
    """Detections with a lower score are never an animal."""

    appearance: bool = True
    """Use looks, as far as they prove to tell the animals of this recording apart; False = motion
    and size alone."""

    max_gap_s: float = 2.0
    """Gaps up to this long, in seconds, are filled where the animal went no further than it can
    have gone; 0 = none."""

    max_occluded_gap_s: float = 10.0
    """The same of gaps at both ends of which the animal is in the box of another one, instead of
    the former."""

    smooth: bool = True
    """Smooth the boxes of each animal over time, those most that others cover in part; False = as
    detected."""

    min_probability: float = 0.99
    """Crossings whose outcome is less certain than this are listed as doubtful."""

    def __post_init__(self) -> None:
        bounds = {
            "min_score": 1.0,
            "max_gap_s": math.inf,
            "max_occluded_gap_s": math.inf,
            "min_probability": 1.0,
        }
        for name, high in bounds.items():
            value = getattr(self, name)
            if not 0 <= value <= high:
                raise ConfigError(f"{name} must lie between 0 and {high:g}, not {value}")

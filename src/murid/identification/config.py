"""Settings of whole-recording identities."""

from __future__ import annotations

import math
from dataclasses import dataclass

from murid.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class IdentifyConfig:
    """How tracklets become identities.

    Raises
    ------
    ConfigError
        If a value is out of range.
    """

    least_score: float = 0.15
    """Detections with a lower score are never an animal."""

    appearance: bool = True
    """Use looks, as far as they prove to tell the animals of this recording apart; False = motion and size alone."""

    longest_fill_s: float = 2.0
    """Gaps up to this long, in seconds, are filled where the animal went no further than it can have gone; 0 = none."""

    longest_held_fill_s: float = 10.0
    """The same of gaps at both ends of which the animal is in the box of another one, instead of the former."""

    smooth: bool = True
    """Smooth the boxes of each animal over time, those most that others cover in part; False = as detected."""

    sure_chance: float = 0.99
    """Crossings whose outcome is less certain than this are listed as doubtful."""

    def __post_init__(self) -> None:
        bounds = {"least_score": 1.0, "longest_fill_s": math.inf, "longest_held_fill_s": math.inf, "sure_chance": 1.0}
        for name, high in bounds.items():
            value = getattr(self, name)
            if not 0 <= value <= high:
                raise ConfigError(f"{name} must lie between 0 and {high:g}, not {value}")

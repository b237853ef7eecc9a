"""Settings of identification."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from murid.errors import ConfigError

RefineMode = Literal["auto", "always", "never"]


@dataclass(frozen=True, kw_only=True, slots=True)
class IdentificationConfig:
    """Settings for joining tracklets into identities.

    `link_tracklets` ignores `enabled` and `refine`: they choose what the pipeline runs before and
    after it.

    Raises
    ------
    ConfigError
        If a value is out of range.
    """

    enabled: bool = True
    """Identify the animals of the whole recording; False = stop after frame-by-frame tracking."""

    min_score: float = 0.15
    """Ignore detections with a lower score."""

    use_appearance: bool = True
    """Use appearance, weighted by how well it separates the animals of this recording; False = use
    motion and size alone."""

    refine: RefineMode = "auto"
    """Whether to make a second pass over the video to learn the fur of each animal: "auto" = only
    if identities are in doubt, "always" or "never"."""

    max_gap_s: float = 2.0
    """Longest gap in seconds that is interpolated, if the animal can have covered the distance; a
    single missing frame is at any frame rate; 0 = none."""

    max_occluded_gap_s: float = 10.0
    """The same for occluded gaps, at both ends of which the animal is inside the box of another
    animal; replaces `max_gap_s` there."""

    use_foreground: bool = True
    """Hold boxes in gaps to the pixels that differ from the background, where the camera is at
    rest; False = interpolate on straight lines alone, and do not read these frames."""

    smooth_boxes: bool = True
    """Smooth the boxes and keypoints of each animal over time, occluded edges most; False = as
    detected."""

    min_probability: float = 0.99
    """List a crossing as doubtful if the identities after it are right with a lower probability."""

    def __post_init__(self) -> None:
        if self.refine not in get_args(RefineMode):
            expected = " or ".join(repr(mode) for mode in get_args(RefineMode))
            raise ConfigError(f"identification.refine: expected {expected}, got {self.refine!r}")
        bounds = {
            "min_score": 1.0,
            "max_gap_s": math.inf,
            "max_occluded_gap_s": math.inf,
            "min_probability": 1.0,
        }
        for name, high in bounds.items():
            value = getattr(self, name)
            if not 0 <= value <= high:
                raise ConfigError(
                    f"identification.{name}: expected a number from 0 to {high:g}, got {value}"
                )

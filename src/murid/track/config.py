"""Settings of the data association: the paper's, and those that track rodents best."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from murid.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackConfig:
    """How detections become tracks.

    The defaults are those that tracked best in measurements; `TrackConfig.paper` gives the paper's method with
    FairMOT's constants where the paper is silent.

    Raises
    ------
    ConfigError
        If a value is out of range, or two values contradict each other.
    """

    score_threshold: float = 0.3
    """Detections with at least this score take part in every stage."""

    birth_threshold: float = 0.4
    """Detections with at least this score may start a track; not below `score_threshold`."""

    low_score_threshold: float | None = 0.1
    """Detections from here up to `score_threshold` may prolong a tracked track by overlap (ByteTrack); None = never."""

    first_cost: Literal["fused", "near"] = "near"
    """Cost of the first stage. ``fused``: cosine and gated Mahalanobis distance (the paper); ``near``: centre distance
    in body lengths with a little appearance."""

    first_limit: float = 1.0
    """Highest cost of a match in the first stage: the paper's 0.4 for ``fused``, body lengths for ``near``."""

    second_limit: float = 0.5
    """Highest IoU distance in the second stage (leftover tracked tracks)."""

    low_score_limit: float = 0.5
    """Highest IoU distance of a match with a low-score detection."""

    tentative_limit: float = 0.7
    """Highest IoU distance at which a tentative track is confirmed."""

    appearance_weight: float = 0.98
    """Lambda, the weight of the cosine distance: ``lambda D_r + (1 - lambda) D_m`` for ``fused``, added to the distance
    for ``near``."""

    appearance_momentum: float = 0.9
    """Share of the old embedding in the running mean of a track's appearance."""

    gate_dims: Literal[4, 2] = 4
    """Dimensions of the Mahalanobis gate: 4 = centre, aspect ratio and height; 2 = centre alone."""

    aspect_noise: float = 1e-2
    """Standard deviation by which the aspect ratio may change in one frame."""

    confirm_new_tracks: bool = True
    """Report a track from its second match; False reports it from its first detection (the paper's literal text)."""

    output_boxes: Literal["detection", "kalman"] = "detection"
    """Report the detection's own box, or the Kalman filter's posterior mean."""

    max_lost_s: float = 1.0
    """Seconds for which an unseen track is kept; without effect on lost tracks where `max_tracks` is set."""

    duplicate_limit: float | None = 0.15
    """A tracked and a lost track with a smaller IoU distance are one animal, the younger goes; None = never."""

    max_tracks: int | None = None
    """Number of animals, an upper bound of the tracks alive at once; None = open."""

    def __post_init__(self) -> None:
        self._check_range("score_threshold", 0, 1)
        self._check_range("birth_threshold", 0, 1)
        self._check_range("appearance_weight", 0, 1)
        self._check_range("appearance_momentum", 0, 1)
        self._check_range("first_limit", 0, math.inf)
        for name in ("second_limit", "low_score_limit", "tentative_limit"):
            self._check_range(name, 0, 1)
        self._check_range("aspect_noise", 0, math.inf)
        self._check_range("max_lost_s", 0, math.inf)
        if self.duplicate_limit is not None:
            self._check_range("duplicate_limit", 0, 1)
        for name, choices in (
            ("first_cost", ("fused", "near")),
            ("gate_dims", (2, 4)),
            ("output_boxes", ("detection", "kalman")),
        ):
            if getattr(self, name) not in choices:
                raise ConfigError(f"{name} must be one of {choices}, not {getattr(self, name)!r}")
        if self.max_tracks is not None and self.max_tracks < 1:
            raise ConfigError(f"max_tracks must be at least 1, not {self.max_tracks}")
        if self.birth_threshold < self.score_threshold:
            raise ConfigError(
                f"birth_threshold ({self.birth_threshold}) must not be below score_threshold ({self.score_threshold})"
            )
        if self.low_score_threshold is not None and not 0 <= self.low_score_threshold <= self.score_threshold:
            raise ConfigError(
                f"low_score_threshold ({self.low_score_threshold}) must lie between 0 and "
                f"score_threshold ({self.score_threshold})"
            )

    def _check_range(self, name: str, low: float, high: float) -> None:
        value = getattr(self, name)
        if not low <= value <= high:
            raise ConfigError(f"{name} must lie between {low:g} and {high:g}, not {value}")

    @classmethod
    def paper(cls, *, max_tracks: int | None = None) -> TrackConfig:
        """Return the paper's association (section III-C), with FairMOT's constants where the paper is silent.

        The paper's literal text, which reports every new track at once, is this with ``confirm_new_tracks=False``.
        """
        return cls(
            score_threshold=0.4,
            birth_threshold=0.4,
            low_score_threshold=None,
            first_cost="fused",
            first_limit=0.4,
            second_limit=0.5,
            tentative_limit=0.7,
            appearance_weight=0.98,
            appearance_momentum=0.9,
            gate_dims=4,
            aspect_noise=1e-2,
            confirm_new_tracks=True,
            output_boxes="kalman",
            max_lost_s=1.0,
            duplicate_limit=0.15,
            max_tracks=max_tracks,
        )

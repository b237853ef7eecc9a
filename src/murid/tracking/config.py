"""Settings of the data association: the paper's, and those that track rodents best."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from murid.errors import ConfigError

_UNIT_INTERVAL = (
    "score_threshold",
    "birth_threshold",
    "low_score_threshold",
    "second_limit",
    "low_score_limit",
    "tentative_limit",
    "duplicate_limit",
    "least_mean_score",
    "appearance_weight",
    "appearance_momentum",
)
_NOT_NEGATIVE = ("first_limit", "first_limit_per_s", "aspect_noise", "coast_s", "max_lost_s")
_CHOICES = {"first_cost": ("near", "fused"), "gate_dims": (4, 2), "output_boxes": ("detection", "kalman")}


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackConfig:
    """How detections become tracks.

    The defaults are those that tracked rodents best in measurements; `TrackConfig.paper` gives the paper's method.

    Raises
    ------
    ConfigError
        If a value is out of range, or two values contradict each other.
    """

    score_threshold: float = 0.2
    """Detections with at least this score take part in the main stages."""

    birth_threshold: float = 0.4
    """Detections with at least this score may start a track; not below `score_threshold`."""

    low_score_threshold: float | None = 0.1
    """Detections from here up to `score_threshold` may prolong a tracked track by overlap (ByteTrack); None = never."""

    first_cost: Literal["near", "fused"] = "near"
    """Cost of the first stage. ``near``: distance in body lengths, overlap, size and a little appearance; ``fused``:
    appearance and squared Mahalanobis distance (paper)."""

    first_limit: float = 0.7
    """Highest cost of a match in the first stage (paper: 0.4)."""

    first_limit_per_s: float = 4.0
    """Added to `first_limit` per second between frames: at a low frame rate an animal gets further."""

    second_limit: float = 0.5
    """Highest IoU distance in the second stage: what the first left over, lost tracks excluded (paper: 0.5)."""

    low_score_limit: float = 0.7
    """Highest IoU distance of a match with a low-score detection."""

    tentative_limit: float = 0.7
    """Highest IoU distance of the match that confirms a tentative track."""

    appearance_weight: float = 0.3
    """Weight of the cosine distance. ``fused``: lambda in ``lambda D_r + (1 - lambda) D_m`` (paper: 0.98); ``near``:
    added with this weight, small because animals of one coat look alike."""

    appearance_momentum: float = 0.9
    """Share of the old embedding in a track's running mean."""

    gate_dims: Literal[4, 2] = 4
    """Dimensions of the Mahalanobis gate of ``fused``: 4 = whole box; 2 = centre alone, as turning animals need."""

    aspect_noise: float = 0.2
    """Standard deviation by which the aspect ratio may change in one frame; FairMOT's 0.01 suits pedestrians."""

    scale_noise_with_fps: bool = True
    """Take the Kalman filter's noise as that of 30 frames per second and scale it; False = the same at every rate."""

    coast_s: float | None = 0.5
    """Time constant in seconds with which the predicted velocity dies away; None = constant velocity."""

    confirm_new_tracks: bool = True
    """Report a track from its second match, unless it starts in the first frame; False reports it at once."""

    output_boxes: Literal["detection", "kalman"] = "detection"
    """Report the detection's own box, or the Kalman filter's posterior mean."""

    max_lost_s: float = 2.0
    """Seconds for which an unseen track is kept (paper: 30 frames); without effect where `max_tracks` is set."""

    duplicate_limit: float | None = 0.15
    """A lost track and another one with a smaller IoU distance are one animal, the younger goes; None = keep both.
    Without effect where `max_tracks` is set."""

    least_mean_score: float | None = 0.4
    """Tracks whose detections have a lower mean score are left out of a finished recording, since they are more likely
    no animal; None = none are. Without effect where `max_tracks` is set, and on a tracker used frame by frame."""

    max_tracks: int | None = None
    """Number of animals, an upper bound of the tracks alive at once; lost ones then wait to be found. None = open."""

    def __post_init__(self) -> None:
        for name in _UNIT_INTERVAL:
            self._check_range(name, 1)
        for name in _NOT_NEGATIVE:
            self._check_range(name, math.inf)
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ConfigError(f"{name} must be one of {choices}, not {getattr(self, name)!r}")
        if self.max_tracks is not None and self.max_tracks < 1:
            raise ConfigError(f"max_tracks must be at least 1, not {self.max_tracks}")
        self._check_order("score_threshold", "birth_threshold")
        if self.low_score_threshold is not None:
            self._check_order("low_score_threshold", "score_threshold")

    def _check_range(self, name: str, high: float) -> None:
        value = getattr(self, name)
        if value is not None and not 0 <= value <= high:
            raise ConfigError(f"{name} must lie between 0 and {high:g}, not {value}")

    def _check_order(self, low: str, high: str) -> None:
        if getattr(self, low) > getattr(self, high):
            raise ConfigError(f"{low} ({getattr(self, low)}) must not be above {high} ({getattr(self, high)})")

    @classmethod
    def paper(cls) -> TrackConfig:
        """Return the paper's association (section III-C), with FairMOT's constants and order where it is silent.

        The paper's text alone reports every new track at once: that is this with ``confirm_new_tracks=False``.
        """
        return cls(
            score_threshold=0.4,
            birth_threshold=0.4,
            low_score_threshold=None,
            first_cost="fused",
            first_limit=0.4,
            first_limit_per_s=0.0,
            second_limit=0.5,
            tentative_limit=0.7,
            appearance_weight=0.98,
            appearance_momentum=0.9,
            gate_dims=4,
            aspect_noise=1e-2,
            scale_noise_with_fps=False,
            coast_s=None,
            confirm_new_tracks=True,
            output_boxes="kalman",
            max_lost_s=1.0,
            duplicate_limit=0.15,
            least_mean_score=None,
            max_tracks=None,
        )

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
    "min_relative_score",
    "min_relative_birth_score",
    "low_score_max_cost",
    "min_merged_overlap",
    "tentative_max_cost",
    "duplicate_max_cost",
    "min_mean_score",
    "min_relative_mean_score",
    "appearance_weight",
    "embedding_momentum",
)
_NOT_NEGATIVE = (
    "stage1_max_cost",
    "stage2_max_cost",
    "stage2_max_cost_per_s",
    "neighbour_gate",
    "size_weight",
    "score_weight",
    "aspect_ratio_std",
    "velocity_decay_s",
    "max_lost_s",
)
_CHOICES = {
    "stage1_cost": ("overlap", "fused"),
    "stage2_cost": ("near", "iou"),
    "gate_dims": (4, 2),
    "output_boxes": ("detection", "kalman", "mean"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackingConfig:
    """How detections become tracks.

    The defaults are those that did best in measurements on rodents, other animals and pedestrians
    (``docs/association.md``); `TrackingConfig.paper` gives the paper's method.

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
    """Detections from here up to `score_threshold` may prolong a tracked track by overlap
    (ByteTrack); None = never."""

    min_relative_score: float = 0.6
    """`score_threshold` is never below this share of the usual score of the recording so far:
    detectors differ in how sure they are of themselves. 0 = the threshold as given. Without effect
    where `max_tracks` is set: a low score is then no reason to leave an animal out."""

    min_relative_birth_score: float = 0.8
    """The same for `birth_threshold`."""

    stage1_cost: Literal["overlap", "fused"] = "overlap"
    """Cost of the first stage. ``overlap``: IoU distance, size, score and a little appearance;
    ``fused``: appearance and squared Mahalanobis distance (paper)."""

    stage1_max_cost: float = 0.9
    """Highest cost of a match in the first stage (paper: 0.4)."""

    stage2_cost: Literal["near", "iou"] = "near"
    """Cost of the second stage. ``near``: as the first, but half of the overlap is distance in body
    lengths, so that boxes may be apart; lost tracks take part; ``iou``: IoU distance alone, tracked
    tracks alone (paper)."""

    stage2_max_cost: float = 0.75
    """Highest cost of a match in the second stage, among what the first left over (paper: 0.5)."""

    stage2_max_cost_per_s: float = 4.0
    """Added to `stage2_max_cost` per second between frames where the cost is ``near``: at a low
    frame rate an animal gets further."""

    neighbour_gate: float | None = 0.5
    """Where the second cost is ``near``: share of the distance to its nearest neighbour within
    which a track may match; the further away from others, the further an animal may have leapt.
    None = no such limit."""

    size_weight: float = 0.15
    """Weight of the logarithm of the ratio of areas in both stages' costs: a head or a merged pair
    is no animal."""

    score_weight: float = 0.3
    """Weight of ``1 - score`` in both stages' costs: of two detections the surer one is the
    animal."""

    min_merged_overlap: float | None = 0.7
    """A box that is clearly larger than the track, and in which at least this share of it and of
    another one lies, is that of animals in contact: it keeps the track alive, but hardly moves it;
    None = it counts as any other."""

    low_score_max_cost: float = 0.2
    """Highest IoU distance of a match with a low-score detection."""

    tentative_max_cost: float = 0.7
    """Highest IoU distance of the match that confirms a tentative track."""

    appearance_weight: float = 0.3
    """Weight of the cosine distance. ``fused``: lambda in ``lambda D_r + (1 - lambda) D_m`` (paper:
    0.98); else added with this weight, small because animals of one coat look alike."""

    embedding_momentum: float = 0.9
    """Share of the old embedding in a track's running mean."""

    gate_dims: Literal[4, 2] = 4
    """Dimensions of the Mahalanobis gate of ``fused``: 4 = whole box; 2 = centre alone, as turning
    animals need."""

    aspect_ratio_std: float = 0.2
    """Standard deviation by which the aspect ratio may change in one frame; FairMOT's 0.01 suits
    pedestrians."""

    scale_noise_with_fps: bool = True
    """Take the Kalman filter's noise as that of 30 frames per second and scale it; False = the same
    at every rate."""

    velocity_decay_s: float | None = 0.7
    """Time constant in seconds with which the predicted velocity dies away; None = constant
    velocity."""

    predict_growth: bool = False
    """Expect a box that has grown to go on growing (FairMOT); False = boxes are expected to keep
    their size."""

    confirm_new_tracks: bool = True
    """Report a track from its second match, unless it starts in the first frame; False reports it
    at once."""

    output_boxes: Literal["detection", "kalman", "mean"] = "mean"
    """Report the detection's own box, the Kalman filter's posterior mean, or the mean of both,
    which trembles less than the one and lags less than the other."""

    max_lost_s: float = 2.0
    """Seconds for which an unseen track is kept (paper: 30 frames); without effect where
    `max_tracks` is set."""

    duplicate_max_cost: float | None = None
    """A lost track and another one with a smaller IoU distance are one animal, the younger goes
    (paper: 0.15); None = keep both, for an animal under another is lost in the same place. Without
    effect where `max_tracks` is set."""

    min_mean_score: float | None = 0.4
    """Tracks whose detections have a lower mean score are left out of a finished recording, since
    they are more likely no animal; None = none are. Without effect where `max_tracks` is set, and
    on a tracker used frame by frame."""

    min_relative_mean_score: float = 0.65
    """The same as a share of the recording's usual score: a reflection is less sure than what it
    reflects."""

    max_tracks: int | None = None
    """Number of animals, an upper bound of the tracks alive at once; lost ones then wait to be
    found. None = open."""

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
            raise ConfigError(
                f"{low} ({getattr(self, low)}) must not be above {high} ({getattr(self, high)})"
            )

    @classmethod
    def paper(cls) -> TrackingConfig:
        """Return the paper's association (section III-C), with FairMOT's constants and order where it is silent.

        The paper's text alone reports every new track at once: that is this with
        ``confirm_new_tracks=False``.
        """
        return cls(
            score_threshold=0.4,
            birth_threshold=0.4,
            low_score_threshold=None,
            min_relative_score=0.0,
            min_relative_birth_score=0.0,
            stage1_cost="fused",
            stage1_max_cost=0.4,
            stage2_cost="iou",
            stage2_max_cost=0.5,
            min_merged_overlap=None,
            tentative_max_cost=0.7,
            appearance_weight=0.98,
            embedding_momentum=0.9,
            gate_dims=4,
            aspect_ratio_std=1e-2,
            scale_noise_with_fps=False,
            velocity_decay_s=None,
            predict_growth=True,
            confirm_new_tracks=True,
            output_boxes="kalman",
            max_lost_s=1.0,
            duplicate_max_cost=0.15,
            min_mean_score=None,
            min_relative_mean_score=0.0,
            max_tracks=None,
        )

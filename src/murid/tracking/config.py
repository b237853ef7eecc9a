"""Configuration of tracking: defaults for rodents, and the association method of the paper."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from numbers import Integral
from typing import Any, Literal

from murid.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreConfig:
    """Detection scores that tracking requires.

    The *typical score* of a recording is the mean of all its scores so far, each weighted by its
    square. Detectors differ in how confident they are, so the relative thresholds raise the
    absolute ones where the typical score is high.

    Raises
    ------
    ConfigError
        If a value is out of range, or two thresholds contradict each other.
    """

    detection: float = 0.2
    """Minimum score of a detection in the main stages of matching."""

    new_track: float = 0.4
    """Minimum score of a detection that starts a track; not below `detection`."""

    low: float | None = 0.1
    """Minimum score of a detection that may continue a tracked track by overlap alone
    (ByteTrack); not above `detection`. None = such detections are ignored."""

    relative_detection: float = 0.6
    """`detection` is raised to this fraction of the typical score; 0 = never. Ignored if
    `max_tracks` is set: the number of animals then limits false tracks."""

    relative_new_track: float = 0.8
    """The same for `new_track`."""

    min_mean: float | None = 0.4
    """Tracks whose detections have a lower mean score are removed from a finished recording as
    false positives; None = keep all. Ignored if `max_tracks` is set, and by a tracker that is
    used frame by frame."""

    relative_min_mean: float = 0.65
    """`min_mean` is raised to this fraction of the mean score of all tracked detections; a
    reflection, for example, has a lower score than the animal it reflects."""

    def __post_init__(self) -> None:
        for item in fields(self):
            _check_range("tracking.scores", self, item.name, 1)
        _check_order("tracking.scores", self, "detection", "new_track")
        if self.low is not None:
            _check_order("tracking.scores", self, "low", "detection")

    @classmethod
    def paper(cls) -> ScoreConfig:
        """Return the thresholds of the paper: 0.4 for every detection."""
        return cls(
            detection=0.4,
            new_track=0.4,
            low=None,
            relative_detection=0.0,
            relative_new_track=0.0,
            min_mean=None,
            relative_min_mean=0.0,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class MotionConfig:
    """Motion model of the Kalman filter.

    Raises
    ------
    ConfigError
        If a value is out of range.
    """

    gating_dims: Literal[4, 2] = 4
    """Dimensions of the Mahalanobis gate of the ``fused`` cost: 4 = whole box; 2 = centre
    alone, for animals whose boxes change shape when they turn."""

    aspect_ratio_std: float = 0.2
    """Standard deviation of the change of the aspect ratio in one frame; FairMOT's 0.01 suits
    pedestrians."""

    scale_noise_with_fps: bool = True
    """Scale the process noise, defined at 30 frames per second, to the frame rate of the video;
    False = the same noise at every rate."""

    velocity_decay_s: float | None = 0.7
    """Time constant in seconds of the exponential decay of the predicted velocity; None =
    constant velocity."""

    predict_growth: bool = False
    """Predict that a box that has grown continues to grow (FairMOT); False = constant
    height."""

    def __post_init__(self) -> None:
        _check_choice("tracking.motion", self, "gating_dims", (4, 2))
        for name in ("aspect_ratio_std", "velocity_decay_s"):
            _check_range("tracking.motion", self, name, math.inf)

    @classmethod
    def paper(cls) -> MotionConfig:
        """Return the motion model of FairMOT, which the paper uses."""
        return cls(
            gating_dims=4,
            aspect_ratio_std=1e-2,
            scale_noise_with_fps=False,
            velocity_decay_s=None,
            predict_growth=True,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackingConfig:
    """Configuration of data association: how detections become tracks.

    The defaults scored best in benchmarks on rodents, other animals and pedestrians
    (``docs/explanation/accuracy.md``). `TrackingConfig.paper` returns the method of the paper.

    Raises
    ------
    ConfigError
        If a value is out of range.
    """

    scores: ScoreConfig = field(default_factory=ScoreConfig)
    """Detection scores that tracking requires."""

    motion: MotionConfig = field(default_factory=MotionConfig)
    """Motion model of the Kalman filter."""

    stage1_cost: Literal["overlap", "fused"] = "overlap"
    """Cost of the first stage. ``overlap``: IoU distance, size, score and a little appearance;
    ``fused``: appearance and squared Mahalanobis distance (paper)."""

    stage1_max_cost: float = 0.9
    """Maximum cost of a match in the first stage (paper: 0.4)."""

    stage2_cost: Literal["near", "iou"] = "near"
    """Cost of the second stage. ``near``: as ``overlap``, but with the mean of IoU distance and
    centre distance in body lengths, so that boxes need not overlap; lost tracks take part.
    ``iou``: IoU distance alone, tracked tracks alone (paper)."""

    stage2_max_cost: float = 0.75
    """Maximum cost of a match in the second stage (paper: 0.5)."""

    stage2_max_cost_per_s: float = 4.0
    """Added to `stage2_max_cost` for each second between two frames if the cost is ``near``: at
    a low frame rate an animal moves further between frames."""

    neighbour_gate: float | None = 0.5
    """If the second cost is ``near``: maximum distance of a match, as a fraction of the
    distance from the track to its nearest other track. An isolated animal may jump far, one in
    a group may not. None = no gate."""

    size_weight: float = 0.15
    """Weight of the absolute logarithm of the ratio of areas in the costs of both stages: the
    box of a head alone, or of two animals, does not match."""

    score_weight: float = 0.3
    """Weight of ``1 - score`` in the costs of both stages: of two detections the more confident
    one is preferred."""

    appearance_weight: float = 0.3
    """Weight of the cosine distance of embeddings. For ``fused``: lambda in ``lambda D_r + (1 -
    lambda) D_m`` (paper: 0.98). Otherwise added with this weight, which is small because
    animals of one coat colour have similar embeddings."""

    embedding_momentum: float = 0.9
    """Weight of the old embedding in the running mean of a track."""

    min_merged_overlap: float | None = 0.7
    """Minimum fraction of a track that lies inside a merged box. A detection is a merged box if
    it contains that much of two tracks or more and is clearly larger than each. It keeps its
    track alive, but has little weight in the Kalman update. None = no box is treated as
    merged."""

    low_score_max_cost: float = 0.2
    """Maximum IoU distance of a match with a low-score detection."""

    tentative_max_cost: float = 0.7
    """Maximum IoU distance of the match that confirms a tentative track."""

    duplicate_max_cost: float | None = None
    """If the IoU distance of a lost track and another one is smaller, the younger of them is
    removed as a duplicate (paper: 0.15). None = keep both, because an animal hidden under
    another is lost in the same place. Ignored if `max_tracks` is set."""

    confirm_new_tracks: bool = True
    """Report a track from its second match, unless it starts in the first frame; False = report
    it at once."""

    max_lost_s: float = 2.0
    """Seconds after its last match for which a lost track is kept (paper: 30 frames), but at least
    5 frames; 0 = none. Ignored if `max_tracks` is set."""

    max_tracks: int | None = None
    """Number of animals: maximum number of tracks at the same time. Lost tracks are then kept
    until they are matched again, or something replaces them that is more likely an animal. None =
    no maximum."""

    output_boxes: Literal["detection", "kalman", "mean"] = "mean"
    """Report the box of the detection, the posterior mean of the Kalman filter, or the mean of
    both, which has less jitter than the first and less lag than the second."""

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            _check_choice("tracking", self, name, choices)
        for name in _FRACTIONS:
            _check_range("tracking", self, name, 1)
        for name in _NON_NEGATIVE:
            _check_range("tracking", self, name, math.inf)
        n = self.max_tracks
        if n is not None and (not isinstance(n, Integral) or isinstance(n, bool) or n < 1):
            expected = "a whole number of 1 or more"
            raise ConfigError(f"tracking.max_tracks: expected {expected}, got {n!r}")

    @classmethod
    def paper(cls) -> TrackingConfig:
        """Return the association of the paper (section III-C).

        Where the paper is silent, constants and the order of steps are those of FairMOT. The text
        of the paper reports every new track at once: set ``confirm_new_tracks=False`` for that.
        """
        return cls(
            scores=ScoreConfig.paper(),
            motion=MotionConfig.paper(),
            stage1_cost="fused",
            stage1_max_cost=0.4,
            stage2_cost="iou",
            stage2_max_cost=0.5,
            min_merged_overlap=None,
            tentative_max_cost=0.7,
            appearance_weight=0.98,
            embedding_momentum=0.9,
            confirm_new_tracks=True,
            output_boxes="kalman",
            max_lost_s=1.0,
            duplicate_max_cost=0.15,
            max_tracks=None,
        )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrackingConfig:
        """Return the configuration of a nested mapping, as `dataclasses.asdict` makes it."""
        settings = dict(values)
        scores = ScoreConfig(**settings.pop("scores"))
        motion = MotionConfig(**settings.pop("motion"))
        return cls(scores=scores, motion=motion, **settings)


_FRACTIONS = (
    "low_score_max_cost",
    "min_merged_overlap",
    "tentative_max_cost",
    "duplicate_max_cost",
    "appearance_weight",
    "embedding_momentum",
)
_NON_NEGATIVE = (
    "stage1_max_cost",
    "stage2_max_cost",
    "stage2_max_cost_per_s",
    "neighbour_gate",
    "size_weight",
    "score_weight",
    "max_lost_s",
)
_CHOICES: dict[str, tuple[str, ...]] = {
    "stage1_cost": ("overlap", "fused"),
    "stage2_cost": ("near", "iou"),
    "output_boxes": ("detection", "kalman", "mean"),
}

Group = ScoreConfig | MotionConfig | TrackingConfig


def _check_range(prefix: str, group: Group, name: str, max_value: float) -> None:
    """Raise `ConfigError` unless a field is None or a number from 0 to `max_value`."""
    value = getattr(group, name)
    if value is not None and not 0 <= value <= max_value:
        expected = "0 or more" if math.isinf(max_value) else f"from 0 to {max_value:g}"
        raise ConfigError(f"{prefix}.{name}: expected a number {expected}, got {value}")


def _check_order(prefix: str, group: Group, low: str, high: str) -> None:
    """Raise `ConfigError` if one field is above another one."""
    low_value = getattr(group, low)
    high_value = getattr(group, high)
    if low_value > high_value:
        raise ConfigError(
            f"{prefix}.{low}: expected at most {prefix}.{high} ({high_value}), got {low_value}"
        )


def _check_choice(prefix: str, group: Group, name: str, choices: tuple[Any, ...]) -> None:
    """Raise `ConfigError` unless a field has one of the values."""
    value = getattr(group, name)
    if value not in choices:
        listed = ", ".join(map(str, choices))
        raise ConfigError(f"{prefix}.{name}: expected one of {listed}, got {value!r}")

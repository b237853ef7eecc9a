"""Configuration of the measures of behaviour."""

from __future__ import annotations

from dataclasses import dataclass, fields

from murid.analysis.units import Length, parse_area_share
from murid.errors import ConfigError

# Fields of `MeasureConfig` that are lengths or speeds with a unit. The width of the border may also
# be a share of the area of the arena.
LENGTH_FIELDS = (
    "min_moving_speed",
    "max_immobile_speed",
    "border_width",
    "zone_margin",
    "max_contact_distance",
    "max_following_distance",
    "max_huddle_distance",
)

# The same of measures that need keypoints.
KEYPOINT_LENGTH_FIELDS = (
    "max_nose_contact_distance",
    "max_nose_following_distance",
    "max_zone_orientation_distance",
    "max_animal_orientation_distance",
)

_ANGLE_FIELDS = ("max_following_angle_deg", "max_orientation_angle_deg")


@dataclass(frozen=True)
class MeasureConfig:
    """Configuration of the measures of behaviour.

    Lengths have the unit ``cm``, ``px`` or ``bl`` (body lengths of this recording), speeds the same
    units per second. The defaults are in body lengths, so that they suit mice and rats.

    Raises
    ------
    ConfigError
        If a value is out of range, or a length has no unit.
    """

    smooth_s: float = 0.5
    """Window of the smoothing of positions in seconds; 0 = no smoothing. Without smoothing, the
    jitter of boxes adds to every distance."""

    max_gap_s: float = 1.0
    """Maximum duration in seconds of a gap that is interpolated by a straight line, at least 2.5
    intervals between frames; 0 = none. A longer gap, also one without frames, is missing time."""

    use_interpolated: bool = True
    """Use positions that identification interpolated; False = drop them."""

    min_moving_speed: str = "0.1bl/s"
    """Minimum speed of movement that counts as distance moved."""

    max_immobile_speed: str = "0.25bl/s"
    """Speed below which an animal is immobile."""

    min_immobile_s: float = 1.0
    """Minimum duration of a bout of immobility in seconds, at least 2 frames."""

    border_width: str = "50%area"
    """Border along the wall of the arena, for thigmotaxis: the share of the area of the arena that
    it covers, or its width, such as 5cm. Half of the area is 15 % of the width of a square or
    circle, and what an animal that uses the arena evenly spends half of its time in."""

    zone_margin: str = "0.1bl"
    """Distance from a zone beyond which a visit ends; 0px = at its outline. It keeps an animal that
    rests on the outline from entering many times."""

    min_visit_s: float = 0.25
    """Minimum duration in seconds of a visit to a zone, and of the absence between two visits."""

    max_contact_distance: str = "1bl"
    """Maximum distance between the centres of two animals in contact."""

    min_contact_s: float = 0.2
    """Minimum duration of a contact in seconds."""

    max_following_distance: str = "2.5bl"
    """Maximum distance between an animal and the animal that it follows."""

    max_following_angle_deg: float = 45.0
    """Maximum angle between the direction of the follower, that of the leader, and the direction
    from the follower to the leader."""

    min_following_s: float = 0.5
    """Minimum duration of a bout of following in seconds, at least 2 frames."""

    max_huddle_distance: str = "1bl"
    """Maximum distance between the centres of neighbours in a huddle of immobile animals."""

    min_huddle_s: float = 5.0
    """Minimum duration of a bout of huddling in seconds."""

    min_keypoint_confidence: float = 0.5
    """Minimum confidence of a keypoint. A keypoint with a lower one is missing in this frame; 0 =
    use all, those too that tracking interpolated, which have confidence 0."""

    max_keypoint_gap_s: float = 0.25
    """Maximum duration in seconds of a gap of a keypoint that is interpolated by a straight line,
    at least 2.5 intervals between frames; 0 = none. It is shorter than `max_gap_s`, because a head
    turns faster than a body moves."""

    smooth_keypoints_s: float = 0.2
    """Window of the smoothing of keypoints in seconds; 0 = no smoothing. Twice as much makes quick
    movements of the head slower."""

    max_nose_contact_distance: str = "0.25bl"
    """Maximum distance of the nose of an animal from the nose, or the tail base, of another that it
    is in contact with; about 2 cm for a mouse."""

    max_orientation_angle_deg: float = 45.0
    """Maximum angle between the direction from the tail base to the nose and the line from the nose
    to what an animal is oriented towards."""

    max_zone_orientation_distance: str = "0.25bl"
    """Maximum distance between the nose and the outline of a zone that an animal is oriented
    towards; about 2 cm for a mouse, as in the scoring of object exploration."""

    max_animal_orientation_distance: str = "2.5bl"
    """Maximum distance between the nose and the centre of an animal that it is oriented towards."""

    min_orientation_s: float = 0.2
    """Minimum duration in seconds of a bout of orientation towards a zone or an animal."""

    max_nose_following_distance: str = "1bl"
    """Maximum distance between the nose of an animal and the tail base of the animal that it
    follows."""

    def __post_init__(self) -> None:
        for name in (*LENGTH_FIELDS, *KEYPOINT_LENGTH_FIELDS):
            text = getattr(self, name)
            if name == "border_width" and parse_area_share(text, name) is not None:
                continue
            Length.parse(text, name)
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name.endswith("_s") and not 0 <= value < float("inf"):
                raise ConfigError(f"{field.name}: expected 0 or more seconds, got {value:g}")
        for name in _ANGLE_FIELDS:
            angle_deg = getattr(self, name)
            if not 0 < angle_deg <= 180:
                expected = "more than 0 and at most 180"
                raise ConfigError(f"{name}: expected {expected}, got {angle_deg:g}")
        confidence = self.min_keypoint_confidence
        if not 0 <= confidence <= 1:
            raise ConfigError(f"min_keypoint_confidence: expected 0 to 1, got {confidence:g}")

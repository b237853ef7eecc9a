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

    def __post_init__(self) -> None:
        for name in LENGTH_FIELDS:
            text = getattr(self, name)
            if name == "border_width" and parse_area_share(text, name) is not None:
                continue
            Length.parse(text, name)
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name.endswith("_s") and not 0 <= value < float("inf"):
                raise ConfigError(f"{field.name}: expected 0 or more seconds, got {value:g}")
        angle_deg = self.max_following_angle_deg
        if not 0 < angle_deg <= 180:
            expected = "more than 0 and at most 180"
            raise ConfigError(f"max_following_angle_deg: expected {expected}, got {angle_deg:g}")

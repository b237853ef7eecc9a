"""Settings of the measures."""

from __future__ import annotations

from dataclasses import dataclass, fields

from murid.analysis.units import Length
from murid.errors import ConfigError

LENGTHS = (
    "min_moving_speed",
    "max_immobile_speed",
    "border_width",
    "max_contact_distance",
    "max_following_distance",
    "max_huddle_distance",
)


@dataclass(frozen=True)
class MeasureConfig:
    """How animals are measured.

    Lengths are given in ``cm``, ``px`` or ``bl``, body lengths of this recording; speeds the same,
    per second.

    Attributes
    ----------
    smooth_s : float
        Window of the smoothing, seconds; 0 = none. Without it, the trembling of boxes adds to every
        distance.
    max_gap_s : float
        Longest gap that a straight line bridges, seconds; 0 = none.
    use_interpolated : bool
        Whether positions that murid filled in count as known.
    min_moving_speed : str
        Speed below which the way does not count as distance moved.
    max_immobile_speed : str
        Speed below which an animal is immobile ...
    min_immobile_s : float
        ... if for that long, seconds.
    border_width : str
        Width of the border_width along the wall, for thigmotaxis.
    min_visit_s : float
        Visits to zones, and absences from them, that are shorter do not count, seconds.
    max_contact_distance : str
        Distance of the centres of two animals in contact ...
    min_contact_s : float
        ... for that long, seconds.
    max_following_distance : str
        Distance at which one animal follows another ...
    max_following_angle_deg : float
        ... going its way and towards it, within this angle ...
    min_following_s : float
        ... for that long, seconds.
    max_huddle_distance : str
        Distance of the centres of neighbours in a huddle ...
    min_huddle_s : float
        ... of immobile animals, for that long, seconds.
    """

    smooth_s: float = 0.5
    max_gap_s: float = 1.0
    use_interpolated: bool = True
    min_moving_speed: str = "0.1bl/s"
    max_immobile_speed: str = "0.25bl/s"
    min_immobile_s: float = 1.0
    border_width: str = "1bl"
    min_visit_s: float = 0.25
    max_contact_distance: str = "1bl"
    min_contact_s: float = 0.2
    max_following_distance: str = "2.5bl"
    max_following_angle_deg: float = 45.0
    min_following_s: float = 0.5
    max_huddle_distance: str = "1bl"
    min_huddle_s: float = 5.0

    def __post_init__(self) -> None:
        for name in LENGTHS:
            Length.parse(getattr(self, name), name)
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name.endswith("_s") and not 0 <= value < float("inf"):
                raise ConfigError(f"{field.name}: expected 0 or more seconds, got {value:g}")
        if not 0 < self.max_following_angle_deg <= 180:
            raise ConfigError(
                f"max_following_angle_deg: expected more than 0 and at most 180, got {self.max_following_angle_deg:g}"
            )

"""Settings of the measures."""

from __future__ import annotations

from dataclasses import dataclass, fields

from murid.analysis.units import Length
from murid.errors import ConfigError

# Fields of `MeasureConfig` that are lengths or speeds with a unit.
LENGTH_FIELDS = (
    "min_moving_speed",
    "max_immobile_speed",
    "border_width",
    "max_contact_distance",
    "max_following_distance",
    "max_huddle_distance",
)


@dataclass(frozen=True)
class MeasureConfig:
    """Settings of the measures.

    Lengths are given in ``cm``, ``px`` or ``bl``, body lengths of this recording; speeds in the
    same units per second. The defaults are in body lengths, so that they fit mice and rats.

    Raises
    ------
    ConfigError
        If a value is out of range, or a length has no unit.
    """

    smooth_s: float = 0.5
    """Window over which positions are smoothed, seconds; 0: none. Without smoothing, the jitter of
    boxes adds to every distance."""

    max_gap_s: float = 1.0
    """Longest gap that is interpolated by a straight line, seconds; 0: none."""

    use_interpolated: bool = True
    """Whether positions that identification interpolated count as known."""

    min_moving_speed: str = "0.1bl/s"
    """Slower movement does not count as distance moved."""

    max_immobile_speed: str = "0.25bl/s"
    """An animal is immobile if it is slower than this ..."""

    min_immobile_s: float = 1.0
    """... for at least this long, seconds."""

    border_width: str = "1bl"
    """Width of the border along the wall, for thigmotaxis."""

    min_visit_s: float = 0.25
    """Shorter visits to zones, and shorter absences from them, do not count, seconds."""

    max_contact_distance: str = "1bl"
    """Two animals are in contact if their centres are at most this far apart ..."""

    min_contact_s: float = 0.2
    """... for at least this long, seconds."""

    max_following_distance: str = "2.5bl"
    """An animal follows another if it is at most this far away ..."""

    max_following_angle_deg: float = 45.0
    """... moves in the same direction and towards the other within this angle ..."""

    min_following_s: float = 0.5
    """... for at least this long, seconds."""

    max_huddle_distance: str = "1bl"
    """Immobile animals huddle if the centres of neighbours are at most this far apart ..."""

    min_huddle_s: float = 5.0
    """... for at least this long, seconds."""

    def __post_init__(self) -> None:
        for name in LENGTH_FIELDS:
            Length.parse(getattr(self, name), name)
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name.endswith("_s") and not 0 <= value < float("inf"):
                raise ConfigError(f"{field.name}: expected 0 or more seconds, got {value:g}")
        angle_deg = self.max_following_angle_deg
        if not 0 < angle_deg <= 180:
            expected = "more than 0 and at most 180"
            raise ConfigError(f"max_following_angle_deg: expected {expected}, got {angle_deg:g}")

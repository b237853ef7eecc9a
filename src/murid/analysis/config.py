"""Settings of the measures."""

from __future__ import annotations

from dataclasses import dataclass, fields

from murid.analysis.units import Length
from murid.errors import ConfigError

LENGTHS = (
    "count_above",
    "immobile_below",
    "border",
    "contact_within",
    "follow_within",
    "huddle_within",
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
    bridge_s : float
        Longest gap that a straight line bridges, seconds; 0 = none.
    use_interpolated : bool
        Whether positions that murid filled in count as known.
    count_above : str
        Speed below which the way does not count as distance moved.
    immobile_below : str
        Speed below which an animal is immobile ...
    immobile_for_s : float
        ... if for that long, seconds.
    border : str
        Width of the border along the wall, for thigmotaxis.
    visit_s : float
        Visits to zones, and absences from them, that are shorter do not count, seconds.
    contact_within : str
        Distance of the centres of two animals in contact ...
    contact_for_s : float
        ... for that long, seconds.
    follow_within : str
        Distance at which one animal follows another ...
    follow_angle_deg : float
        ... going its way and towards it, within this angle ...
    follow_for_s : float
        ... for that long, seconds.
    huddle_within : str
        Distance of the centres of neighbours in a huddle ...
    huddle_for_s : float
        ... of immobile animals, for that long, seconds.
    """

    smooth_s: float = 0.5
    bridge_s: float = 1.0
    use_interpolated: bool = True
    count_above: str = "0.1bl/s"
    immobile_below: str = "0.25bl/s"
    immobile_for_s: float = 1.0
    border: str = "1bl"
    visit_s: float = 0.25
    contact_within: str = "1bl"
    contact_for_s: float = 0.2
    follow_within: str = "2.5bl"
    follow_angle_deg: float = 45.0
    follow_for_s: float = 0.5
    huddle_within: str = "1bl"
    huddle_for_s: float = 5.0

    def __post_init__(self) -> None:
        for name in LENGTHS:
            Length.parse(getattr(self, name), name)
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name.endswith("_s") and not 0 <= value < float("inf"):
                raise ConfigError(f"{field.name}: expected 0 or more seconds, got {value:g}")
        if not 0 < self.follow_angle_deg <= 180:
            raise ConfigError(
                f"follow_angle_deg: expected more than 0 and at most 180, got {self.follow_angle_deg:g}"
            )

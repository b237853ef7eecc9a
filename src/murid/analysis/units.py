"""Lengths and speeds with a unit: centimetres, pixels, or body lengths; shares of an area."""

from __future__ import annotations

import re
from dataclasses import dataclass

from murid.errors import ConfigError

# The border of an arena may also be given by the share of the area that it covers.
_AREA_PATTERN = re.compile(r"\s*(\d+\.?\d*|\.\d+)\s*%\s*area\s*")
_PATTERN = re.compile(r"\s*(\d+\.?\d*|\.\d+)\s*(bl|cm|px)(/s)?\s*")


@dataclass(frozen=True, slots=True)
class Length:
    """A length, or a speed per second, in ``cm``, ``px`` or ``bl`` (body lengths).

    See `murid.analysis.kinematics.compute_body_length` for the body length.
    """

    value: float
    unit: str

    @classmethod
    def parse(cls, text: str, field: str = "length") -> Length:
        """Parse ``"2cm"``, ``"0.5bl"``, or for speeds ``"2cm/s"``; raises `ConfigError`."""
        found = _PATTERN.fullmatch(text)
        if found is None:
            expected = "a length in cm, px or bl (body lengths), such as 2cm"
            raise ConfigError(f"{field}: expected {expected}, got {text!r}")
        return cls(float(found[1]), found[2])

    def to_px(self, body_length_px: float, cm_per_px: float | None, field: str = "length") -> float:
        """Return the length in pixels; raises `ConfigError` for centimetres without a scale."""
        if self.unit == "px":
            return self.value
        if self.unit == "bl":
            return self.value * body_length_px
        if cm_per_px is None:
            expected = f"a scale (murid arena --scale) for {self.value:g}cm"
            raise ConfigError(f"{field}: expected {expected}, got none")
        return self.value * (1 / cm_per_px)


def parse_area_share(text: str, field: str = "share") -> float | None:
    """Return the share in (0, 1) of ``"50%area"``; None for a text that is no share of an area.

    Raises `ConfigError` for another percentage, and one that is not between 0 and 100 %.
    """
    found = _AREA_PATTERN.fullmatch(text)
    if found is None:
        if "%" in text:
            expected = "a share of the area such as 50%area, or a length such as 5cm"
            raise ConfigError(f"{field}: expected {expected}, got {text!r}")
        return None
    percent = float(found[1])
    if not 0 < percent < 100:
        raise ConfigError(f"{field}: expected more than 0 and less than 100 %, got {text!r}")
    return percent / 100

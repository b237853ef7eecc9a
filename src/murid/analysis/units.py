"""Lengths and speeds with a unit: centimetres, pixels, or body lengths."""

from __future__ import annotations

import re
from dataclasses import dataclass

from murid.errors import ConfigError

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

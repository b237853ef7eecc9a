"""Lengths as users give them: in centimetres, pixels, or lengths of a body."""

from __future__ import annotations

import re
from dataclasses import dataclass

from murid.errors import ConfigError

UNITS = ("bl", "cm", "px")
_PATTERN = re.compile(r"\s*(\d+\.?\d*|\.\d+)\s*(bl|cm|px)(/s)?\s*")


@dataclass(frozen=True, slots=True)
class Length:
    """A length with its unit: ``cm``, ``px``, or ``bl``, body lengths as of `murid.analysis.measure_body`."""

    value: float
    unit: str

    @classmethod
    def parse(cls, text: str, field: str = "length") -> Length:
        """Read such as ``"2cm"`` or ``"0.5bl"``, for speeds also ``"2cm/s"``; raises `ConfigError`."""
        found = _PATTERN.fullmatch(text)
        if found is None:
            raise ConfigError(
                f"{field}: expected a length in cm, px or bl (body lengths), such as 2cm, got {text!r}"
            )
        return cls(float(found[1]), found[2])

    def to_px(self, body_px: float, cm_per_px: float | None, field: str = "length") -> float:
        """Pixels; raises `ConfigError` for centimetres without a scale."""
        if self.unit == "cm" and cm_per_px is None:
            raise ConfigError(
                f"{field}: expected a scale (murid arena --scale) for {self.value:g}cm, got none"
            )
        return self.value * {"px": 1.0, "bl": body_px, "cm": 1 / (cm_per_px or 1)}[self.unit]

"""Durations in words."""

from __future__ import annotations


def format_duration(seconds: float) -> str:
    """Return a duration in words, such as ``45 s``, ``12 min`` or ``3 h 20 min``."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"

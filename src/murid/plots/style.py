"""What all figures share: colours that colour-blind people tell apart, hatches, units of time."""

from __future__ import annotations

from murid.errors import MissingExtraError
from murid.video import PALETTE, choose_colour

INK, GREY, PALE = "#222222", "#8a8a8a", "#d9d9d9"
HATCHES = ("", "////", "....", "xxxx")

Rgb = tuple[float, float, float]


def check_matplotlib() -> None:
    """Raise `MissingExtraError` if pictures cannot be drawn."""
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtraError("matplotlib", "report") from error


def to_rgb(colour: tuple[int, int, int]) -> Rgb:
    """Colour of 8 bits as matplotlib has it."""
    red, green, blue = colour
    return red / 255, green / 255, blue / 255


def choose_look(number: int) -> tuple[Rgb, str]:
    """Colour and hatch of the `number`-th animal, from 0: the colour is that of the annotated video."""
    return to_rgb(choose_colour(number + 1)), HATCHES[number // len(PALETTE) % len(HATCHES)]


def choose_time_unit(duration_s: float) -> tuple[float, str]:
    """Seconds in a unit of the time axis, and the axis' label."""
    if duration_s < 300:
        return 1.0, "time (s)"
    return (60.0, "time (min)") if duration_s < 3 * 3600 else (3600.0, "time (h)")

"""Style of all figures: colours, hatches, titles, units of time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from murid.errors import MissingExtraError
from murid.video import PALETTE, choose_colour

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

INK = "#222222"
GREY = "#8a8a8a"
PALE = "#d9d9d9"
# The palette has few colours, so that colour-blind people can distinguish them. More animals get
# the same colours again, with the next hatch.
HATCHES = ("", "////", "....", "xxxx")

Rgb = tuple[float, float, float]


def check_matplotlib() -> None:
    """Raise `MissingExtraError` if matplotlib is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtraError("matplotlib", "report") from error


def to_rgb(colour: tuple[int, int, int]) -> Rgb:
    """Return an 8-bit colour as matplotlib expects it, from 0 to 1."""
    red, green, blue = colour
    return red / 255, green / 255, blue / 255


def compute_luminance(colour: Rgb) -> float:
    """Return the relative luminance of an sRGB colour, 0 to 1, without gamma correction."""
    red, green, blue = colour
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def choose_animal_style(animal: int) -> tuple[Rgb, str]:
    """Return colour and hatch of an animal, numbered from 0; colours as in the annotated video."""
    hatch = HATCHES[animal // len(PALETTE) % len(HATCHES)]
    return to_rgb(choose_colour(animal + 1)), hatch


def choose_time_unit(duration_s: float) -> tuple[float, str]:
    """Return the unit of a time axis in seconds, and the label of the axis."""
    if duration_s < 300:
        return 1.0, "time (s)"
    if duration_s < 3 * 3600:
        return 60.0, "time (min)"
    return 3600.0, "time (h)"


def draw_title(
    figure: Figure | SubFigure, title: str, n_shown: int | None = None, n_animals: int = 0
) -> None:
    """Draw the title of a figure, with the number of animals shown if these are not all."""
    if n_shown is not None and n_shown < n_animals:
        title += f" ({n_shown} of {n_animals} animals)"
    figure.suptitle(title, x=0.01, ha="left", fontsize=10, weight="bold")

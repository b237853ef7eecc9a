"""Shapes on the command line, such as ``nest:home,80,400,45``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from murid.errors import ConfigError

ROLES = ("arena", "zone", "nest", "shelter", "ignore")

_SHAPE = re.compile(r"(?:(?P<role>\w+):)?(?P<name>[^,@:]+)(?:@(?P<arena>[^,@:]+))?,(?P<numbers>.+)")


@dataclass(frozen=True, slots=True)
class ParsedShape:
    """A shape as an arena file holds it.

    Attributes
    ----------
    section : {"arena", "zone", "ignore"}
        Section of the arena file.
    entry : dict
        Keys and values of the shape.
    """

    section: str
    entry: dict[str, Any]

    def replaces(self, other: Mapping[str, Any]) -> bool:
        """Whether another entry of the section has the same name and arena."""
        return all(other.get(key) == self.entry.get(key) for key in ("name", "arena"))


def parse_shape(option: str, text: str) -> ParsedShape:
    """Return the shape of ``--polygon`` or ``--circle``.

    Parameters
    ----------
    option : {"--polygon", "--circle"}
    text : str
        ``ROLE:NAME@ARENA,x,y,...``; without a role it is a zone, without an arena one of all.

    Raises
    ------
    ConfigError
        If it is not written like that.
    """
    is_circle = option == "--circle"
    form = "ROLE:NAME,x,y,radius" if is_circle else "ROLE:NAME,x1,y1,x2,y2,x3,y3…"
    refusal = ConfigError(
        f"{option}: expected {form} with a role of {', '.join(ROLES)}, got {text!r}"
    )
    found = _SHAPE.fullmatch(text)
    if found is None:
        raise refusal
    role = found["role"] or "zone"
    numbers = parse_numbers(option, found["numbers"], form)
    has_all_numbers = len(numbers) == 3 if is_circle else len(numbers) % 2 == 0
    if role not in ROLES or not has_all_numbers:
        raise refusal

    entry: dict[str, Any] = {"name": found["name"]}
    if is_circle:
        entry["circle"] = numbers
    else:
        corners = zip(numbers[::2], numbers[1::2], strict=True)
        entry["polygon"] = [list(corner) for corner in corners]
    if found["arena"]:
        entry["arena"] = found["arena"]
    # In an arena file nests and shelters are kinds of zones.
    if role in ("nest", "shelter"):
        entry["kind"] = role
    return ParsedShape(role if role in ("arena", "ignore") else "zone", entry)


def parse_numbers(option: str, text: str, form: str) -> list[float]:
    """Return the numbers of ``1,2.5,3``; raises `ConfigError` that shows the expected form."""
    try:
        return [float(word) for word in text.split(",")]
    except ValueError as error:
        raise ConfigError(f"{option}: expected {form}, got {text!r}") from error

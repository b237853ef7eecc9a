"""Arena files: arenas, zones, what to ignore and the scale of a video, in TOML.

::

    width = 640                     # of the picture, pixels
    height = 480
    cm_per_px = 0.0781              # or: scale = { points = [[70, 30], [582, 30]], cm = 40.0 }

    [[arena]]                       # none = the whole picture is one
    name = "left"
    polygon = [[20, 20], [300, 20], [300, 460], [20, 460]]
    animals = 2                     # at most; --animals where it is not given

    [[zone]]
    name = "nest"
    kind = "nest"                   # or "shelter": animals cannot be seen in it; or "zone"
    circle = [80, 400, 45]          # centre and radius
    arena = "left"                  # all arenas if not given

    [[ignore]]
    name = "water bottle"
    polygon = [[280, 20], [300, 20], [300, 60], [280, 60]]
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from murid.arenas.layout import Arena, Layout, Region, Zone, compute_scale
from murid.core.files import write_text
from murid.errors import ArrayError, FormatError

R = TypeVar("R", bound=Region)
_MOST = 1e300  # larger integers are no floats


def read_arena_file(path: str | Path, size: tuple[int, int] | None = None) -> Layout:
    """Read an arena file.

    Parameters
    ----------
    path : str or Path
    size : (int, int), optional
        Width and height of the video that it is to be used with.

    Raises
    ------
    FormatError
        If it cannot be read, breaks a rule of `murid.analysis.Layout`, or is of a picture of
        another size.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FormatError(
            path, "file", "an arena file (murid arena makes one)", "nothing there"
        ) from error
    except (OSError, ValueError) as error:
        raise FormatError(path, "file", "a readable TOML file", str(error)) from error
    try:
        layout = to_layout(content)
    except ArrayError as error:
        raise FormatError(path, error.field, error.expected, error.got) from error
    if size is not None and (layout.width, layout.height) != size:
        got = f"{layout.width}x{layout.height}"
        raise FormatError(path, "width, height", f"{size[0]}x{size[1]} pixels as of the video", got)
    return layout


def write_arena_file(path: str | Path, layout: Layout) -> None:
    """Write an arena file, atomically; raises `StorageError`."""
    plain = layout.to_plain()
    lines = [
        f"{key} = {_format(value)}" for key, value in plain.items() if not isinstance(value, list)
    ]
    for key in ("arena", "zone", "ignore"):
        for entry in plain.get(key, []):
            lines += [
                "",
                f"[[{key}]]",
                *(f"{name} = {_format(value)}" for name, value in entry.items()),
            ]
    write_text(path, "\n".join(lines) + "\n")


def _format(value: Any) -> str:
    """Plain value in TOML, whose numbers, strings and lists are those of JSON."""
    return json.dumps(value, ensure_ascii=False)


def to_layout(plain: Mapping[str, Any]) -> Layout:
    """Make a layout of what an arena file holds, or `Layout.to_plain` gives; raises `ArrayError`."""
    _check_keys("file", plain, {"width", "height", "cm_per_px", "scale", "arena", "zone", "ignore"})
    if "scale" in plain and "cm_per_px" in plain:
        raise ArrayError("scale", "cm_per_px or scale", "both")
    scale = _read_scale(plain["scale"]) if "scale" in plain else plain.get("cm_per_px")
    if scale is not None and not _is_number(scale):
        raise ArrayError("cm_per_px", "a number", repr(scale))
    return Layout(
        _take_int(plain, "width"),
        _take_int(plain, "height"),
        tuple(_read_regions(Arena, plain, "arena", {"animals": int})),
        tuple(_read_regions(Zone, plain, "zone", {"kind": str, "arena": str})),
        tuple(_read_regions(Region, plain, "ignore", {})),
        None if scale is None else float(scale),
    )


def _check_keys(where: str, table: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(set(table) - known)
    if unknown:
        raise ArrayError(where, f"some of {', '.join(sorted(known))}", repr(unknown[0]))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _MOST


def _take_int(table: Mapping[str, Any], key: str) -> int:
    value = table.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ArrayError(
            key, "a whole number of pixels", "nothing" if value is None else repr(value)
        )
    return value


def _read_numbers(where: str, value: Any, n: int) -> tuple[float, ...]:
    if not isinstance(value, list) or len(value) != n or not all(map(_is_number, value)):
        raise ArrayError(where, f"{n} numbers", repr(value))
    return tuple(map(float, value))


def _read_scale(scale: Any) -> float:
    if (
        not isinstance(scale, dict)
        or not {"points", "cm"} == set(scale)
        or not _is_number(scale["cm"])
    ):
        raise ArrayError("scale", "points = [[x, y], [x, y]] and cm = length", repr(scale))
    if not isinstance(scale["points"], list) or len(scale["points"]) != 2:
        raise ArrayError("scale.points", "two points [x, y]", repr(scale["points"]))
    a, b = (_read_numbers("scale.points", point, 2) for point in scale["points"])
    return compute_scale([(a[0], a[1]), (b[0], b[1])], scale["cm"])


def _read_regions(
    make: Callable[..., R], plain: Mapping[str, Any], key: str, more: Mapping[str, type]
) -> Iterator[R]:
    entries = plain.get(key, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ArrayError(key, f"tables [[{key}]]", repr(entries))
    for entry in entries:
        name = entry.get("name")
        if not isinstance(name, str):
            raise ArrayError(f"{key}.name", "a name", "nothing" if name is None else repr(name))
        _check_keys(name, entry, {"name", "polygon", "circle", *more})
        for field_name, kind in more.items():
            value = entry.get(field_name)
            if field_name in entry and (not isinstance(value, kind) or isinstance(value, bool)):
                raise ArrayError(f"{name}.{field_name}", kind.__name__, repr(value))
        corners = entry.get("polygon", [])
        if not isinstance(corners, list):
            raise ArrayError(f"{name}.polygon", "corners [[x, y], …]", repr(corners))
        polygon = tuple(_read_numbers(f"{name}.polygon", corner, 2) for corner in corners)
        circle = _read_numbers(f"{name}.circle", entry["circle"], 3) if "circle" in entry else None
        yield make(
            name=name, polygon=polygon, circle=circle, **{k: entry[k] for k in more if k in entry}
        )

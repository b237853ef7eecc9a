"""Arena files: arenas, zones, ignored regions and the scale of a video, in TOML.

::

    width = 640                     # of the image, pixels
    height = 480
    cm_per_px = 0.0781              # or: scale = { points = [[70, 30], [582, 30]], cm = 40.0 };
                                    # the height of a pixel, where pixels are not square

    [[arena]]                       # without any, the whole image is one arena
    name = "left"
    polygon = [[20, 20], [300, 20], [300, 460], [20, 460]]
    animals = 2                     # maximum number; --animals if it is not given

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

from murid.arenas.layout import Arena, Layout, Region, Zone
from murid.arenas.scale import compute_scale
from murid.core.files import describe_content, write_text
from murid.errors import ArrayError, FormatError

R = TypeVar("R", bound=Region)

_FILE_KEYS = {"width", "height", "cm_per_px", "scale", "arena", "zone", "ignore"}
_REGION_KEYS = {"name", "polygon", "circle"}

# TOML integers can be larger than any float.
_MAX_NUMBER = 1e300


def read_arena_file(
    path: str | Path, size: tuple[int, int] | None = None, pixel_aspect: float = 1.0
) -> Layout:
    """Read an arena file.

    Parameters
    ----------
    path : str or Path
    size : (int, int), optional
        Width and height of the video that the layout is for.
    pixel_aspect : float
        Width of a pixel of the video divided by its height, for a scale given by two points.

    Raises
    ------
    FormatError
        If the file cannot be read, breaks a rule of `murid.arenas.layout.Layout`, or is for a video
        of another size.
    """
    path = Path(path)
    expected = "an arena file (murid arena makes one)"
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(path, "file", expected, describe_content(path)) from error
    except ValueError as error:
        raise FormatError(path, "file", "a readable TOML file", str(error)) from error
    if not content:
        raise FormatError(path, "file", expected, describe_content(path))
    try:
        layout = layout_from_dict(content, pixel_aspect)
    except ArrayError as error:
        raise FormatError(path, error.field, error.expected, error.got) from error
    if size is not None and (layout.width, layout.height) != size:
        expected = f"{size[0]}x{size[1]} pixels as of the video"
        raise FormatError(path, "width, height", expected, f"{layout.width}x{layout.height}")
    return layout


def write_arena_file(path: str | Path, layout: Layout) -> None:
    """Write an arena file, atomically; raises `StorageError`."""
    content = layout.to_dict()
    lines = [
        f"{key} = {_format(value)}" for key, value in content.items() if not isinstance(value, list)
    ]
    for section in ("arena", "zone", "ignore"):
        for entry in content.get(section, []):
            lines += ["", f"[[{section}]]"]
            lines += [f"{key} = {_format(value)}" for key, value in entry.items()]
    write_text(path, "\n".join(lines) + "\n")


def _format(value: Any) -> str:
    """Return a value in TOML, whose numbers, strings and lists are written as in JSON."""
    return json.dumps(value, ensure_ascii=False)


def layout_from_dict(content: Mapping[str, Any], pixel_aspect: float = 1.0) -> Layout:
    """Return the layout with the content of an arena file, or of `Layout.to_dict`.

    `pixel_aspect` is as in `read_arena_file`.

    Raises
    ------
    ArrayError
        If a key is unknown, a value has the wrong type, or the layout is not valid.
    """
    _check_keys("file", content, _FILE_KEYS)
    if "scale" in content and "cm_per_px" in content:
        raise ArrayError("scale", "cm_per_px or scale", "both")
    cm_per_px = content.get("cm_per_px")
    if "scale" in content:
        cm_per_px = _parse_scale(content["scale"], pixel_aspect)
    if cm_per_px is not None and not _is_number(cm_per_px):
        raise ArrayError("cm_per_px", "a number", repr(cm_per_px))
    return Layout(
        width=_get_int(content, "width"),
        height=_get_int(content, "height"),
        arenas=tuple(_parse_regions(Arena, content, "arena", {"animals": int})),
        zones=tuple(_parse_regions(Zone, content, "zone", {"kind": str, "arena": str})),
        ignored=tuple(_parse_regions(Region, content, "ignore", {})),
        cm_per_px=None if cm_per_px is None else float(cm_per_px),
    )


def _check_keys(where: str, table: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(set(table) - known)
    if unknown:
        raise ArrayError(where, f"some of {', '.join(sorted(known))}", repr(unknown[0]))


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and abs(value) < _MAX_NUMBER


def _get_int(table: Mapping[str, Any], key: str) -> int:
    value = table.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        got = "nothing" if value is None else repr(value)
        raise ArrayError(key, "a whole number of pixels", got)
    return value


def _parse_numbers(where: str, value: Any, n: int) -> tuple[float, ...]:
    """Return a list of `n` numbers as floats; raises `ArrayError` for anything else."""
    if not isinstance(value, list) or len(value) != n or not all(map(_is_number, value)):
        raise ArrayError(where, f"{n} numbers", repr(value))
    return tuple(map(float, value))


def _parse_scale(scale: Any, pixel_aspect: float) -> float:
    """Return the centimetres per pixel of ``scale = { points = ..., cm = ... }``."""
    is_table = isinstance(scale, dict) and set(scale) == {"points", "cm"}
    if not is_table or not _is_number(scale["cm"]):
        raise ArrayError("scale", "points = [[x, y], [x, y]] and cm = length", repr(scale))
    points = scale["points"]
    if not isinstance(points, list) or len(points) != 2:
        raise ArrayError("scale.points", "two points [x, y]", repr(points))
    x1, y1 = _parse_numbers("scale.points", points[0], 2)
    x2, y2 = _parse_numbers("scale.points", points[1], 2)
    return compute_scale([(x1, y1), (x2, y2)], scale["cm"], pixel_aspect)


def _parse_regions(
    make: Callable[..., R],
    content: Mapping[str, Any],
    section: str,
    extra_fields: Mapping[str, type],
) -> Iterator[R]:
    """Yield the regions of a section.

    Parameters
    ----------
    make : callable
        Class of the regions.
    content : mapping
        Content of the arena file.
    section : str
        ``"arena"``, ``"zone"`` or ``"ignore"``.
    extra_fields : mapping of str to type
        Fields beyond those of every region.
    """
    entries = content.get(section, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ArrayError(section, f"tables [[{section}]]", repr(entries))
    for entry in entries:
        name = entry.get("name")
        if not isinstance(name, str):
            got = "nothing" if name is None else repr(name)
            raise ArrayError(f"{section}.name", "a name", got)
        _check_keys(name, entry, {*_REGION_KEYS, *extra_fields})
        extra = _parse_extra_fields(name, entry, extra_fields)
        polygon = _parse_polygon(name, entry.get("polygon", []))
        circle = None
        if "circle" in entry:
            circle = _parse_numbers(f"{name}.circle", entry["circle"], 3)
        yield make(name=name, polygon=polygon, circle=circle, **extra)


def _parse_extra_fields(
    name: str, entry: Mapping[str, Any], extra_fields: Mapping[str, type]
) -> dict[str, Any]:
    """Return those of the extra fields that a region has; raises `ArrayError` for wrong types."""
    extra: dict[str, Any] = {}
    for field_name, kind in extra_fields.items():
        if field_name in entry:
            value = entry[field_name]
            if not isinstance(value, kind) or isinstance(value, bool):
                raise ArrayError(f"{name}.{field_name}", kind.__name__, repr(value))
            extra[field_name] = value
    return extra


def _parse_polygon(name: str, corners: Any) -> tuple[tuple[float, ...], ...]:
    if not isinstance(corners, list):
        raise ArrayError(f"{name}.polygon", "corners [[x, y], …]", repr(corners))
    return tuple(_parse_numbers(f"{name}.polygon", corner, 2) for corner in corners)

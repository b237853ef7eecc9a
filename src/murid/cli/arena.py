"""``murid arena``."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated, Any

import cv2
from cyclopts import Parameter

from murid.arenas.draw import draw_layout
from murid.arenas.editor import edit_layout
from murid.arenas.file import layout_from_dict, read_arena_file, write_arena_file
from murid.arenas.layout import Layout
from murid.arenas.scale import compute_scale, measure_checkerboard
from murid.cli.shapes import parse_numbers, parse_shape
from murid.core.files import write_bytes
from murid.core.plurals import format_count
from murid.errors import ArrayError, ConfigError
from murid.pipeline.track import default_run_path
from murid.video import FrameSource, open_source, sample_frames
from murid.video.background_image import estimate_background_image

# Frames, spread over the video, in which a checkerboard is searched.
_N_SEARCHED_FRAMES = 60
# If the squares differ by more than this fraction, the camera is tilted: the scale then differs
# from place to place, and a warning says so.
_MAX_TILT = 0.08


def arena(
    source: str,
    /,
    *,
    polygon: list[str] | None = None,
    circle: list[str] | None = None,
    animals: list[str] | None = None,
    scale: str | None = None,
    size: str | None = None,
    checkerboard: str | None = None,
    checkerboard_in: str | None = None,
    click: Annotated[bool, Parameter(negative=())] = False,
    arena: Path | None = None,
    out: Path | None = None,
) -> None:
    """Draw arenas, zones and a scale on a video; write an arena file and an image of it.

    Without any shape the image shows a grid of pixel coordinates, and the file is a template.

    Parameters
    ----------
    source : str
        Video file, folder of images, or glob in quotes.
    polygon : list of str
        ROLE:NAME,x1,y1,x2,y2,x3,y3… in pixels. The role is arena, zone, nest, shelter or ignore;
        zone by default. NAME@ARENA is a zone of one arena.
    circle : list of str
        ROLE:NAME,x,y,radius.
    animals : list of str
        ARENA=N: upper bound of the number of animals in an arena.
    scale : str
        x1,y1,x2,y2,cm: two points and the distance between them.
    size : str
        ARENA,cm: width of an arena from its leftmost to its rightmost point.
    checkerboard : str
        COLUMNSxROWS,cm: inner corners of a checkerboard in the video, and the side of a square.
    checkerboard_in : str
        Image or video that shows the checkerboard from the same camera; this video by default.
    click : bool
        Draw with the mouse.
    arena : Path
        Arena file to start from, or to look at.
    out : Path
        Arena file to write; by default beside the source, ending in .arena.toml. The image ends in
        .png.
    """
    video = open_source(source)
    size_px = (video.info.width, video.info.height)
    pixel_aspect = video.info.pixel_aspect
    layout = Layout(*size_px)
    if arena is not None:
        layout = read_arena_file(arena, size_px, pixel_aspect)
    layout = _add_shapes(layout, polygon or [], circle or [], animals or [])
    layout = _set_scale(layout, video, scale, size, checkerboard, checkerboard_in)
    image = estimate_background_image(video)
    if click:
        layout = edit_layout(image, layout, pixel_aspect)
    path = default_run_path(source).with_suffix(".arena.toml") if out is None else out
    image_path = path.with_suffix(".png")
    write_arena_file(path, layout)
    drawn = draw_layout(image, layout)[..., ::-1]
    write_bytes(image_path, cv2.imencode(".png", drawn)[1].tobytes())
    n_arenas = format_count(len(layout.arenas), "arena")
    n_zones = format_count(len(layout.zones), "zone")
    shapes = f"{n_arenas}, {n_zones}, {len(layout.ignored)} ignored"
    print(f"{shapes}, " + (f"{layout.cm_per_px:.5g} cm/pixel" if layout.cm_per_px else "no scale"))
    print(f"arena file  {path}")
    print(f"image       {image_path}")


def _add_shapes(
    layout: Layout, polygons: list[str], circles: list[str], animals: list[str]
) -> Layout:
    """Return a layout with the shapes and numbers of animals that the options give."""
    content = layout.to_dict()
    shapes = [parse_shape("--polygon", text) for text in polygons]
    shapes += [parse_shape("--circle", text) for text in circles]
    for shape in shapes:
        # A shape replaces one of the same name in the same arena.
        others = [entry for entry in content.get(shape.section, []) if not shape.replaces(entry)]
        content[shape.section] = [*others, shape.entry]
    for text in animals:
        name, _, number = text.rpartition("=")
        arenas = [entry for entry in content.get("arena", []) if entry["name"] == name]
        if not arenas or not number.isdigit():
            expected = "ARENA=N of an arena that is drawn"
            raise ConfigError(f"--animals: expected {expected}, got {text!r}")
        arenas[0]["animals"] = int(number)
    return _make_layout(content)


def _set_scale(
    layout: Layout,
    video: FrameSource,
    scale: str | None,
    size: str | None,
    checkerboard: str | None,
    checkerboard_in: str | None,
) -> Layout:
    """Return a layout with the scale of the option that is given; unchanged if none is."""
    given = [option for option in (scale, size, checkerboard) if option is not None]
    if len(given) > 1:
        raise ConfigError(
            f"scale: expected one of --scale, --size and --checkerboard, got {len(given)}"
        )
    if not given:
        return layout
    if scale is not None:
        cm_per_px = _scale_by_points(scale, video.info.pixel_aspect)
    elif size is not None:
        cm_per_px = _scale_by_size(layout, size, video.info.pixel_aspect)
    else:
        source = video if checkerboard_in is None else open_source(checkerboard_in)
        cm_per_px = _scale_by_checkerboard(source, str(checkerboard))
    return _make_layout(layout.to_dict() | {"cm_per_px": cm_per_px})


def _scale_by_points(text: str, pixel_aspect: float) -> float:
    """Return the centimetres per pixel from ``--scale``: two points and their distance."""
    expected = "x1,y1,x2,y2,cm"
    numbers = parse_numbers("--scale", text, expected)
    if len(numbers) != 5:
        raise ConfigError(f"--scale: expected {expected}, got {text!r}")
    x1, y1, x2, y2, length_cm = numbers
    return _compute_scale("--scale", (x1, y1), (x2, y2), length_cm, pixel_aspect)


def _scale_by_size(layout: Layout, text: str, pixel_aspect: float) -> float:
    """Return the centimetres per pixel from ``--size``: the width of an arena."""
    name, _, length = text.rpartition(",")
    arenas = {arena.name: arena for arena in layout.arenas}
    if name not in arenas:
        raise ConfigError(f"--size: expected ARENA,cm of an arena that is drawn, got {text!r}")
    left, _, right, _ = arenas[name].geometry.bounds
    (length_cm,) = parse_numbers("--size", length, "ARENA,cm")
    return _compute_scale("--size", (left, 0.0), (right, 0.0), length_cm, pixel_aspect)


def _scale_by_checkerboard(source: FrameSource, text: str) -> float:
    """Return the centimetres per pixel from ``--checkerboard``; warns of a tilted camera."""
    found = re.fullmatch(r"(\d+)x(\d+),(\d+\.?\d*)", text)
    if found is None or min(int(found[1]), int(found[2])) < 3:
        expected = "COLUMNSxROWS,cm of 3x3 inner corners or more"
        raise ConfigError(f"--checkerboard: expected {expected}, got {text!r}")
    columns = int(found[1])
    rows = int(found[2])
    length_cm = float(found[3])

    images = (frame.image for frame in sample_frames(source, _N_SEARCHED_FRAMES))
    measured = measure_checkerboard(images, columns, rows, source.info.pixel_aspect)
    if measured is None:
        expected = f"one of {columns}x{rows} inner corners"
        got = f"none in {_N_SEARCHED_FRAMES} frames of {source.info.path}"
        raise ConfigError(f"--checkerboard: expected {expected}, got {got}")
    side_px, tilt = measured
    if tilt > _MAX_TILT:
        warning = f"squares differ by {tilt:.0%}: the scale is not the same everywhere"
        print(f"murid: warning: {warning}", file=sys.stderr)
    # The side is in square pixels already.
    return _compute_scale("--checkerboard", (0.0, 0.0), (side_px, 0.0), length_cm, 1.0)


def _compute_scale(
    option: str,
    a: tuple[float, float],
    b: tuple[float, float],
    length_cm: float,
    pixel_aspect: float,
) -> float:
    """Return the centimetres per pixel; raises `ConfigError` that names the option."""
    try:
        return compute_scale([a, b], length_cm, pixel_aspect)
    except ArrayError as error:
        raise ConfigError(f"{option}: expected {error.expected}, got {error.got}") from error


def _make_layout(content: dict[str, Any]) -> Layout:
    """Return the layout of plain values; raises `ConfigError` where it is not valid."""
    try:
        return layout_from_dict(content)
    except ArrayError as error:
        raise ConfigError(str(error)) from error

"""``murid arena``."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from murid.arenas.draw import write_layout_image
from murid.arenas.file import layout_from_dict, read_arena_file, write_arena_file
from murid.arenas.layout import Layout
from murid.arenas.scale import compute_scale, compute_scale_from_width, measure_checkerboard
from murid.cli.shapes import parse_numbers, parse_shape
from murid.core.plurals import format_count
from murid.core.types import UInt8
from murid.core.validation import find_repeated
from murid.errors import ArrayError, ConfigError
from murid.pipeline.batch import find_sources
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
    *more: str,
    draw: Annotated[bool, Parameter(negative=())] = False,
    polygon: list[str] | None = None,
    circle: list[str] | None = None,
    animals: list[str] | None = None,
    scale: str | None = None,
    size: str | None = None,
    checkerboard: str | None = None,
    checkerboard_in: str | None = None,
    arena: Path | None = None,
    out: Path | None = None,
    port: int = 0,
    host: str = "127.0.0.1",
    no_browser: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Draw arenas, zones and a scale on a video; write an arena file and an image of it.

    Without any shape the image shows a grid of pixel coordinates, and the file is a template.

    Parameters
    ----------
    source : str
        Video file, folder of images, or glob in quotes.
    more : str
        More videos: with --draw, each begins with the shapes of the one before.
    draw : bool
        Draw on a page in the browser. It is on this computer only; Ctrl-C ends it.
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
    arena : Path
        Arena file to start from, or to look at.
    out : Path
        Arena file to write; by default beside the source, ending in .arena.toml. The image ends in
        .png. With several videos, the folder for these files.
    port : int
        Port of the page; a free one by default.
    host : str
        Address on which the page is served. Others than the default let other computers in, with
        the address that is printed, and without encryption.
    no_browser : bool
        Print the address of the page without opening it.
    """
    sources = find_sources([source, *more])
    if len(sources) > 1 and not draw:
        raise ConfigError(f"videos: expected one without --draw, got {len(sources)}")
    paths = _choose_arena_files(sources, out)
    video = open_source(sources[0])
    start_file = arena
    if start_file is None and draw and paths[0].exists():
        start_file = paths[0]
    options = (polygon, circle, animals, scale, size, checkerboard)
    is_given = arena is not None or any(option is not None for option in options)
    layout = None
    if is_given or not draw:
        # Without options, the page itself opens the arena file, and shows what is wrong with it.
        layout = _read_start_layout(video, start_file)
        layout = _add_shapes(layout, polygon or [], circle or [], animals or [])
        layout = _set_scale(layout, video, scale, size, checkerboard, checkerboard_in)
    if draw:
        start = (layout, start_file)
        _draw_in_browser(sources, paths, start, host, port, opens_browser=not no_browser)
    elif layout is not None:
        _write_files(paths[0], estimate_background_image(video), layout)


def _choose_arena_files(sources: list[str], out: Path | None) -> list[Path]:
    """Return the arena file of each source; raises `ConfigError` if two have the same."""
    if len(sources) == 1 and out is not None:
        return [out]
    paths = [default_run_path(source).with_suffix(".arena.toml") for source in sources]
    if out is not None:
        paths = [out / path.name for path in paths]
    repeated = find_repeated(paths)
    if repeated is not None:
        got = f"{repeated} twice (draw on them one by one, with --out)"
        raise ConfigError(f"videos: expected different arena files, got {got}")
    return paths


def _read_start_layout(video: FrameSource, path: Path | None) -> Layout:
    """Return the layout of an arena file; without one, an empty layout."""
    size_px = (video.info.width, video.info.height)
    if path is None:
        return Layout(*size_px)
    return read_arena_file(path, size_px, video.info.pixel_aspect)


def _write_files(path: Path, image: UInt8, layout: Layout) -> None:
    """Write an arena file and the image of it, and print what is in them."""
    image_path = path.with_suffix(".png")
    write_arena_file(path, layout)
    write_layout_image(image_path, image, layout)
    n_arenas = format_count(len(layout.arenas), "arena")
    n_zones = format_count(len(layout.zones), "zone")
    shapes = f"{n_arenas}, {n_zones}, {len(layout.ignored)} ignored"
    print(f"{shapes}, " + (f"{layout.cm_per_px:.5g} cm/pixel" if layout.cm_per_px else "no scale"))
    print(f"arena file  {path}")
    print(f"image       {image_path}")


def _draw_in_browser(
    sources: list[str],
    paths: list[Path],
    start: tuple[Layout | None, Path | None],
    host: str,
    port: int,
    *,
    opens_browser: bool,
) -> None:
    """Serve the page until Ctrl-C, then print which files were written and which were not.

    Parameters
    ----------
    sources, paths : list of str, list of Path
        Videos and their arena files.
    start : (Layout or None, Path or None)
        What the first video begins with, and the arena file that this was read from.
    host, port, opens_browser
        As in `murid.web.server`.
    """
    # The server takes a while to import.
    from murid.arena_page.api import make_arena_app
    from murid.arena_page.backgrounds import BackgroundImages
    from murid.arena_page.session import ArenaSession, VideoPaths
    from murid.web.access import Access
    from murid.web.server import open_socket, serve

    access = Access(host)
    videos = [VideoPaths(source, path) for source, path in zip(sources, paths, strict=True)]
    backgrounds = BackgroundImages(sources)
    session = ArenaSession(videos, *start, backgrounds)
    with closing(open_socket(host, port)) as listener:
        app = make_arena_app(session, backgrounds, access)
        serve(app, listener, access, opens_browser=opens_browser)
    for path in session.saved_files:
        print(f"arena file  {path}")
    for path in session.unsaved_files:
        print(f"murid: warning: {path}: the last changes were not saved", file=sys.stderr)


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
    with _name_option("--scale"):
        return compute_scale([(x1, y1), (x2, y2)], length_cm, pixel_aspect)


def _scale_by_size(layout: Layout, text: str, pixel_aspect: float) -> float:
    """Return the centimetres per pixel from ``--size``: the width of an arena."""
    name, _, length = text.rpartition(",")
    arenas = {arena.name: arena for arena in layout.arenas}
    if name not in arenas:
        raise ConfigError(f"--size: expected ARENA,cm of an arena that is drawn, got {text!r}")
    (length_cm,) = parse_numbers("--size", length, "ARENA,cm")
    with _name_option("--size"):
        return compute_scale_from_width(arenas[name], length_cm, pixel_aspect)


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
    with _name_option("--checkerboard"):
        return compute_scale([(0.0, 0.0), (side_px, 0.0)], length_cm)


@contextmanager
def _name_option(option: str) -> Iterator[None]:
    """Raise `ConfigError` that names the option where the block raises `ArrayError`."""
    try:
        yield
    except ArrayError as error:
        raise ConfigError(f"{option}: expected {error.expected}, got {error.got}") from error


def _make_layout(content: dict[str, Any]) -> Layout:
    """Return the layout of plain values; raises `ConfigError` where it is not valid."""
    try:
        return layout_from_dict(content)
    except ArrayError as error:
        raise ConfigError(str(error)) from error

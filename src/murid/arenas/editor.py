"""Edit a layout with the mouse: the meaning of clicks and keys, and the window that takes them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from math import hypot
from typing import Any

import cv2

from murid.arenas.draw import MARGIN, compute_magnification, draw_layout
from murid.arenas.file import layout_from_dict
from murid.arenas.layout import Layout
from murid.arenas.scale import compute_scale
from murid.core.types import UInt8
from murid.errors import ArrayError, ConfigError

# What is drawn after each key.
KINDS = {"a": "arena", "z": "zone", "n": "nest", "s": "shelter", "i": "ignore", "l": "scale"}

HELP = """Click the corners of a shape, then press Enter.
For a circle press c, click its centre and then a point on its rim.
a arena   z zone   n nest   s shelter   i ignore   l scale: two points of known distance
c circle or polygon   Backspace undo   q done"""

# Key codes of OpenCV, which differ between systems.
_ENTER = (10, 13)
_BACKSPACE = (8, 127)
_ESCAPE = 27

_WINDOW = "murid arena"
_RED = (255, 0, 0)
_DARK_RED = (200, 0, 0)

# Time between redraws: short enough for clicks to show at once.
_REDRAW_MS = 30


@dataclass
class LayoutEditor:
    """A layout that is being edited by clicks and keys.

    Parameters
    ----------
    layout : Layout
        The layout so far.
    ask : callable
        Asks the user for a name or a length, given a question and a default answer.

    Attributes
    ----------
    kind : str
        What the next shape will be: a value of `KINDS`.
    is_circle : bool
        Whether the next shape will be a circle.
    points : list of (float, float)
        Points of the unfinished shape, pixels.
    message : str
        Why the last shape was refused; empty if it was not.
    is_done : bool
        Whether the user has finished.
    """

    layout: Layout
    ask: Callable[[str, str], str]
    pixel_aspect: float = 1.0
    kind: str = "arena"
    is_circle: bool = False
    points: list[tuple[float, float]] = field(default_factory=list)
    message: str = ""
    is_done: bool = False

    def click(self, x: float, y: float) -> None:
        """Add a point; a circle and a scale are finished with the second one."""
        self.points.append((x, y))
        if len(self.points) == 2 and (self.is_circle or self.kind == "scale"):
            self._finish_shape()

    def press(self, key: int) -> None:
        """Handle a key, by its code."""
        letter = chr(key) if 0 <= key < 128 else ""
        if letter in KINDS:
            self.kind = KINDS[letter]
            self.points = []
        elif letter == "c":
            self.is_circle = not self.is_circle
            self.points = []
        elif key in _ENTER and self.points:
            self._finish_shape()
        elif key in _BACKSPACE and self.points:
            self.points.pop()
        elif key in _BACKSPACE:
            self._remove_last_shape()
        elif letter == "q" or key == _ESCAPE:
            self.is_done = True

    @property
    def _section(self) -> str:
        """Section of the arena file for the current kind: nests and shelters are zones."""
        return self.kind if self.kind in ("arena", "ignore") else "zone"

    def _finish_shape(self) -> None:
        """Add the shape, or the scale, to the layout if that remains valid."""
        points = self.points
        self.points = []
        self.message = ""
        content = self.layout.to_dict()
        try:
            if self.kind == "scale":
                length_cm = float(self.ask("length in cm", "10"))
                content["cm_per_px"] = compute_scale(points, length_cm, self.pixel_aspect)
            else:
                self._add_shape(content, points)
            self.layout = layout_from_dict(content)
        except (ArrayError, ValueError) as error:
            self.message = str(error)

    def _add_shape(self, content: dict[str, Any], points: list[tuple[float, float]]) -> None:
        shapes = content.setdefault(self._section, [])
        name = self.ask(f"name of the {self.kind}", f"{self.kind} {len(shapes) + 1}")
        entry: dict[str, Any] = {"name": name}
        if self.is_circle:
            (x, y), rim = points
            radius = hypot(rim[0] - x, rim[1] - y)
            entry["circle"] = [x, y, radius]
        else:
            entry["polygon"] = [list(point) for point in points]
        if self.kind in ("nest", "shelter"):
            entry["kind"] = self.kind
        shapes.append(entry)

    def _remove_last_shape(self) -> None:
        """Remove the last shape of the current kind."""
        content = self.layout.to_dict()
        if content.get(self._section):
            content[self._section].pop()
            self.layout = layout_from_dict(content)


def has_display() -> bool:
    """Whether a window can be opened."""
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def edit_layout(image: UInt8, layout: Layout, pixel_aspect: float = 1.0) -> Layout:
    """Let the user draw on an image in a window, and return the new layout.

    `pixel_aspect` is the width of a pixel divided by its height, for the scale.

    Raises
    ------
    ConfigError
        If no window can be opened.
    """
    if not has_display():
        raise ConfigError(
            "--click: expected a display to open a window on, got none; use --polygon and --circle"
        )
    editor = LayoutEditor(layout, _ask, pixel_aspect)
    print(HELP, file=sys.stderr)
    try:
        cv2.namedWindow(_WINDOW, cv2.WINDOW_NORMAL)
    except cv2.error as error:
        raise ConfigError(
            "--click: expected an OpenCV that can open windows, got one without"
        ) from error
    factor = compute_magnification(image)

    def on_mouse(event: int, x: int, y: int, *_: Any) -> None:
        if event == cv2.EVENT_LBUTTONDOWN:
            editor.click((x - MARGIN) / factor, (y - MARGIN) / factor)

    cv2.setMouseCallback(_WINDOW, on_mouse)
    while not editor.is_done:
        cv2.imshow(_WINDOW, _draw_editor(image, editor, factor)[..., ::-1])
        editor.press(cv2.waitKey(_REDRAW_MS) & 0xFF)
        # The user may close the window instead of pressing q.
        if cv2.getWindowProperty(_WINDOW, cv2.WND_PROP_VISIBLE) < 1:
            break
    cv2.destroyWindow(_WINDOW)
    return editor.layout


def _draw_editor(image: UInt8, editor: LayoutEditor, factor: int) -> UInt8:
    """Return the layout with the unfinished shape and a status line."""
    view = draw_layout(image, editor.layout)
    for x, y in editor.points:
        centre = (round(x * factor) + MARGIN, round(y * factor) + MARGIN)
        cv2.circle(view, centre, 4, _RED, -1)
    shape = "circle" if editor.is_circle else "polygon"
    status = f"{editor.kind} {shape}  {editor.message}"
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(view, status, (60, 24), font, 0.5, _DARK_RED, 1, cv2.LINE_AA)
    return view


def _ask(question: str, default: str) -> str:
    return input(f"{question} [{default}]: ").strip() or default

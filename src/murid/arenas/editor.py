"""Drawing arenas with the mouse: what clicks and keys mean, and the window that takes them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from math import hypot
from typing import Any

import cv2

from murid.arenas.draw import MARGIN, choose_factor, draw_layout
from murid.arenas.file import to_layout
from murid.arenas.layout import Layout, compute_scale
from murid.core.types import UInt8
from murid.errors import ArrayError, ConfigError

KINDS = {"a": "arena", "z": "zone", "n": "nest", "s": "shelter", "i": "ignore", "l": "scale"}
HELP = """Click the corners of a shape, then press Enter; for a circle press c, click its centre and its rim.
a arena   z zone   n nest   s shelter   i ignore   l scale: two points of known distance
c circle or polygon   Backspace takes back   q done"""
_ENTER, _BACKSPACE, _ESCAPE = (10, 13), (8, 127), 27
_WINDOW = "murid arena"


@dataclass
class Sketch:
    """A layout that is being drawn.

    Parameters
    ----------
    layout : Layout
        What is there already.
    ask : callable
        Asks the user for a name or a length, given what for and a proposal.
    """

    layout: Layout
    ask: Callable[[str, str], str]
    kind: str = "arena"
    is_circle: bool = False
    points: list[tuple[float, float]] = field(default_factory=list)
    trouble: str = ""
    is_done: bool = False

    def click(self, x: float, y: float) -> None:
        """Add a point; a circle and a scale are complete with two."""
        self.points.append((x, y))
        if len(self.points) == 2 and (self.is_circle or self.kind == "scale"):
            self._finish()

    def press(self, key: int) -> None:
        """Take a key."""
        letter = chr(key) if 0 <= key < 128 else ""
        if letter in KINDS:
            self.kind, self.points = KINDS[letter], []
        elif letter == "c":
            self.is_circle, self.points = not self.is_circle, []
        elif key in _ENTER and self.points:
            self._finish()
        elif key in _BACKSPACE and self.points:
            self.points.pop()
        elif key in _BACKSPACE:
            self._take_back()
        elif letter == "q" or key == _ESCAPE:
            self.is_done = True

    def _finish(self) -> None:
        points, self.points, self.trouble = self.points, [], ""
        plain = self.layout.to_plain()
        try:
            if self.kind == "scale":
                plain["cm_per_px"] = compute_scale(points, float(self.ask("length in cm", "10")))
            else:
                self._add(plain, points)
            self.layout = to_layout(plain)
        except (ArrayError, ValueError) as error:
            self.trouble = str(error)

    def _add(self, plain: dict[str, Any], points: list[tuple[float, float]]) -> None:
        key = self.kind if self.kind in ("arena", "ignore") else "zone"
        there = plain.setdefault(key, [])
        entry: dict[str, Any] = {
            "name": self.ask(f"name of the {self.kind}", f"{self.kind} {len(there) + 1}")
        }
        if self.is_circle:
            (x, y), rim = points
            entry["circle"] = [x, y, hypot(rim[0] - x, rim[1] - y)]
        else:
            entry["polygon"] = [list(point) for point in points]
        there.append(entry | ({"kind": self.kind} if self.kind in ("nest", "shelter") else {}))

    def _take_back(self) -> None:
        """Remove the last shape of the kind that is being drawn."""
        plain = self.layout.to_plain()
        key = self.kind if self.kind in ("arena", "ignore") else "zone"
        if plain.get(key):
            plain[key].pop()
            self.layout = to_layout(plain)


def has_display() -> bool:
    """Whether a window can be opened."""
    return not sys.platform.startswith("linux") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )


def sketch(image: UInt8, layout: Layout) -> Layout:
    """Let the user draw on a picture in a window; raises `ConfigError` where none can be opened."""
    if not has_display():
        raise ConfigError(
            "--click: expected a display to open a window on, got none; give --polygon and --circle"
        )
    drawing = Sketch(layout, _ask)
    print(HELP, file=sys.stderr)
    try:
        cv2.namedWindow(_WINDOW, cv2.WINDOW_NORMAL)
    except cv2.error as error:
        raise ConfigError(
            "--click: expected an OpenCV that can open windows, got one without"
        ) from error
    factor = choose_factor(image)

    def on_mouse(event: int, x: int, y: int, *_: Any) -> None:
        if event == cv2.EVENT_LBUTTONDOWN:
            drawing.click((x - MARGIN) / factor, (y - MARGIN) / factor)

    cv2.setMouseCallback(_WINDOW, on_mouse)
    while not drawing.is_done:
        view = draw_layout(image, drawing.layout)
        for x, y in drawing.points:
            cv2.circle(
                view, (round(x * factor) + MARGIN, round(y * factor) + MARGIN), 4, (255, 0, 0), -1
            )
        words = f"{drawing.kind} {'circle' if drawing.is_circle else 'polygon'}  {drawing.trouble}"
        cv2.putText(
            view, words, (60, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (200, 0, 0), 1, cv2.LINE_AA
        )
        cv2.imshow(_WINDOW, view[..., ::-1])
        drawing.press(cv2.waitKey(30) & 0xFF)
        if cv2.getWindowProperty(_WINDOW, cv2.WND_PROP_VISIBLE) < 1:
            break
    cv2.destroyWindow(_WINDOW)
    return drawing.layout


def _ask(what: str, proposal: str) -> str:
    return input(f"{what} [{proposal}]: ").strip() or proposal

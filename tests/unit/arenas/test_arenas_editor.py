"""Drawing with the mouse: what clicks and keys make of a layout; no window needed."""

import cv2
import numpy as np
import pytest

from murid.arenas.draw import MARGIN, choose_factor
from murid.arenas.editor import Sketch, sketch
from murid.arenas.layout import Layout
from murid.errors import ConfigError

ENTER, BACKSPACE = 13, 8


def draw(*steps, answers=()) -> Sketch:
    replies = iter(answers)
    drawing = Sketch(Layout(200, 100), lambda _, proposal: next(replies, proposal))
    for step in steps:
        if isinstance(step, tuple):
            drawing.click(*step)
        else:
            drawing.press(ord(step) if isinstance(step, str) else step)
    return drawing


def test_a_polygon_a_circle_and_a_scale():
    drawing = draw(
        (0, 0),
        (100, 0),
        (100, 90),
        (3, 3),
        BACKSPACE,
        (0, 90),
        ENTER,
        "n",
        "c",
        (20, 20),
        (23, 24),
        "l",
        (0, 0),
        (100, 0),
        "q",
        answers=["box", "den", "25"],
    )
    (arena,), (zone,) = drawing.layout.arenas, drawing.layout.zones
    assert (arena.name, arena.polygon) == ("box", ((0, 0), (100, 0), (100, 90), (0, 90)))
    assert (zone.name, zone.kind, zone.circle) == ("den", "nest", (20, 20, 5))
    assert drawing.layout.cm_per_px == 0.25
    assert drawing.is_done


def test_what_cannot_be_is_said_and_left_out():
    drawing = draw((0, 0), (50, 50), (50, 0), (0, 50), ENTER)
    assert "do not cross" in drawing.trouble
    assert drawing.layout.arenas == ()
    drawing = draw("l", (5, 5), (5, 5))
    assert "two points apart" in drawing.trouble


def test_backspace_takes_back_the_last_shape():
    drawing = draw("i", "c", (20, 20), (25, 20), (60, 60), (65, 60), BACKSPACE)
    assert [region.name for region in drawing.layout.ignored] == ["ignore 1"]
    assert drawing.layout.ignored[0].circle == (20, 20, 5)


def test_clicks_on_the_window_are_pixels_of_the_video(monkeypatch):
    """A window in name only: what it is shown shows where the mouse has to click."""
    callbacks, shown = [], []
    rim = MARGIN + choose_factor(np.zeros((40, 400, 3))) * np.array([[0, 0], [100, 0], [100, 30]])
    keys = iter([*(None for _ in rim), ENTER, ord("q")])

    def wait(_: int) -> int:
        key = next(keys)
        if key is None:
            callbacks[0](cv2.EVENT_LBUTTONDOWN, *rim[len(shown) - 1].tolist(), 0, None)
        return 255 if key is None else key

    monkeypatch.setattr("murid.arenas.editor.has_display", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _: "")
    for name, fake in {
        "namedWindow": lambda *_: None,
        "setMouseCallback": lambda _, callback: callbacks.append(callback),
        "imshow": lambda _, view: shown.append(view),
        "waitKey": wait,
        "getWindowProperty": lambda *_: 1.0,
        "destroyWindow": lambda _: None,
    }.items():
        monkeypatch.setattr(cv2, name, fake)
    (arena,) = sketch(np.zeros((40, 400, 3), np.uint8), Layout(400, 40)).arenas
    assert (arena.name, arena.polygon) == ("arena 1", ((0, 0), (100, 0), (100, 30)))


def test_without_a_display(monkeypatch):
    monkeypatch.setattr("murid.arenas.editor.has_display", lambda: False)
    with pytest.raises(ConfigError, match="--click: expected a display"):
        sketch(np.zeros((100, 200, 3), np.uint8), Layout(200, 100))

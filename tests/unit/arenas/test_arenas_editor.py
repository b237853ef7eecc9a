"""The mouse editor: what clicks and keys do to a layout; no window is needed."""

import cv2
import numpy as np
import pytest

from murid.arenas.draw import MARGIN, compute_magnification
from murid.arenas.editor import LayoutEditor, edit_layout
from murid.arenas.layout import Layout
from murid.errors import ConfigError

ENTER, BACKSPACE = 13, 8


def draw(*steps, answers=()) -> LayoutEditor:
    replies = iter(answers)
    editor = LayoutEditor(Layout(200, 100), lambda _, proposal: next(replies, proposal))
    for step in steps:
        if isinstance(step, tuple):
            editor.click(*step)
        else:
            editor.press(ord(step) if isinstance(step, str) else step)
    return editor


def test_a_polygon_a_circle_and_a_scale():
    editor = draw(
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
    (arena,), (zone,) = editor.layout.arenas, editor.layout.zones
    assert (arena.name, arena.polygon) == ("box", ((0, 0), (100, 0), (100, 90), (0, 90)))
    assert (zone.name, zone.kind, zone.circle) == ("den", "nest", (20, 20, 5))
    assert editor.layout.cm_per_px == 0.25
    assert editor.is_done


def test_invalid_shapes_are_refused_with_a_message():
    editor = draw((0, 0), (50, 50), (50, 0), (0, 50), ENTER)
    assert "do not cross" in editor.message
    assert editor.layout.arenas == ()
    editor = draw("l", (5, 5), (5, 5))
    assert "two points apart" in editor.message


def test_backspace_removes_the_last_shape():
    editor = draw("i", "c", (20, 20), (25, 20), (60, 60), (65, 60), BACKSPACE)
    assert [region.name for region in editor.layout.ignored] == ["ignore 1"]
    assert editor.layout.ignored[0].circle == (20, 20, 5)


def test_clicks_on_the_window_are_pixels_of_the_video(monkeypatch):
    """With a fake window."""
    callbacks, shown = [], []
    rim = MARGIN + compute_magnification(np.zeros((40, 400, 3))) * np.array(
        [[0, 0], [100, 0], [100, 30]]
    )
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
    (arena,) = edit_layout(np.zeros((40, 400, 3), np.uint8), Layout(400, 40)).arenas
    assert (arena.name, arena.polygon) == ("arena 1", ((0, 0), (100, 0), (100, 30)))


def test_without_a_display(monkeypatch):
    monkeypatch.setattr("murid.arenas.editor.has_display", lambda: False)
    with pytest.raises(ConfigError, match="--click: expected a display"):
        edit_layout(np.zeros((100, 200, 3), np.uint8), Layout(200, 100))

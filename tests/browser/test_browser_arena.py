"""The page on which arenas are drawn, in a real browser: by mouse, and by keyboard alone."""

import json
import re
from pathlib import Path

import pytest
from arena_videos import HEIGHT, WIDTH, open_session, write_image
from waiting import wait_for

from murid.arena_page.api import make_arena_app
from murid.arena_page.backgrounds import BackgroundImages
from murid.arenas.file import read_arena_file, write_arena_file
from murid.arenas.layout import Arena, Layout
from murid.web.access import Access

# The place of a pixel of the video in the window, while the whole image is shown.
TO_WINDOW = """([x, y, width, height]) => {
    const frame = document.getElementById('canvas').getBoundingClientRect();
    const scale = Math.min(frame.width / width, frame.height / height);
    return [frame.left + frame.width / 2 + (x - width / 2) * scale,
            frame.top + frame.height / 2 + (y - height / 2) * scale];
}"""


class ArenaPage:
    """The page, with coordinates in pixels of the video."""

    def __init__(self, page, size=(WIDTH, HEIGHT)) -> None:
        self.page = page
        self.keyboard = page.keyboard
        self.size = size
        page.wait_for_selector("#canvas[data-loaded]")

    def at(self, x: float, y: float) -> list[float]:
        return self.page.evaluate(TO_WINDOW, [x, y, *self.size])

    def click(self, *points) -> None:
        for point in points:
            self.page.mouse.click(*self.at(*point))

    def drag(self, start, end) -> None:
        self.page.mouse.move(*self.at(*start))
        self.page.mouse.down()
        self.page.mouse.move(*self.at(*[(a + b) / 2 for a, b in zip(start, end, strict=True)]))
        self.page.mouse.move(*self.at(*end))
        self.page.mouse.up()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.keyboard.press(key)

    def wait_for_shapes(self, *names: str) -> None:
        self.page.wait_for_function(
            """names => [...document.querySelectorAll('#shapes .name')]
                .map(name => name.textContent).join() === names""",
            arg=",".join(names),
        )

    def save(self) -> None:
        with self.page.expect_response("**/save") as saved:
            self.press("s")
        assert saved.value.ok

    @property
    def text(self) -> str:
        return self.page.inner_text("body")


@pytest.fixture
def video(tmp_path) -> Path:
    return write_image(tmp_path / "cage.png")


@pytest.fixture
def address(serve_app):
    """Return a function that serves the page of some videos and returns its address."""

    def serve(*videos, **options) -> str:
        access = Access()
        backgrounds = BackgroundImages([str(video) for video in videos])
        return serve_app(
            make_arena_app(open_session(*videos, **options), backgrounds, access), access
        )

    return serve


@pytest.fixture
def open_page(address, open_tab):
    def open_page(*videos, **options) -> ArenaPage:
        return ArenaPage(open_tab(address(*videos, **options)))

    return open_page


def layout_of(video: Path) -> Layout:
    return read_arena_file(video.with_suffix(".arena.toml"), (WIDTH, HEIGHT))


def test_shapes_are_drawn_with_the_mouse_and_saved(video, open_page) -> None:
    tab = open_page(video)
    assert "token" not in tab.page.url
    # Closed by a click on the first corner.
    tab.click((20, 20), (300, 20), (300, 220), (20, 220), (20, 20))
    tab.wait_for_shapes("arena 1")
    tab.press("3", "c")
    tab.drag((60, 60), (80, 60))
    tab.wait_for_shapes("arena 1", "nest 1")
    tab.press("5", "r")
    tab.click((250, 30), (290, 60))
    tab.wait_for_shapes("arena 1", "nest 1", "ignore 1")
    # Closed by a double-click.
    tab.press("2", "p")
    tab.click((120, 100), (200, 100))
    tab.page.mouse.dblclick(*tab.at(160, 180))
    tab.wait_for_shapes("arena 1", "nest 1", "ignore 1", "zone 1")
    tab.save()
    layout = layout_of(video)
    assert layout.arenas[0].polygon == ((20, 20), (300, 20), (300, 220), (20, 220))
    nest, zone = layout.zones
    assert (nest.kind, nest.circle, nest.arena) == ("nest", (60, 60, 20), "arena 1")
    assert (zone.kind, zone.polygon) == ("zone", ((120, 100), (200, 100), (160, 180)))
    assert layout.ignored[0].polygon == ((250, 30), (290, 30), (290, 60), (250, 60))
    assert str(video.with_suffix(".arena.toml")) in tab.page.inner_text("#files")
    assert video.with_suffix(".arena.png").exists()


def test_everything_works_with_the_keyboard_alone(video, open_page) -> None:
    tab = open_page(video)
    # The cursor starts in the middle, at 160, 120.
    tab.press("p", "1", "Shift+ArrowLeft", "Enter", "Shift+ArrowRight", "Shift+ArrowRight", "Enter")
    tab.press("Shift+ArrowDown", "ArrowDown", "Enter", "Enter")
    tab.wait_for_shapes("arena 1")
    tab.press("Enter")
    tab.keyboard.type("open field")
    tab.press("Enter")
    tab.wait_for_shapes("open field")
    # From here by Tab: kind, animals, coordinates.
    tab.press("Enter", "Tab", "Tab")
    tab.keyboard.type("3")
    tab.press("Tab", "Control+a")
    tab.keyboard.type("100,50 200,50 200,150 100,150")
    tab.press("Enter")
    tab.page.wait_for_function(
        "() => document.querySelector('.shape .what').textContent.includes('4 corners · 3 animals')"
    )
    tab.press("c", "4", "Enter", "Enter")
    tab.press("Shift+ArrowRight", "Enter")
    tab.wait_for_shapes("open field", "shelter 1")
    tab.press("l", "ArrowUp", "Enter", "Shift+ArrowRight", "Shift+ArrowRight", "Enter")
    tab.keyboard.type("5")
    tab.press("Enter")
    tab.page.wait_for_function(
        "() => document.getElementById('scale-text').textContent.startsWith('0.25 cm per pixel')"
    )
    tab.press("b", "b", ".", "ArrowRight", "Escape", "ArrowDown")
    tab.save()
    layout = layout_of(video)
    (arena,) = layout.arenas
    assert (arena.name, arena.animals) == ("open field", 3)
    assert arena.polygon == ((100, 50), (200, 50), (200, 150), (100, 150))
    (shelter,) = layout.zones
    x, y, radius = shelter.circle
    assert (shelter.kind, radius, layout.cm_per_px) == ("shelter", 11, 0.25)
    assert 100 < x < 200
    assert 50 < y < 150


def test_undo_and_redo(video, open_page) -> None:
    tab = open_page(video)
    tab.press("r")
    tab.drag((20, 20), (120, 120))
    tab.wait_for_shapes("arena 1")
    tab.drag((180, 20), (280, 120))
    tab.wait_for_shapes("arena 1", "arena 2")
    tab.press("z")
    tab.wait_for_shapes("arena 1")
    tab.press("z")
    tab.wait_for_shapes()
    tab.press("y", "y")
    tab.wait_for_shapes("arena 1", "arena 2")
    tab.press("Control+z")
    tab.wait_for_shapes("arena 1")
    # While a shape is drawn, undo takes its last corner.
    tab.press("p")
    tab.click((150, 150), (200, 150), (200, 200), (150, 200))
    tab.press("z", "Enter")
    tab.wait_for_shapes("arena 1", "arena 2")
    tab.save()
    assert len(layout_of(video).arenas[1].polygon) == 3


def test_shapes_and_corners_are_moved(video, open_page) -> None:
    tab = open_page(video)
    tab.press("r")
    tab.drag((20, 20), (120, 120))
    tab.wait_for_shapes("arena 1")
    tab.press("2", "c")
    tab.drag((70, 70), (80, 70))
    tab.wait_for_shapes("arena 1", "zone 1")
    tab.press("v")
    # The zone lies on the arena; the arena takes it along.
    tab.click((30, 30))
    tab.drag((30, 30), (40, 35))
    tab.drag((130, 125), (150, 140))
    tab.press(*["ArrowRight"] * 3, "Shift+ArrowDown", "Escape", "ArrowLeft")
    tab.save()
    layout = layout_of(video)
    assert layout.arenas[0].polygon == ((29, 25), (129, 25), (152, 150), (29, 125))
    assert layout.zones[0].circle == (79, 75, 10)
    # One burst of arrow keys is one step back: all that came after the drag of the corner.
    tab.press("z", "z")
    tab.save()
    assert layout_of(video).arenas[0].polygon[2] == (150, 140)


def test_a_shape_that_is_refused_can_be_corrected(video, open_page) -> None:
    tab = open_page(video)
    tab.click((20, 20), (120, 120), (120, 20), (20, 120))
    tab.press("Enter")
    tab.page.wait_for_selector("#alert:visible")
    assert "sides that do not cross" in tab.page.inner_text("#alert")
    tab.press("Backspace", "Enter")
    tab.wait_for_shapes("arena 1")
    assert not tab.page.is_visible("#alert")


def test_a_value_that_is_refused_stays_in_its_field(video, open_page) -> None:
    tab = open_page(video)
    tab.press("r")
    tab.drag((20, 20), (120, 120))
    tab.wait_for_shapes("arena 1")
    coordinates = tab.page.locator("#shape-1-coordinates")
    for text, words in (
        ("20,20 120,120 120,20 20,120", "sides that do not cross"),
        ("20,20 120", "expected x1,y1 x2,y2"),
        ("20,20 1o,20", "expected x1,y1 x2,y2"),
    ):
        coordinates.fill(text)
        coordinates.press("Tab")
        tab.page.wait_for_function(
            "words => document.querySelector('.problem').textContent.includes(words)", arg=words
        )
        assert coordinates.input_value() == text
        assert coordinates.get_attribute("aria-invalid") == "true"
    coordinates.press("Escape")
    assert coordinates.input_value() == "20,20 120,20 120,120 20,120"
    assert tab.page.inner_text("#shape-1-problem") == ""


def test_a_reload_loses_nothing_that_was_drawn(video, open_page) -> None:
    tab = open_page(video)
    tab.press("r")
    tab.drag((20, 20), (120, 120))
    tab.wait_for_shapes("arena 1")
    kinds = []

    def accept(dialog) -> None:
        kinds.append(dialog.type)
        dialog.accept()

    tab.page.on("dialog", accept)
    tab.page.reload()
    assert kinds == ["beforeunload"]
    tab.page.wait_for_selector("body[data-ready]")
    tab.wait_for_shapes("arena 1")
    assert tab.page.inner_text("#saved") == "Not saved"
    tab.press("z")
    tab.wait_for_shapes()
    # Nothing is unsaved, so leaving needs no question.
    tab.page.reload()
    assert kinds == ["beforeunload"]


def test_the_next_video_gets_the_shapes_with_a_nudge(video, tmp_path, open_page) -> None:
    following = write_image(tmp_path / "next.png")
    tab = open_page(video, following)
    tab.press("r")
    tab.drag((20, 20), (120, 120))
    tab.wait_for_shapes("arena 1")
    tab.press("n")
    tab.page.wait_for_selector("#canvas[data-loaded='1']")
    assert "The shapes are those of cage.png" in tab.page.inner_text("#notes")
    assert tab.page.get_attribute("[data-tool=move]", "aria-pressed") == "true"
    tab.press("ArrowRight", "ArrowRight", "Shift+ArrowDown")
    tab.drag((200, 200), (210, 200))
    tab.save()
    assert layout_of(video).arenas[0].polygon[0] == (20, 20)
    assert layout_of(following).arenas[0].polygon[0] == (32, 30)
    assert tab.page.is_disabled("#next")
    tab.page.select_option("#videos", "0")
    tab.page.wait_for_selector("#canvas[data-loaded='0']")
    tab.page.wait_for_function(
        "() => document.getElementById('shape-1-coordinates').value.startsWith('20,20')"
    )


def test_a_video_that_cannot_be_read_is_named_and_skipped(video, tmp_path, open_page) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_text("no video")
    tab = open_page(video, broken, write_image(tmp_path / "third.png"))
    tab.press("n")
    tab.page.wait_for_selector("#alert:visible")
    assert "broken.mp4" in tab.page.inner_text("#alert")
    assert tab.page.input_value("#videos") == "0"
    # Nothing was drawn, so nothing was written.
    assert list(tmp_path.glob("*.toml")) == []
    tab.press("r")
    tab.drag((20, 20), (120, 120))
    tab.wait_for_shapes("arena 1")
    tab.page.select_option("#videos", "2")
    tab.page.wait_for_selector("#canvas[data-loaded='2']")
    tab.wait_for_shapes("arena 1")
    assert "cage.png (not saved)" in tab.page.inner_text("#videos")


def test_another_tab_shows_the_same(video, address, open_tab) -> None:
    served = address(video)
    first = ArenaPage(open_tab(served))
    second = ArenaPage(open_tab(served, context=first.page.context))
    first.press("r")
    first.drag((20, 20), (120, 120))
    first.wait_for_shapes("arena 1")
    second.page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    second.wait_for_shapes("arena 1")


def test_an_arena_file_is_not_overwritten_without_a_question(video, open_page) -> None:
    tab = open_page(video)
    tab.press("r")
    tab.drag((20, 20), (120, 120))
    tab.wait_for_shapes("arena 1")
    file = video.with_suffix(".arena.toml")
    write_arena_file(file, Layout(WIDTH, HEIGHT, arenas=(Arena("other", circle=(90, 90, 40)),)))
    tab.press("s")
    tab.page.wait_for_selector("#alert button:has-text('Overwrite it')")
    assert layout_of(video).arenas[0].name == "other"
    tab.page.click("#alert button:has-text('Overwrite it')")
    wait_for(lambda: layout_of(video).arenas[0].name == "arena 1")


def test_shapes_and_scale_by_coordinates(video, open_page) -> None:
    tab = open_page(video)
    tab.page.click("summary:has-text('Add a shape')")
    tab.page.fill("#add-coordinates", "100,100,60")
    tab.page.fill("#add-name", "pool")
    tab.page.press("#add-name", "Enter")
    tab.wait_for_shapes("pool")
    tab.page.select_option("#width-of", "1")
    tab.page.fill("#width-cm", "30")
    tab.page.press("#width-cm", "Enter")
    tab.page.wait_for_function(
        "() => document.getElementById('scale-text').textContent.startsWith('0.25')"
    )
    tab.page.fill("#width-cm", "0")
    tab.page.press("#width-cm", "Enter")
    tab.page.wait_for_function(
        "() => document.getElementById('scale-problem').textContent.includes('got 0 cm')"
    )
    tab.page.click("#remove-scale")
    tab.page.wait_for_function(
        "() => document.getElementById('scale-text').textContent.startsWith('None')"
    )
    tab.save()
    assert layout_of(video).arenas[0].circle == (100, 100, 60)


def test_kind_arena_and_deletion(video, open_page) -> None:
    tab = open_page(video)
    tab.press("r")
    tab.drag((10, 10), (150, 230))
    tab.wait_for_shapes("arena 1")
    tab.drag((160, 10), (310, 230))
    tab.wait_for_shapes("arena 1", "arena 2")
    tab.press("2")
    tab.drag((20, 20), (60, 60))
    tab.wait_for_shapes("arena 1", "arena 2", "zone 1")
    tab.page.select_option("#shape-3-role", "nest")
    tab.page.wait_for_selector(".shape.role-nest")
    tab.page.select_option("#shape-3-arena", "2")
    tab.page.wait_for_function(
        "() => document.getElementById('shape-3-problem').textContent.includes('arena 2')"
    )
    tab.page.select_option("#shape-3-arena", "")
    tab.page.wait_for_function(
        "() => !document.querySelector('.shape.role-nest .what').textContent.includes('in ')"
    )
    tab.press("Escape", "v", "b", "Delete")
    tab.wait_for_shapes("arena 2", "zone 1")
    tab.save()
    (zone,) = layout_of(video).zones
    assert (zone.kind, zone.arena) == ("nest", None)


def test_pixels_that_are_not_square_are_shown_as_they_look(video, address, open_tab, monkeypatch):
    monkeypatch.setattr("murid.arena_page.session.open_source", lambda _: _WideSource())
    page = open_tab(address(video))
    page.wait_for_selector("#canvas[data-loaded]")
    width, height = (
        float(page.get_attribute("#canvas image", name)) for name in ("width", "height")
    )
    assert width / height == pytest.approx(2 * WIDTH / HEIGHT)
    page.keyboard.press("c")
    for key in ("ArrowUp", "Enter", "Shift+ArrowRight", "Enter"):
        page.keyboard.press(key)
    page.wait_for_selector(".shape")
    # A circle on the screen is a polygon in the file, twice as high as wide.
    corners = page.input_value("#shape-1-coordinates").split()
    points = [tuple(map(float, corner.split(","))) for corner in corners]
    widths, heights = [max(axis) - min(axis) for axis in zip(*points, strict=True)]
    assert heights == pytest.approx(2 * widths, rel=0.01)


class _WideSource:
    """A source whose pixels are twice as wide as high."""

    @property
    def info(self):
        from murid.video.info import VideoInfo

        return VideoInfo("wide", WIDTH, HEIGHT, 25.0, 1, "png", pixel_aspect=2.0)


def test_zoom_keeps_coordinates(video, open_page) -> None:
    tab = open_page(video)
    x, y = tab.at(100, 100)
    tab.page.mouse.move(x, y)
    for _ in range(8):
        tab.page.mouse.wheel(0, -100)
    tab.page.wait_for_function(
        "() => Number(document.querySelector('#canvas image').getAttribute('width')) > 2000"
    )
    tab.page.mouse.move(x + 1, y)
    tab.page.mouse.move(x, y)
    place = re.findall(r"[\d.]+", tab.page.inner_text("#place"))
    assert [float(number) for number in place] == pytest.approx([100, 100], abs=0.3)
    tab.press("0", "r")
    tab.drag((20, 20), (120, 120))
    tab.wait_for_shapes("arena 1")
    assert tab.page.input_value("#shape-1-coordinates").startswith("20,20")


def test_every_control_has_a_name_and_help_opens(video, open_page) -> None:
    tab = open_page(video)
    tab.press("r")
    tab.drag((20, 20), (120, 120))
    tab.wait_for_shapes("arena 1")
    unnamed = tab.page.evaluate(
        """[...document.querySelectorAll('button, input, select, textarea, svg[tabindex]')]
            .filter(element => !(element.textContent.trim() || element.labels?.length
              || element.getAttribute('aria-label') || element.title)).map(e => e.outerHTML)"""
    )
    assert json.dumps(unnamed) == "[]"
    tab.press("?")
    assert tab.page.is_visible("#help")
    tab.press("Escape")
    assert not tab.page.is_visible("#help")

"""Arena files are written and read back, and errors name the field."""

import numpy as np
import pytest

from murid.arenas.file import read_arena_file, write_arena_file
from murid.errors import FormatError

HEAD = "width = 100\nheight = 60\n"
FULL = (
    HEAD
    + """cm_per_px = 0.25

[[arena]]
name = "left"
polygon = [[0.0, 0.0], [50.0, 0.0], [50.0, 60.0], [0.0, 60.0]]
animals = 2

[[arena]]
name = "rechts ä"
circle = [75.0, 30.0, 20.0]

[[zone]]
name = "den"
circle = [10.0, 10.0, 5.0]
kind = "nest"
arena = "left"

[[ignore]]
name = "lamp"
circle = [75.0, 30.0, 2.0]
"""
)


def test_a_written_file_is_read_back(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text(FULL, encoding="utf-8")
    layout = read_arena_file(path, (100, 60))
    assert [arena.animals for arena in layout.arenas] == [2, None]
    assert [zone.hides for zone in layout.zones] == [True]
    assert (layout.list_zones("left")[0].name, layout.list_zones("rechts ä")) == ("den", [])
    write_arena_file(tmp_path / "b.toml", layout)
    assert (tmp_path / "b.toml").read_text(encoding="utf-8") == FULL


def test_scale_by_two_points(tmp_path):
    (tmp_path / "a.toml").write_text(HEAD + "scale = {points = [[0, 0], [30, 40]], cm = 25.0}\n")
    assert read_arena_file(tmp_path / "a.toml").cm_per_px == 0.5
    wide = read_arena_file(tmp_path / "a.toml", pixel_aspect=4 / 3)
    assert wide.cm_per_px == pytest.approx(25 / np.hypot(40, 40))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("width = 100", "height: expected a whole number of pixels, got nothing"),
        ("width = 1e", "file: expected a readable TOML file"),
        (HEAD + "widht = 3", "file: expected some of .*width.*, got 'widht'"),
        (HEAD + "cm_per_px = 0", "cm_per_px: expected a scale above 0, got 0"),
        (HEAD + "cm_per_px = 'x'", "cm_per_px: expected a number, got 'x'"),
        (HEAD + "scale = {points = [[0, 0], [0, 0]], cm = 4}", "scale: expected two points apart"),
        (
            HEAD + "scale = {points = [[0, 0], [9, 0]], cm = 0}",
            "scale: expected a length above 0 cm",
        ),
        (HEAD + "scale = {points = [[0, 0]], cm = 4}", r"scale.points: expected two points"),
        (HEAD + "scale = 4", "scale: expected points ="),
        (
            HEAD + "cm_per_px = 1\nscale = {points = [[0, 0], [9, 0]], cm = 4}",
            "scale: expected cm_per_px or scale",
        ),
        (HEAD + "arena = 3", r"arena: expected tables \[\[arena\]\], got 3"),
        (HEAD + "[[arena]]\ncircle = [30, 30, 9]", "arena.name: expected a name, got nothing"),
        (HEAD + "[[arena]]\nname = 'a'\ncircle = [30, 30]", "a.circle: expected 3 numbers"),
        (HEAD + "[[arena]]\nname = 'a'\npolygon = [[1, 2], [3]]", "a.polygon: expected 2 numbers"),
        (
            HEAD + "[[arena]]\nname = 'a'\ncircle = [30, 30, 9]\nanimals = 'two'",
            "a.animals: expected int, got 'two'",
        ),
        (
            HEAD + "[[zone]]\nname = 'z'\ncircle = [300, 30, 9]",
            "z: expected a region within the image of 100x60",
        ),
        (
            HEAD + "[[zone]]\nname = 'z'\npolygon = [[0, 0], [9, 9], [9, 0], [0, 9]]",
            "z.polygon: expected sides",
        ),
    ],
)
def test_errors_name_the_field(tmp_path, text, words):
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(FormatError, match=f"a.toml: {words}"):
        read_arena_file(tmp_path / "a.toml")


def test_a_file_of_another_video_and_a_missing_file_are_refused(tmp_path):
    (tmp_path / "a.toml").write_text(HEAD)
    with pytest.raises(
        FormatError, match="width, height: expected 640x480 pixels as of the video, got 100x60"
    ):
        read_arena_file(tmp_path / "a.toml", (640, 480))
    with pytest.raises(FormatError, match="expected an arena file"):
        read_arena_file(tmp_path / "b.toml")

"""The drawings of several videos: undo, saving, files that are there already, copies."""

import cv2
import pytest
from arena_videos import BOW_TIE, SQUARE, open_session, write_image

from murid.arena_page.requests import AddShape, CopyVideo, EditShape, MoveShapes, SetScale
from murid.arenas.file import read_arena_file, write_arena_file
from murid.arenas.layout import Arena, Layout
from murid.core.files import TEMPORARY_MARK
from murid.errors import ArrayError, StorageError
from murid.web.app import ConflictError

SQUARE_ARENA = AddShape(role="arena", name="box", polygon=tuple(map(tuple, SQUARE)))
SCALE = SetScale(points=((0, 0), (100, 0)), length_cm=50)


def names(state) -> list[str]:
    return [shape.name for shape in state["shapes"]]


def file_of(video):
    return video.with_suffix(".arena.toml")


def write_file(video, name: str = "old", size=(320, 240)) -> bytes:
    arena = Arena(name, circle=(100, 100, 50))
    write_arena_file(file_of(video), Layout(*size, arenas=(arena,)))
    return file_of(video).read_bytes()


def test_a_new_video_is_empty_and_saved(video) -> None:
    state = open_session(video).open(0)
    assert (state["width"], state["height"], state["pixel_aspect"]) == (320, 240, 1)
    assert (state["shapes"], state["is_saved"], state["undo"], state["redo"]) == (
        (),
        True,
        None,
        None,
    )
    assert list(video.parent.iterdir()) == [video]


def test_undo_and_redo_have_no_limit(video) -> None:
    session = open_session(video)
    session.open(0)
    session.change(0, SQUARE_ARENA)
    for k in range(200):
        state = session.change(0, EditShape(shape=1, name=f"box {k}"))
    assert state["undo"] == "box 198 renamed box 199"
    for _ in range(201):
        state = session.undo(0)
    assert (state["shapes"], state["undo"], state["redo"]) == ((), None, "box added")
    with pytest.raises(ConflictError, match="undo: expected a change, got none"):
        session.undo(0)
    for _ in range(201):
        state = session.redo(0)
    assert names(state) == ["box 199"]
    with pytest.raises(ConflictError, match="redo"):
        session.redo(0)


def test_a_change_after_undo_ends_redo_and_numbers_stay_different(video) -> None:
    session = open_session(video)
    session.open(0)
    session.change(0, SQUARE_ARENA)
    session.undo(0)
    state = session.change(0, AddShape(role="zone", circle=(50, 50, 9)))
    assert (names(state), state["redo"]) == (["zone 1"], None)


def test_a_refused_change_leaves_everything_as_it_was(video) -> None:
    session = open_session(video)
    session.open(0)
    before = session.change(0, SQUARE_ARENA)
    crossing = tuple(map(tuple, BOW_TIE))
    with pytest.raises(ArrayError, match=r"box\.polygon: expected sides that do not cross"):
        session.change(0, EditShape(shape=1, polygon=crossing))
    assert session.open(0) == before


def test_a_change_to_the_same_is_none(video) -> None:
    session = open_session(video)
    session.open(0)
    session.change(0, SQUARE_ARENA)
    state = session.change(0, EditShape(shape=1, name="box"))
    assert state["undo"] == "box added"


def test_save_writes_the_arena_file_and_the_image(video) -> None:
    session = open_session(video)
    session.open(0)
    session.change(0, SQUARE_ARENA)
    state = session.change(0, SCALE)
    assert not state["is_saved"]
    assert session.unsaved_files == [file_of(video)]
    state = session.save(0)
    assert state["is_saved"]
    layout = read_arena_file(state["arena_file"], (320, 240))
    assert (layout.arenas[0].name, layout.cm_per_px) == ("box", 0.5)
    assert cv2.imread(state["image_file"]).shape[1] > 320
    assert (session.saved_files, session.unsaved_files) == ([file_of(video)], [])
    assert not session.undo(0)["is_saved"]
    assert session.redo(0)["is_saved"]


def test_a_failed_save_leaves_the_old_file(video, monkeypatch) -> None:
    before = write_file(video)
    session = open_session(video)
    session.open(0)
    session.change(0, MoveShapes(dx=1, dy=1))

    def fail(*_arguments) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("murid.core.files._flush_to_disk", fail)
    with pytest.raises(StorageError, match="No space left"):
        session.save(0)
    assert file_of(video).read_bytes() == before
    assert not [path for path in video.parent.iterdir() if TEMPORARY_MARK in path.name]
    assert not session.open(0)["is_saved"]


def test_an_arena_file_is_opened_and_continued(video) -> None:
    write_file(video)
    session = open_session(video)
    state = session.open(0)
    assert (names(state), state["is_saved"], state["undo"]) == (["old"], True, None)
    session.change(0, EditShape(shape=1, name="new"))
    session.save(0)
    assert read_arena_file(file_of(video)).arenas[0].name == "new"


def test_a_file_in_which_nothing_changes_keeps_its_comments(video) -> None:
    write_file(video)
    file_of(video).write_text("# by hand\n" + file_of(video).read_text())
    before = file_of(video).read_bytes()
    session = open_session(video)
    session.open(0)
    state = session.save(0)
    assert file_of(video).read_bytes() == before
    assert cv2.imread(state["image_file"]).shape[1] > 320
    assert session.saved_files == []
    # A file that was deleted meanwhile is written again.
    file_of(video).unlink()
    session.save(0)
    assert read_arena_file(file_of(video)).arenas[0].name == "old"


def test_a_file_that_changed_meanwhile_is_not_overwritten(video) -> None:
    write_file(video)
    session = open_session(video)
    session.open(0)
    session.change(0, EditShape(shape=1, name="new"))
    by_hand = write_file(video, "by hand")
    with pytest.raises(ConflictError, match=r"cage\.arena\.toml: file: expected no file, or the"):
        session.save(0)
    assert file_of(video).read_bytes() == by_hand
    session.save(0, overwrite=True)
    assert read_arena_file(file_of(video)).arenas[0].name == "new"


@pytest.mark.parametrize(
    ("content", "words"),
    [("width = [", "a readable TOML file"), ("width = 64\nheight = 48\n", "320x240 pixels")],
)
def test_a_file_that_cannot_be_opened_is_not_overwritten(video, content, words) -> None:
    file_of(video).write_text(content)
    session = open_session(video)
    state = session.open(0)
    assert words in state["notes"][0]
    session.change(0, SQUARE_ARENA)
    with pytest.raises(ConflictError, match="another one"):
        session.save(0)
    assert file_of(video).read_text() == content


def test_the_first_video_begins_with_what_options_gave(video) -> None:
    start = Layout(320, 240, arenas=(Arena("given", circle=(100, 100, 50)),))
    before = write_file(video)
    session = open_session(video, first=start)
    assert (names(session.open(0)), session.open(0)["is_saved"]) == (["given"], False)
    with pytest.raises(ConflictError, match="another one"):
        session.save(0)
    assert file_of(video).read_bytes() == before

    session = open_session(video, first=start, first_file=file_of(video))
    session.open(0)
    session.save(0)
    assert read_arena_file(file_of(video)).arenas[0].name == "given"


def test_the_next_video_gets_the_shapes_and_a_file_of_its_own(video, next_video) -> None:
    session = open_session(video, next_video)
    session.open(0)
    session.change(0, SQUARE_ARENA)
    session.change(0, SCALE)
    session.save(0)
    state = session.open(1, previous=0)
    assert (names(state), state["cm_per_px"], state["copied_from"]) == (["box"], 0.5, "cage.png")
    assert (state["is_saved"], state["undo"]) == (False, None)
    session.change(1, MoveShapes(dx=-3, dy=4))
    session.save(1)
    assert read_arena_file(file_of(next_video)).arenas[0].polygon[0] == (17, 24)
    assert read_arena_file(file_of(video)).arenas[0].polygon[0] == (20, 20)


def test_an_arena_file_of_the_next_video_comes_first(video, next_video) -> None:
    write_file(next_video)
    session = open_session(video, next_video)
    session.open(0)
    session.change(0, SQUARE_ARENA)
    state = session.open(1, previous=0)
    assert (names(state), state["copied_from"]) == (["old"], None)
    state = session.change(1, CopyVideo(video=0))
    assert (names(state), state["undo"]) == (["box"], "copied from cage.png")
    assert names(session.undo(1)) == ["old"]


def test_what_was_drawn_on_a_video_stays_when_it_is_opened_again(video, next_video) -> None:
    session = open_session(video, next_video)
    session.open(0)
    session.open(1, previous=0)
    session.change(1, SQUARE_ARENA)
    session.change(0, AddShape(role="zone", circle=(50, 50, 9)))
    assert names(session.open(1, previous=0)) == ["box"]
    assert names(session.open(0)) == ["zone 1"]


def test_shapes_are_adapted_to_larger_images(video, tmp_path) -> None:
    session = open_session(video, write_image(tmp_path / "large.png", 640, 480))
    session.open(0)
    session.change(0, SQUARE_ARENA)
    state = session.open(1, previous=0)
    assert state["shapes"][0].polygon[2] == (240, 240)
    assert state["notes"] == [
        "cage.png has images of 320x240 pixels, this video of 640x480: shapes and scale were "
        "adapted to the same field of view."
    ]


def test_shapes_are_not_adapted_to_other_proportions(video, tmp_path) -> None:
    session = open_session(video, write_image(tmp_path / "wide.png", 640, 300))
    session.open(0)
    session.change(0, SQUARE_ARENA)
    state = session.open(1, previous=0)
    assert (state["shapes"], state["is_saved"]) == ((), True)
    expected = "images of the proportions of 320x240 pixels, got 640x300 pixels"
    assert state["notes"] == [f"Nothing was copied from cage.png: shapes: expected {expected}."]
    with pytest.raises(ArrayError, match="proportions"):
        session.change(1, CopyVideo(video=0))


def test_the_list_says_what_is_open_and_saved(video, next_video) -> None:
    write_file(next_video)
    session = open_session(video, next_video)
    session.open(0)
    session.change(0, SQUARE_ARENA)
    first, second = session.list_videos()
    assert (first["name"], first["is_open"], first["is_saved"], first["has_file"]) == (
        "cage.png",
        True,
        False,
        False,
    )
    assert (second["is_open"], second["is_saved"], second["has_file"]) == (False, True, True)


@pytest.mark.parametrize("number", [-1, 2])
def test_other_videos_do_not_exist(video, next_video, number: int) -> None:
    session = open_session(video, next_video)
    with pytest.raises(ConflictError, match=f"video: expected 0 to 1, got number {number}"):
        session.open(number)


def test_a_video_has_to_be_open(video) -> None:
    with pytest.raises(ConflictError, match="video: expected one that is open"):
        open_session(video).change(0, SQUARE_ARENA)

"""Arenas: drawn from the command line, tracked apart."""

import cv2
import numpy as np
import pytest
from configs import BACKGROUND
from starlette.testclient import TestClient

from murid.arenas.file import read_arena_file
from murid.cli import EXIT_ERROR
from murid.cli import run as murid_cli
from murid.pipeline.identify import identify
from murid.pipeline.run import Run
from murid.pipeline.track import track
from murid.synthetic import RecordingConfig, record
from murid.video import VideoWriter

LEFT, RIGHT = "arena:left,0,0,320,0,320,240,0,240", "arena:right,320,0,640,0,640,240,320,240"


@pytest.fixture(scope="module")
def two_cages(tmp_path_factory):
    """Two animals in the left half of the image, one in the right."""
    path = tmp_path_factory.mktemp("two") / "two.mp4"
    look = {
        "n_frames": 200,
        "width": 320,
        "height": 240,
        "body_px": 42,
        "coats": ("black",),
        "floor_brightness": 0.65,
    }
    halves = [
        record(RecordingConfig(n_animals=n, seed=seed, **look)) for n, seed in ((2, 3), (1, 4))
    ]
    with VideoWriter(path, 30, 640, 240) as video_writer:
        for recorded in zip(*halves, strict=True):
            video_writer.write(np.hstack([of_half.frame.image for of_half in recorded]))
    return path


def draw(source, out, *options: str) -> int:
    return murid_cli(["arena", str(source), "--out", str(out), *options])


def test_arenas_are_tracked_separately(two_cages, tmp_path):
    file = tmp_path / "two.toml"
    options = ["--polygon", LEFT, "--polygon", RIGHT, "--animals", "left=2", "--animals", "right=1"]
    assert draw(two_cages, file, *options) == 0
    run = track(two_cages, arena=file, config=BACKGROUND, out=tmp_path / "two.murid")
    places = run.trajectories().position[:, 0]
    assert run.trajectories().individuals == ("1", "2", "3")
    assert (np.nanmax(places[:, :2]), np.nanmin(places[:, 2])) == pytest.approx((160, 480), abs=160)
    assert np.isfinite(places).mean() > 0.95
    behaviour = run.behaviour()
    assert [behaviour.get_arena(k) for k in range(3)] == ["left", "left", "right"]
    assert list(behaviour.iterate_pairs()) == [(0, 1)]
    before = run.tracks().track_ids
    np.testing.assert_array_equal(identify(run.path).tracks().track_ids, before)
    whole = track(two_cages, animals=3, config=BACKGROUND, out=run.path)
    assert whole.behaviour().layout.arenas == ()


def test_detections_in_ignored_areas_are_not_tracked(two_cages, tmp_path):
    file = tmp_path / "left.toml"
    assert draw(two_cages, file, "--polygon", RIGHT.replace("arena", "ignore")) == 0
    run = track(two_cages, arena=file, config=BACKGROUND, out=tmp_path / "left.murid")
    tracks = run.tracks()
    centres = tracks.detections.boxes[tracks.track_ids >= 0, ::2].mean(axis=1)
    assert centres.max() < 320
    assert (tracks.detections.boxes[:, 0] > 320).any(), "detections stay as they were found"


def test_animal_counts_are_required_for_all_arenas_or_none(two_cages, tmp_path, capsys):
    file = tmp_path / "two.toml"
    assert draw(two_cages, file, "--polygon", LEFT, "--polygon", RIGHT, "--animals", "left=2") == 0
    command = [
        "track",
        str(two_cages),
        "--arena",
        str(file),
        "--detector",
        "background",
        "--out",
        str(tmp_path / "r"),
    ]
    assert murid_cli(command) == EXIT_ERROR
    assert (
        "animals: expected a number for every arena or for none, got none for right"
        in capsys.readouterr().err
    )
    assert not (tmp_path / "r").exists()
    assert murid_cli([*command, "--animals", "1"]) == 0
    assert Run.open(tmp_path / "r").trajectories().individuals == ("1", "2", "3")


def test_arenas_are_created_and_changed_by_options(two_cages, tmp_path, capsys):
    file = tmp_path / "a.toml"
    assert (
        draw(
            two_cages,
            file,
            "--polygon",
            LEFT,
            "--circle",
            "nest:den@left,60,60,30",
            "--size",
            "left,40",
        )
        == 0
    )
    assert "1 arena, 1 zone, 0 ignored, 0.125 cm/pixel" in capsys.readouterr().out
    assert cv2.imread(str(file.with_suffix(".png"))).shape[1] > 640
    assert (
        draw(
            two_cages,
            file,
            "--arena",
            str(file),
            "--circle",
            "den@left,70,70,20",
            "--scale",
            "0,0,100,0,50",
        )
        == 0
    )
    layout = read_arena_file(file)
    assert [(zone.kind, zone.circle) for zone in layout.zones] == [("zone", (70, 70, 20))]
    assert layout.cm_per_px == 0.5


def test_scale_by_checkerboard(tmp_path, capsys):
    """Squares of 20 pixels, 5 by 4 inner corners, 2.5 cm each."""
    board = np.kron(np.indices((5, 6)).sum(axis=0) % 2, np.ones((20, 20))) * 200 + 30
    image = np.full((200, 240, 3), 230, np.uint8)
    image[50:150, 60:180] = board[..., None]
    cv2.imwrite(str(tmp_path / "board.png"), image)
    out = tmp_path / "b.toml"
    assert draw(tmp_path / "board.png", out, "--checkerboard", "5x4,2.5") == 0
    assert read_arena_file(out).cm_per_px == pytest.approx(0.125, rel=0.01)
    assert draw(tmp_path / "board.png", out, "--checkerboard", "7x7,2.5") == EXIT_ERROR
    assert (
        "--checkerboard: expected one of 7x7 inner corners, got none in" in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--polygon", "bed:x,1,2,3,4,5,6"], "--polygon: expected ROLE:NAME,x1,y1"),
        (["--polygon", "x,1,2,3,4,5"], "--polygon: expected ROLE:NAME,x1,y1"),
        (["--polygon", "x,0,0,50,50,50,0,0,50"], "x.polygon: expected sides that do not cross"),
        (["--circle", "x,900,100,20"], "x: expected a region within the image of 640x240 pixels"),
        (["--circle", "x,1,2,three"], "--circle: expected ROLE:NAME,x,y,radius"),
        (["--circle", "x@cage,100,100,20"], "x.arena: expected one of no arenas, got 'cage'"),
        (["--scale", "0,0,10,0,0"], "--scale: expected a length above 0 cm, got 0 cm"),
        (["--scale", "5,5,5,5,10"], "--scale: expected two points apart"),
        (["--scale", "5,5,10"], "--scale: expected x1,y1,x2,y2,cm, got '5,5,10'"),
        (["--size", "cage,40"], "--size: expected ARENA,cm of an arena that is drawn"),
        (
            ["--scale", "0,0,9,0,5", "--checkerboard", "5x4,2"],
            "scale: expected one of --scale, --size and",
        ),
        (
            ["--animals", "left=2"],
            "--animals: expected ARENA=N of an arena that is drawn, got 'left=2'",
        ),
        (["--polygon", LEFT, "--animals", "left=0"], "left.animals: expected 1 or more, got 0"),
    ],
)
def test_invalid_options_are_refused(two_cages, tmp_path, capsys, options, words):
    assert draw(two_cages, tmp_path / "a.toml", *options) == EXIT_ERROR
    assert words in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_several_videos_are_drawn_on_in_the_browser_only(two_cages, tmp_path, capsys):
    other = tmp_path / "other.png"
    cv2.imwrite(str(other), np.zeros((240, 640, 3), np.uint8))
    assert murid_cli(["arena", str(two_cages), str(other)]) == EXIT_ERROR
    assert "videos: expected one without --draw, got 2" in capsys.readouterr().err
    command = ["arena", str(two_cages), str(tmp_path / "two.avi"), "--draw", "--out", str(tmp_path)]
    assert murid_cli(command) == EXIT_ERROR
    assert "expected different arena files" in capsys.readouterr().err


@pytest.fixture
def draw_on_page(monkeypatch):
    """Return a function that runs ``murid arena --draw`` with what a person does on the page."""

    def draw_on_page(work, *arguments) -> int:
        def serve(app, _listener, access, *, opens_browser) -> None:
            assert not opens_browser
            client = TestClient(app, base_url="http://127.0.0.1")
            client.headers["origin"] = "http://127.0.0.1"
            client.cookies.set(access.cookie, access.token)
            work(lambda path, **content: client.post(f"/api/videos/{path}", json=content).json())

        monkeypatch.setattr("murid.web.server.serve", serve)
        return murid_cli(["arena", *map(str, arguments), "--draw", "--no-browser"])

    return draw_on_page


def test_the_page_begins_with_the_options_and_says_what_was_written(
    two_cages, tmp_path, draw_on_page, capsys
):
    file = tmp_path / "two.toml"

    def work(post) -> None:
        state = post("0/open")
        assert [shape["name"] for shape in state["shapes"]] == ["left"]
        assert state["cm_per_px"] == 0.125
        assert post("0/save")["is_saved"]
        post("0/changes", change={"kind": "move", "dx": 1, "dy": 0})

    options = ["--out", file, "--polygon", LEFT, "--size", "left,40"]
    assert draw_on_page(work, two_cages, *options) == 0
    printed = capsys.readouterr()
    assert printed.out == f"arena file  {file}\n"
    assert f"murid: warning: {file}: the last changes were not saved" in printed.err
    assert read_arena_file(file).arenas[0].polygon[0] == (0, 0)
    assert cv2.imread(str(file.with_suffix(".png"))).shape[1] > 640


def test_the_page_continues_an_arena_file(two_cages, tmp_path, draw_on_page, capsys):
    file = tmp_path / "two.toml"
    assert draw(two_cages, file, "--polygon", LEFT) == 0
    capsys.readouterr()

    def look(post) -> None:
        state = post("0/open")
        assert ([shape["name"] for shape in state["shapes"]], state["is_saved"]) == (["left"], True)

    assert draw_on_page(look, two_cages, "--out", file) == 0
    assert capsys.readouterr() == ("", "")

    def add(post) -> None:
        state = post("0/open")
        names = [shape["name"] for shape in state["shapes"]]
        assert (names, state["is_saved"]) == (["left", "right"], False)
        assert post("0/save")["is_saved"]

    assert draw_on_page(add, two_cages, "--out", file, "--polygon", RIGHT) == 0
    assert [arena.name for arena in read_arena_file(file).arenas] == ["left", "right"]


def test_the_page_shows_what_is_wrong_with_an_arena_file(two_cages, tmp_path, draw_on_page):
    file = tmp_path / "two.toml"
    file.write_text("width = 64\nheight = 48\n")

    def look(post) -> None:
        assert "expected 640x240 pixels as of the video, got 64x48" in post("0/open")["notes"][0]

    assert draw_on_page(look, two_cages, "--out", file) == 0


def test_arena_files_of_several_videos_are_in_a_folder(two_cages, tmp_path, draw_on_page):
    other = tmp_path / "other.png"
    cv2.imwrite(str(other), np.zeros((240, 640, 3), np.uint8))
    folder = tmp_path / "arenas"

    def work(post) -> None:
        post("0/open")
        post("1/open", previous=0)
        post("1/save")

    assert draw_on_page(work, two_cages, other, "--polygon", LEFT, "--out", folder) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["other.arena.png", "other.arena.toml"]
    assert read_arena_file(folder / "other.arena.toml").arenas[0].name == "left"

"""The HTTP interface of the page."""

import re

import cv2
import numpy as np
import pytest
from arena_videos import BOW_TIE, SQUARE, open_session
from starlette.testclient import TestClient

from murid.arena_page.api import STATIC, make_arena_app
from murid.arena_page.backgrounds import BackgroundImages
from murid.arenas import draw
from murid.arenas.file import read_arena_file
from murid.web.access import Access

ORIGIN = {"origin": "http://127.0.0.1"}
ARENA = {"kind": "add", "role": "arena", "name": "box", "polygon": SQUARE}


@pytest.fixture
def access() -> Access:
    return Access()


@pytest.fixture
def app(video, next_video, access):
    backgrounds = BackgroundImages([str(video), str(next_video)])
    return make_arena_app(open_session(video, next_video), backgrounds, access)


@pytest.fixture
def page(app, access) -> TestClient:
    """A browser on the page."""
    client = TestClient(app, base_url="http://127.0.0.1", headers=ORIGIN)
    client.cookies.set(access.cookie, access.token)
    client.post("/api/videos/0/open", json={})
    return client


def change(page, number: int = 0, /, **content):
    return page.post(f"/api/videos/{number}/changes", json={"change": content})


def test_the_page_loads_only_files_of_the_package(page) -> None:
    text = page.get("/").text
    assert "http:" not in text
    assert "https:" not in text
    assert "<script>" not in text
    assert " style=" not in text
    loaded = re.findall(r'(?:href|src)="static/([^"]+)"', text)
    for script in STATIC.glob("*.js"):
        loaded += re.findall(r'from "\./([^"]+)"', script.read_text())
    assert {"main.js", "arena.css", "base.css", "icon.svg", "api.js"} <= set(loaded)
    for name in loaded:
        assert page.get(f"/static/{name}").status_code == 200, name


def test_colours_are_those_of_the_drawn_image() -> None:
    text = (STATIC / "arena.css").read_text()
    colours = {
        ".role-arena": draw.ARENA_COLOUR,
        ".role-zone": draw.ZONE_COLOUR,
        ".role-nest, .role-shelter": draw.NEST_COLOUR,
        ".role-ignore": draw.IGNORED_COLOUR,
    }
    for name, colour in colours.items():
        assert f"{name} {{ --role: #{bytes(colour).hex()}; }}" in text


def test_draw_undo_redo_save(page, video) -> None:
    state = change(page, **ARENA).json()
    assert state["shapes"] == [
        {
            "id": 1,
            "role": "arena",
            "name": "box",
            "polygon": SQUARE,
            "circle": None,
            "animals": None,
            "arena": None,
        }
    ]
    assert page.post("/api/videos/0/undo", json={}).json()["shapes"] == []
    assert page.post("/api/videos/0/redo", json={}).json()["undo"] == "box added"
    assert change(page, kind="edit", shape=1, animals=2).json()["shapes"][0]["animals"] == 2
    assert change(page, kind="edit", shape=1, animals=None).json()["shapes"][0]["animals"] is None
    saved = page.post("/api/videos/0/save", json={}).json()
    assert saved["is_saved"]
    assert read_arena_file(saved["arena_file"]).arenas[0].name == "box"
    assert [entry["has_file"] for entry in page.get("/api/videos").json()["videos"]] == [
        True,
        False,
    ]


def test_the_next_video_begins_with_these_shapes(page) -> None:
    change(page, **ARENA)
    state = page.post("/api/videos/1/open", json={"previous": 0}).json()
    assert (state["video"], state["copied_from"]) == (1, "cage.png")
    moved = change(page, 1, kind="move", dx=2, dy=-1).json()
    assert moved["shapes"][0]["polygon"][0] == [22, 19]
    assert change(page, 1, kind="copy", video=0).json()["shapes"][0]["polygon"][0] == [20, 20]


def test_the_image_is_a_jpeg_of_an_open_video(page) -> None:
    response = page.get("/api/videos/0/image")
    assert response.headers["content-type"] == "image/jpeg"
    image = cv2.imdecode(np.frombuffer(response.content, np.uint8), cv2.IMREAD_COLOR)
    assert image.shape == (240, 320, 3)
    assert page.get("/api/videos/1/image").status_code == 409
    assert page.get("/api/videos/7/image").status_code == 409
    assert page.get("/api/videos/x/image").status_code == 400


def test_refused_shapes_get_a_sentence(page) -> None:
    response = change(page, **ARENA | {"polygon": BOW_TIE})
    assert response.status_code == 400
    assert response.json()["error"].startswith("box.polygon: expected sides that do not cross, got")
    assert change(page, kind="delete", shape=4).status_code == 409
    assert page.post("/api/videos/0/undo", json={}).status_code == 409
    assert change(page, 1, **ARENA).status_code == 409


@pytest.mark.parametrize(
    "content",
    [
        {"kind": "paint"},
        {"kind": "add", "role": "bed"},
        {"kind": "add", "role": "arena", "polygon": [[1, 2, 3]]},
        {"kind": "add", "role": "arena", "polygon": [[0, k] for k in range(1001)]},
        {"kind": "add", "role": "arena", "circle": [1, 2, "3"]},
        {"kind": "add", "role": "arena", "name": "x" * 81},
        {"kind": "add", "role": "arena", "path": "/etc/passwd"},
        {"kind": "edit", "shape": 1, "animals": 0},
        {"kind": "move", "dx": 1},
        {"kind": "scale", "points": [[0, 0]], "length_cm": 3},
    ],
)
def test_other_requests_are_refused(page, content) -> None:
    response = change(page, **content)
    assert response.status_code == 400
    assert response.json()["error"].startswith("request: ")


@pytest.mark.parametrize("action", ["open", "changes", "undo", "redo", "save"])
def test_others_change_nothing(page, access, action: str) -> None:
    address = f"/api/videos/0/{action}"
    foreign = {"origin": "http://evil.example"}
    assert page.post(address, json={}, headers=foreign).status_code == 403
    page.headers.pop("origin")
    assert page.post(address, json={}).status_code == 403
    page.cookies.clear()
    assert page.post(address, json={}, headers=ORIGIN).status_code == 403
    assert page.get("/api/videos/0/image").status_code == 403


def test_a_request_cannot_name_a_place_to_write(page, video) -> None:
    """Files are those of the command line: no request holds a path."""
    for name in ("../cage.toml", "/tmp/x", "..%2f..%2fx"):
        assert page.post(f"/api/videos/{name}/save", json={}).status_code in (400, 404)
        assert page.post("/api/videos/0/save", json={"path": name}).status_code == 400
        assert page.get(f"/static/{name}").status_code == 404
    assert list(video.parent.glob("*.toml")) == []

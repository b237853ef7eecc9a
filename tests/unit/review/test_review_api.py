import json

import cv2
import numpy as np
import pytest
from review_runs import HEIGHT, N_FRAMES, WIDTH, make_run
from starlette.testclient import TestClient

from murid.corrections.log import read_log
from murid.review.api import make_review_app
from murid.review.video import ReviewVideo
from murid.store import RunDirectory
from murid.web.access import Access

ORIGIN = {"origin": "http://127.0.0.1"}


@pytest.fixture
def open_page(make_session):
    """Return a browser on the page of a run."""
    videos = []

    def open_page(run, video=None, note=None) -> TestClient:
        access = Access()
        frames = ReviewVideo(RunDirectory.open(run), video)
        videos.append(frames)
        app = make_review_app(make_session(run, note), frames, access)
        client = TestClient(app, base_url="http://127.0.0.1", headers=ORIGIN)
        client.cookies.set(access.cookie, access.token)
        return client

    yield open_page
    for video in videos:
        video.close()


@pytest.fixture
def page(run, open_page) -> TestClient:
    return open_page(run)


def test_the_page_loads_only_files_of_the_package(page) -> None:
    text = page.get("/").text
    assert "http:" not in text
    assert "https:" not in text
    assert "<script>" not in text
    assert " style=" not in text
    for name in ("main.js", "review.css", "icon.svg"):
        assert f"static/{name}" in text
        assert page.get(f"/static/{name}").status_code == 200


def test_answer_undo_redo(run, page) -> None:
    state = page.get("/api/state").json()
    crossing = page.get("/api/crossings").json()["crossings"][0]
    sent = {"crossing": crossing["id"], "answer": "swapped", "revision": state["revision"]}
    assert page.post("/api/answers", json=sent).json()["line"] == 1
    assert page.get("/api/state").json()["n_looked_at"] == 1
    assert page.post("/api/undo", json={}).json()["text"] == "line 1 revoked"
    assert page.post("/api/redo", json={}).json()["line"] == 3
    assert page.post("/api/undo", json={"line": 1}).status_code == 200
    assert len(read_log(run)) == 4


def test_frames_are_jpeg_of_the_right_size(page) -> None:
    response = page.get("/api/frames/5?width=80")
    assert response.headers["content-type"] == "image/jpeg"
    image = cv2.imdecode(np.frombuffer(response.content, np.uint8), cv2.IMREAD_COLOR)
    assert image.shape == (HEIGHT * 80 // WIDTH, 80, 3)
    assert page.get("/api/crops/5?box=1,2,30,40").headers["content-type"] == "image/jpeg"


def test_boxes_have_rows_identities_and_times(page) -> None:
    content = page.get("/api/boxes?first=30&last=32").json()
    assert content["times_s"] == [1.5, 1.55, 1.6]
    identities = [[box[:2] for box in boxes] for boxes in content["frames"]]
    # Detection 3, or 2 where animal 1 is hidden, belongs to no animal.
    assert identities[0] == [[1, 0], [2, 1], [3, 2], [0, 3]]
    assert identities[1] == [[1, -1], [2, 0], [3, 1], [0, 2]]


def test_boxes_end_with_the_recording(page) -> None:
    content = page.get(f"/api/boxes?first={N_FRAMES - 2}&last={N_FRAMES + 100}").json()
    assert len(content["frames"]) == len(content["times_s"]) == 2


@pytest.mark.parametrize(
    "address",
    [
        f"/api/frames/{N_FRAMES}",
        "/api/frames/-1",
        "/api/frames/x",
        "/api/frames/5?width=x",
        "/api/crops/5?box=1,2,3",
        "/api/crops/5?box=nan,0,1,1",
        "/api/crops/5?box=5,5,1,1",
        "/api/boxes",
        "/api/boxes?first=5&last=4",
        "/api/boxes?first=0&last=100000",
        "/api/timeline/0/99",
        "/api/timeline/-5/0",
    ],
)
def test_what_there_is_not_is_a_sentence(page, address: str) -> None:
    response = page.get(address)
    assert response.status_code == 400
    assert "expected" in response.json()["error"]


@pytest.mark.parametrize(
    ("address", "content"),
    [
        ("/api/answers", {"crossing": "x", "answer": "perhaps", "revision": ""}),
        ("/api/answers", {}),
        ("/api/edits", {"edit": {"kind": "remove"}, "revision": ""}),
        ("/api/edits", {"edit": {"kind": "drop", "frame": -1, "row": 0}, "revision": ""}),
        ("/api/edits", {"edit": {"kind": "rename", "animal": 1, "name": "x" * 99}, "revision": ""}),
        ("/api/undo", {"line": 0}),
        ("/api/undo", {"line": 5}),
        ("/api/undo", {}),
        ("/api/redo", {}),
    ],
)
def test_wrong_requests_change_nothing(run, page, address: str, content: dict) -> None:
    response = page.post(address, json=content)
    assert response.status_code == 400
    assert response.json()["error"]
    assert read_log(run) == ()


def test_a_contradiction_names_its_lines(run, page) -> None:
    revision = page.get("/api/state").json()["revision"]
    drop = {"edit": {"kind": "drop", "frame": 30, "row": 0}, "revision": revision}
    assert page.post("/api/edits", json=drop).status_code == 200
    crossings = page.get("/api/crossings").json()["crossings"]
    crossing = next(c["id"] for c in crossings if c["first_frame"] == 30)
    answer = {"crossing": crossing, "answer": "right", "revision": revision}
    response = page.post("/api/answers", json=answer)
    assert response.status_code == 409
    assert response.json()["lines"] == [1, 2]


def test_a_reader_is_told_and_cannot_write(run, open_page) -> None:
    page = open_page(run, note="read only: process 7 is writing to this run")
    assert "process 7" in page.get("/api/state").json()["reader_note"]
    assert page.post("/api/undo", json={}).status_code == 409


def test_a_video_that_moved_is_named_with_the_way_out(run, open_page) -> None:
    (run.parent / "cage.mp4").rename(run.parent / "moved.mp4")
    page = open_page(run)
    response = page.get("/api/frames/5")
    assert response.status_code == 400
    assert "--video PATH" in response.json()["error"]
    assert "--video PATH" in page.get("/api/state").json()["video_error"]
    # Everything else is there.
    assert page.get("/api/timeline/6/0").status_code == 200


def test_the_video_can_be_elsewhere(run, open_page) -> None:
    moved = (run.parent / "cage.mp4").rename(run.parent / "moved.mp4")
    page = open_page(run, moved)
    assert page.get("/api/frames/5").status_code == 200
    assert page.get("/api/state").json()["video_error"] is None


def test_another_video_is_refused(run, open_page, tmp_path) -> None:
    make_run(tmp_path / "other", n_frames=60)
    page = open_page(run, tmp_path / "other" / "cage.mp4")
    assert page.get("/api/frames/5").status_code == 400
    assert "the video that was tracked" in page.get("/api/state").json()["video_error"]


def test_names_of_any_script(run, page) -> None:
    revision = page.get("/api/state").json()["revision"]
    for animal, name in ((1, "Zoë ♀"), (2, "小鼠"), (3, "<b>")):
        edit = {"kind": "rename", "animal": animal, "name": name}
        assert page.post("/api/edits", json={"edit": edit, "revision": revision}).status_code == 200
    animals = page.get("/api/state").json()["animals"]
    assert [animal["name"] for animal in animals] == ["Zoë ♀", "小鼠", "<b>"]
    json.dumps(page.get("/api/corrections").json())

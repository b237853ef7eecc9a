"""The report in a real browser: its clips play, and its command opens the review at a crossing."""

import shlex
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from review_runs import make_run

from murid.cli import run as run_cli

pytest.importorskip("matplotlib")
PLAYS = """address => new Promise((done, fail) => {
    const video = document.createElement("video");
    video.muted = true;
    video.onloadeddata = () => done([video.videoWidth, video.duration]);
    video.onerror = () => fail(video.error.message);
    video.src = address;
    video.load();
})"""


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path, run="my cage.murid")


@pytest.fixture
def open_report(browser, tmp_path):
    """Return a function that opens the report of a directory, moved elsewhere, in the browser."""
    servers = []
    pages = []

    def open_report(directory):
        moved = directory.rename(tmp_path / "moved report")
        handler = partial(_QuietHandler, directory=moved)
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        page = browser.new_page()
        pages.append(page)
        page.goto(f"http://127.0.0.1:{server.server_port}/report.html")
        return page

    yield open_report
    for page in pages:
        page.close()
    for server in servers:
        server.shutdown()
        server.server_close()


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_arguments):
        """Write no log."""


def test_each_crossing_has_a_clip_that_plays(run, open_report, tmp_path) -> None:
    out = tmp_path / "plots"
    arguments = ["--only", "report", "--clips", "2", "--out", str(out)]
    assert run_cli(["plot", str(run), *arguments]) == 0
    page = open_report(out)
    links = page.locator("table.crossings a")
    assert links.count() == 2
    width, duration_s = page.evaluate(PLAYS, links.first.evaluate("link => link.href"))
    assert width == 160
    # Frames 34 to 90, between the crossings before and after, at half speed.
    assert duration_s == pytest.approx(5.7, abs=0.2)


def test_the_command_opens_the_review_at_this_crossing(
    run, open_report, start_review, open_tab, tmp_path
) -> None:
    assert run_cli(["plot", str(run), "--only", "report", "--out", str(tmp_path / "plots")]) == 0
    row = open_report(tmp_path / "plots").locator("table.crossings tr").last
    assert row.locator("td").first.inner_text() == "0:00:04.5"
    verb, *options = shlex.split(row.locator("code").inner_text())[1:]
    assert verb == "review"
    page = open_tab(start_review(*options).address)
    assert page.inner_text("#question-title") == "Crossing at 0:04.5"
    assert page.url.endswith("#crossing=1-2-90-92")


def test_it_opens_at_a_frame(run, start_review, open_tab) -> None:
    page = open_tab(start_review(run, "--frame", "77").address)
    page.wait_for_selector("#video[data-frame='77']")
    assert page.input_value("#frame") == "77"

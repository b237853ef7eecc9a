"""A real Chromium, and pages of small runs, served in this process or in one of their own."""

import shutil
import signal
import socket
import socketserver
import subprocess
import sys
from contextlib import suppress
from threading import Thread

import pytest

from murid.review.api import make_review_app
from murid.review.session import ReviewSession
from murid.review.video import ReviewVideo
from murid.store import RunDirectory
from murid.web.access import Access
from murid.web.server import format_address, make_server, open_socket

NAMES = ("chromium", "chromium-browser", "google-chrome")
WAIT_MS = 20_000


@pytest.fixture(scope="session")
def browser():
    """Chromium; the tests are skipped where it is not installed."""
    program = next((path for name in NAMES if (path := shutil.which(name))), None)
    if program is None:
        pytest.skip("no Chromium is installed (apt-get install chromium)")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        # Containers have no user namespaces and little shared memory.
        options = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=program, args=options)
        yield browser
        browser.close()


@pytest.fixture
def open_tab(browser):
    """Return a function that opens an address; errors of the page fail the test."""
    contexts = []
    errors = []

    def open_tab(address, context=None, **options):
        if context is None:
            context = browser.new_context(viewport={"width": 1280, "height": 720}, **options)
            contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        page.wait_for_selector("body[data-ready]")
        return page

    yield open_tab
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def serve_app():
    """Return a function that serves the application of a page and returns its address.

    What the application uses is closed after the server.
    """
    opened = []

    def serve_app(app, access, *used):
        listener = open_socket("127.0.0.1", 0)
        server = make_server(app)
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        opened.append((server, thread, [*used, listener]))
        return format_address(listener, access)

    yield serve_app
    for server, thread, used in opened:
        server.should_exit = True
        thread.join()
        for resource in used:
            resource.close()


@pytest.fixture
def serve(serve_app):
    """Return a function that serves the review of a run and returns its address."""

    def serve(run, note=None, solve=lambda _directory: None):
        directory = RunDirectory.open(run, writable=note is None)
        session = ReviewSession(directory, note, solve=solve)
        video = ReviewVideo(session.results.directory)
        access = Access()
        return serve_app(make_review_app(session, video, access), access, video, session)

    return serve


@pytest.fixture
def forward():
    """Return a function that opens a port which leads to another one, as an SSH tunnel does."""
    servers = []

    def forward(port: int) -> int:
        server = _Forwarder(("127.0.0.1", 0), _Connection)
        server.target = port
        Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return server.server_address[1]

    yield forward
    for server in servers:
        server.shutdown()
        server.server_close()


class _Forwarder(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    target = 0


class _Connection(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.server.target)) as other:
            back = Thread(target=_copy, args=(other, self.request), daemon=True)
            back.start()
            _copy(self.request, other)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Pass on what comes, until either side ends it."""
    with suppress(OSError):
        while content := source.recv(65536):
            target.sendall(content)
        target.shutdown(socket.SHUT_WR)


class ReviewProcess:
    """``murid review`` in a process of its own, which can be killed."""

    def __init__(self, run, *options) -> None:
        command = [sys.executable, "-m", "murid", "review", str(run), "--no-browser", *options]
        # Where the tests run in the background, their shell lets them ignore Ctrl-C.
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self.address = self._process.stdout.readline().strip()

    def kill(self) -> None:
        """End it without any warning."""
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def interrupt(self) -> int:
        """Press Ctrl-C, and return the exit code."""
        self._process.send_signal(signal.SIGINT)
        self._process.stdout.close()
        return self._process.wait(20)

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None


@pytest.fixture
def start_review():
    """Return a function that starts ``murid review`` on a run."""
    started = []

    def start(run, *options):
        process = ReviewProcess(run, *options)
        started.append(process)
        return process

    yield start
    for process in started:
        if process.is_running:
            process.kill()

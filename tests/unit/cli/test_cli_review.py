import pytest
from review_runs import make_run

from murid.cli import run as run_cli
from murid.cli.review import _open_run
from murid.errors import RunError
from murid.store import RunDirectory
from murid.web.access import Access
from murid.web.server import open_socket, serve


def test_the_run_is_held(tmp_path) -> None:
    path = make_run(tmp_path)
    directory, note = _open_run(path)
    assert note is None
    with pytest.raises(RunError, match="no other process"):
        RunDirectory.open(path, writable=True)
    directory.close()


def test_a_run_that_somebody_holds_is_only_read(tmp_path) -> None:
    path = make_run(tmp_path)
    with RunDirectory.open(path, writable=True):
        directory, note = _open_run(path)
        assert note.startswith("read only: process ")
        assert directory.is_done("identification")
        with pytest.raises(RunError, match="open for writing"):
            directory.record("review", {})


def test_what_is_no_run_is_one_sentence(tmp_path, capsys) -> None:
    assert run_cli(["review", str(tmp_path / "nothing.murid"), "--no-browser"]) == 1
    assert "murid track makes one" in capsys.readouterr().err


def test_a_run_without_identities_names_the_way_out(tmp_path, capsys) -> None:
    path = make_run(tmp_path)
    with RunDirectory.open(path, writable=True) as directory:
        directory.identities.remove()
    assert run_cli(["review", str(path), "--no-browser"]) == 1
    assert "murid identify RUN --animals N" in capsys.readouterr().err
    # The run is let go.
    RunDirectory.open(path, writable=True).close()


def test_a_taken_port_is_one_sentence(tmp_path, capsys) -> None:
    assert run_cli(["review", str(make_run(tmp_path)), "--port", "99999"]) == 1
    assert "port: expected one that is free" in capsys.readouterr().err


@pytest.fixture
def open_review(monkeypatch):
    """Return a function that calls ``murid review`` and returns what the page opens at."""

    def open_review(path, *arguments):
        fragments = []
        monkeypatch.setattr(
            "murid.web.server.serve",
            lambda _app, _listener, _access, **options: fragments.append(options["fragment"]),
        )
        code = run_cli(["review", str(path), "--no-browser", *map(str, arguments)])
        return code, fragments

    return open_review


def test_it_opens_at_a_crossing_or_a_frame(tmp_path, open_review) -> None:
    path = make_run(tmp_path)
    assert open_review(path) == (0, [""])
    assert open_review(path, "--crossing", "1-2-90-92") == (0, ["crossing=1-2-90-92"])
    assert open_review(path, "--frame", 77) == (0, ["frame=77"])


def test_a_frame_is_one_of_the_video(tmp_path, open_review, capsys) -> None:
    path = make_run(tmp_path)
    with RunDirectory.open(path, writable=True) as run:
        run.describe_video({"frames": {"first": 100, "every": 2, "n_source_frames": 400}})
    assert open_review(path, "--frame", 220) == (0, ["frame=60"])
    for frame in (60, 221, 340):
        assert open_review(path, "--frame", frame) == (1, [])
        expected = f"--frame: expected a frame from 100 to 338 in steps of 2, got {frame}"
        assert expected in capsys.readouterr().err


def test_a_crossing_that_is_gone_is_one_sentence(tmp_path, open_review, capsys) -> None:
    path = make_run(tmp_path)
    assert open_review(path, "--crossing", "1-2-3-4") == (1, [])
    assert "expected one of the 3 crossings of this run, got 1-2-3-4" in capsys.readouterr().err
    assert open_review(path, "--crossing", "1-2-90-92", "--frame", 3) == (1, [])
    assert "expected either --crossing or --frame, got both" in capsys.readouterr().err
    # The run is let go.
    RunDirectory.open(path, writable=True).close()


def test_the_address_that_is_printed_ends_in_what_it_opens_at() -> None:
    access = Access()
    for fragment, end in (("", access.token), ("frame=7", f"{access.token}#frame=7")):
        listener = open_socket("127.0.0.1", 0)
        printed = []

        def stop(address, printed=printed):
            printed.append(address)
            raise KeyboardInterrupt

        serve(None, listener, access, opens_browser=False, fragment=fragment, announce=stop)
        assert printed[0].endswith(end)

import pytest
from review_runs import make_run

from murid.cli import run as run_cli
from murid.cli.review import _open_run
from murid.errors import RunError
from murid.store import RunDirectory


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

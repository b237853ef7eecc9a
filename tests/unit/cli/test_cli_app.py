"""Exit codes and what is printed when something is wrong."""

import subprocess
import sys
from pathlib import Path

import pytest

import murid
from murid import cli
from murid.cli import app, main, run
from murid.errors import ConfigError


def fail_with(error: BaseException):
    def call(*_, **__):
        raise error

    return call


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ConfigError("speed: expected more, got less"), 1, "murid: speed: expected more, got less"),
        (ZeroDivisionError("no"), 1, "unexpected ZeroDivisionError: no (--debug shows where)"),
    ],
)
def test_errors_become_a_sentence_and_a_code(monkeypatch, capsys, error, code: int, words: str):
    monkeypatch.setattr(app, "app", fail_with(error))
    assert run(["info", "x"]) == code
    printed = capsys.readouterr().err
    assert words in printed
    assert "Traceback" not in printed


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["track", "a.mp4"], "interrupted; the same command goes on where it stopped"),
        (["--debug", "train", "--out", "a"], "the same command goes on where it stopped"),
        (["track", "a.mp4", "--restart"], "the same command without --restart goes on"),
        (["live", "0"], "murid live RUN finishes the run"),
        (["export", "a.murid"], "murid: interrupted\n"),
    ],
)
def test_ctrl_c_says_how_to_go_on(monkeypatch, capsys, arguments, words):
    monkeypatch.setattr(app, "app", fail_with(KeyboardInterrupt()))
    assert run(arguments) == 130
    printed = capsys.readouterr().err
    assert words in printed
    assert printed.count("\n") == 1


def test_ctrl_c_passes_the_command_line_library(monkeypatch, tmp_path):
    monkeypatch.setattr("murid.cli.info.is_run_directory", fail_with(KeyboardInterrupt()))
    assert run(["info", str(tmp_path)]) == 130


def test_ctrl_c_while_loading_is_quiet(monkeypatch, capsys):
    monkeypatch.setattr(cli, "run", fail_with(KeyboardInterrupt()))
    with pytest.raises(SystemExit) as caught:
        main(["track", "a.mp4"])
    assert caught.value.code == 130
    assert capsys.readouterr().err == "murid: interrupted\n"


def test_a_reader_that_ends_first_is_no_error(tmp_path):
    program = "from murid.cli import main; main(['track', '--help-all'])"
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    printed = process.stderr.read()
    process.stderr.close()
    process.wait()
    assert printed == b""


def test_a_broken_pipe_is_quiet(monkeypatch, capsys):
    monkeypatch.setattr(app, "app", fail_with(BrokenPipeError()))
    assert run(["info", "x"]) == 141
    assert capsys.readouterr().err == ""


def test_debug_shows_where(monkeypatch):
    monkeypatch.setattr(app, "app", fail_with(ZeroDivisionError("no")))
    with pytest.raises(ZeroDivisionError):
        run(["info", "x", "--debug"])


@pytest.mark.parametrize(
    "arguments", [["fly"], ["track"], ["track", "a.mp4", "--animals", "many"], ["info", "--x"]]
)
def test_wrong_usage_is_code_2(arguments: list[str], capsys):
    assert run(arguments) == 2
    assert capsys.readouterr() != ("", "")


def test_main_exits_with_the_code(monkeypatch):
    monkeypatch.setattr(cli, "run", lambda arguments: len(arguments))
    with pytest.raises(SystemExit) as caught:
        main(["a", "b"])
    assert caught.value.code == 2


def test_the_module_is_a_program_and_knows_its_version():
    result = subprocess.run(
        [sys.executable, "-m", "murid", "--version"], capture_output=True, text=True, check=True
    )
    pyproject = (Path(murid.__file__).parents[2] / "pyproject.toml").read_text()
    assert f'version = "{result.stdout.strip()}"' in pyproject

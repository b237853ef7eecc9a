"""Exit codes and what is printed when something is wrong."""

import subprocess
import sys
from pathlib import Path

import pytest

import murid
from murid import cli
from murid.cli import app, main, run
from murid.cli.progress import show_progress
from murid.errors import ConfigError


def fail_with(error: BaseException):
    def call(*_, **__):
        raise error

    return call


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ConfigError("speed: expected more, got less"), 1, "murid: speed: expected more, got less"),
        (KeyboardInterrupt(), 130, "goes on from here"),
        (ZeroDivisionError("no"), 1, "unexpected ZeroDivisionError: no (--debug shows where)"),
    ],
)
def test_errors_become_a_sentence_and_a_code(monkeypatch, capsys, error, code: int, words: str):
    monkeypatch.setattr(app, "app", fail_with(error))
    assert run(["info", "x"]) == code
    printed = capsys.readouterr().err
    assert words in printed
    assert "Traceback" not in printed


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


def test_without_a_terminal_a_stage_is_one_line(capsys):
    with show_progress() as report:
        for done in (0, 50, 100):
            report("detect", done, 100)
        report("train", 3, None)
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert printed.startswith("detecting: 100 frames")

import re

import pytest

from murid.cli import run
from murid.cli.app import VERBS
from murid.core.settings import list_settings
from murid.pipeline.config import Config

MAX_OPTIONS = 20


@pytest.mark.parametrize("verb", VERBS)
def test_help_shows_at_most_twenty_options(verb, capsys):
    assert run([verb, "--help"]) == 0
    options = re.findall(r"^│ (?:\*  )?(--[\w-]+)", capsys.readouterr().out, flags=re.MULTILINE)
    assert len(options) == len(set(options)) <= MAX_OPTIONS


def test_help_all_lists_every_setting(capsys):
    assert run(["track", "--help-all"]) == 0
    shown = capsys.readouterr().out
    for setting in list_settings(Config()):
        assert (setting.name in shown) == (not setting.name.startswith("measures.")), setting.name


def test_everyday_options_come_first(capsys):
    assert run(["track", "--help"]) == 0
    shown = capsys.readouterr().out
    assert shown.index("--animals") < shown.index("--gallery") < shown.index("--config")


def test_fractions_are_no_whole_numbers(capsys):
    assert run(["track", "cage.mp4", "--animals", "2.5"]) == 1
    assert "--animals: expected a whole number, got 2.5" in capsys.readouterr().err
    assert run(["track", "nowhere.mp4", "--animals", "2.0"]) == 1
    assert "nothing there" in capsys.readouterr().err

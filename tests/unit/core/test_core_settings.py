from dataclasses import dataclass, field
from typing import Literal

import pytest

from murid.core.settings import (
    change_settings,
    list_settings,
    load_settings,
    parse_assignment,
    read_toml,
)
from murid.errors import ConfigError


@dataclass(frozen=True)
class Motion:
    decay_s: float | None = 0.7
    """Seconds with which a velocity
    decays."""

    def __post_init__(self) -> None:
        if self.decay_s is not None and self.decay_s < 0:
            raise ConfigError(f"decay_s: expected 0 or more, got {self.decay_s}")


@dataclass(frozen=True)
class Settings:
    limit: float = 1.0
    """Highest cost."""
    n_threads: int | None = None
    mode: Literal["fast", "exact"] = "fast"
    uses_motion: bool = True
    name: str = "nano"
    times_s: tuple[float, ...] = (1.0,)
    motion: Motion = field(default_factory=Motion)
    """How animals move."""


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("limit=2", {"limit": 2.0}),
        ("limit = 0.5", {"limit": 0.5}),
        ("n_threads=4", {"n_threads": 4}),
        ("n_threads=none", {"n_threads": None}),
        ("mode=exact", {"mode": "exact"}),
        ('mode="exact"', {"mode": "exact"}),
        ("uses_motion=false", {"uses_motion": False}),
        ("name=weights/own.onnx", {"name": "weights/own.onnx"}),
        ("times_s=[1.5, 3]", {"times_s": (1.5, 3)}),
        ("motion.decay_s=2", {"motion": Motion(2.0)}),
        ("motion.decay_s=none", {"motion": Motion(None)}),
    ],
)
def test_assignments_change_one_setting(text, change):
    changed = change_settings(Settings(), parse_assignment(text))
    assert changed == Settings(**change)


def test_a_whole_number_becomes_a_float():
    limit = change_settings(Settings(), {"limit": 2}).limit
    assert isinstance(limit, float)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("limit", "--set: expected NAME=VALUE, got 'limit'"),
        ("limit=", "--set: expected NAME=VALUE"),
        (".limit=1", "--set: expected NAME=VALUE"),
        ("speed=1", "speed: expected one of limit, n_threads"),
        ("motion.speed=1", "motion.speed: expected one of decay_s"),
        ("limit=much", "limit: expected a number, got 'much'"),
        ("limit=true", "limit: expected a number, got True"),
        ("n_threads=1.5", "n_threads: expected a whole number or none, got 1.5"),
        ("mode=slow", "mode: expected fast or exact, got 'slow'"),
        ("uses_motion=1", "uses_motion: expected true or false, got 1"),
        ("name=3", "name: expected a string, got 3"),
        ("motion=3", "motion: expected one of its settings (motion.decay_s), got 3"),
        ("limit.high=3", "limit: expected a number, got a table"),
        ("motion.decay_s=-1", "motion.decay_s: expected 0 or more, got -1"),
    ],
)
def test_a_wrong_assignment_names_setting_and_expectation(text, message):
    with pytest.raises(ConfigError) as caught:
        change_settings(Settings(), parse_assignment(text))
    assert str(caught.value).startswith(message)


def test_settings_are_read_from_toml(tmp_path):
    path = tmp_path / "murid.toml"
    path.write_text("limit = 3\n[motion]\ndecay_s = 0.1\n")
    assert load_settings(path, Settings()) == Settings(limit=3.0, motion=Motion(0.1))
    path.write_text("[motion]\ndecay = 0.1\n")
    with pytest.raises(ConfigError, match=r"murid.toml: motion.decay: expected one of decay_s"):
        load_settings(path, Settings())
    path.write_text("limit = \n")
    with pytest.raises(ConfigError, match=r"murid.toml: expected TOML"):
        read_toml(path)
    with pytest.raises(ConfigError, match=r"none.toml: expected a readable file"):
        read_toml(tmp_path / "none.toml")


def test_every_setting_is_listed_with_type_default_and_docstring():
    listed = {setting.name: setting for setting in list_settings(Settings())}
    assert list(listed) == [
        "limit",
        "n_threads",
        "mode",
        "uses_motion",
        "name",
        "times_s",
        "motion.decay_s",
    ]
    assert listed["limit"].summary == "Highest cost."
    assert listed["motion.decay_s"].summary == "Seconds with which a velocity decays."
    assert listed["motion.decay_s"].expected == "a number or none"
    assert listed["mode"].default == "fast"
    assert listed["n_threads"].summary == ""

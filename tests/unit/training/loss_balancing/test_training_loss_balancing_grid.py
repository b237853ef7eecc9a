import json
import math

import pytest

from murid.errors import ConfigError, FormatError, StorageError
from murid.training.loss_balancing import (
    IDENTITY_WEIGHT_GRID,
    Trial,
    choose_best,
    iterate_grid,
    search_grid,
)


def test_a_grid_gives_every_combination_in_order():
    grid = {"identity_weight": (0.1, 1.0), "size_weight": (0.5, 0.1)}
    rows = [tuple(settings.values()) for settings in iterate_grid(grid)]
    assert rows == [(0.1, 0.5), (0.1, 0.1), (1.0, 0.5), (1.0, 0.1)]
    assert list(iterate_grid({"identity_weight": IDENTITY_WEIGHT_GRID}))[2] == {
        "identity_weight": 0.1
    }


@pytest.mark.parametrize("values", [(), (0.1, 0.1)])
def test_a_grid_without_different_values_is_refused(values):
    with pytest.raises(
        ConfigError, match=r"grid.identity_weight: expected one or more different values"
    ):
        list(iterate_grid({"identity_weight": values}))


def test_an_interrupted_search_resumes(tmp_path):
    path, trained = tmp_path / "grid.jsonl", []

    def train_one(settings):
        if len(trained) == 2:
            trained.append("killed")
            raise KeyboardInterrupt
        trained.append(settings["identity_weight"])
        return -abs(settings["identity_weight"] - 0.3)

    grid = {"identity_weight": IDENTITY_WEIGHT_GRID}
    with pytest.raises(KeyboardInterrupt):
        search_grid(train_one, grid, path)
    assert len(path.read_text().splitlines()) == 2
    trials = search_grid(train_one, grid, path)
    assert trained == [0.01, 0.03, "killed", 0.1, 0.3, 1.0]
    assert [trial.settings["identity_weight"] for trial in trials] == list(IDENTITY_WEIGHT_GRID)
    assert choose_best(trials) == Trial({"identity_weight": 0.3}, 0.0)
    assert search_grid(train_one, grid, path) == trials
    assert len(trained) == 6


def test_an_extended_grid_trains_new_combinations_only(tmp_path):
    path = tmp_path / "grid.jsonl"
    search_grid(lambda s: s["a"], {"a": (1.0, 2.0)}, path)
    trials = search_grid(lambda s: 10 * s["a"], {"a": (3.0, 2.0)}, path)
    assert [trial.score for trial in trials] == [30, 2]
    assert [json.loads(line)["score"] for line in path.read_text().splitlines()] == [1, 2, 30]


def test_a_failed_training_is_never_the_best(tmp_path):
    path = tmp_path / "grid.jsonl"
    search_grid(lambda s: math.nan if s["a"] == 1 else -5.0, {"a": (1.0, 2.0)}, path)
    again = search_grid(lambda _: pytest.fail("done already"), {"a": (1.0, 2.0)}, path)
    assert choose_best(again) == Trial({"a": 2.0}, -5.0)
    with pytest.raises(ConfigError, match="at least one trial with a score"):
        choose_best(again[:1])


@pytest.mark.parametrize(
    "line", ["{", "3", '{"settings": {"a": 1}}', '{"settings": [1], "score": 2}']
)
def test_a_file_with_another_content_is_refused(line, tmp_path):
    path = tmp_path / "grid.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(
        FormatError, match=r"grid.jsonl: line 1: expected settings and score as JSON"
    ):
        search_grid(lambda _: 0.0, {"a": (1.0,)}, path)
    assert path.read_text() == line + "\n"


def test_an_unwritable_file_of_results_is_an_error(tmp_path):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(StorageError):
        search_grid(lambda _: 0.0, {"a": (1.0,)}, file / "grid.jsonl")

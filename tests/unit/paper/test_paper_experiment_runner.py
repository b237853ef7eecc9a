"""Results are computed once per configuration; networks are random instead of trained."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch

from murid.errors import FormatError
from murid.networks.network import build_network
from murid.paper import experiment_runner
from murid.paper.experiment_runner import PLAIN_TRACKING, ExperimentRunner, describe_result
from murid.paper.tables import PROPOSED, TABLES, ExternalDetector, Method, PaperTable, TableRow
from murid.tracking import TrackingConfig
from murid.training.fit import TrainingResult
from murid.training.validate import ValidationResult

YOLO = ExternalDetector("yolov8s")
RTM = Method("s", reidentification=False)


def tabulate(*sources: Method | ExternalDetector) -> list[PaperTable]:
    return [
        PaperTable(
            "x",
            "made up",
            ("HOTA",),
            tuple(TableRow(str(k), source) for k, source in enumerate(sources)),
        )
    ]


@pytest.fixture
def runner(data, boxes, tmp_path) -> ExperimentRunner:
    return ExperimentRunner(
        data, tmp_path / "out", external={"yolov8s": boxes}, announce=lambda _: None
    )


@pytest.fixture
def trained(monkeypatch) -> list:
    """Replace training by random networks; return the list of settings that were requested."""
    asked = []

    def fit(config, data, directory, callbacks=()):
        asked.append(config)
        torch.manual_seed(0)
        directory.mkdir(parents=True)
        (directory / "last.ckpt").touch()
        losses = [{"epoch": k, "step": k + 1, "total": 3.0 - k, "heat": 2.0 - k} for k in range(2)]
        (directory / "losses.jsonl").write_text("".join(json.dumps(r) + "\n" for r in losses))
        validation = ValidationResult(0.1, 0.0, 0.0, 0.5, None, None, 1.0, -1.0)
        return TrainingResult(
            build_network(config.preset).eval(), validation, 1, 1.0, 0.0, Path(directory)
        )

    monkeypatch.setattr(experiment_runner, "fit", fit)
    return asked


def test_good_external_boxes_have_high_scores(runner, boxes):
    (boxes / "cost.json").write_text('{"parameters": 11125971, "gflops": 28.4}')
    result = runner.run(tabulate(YOLO))[YOLO]
    assert result["scores"]["hota"] > 80
    assert result["cost"] == {"parameters": 11125971, "gflops": 28.4}


def test_a_row_is_run_once_per_configuration(runner, data, boxes, tmp_path, monkeypatch):
    first = runner.run(tabulate(YOLO))
    with monkeypatch.context() as context:
        context.delattr(experiment_runner, "evaluate")
        assert runner.run(tabulate(YOLO)) == first
    text = (boxes / "coats-4.txt").read_text()
    (boxes / "coats-4.txt").write_text("".join(text.splitlines(keepends=True)[:-8]))
    assert runner.load(YOLO) is None
    worse = runner.run(tabulate(YOLO))[YOLO]
    assert worse["scores"]["hota"] < first[YOLO]["scores"]["hota"]
    assert len(list((tmp_path / "out" / "rows").iterdir())) == 2
    (boxes / "coats-4.txt").write_text(text)
    assert runner.load(YOLO) == first[YOLO]


def test_each_row_is_written_as_soon_as_it_ends(runner, trained):
    seen = []

    def write(results):
        seen.append([result is not None for result in results.values()])

    runner.run(tabulate(RTM, PROPOSED), write)
    assert seen == [[True, False], [True, True]]
    result = runner.load(RTM)
    assert [row["total"] for row in result["losses"]] == [3.0, 2.0]
    assert "loss 3.00 to 2.00, of the heatmap 2.00 to 1.00" in describe_result("s", result)
    assert {"python", "murid", "torch"} <= set(result["versions"])
    runner.run(tabulate(RTM, PROPOSED), write)
    assert len(seen) == 2


def test_steps_of_an_interrupted_training_are_not_counted_again(runner, trained):
    config = runner.data.scale.train
    total = config.epochs * config.steps_per_epoch
    assert runner.count_remaining_steps(RTM) == total
    assert not runner.has_network(RTM)
    runner.run(tabulate(RTM))
    assert runner.has_network(RTM)
    assert runner.count_remaining_steps(RTM) == total - 2


def test_a_missing_external_detector_is_no_error(runner):
    without_external = dataclasses.replace(runner, external={})
    assert without_external.run(tabulate(YOLO)) == {YOLO: None}
    assert without_external.load_all(tabulate(YOLO, PROPOSED)) == {YOLO: None, PROPOSED: None}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("coats-4.txt", None, "coats-4"),
        ("coats-4.txt", "1,-1,0,0,5,5,1.5\n", "score: expected a number from 0 to 1, got 1.5"),
        ("coats-4.txt", "9,-1,0,0,5,5,0.5\n", "frame"),
        ("cost.json", "{}", "parameters"),
        (
            "cost.json",
            '{"parameters": -3, "gflops": 1}',
            "parameters: expected a number above 0, got -3",
        ),
        ("cost.json", "nothing", "JSONDecodeError"),
    ],
)
def test_invalid_external_boxes_are_named_before_any_training(
    runner, boxes, trained, name, text, message
):
    (boxes / name).unlink(missing_ok=True)
    if text is not None:
        (boxes / name).write_text(text)
    with pytest.raises(FormatError, match=message):
        runner.run(tabulate(PROPOSED, YOLO))
    assert not trained


def test_a_network_is_trained_once_for_all_rows(runner, trained, tmp_path):
    rows = tabulate(dataclasses.replace(RTM, tracker="plain"), RTM, PROPOSED)
    results = runner.run(rows)
    assert [(c.preset, c.identity_every) for c in trained] == [("s", 0), ("s", 1)]
    assert {path.name.rpartition("-")[0] for path in (tmp_path / "out" / "rows").iterdir()} == {
        "s-plain",
        "s-dam",
        "s-rim-dam",
    }
    assert results[PROPOSED]["cost"]["parameters"] > results[RTM]["cost"]["parameters"] == 7_523_013
    assert (results[PROPOSED]["validation"]["rank1"], results[RTM]["validation"]["rank1"]) == (
        0.5,
        None,
    )
    assert not list((tmp_path / "out").rglob("last.ckpt"))
    runner.run(rows)
    for path in (tmp_path / "out" / "rows").iterdir():
        path.unlink()
    assert {k: r["scores"] for k, r in runner.run(rows).items()} == {
        k: r["scores"] for k, r in results.items()
    }
    assert len(trained) == 2


def test_a_changed_training_is_another_result(runner, data, trained, tmp_path):
    runner.run(tabulate(PROPOSED))
    other = dataclasses.replace(data.scale, train=dataclasses.replace(data.scale.train, seed=7))
    changed = dataclasses.replace(runner, data=dataclasses.replace(data, scale=other))
    assert changed.load(PROPOSED) is None
    changed.run(tabulate(PROPOSED))
    assert [config.seed for config in trained] == [0, 7]
    assert len(list((tmp_path / "out" / "rows").iterdir())) == 2
    assert runner.load(PROPOSED) is not None
    quicker = dataclasses.replace(
        data.scale, train=dataclasses.replace(data.scale.train, n_workers=3, n_threads=2)
    )
    assert (
        dataclasses.replace(runner, data=dataclasses.replace(data, scale=quicker)).load(PROPOSED)
        is not None
    )


def test_missing_networks_and_detections_are_computed_again(runner, trained, tmp_path):
    first = runner.run(tabulate(PROPOSED))
    for path in [*(tmp_path / "out" / "rows").iterdir(), *(tmp_path / "out").rglob("*.npz")]:
        path.write_bytes(b"")
    assert runner.run(tabulate(PROPOSED))[PROPOSED]["scores"] == first[PROPOSED]["scores"]
    assert len(trained) == 1
    next((tmp_path / "out").rglob("network.pt")).unlink()
    for path in (tmp_path / "out" / "rows").iterdir():
        path.unlink()
    trained.clear()
    with pytest.raises(FileExistsError):  # the replaced fit is called again
        runner.run(tabulate(PROPOSED))


def test_the_tracker_is_part_of_the_configuration(runner):
    murid = dataclasses.replace(runner, dam=TrackingConfig())
    assert murid.describe(PROPOSED) != runner.describe(PROPOSED)
    assert murid.describe(YOLO) == runner.describe(YOLO)
    assert runner.choose_tracker(YOLO) == PLAIN_TRACKING
    json.dumps(
        [
            runner.describe(row.source)
            for table in TABLES
            for row in table.rows
            if isinstance(row.source, Method)
        ]
    )


def test_balances_are_part_of_the_training(runner):
    balances = {
        runner.configure_training(row.source).balance.name: runner.configure_training(
            row.source
        ).balance
        for row in TABLES[-1].rows
    }
    assert len(balances) == 5
    assert balances["gradnorm"].first_epoch_steps == runner.data.scale.train.steps_per_epoch

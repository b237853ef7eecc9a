from dataclasses import replace

import pytest

from murid.paper import cost_estimate
from murid.paper.cost_estimate import RowEstimate, RunEstimate, describe_total, estimate_run
from murid.paper.experiment_runner import ExperimentRunner
from murid.paper.tables import Method, PaperTable, TableRow

YOLOX = Method("yolox-s", reidentification=False, tracker="plain")
RTM = Method("s", reidentification=False)


@pytest.fixture
def runner(data, tmp_path):
    """Rendered images are looked for in an empty directory."""
    return ExperimentRunner(replace(data, directory=tmp_path), tmp_path, announce=lambda _: None)


@pytest.fixture
def table():
    rows = (TableRow("1", YOLOX), TableRow("2", RTM), TableRow("3", replace(RTM, tracker="plain")))
    return PaperTable("x", "made up", ("HOTA",), rows)


def test_rendering_is_counted_once_and_each_training_once(runner, table, monkeypatch):
    monkeypatch.setattr(cost_estimate, "_measure_step", lambda _, stills: 0.5 * len(stills))
    lines = []
    estimate = estimate_run(runner, [table], lines.append)
    scale = runner.data.scale
    assert estimate.n_images == 2 * 256  # whole files
    assert estimate.image_s > 0
    assert [row.name for row in estimate.rows] == ["yolox-s", "s"]
    for row in estimate.rows:
        assert row.steps == scale.train.epochs * scale.train.steps_per_epoch
        assert row.step_s == pytest.approx(0.5 * scale.train.batch_size)
        assert row.validation_s == pytest.approx(scale.train.epochs * scale.n_held_out * 0.5 / 3)
        assert row.detection_s == pytest.approx(14 * 0.5 / 3)
    assert len(lines) == 4


def test_what_was_measured_or_made_is_not_measured_again(runner, table, monkeypatch):
    monkeypatch.setattr(cost_estimate, "_measure_step", lambda *_: 0.5)
    first = estimate_run(runner, [table], lambda _: None)
    monkeypatch.setattr(cost_estimate, "_measure_step", None)
    again = estimate_run(runner, [table], lambda _: None)
    assert [row.step_s for row in again.rows] == [row.step_s for row in first.rows]
    monkeypatch.setattr(ExperimentRunner, "has_network", lambda _, method: method == YOLOX)
    assert [row.name for row in estimate_run(runner, [table], lambda _: None).rows] == ["s"]


def test_a_step_is_measured_with_its_real_loss(runner):
    for method in (YOLOX, Method("s", balance="mgda-ub")):
        config = runner.configure_training(method)
        stills, _ = cost_estimate._measure_rendering(config)
        assert cost_estimate._measure_step(config, stills[:2]) > 0


def test_rendering_is_part_of_the_total():
    row = RowEstimate("s", steps=100, step_s=2.0, validation_s=30.0, detection_s=70.0)
    estimate = RunEstimate(n_images=7200, image_s=1.0, n_workers=2, rows=(row,))
    assert estimate.rendering_s == 3600
    assert estimate.total_s == 3900
    assert describe_total(estimate) == (
        "estimate: 1 h 5 min in all; 1 h 0 min of it for rendering (2.00 core-hours) and 5 min for "
        "1 network; a killed call resumes"
    )

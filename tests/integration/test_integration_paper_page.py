"""The page of the tables agrees with the results that the repository contains."""

import copy
import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import pytest

from murid.paper.benchmark_data import make_benchmark_data
from murid.paper.experiment_runner import ExperimentRunner
from murid.paper.format_tables import to_document
from murid.paper.scale import TINY
from murid.paper.tables import PROPOSED, TABLES

ROOT = Path(__file__).parents[2]

RESULT = {
    "scores": {
        "hota": 12.34,
        "mota": -5.0,
        "idf1": 7.0,
        "mostly_tracked": 3,
        "mostly_lost": 4,
        "id_switches": 56,
    },
    "cost": {"parameters": 7_523_013, "gflops": 40.2},
    "validation": {"ap50": 0.125, "rank1": None},
    "losses": [{"epoch": 0, "step": 4, "total": 4.0}, {"epoch": 1, "step": 8, "total": 3.5}],
    "steps": 8,
    "training_seconds": 100.0,
    "seconds": 120.0,
    "versions": {"murid": "0.1.0", "torch": "2.6"},
}


@pytest.fixture(scope="module")
def script():
    path = ROOT / "benchmarks" / "paper_tables.py"
    spec = importlib.util.spec_from_file_location("paper_tables", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def document(tmp_path):
    """Results of two rows as murid paper writes them."""
    tiny = replace(TINY, scenarios=("coats-4",), seconds=0.1)
    runner = ExperimentRunner(make_benchmark_data(tiny, tmp_path), tmp_path)
    yolox = TABLES[0].rows[0].source
    return to_document(TABLES, {PROPOSED: RESULT, yolox: RESULT}, runner)


def test_the_page_is_what_the_script_writes(script):
    page = script.PAGE.read_text(encoding="utf-8")
    assert script.fill_page(page, script.read_results()) == page


def test_the_page_has_the_values_of_the_document(script, document):
    page = script.PAGE.read_text(encoding="utf-8")
    filled = script.fill_page(page, json.loads(json.dumps(document)))
    assert "| Our Proposed | DAM | 12.3 (63.3) |" in filled
    assert "| ResNet-34 | DAM | not run (52.5) |" in filled
    assert "not installed (56.8)" in filled
    assert "| s-rim-dam | 8 | 4.00, 3.50 | 12.5 | 2 min | 0.1.0 | 2.6 |" in filled
    changed = copy.deepcopy(document)
    changed["runs"]["s-rim-dam"]["scores"]["hota"] += 1
    assert script.fill_page(page, changed) != filled
    # Text around the tables stays.
    assert script.fill_page(filled, script.read_results()) == page


def test_a_page_without_the_comments_is_refused(script, document):
    with pytest.raises(SystemExit, match="once in the page"):
        script.fill_page("# The paper\n", document)


def test_results_in_the_repository_have_configuration_versions_and_seconds(script):
    document = script.read_results()
    if document is None:
        pytest.skip("no size has been run to its end yet")
    assert {"size", "seed", "settings", "trained_on", "evaluated_on"} <= set(document)
    for run in document["runs"].values():
        assert {"scores", "seconds", "versions"} <= set(run)
    for rows in document["tables"].values():
        for row in rows:
            assert (row["murid"] is None) == (row["run"] not in document["runs"])

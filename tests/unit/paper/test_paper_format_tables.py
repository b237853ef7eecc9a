import pytest

from murid.networks.presets import PRESETS
from murid.paper.experiment_runner import ExperimentRunner
from murid.paper.format_tables import fill_cells, format_markdown, format_text, to_document
from murid.paper.tables import (
    COLUMNS,
    EXTERNAL_DETECTORS,
    PROPOSED,
    TABLES,
    ExternalDetector,
    Method,
)

YOLO = ExternalDetector("yolov8s")
SCORES = {
    "hota": 12.34,
    "mota": -5.0,
    "idf1": 7.0,
    "mostly_tracked": 3,
    "mostly_lost": 4,
    "id_switches": 56,
}
RESULT = {
    "scores": SCORES,
    "cost": {"parameters": 7_523_013, "gflops": 40.2},
    "validation": {"ap50": 0.125, "rank1": None},
}


def get_table(name: str):
    return next(table for table in TABLES if table.name == name)


def test_the_tables_are_complete():
    assert [(t.name, len(t.rows)) for t in TABLES] == [
        ("1", 2),
        ("2", 4),
        ("3", 4),
        ("4", 5),
        ("balance", 5),
    ]
    for table in TABLES:
        assert set(table.columns) <= set(COLUMNS)
        for row in table.rows:
            assert len(row.paper_values) == (0 if table.name == "balance" else len(table.columns))
            assert isinstance(row.source, ExternalDetector) or row.source.preset in PRESETS
    assert EXTERNAL_DETECTORS == ("yolov5s", "yolov7-tiny", "yolov8s")
    assert {row.source.balance for row in get_table("balance").rows} == {
        "fixed",
        "uncertainty-task",
        "uncertainty-branch",
        "gradnorm",
        "mgda-ub",
    }


def test_rows_of_the_same_method_have_one_result():
    ours = [table.rows[-1].source for table in TABLES[:4]]
    assert ours == [PROPOSED] * 4
    assert get_table("1").rows[0].source == get_table("3").rows[0].source
    assert len({row.source for table in TABLES for row in table.rows}) == 15


def test_different_trainings_have_different_names():
    methods = {
        row.source for table in TABLES for row in table.rows if isinstance(row.source, Method)
    }
    trainings = {(m.preset, m.reidentification, m.balance) for m in methods}
    assert len({m.network for m in methods}) == len(trainings) == 11


def test_a_cell_has_both_values():
    cells = fill_cells(get_table("1"), {PROPOSED: RESULT})
    assert cells[0] == ["row", "tracker", "HOTA", "MOTA", "IDF1", "MT", "ML", "IDs"]
    assert cells[2] == [
        "Our Proposed",
        "DAM",
        "12.3 (63.3)",
        "-5.0 (65.3)",
        "7.0 (67.1)",
        "3 (367)",
        "4 (317)",
        "56 (1309)",
    ]
    assert cells[1][2] == "not run (56.8)"


def test_costs_and_missing_external_detectors():
    cells = fill_cells(get_table("2"), {PROPOSED: RESULT})
    assert cells[4][2:4] == ["7.52 (8.94)", "40.2 (8.1)"]
    assert [row[2] for row in cells[1:4]] == [
        f"not installed ({v})" for v in ("7.02", "6.01", "11.13")
    ]
    uncounted = fill_cells(get_table("2"), {YOLO: {"scores": SCORES, "cost": None}})[3]
    assert uncounted[2:5] == ["- (11.13)", "- (28.4)", "12.3 (58.3)"]


def test_the_table_that_the_paper_does_not_print_has_no_brackets():
    cells = fill_cells(get_table("balance"), {PROPOSED: RESULT})
    assert cells[1][-2:] == ["12.5", "-"]
    assert not any("(" in cell for row in cells for cell in row)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_markdown_is_a_table_of_equal_rows(table):
    text = format_markdown([table], {}, "tiny")
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == len(table.rows) + 2
    assert {line.count("|") for line in lines} == {len(table.columns) + 3}
    assert "Scale: tiny" in text
    assert all(row.title in format_text([table], {}) for row in table.rows)


def test_json_has_both_values_and_the_configuration(data, tmp_path):
    mgda = get_table("balance").rows[-1].source
    runner = ExperimentRunner(data, tmp_path)
    document = to_document(TABLES, {PROPOSED: RESULT, mgda: RESULT, YOLO: None}, runner)
    rows = document["tables"]["1"]
    assert rows[0]["murid"] is None
    assert (rows[1]["murid"]["HOTA"], rows[1]["paper"]["HOTA"]) == (12.34, 63.3)
    assert (document["size"], document["seed"]) == ("tiny", 0)
    assert document["settings"]["preset"] == "s"
    # Each run lists only what differs from the settings that all have in common.
    assert set(document["runs"]) == {"s-rim-dam", "s-rim-mgda-ub-dam"}
    run = document["runs"][document["tables"]["balance"][-1]["run"]]
    assert set(run["settings"]) == {"balance"}
    assert run["settings"]["balance"]["name"] == "mgda-ub"
    assert run["scores"] == SCORES

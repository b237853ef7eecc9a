"""``murid paper`` from nothing to five tables, and its messages for bad input."""

import json
from dataclasses import replace

import pytest

from murid.cli import run as murid_cli
from murid.paper import scale
from murid.paper.tables import TABLES

MINIATURE = """
size_px = 64
epochs = 1
steps_per_epoch = 2
batch_size = 2
n_workers = 0
[stills]
n_identities = 4
"""


@pytest.fixture
def miniature(monkeypatch, tmp_path):
    """Return options for two steps of training and two scenarios of a quarter of a second."""
    tiny = replace(
        scale.TINY,
        scenarios=("coats-4", "huddle-6"),
        seconds=0.25,
        max_side_px=64,
        n_images=4,
        n_held_out=4,
    )
    monkeypatch.setitem(scale.SCALES, "tiny", tiny)
    path = tmp_path / "miniature.toml"
    path.write_text(MINIATURE)
    return ["--size", "tiny", "--config", str(path)]


@pytest.mark.slow
def test_every_row_of_every_table_is_filled(miniature, tmp_path, capsys):
    out = tmp_path / "out"
    assert murid_cli(["paper", *miniature, "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    for table in TABLES:
        assert table.title in printed
    document = json.loads((out / "tables.json").read_text())
    rows = [row for rows in document["tables"].values() for row in rows]
    missing = {row["row"] for row in rows if row["murid"] is None}
    assert missing == {"YOLOv5s", "YOLOv7-tiny", "YOLOv8s"}
    assert all(row["murid"]["HOTA"] >= 0 for row in rows if row["murid"])
    markdown = (out / "tables.md").read_text()
    assert markdown.count("not installed (") == 3 * 5
    assert "not run" not in markdown

    before = {path: path.stat().st_mtime_ns for path in (out / "rows").iterdir()}
    assert len(before) == 12
    next(iter(before)).unlink()
    assert murid_cli(["paper", *miniature, "--out", str(out)]) == 0
    assert (out / "tables.md").read_text() == markdown
    assert sum(path.stat().st_mtime_ns != time for path, time in before.items()) == 1


@pytest.mark.slow
def test_the_time_is_printed_before_anything_is_made(miniature, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ["paper", *miniature, "--out", str(out), "--only", "1", "--estimate"]
    assert murid_cli(arguments) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "rendering: 512 images of 64 pixels" in printed.err
    assert "yolox-s: 2 steps of" in printed.err
    assert "for 2 networks" in printed.err
    assert not (out / "networks").exists()
    assert not (out / "rendered").exists()


def test_show_prints_the_tables_without_running_rows(miniature, tmp_path, capsys):
    out = tmp_path / "out"
    assert murid_cli(["paper", *miniature, "--out", str(out), "--only", "1", "2", "--show"]) == 0
    printed = capsys.readouterr().out
    assert "not run (63.3)" in printed
    assert "not installed (56.8)" in printed
    assert "Ablation" not in printed
    assert not (out / "rows").exists()
    recordings = json.loads((out / "recordings.json").read_text())
    assert [(r["name"], r["n_frames"]) for r in recordings] == [("coats-4", 8), ("huddle-6", 6)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--detections", "yolov9=here"],
            "NAME one of yolov5s, yolov7-tiny, yolov8s, got 'yolov9=here'",
        ),
        (["--detections", "yolov8s"], "expected NAME=DIR"),
        (["--detections", "yolov8s=nowhere"], "expected a directory for yolov8s, got 'nowhere'"),
        (["--animaltrack", "nowhere"], "nowhere"),
        (["--animaltrack", "nowhere", "elsewhere"], "no other sequences beside it, got elsewhere"),
        (["elsewhere"], "elsewhere"),
        (["--workers", "-1"], "n_workers: expected 0 or more, got -1"),
    ],
)
def test_bad_input_is_named_before_the_first_training(
    miniature, tmp_path, capsys, arguments, message
):
    assert murid_cli(["paper", *arguments, *miniature, "--out", str(tmp_path / "out")]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out" / "rows").exists()

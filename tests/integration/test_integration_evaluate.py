"""``murid evaluate`` on runs, and its report."""

import json
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from murid.cli import EXIT_ERROR
from murid.cli import run as murid_cli
from murid.evaluation.filmstrip import choose_frames
from murid.metrics import IdSwitch


@pytest.fixture
def swapped(tracked, tmp_path) -> Path:
    """The tracks of the clip as MOT text, with the two longest tracks swapped from frame 46 on."""
    assert murid_cli(["export", str(tracked), "--out", str(tmp_path / "cage.txt")]) == 0
    table = np.loadtxt(tmp_path / "cage.txt", delimiter=",")
    ids, counts = np.unique(table[:, 1], return_counts=True)
    first, second = ids[np.argsort(-counts)[:2]]
    late = table[:, 0] > 45
    table[:, 1] = np.select(
        [late & (table[:, 1] == first), late & (table[:, 1] == second)],
        [second, first],
        table[:, 1],
    )
    np.savetxt(tmp_path / "cage.txt", table, fmt="%g", delimiter=",")
    return tmp_path / "cage.txt"


def call(capsys, *arguments) -> tuple[int, str, str]:
    capsys.readouterr()
    code = murid_cli([str(a) for a in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_report_shows_identity_switches(swapped, clip, tmp_path, capsys):
    markdown = tmp_path / "scores.md"
    arguments = ["evaluate", swapped, clip.with_name("gt.txt"), "--fps", 30]
    options = ["--video", clip, "--markdown", markdown, "--report", tmp_path / "r"]
    code, out, err = call(capsys, *arguments, *options)
    assert code == 0, err
    scores = json.loads(call(capsys, *arguments, "--json")[1])["combined"]
    assert scores["id_switches"] >= 2
    assert f"{scores['hota']:.1f}" in out
    assert f"| {scores['hota']:.1f} |" in markdown.read_text()
    page = (tmp_path / "r" / "index.html").read_text()
    image_names = sorted(
        path.relative_to(tmp_path / "r").as_posix() for path in (tmp_path / "r").glob("*/*")
    )
    assert len(image_names) == 2 + scores["id_switches"]
    assert all(f'src="{image_name}"' in page for image_name in image_names)
    for image_name in image_names:
        image = cv2.imread(str(tmp_path / "r" / image_name))
        assert image is not None
        assert image.std() > 10
    assert "at frame 46 (1.5 s)" in page


def test_report_without_video_has_timeline_and_map(swapped, clip, tmp_path, capsys):
    truth = shutil.copy(clip.with_name("gt.txt"), tmp_path / "truth.txt")
    swapped.rename(tmp_path / "result.txt")
    code, _, err = call(
        capsys, "evaluate", tmp_path / "result.txt", truth, "--report", tmp_path / "r"
    )
    assert code == 0, err
    assert "No video found" in (tmp_path / "r" / "index.html").read_text()
    assert sorted(path.name for path in (tmp_path / "r" / "truth").iterdir()) == [
        "map.png",
        "timeline.png",
    ]


def test_report_says_which_extra_it_needs(swapped, clip, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, _, err = call(
        capsys, "evaluate", swapped, clip.with_name("gt.txt"), "--report", tmp_path / "r"
    )
    assert code == EXIT_ERROR
    assert "murid[report]" in err
    assert not (tmp_path / "r").exists()


def test_report_refuses_a_video_of_another_size(tracked, clip, still_video, tmp_path, capsys):
    options = ["--report", tmp_path / "r", "--video", still_video]
    code, _, err = call(capsys, "evaluate", tracked, clip.with_name("gt.txt"), *options)
    assert code == EXIT_ERROR
    assert "320x240, as was evaluated, got 64x64" in err


@pytest.mark.parametrize(
    ("info", "words"),
    [
        ("seqLength=80\n", ["one length", "got 90 in", "80 in the ground truth"]),
        (
            "seqLength=90\nimWidth=640\nimHeight=480\n",
            ["image size", "320x240", "640x480"],
        ),
    ],
)
def test_ground_truth_of_another_video_is_refused(tracked, clip, tmp_path, capsys, info, words):
    shutil.copy(clip.with_name("gt.txt"), tmp_path / "gt.txt")
    (tmp_path / "seqinfo.ini").write_text(f"[Sequence]\n{info}")
    code, _, err = call(capsys, "evaluate", tracked, tmp_path / "gt.txt")
    assert code == EXIT_ERROR
    for word in words:
        assert word in err


def test_run_is_scored_with_its_detections(tracked, clip, capsys):
    code, out, _ = call(capsys, "evaluate", tracked, clip.with_name("gt.txt"), "--json")
    scores = json.loads(out)["combined"]
    assert code == 0
    assert 0 < scores["ap"] < scores["ap50"] <= 100
    assert scores["rank1"] is None
    hours = scores["n_truth_boxes"] / 30 / 3600
    assert scores["switches_per_animal_hour"] == pytest.approx(scores["id_switches"] / hours)


def test_filmstrip_frames():
    switch = IdSwitch(
        frame=50, last_frame=40, truth_id=1, old_id=1, new_id=2, truth_row=0, last_truth_row=0
    )
    assert choose_frames(switch, 1000, 25) == [30, 35, 40, 45, 50, 55, 60]
    assert choose_frames(switch, 56, 25) == [30, 35, 40, 45, 50, 55]
    near = IdSwitch(
        frame=4, last_frame=3, truth_id=1, old_id=1, new_id=2, truth_row=0, last_truth_row=0
    )
    assert choose_frames(near, 100, None) == [3, 4, 10, 16]


def test_run_is_scored_on_labelled_frames(tracked, clip, tmp_path, capsys):
    """Every tenth frame is labelled; the report shows these, and says so."""
    lines = clip.with_name("gt.txt").read_text().splitlines()
    sparse = [line for line in lines if int(line.split(",")[0]) % 10 == 1]
    (tmp_path / "gt.txt").write_text("\n".join(sparse) + "\n")
    command = ["evaluate", tracked, tmp_path / "gt.txt"]
    code, out, err = call(capsys, *command, "--report", tmp_path / "r")
    assert code == 0, err
    said = "scored on the 9 labelled frames of 90; --all-frames counts the others as empty"
    assert said in err
    assert "gt: scored on 9 labelled frames of 90" in out
    assert said in (tmp_path / "r" / "index.html").read_text()
    scores = json.loads(call(capsys, *command, "--json")[1])["combined"]
    dense = json.loads(call(capsys, "evaluate", tracked, clip.with_name("gt.txt"), "--json")[1])
    assert scores["mota"] == pytest.approx(dense["combined"]["mota"], abs=15)
    assert scores["n_result_boxes"] < 30
    empty = json.loads(call(capsys, *command, "--all-frames", "--json")[1])["combined"]
    assert empty["mota"] < -300
    same = json.loads(call(capsys, *command, "--labelled-frames", "--json")[1])["combined"]
    assert same == scores

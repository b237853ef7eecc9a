import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from murid.cli import EXIT_ERROR, EXIT_USAGE
from murid.cli import run as murid_cli


def refuse(capsys, *arguments, words=()):
    """The command must fail with one sentence, no traceback, that holds the given words."""
    code = murid_cli([str(a) for a in arguments])
    captured = capsys.readouterr()
    assert code == EXIT_ERROR, captured
    lines = [line for line in captured.err.splitlines() if not line.startswith("detecting: ")]
    assert len(lines) == 1, captured.err
    assert lines[0].startswith("murid: ")
    assert "Traceback" not in captured.err
    assert "unexpected" not in lines[0]
    for word in words:
        assert str(word) in lines[0]
    return lines[0]


def test_missing_file(tmp_path, capsys):
    refuse(
        capsys,
        "track",
        tmp_path / "none.mp4",
        "--detector",
        "background",
        words=["none.mp4", "nothing there"],
    )
    assert not list(tmp_path.iterdir())


def test_directory_without_frames(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    refuse(
        capsys, "track", tmp_path / "empty", "--detector", "background", words=["empty", "images"]
    )
    assert [p.name for p in tmp_path.iterdir()] == ["empty"]


@pytest.mark.parametrize("content", [b"plain text\n" * 100, b""])
def test_text_named_mp4_and_empty_file(tmp_path, capsys, content):
    (tmp_path / "a.mp4").write_bytes(content)
    refuse(
        capsys,
        "track",
        tmp_path / "a.mp4",
        "--detector",
        "background",
        words=["a.mp4", "expected", "got"],
    )
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


def test_video_cut_in_half_before_its_index(tmp_path, capsys, clip):
    data = clip.read_bytes()
    (tmp_path / "half.mp4").write_bytes(data[: len(data) // 2])
    refuse(capsys, "track", tmp_path / "half.mp4", "--detector", "background", words=["half.mp4"])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("1,1,5,5,10", ["columns", "got 5"]),
        ("1,1,a,5,10,10,1,1,1", ["'a'"]),
        ("0,1,5,5,10,10,1,1,1", ["frame", "0"]),
        ("9999,1,5,5,10,10,1,1,1", ["9999"]),
    ],
)
def test_bad_ground_truth(tmp_path, capsys, tracked, line, words):
    path = tmp_path / "gt.txt"
    path.write_text("1,1,5,5,10,10,1,1,1\n" + line + "\n")
    refuse(capsys, "evaluate", tracked, path, words=["gt.txt", "line 2", *words])


def test_run_of_a_newer_format(tmp_path, capsys, tracked):
    run = tmp_path / "new.murid"
    shutil.copytree(tracked, run)
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps(manifest | {"format_version": 99}))
    for verb in (["info", run], ["export", run, "--out", tmp_path / "x.csv"]):
        refuse(capsys, *verb, words=["format_version", "99"])
    assert not (tmp_path / "x.csv").exists()


def test_network_without_murid_metadata(tmp_path, capsys, clip):
    import onnx
    from onnx import TensorProto, helper

    (tmp_path / "text.onnx").write_text("no network")
    refuse(
        capsys,
        "track",
        clip,
        "--detector",
        tmp_path / "text.onnx",
        "--out",
        tmp_path / "r",
        words=["text.onnx"],
    )
    value = helper.make_tensor_value_info
    node = helper.make_node("Relu", ["image"], ["y"])
    graph = helper.make_graph(
        [node], "g", [value("image", TensorProto.FLOAT, [1])], [value("y", TensorProto.FLOAT, [1])]
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]),
        tmp_path / "other.onnx",
    )
    refuse(
        capsys,
        "track",
        clip,
        "--detector",
        tmp_path / "other.onnx",
        "--out",
        tmp_path / "r",
        words=["other.onnx"],
    )
    refuse(
        capsys, "track", clip, "--detector", "nonsense", "--out", tmp_path / "r", words=["nonsense"]
    )
    assert not (tmp_path / "r").exists()


def test_invalid_numbers_of_animals(capsys, clip, tmp_path):
    refuse(capsys, "track", clip, "--animals", 0, "--out", tmp_path / "r", words=["animals", "0"])
    assert not (tmp_path / "r").exists()


def test_output_path_is_a_file_or_a_folder_with_other_content(tmp_path, capsys, clip):
    (tmp_path / "file").write_text("mine")
    refuse(
        capsys,
        "track",
        clip,
        "--detector",
        "background",
        "--out",
        tmp_path / "file",
        words=["file"],
    )
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("mine")
    line = ["track", clip, "--detector", "background", "--out", tmp_path / "full", "--restart"]
    refuse(capsys, *line, words=["thesis.tex"])
    assert (tmp_path / "full" / "thesis.tex").read_text() == "mine"
    assert (tmp_path / "file").read_text() == "mine"


def test_other_video_in_the_same_run_directory(tmp_path, capsys, clip, tracked, still_video):
    run = tmp_path / "run"
    shutil.copytree(tracked, run)
    for option in ("--resume", "--restart"):
        refuse(
            capsys,
            "track",
            still_video,
            *("--detector", "background", "--out", run, option),
            words=[str(clip), str(still_video), "--out"],
        )
    assert (
        murid_cli(
            ["track", str(clip), "--animals", "3", "--detector", "background", "--out", str(run)]
        )
        == 0
    )


def test_no_space_left(tmp_path, capsys, clip, monkeypatch):
    """A full disk gives one message and no incomplete files; the run can be resumed later."""
    import errno

    import pyarrow.parquet as pq

    run = tmp_path / "cage.murid"
    write = pq.write_table

    def fail(*arguments, **options):
        write(*arguments, **options)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(pq, "write_table", fail)
    command = ["track", clip, "--animals", 3, "--detector", "background", "--out", run]
    refuse(capsys, *command, words=["No space left"])
    assert not list(run.rglob("*.parquet"))
    monkeypatch.setattr(pq, "write_table", write)
    assert murid_cli([str(a) for a in command]) == 0


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_no_permission(tmp_path, capsys, clip):
    (tmp_path / "locked").mkdir(mode=0o500)
    refuse(
        capsys,
        "track",
        clip,
        "--detector",
        "background",
        "--out",
        tmp_path / "locked" / "run",
        words=["locked"],
    )


def test_unknown_export_formats(tmp_path, capsys, tracked):
    refuse(
        capsys,
        "export",
        tracked,
        "--format",
        "word",
        "--out",
        tmp_path / "x",
        words=["word", "mot"],
    )
    refuse(capsys, "export", tracked, "--out", tmp_path / "x.docx", words=["docx"])
    refuse(capsys, "info", tmp_path, words=["a run directory"])
    assert not list(tmp_path.iterdir())


def test_wrong_usage_exits_with_2(capsys):
    assert murid_cli(["track", "--no-such-option"]) == EXIT_USAGE
    assert "Traceback" not in capsys.readouterr().err


def test_debug_shows_the_traceback(tmp_path):
    command = [sys.executable, "-m", "murid", "info", str(tmp_path), "--debug"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert "Traceback" in result.stderr
    assert np.all([word in result.stderr for word in ("FormatError", "a run directory")])


def test_a_table_of_labels_is_no_video(tmp_path, capsys, clip):
    labels = tmp_path / "gt.txt"
    shutil.copy(clip.with_name("gt.txt"), labels)
    refuse(capsys, "track", labels, words=["gt.txt", "a text file"])
    assert not (tmp_path / "gt.murid").exists()


def test_a_glob_without_matches_in_the_working_directory(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refuse(capsys, "track", "nothing*.mp4", words=["nothing*.mp4"])


def test_a_folder_of_videos_and_a_run_are_no_images(tmp_path, capsys, clip, tracked):
    folder = tmp_path / "day1"
    folder.mkdir()
    shutil.copy(clip, folder / "cage.mp4")
    refuse(capsys, "track", folder, words=["none, but videos", "day1/*.mp4"])
    refuse(capsys, "track", tracked, "--out", tmp_path / "x", words=["a run directory"])

"""Faults during a run (disks, network shares, other processes): one message, nothing lost."""

import json
import os
import shutil
import signal
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
from short_parts import finish, kill, read_parts, start, wait_for_parts

from murid.cli import run as murid_cli
from murid.errors import MuridError
from murid.pipeline.run import Run
from murid.video import open_source, read_timeout

needs_mount = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0 or not shutil.which("mount"),
    reason="only root may mount",
)


@pytest.fixture(scope="module")
def images(clip, tmp_path_factory):
    """The clip as a folder of images."""
    folder = tmp_path_factory.mktemp("images") / "cage"
    folder.mkdir()
    for frame in open_source(clip).iterate():
        cv2.imwrite(str(folder / f"{frame.index:03d}.png"), frame.image[..., ::-1])
    return folder


@pytest.fixture(scope="module")
def reference(clip, tmp_path_factory):
    run = tmp_path_factory.mktemp("whole") / "cage.murid"
    assert finish(start(clip, run, "fast")) == ""
    return read_parts(run)


@contextmanager
def small_disk(place, size):
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], capture_output=True
    )
    if made.returncode:
        pytest.skip("mounting is not permitted here")
    try:
        yield lambda options: subprocess.run(
            ["mount", "-o", f"remount,{options}", place], check=True
        )
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def assert_one_sentence(said, *words):
    lines = said.splitlines()
    assert len(lines) == 1, said
    assert lines[0].startswith("murid: ")
    assert all(str(word) in said for word in words), said


@needs_mount
def test_full_disk(clip, tmp_path, reference):
    run = tmp_path / "disk" / "cage.murid"
    with small_disk(tmp_path / "disk", "256k") as change:
        (tmp_path / "disk" / "filler").write_bytes(bytes(160 * 1024))
        assert_one_sentence(
            finish(start(clip, run, "fast")), "cage.murid", "parquet", "No space left on device"
        )
        kept = read_parts(run)
        assert 0 < len(kept) < len(reference)
        assert all(reference[name] == content for name, content in kept.items())
        change("size=8m")
        assert finish(start(clip, run, "fast")) == ""
        assert read_parts(run) == reference


@needs_mount
def test_read_only_disk(clip, tmp_path, reference):
    run = tmp_path / "disk" / "cage.murid"
    with small_disk(tmp_path / "disk", "8m") as change:
        process = start(clip, run, "slow")
        wait_for_parts(process, run, 2)
        kill(process)
        change("ro")
        assert_one_sentence(finish(start(clip, run, "fast")), "cage.murid", "Read-only file system")
        assert murid_cli(["info", str(run)]) == 0
        change("rw")
        assert finish(start(clip, run, "fast")) == ""
        assert read_parts(run) == reference


def test_source_that_disappears_and_comes_back(images, tmp_path):
    whole, run, place = tmp_path / "whole.murid", tmp_path / "cage.murid", tmp_path / "share"
    place.symlink_to(images)
    assert finish(start(place, whole, "fast")) == ""
    process = start(place, run, "slow")
    wait_for_parts(process, run, 2)
    place.unlink()
    said = finish(process)
    assert process.returncode == 1
    assert_one_sentence(said, "share", ".png", "nothing there")
    assert 2 <= len(list(run.glob("detections/part-*.parquet"))) < 6
    assert_one_sentence(finish(start(place, run, "fast")), "share", "nothing there")
    place.symlink_to(images)
    assert finish(start(place, run, "fast")) == ""
    assert read_parts(run) == read_parts(whole)


def test_stalled_network_share(clip, tmp_path, reference, monkeypatch, capsys):
    """No answer at the third read, however long one waits; then the share is back."""
    healthy, let_go, reads = read_timeout._read_at, threading.Event(), []

    def stall(descriptor, n_bytes, place):
        reads.append(place)
        return healthy(descriptor, n_bytes, place) if len(reads) < 3 else let_go.wait(60) and b""

    run = tmp_path / "cage.murid"
    process = start(clip, run, "slow")
    wait_for_parts(process, run, 3)
    kill(process)
    monkeypatch.setattr(read_timeout, "_read_at", stall)
    command = [
        "track",
        str(clip),
        "--animals",
        "3",
        "--detector",
        "background",
        "--out",
        str(run),
        "--set",
        "detection.read_timeout_s=0.5",
    ]
    assert murid_cli(command) == 1
    assert_one_sentence(capsys.readouterr().err, "cage.mp4", "within 0.5 s")
    let_go.set()
    monkeypatch.undo()
    assert murid_cli(command) == 0
    assert read_parts(run) == reference


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_two_processes_on_one_run(clip, tmp_path, reference, capsys):
    run = tmp_path / "cage.murid"
    process = start(clip, run, "slow")
    wait_for_parts(process, run, 1)
    process.send_signal(signal.SIGSTOP)
    assert (
        murid_cli(
            ["track", str(clip), "--animals", "3", "--detector", "background", "--out", str(run)]
        )
        == 1
    )
    assert_one_sentence(
        capsys.readouterr().err.splitlines()[-1],
        "cage.murid",
        "no other process writing here",
        f"process {process.pid} on",
    )
    process.send_signal(signal.SIGCONT)
    assert finish(process) == ""
    assert read_parts(run) == reference


@pytest.mark.parametrize(
    "name", ["../../evil", "/tmp/murid-evil", "..", "C:\\evil", "a/../../b", ".", "~/evil", "\x00"]
)
def test_paths_in_files_stay_inside_their_folder(tmp_path, name):
    """Names in label files must not lead to paths outside of the output folder."""
    data, out = tmp_path / "in" / "data", tmp_path / "out" / "deep" / "made"
    data.mkdir(parents=True)
    out.parent.mkdir(parents=True)
    cv2.imwrite(str(data / "000001.png"), np.zeros((40, 60, 3), np.uint8))
    image = {
        "id": 1,
        "file_name": "000001.png",
        "width": 60,
        "height": 40,
        "video_id": 1,
        "frame_id": 0,
    }
    box = {
        "id": 1,
        "image_id": 1,
        "category_id": 1,
        "bbox": [1, 1, 20, 20],
        "area": 400,
        "iscrowd": 0,
        "track_id": 1,
    }
    document = {
        "images": [image],
        "annotations": [box],
        "categories": [{"id": 1, "name": name}],
        "videos": [{"id": 1, "name": name, "file_name": name}],
    }
    (data / "labels.json").write_text(json.dumps(document))
    before = {path for path in tmp_path.rglob("*") if out.parent not in path.parents}
    for form in ("mot", "yolo", "coco"):
        murid_cli(
            ["convert", str(data / "labels.json"), "--to", form, "--out", str(out.parent / form)]
        )
    assert {path for path in tmp_path.rglob("*") if out.parent not in path.parents} == before
    assert any((out.parent / "mot").rglob("gt.txt"))
    assert not Path("/tmp/murid-evil").exists()
    assert not (Path.home() / "evil").exists()


@pytest.mark.parametrize(
    "source",
    ["../../evil.mp4", "/etc/passwd", "file:///etc/passwd", "concat:/etc/passwd|/etc/group"],
)
def test_a_source_named_in_a_manifest_is_only_read(tracked, tmp_path, capsys, source):
    run = shutil.copytree(tracked, tmp_path / "cage.murid")
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps(manifest | {"source": source}))
    before = sorted(tmp_path.rglob("*"))
    assert murid_cli(["info", str(run)]) == 0
    with pytest.raises(MuridError, match="expected"):
        Run.open(run).annotate()
    assert [path for path in sorted(tmp_path.rglob("*")) if path.name != "exports"] == before

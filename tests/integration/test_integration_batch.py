"""Many videos in one command, with a broken one among them."""

import shutil

import cv2
import numpy as np
import pytest

from murid.cli import run as murid_cli
from murid.errors import ConfigError
from murid.pipeline.batch import default_run_paths, find_sources


@pytest.fixture
def night(clip, tmp_path):
    """Two good videos in two folders, and a broken one between them."""
    for day in ("day1", "day2"):
        (tmp_path / day).mkdir()
        shutil.copy(clip, tmp_path / day / "cage.mp4")
    (tmp_path / "day1" / "damaged.mp4").write_bytes(b"no video at all")
    return tmp_path


def test_a_broken_video_does_not_stop_the_rest(night, capsys):
    arguments = [
        "track",
        str(night / "day*" / "*.mp4"),
        "--detector",
        "background",
        "--animals",
        "2",
    ]
    assert murid_cli(arguments) == 1
    said = capsys.readouterr()
    assert "1 of 3 videos could not be tracked" in said.err
    first, second, third = said.out.splitlines()
    assert "cage.mp4" in first
    assert "identities in" in first
    assert "damaged.mp4" in second
    assert "failed: " in second
    assert "damaged.mp4: " not in said.err
    assert "day2" in third
    assert "identities in" in third
    assert (night / "day2" / "cage.murid" / "manifest.json").is_file()

    (night / "day1" / "damaged.mp4").unlink()
    assert murid_cli(arguments) == 0
    assert "failed" not in capsys.readouterr().out


def test_runs_go_to_one_folder(night, capsys):
    sources = [
        str(night / "day1" / "cage.mp4"),
        str(shutil.copy(night / "day2" / "cage.mp4", night / "other.mp4")),
    ]
    assert (
        murid_cli(["track", *sources, "--detector", "background", "--out", str(night / "runs")])
        == 0
    )
    assert {path.name for path in (night / "runs").iterdir()} == {"cage.murid", "other.murid"}


def test_name_clashes_are_refused_before_tracking(night, capsys):
    arguments = [
        "track",
        str(night / "day*" / "cage.mp4"),
        "--detector",
        "background",
        "--out",
        str(night / "runs"),
    ]
    assert murid_cli(arguments) == 1
    assert "different run directories" in capsys.readouterr().err
    assert not (night / "runs").exists()


def test_batch_accepts_globs(night):
    cv2.imwrite(str(night / "f1.png"), np.zeros((8, 8, 3), np.uint8))
    assert find_sources([str(night / "f*.png")]) == [str(night / "f*.png")]
    assert find_sources([str(night / "nothing*.mp4")]) == [str(night / "nothing*.mp4")]
    drawn = night / "day2" / "cage.murid" / "exports" / "annotated.mp4"
    drawn.parent.mkdir(parents=True)
    drawn.write_bytes(b"")
    assert find_sources([str(night / "day2" / "**" / "*.mp4")]) == [
        str(night / "day2" / "cage.mp4")
    ]
    with pytest.raises(ConfigError, match="1 images of 4"):
        find_sources([str(night / "day1" / "*.mp4"), str(night / "**" / "*.*")])
    with pytest.raises(ConfigError, match="twice"):
        find_sources([str(night / "day1" / "cage.mp4"), str(night / "day1" / "c*.mp4")])
    with pytest.raises(ConfigError, match="different run directories"):
        default_run_paths(["a/cage.mp4", "a/cage.avi"])

"""Track real clips with the shipped network, which was trained on the open field only."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import murid
from murid.cli import run as murid_cli

pytestmark = [pytest.mark.data, pytest.mark.slow]


def evaluate(
    capsys: pytest.CaptureFixture[str], clip: Path, out: Path, animals: int
) -> dict[str, float]:
    assert (
        murid_cli(["track", str(clip / "video.mp4"), "--animals", str(animals), "--out", str(out)])
        == 0
    )
    capsys.readouterr()
    assert murid_cli(["evaluate", str(out), str(clip / "gt" / "gt.txt"), "--json"]) == 0
    scores: dict[str, float] = json.loads(capsys.readouterr().out)["combined"]
    return scores


def test_one_mouse_in_an_open_field(data_dir: Path, tmp_path: Path) -> None:
    run = murid.track(
        data_dir / "rodents" / "openfield-1mouse" / "video.mp4", out=tmp_path / "run.murid"
    )
    tracks = run.info()["tracks"]
    longest = max(tracks, key=lambda track: track["n_frames"])
    assert longest["n_frames"] >= 0.98 * 2330
    assert all(track["n_frames"] <= 0.01 * 2330 for track in tracks if track is not longest)
    position = run.trajectories().position
    own = run.trajectories().individuals.index(str(longest["id"]))
    step = np.linalg.norm(np.diff(position[:, :, own], axis=0), axis=1)
    assert np.nanmax(step) < 60  # pixels a frame: half a body


def test_a_rat_and_two_mice(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = evaluate(capsys, data_dir / "rodents" / "udmt-rat2mice-a", tmp_path / "run.murid", 3)
    assert scores["idf1"] >= 80


def test_two_mice_in_a_home_cage(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = evaluate(
        capsys, data_dir / "rodents" / "sleapmot-2mice-homecage", tmp_path / "run.murid", 2
    )
    assert scores["idf1"] >= 50


def test_penguins_run_through(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = data_dir / "animaltrack" / "penguin_5"
    assert murid_cli(["track", str(clip / "video.mp4"), "--out", str(tmp_path / "run.murid")]) == 0
    assert murid_cli(["info", str(tmp_path / "run.murid"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert facts["stages"] == {"detection": "done", "tracking": "done", "identification": "pending"}


def test_killed_run_resumes_to_the_same_result(data_dir: Path, tmp_path: Path) -> None:
    video = data_dir / "rodents" / "openfield-1mouse" / "video.mp4"
    whole, killed = tmp_path / "whole.murid", tmp_path / "killed.murid"

    def start(out: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "murid", "track", str(video), "--out", str(out)]
        )

    assert start(whole).wait() == 0
    process = start(killed)
    while process.poll() is None and not list(killed.glob("detections/part-*.parquet")):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(list(killed.glob("tracks/part-*.parquet"))) == 0
    assert start(killed).wait() == 0
    parts = sorted(path.relative_to(whole) for path in whole.rglob("*.parquet"))
    assert len(parts) >= 6
    assert parts == sorted(path.relative_to(killed) for path in killed.rglob("*.parquet"))
    for part in parts:
        assert (whole / part).read_bytes() == (killed / part).read_bytes(), part


def track_beside_clutter(clip: Path, out: Path) -> tuple[murid.Run, np.ndarray, np.ndarray]:
    """Return the run of two mice, and the frames and centres of the boxes with an identity."""
    run = murid.track(
        clip, animals=2, config=murid.Config().change("identification.refine=never"), out=out
    )
    tracks = run.tracks()
    boxes = tracks.detections.boxes[tracks.track_ids > 0]
    frames = tracks.detections.frame_numbers[tracks.track_ids > 0]
    return run, frames, (boxes[:, :2] + boxes[:, 2:]) / 2


def test_a_banner_takes_no_place_of_a_mouse(data_dir: Path, tmp_path: Path) -> None:
    clip = data_dir / "rodents" / "mars-bw-overlay" / "contact.mp4"
    _, frames, centres = track_beside_clutter(clip, tmp_path / "run.murid")
    assert (centres[:, 1] > 28).all()  # the banner is above
    # The black mouse is detected in every frame from the first on, the white one too.
    assert np.bincount(frames, minlength=40)[:36].min() >= 1
    assert (np.bincount(frames, minlength=40) == 2).sum() >= 36


def test_no_identity_is_sure_of_a_spout(data_dir: Path, tmp_path: Path) -> None:
    clip = data_dir / "rodents" / "mars-bw-overlay" / "mount.mp4"
    run, _, centres = track_beside_clutter(clip, tmp_path / "run.murid")
    tracks = run.tracks()
    sure = tracks.identity_probabilities[tracks.track_ids > 0] > 0.9
    assert not (sure & (centres[:, 0] > 390)).any()

"""Measure and plot a run from the command line; distance moved against the truth."""

import json
import re
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from configs import BACKGROUND
from scipy.optimize import linear_sum_assignment

from murid.analysis.behaviour import compute_behaviour
from murid.analysis.config import MeasureConfig
from murid.analysis.kinematics import compute_distance
from murid.arenas.layout import Layout
from murid.cli import EXIT_ERROR
from murid.cli import run as murid_cli
from murid.core import Trajectories
from murid.pipeline.run import Run
from murid.pipeline.track import track
from murid.synthetic import make_scenario, record
from murid.video import VideoWriter

ARENA = """width = 320
height = 240
cm_per_px = 0.2
[[arena]]
name = "cage"
polygon = [[2, 2], [318, 2], [318, 238], [2, 238]]
[[zone]]
name = "west"
polygon = [[2, 2], [160, 2], [160, 238], [2, 238]]
"""


@pytest.fixture
def arena(tmp_path):
    (tmp_path / "cage.toml").write_text(ARENA)
    return tmp_path / "cage.toml"


def test_measure(tracked, arena, tmp_path, capsys):
    out = tmp_path / "out"
    options = ["--arena", str(arena), "--bin", "1s", "--out", str(out), "--frames"]
    assert murid_cli(["measure", str(tracked), *options]) == 0
    printed = capsys.readouterr().out
    assert "3 animals, known " in printed
    assert re.search(r"lengths in cm, body length 9\.[5-9] cm; smoothed over 15 frames", printed)
    animals, zones = pd.read_csv(out / "animals.csv"), pd.read_csv(out / "zones.csv")
    assert len(animals) == len(zones) == 3 * 3
    assert (
        animals["seen_s"] + animals["interpolated_s"] + animals["missing_s"]
    ).to_numpy() == pytest.approx(1.0, abs=1e-5)
    frames = pd.read_csv(out / "frames.csv")
    west = (frames["x_cm"] < 32).groupby(frames["animal"]).sum() / 30
    np.testing.assert_allclose(zones.groupby("animal")["time_s"].sum(), west, atol=1e-3)
    settings = json.loads((out / "settings.json").read_text())
    assert (settings["unit"], settings["smoothing_frames"], settings["bin"]) == ("cm", 15, "1s")
    assert settings["settings"]["min_moving_speed"] == "0.1bl/s"
    whole = [
        "measure",
        str(tracked),
        "--out",
        str(out),
        "--format",
        "parquet",
        "--set",
        "measures.min_moving_speed=0px",
    ]
    distances = []
    for smooth in ("0.5s", "0"):
        assert murid_cli([*whole, "--smooth", smooth]) == 0
        distances.append(pd.read_parquet(out / "animals.parquet")["distance_px"].sum())
    # Boxes of identities are smooth already: which of the two is longer differs by the encoder.
    assert distances[0] != distances[1]
    assert json.loads((out / "settings.json").read_text())["smoothing_frames"] == 1


def test_plot(tracked, arena, tmp_path, capsys):
    out = tmp_path / "plots"
    assert murid_cli(["plot", str(tracked), "--arena", str(arena), "--out", str(out)]) == 0
    names = ["ethogram", "identities", "occupancy", "paths", "report", "social", "speed"]
    assert sorted({path.stem for path in out.iterdir()}) == names
    assert (out / "report.pdf").read_bytes().startswith(b"%PDF")
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png") == 6
    assert "0.2 cm per pixel" in page
    assert capsys.readouterr().err == ""
    options = ["--only", "paths", "--format", "svg", "--out", str(tmp_path / "one")]
    assert murid_cli(["plot", str(tracked), *options]) == 0
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["paths.svg"]


def test_report_lists_doubtful_crossings_with_clips(tracked, tmp_path, capsys):
    out = tmp_path / "plots"
    arguments = ["plot", str(tracked), "--only", "report", "--out", str(out)]
    assert murid_cli([*arguments, "--clips", "1"]) == 0
    printed = capsys.readouterr().out.splitlines()
    crossings = Run.open(tracked).info()["crossings"]
    page = (out / "report.html").read_text(encoding="utf-8")
    assert crossings
    for crossing in crossings:
        frames = "{first_frame} to {last_frame}".format(**crossing)
        assert f"<td>{frames}</td>" in page
    (clip,) = (out / "report_clips").iterdir()
    assert page.count('<a href="report_clips/') == page.count(f"report_clips/{clip.name}") == 1
    assert printed[-1] == str(out / "report_clips")
    # Without clips there are no links, not even to those of an earlier report.
    assert murid_cli(arguments) == 0
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "report_clips" not in page
    assert page.count("murid review") == len(crossings)


def test_clips_that_cannot_be_made_are_refused(tracked, tmp_path, capsys):
    for options, words in (
        (["--clips", "-1"], "--clips: expected 0 or more, got -1"),
        (["--clips", "2", "--only", "paths"], "expected report among --only, got paths"),
    ):
        assert murid_cli(["plot", str(tracked), "--out", str(tmp_path), *options]) == EXIT_ERROR
        assert words in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_measures_of_keypoints(tracked, arena, tmp_path, capsys, monkeypatch):
    """Animals that all look to the right, with keypoints at half of the box."""
    plain = Run.trajectories

    def add_keypoints(run):
        trajectories = plain(run)
        half = np.stack([trajectories.shape[:, 0] / 2, np.zeros(trajectories.confidence.shape)], 1)
        position = trajectories.position
        keypoints = np.stack([position + half, position, position - half], axis=2)
        confidence = np.where(np.isnan(keypoints[:, 0]), np.nan, 0.9)
        return replace(trajectories, keypoints=keypoints, keypoint_confidence=confidence)

    options = ["measure", str(tracked), "--arena", str(arena), "--frames", "--out"]
    assert murid_cli([*options, str(tmp_path / "without")]) == 0
    assert "nose" not in capsys.readouterr().out
    monkeypatch.setattr(Run, "trajectories", add_keypoints)
    assert murid_cli([*options, str(tmp_path / "with"), "--keypoints"]) == 0
    assert "nose and tail base known 100.0% of the time" in capsys.readouterr().out
    assert murid_cli([*options, str(tmp_path / "off"), "--no-keypoints"]) == 0
    for name in ("animals", "zones", "pairs", "frames"):
        without, with_, off = (
            pd.read_csv(tmp_path / folder / f"{name}.csv") for folder in ("without", "with", "off")
        )
        pd.testing.assert_frame_equal(with_[list(without)], without)
        pd.testing.assert_frame_equal(off, without)
        assert len(with_.columns) > len(without.columns)
    frames = pd.read_csv(tmp_path / "with" / "frames.csv")
    assert (frames["body_heading_deg"].abs() < 1e-6).all()
    assert (frames["nose_x_cm"] > frames["tail_base_x_cm"]).all()


def test_invalid_input_is_refused(tracked, arena, clip, tmp_path, capsys, monkeypatch):
    def refuse(*arguments: object, words: str) -> None:
        assert murid_cli([str(a) for a in arguments]) == EXIT_ERROR
        assert words in capsys.readouterr().err

    out = ["--out", tmp_path / "out"]
    refuse(
        "measure",
        tracked,
        *out,
        "--bin",
        "soon",
        words="--bin: expected a time such as 60s, 5min or 1h",
    )
    refuse("measure", tracked, *out, "--bin", "0", words="bin: expected more than 0 seconds, got 0")
    refuse(
        "measure",
        tracked,
        *out,
        "--set",
        "measures.border_width=2cm",
        words="border_width: expected a scale",
    )
    refuse(
        "measure",
        tracked,
        *out,
        "--keypoints",
        words="keypoints: expected a run with keypoints, from a network that finds them, got a run"
        " without keypoints",
    )
    refuse(
        "measure",
        tracked,
        *out,
        "--arena",
        tmp_path / "no.toml",
        words="no.toml: file: expected an arena file",
    )
    arena.write_text(ARENA.replace("width = 320", "width = 640"))
    refuse(
        "plot",
        tracked,
        *out,
        "--arena",
        arena,
        words="expected 320x240 pixels as of the video, got 640x240",
    )
    refuse("plot", tracked, *out, "--video", tmp_path / "gone.mp4", words="gone.mp4")
    open_mode = track(clip, config=BACKGROUND, out=tmp_path / "open.murid").path
    refuse(
        "measure",
        open_mode,
        *out,
        words="stages.identification.state: expected done (murid identify makes identities)",
    )
    assert (
        murid_cli(["measure", str(open_mode), "--tracks", "--out", str(tmp_path / "tracks")]) == 0
    )
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    refuse(
        "plot",
        tracked,
        *out,
        words="matplotlib is not installed; install it with: pip install 'murid[report]'",
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_tracked_distance_is_within_two_percent_of_the_truth(tmp_path):
    config, positions, video = make_scenario("coats-4", 5, 30), [], tmp_path / "scene.mp4"
    with VideoWriter(video, config.fps, config.width, config.height) as video_writer:
        for recorded in record(config):
            video_writer.write(recorded.frame.image)
            positions.append(recorded.positions)
    truth = np.stack(positions).swapaxes(1, 2)
    run = track(video, animals=config.n_animals, out=tmp_path / "scene.murid")
    behaviour = run.behaviour()
    apart = np.hypot(*np.moveaxis(truth[:, :, :, None] - behaviour.position_px[:, :, None], 1, 0))
    rows, columns = linear_sum_assignment(np.nanmedian(apart, axis=0))
    assert np.nanmedian(apart, axis=0)[rows, columns].max() < config.body_px / 4
    moved = np.nansum(behaviour.steps, axis=0)[columns]
    assert moved.sum() / compute_distance(truth).sum() == pytest.approx(1, abs=0.02)


def test_distance_of_noisy_paths_is_within_two_percent():
    """Noise of the boxes makes paths far too long; smoothing corrects that."""
    config = make_scenario("coats-4", 2, 20)
    truth = np.stack([recorded.positions for recorded in record(config)]).swapaxes(1, 2)
    trembling = truth + np.random.default_rng(0).normal(0, 1.0, truth.shape)
    trajectories = Trajectories(
        np.arange(len(truth)) / config.fps,
        tuple("abcd"),
        trembling,
        np.full(truth.shape, 55.0),
        np.ones((len(truth), 4)),
    )
    moved = np.nansum(
        compute_behaviour(trajectories, Layout(config.width, config.height)).steps, axis=0
    )
    raw = np.nansum(
        compute_behaviour(
            trajectories, Layout(config.width, config.height), MeasureConfig(smooth_s=0)
        ).steps,
        axis=0,
    )
    assert moved.sum() / compute_distance(truth).sum() == pytest.approx(1, abs=0.02)
    assert raw.sum() / compute_distance(truth).sum() > 1.1

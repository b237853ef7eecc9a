"""Measures of videos with a pause, with pixels that are not square, and without animals."""

import json
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pandas as pd
import pytest
from configs import NO_REFINE

from murid.cli import run as murid_cli
from murid.pipeline.track import track

N, FPS = 90, 30
WIDTH, HEIGHT = 320, 240


def write_video(path: Path, centres, *, pause_s: float = 0.0, aspect: Fraction | None = None):
    """Write a dark ellipse at each centre on a light floor, with a pause in the middle."""
    rng = np.random.default_rng(0)
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", FPS)
        stream.width = WIDTH
        stream.height = HEIGHT
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "12"}
        stream.codec_context.time_base = Fraction(1, FPS)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        for number, centre in enumerate(centres):
            image = np.full((HEIGHT, WIDTH, 3), 190, np.uint8)
            image += rng.integers(0, 8, (HEIGHT, WIDTH, 1), dtype=np.uint8)
            if centre is not None:
                cv2.ellipse(
                    image, [round(v) for v in centre], (20, 11), 0, 0, 360, (30, 30, 30), -1
                )
            frame = av.VideoFrame.from_ndarray(image, "rgb24")
            frame.pts = number + round(FPS * pause_s) * (number >= len(centres) // 2)
            frame.time_base = Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def measure(run: Path, out: Path, *options: str) -> dict[str, pd.DataFrame]:
    assert murid_cli(["measure", str(run), "--out", str(out), *options]) == 0
    return {path.stem: pd.read_csv(path) for path in out.glob("*.csv")}


def test_a_pause_in_a_video_is_missing_time(tmp_path, capsys):
    across = [(60 + 2 * k, 60 + k) for k in range(N)]
    video = write_video(tmp_path / "pause.mp4", across, pause_s=20.0)
    run = track(video, animals=1, config=NO_REFINE, out=tmp_path / "pause.murid").path
    tables = measure(run, tmp_path / "out", "--frames")
    animals = tables["animals"].iloc[0]
    assert animals["end_s"] == pytest.approx(N / FPS + 20)
    assert animals["missing_s"] == pytest.approx(20, abs=0.35)
    assert animals["seen_s"] + animals["interpolated_s"] == pytest.approx(N / FPS, abs=0.35)
    assert tables["frames"]["time_s"].iloc[-1] == pytest.approx(20 + (N - 1) / FPS)
    assert "1 gap in the recording, together 20 s without frames" in capsys.readouterr().out
    facts = json.loads((tmp_path / "out" / "settings.json").read_text())
    assert (facts["fps"], facts["unfilmed_s"]) == (30, 20)


def test_lengths_in_a_video_whose_pixels_are_not_square(tmp_path, capsys):
    """The animal moves 150 pixels across, and then as many down; pixels are twice as wide."""
    moved = [(60 + min(150, 4 * k), 50 + max(0, min(150, 4 * (k - 45)))) for k in range(N)]
    video = write_video(tmp_path / "wide.mp4", moved, aspect=Fraction(2, 1))
    arena = tmp_path / "arena.toml"
    arena.write_text(
        f"width = {WIDTH}\nheight = {HEIGHT}\n"
        "scale = { points = [[0, 100], [100, 100]], cm = 20.0 }\n"
    )
    run = track(video, animals=1, config=NO_REFINE, arena=arena, out=tmp_path / "w.murid").path
    tables = measure(run, tmp_path / "out", "--frames")
    assert "pixels are 2 times as wide as high" in capsys.readouterr().out
    murid_cli(["info", str(run)])
    assert "pixels are 2 times as wide as high" in capsys.readouterr().out
    frames = tables["frames"]
    assert np.ptp(frames["x_cm"]) == pytest.approx(150 * 0.2, rel=0.05)
    assert np.ptp(frames["y_cm"]) == pytest.approx(150 * 0.1, rel=0.05)
    assert tables["animals"]["distance_cm"][0] == pytest.approx(45, rel=0.1)
    again = measure(run, tmp_path / "again", "--arena", str(arena))
    pd.testing.assert_frame_equal(again["animals"], tables["animals"])
    assert murid_cli(["arena", str(video), "--scale", "0,0,0,100,10", "--out", str(arena)]) == 0
    assert "0.1 cm/pixel" in capsys.readouterr().out
    assert murid_cli(["arena", str(video), "--scale", "0,0,100,0,20", "--out", str(arena)]) == 0
    assert "0.1 cm/pixel" in capsys.readouterr().out


def test_a_recording_without_animals_has_tables_with_columns(tmp_path, clip):
    run = track(clip, animals=3, config=NO_REFINE, out=tmp_path / "full.murid").path
    full = measure(run, tmp_path / "full", "--frames")
    video = write_video(tmp_path / "empty.mp4", [None] * 40)
    run = track(video, animals=3, config=NO_REFINE, out=tmp_path / "empty.murid").path
    empty = measure(run, tmp_path / "out", "--frames")
    assert {"animals", "zones", "pairs", "bouts", "frames"} == set(empty) == set(full)
    for name, table in empty.items():
        assert list(table) == list(full[name])
        assert len(table) == 0
    options = ["--out", str(tmp_path / "plots"), "--only", "report"]
    assert murid_cli(["plot", str(run), *options]) == 0

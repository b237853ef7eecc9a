"""The clock of a recording, from the command line to the exports."""

import json
import shutil

import cv2
import numpy as np
import pandas as pd
import pytest
from configs import BACKGROUND, NO_REFINE

import murid
from murid.cli import run as murid_cli
from murid.datasets.registry import read_dataset
from murid.video import open_source


def call(capsys, *arguments):
    code = murid_cli([str(a) for a in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def track(capsys, source, out, *arguments):
    """Track a source by the background detector, and return the description of the run."""
    common = ("--animals", 3, "--detector", "background", "--no-refine", "--out", out)
    code, text, err = call(capsys, "track", source, *common, *arguments)
    assert code == 0, err
    return text, json.loads(call(capsys, "info", out, "--json")[1])


@pytest.fixture(scope="module")
def images(clip, tmp_path_factory):
    """The frames of the clip as a folder of images, which has no frame rate."""
    folder = tmp_path_factory.mktemp("images") / "cage"
    folder.mkdir()
    for frame in open_source(clip).iterate():
        cv2.imwrite(str(folder / f"img_{frame.index:04d}.png"), frame.image[..., ::-1])
        if frame.index == 39:
            break
    return folder


def test_a_folder_has_an_assumed_rate_until_it_is_given(images, tmp_path, capsys):
    run = tmp_path / "cage.murid"
    text, facts = track(capsys, images, run)
    assert f"no frame rate in {images}; 30 frames/s assumed, --fps gives the right one" in text
    assert (facts["fps"], facts["fps_is_assumed"]) == (30.0, True)
    assert "30 frames/s assumed" in call(capsys, "info", run)[1]

    # Another clock is applied to the same detections: nothing is detected again.
    before = sorted(path.stat().st_mtime_ns for path in (run / "detections").iterdir())
    text, facts = track(capsys, images, run, "--fps", 50)
    assert "frames/s assumed" not in text
    assert (facts["fps"], facts["fps_is_assumed"]) == (50.0, False)
    assert facts["stages"]["identification"] == "done"
    assert sorted(path.stat().st_mtime_ns for path in (run / "detections").iterdir()) == before
    np.testing.assert_allclose(murid.open(run).trajectories().time_s, np.arange(40) / 50)

    # The run keeps it, without the option.
    assert track(capsys, images, run)[1]["fps"] == 50.0
    annotated = murid.open(run).annotate(tmp_path / "annotated.mp4")
    assert open_source(annotated).info.fps == pytest.approx(50)
    call(capsys, "export", run, "--out", tmp_path / "tracks.csv")
    exported = pd.read_csv(tmp_path / "tracks.csv")
    np.testing.assert_allclose(exported["time_s"], exported["frame"] / 50, atol=1e-6)


@pytest.fixture
def rig_times(tmp_path):
    """Times of the frames of the clip on another clock, with a pause and dropped frames."""
    times_s = 100 + np.arange(90) / 25
    times_s[20:] += 0.04
    times_s[60:] += 30
    rows = [f"{k};{t:.4f}".replace(".", ",") for k, t in enumerate(times_s)]
    (tmp_path / "times.csv").write_text("frame;time\n" + "\n".join(rows))
    return tmp_path / "times.csv", times_s


def test_timestamps_put_everything_on_the_clock_of_the_rig(clip, rig_times, tmp_path, capsys):
    path, times_s = rig_times
    run = tmp_path / "cage.murid"
    text, facts = track(capsys, clip, run, "--timestamps", path)
    assert "dropped: 751 frames are missing, after frames 19 (1), 59 (750)" in text
    assert facts["fps"] == pytest.approx(25)
    assert facts["gaps"]["after_frames"] == [19, 59]
    np.testing.assert_allclose(murid.open(run).trajectories().time_s, times_s)

    # All that follows needs no file of timestamps.
    path.unlink()
    assert call(capsys, "identify", run, "--animals", 3)[0] == 0
    assert track(capsys, clip, run)[1]["clock"] == facts["clock"]
    call(capsys, "export", run, "--out", tmp_path / "tracks.csv")
    exported = pd.read_csv(tmp_path / "tracks.csv")
    np.testing.assert_allclose(exported["time_s"], times_s[exported["frame"]], atol=1e-6)
    pynwb = pytest.importorskip("pynwb")
    assert call(capsys, "export", run, "--out", tmp_path / "tracks.nwb")[0] == 0
    with pynwb.NWBHDF5IO(tmp_path / "tracks.nwb", "r") as file:
        pose = file.read().processing["behavior"].data_interfaces
        series = next(
            entry
            for container in pose.values()
            for entry in getattr(container, "pose_estimation_series", {}).values()
        )
        np.testing.assert_allclose(series.timestamps[:], times_s)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: rows[:-1], ["90 times", "89"]),
        (lambda rows: [*rows[:5], rows[3], *rows[6:]], ["row 6", "later than"]),
        (lambda rows: [*rows[:5], "x", *rows[6:]], ["row 6", "'x'"]),
    ],
)
def test_wrong_timestamps_are_refused_before_anything_is_written(
    clip, tmp_path, capsys, change, words
):
    rows = [f"{k / 30:.4f}" for k in range(90)]
    (tmp_path / "times.csv").write_text("\n".join(change(rows)))
    out = tmp_path / "cage.murid"
    code, _, err = call(capsys, "track", clip, "--timestamps", tmp_path / "times.csv", "--out", out)
    assert code != 0
    assert all(word in err for word in ["times.csv", *words])
    assert not out.exists()


def test_an_interrupted_run_goes_on_with_its_timestamps(clip, rig_times, tmp_path, monkeypatch):
    path, times_s = rig_times
    monkeypatch.setattr("murid.store.run_directory.PART_FRAMES", 32)
    run = tmp_path / "cage.murid"

    def stop(stage, done, total):
        if stage == "detect" and done >= 64:
            raise KeyboardInterrupt

    options = {"animals": 3, "config": NO_REFINE, "out": run}
    with pytest.raises(KeyboardInterrupt):
        murid.track(clip, timestamps=path, report=stop, **options)
    path.unlink()
    np.testing.assert_allclose(murid.track(clip, **options).trajectories().time_s, times_s)


def test_start_end_and_every_keep_frames_and_times_of_the_video(clip, tmp_path, capsys):
    run = tmp_path / "part.murid"
    fps = open_source(clip).info.fps
    first, every = 15, 3
    start = f"0:00:{first / fps:.4f}"
    text, facts = track(
        capsys, clip, run, "--start", start, "--end", f"{75 / fps:.4f}", "--every", every
    )
    assert "frames: 20 from frame 15 on, one in 3" in text
    assert facts["n_frames"] == 20
    assert facts["fps"] == pytest.approx(fps / every)
    assert all((row["first_frame"] - first) % every == 0 for row in facts["tracks"])
    assert max(row["last_frame"] for row in facts["tracks"]) <= 72
    call(capsys, "export", run, "--out", tmp_path / "part.csv")
    exported = pd.read_csv(tmp_path / "part.csv")
    assert set(exported["frame"]) <= set(range(15, 75, 3))
    np.testing.assert_allclose(exported["time_s"], exported["frame"] / fps, atol=1e-6)

    # The whole video gives boxes in the same places.
    whole = track(capsys, clip, tmp_path / "whole.murid")[1]
    assert whole["frames"] is None
    annotated = murid.open(run).annotate(tmp_path / "part.mp4")
    assert open_source(annotated).info.n_frames == 20

    # Ground truth numbers the frames of the video; only those that were tracked are scored.
    code, out, err = call(capsys, "evaluate", run, clip.with_name("gt.txt"), "--json")
    assert code == 0, err
    scores = json.loads(out)["combined"]
    assert scores["n_frames"] == 20
    assert scores["idf1"] > 60
    assert call(capsys, "plot", run, "--out", tmp_path / "plots")[0] == 0
    assert call(capsys, "measure", run, "--out", tmp_path / "measures", "--frames")[0] == 0
    measured = pd.read_csv(tmp_path / "measures" / "frames.csv")
    assert set(measured["frame"]) <= set(range(15, 75, 3))
    np.testing.assert_allclose(measured["time_s"], measured["frame"] / fps, atol=1e-4)
    bouts = pd.read_csv(tmp_path / "measures" / "bouts.csv")
    assert set(bouts["first_frame"]) <= set(range(15, 75, 3))

    # Other frames are refused, as other settings of detection are.
    common = ("--animals", 3, "--detector", "background", "--no-refine", "--out", run)
    code, _, err = call(capsys, "track", clip, *common, "--every", 5)
    assert code != 0
    assert "config.detection" in err
    code, _, err = call(capsys, "track", clip, *common)
    assert code != 0
    assert "config.detection" in err


def test_a_second_pass_reads_the_frames_that_were_tracked(clip, tmp_path):
    config = BACKGROUND.change("identification.refine=always")
    options = {"animals": 3, "config": config, "out": tmp_path / "part.murid"}
    run = murid.track(clip, start=0.4, every=2, **options)
    assert run.info()["stages"]["identification"] == "done"
    table = pd.read_parquet(run.path / "fur_descriptors.parquet", columns=["frame"])
    assert table["frame"].max() < run.info()["n_frames"]


@pytest.mark.parametrize("option", [("--start", "soon"), ("--every", 0), ("--fps", -1)])
def test_bad_options_are_refused(clip, tmp_path, capsys, option):
    code, _, err = call(capsys, "track", clip, *option, "--out", tmp_path / "x.murid")
    assert code != 0
    assert option[0].lstrip("-") in err


def test_a_run_of_some_frames_converts_to_labels_of_these_frames(clip, tmp_path, capsys):
    """Boxes are those of the image that they come with."""
    run = tmp_path / "cage.murid"
    track(capsys, clip, run, "--start", 1, "--every", 7)
    frames = list(range(murid.open(run).info()["frames"]["first"], 90, 7))
    assert frames[0] > 0
    fps = open_source(clip).info.fps
    tracks = murid.open(run).tracks()
    original = next(open_source(clip).iterate(frames[3])).image
    # MOT counts anew where most frames are missing.
    numbers = {"coco": (frames, None), "mot": (list(range(len(frames))), fps / 7)}
    for target, (expected, expected_fps) in numbers.items():
        out = tmp_path / target
        code, _, err = call(capsys, "convert", run, "--to", target, "--out", out)
        assert code == 0, err
        (sequence,), problems = read_dataset([out])
        assert problems == []
        assert sequence.frames.tolist() == expected
        assert expected_fps is None or sequence.fps == pytest.approx(expected_fps)
        assert sequence.boxes == pytest.approx(tracks.detections.boxes, abs=1e-3)
        image = cv2.imread(str(sequence.image_paths[3]))[..., ::-1]
        assert np.abs(image.astype(float) - original).mean() < 3


def test_a_gap_in_the_numbers_of_images_keeps_the_numbers_everywhere(images, tmp_path, capsys):
    root = tmp_path / "cage"
    (root / "gt").mkdir(parents=True)
    shutil.copytree(images, root / "img1")
    for k in range(10, 15):
        (root / "img1" / f"img_{k:04d}.png").unlink()
    run = tmp_path / "cage.murid"
    track(capsys, root / "img1", run)
    code, _, err = call(capsys, "convert", run, "--to", "mot", "--out", tmp_path / "mot")
    assert code == 0, err
    assert "left out 5 frames without an image" in err
    numbers = [*range(10), *range(15, 40)]
    truth = tmp_path / "mot" / "cage" / "gt" / "gt.txt"
    (root / "gt" / "gt.txt").write_bytes(truth.read_bytes())
    for data in (tmp_path / "mot", root):
        code, text, err = call(capsys, "info", data, "--json")
        assert code == 0, err
        assert json.loads(text)["problems"] == []
        assert "5 frames, 10 to 14 from 0, have neither an image nor labels" in text
        (sequence,), _ = read_dataset([data])
        assert sequence.frames.tolist() == numbers
        scores = murid.open(run).evaluate(data)
        assert (scores.mota, scores.n_frames) == (pytest.approx(100), len(numbers))

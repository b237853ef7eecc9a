import json
import shutil

import numpy as np
import pandas as pd
import pytest
from configs import BACKGROUND, NO_REFINE

import murid
from murid.cli import run as murid_cli
from murid.video import open_source


def call(capsys, *arguments):
    code = murid_cli([str(a) for a in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_track_info_export_evaluate(clip, tmp_path, capsys):
    run = tmp_path / "cage.murid"
    code, out, err = call(
        capsys, "track", clip, "--animals", 3, "--detector", "background", "--out", run, "--video"
    )
    assert code == 0, err
    assert str(run) in out
    last = out.splitlines()[-1]
    assert "identities, " in last
    assert "% sure" in last
    assert open_source(run / "exports" / "annotated.mp4").info.n_frames == 90

    code, out, _ = call(capsys, "info", run, "--json")
    facts = json.loads(out)
    assert (code, facts["n_frames"], facts["stages"]) == (
        0,
        90,
        {"detection": "done", "tracking": "done", "identification": "done"},
    )
    assert 1 <= len(facts["tracks"]) <= 6
    probabilities = {t["id"]: t["mean_identity_probability"] for t in facts["tracks"]}
    assert min(probabilities.values()) <= facts["identity_probability"] <= 1
    assert facts["uncertain_identities"] == [i for i, p in probabilities.items() if p < 0.95]
    assert last.split(":")[0] in call(capsys, "info", run)[1]
    assert "track" in call(capsys, "info", run)[1]

    assert call(capsys, "export", run, "--format", "mot", "--out", tmp_path / "tracks.txt")[0] == 0
    rows = np.loadtxt(tmp_path / "tracks.txt", delimiter=",")
    assert rows[:, 0].min() >= 1
    assert len(rows) == sum(t["n_frames"] + t["n_interpolated"] for t in facts["tracks"])
    assert call(capsys, "export", run, "--out", tmp_path / "tracks.csv")[0] == 0
    assert len(pd.read_csv(tmp_path / "tracks.csv")) == len(rows)

    code, out, _ = call(capsys, "evaluate", run, clip.with_name("gt.txt"), "--json")
    scores = json.loads(out)["combined"]
    assert code == 0
    assert scores["idf1"] > 60
    assert scores["n_frames"] == 90
    text = call(capsys, "evaluate", run, clip.with_name("gt.txt"))[1]
    assert "HOTA" in text
    assert f"{scores['hota']:.1f}" in text


def test_the_same_from_python(tracked, tmp_path):
    run = murid.Run.open(tracked)
    trajectories = run.trajectories()
    tracks = run.tracks()
    assert trajectories.position.shape == (90, 2, len(trajectories.individuals))
    assert np.isfinite(trajectories.confidence).sum() == (tracks.track_ids >= 0).sum()
    first = int(np.flatnonzero(tracks.track_ids >= 0)[0])
    k = trajectories.individuals.index(str(tracks.track_ids[first]))
    t, box = int(tracks.detections.frame_numbers[first]), tracks.detections.boxes[first]
    np.testing.assert_allclose(trajectories.position[t, :, k], (box[:2] + box[2:]) / 2)
    np.testing.assert_allclose(trajectories.shape[t, :, k], box[2:] - box[:2])
    assert run.export("csv", tmp_path / "x.csv").exists()


@pytest.mark.parametrize("config", [BACKGROUND, NO_REFINE])
def test_second_call_changes_nothing(clip, tmp_path, config):
    from murid.pipeline.track import track

    def call_and_look():
        run = track(clip, animals=3, config=config, out=tmp_path / "cage.murid")
        return {p: p.stat().st_mtime_ns for p in run.path.rglob("*.parquet")}

    assert call_and_look() == call_and_look()


def test_changed_tracking_settings_reuse_stored_detections(clip, tracked, tmp_path):
    from murid.pipeline.track import track

    run = tmp_path / "run"
    shutil.copytree(tracked, run)
    stored = {p: p.stat().st_mtime_ns for p in (run / "detections").iterdir()}
    result = track(clip, animals=1, config=BACKGROUND, out=run)
    assert {p: p.stat().st_mtime_ns for p in (run / "detections").iterdir()} == stored
    ids, counts = np.unique(result.tracks().track_ids, return_counts=True)
    assert counts[ids >= 0].max() <= 90
    per_frame = [int((frame.track_ids >= 0).sum()) for frame in result.tracks()]
    assert max(per_frame) == 1


def test_folder_of_images_with_a_damaged_one(tmp_path, clip, capsys):
    import cv2

    folder = tmp_path / "images"
    folder.mkdir()
    for frame in list(open_source(clip).iterate())[:30]:
        cv2.imwrite(str(folder / f"{frame.index:03d}.png"), frame.image[..., ::-1])
    (folder / "011.png").write_bytes(b"nothing")
    code, out, err = call(capsys, "track", folder, "--detector", "background")
    assert code == 0
    assert "1 frame could not be read: 11 (011.png cannot be decoded)" in err
    assert str(folder.with_suffix(".murid")) in out
    facts = json.loads(call(capsys, "info", folder.with_suffix(".murid"), "--json")[1])
    assert facts["unreadable_frames"] == [11]
    assert facts["n_frames"] == 30


def test_truncated_video_is_tracked_as_far_as_it_goes(tmp_path, capsys):
    import av

    from murid.synthetic import RecordingConfig, record

    path = tmp_path / "cut.mp4"
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 160, 128, "yuv420p"
        for recorded in record(
            RecordingConfig(n_animals=1, n_frames=60, width=160, height=128, body_px=40)
        ):
            container.mux(
                stream.encode(av.VideoFrame.from_ndarray(recorded.frame.image, format="rgb24"))
            )
        container.mux(stream.encode(None))
    data = path.read_bytes()
    path.write_bytes(
        data[: len(data) * 4 // 5]
    )  # of so small a file half is little more than the first frame
    code, _, err = call(capsys, "track", path, "--detector", "background")
    assert code == 0
    assert "truncated" in err
    assert "announces 60 frames" in err
    facts = json.loads(call(capsys, "info", path.with_suffix(".murid"), "--json")[1])
    assert 5 < facts["n_frames"] < 60
    assert "announces 60 frames" in facts["note"]


@pytest.mark.parametrize("verb", ["demo", "track", "info", "export", "evaluate"])
def test_every_command_has_help(verb, capsys):
    code, out, _ = call(capsys, verb, "--help")
    assert code == 0
    assert verb in out


@pytest.mark.parametrize(
    ("arguments", "made"),
    [
        (["export", "{run}", "--out", "{new}/cage.csv"], "cage.csv"),
        (["export", "{run}", "--format", "coco", "--out", "{new}/cage.json"], "cage.json"),
        (["measure", "{run}", "--out", "{new}"], "animals.csv"),
        (["plot", "{run}", "--only", "paths", "--out", "{new}"], "paths.png"),
        (["evaluate", "{run}", "{truth}", "--markdown", "{new}/scores.md"], "scores.md"),
        (["evaluate", "{run}", "{truth}", "--report", "{new}"], "index.html"),
        (["convert", "{truth}", "--to", "coco", "--images", "none", "--out", "{new}"], None),
        (["info", "{truth}", "--sheet", "{new}/sheet.png"], "sheet.png"),
        (["arena", "{clip}", "--circle", "zone:a,60,60,30", "--out", "{new}/a.toml"], "a.toml"),
        (["track", "{clip}", "--detector", "background", "--out", "{new}"], "manifest.json"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_folders_of_outputs_are_made(clip, tracked, tmp_path, capsys, arguments, made):
    new = tmp_path / "not" / "there"
    names = {"run": tracked, "truth": clip.with_name("gt.txt"), "clip": clip, "new": new}
    code, _, err = call(capsys, *(argument.format(**names) for argument in arguments))
    assert code == 0, err
    assert made is None or (new / made).exists()
    assert new.is_dir()


def test_info_of_a_video_and_of_images(clip, tmp_path, capsys):
    code, out, _ = call(capsys, "info", clip, "--json")
    facts = json.loads(out)
    assert code == 0
    assert facts["path"] == str(clip)
    assert (facts["width"], facts["height"], facts["n_frames"]) == (320, 240, 90)
    assert (facts["codec"], facts["bit_depth"], facts["stream"]) == ("h264", 8, 0)
    assert (facts["fps"], facts["fps_is_assumed"], facts["duration_s"]) == (30, False, 3)
    assert facts["truncated"] is None
    assert "320x240 pixels" in call(capsys, "info", clip)[1]

    import cv2

    folder = tmp_path / "images"
    folder.mkdir()
    cv2.imwrite(str(folder / "0.png"), np.zeros((48, 64, 3), np.uint8))
    code, out, _ = call(capsys, "info", folder)
    assert code == 0
    assert "1 frame" in out
    assert "assumed" in out
    assert "stream" not in out


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "an empty file"), (b"notes", "a text file"), (None, "nothing there")],
)
def test_info_of_something_else_says_what_it_is(tmp_path, capsys, content, words):
    path = tmp_path / "cage.mp4"
    if content is not None:
        path.write_bytes(content)
    code, _, err = call(capsys, "info", path)
    assert code == 1
    assert words in err
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "notes.txt").write_text("notes")
    code, _, err = call(capsys, "info", folder)
    assert code == 1
    assert "a run directory, a video, a folder of images or labelled data" in err


def test_a_run_without_animals_is_no_success(still_video, clip, tmp_path, capsys):
    run = tmp_path / "still.murid"
    arguments = ["track", still_video, "--animals", 2, "--detector", "background", "--out", run]
    code, out, err = call(capsys, *arguments)
    assert code == 3
    assert "warning: no animal was found in 5 frames: look at the video" in err
    assert "0 identities in 5 frames" in out
    code, out, err = call(capsys, *arguments, "--json")
    assert code == 3
    assert [warning["code"] for warning in json.loads(out)["warnings"]] == ["no-animal"]
    assert "warning" not in err
    assert call(capsys, "identify", run)[0] == 3

    code, out, err = call(capsys, "info", run)
    assert code == 0
    assert "no animal was found" in err
    code, _, err = call(capsys, "measure", run, "--out", tmp_path / "measures")
    assert code == 0
    assert "no animal was found" in err
    tables = {"animals", "pairs", "bouts"}
    for name in tables:
        table = pd.read_csv(tmp_path / "measures" / f"{name}.csv")
        assert len(table) == 0
        assert len(table.columns) > 5


@pytest.fixture
def still_run(still_video, tmp_path):
    """A run in which no animal was found."""
    return murid.track(still_video, animals=2, config=BACKGROUND, out=tmp_path / "still.murid").path


@pytest.mark.parametrize(
    "name", ["mot", "csv", "parquet", "movement", "via", "nwb", "deeplabcut", "idtracker", "coco"]
)
def test_a_run_without_animals_is_exported_well_formed_or_refused(
    still_run, tmp_path, capsys, name
):
    suffix = {"nwb": "nwb", "deeplabcut": "h5"}.get(name, "out")
    out = tmp_path / f"tracks.{suffix}"
    code, _, err = call(capsys, "export", still_run, "--format", name, "--out", out)
    if code == 1:
        assert "tracks: expected at least one animal, got none in any frame" in err
        assert not out.exists()
        return
    assert code == 0
    assert "warning: no animal was found" in err
    if name == "csv":
        assert list(pd.read_csv(out).columns)[:3] == ["frame", "time_s", "track_id"]
    elif name == "parquet":
        assert len(pd.read_parquet(out)) == 0
    elif name == "coco":
        assert json.loads(out.read_text())["annotations"] == []


def test_annotate(clip, tracked, tmp_path, capsys):
    out = tmp_path / "new" / "drawn.mp4"
    code, printed, err = call(capsys, "annotate", tracked, "--out", out, "--start", "1", "--end", 2)
    assert code == 0, err
    assert printed.strip() == str(out)
    frames = list(open_source(out).iterate())
    assert len(frames) == 30
    original = list(open_source(clip).iterate())[30:60]
    upper_right = (slice(0, 60), slice(240, 320))
    differences = [
        np.abs(drawn.image[upper_right].astype(int) - frame.image[upper_right]).mean()
        for drawn, frame in zip(frames, original, strict=True)
    ]
    assert np.median(differences) < 8
    # The number and the time of the frame are in the lower left corner, white on black.
    assert frames[0].image[225:, :4].mean() < 40

    for arguments, words in (
        (["--out", tmp_path / "drawn.avi"], "expected the name of an .mp4 file"),
        (["--out", out, "--start", 9], "the recording has 0 to 2.96667 s"),
        (["--out", out, "--start", "soon"], "start: expected seconds"),
    ):
        code, _, err = call(capsys, "annotate", tracked, *arguments)
        assert code == 1
        assert words in err
    assert len(list(open_source(out).iterate())) == 30


def test_annotate_never_replaces_the_video(clip, tmp_path, capsys):
    video = tmp_path / "cage.mp4"
    shutil.copy(clip, video)
    murid.track(video, animals=3, config=NO_REFINE)
    code, _, err = call(capsys, "annotate", tmp_path / "cage.murid", "--out", video)
    assert code == 1
    assert "another file than the video itself" in err
    assert video.read_bytes() == clip.read_bytes()

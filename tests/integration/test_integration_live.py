"""Live tracking of a video file that is played in real time."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from itertools import islice

import numpy as np
import pytest
from configs import BACKGROUND, TRACKS_ONLY

import murid
from murid.cli import run as murid_cli
from murid.errors import ConfigError, SourceError
from murid.live import CameraStream, LiveConfig, load_callback, open_camera, track_live
from murid.video import open_source


def go_live(clip, out, **options):
    with open_camera(str(clip), as_live=True) as camera_stream:
        return track_live(
            camera_stream,
            out,
            source=str(clip),
            animals=3,
            background=clip,
            **{"config": BACKGROUND, **options},
        )


def test_live_track_ids_are_those_of_the_run(clip, tmp_path):
    received = []

    def store(frame):
        received.append(
            (frame.index, frame.time_s, frame.latency_s, frame.tracked.track_ids.copy())
        )

    run, summary = go_live(clip, tmp_path / "live.murid", callbacks=[store], config=TRACKS_ONLY)
    assert summary.n_tracked == len(received)
    assert summary.n_tracked + summary.n_dropped == summary.n_captured == 90
    assert summary.n_tracked >= 10
    assert 0 < summary.p50_s <= summary.p99_s
    times = [time_s for _, time_s, *_ in received]
    assert times == sorted(times)
    assert 2 < times[-1] - times[0] < 10  # the clip lasts three seconds
    tracks = run.tracks()
    for index, _, latency_s, ids in received:
        assert latency_s > 0
        np.testing.assert_array_equal(
            tracks.track_ids[tracks.detections.frame_numbers == index], ids
        )
    assert len(np.unique(tracks.track_ids[tracks.track_ids >= 0])) == 3


def test_a_callback_that_fails_does_not_stop_tracking(clip, tmp_path):
    def fail(frame):
        raise ValueError("no reward today")

    run, summary = go_live(
        clip, tmp_path / "live.murid", callbacks=[fail], live=LiveConfig(max_duration_s=0.5)
    )
    assert summary.failures == summary.n_tracked > 0
    assert "no reward today" in summary.failure
    assert run.info()["stages"]["identification"] == "done"


def test_datagrams(clip, tmp_path, capsys):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5)
        arguments = [
            "live",
            str(clip),
            "--as-live",
            "--animals",
            "3",
            "--detector",
            "background",
            "--background",
            str(clip),
        ]
        arguments += ["--udp", f"127.0.0.1:{receiver.getsockname()[1]}", "--seconds", "1"]
        assert murid_cli([*arguments, "--out", str(tmp_path / "live.murid")]) == 0
        line = json.loads(receiver.recv(65536))
    assert set(line) == {"frame", "time_s", "latency_s", "animals"}
    assert {"id", "x", "y", "box", "score"} == set(line["animals"][0])
    said = capsys.readouterr().out
    assert "dropped" in said
    assert "latency" in said
    assert (
        murid_cli([*arguments, "--out", str(tmp_path / "live.murid")]) == 1
    )  # a run that is there is kept


def start(clip, out, *more):
    command = [
        sys.executable,
        "-m",
        "murid",
        "live",
        str(clip),
        "--as-live",
        "--animals",
        "3",
        "--out",
        str(out),
    ]
    return subprocess.Popen(
        [*command, "--detector", "background", "--background", str(clip), *more]
    )


def wait_for(path):
    until = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_signal_stops_without_losing_frames(clip, tmp_path):
    process = start(clip, tmp_path / "live.murid")
    wait_for(tmp_path / "live.murid" / "manifest.json")
    time.sleep(0.7)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    facts = murid.Run.open(tmp_path / "live.murid").info()
    assert 0 < facts["n_frames"] < 90
    assert set(facts["stages"].values()) == {"done"}


def test_a_killed_run_is_finished_or_resumed(clip, tmp_path, capsys):
    def stop(frame):
        if frame.index == 25:
            raise KeyboardInterrupt

    out = tmp_path / "live.murid"
    with pytest.raises(KeyboardInterrupt):
        go_live(clip, out, callbacks=[stop], live=LiveConfig(part_frames=10))
    run, summary = go_live(clip, out, resume=True, live=LiveConfig(part_frames=10))
    frames = run._directory.frames.read()
    assert len(frames) == 20 + summary.n_tracked
    assert (np.diff(frames.times_s) > 0).all()

    out = tmp_path / "other.murid"
    with pytest.raises(KeyboardInterrupt):
        go_live(clip, out, callbacks=[stop], live=LiveConfig(part_frames=10))
    assert murid_cli(["live", str(out)]) == 0
    assert "20 frames" in capsys.readouterr().out
    assert murid.Run.open(out).info()["stages"]["identification"] == "done"


def test_a_killed_run_is_finished_as_it_was_asked_for(clip, tmp_path):
    def stop(frame):
        if frame.index == 12:
            raise KeyboardInterrupt

    out = tmp_path / "live.murid"
    with pytest.raises(KeyboardInterrupt):
        go_live(clip, out, callbacks=[stop], config=TRACKS_ONLY, live=LiveConfig(part_frames=10))
    assert murid_cli(["live", str(out)]) == 0
    stages = murid.Run.open(out).info()["stages"]
    assert stages == {"detection": "done", "tracking": "done", "identification": "pending"}


def test_a_camera_that_is_unplugged_and_reconnected_continues_the_run(clip, tmp_path):
    plugged = []

    class Camera:
        fps = 30.0

        def __init__(self):
            plugged.append(1)
            if len(plugged) == 2:
                raise SourceError("0", "camera", "one", "none")
            frames = open_source(clip).iterate(30 * (len(plugged) > 2))
            self._frames = islice((frame.image for frame in frames), 30)

        def read(self):
            time.sleep(0.02)
            return next(self._frames, None) if len(plugged) < 4 else None

        def close(self):
            pass

    with closing(CameraStream(Camera, read_timeout_s=1.5)) as camera_stream:
        callback = lambda _: camera_stream.stop() if camera_stream.n_captured >= 58 else None  # noqa: E731
        run, summary = track_live(
            camera_stream,
            tmp_path / "a.murid",
            source="0",
            animals=3,
            config=BACKGROUND,
            background=clip,
            callbacks=[callback],
        )
    assert (summary.n_lost >= 1, summary.n_tracked > 20, summary.camera_failure) == (
        True,
        True,
        None,
    )
    frames = run._directory.frames.read()
    assert len(frames) == summary.n_tracked
    assert np.diff(frames.times_s).min() > 0
    assert np.diff(frames.times_s).max() > 0.5  # the gap is there
    assert set(run.info()["stages"].values()) == {"done"}


def test_camera_stopped_at_once_leaves_a_complete_run(clip, tmp_path):
    with open_camera(str(clip), as_live=True) as camera_stream:
        camera_stream.stop()
        run, summary = track_live(camera_stream, tmp_path / "a.murid", source="0", animals=2)
    assert (summary.n_tracked, run.info()["n_frames"]) == (0, 0)
    assert set(run.info()["stages"].values()) == {"done"}


def test_a_clock_that_was_set_back_does_not_compress_the_times(clip, tmp_path):
    def stop(frame):
        if frame.index == 12:
            raise KeyboardInterrupt

    out = tmp_path / "live.murid"
    with pytest.raises(KeyboardInterrupt):
        go_live(clip, out, callbacks=[stop], live=LiveConfig(part_frames=10))
    manifest = json.loads((out / "manifest.json").read_text())
    for operation in manifest["provenance"]:
        operation["time_utc"] = "2999-01-01T00:00:00+00:00"
    (out / "manifest.json").write_text(json.dumps(manifest))
    run, _ = go_live(clip, out, resume=True, live=LiveConfig(part_frames=10, max_duration_s=1.0))
    times = run._directory.frames.read().times_s
    assert len(times) > 12
    assert np.median(np.diff(times)[10:]) > 0.01
    assert times[-1] < 10


def test_arenas_live(clip, tmp_path):
    """Only the left arena is tracked, live and after a kill."""

    def stop(frame):
        if frame.index == 12:
            raise KeyboardInterrupt

    left = "arena:left,0,0,160,0,160,240,0,240"
    assert (
        murid_cli(["arena", str(clip), "--out", str(tmp_path / "a.toml"), "--polygon", left]) == 0
    )
    options = {"arena": tmp_path / "a.toml", "live": LiveConfig(part_frames=10, max_duration_s=1.5)}
    run, _ = go_live(clip, tmp_path / "a.murid", **options)
    tracks = run.tracks()
    assert len(tracks.track_ids) > 0
    assert tracks.detections.boxes[:, ::2].mean(axis=1).max() <= 161
    with pytest.raises(KeyboardInterrupt):
        go_live(clip, tmp_path / "b.murid", callbacks=[stop], **options)
    assert murid_cli(["live", str(tmp_path / "b.murid")]) == 0
    killed = murid.Run.open(tmp_path / "b.murid")
    assert killed.behaviour().layout.arena_names == run.behaviour().layout.arena_names == ("left",)
    assert killed.tracks().detections.boxes[:, ::2].mean(axis=1).max() <= 161


def test_the_background_is_updated_during_tracking(clip, tmp_path):
    with open_camera(str(clip), as_live=True) as camera_stream:
        run, summary = track_live(
            camera_stream,
            tmp_path / "a.murid",
            source="0",
            live=LiveConfig(background_times_s=(0.8, 1.5)),
        )
    assert summary.failure is None
    assert run.info()["n_frames"] == summary.n_tracked > 5


def test_invalid_input_is_refused(clip, tmp_path, tracked, capsys):
    with (
        open_camera(str(clip), as_live=True) as camera_stream,
        pytest.raises(ConfigError, match="background"),
    ):
        track_live(camera_stream, tmp_path / "a.murid", source="0", config=BACKGROUND)
    assert not (tmp_path / "a.murid").exists()
    for name in ("nonsense", "no_such_module:f", "json:no_such_function", "json:decoder"):
        with pytest.raises(ConfigError, match="--on-frame"):
            load_callback(name)
    for arguments in (
        ["99"],
        ["cage.mp4"],
        [str(tracked)],
        [str(clip), "--as-live", "--udp", "nowhere"],
    ):
        assert murid_cli(["live", *arguments, "--out", str(tmp_path / "b.murid")]) == 1
        assert capsys.readouterr().err.startswith("murid: ")
    with pytest.raises(ConfigError, match="max_duration_s"):
        LiveConfig(max_duration_s=0)


class StallingCamera:
    """Gives the images of a clip, with a stall of a second after some of them."""

    fps = 60.0  # what it says; it gives fewer

    def __init__(self, clip, stall_after, n_images):
        images = [frame.image for frame in open_source(clip).iterate()]
        self._images = iter(images[:n_images])
        self._n_left = stall_after

    def read(self):
        time.sleep(1.0 if self._n_left == 0 else 0.08)
        self._n_left -= 1
        return next(self._images, None)

    def close(self):
        pass


def test_a_camera_that_stalls_makes_a_gap(clip, tmp_path):
    seen = []
    config = TRACKS_ONLY.change("tracking.max_lost_s=0.5", "tracking.confirm_new_tracks=false")
    with closing(CameraStream(lambda: StallingCamera(clip, 8, 16))) as camera_stream:
        run, _ = track_live(
            camera_stream,
            tmp_path / "live.murid",
            source="0",
            background=clip,
            config=config,
            callbacks=[lambda frame: seen.append((frame.time_s, frame.tracked.track_ids.copy()))],
        )
    facts = run.info()
    times_s = run.trajectories().time_s
    assert np.diff(times_s).max() > 0.9
    # The rate is what came, not what the camera said.
    assert facts["fps"] == pytest.approx(1 / np.median(np.diff(times_s)))
    assert facts["fps"] < 15
    stall = int(np.argmax(np.diff(times_s)))
    assert stall in facts["gaps"]["after_frames"]
    # Half a second after it was last seen, a track has ended.
    ids = [set(own[own >= 0].tolist()) for _, own in seen]
    before = set().union(*ids[: stall + 1])
    after = set().union(*ids[stall + 1 :])
    assert before
    assert after
    assert not before & after
    # Tracking again gives the same tracks as tracking live.
    tracks = run.tracks()
    for index, (_, own) in enumerate(seen):
        rows = tracks.detections.frame_numbers == index
        np.testing.assert_array_equal(tracks.track_ids[rows], own)

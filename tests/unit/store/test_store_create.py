import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from store_runs import make_detections, write_frames, write_tracks

from murid.errors import RunError
from murid.store import RunDirectory

HELPERS = Path(__file__).parents[2] / "helpers"
WRITE_SLOWLY = """
import json, sys, time
sys.path.insert(0, sys.argv[2])
from store_runs import make_detections
from murid.store import RunDirectory
run = RunDirectory.create(sys.argv[1], **json.loads(sys.argv[3]))
with run.detections.write() as writer:
    for t in range(100_000):
        if t == 12:
            writer.add_unreadable(t, t / 30, "broken packet")
        else:
            writer.add(t, t / 30, make_detections(t))
        time.sleep(0.002)
"""


def parts_of(run: RunDirectory) -> dict[str, bytes]:
    return {
        str(p.relative_to(run.path)): p.read_bytes() for p in sorted(run.path.glob("*/*.parquet"))
    }


@pytest.fixture
def killed(tmp_path, settings):
    """A run of a process that was killed somewhere after its second part."""
    path = tmp_path / "killed.murid"
    arguments = [sys.executable, "-c", WRITE_SLOWLY, str(path), str(HELPERS), json.dumps(settings)]
    process = subprocess.Popen(arguments)
    deadline = time.monotonic() + 60
    while not (path / "detections/part-00001.parquet").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    return path


def test_killed_run_resumes_byte_for_byte(killed, tmp_path, settings):
    (killed / "detections/.part-00002.12ab.murid-tmp.parquet").write_bytes(b"half a part")
    with RunDirectory.create(killed, existing="resume", **settings) as resumed:
        assert resumed.next_frame >= 16
        n_frames = resumed.next_frame + 13
        write_frames(resumed, n_frames)
        resumed.detections.finish()
        write_tracks(resumed)
    with RunDirectory.create(tmp_path / "straight.murid", **settings) as straight:
        write_frames(straight, n_frames)
        straight.detections.finish()
        write_tracks(straight)
    assert parts_of(resumed) == parts_of(straight)
    assert not list(killed.rglob("*murid-tmp*"))


def test_embeddings_are_thinned_alike_when_a_run_is_resumed(tmp_path, settings):
    thinned = settings | {"config": {"detection": {"embeddings_every": 3}}}
    with RunDirectory.create(tmp_path / "straight.murid", **thinned) as straight:
        write_frames(straight, 20)
    with RunDirectory.create(tmp_path / "resumed.murid", **thinned) as resumed:
        write_frames(resumed, 11)
    with RunDirectory.create(tmp_path / "resumed.murid", existing="resume", **thinned) as resumed:
        write_frames(resumed, 20)
        with resumed.detections.rewrite_part(1) as (writer, n_frames):
            for t in range(writer.next_frame, writer.next_frame + n_frames):
                writer.add(t, t / 30, make_detections(t)) if t != 12 else writer.add_unreadable(
                    t, 0.4, "broken packet"
                )
    assert parts_of(resumed) == parts_of(straight)
    table = straight.detections.read()
    original = [make_detections(t) for t in range(20)]
    for t, (stored, made) in enumerate(zip(table, original, strict=True)):
        expected = made.embeddings if t % 3 == 0 else np.zeros_like(made.embeddings)
        if t != 12:
            np.testing.assert_allclose(stored.embeddings, expected, atol=1e-3)
    column = pq.ParquetFile(straight.path / "detections/part-00000.parquet").read()["embedding"]
    assert column.null_count == sum(len(original[t]) for t in range(8) if t % 3)


def test_error_while_detecting_leaves_whole_parts_only(tmp_path, settings):
    def detect(run):
        with run.detections.write() as writer:
            for t in range(12):
                writer.add_unreadable(t, t / 30, "broken")
            raise MemoryError

    with RunDirectory.create(tmp_path / "x", **settings) as run:
        with pytest.raises(MemoryError):
            detect(run)
        assert (run.n_parts, run.n_frames, run.next_frame) == (1, 8, 8)


def test_shorter_last_part_of_an_unfinished_run_is_detected_again(tmp_path, settings):
    with RunDirectory.create(tmp_path / "x", **settings) as run:
        write_frames(run, 11)
        assert (run.n_frames, run.next_frame) == (11, 8)
        write_frames(run, 20)
        run.detections.finish()
        assert run.detections.read().n_frames == 20


def test_detections_without_their_frames_do_not_count(tmp_path, settings):
    with RunDirectory.create(tmp_path / "x", **settings) as run:
        write_frames(run, 20)
        (run.path / "frames/part-00001.parquet").unlink()
        assert (run.n_parts, run.next_frame) == (1, 8)


def test_finished_run_has_nothing_to_resume(finished, settings):
    with RunDirectory.create(finished.path, existing="resume", **settings) as run:
        assert run.is_done("detection")
        assert run.is_done("tracking")
        assert run.next_frame == run.n_frames == 20
        with pytest.raises(RunError, match="expected an unfinished stage, got done"):
            run.detections.write()


def test_tracker_settings_may_change(finished, settings):
    changed = settings | {
        "config": {"detection": {"score_threshold": 0.1}, "tracking": {"max_lost_frames": 5}}
    }
    RunDirectory.create(finished.path, existing="resume", **changed).close()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"fingerprint": {"size_bytes": 1234}},
            "source.fingerprint.fps: expected 29.97.*, got None",
        ),
        ({"detector": "nano 77"}, "detector: expected 'nano 1f3a' .*, got 'nano 77'"),
        (
            {"config": {"detection": {"score_threshold": 0.2}}},
            "config.detection.score_threshold: expected 0.1.*, got 0.2",
        ),
    ],
)
def test_resuming_something_else_says_what_differs(finished, settings, change, message):
    with pytest.raises(RunError, match=message + ".*another --out, or start over with --restart"):
        RunDirectory.create(finished.path, existing="resume", **settings | change)
    RunDirectory.open(finished.path, writable=True).close()


@pytest.mark.parametrize("existing", ["resume", "restart"])
def test_a_run_of_another_video_stays(finished, settings, existing):
    before = parts_of(finished)
    other = settings | {"source": "cage.avi", "fingerprint": {"size_bytes": 99, "fps": 25}}
    message = r"video: expected .*cage\.mp4, whose run this is, got .*cage\.avi, another .*--out"
    with pytest.raises(RunError, match=message) as caught:
        RunDirectory.create(finished.path, existing=existing, **other)
    assert "--restart" not in str(caught.value)
    assert parts_of(finished) == before


def test_a_changed_file_is_another_sentence(finished, settings):
    changed = settings | {"fingerprint": {"size_bytes": 99, "fps": 25}}
    message = "a file that has changed, 99 bytes instead of 1234; --restart tracks it as it is now"
    with pytest.raises(RunError, match=message):
        RunDirectory.create(finished.path, existing="resume", **changed)
    RunDirectory.create(finished.path, existing="restart", **changed).close()


def test_a_video_that_was_moved_and_renamed_is_the_same(finished, settings):
    moved = settings | {"source": "elsewhere/renamed.mp4"}
    for existing in ("resume", "restart"):
        RunDirectory.create(finished.path, existing=existing, **moved).close()


def test_a_video_that_was_moved_and_changed_can_be_tracked_again(finished, settings):
    moved = settings | {"source": "elsewhere/cage.mp4", "fingerprint": {"size_bytes": 99}}
    with pytest.raises(RunError, match="--restart tracks it as it is now"):
        RunDirectory.create(finished.path, existing="resume", **moved)
    RunDirectory.create(finished.path, existing="restart", **moved).close()


def test_a_run_of_another_camera_stays(tmp_path, settings):
    first = settings | {"source": "camera://0", "fingerprint": {"live": "0", "width": 64}}
    RunDirectory.create(tmp_path / "live", **first).close()
    second = first | {"source": "camera://1", "fingerprint": {"live": "1", "width": 64}}
    with pytest.raises(RunError, match="expected camera://0, whose run this is, got camera://1"):
        RunDirectory.create(tmp_path / "live", existing="restart", **second)
    larger = first | {"fingerprint": {"live": "0", "width": 128}}
    with pytest.raises(RunError, match=r"fingerprint\.width: expected 64"):
        RunDirectory.create(tmp_path / "live", existing="resume", **larger)
    RunDirectory.create(tmp_path / "live", existing="restart", **larger).close()


def test_restart_removes_what_murid_wrote_and_nothing_else(finished, settings):
    other_files = [
        finished.path / "notes.txt",
        finished.path / "detections/mine.parquet",
        finished.path / "exports/cage.csv",
    ]
    for path in other_files:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    changed = settings | {"detector": "background"}
    with RunDirectory.create(finished.path, existing="restart", **changed) as run:
        assert run.manifest.detector == "background"
        assert (run.n_parts, run.next_frame, run.is_done("tracking")) == (0, 0, False)
        assert not list(run.path.glob("*/part-*"))
    assert all(path.read_text() == "mine" for path in other_files)


def test_existing_run_is_not_overwritten(finished, settings):
    before = parts_of(finished)
    with pytest.raises(RunError, match=r"got a run \(resume it, or use --restart\)"):
        RunDirectory.create(finished.path, **settings)
    assert parts_of(finished) == before


@pytest.mark.parametrize("existing", ["refuse", "resume", "restart"])
def test_directory_with_other_files_is_refused(tmp_path, settings, existing):
    (tmp_path / "holiday.jpg").write_text("beach")
    with pytest.raises(RunError, match=r"got other files, such as holiday.jpg"):
        RunDirectory.create(tmp_path, existing=existing, **settings)
    assert [p.name for p in tmp_path.iterdir()] == ["holiday.jpg"]


@pytest.mark.parametrize("existing", ["refuse", "resume", "restart"])
def test_manifest_of_another_program_is_refused(tmp_path, settings, existing):
    (tmp_path / "manifest.json").write_text(
        '{"manifest_version": 3, "name": "a browser extension"}'
    )
    with pytest.raises(RunError, match='format: expected "murid-run"'):
        RunDirectory.create(tmp_path, existing=existing, **settings)
    assert [p.name for p in tmp_path.iterdir()] == ["manifest.json"]


def test_hidden_files_do_not_make_a_directory_foreign(tmp_path, settings):
    (tmp_path / ".DS_Store").write_text("x")
    RunDirectory.create(tmp_path, **settings).close()


def test_existing_file_is_refused(tmp_path, settings):
    (tmp_path / "cage.murid").write_text("a file")
    with pytest.raises(RunError, match="expected a place for a run directory, got a file"):
        RunDirectory.create(tmp_path / "cage.murid", **settings)


def test_one_writer_at_a_time(finished, settings):
    with RunDirectory.open(finished.path, writable=True):
        with pytest.raises(
            RunError, match=f"expected no other process writing here, got process {os.getpid()} on "
        ):
            RunDirectory.open(finished.path, writable=True)
        with pytest.raises(RunError, match="no other process writing"):
            RunDirectory.create(finished.path, existing="restart", **settings)
        assert RunDirectory.open(finished.path).n_frames == 20
    RunDirectory.open(finished.path, writable=True).close()
    assert finished.n_frames == 20

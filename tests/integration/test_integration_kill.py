import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = """
import sys
from murid.store import run_directory
run_directory.PART_FRAMES = 16
from murid.store.run_directory import RunDirectory
RunDirectory.create.__func__.__kwdefaults__["part_frames"] = 16
from murid.pipeline import track
import time
def slowly(stage, done, total):
    if sys.argv[3] == "slow":
        time.sleep(0.05)
track(sys.argv[1], animals=3, detector="background", out=sys.argv[2], report=slowly)
"""


def read_parts(run: Path) -> dict[str, bytes]:
    return {str(p.relative_to(run)): p.read_bytes() for p in sorted(run.rglob("*.parquet"))}


def start(clip, run, pace):
    return subprocess.Popen([sys.executable, "-c", SCRIPT, str(clip), str(run), pace])


def test_a_killed_run_ends_like_an_undisturbed_one(clip, tmp_path):
    whole, killed = tmp_path / "whole.murid", tmp_path / "killed.murid"
    assert start(clip, whole, "fast").wait() == 0
    expected = read_parts(whole)
    assert len(expected) == 4 * 6 + 3
    for n_parts in (1, 3):
        process = start(clip, killed, "slow")
        while process.poll() is None and len(list(killed.glob("detections/part-*.parquet"))) < n_parts:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert 0 < len(list(killed.glob("detections/part-*.parquet"))) < 6
    assert start(clip, killed, "fast").wait() == 0
    assert read_parts(killed) == expected


@pytest.mark.slow
def test_killed_at_fifty_random_moments(clip, tmp_path):
    rng, whole, begun = random.Random(0), tmp_path / "whole.murid", time.monotonic()
    assert start(clip, whole, "slow").wait() == 0
    lasting, expected, unfinished = time.monotonic() - begun, read_parts(whole), 0
    for k in range(50):
        run = tmp_path / f"{k}.murid"
        process = start(clip, run, "slow")
        time.sleep(rng.uniform(0.2, 1.0) * lasting)
        process.kill()
        process.wait()
        unfinished += read_parts(run) != expected
        assert start(clip, run, "fast").wait() == 0
        assert read_parts(run) == expected
        shutil.rmtree(run)
    assert unfinished > 10


def test_damaged_and_missing_parts_are_made_anew(clip, tmp_path):
    run = tmp_path / "run.murid"
    assert start(clip, run, "fast").wait() == 0
    expected = read_parts(run)
    names = ["detections/part-00002", "detections/part-00005", "frames/part-00001", "tracks/part-00003"]
    for name in [*names, "identities/part-00000"]:
        part = run / f"{name}.parquet"
        data = part.read_bytes()
        third = len(data) // 3
        part.write_bytes(data[:third] + bytes(third) + data[2 * third :])
    (run / "detections" / "part-00004.parquet").unlink()
    assert start(clip, run, "fast").wait() == 0
    assert read_parts(run) == expected

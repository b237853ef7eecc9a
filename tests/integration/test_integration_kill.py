import random
import shutil
import time

import pytest
from short_parts import finish, kill, read_parts, start, wait_for_parts


def test_killed_run_resumes_to_the_same_result(clip, tmp_path):
    whole, killed = tmp_path / "whole.murid", tmp_path / "killed.murid"
    assert finish(start(clip, whole, "fast")) == ""
    expected = read_parts(whole)
    # Parts of four kinds; crossings, fur descriptors, point matches, foreground in gaps and two
    # summaries.
    assert len(expected) == 4 * 6 + 6
    for n_parts in (1, 3):
        process = start(clip, killed, "slow")
        wait_for_parts(process, killed, n_parts)
        kill(process)
        assert 0 < len(list(killed.glob("detections/part-*.parquet"))) < 6
    assert finish(start(clip, killed, "fast")) == ""
    assert read_parts(killed) == expected


@pytest.mark.slow
def test_killed_at_fifty_random_moments(clip, tmp_path):
    rng, whole, begun = random.Random(0), tmp_path / "whole.murid", time.monotonic()
    assert finish(start(clip, whole, "slow")) == ""
    lasting, expected, unfinished = time.monotonic() - begun, read_parts(whole), 0
    for k in range(50):
        run = tmp_path / f"{k}.murid"
        process = start(clip, run, "slow")
        time.sleep(rng.uniform(0.2, 1.0) * lasting)
        kill(process)
        unfinished += read_parts(run) != expected
        assert finish(start(clip, run, "fast")) == ""
        assert read_parts(run) == expected
        shutil.rmtree(run)
    assert unfinished > 10


def test_damaged_and_missing_parts_are_detected_again(clip, tmp_path):
    run = tmp_path / "run.murid"
    assert finish(start(clip, run, "fast")) == ""
    expected = read_parts(run)
    names = [
        "detections/part-00002",
        "detections/part-00005",
        "frames/part-00001",
        "tracks/part-00003",
    ]
    for name in [*names, "identities/part-00000"]:
        part = run / f"{name}.parquet"
        data = part.read_bytes()
        third = len(data) // 3
        part.write_bytes(data[:third] + bytes(third) + data[2 * third :])
    (run / "detections" / "part-00004.parquet").unlink()
    assert finish(start(clip, run, "fast")) == ""
    assert read_parts(run) == expected

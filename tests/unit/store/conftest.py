from typing import Any

import pytest
from store_runs import PART_FRAMES, write_frames, write_tracks

from murid.store import RunDirectory


@pytest.fixture
def settings() -> dict[str, Any]:
    return {
        "source": "cage.mp4",
        "fingerprint": {"size_bytes": 1234, "fps": 30000 / 1001, "hash": "abc"},
        "config": {"detection": {"score_threshold": 0.1}, "tracking": {"max_lost_frames": 30}},
        "detector": "nano 1f3a",
        "part_frames": PART_FRAMES,
    }


@pytest.fixture
def finished(tmp_path, settings):
    """A finished run of 20 frames in three parts."""
    run = RunDirectory.create(tmp_path / "cage.murid", **settings)
    write_frames(run, 20)
    run.detections.finish()
    write_tracks(run)
    run.close()
    return run

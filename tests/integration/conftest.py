from pathlib import Path

import numpy as np
import pytest
from configs import NO_REFINE

from murid.synthetic import RecordingConfig, record
from murid.video import VideoWriter


@pytest.fixture(scope="session")
def clip(tmp_path_factory) -> Path:
    """Three synthetic animals for 90 frames, and their truth beside the video."""
    directory = tmp_path_factory.mktemp("clip")
    config = RecordingConfig(n_animals=3, n_frames=90, width=320, height=240, body_px=42, seed=1)
    rows = []
    with VideoWriter(
        directory / "cage.mp4", config.fps, config.width, config.height
    ) as video_writer:
        for recorded in record(config):
            video_writer.write(recorded.frame.image)
            for box, row in zip(recorded.truth.boxes, recorded.truth.animal_indices, strict=True):
                left, top, width, height = *box[:2], *(box[2:] - box[:2])
                rows.append(
                    f"{recorded.frame.index + 1},{row + 1},{left},{top},{width},{height},1,1,1"
                )
    (directory / "gt.txt").write_text("\n".join(rows) + "\n")
    return directory / "cage.mp4"


@pytest.fixture(scope="session")
def tracked(clip, tmp_path_factory) -> Path:
    """Run directory of the clip, by the background detector."""
    from murid.pipeline.track import track

    out = tmp_path_factory.mktemp("run") / "cage.murid"
    return track(clip, animals=3, config=NO_REFINE, out=out).path


@pytest.fixture
def still_video(tmp_path) -> Path:
    with VideoWriter(tmp_path / "still.mp4", 25, 64, 64) as video_writer:
        for _ in range(5):
            video_writer.write(np.full((64, 64, 3), 128, np.uint8))
    return tmp_path / "still.mp4"

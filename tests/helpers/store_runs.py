"""Small runs for the tests of the store."""

import numpy as np

from murid.core.types import Detections, Tracks
from murid.store import RunDirectory

PART_FRAMES = 8


def make_detections(frame: int, embedding_size: int | None = 5) -> Detections:
    """Up to three animals, the same every time; frame 3 is empty."""
    rng = np.random.default_rng(frame)
    n = 0 if frame == 3 else int(rng.integers(0, 4))
    corners = rng.random((n, 2), dtype=np.float32) * 100
    embeddings = None
    if embedding_size is not None:
        embeddings = rng.normal(size=(n, embedding_size)).astype(np.float32)
        embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return Detections(
        np.hstack([corners, corners + 20]), rng.random(n, dtype=np.float32), embeddings
    )


def write_frames(run: RunDirectory, n_frames: int, embedding_size: int | None = 5) -> None:
    """Detections from where the run stands to `n_frames`; frame 12 cannot be decoded."""
    with run.write_detections() as writer:
        for t in range(writer.next_frame, n_frames):
            if t == 12:
                writer.add_unreadable(t, t / 30, "broken packet")
            else:
                writer.add(t, t / 30, make_detections(t, embedding_size))


def write_tracks(run: RunDirectory) -> None:
    """Every third detection in no track, the others in a track of their own, boxes moved by one pixel."""
    run.start_tracking({"max_lost_frames": 30})
    for first, table in run.iterate_detections():
        ids = np.where(np.arange(len(table)) % 3 == 0, -1, np.arange(len(table)) + 1)
        moved = type(table)(table.boxes + 1, table.scores, table.embeddings, table.frame_offsets)
        run.write_tracks(first, Tracks(moved, ids))
    run.finish_tracking()

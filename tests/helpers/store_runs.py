"""Small runs for the tests of the store."""

import numpy as np

from murid.core.types import Detections, DetectionTable, Tracks
from murid.store import AnimalName, RunDirectory
from murid.store.side_tables import COLOUR_FEATURES, GAP_FOREGROUND

PART_FRAMES = 8


def make_detections(frame: int, embedding_size: int | None = 5) -> Detections:
    """Up to three detections, the same in every call; frame 3 has none."""
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
    """Write detections from the next frame up to `n_frames`; frame 12 cannot be decoded."""
    with run.detections.write() as writer:
        for t in range(writer.next_frame, n_frames):
            if t == 12:
                writer.add_unreadable(t, t / 30, "broken packet")
            else:
                writer.add(t, t / 30, make_detections(t, embedding_size))


def write_tracks(run: RunDirectory) -> None:
    """Each detection in its own track, every third in none; boxes moved by one pixel."""
    run.tracks.start({"max_lost_frames": 30})
    for first, table in run.detections.iterate():
        ids = np.where(np.arange(len(table)) % 3 == 0, -1, np.arange(len(table)) + 1)
        moved = type(table)(table.boxes + 1, table.scores, table.embeddings, table.frame_offsets)
        run.tracks.write(first, Tracks(moved, ids))
    run.tracks.finish()


CROSSINGS = {
    "first_frame": np.array([2, 9]),
    "last_frame": np.array([4, 10]),
    "identity_a": np.array([1, 1]),
    "identity_b": np.array([2, 3]),
    "swap_probability": np.array([0.5, 0.25], np.float32),
}


def write_identities(run: RunDirectory) -> None:
    """The first two detections of a frame are animals 1 and 2; animal 3 is always interpolated."""
    run.identities.start({"animals": 3})
    for first, table in run.detections.iterate(embeddings=False):
        rows, boxes, scores, ids, counts = [], [], [], [], []
        for detections in table:
            n = min(len(detections), 2)
            rows += [*range(n), -1]
            boxes += [*detections.boxes[:n], np.array([1, 2, 3, 4])]
            scores += [*detections.scores[:n], 0.0]
            ids += [*range(1, n + 1), 3]
            counts.append(n + 1)
        rows = np.array(rows, np.int64)
        offsets = np.cumsum([0, *counts]).astype(np.int64)
        found = DetectionTable(
            np.array(boxes, np.float32), np.array(scores, np.float32), None, offsets
        )
        probabilities = np.where(rows < 0, 0.5, 0.75).astype(np.float32)
        tracks = Tracks(found, np.array(ids, np.int64), rows < 0, probabilities, rows == 0)
        run.identities.write(first, rows, tracks)
    run.identities.finish(CROSSINGS, "a note")
    run.identities.write_names({1: AnimalName("Ada", "0001", 0.75), 2: AnimalName("unknown_2")})


def make_colour_features() -> dict[str, np.ndarray]:
    return {
        "frame": np.array([0, 8]),
        "row": np.array([0, 1]),
        "colour_features": np.arange(6, dtype=np.float32).reshape(2, 3),
    }


def make_fur_descriptors(value: float = 0.0) -> dict[str, np.ndarray]:
    return {
        "frame": np.array([1, 2]),
        "row": np.array([0, 0]),
        "fur_descriptor": np.arange(8, dtype=np.float32).reshape(2, 4) + value,
    }


def make_point_matches(points: float = 7.0) -> dict[str, np.ndarray]:
    return {
        "match": np.array([0, 0, 1]),
        "frame": np.array([5, 5, 6]),
        "row": np.array([0, 0, 1]),
        "frame_before": np.array([4, 2, 5]),
        "row_before": np.array([1, 0, 0]),
        "points": np.array([points, 2, 3], np.float32),
    }


def make_gap_foreground() -> dict[str, np.ndarray]:
    return {
        "frame": np.array([4, 4, 5]),
        "row": np.array([1, 2, -1]),
        "first_column": np.array([3, 3, 0]),
        "end_column": np.array([5, 6, 0]),
        "cell_px": np.full(3, 2.0, np.float32),
    }


def write_side_tables(run: RunDirectory) -> None:
    """All side tables that are not written with tracks or identities."""
    run.side_tables.write(COLOUR_FEATURES, make_colour_features())
    run.side_tables.write_second_pass(make_fur_descriptors(), make_point_matches())
    run.side_tables.write(GAP_FOREGROUND, make_gap_foreground())

"""Small runs with a video, made from arrays, for tests of the review."""

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from murid.arenas.layout import Layout
from murid.core.types import Detections, DetectionTable, Tracks
from murid.store import RunDirectory
from murid.video import open_source

WIDTH = 160
HEIGHT = 120
FPS = 20
N_FRAMES = 120
PART_FRAMES = 32

Crossing = tuple[int, int, int, int, float]
"""First and last frame, two identities, and the swap probability."""

CROSSINGS: tuple[Crossing, ...] = ((30, 34, 1, 2, 0.2), (60, 66, 1, 3, 0.45), (90, 92, 1, 2, 0.2))


def get_box(animal: int, frame: int) -> np.ndarray:
    """Each animal in a row of its own, walking to the right and back."""
    x = 10 + (WIDTH - 40) * abs((frame / 60 + animal * 0.3) % 2 - 1)
    y = 4 + (animal - 1) * (HEIGHT - 16) / 10
    return np.array([x, y, x + 16, y + 9], np.float32)


def draw_frame(frame: int, n_animals: int) -> np.ndarray:
    """Grey floor; each animal has another brightness."""
    image = np.full((HEIGHT, WIDTH, 3), 200, np.uint8)
    for animal in range(1, n_animals + 1):
        x1, y1, x2, y2 = get_box(animal, frame).round().astype(int).tolist()
        cv2.rectangle(image, (x1, y1), (x2, y2), (10 * animal, 20 * animal, 60), -1)
    return image


def write_video(path: Path, n_frames: int = N_FRAMES, n_animals: int = 3) -> Path:
    """Write a video file, or a folder of images if the path has no suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = (draw_frame(t, n_animals) for t in range(n_frames))
    if not path.suffix:
        path.mkdir()
        for t, image in enumerate(frames):
            (path / f"f{t:04d}.png").write_bytes(cv2.imencode(".png", image)[1].tobytes())
        return path
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FPS, (WIDTH, HEIGHT))
    for image in frames:
        writer.write(image)
    writer.release()
    return path


def make_run(
    folder: Path,
    *,
    video: str = "cage.mp4",
    n_animals: int = 3,
    crossings: Sequence[Crossing] = CROSSINGS,
    n_frames: int = N_FRAMES,
    run: str = "cage.murid",
) -> Path:
    """Write a video and its run; animal 1 is interpolated in frames 31 to 33."""
    source = open_source(write_video(folder / video, n_frames, n_animals))
    with RunDirectory.create(
        folder / run,
        source=folder / video,
        fingerprint=source.compute_fingerprint(),
        config={"detection": {}, "tracking": {"max_tracks": n_animals}},
        detector="test",
        part_frames=PART_FRAMES,
        video=source.info.describe(),
    ) as directory:
        write_stages(directory, source.times_s, n_animals, crossings)
    return folder / run


def set_layout(run: Path, layout: Layout) -> None:
    """Store arenas and zones as if the video had been tracked with them."""
    path = run / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["config"]["arenas"] = layout.to_dict()
    path.write_text(json.dumps(manifest))


def write_stages(directory, times_s, n_animals, crossings) -> None:
    """Write detections, tracks and identities."""
    animals = range(1, n_animals + 1)
    with directory.detections.write() as writer:
        for t, time_s in enumerate(times_s.tolist()):
            seen = [get_box(animal, t) for animal in animals if not is_hidden(animal, t)]
            # One detection in each frame is of no animal.
            boxes = np.array([*seen, [140, 100, 155, 115]], np.float32)
            writer.add(t, time_s, Detections(boxes, np.full(len(boxes), 0.9, np.float32), None))
    directory.detections.finish()
    directory.tracks.start({"max_tracks": n_animals})
    for first, table in directory.detections.iterate(embeddings=False):
        ids = np.full(len(table), -1, np.int64)
        directory.tracks.write(first, Tracks(table, ids))
    directory.tracks.finish()
    write_identities(directory, n_animals, crossings)


def is_hidden(animal: int, frame: int) -> bool:
    return animal == 1 and 31 <= frame <= 33


def write_identities(directory, n_animals, crossings, numbers=None) -> None:
    """Write identities; `numbers` maps an animal to its identity, from a frame on."""
    numbers = numbers or (lambda animal, _frame: animal)
    directory.identities.start({"animals": n_animals})
    for first, table in directory.detections.iterate(embeddings=False):
        rows, boxes, ids, counts = [], [], [], []
        for t in range(first, first + table.n_frames):
            found = []
            row = 0
            for animal in range(1, n_animals + 1):
                hidden = is_hidden(animal, t)
                found.append((numbers(animal, t), -1 if hidden else row, get_box(animal, t)))
                row += not hidden
            found.sort(key=lambda entry: entry[0])
            ids += [entry[0] for entry in found]
            rows += [entry[1] for entry in found]
            boxes += [entry[2] for entry in found]
            counts.append(len(found))
        rows = np.array(rows, np.int64)
        offsets = np.cumsum([0, *counts]).astype(np.int64)
        scores = np.where(rows < 0, 0, 0.9).astype(np.float32)
        probabilities = np.where(rows < 0, 0.5, 0.9).astype(np.float32)
        tracks = Tracks(
            DetectionTable(np.array(boxes, np.float32), scores, None, offsets),
            np.array(ids, np.int64),
            rows < 0,
            probabilities,
            np.zeros(len(rows), bool),
        )
        directory.identities.write(first, rows, tracks)
    columns = np.array(crossings, float).reshape(-1, 5).T
    directory.identities.finish(
        {
            "first_frame": columns[0].astype(np.int64),
            "last_frame": columns[1].astype(np.int64),
            "identity_a": columns[2].astype(np.int64),
            "identity_b": columns[3].astype(np.int64),
            "swap_probability": columns[4].astype(np.float32),
        }
    )

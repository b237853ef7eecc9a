"""Runs of animals that cross each other, made of boxes without a video."""

from pathlib import Path

import numpy as np

from murid.core import Detections
from murid.pipeline.config import Config
from murid.pipeline.identify import identify
from murid.store import RunDirectory
from murid.tracking import TrackingConfig, make_tracker

FPS = 30.0
SIDE = 40.0
N_FRAMES = 300
# Both animals are in one box around the middle of a crossing. They come from left and right and
# leave up and down, or the other way round, so that nothing tells who is who afterwards.
HIDDEN_FRAMES = 8
CROSSINGS = (75, 225)


def make_centres(n_animals: int = 2) -> np.ndarray:
    """Return centres ``(F, n, 2)``: the first two animals meet twice, the others stay apart."""
    frames = np.arange(N_FRAMES)
    distances = np.min([np.abs(frames - crossing) for crossing in CROSSINGS], axis=0)
    offsets = np.clip(distances * 2.0, 0, 100)
    centres = np.zeros((N_FRAMES, n_animals, 2))
    is_upright = (frames > CROSSINGS[0]) & (frames < CROSSINGS[1])
    directions = np.where(is_upright[:, None], [0.0, 1.0], [1.0, 0.0])
    centres[:, 0] = [200, 150] - offsets[:, None] * directions
    centres[:, 1] = [200, 150] + offsets[:, None] * directions
    for animal in range(2, n_animals):
        wobble = 10 * np.sin(frames / 20 + animal)
        centres[:, animal] = np.column_stack([100 * animal + wobble, np.full(N_FRAMES, 300)])
    # A perfect tie would be decided by the order of the tracklets, which a correction may change.
    return centres + np.random.default_rng(0).normal(0, 1.5, centres.shape)


def make_crossing_run(path: Path, n_animals: int = 2, source: str = "crossing.mp4") -> Path:
    """Make a run whose animals are identified, in parts of 64 frames."""
    centres = make_centres(n_animals)
    fingerprint = {"width": 640, "height": 480, "fps": FPS, "n_frames": N_FRAMES, "sha256": "0"}
    with RunDirectory.create(
        path,
        source=source,
        fingerprint=fingerprint,
        config={"detection": {}, "tracking": {"max_tracks": n_animals}},
        detector="boxes",
        part_frames=64,
        video={"fps": FPS},
    ) as run:
        with run.detections.write() as writer:
            for frame in range(N_FRAMES):
                writer.add(frame, frame / FPS, _detect(centres[frame], frame))
        run.detections.finish()
        run.tracks.start({"max_tracks": n_animals})
        tracker = make_tracker(TrackingConfig(max_tracks=n_animals), FPS)
        for first, table in run.detections.iterate():
            times_s = (first + np.arange(table.n_frames)) / FPS
            run.tracks.write(first, tracker.follow(table, times_s=times_s))
        run.tracks.finish()
    identify_boxes(path, n_animals)
    return path


def identify_boxes(path: Path, n_animals: int | None = None) -> None:
    """Identify the animals of such a run, which has no video."""
    changes = ("identification.refine=never", "identification.use_foreground=false")
    identify(path, animals=n_animals, config=Config().change(*changes))


def _detect(centres: np.ndarray, frame: int) -> Detections:
    hidden = min(abs(frame - crossing) for crossing in CROSSINGS) < HIDDEN_FRAMES
    both = centres[:2].mean(axis=0, keepdims=True)
    seen = np.concatenate([both, centres[2:]]) if hidden else centres
    boxes = np.concatenate([seen - SIDE / 2, seen + SIDE / 2], axis=1).astype(np.float32)
    return Detections(boxes, np.full(len(boxes), 0.9, np.float32))


def read_identities(path: Path) -> dict[tuple[int, int], int]:
    """Return the identity of each detection, by frame and row."""
    run = RunDirectory.open(path)
    return {
        (frame, row): identity
        for frames, rows, identities, _ in run.identities.iterate_assignments()
        for frame, row, identity in zip(
            frames.tolist(), rows.tolist(), identities.tolist(), strict=True
        )
    }

"""Sequences with ground truth, and detections that are the same for every tracker."""

from __future__ import annotations

from collections.abc import Iterator
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from noise import Float64, compute_occlusion, degrade

from murid.core.types import Detections
from murid.datasets.camera_motion import read_camera_motion
from murid.datasets.mot_text import MotTable, read_mot_table
from murid.metrics import PLAIN_PROTOCOL, PROTOCOLS, GroundTruth, LabelledBoxes, ScoringProtocol
from murid.synthetic import SCENARIOS, make_scenario, record

ANIMALTRACK_FPS = 30.0


@dataclass(frozen=True, eq=False)
class Sequence:
    """One recording.

    Attributes
    ----------
    name : str
    fps : float
    detections : list of Detections
        Of each frame.
    truth : GroundTruth
    protocol : ScoringProtocol
        Which boxes are scored.
    motion : ndarray or None
        ``(F, 2, 3)`` camera motion, if known.
    n_animals : int or None
        Number of animals, if known beforehand.
    """

    name: str
    fps: float
    detections: list[Detections]
    truth: GroundTruth
    protocol: ScoringProtocol = PLAIN_PROTOCOL
    motion: Float64 | None = None
    n_animals: int | None = None


def load_mot17(folder: Path) -> Iterator[Sequence]:
    """Yield the second halves of MOT17's training sequences, with the given detections.

    The detector was trained on the first halves.
    """
    for path in sorted(p for p in folder.iterdir() if p.is_dir()):
        info = ConfigParser()
        info.read(path / "seqinfo.ini")
        n_frames = info.getint("Sequence", "seqLength")
        first = n_frames // 2
        truth = _cut(read_mot_table(path / "gt" / "gt.txt", n_frames), first)
        found = _cut(_read_detections(path / "det" / "det.txt"), first)
        yield Sequence(
            path.name,
            info.getfloat("Sequence", "frameRate"),
            [
                Detections(
                    found.boxes.boxes[rows].astype(np.float32),
                    found.scores[rows].astype(np.float32),
                )
                for rows in found.boxes.split(np.arange(n_frames - first))
            ],
            GroundTruth(truth.boxes, truth.scores != 0, truth.class_ids),
            PROTOCOLS["mot17"],
            read_camera_motion(path / "gmc.txt", n_frames)[first:],
        )


def load_animaltrack(folder: Path, seed: int) -> Iterator[Sequence]:
    """Yield AnimalTrack's training sequences, with degraded ground truth as detections."""
    for number, path in enumerate(sorted(folder.glob("*_gt.txt"))):
        boxes = _sort(read_mot_table(path)).boxes
        n_frames = int(boxes.frames.max()) + 1
        occlusion = np.concatenate(
            [compute_occlusion(boxes.boxes[rows]) for rows in boxes.split(np.arange(n_frames))]
        )
        name = path.name.removesuffix("_gt.txt")
        yield _degrade(name, boxes, occlusion, n_frames, ANIMALTRACK_FPS, 1000 * seed + number)


def load_scene(name: str, seed: int, seconds: float, cache: Path) -> Sequence:
    """Return a synthetic scenario, with degraded ground truth as detections.

    The ground truth is cached, because rendering the scene takes long.
    """
    config = make_scenario(name, seed, seconds)
    path = cache / f"{name}-{seed}-{seconds:g}s.npz"
    if not path.exists():
        truths = [recorded.truth for recorded in record(config)]
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(
            path,
            frames=np.repeat(np.arange(len(truths)), [len(t.animal_indices) for t in truths]),
            ids=np.concatenate([t.animal_indices for t in truths]),
            boxes=np.concatenate([t.boxes for t in truths]).astype(np.float64),
            occluded=np.concatenate([1 - t.visible_fractions for t in truths]).astype(np.float64),
        )
    with np.load(path) as stored:
        boxes = LabelledBoxes(*(stored[key] for key in ("frames", "ids", "boxes")))
        occlusion = stored["occluded"]
    draw = 1000 * seed + list(SCENARIOS).index(name)
    return _degrade(name, boxes, occlusion, config.n_frames, config.fps, draw, config.n_animals)


def _degrade(
    name: str,
    boxes: LabelledBoxes,
    occlusion: Float64,
    n_frames: int,
    fps: float,
    seed: int,
    n_animals: int | None = None,
) -> Sequence:
    truth = GroundTruth(boxes, np.ones(len(boxes), bool), np.ones(len(boxes), np.int64))
    return Sequence(
        name, fps, degrade(boxes, occlusion, n_frames, fps, seed), truth, n_animals=n_animals
    )


def _read_detections(path: Path) -> MotTable:
    rows = np.loadtxt(path, delimiter=",", ndmin=2)
    boxes = np.concatenate([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]], axis=1)
    numbered = LabelledBoxes(rows[:, 0].astype(np.int64) - 1, np.arange(len(rows)), boxes)
    return MotTable(numbered, rows[:, 6], np.ones(len(rows), np.int64))


def _cut(table: MotTable, first: int) -> MotTable:
    """Return the rows from a frame on, which becomes frame 0."""
    kept = np.flatnonzero(table.boxes.frames >= first)
    boxes = table.boxes.select(kept)
    moved = LabelledBoxes(boxes.frames - first, boxes.ids, boxes.boxes)
    return MotTable(moved, table.scores[kept], table.class_ids[kept])


def _sort(table: MotTable) -> MotTable:
    order = np.lexsort((table.boxes.ids, table.boxes.frames))
    return MotTable(table.boxes.select(order), table.scores[order], table.class_ids[order])

"""Measure a network on the six scenarios with unseen seeds, and on labelled recordings.

    python benchmarks/weights.py --cache DIR [--detector nano] [--labelled FOLDER ...] [--poses
    LABELS.h5 ...]

Over frames spread through each recording: average precision at IoU 0.5 and 0.75; the share of
animals found at IoU 0.5 with even odds or better, apart (the box overlaps no other) and in contact;
re-identification between the halves of the recording (rank one: the share of boxes of the second
half whose most alike box of the first half is the same animal). The peer is the detector without a
network, on the same frames. Rendered frames are kept in the cache.

A folder of `--labelled` holds ``video.mp4`` and ``gt/gt.txt``. `--poses` are pictures of one animal
labelled with key points by DeepLabCut: printed is the share with exactly one detection of even
odds, which holds snout and ears."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from murid.core import Detections, Frame
from murid.core.boxes import compute_iou
from murid.datasets.ground_truth import read_ground_truth_boxes
from murid.detection.detector import Detector, load_detector
from murid.metrics import compute_average_precision, match_greedily
from murid.synthetic import SCENARIOS, make_scenario, record
from murid.video import open_source, sample_frames

SEED = 990_001
N_FRAMES = 120
N_BACKGROUND_FRAMES = 60
EVEN_ODDS = 0.5
HEAD = ("snout", "leftear", "rightear")


@dataclass(frozen=True)
class Labelled:
    """Frames of a recording, and the true boxes and names of the animals in each."""

    images: list[NDArray[np.uint8]]
    boxes: list[NDArray[np.float32]]
    names: list[NDArray[np.int64]]


def render_scenario(name: str, cache: Path) -> Labelled:
    """Frames of a scenario, rendered if they are not in the cache."""
    config = make_scenario(name, SEED)
    every = config.n_frames // N_FRAMES
    folder = cache / f"{name}-{SEED}"
    if not (folder / "truth.npz").exists():
        folder.mkdir(parents=True, exist_ok=True)
        rows = []
        for k, shown in enumerate(record(config, every)):
            cv2.imwrite(str(folder / f"{k:04d}.png"), shown.frame.image[..., ::-1])
            rows += [
                (k, name_, *box)
                for name_, box in zip(shown.truth.animal_indices, shown.truth.boxes, strict=True)
            ]
        np.savez(folder / "truth.npz", rows=np.array(rows))
    rows = np.load(folder / "truth.npz")["rows"]
    paths = sorted(folder.glob("*.png"))
    images = [np.ascontiguousarray(cv2.imread(str(path))[..., ::-1]) for path in paths]
    each = [rows[rows[:, 0] == k] for k in range(len(images))]
    return Labelled(
        images,
        [r[:, 2:].astype(np.float32) for r in each],
        [r[:, 1].astype(np.int64) for r in each],
    )


def read_labelled(folder: Path) -> Labelled:
    """Frames of a labelled recording, spread through it."""
    truth = read_ground_truth_boxes(folder / "gt" / "gt.txt")
    frames = list(sample_frames(open_source(folder / "video.mp4"), N_FRAMES))
    rows = [truth.frames == frame.index for frame in frames]
    return Labelled(
        [f.image for f in frames],
        [truth.boxes[r].astype(np.float32) for r in rows],
        [truth.ids[r] for r in rows],
    )


def fit(detector: Detector, images: Sequence[NDArray[np.uint8]]) -> None:
    """Fit the background model of the detector."""
    chosen = np.unique(np.linspace(0, len(images) - 1, N_BACKGROUND_FRAMES).round().astype(int))
    detector.fit(Frame(k, float(k), images[k]) for k in chosen.tolist())


def measure(detector: Detector, recording: Labelled) -> str:
    """One row of the table."""
    fit(detector, recording.images)
    found = detector.detect(recording.images)
    pairs = list(zip(found, recording.boxes, strict=True))
    scores, n_truth = np.concatenate([d.scores for d in found]), sum(map(len, recording.boxes))
    precisions = [
        compute_average_precision(
            scores, np.concatenate([match_greedily(d.boxes, t, iou) for d, t in pairs]), n_truth
        )
        for iou in (0.5, 0.75)
    ]
    seen = np.concatenate([find_seen(d, t) for d, t in pairs])
    touching = np.concatenate([(compute_iou(t, t) > 0).sum(axis=1) > 1 for t in recording.boxes])
    shares = [
        *precisions,
        *(seen[part].mean() if part.any() else np.nan for part in (~touching, touching)),
    ]
    return " | ".join(f"{100 * share:5.1f}" for share in (*shares, compute_rank1(found, recording)))


def find_seen(detections: Detections, truth: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which animals have a detection of even odds, each its own."""
    sure = detections.boxes[detections.scores >= EVEN_ODDS]
    return match_greedily(truth, sure) if len(sure) else np.zeros(len(truth), bool)


def compute_rank1(found: Sequence[Detections], recording: Labelled) -> float:
    """Return the share of boxes of the second half with the right animal in the first half."""
    if not found or found[0].embeddings is None:
        return float("nan")
    embeddings, names, halves = [], [], []
    for k, (detections, boxes, who) in enumerate(
        zip(found, recording.boxes, recording.names, strict=True)
    ):
        overlap = (
            compute_iou(detections.boxes, boxes)
            if len(boxes)
            else np.zeros((len(detections.boxes), 0))
        )
        for row in np.flatnonzero(overlap.max(axis=1, initial=0) >= 0.5):
            assert detections.embeddings is not None
            embeddings.append(detections.embeddings[row])
            names.append(who[overlap[row].argmax()])
            halves.append(2 * k >= len(found))
    vectors, owners, later = np.array(embeddings), np.array(names), np.array(halves)
    if later.all() or not later.any():
        return float("nan")
    nearest = (vectors[later] @ vectors[~later].T).argmax(axis=1)
    return float((owners[~later][nearest] == owners[later]).mean())


def measure_poses(detector: Detector, labels: Path) -> str:
    """Share of the pictures of one animal with exactly one sure detection, which holds its head."""
    table = pd.read_hdf(labels)
    images, heads = [], []
    for index, row in table.iterrows():
        parts = index if isinstance(index, tuple) else (index,)
        images.append(
            np.ascontiguousarray(cv2.imread(str(labels.parent / Path(*parts).name))[..., ::-1])
        )
        points = row.droplevel(0).unstack()
        heads.append(
            points.loc[[p for p in HEAD if p in points.index], ["x", "y"]].dropna().to_numpy()
        )
    fit(detector, images)
    right = 0
    for detections, head in zip(detector.detect(images), heads, strict=True):
        sure = detections.boxes[detections.scores >= EVEN_ODDS]
        right += len(sure) == 1 and bool(
            (head >= sure[0, :2]).all() and (head <= sure[0, 2:]).all()
        )
    return f"{right} of {len(images)} ({100 * right / len(images):.1f} %)"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--detector", default="nano")
    parser.add_argument("--labelled", type=Path, nargs="*", default=[])
    parser.add_argument("--poses", type=Path, nargs="*", default=[])
    arguments = parser.parse_args()
    print(
        "| recording | detector | AP50 | AP75 | apart | contact | rank 1 |\n"
        "|---|---|---|---|---|---|---|"
    )
    recordings = [(name, render_scenario(name, arguments.cache)) for name in SCENARIOS]
    recordings += [(folder.name, read_labelled(folder)) for folder in arguments.labelled]
    for name, recording in recordings:
        for detector in (arguments.detector, "background"):
            print(
                f"| {name} | {detector} | {measure(load_detector(detector), recording)} |",
                flush=True,
            )
    for labels in arguments.poses:
        print(
            f"{labels.parent.name}: head held by the only detection in "
            f"{measure_poses(load_detector(arguments.detector), labels)}"
        )


if __name__ == "__main__":
    main()

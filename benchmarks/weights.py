"""Measure a network on the six scenarios with unseen seeds, and on labelled recordings.

    python benchmarks/weights.py --cache DIR [--detector nano] [--labelled FOLDER ...] [--poses
    LABELS.h5 ...]

Columns, over frames spread evenly through each recording:

- average precision at IoU 0.5 and 0.75
- recall at IoU 0.5 and a score of 0.5 or more, of animals apart (no other box overlaps theirs) and
  in contact
- rank-1 accuracy of re-identification: the share of boxes of the second half of the recording for
  which the most similar box of the first half is of the same animal

The peer is the detector without a network, on the same frames. Rendered frames are cached.

A folder of `--labelled` contains ``video.mp4`` and ``gt/gt.txt``. `--poses` are images of one
animal with key points labelled in DeepLabCut. For these, the share of images is printed that have
exactly one detection with a score of 0.5 or more, with snout and ears inside its box.
"""

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

# A seed that no training uses.
SEED = 990_001
# Frames that are measured, and frames from which the background is learnt.
N_FRAMES = 120
N_BACKGROUND_FRAMES = 60
# Scores are calibrated: a detection with this score is correct with probability 0.5.
MIN_SCORE = 0.5
# Key points of the head in DeepLabCut's project.
HEAD = ("snout", "leftear", "rightear")


@dataclass(frozen=True)
class Labelled:
    """Frames of a recording, and the true boxes and ids of the animals in each."""

    images: list[NDArray[np.uint8]]
    boxes: list[NDArray[np.float32]]
    ids: list[NDArray[np.int64]]


def render_scenario(name: str, cache: Path) -> Labelled:
    """Return frames of a scenario; render them if they are not in the cache."""
    config = make_scenario(name, SEED)
    every = config.n_frames // N_FRAMES
    folder = cache / f"{name}-{SEED}"
    if not (folder / "truth.npz").exists():
        folder.mkdir(parents=True, exist_ok=True)
        rows = []
        for k, shown in enumerate(record(config, every)):
            cv2.imwrite(str(folder / f"{k:04d}.png"), shown.frame.image[..., ::-1])
            truth = shown.truth
            rows += [
                (k, animal, *box)
                for animal, box in zip(truth.animal_indices, truth.boxes, strict=True)
            ]
        np.savez(folder / "truth.npz", rows=np.array(rows))
    # Columns: frame, animal, x1, y1, x2, y2.
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
    """Return frames spread evenly through a labelled recording."""
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
    """Return one row of the table."""
    fit(detector, recording.images)
    found = detector.detect(recording.images)
    pairs = list(zip(found, recording.boxes, strict=True))
    # Average precision.
    scores = np.concatenate([d.scores for d in found])
    n_truth = sum(map(len, recording.boxes))
    precisions = []
    for iou in (0.5, 0.75):
        hits = np.concatenate([match_greedily(d.boxes, t, iou) for d, t in pairs])
        precisions.append(compute_average_precision(scores, hits, n_truth))
    # Recall of animals apart and in contact.
    detected = np.concatenate([find_detected(d, t) for d, t in pairs])
    touching = np.concatenate([(compute_iou(t, t) > 0).sum(axis=1) > 1 for t in recording.boxes])
    recalls = [detected[part].mean() if part.any() else np.nan for part in (~touching, touching)]
    shares = [*precisions, *recalls, compute_rank1(found, recording)]
    return " | ".join(f"{100 * share:5.1f}" for share in shares)


def find_detected(detections: Detections, truth: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which animals ``(n,)`` match a detection of `MIN_SCORE` or more, one to one."""
    likely = detections.boxes[detections.scores >= MIN_SCORE]
    return match_greedily(truth, likely) if len(likely) else np.zeros(len(truth), bool)


def compute_rank1(found: Sequence[Detections], recording: Labelled) -> float:
    """Return the rank-1 accuracy of boxes of the second half among those of the first half."""
    if not found or found[0].embeddings is None:
        return float("nan")
    embeddings = []
    animals = []
    in_second_half = []
    for k, (detections, boxes, ids) in enumerate(
        zip(found, recording.boxes, recording.ids, strict=True)
    ):
        overlap = np.zeros((len(detections.boxes), 0))
        if len(boxes):
            overlap = compute_iou(detections.boxes, boxes)
        for row in np.flatnonzero(overlap.max(axis=1, initial=0) >= 0.5):
            assert detections.embeddings is not None
            embeddings.append(detections.embeddings[row])
            animals.append(ids[overlap[row].argmax()])
            in_second_half.append(2 * k >= len(found))
    vectors = np.array(embeddings)
    owners = np.array(animals)
    later = np.array(in_second_half)
    if later.all() or not later.any():
        return float("nan")
    nearest = (vectors[later] @ vectors[~later].T).argmax(axis=1)
    return float((owners[~later][nearest] == owners[later]).mean())


def measure_poses(detector: Detector, labels: Path) -> str:
    """Return how many images have exactly one likely detection, with the head inside its box."""
    table = pd.read_hdf(labels)
    images = []
    heads = []
    for index, row in table.iterrows():
        parts = index if isinstance(index, tuple) else (index,)
        path = labels.parent / Path(*parts).name
        images.append(np.ascontiguousarray(cv2.imread(str(path))[..., ::-1]))
        points = row.droplevel(0).unstack()
        labelled = [p for p in HEAD if p in points.index]
        heads.append(points.loc[labelled, ["x", "y"]].dropna().to_numpy())
    fit(detector, images)
    n_correct = 0
    for detections, head in zip(detector.detect(images), heads, strict=True):
        likely = detections.boxes[detections.scores >= MIN_SCORE]
        if len(likely) == 1:
            inside = (head >= likely[0, :2]).all() and (head <= likely[0, 2:]).all()
            n_correct += bool(inside)
    return f"{n_correct} of {len(images)} ({100 * n_correct / len(images):.1f} %)"


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
            f"{labels.parent.name}: head inside the only detection in "
            f"{measure_poses(load_detector(arguments.detector), labels)}"
        )


if __name__ == "__main__":
    main()

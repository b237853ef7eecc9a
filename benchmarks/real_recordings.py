"""Accuracy of `murid track` on real recordings that no weights were trained on.

    python benchmarks/real_recordings.py --work /tmp/real --out benchmarks

Tracks each recording under ``$MURID_DATA/rodents`` that has ground truth, with the shipped network
and the number of animals, and scores it with `murid evaluate`. Where only some frames are labelled
(``gt_sparse.txt``), these frames alone are scored. Prints a table in Markdown and writes
``real_recordings.json``.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import murid
from murid.datasets.mot_text import read_mot
from murid.metrics import LabelledBoxes, compute_metrics


@dataclass(frozen=True)
class Clip:
    """A recording: its folder, a description, the number of animals, and its ground truth."""

    folder: str
    description: str
    n_animals: int
    truth: str


CLIPS = (
    Clip("sleapmot-2mice-homecage", "black and white mouse, home cage", 2, "gt/gt.txt"),
    Clip("udmt-rat2mice-a", "white rat and two black mice", 3, "gt/gt.txt"),
    Clip("dlcpost-2mice", "two black mice on bedding", 2, "gt_sparse.txt"),
    Clip("vibes-2mice-a", "two dark mice circling, overexposed", 2, "gt_sparse.txt"),
)


def to_labelled_boxes(tracks: murid.Tracks) -> LabelledBoxes:
    """Boxes of the identities, interpolated ones included."""
    rows = np.flatnonzero(tracks.track_ids >= 0)
    detections = tracks.detections
    boxes = detections.boxes[rows].astype(np.float64)
    return LabelledBoxes(detections.frame_numbers[rows], tracks.track_ids[rows], boxes)


def keep_frames(boxes: LabelledBoxes, frames: np.ndarray) -> LabelledBoxes:
    """Boxes in some frames ``(k,)``, ascending, which become frames 0 to k - 1."""
    kept = boxes.select(np.isin(boxes.frames, frames))
    return LabelledBoxes(np.searchsorted(frames, kept.frames), kept.ids, kept.boxes)


def score(clip: Clip, root: Path, work: Path) -> dict[str, float | str | int]:
    """Track a recording and score the frames that are labelled."""
    folder = root / clip.folder
    run = murid.track(
        folder / "video.mp4",
        animals=clip.n_animals,
        out=work / f"{clip.folder}.murid",
    )
    truth = read_mot(folder / clip.truth)
    frames = np.unique(truth.frames)
    result = keep_frames(to_labelled_boxes(run.tracks()), frames)
    metrics = compute_metrics(keep_frames(truth, frames), result, len(frames))
    n_truth = metrics.true_positives + metrics.false_negatives
    return {
        "recording": clip.folder,
        "description": clip.description,
        "animals": clip.n_animals,
        "labelled_frames": len(frames),
        "idf1": round(metrics.idf1, 1),
        "hota": round(metrics.hota, 1),
        "recall": round(100 * metrics.true_positives / n_truth, 1),
        "id_switches": int(metrics.id_switches),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="folder for the runs")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    root = Path(os.environ["MURID_DATA"]) / "rodents"
    options.work.mkdir(parents=True, exist_ok=True)
    rows = [score(clip, root, options.work) for clip in CLIPS]
    print("| recording | animals | labelled frames | recall | IDF1 | HOTA | ID switches |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        name = f"{row['description']} (`{row['recording']}`)"
        cells = [row[key] for key in ("animals", "labelled_frames", "recall", "idf1", "hota")]
        print(f"| {name} | {' | '.join(map(str, cells))} | {row['id_switches']} |")
    (options.out / "real_recordings.json").write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()

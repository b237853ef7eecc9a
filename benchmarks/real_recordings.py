"""Accuracy of `murid track` on real recordings that no weights were trained on.

    python benchmarks/real_recordings.py --work /tmp/real --out benchmarks

Tracks each recording under ``$MURID_DATA/rodents`` that has ground truth, with the shipped network
and the number of animals, and scores it as `murid evaluate` does: where only some frames are
labelled (``gt_sparse.txt``), these frames alone are scored. Prints a table in Markdown and writes
``real_recordings.json``.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import dataclass
from pathlib import Path

import murid


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


def score(clip: Clip, root: Path, work: Path, precision: str) -> dict[str, float | str | int]:
    """Track a recording and score the frames that are labelled."""
    folder = root / clip.folder
    run = murid.track(
        folder / "video.mp4",
        animals=clip.n_animals,
        config=murid.Config().change(f"detection.precision={precision}"),
        out=work / f"{clip.folder}.murid",
    )
    metrics = run.evaluate(folder / clip.truth)
    n_truth = metrics.true_positives + metrics.false_negatives
    return {
        "recording": clip.folder,
        "description": clip.description,
        "animals": clip.n_animals,
        "precision": precision,
        "labelled_frames": metrics.n_frames,
        "idf1": round(metrics.idf1, 1),
        "hota": round(metrics.hota, 1),
        "recall": round(100 * metrics.true_positives / n_truth, 1),
        "id_switches": int(metrics.id_switches),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="folder for the runs")
    # The default of murid, auto, is bf16 where the processor has it, so figures would depend on it.
    parser.add_argument("--precision", choices=("f32", "bf16"), default="f32")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    root = Path(os.environ["MURID_DATA"]) / "rodents"
    options.work.mkdir(parents=True, exist_ok=True)
    rows = [score(clip, root, options.work, options.precision) for clip in CLIPS]
    print("| recording | animals | labelled frames | recall | IDF1 | HOTA | ID switches |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        name = f"{row['description']} (`{row['recording']}`)"
        cells = [row[key] for key in ("animals", "labelled_frames", "recall", "idf1", "hota")]
        print(f"| {name} | {' | '.join(map(str, cells))} | {row['id_switches']} |")
    (options.out / "real_recordings.json").write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()

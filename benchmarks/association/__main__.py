"""Association on equal detections: DAM beside SORT, ByteTrack, OC-SORT, BoT-SORT and C-BIoU.

    python benchmarks/association --data ../shared/data --out association.json
    python benchmarks/association --data ../shared/data --ablation

All trackers of a run get the same detections. Data sets: ``mot17`` (given detections and camera
motion), ``animaltrack`` (ground truth degraded by the model of noise.py) and six synthetic
scenarios (the same; rendered once and cached). Needs ``pip install -e ".[bench]"``. Times
are processor time and vary with the machine: compare them within a run."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import cv2
from peers import PEERS, Peer
from scoring import Row, combine, score
from sequences import Sequence, load_animaltrack, load_mot17, load_scene
from variants import ABLATION, DAM, NEEDS_N_ANIMALS

from murid.metrics import MetricSums
from murid.synthetic import SCENARIOS

DATA_SETS = ("mot17", "animaltrack", *SCENARIOS)
Make = Callable[[Sequence], Any]


def load_data_set(data_set: str, arguments: argparse.Namespace) -> Iterator[Sequence]:
    """Yield the sequences of a data set, for all seeds."""
    if data_set == "mot17":
        yield from load_mot17(arguments.data / "association" / "mot17")
        return
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
        if data_set == "animaltrack":
            yield from load_animaltrack(arguments.data / "animaltrack" / "gt_train", seed)
        else:
            yield load_scene(data_set, seed, arguments.seconds, arguments.cache)


def choose_trackers(arguments: argparse.Namespace) -> dict[str, Make]:
    """Return functions that make the trackers, by name."""
    if arguments.ablation:
        return dict(ABLATION)
    return {**{name: lambda s, n=name: Peer(n, s.fps, s.motion) for name in PEERS}, **DAM}


def measure(data_set: str, arguments: argparse.Namespace) -> list[Row]:
    """Score all trackers on one data set, in turn on each sequence, so that their times compare."""
    cv2.setNumThreads(1)
    trackers = choose_trackers(arguments)
    parts: dict[str, list[MetricSums]] = {name: [] for name in trackers}
    seconds = dict.fromkeys(trackers, 0.0)
    n_frames = 0
    for sequence in load_data_set(data_set, arguments):
        n_frames += len(sequence.detections)
        for name, make in trackers.items():
            if name in NEEDS_N_ANIMALS and sequence.n_animals is None:
                continue
            tracker = make(sequence)
            started = time.process_time()
            tracked = tracker.follow(sequence.detections)
            seconds[name] += time.process_time() - started
            parts[name].append(score(sequence, tracked))
    n_seeds = 1 if data_set == "mot17" else arguments.seeds
    return [
        combine(data_set, name, part, n_seeds, 1e6 * seconds[name] / n_frames)
        for name, part in parts.items()
        if part
    ]


def show(rows: list[Row]) -> str:
    """Return the table of one data set in Markdown."""
    lines = [
        f"| {rows[0].data_set} | HOTA | AssA | DetA | IDF1 | MOTA | switches | µs/frame |",
        "|---" * 8 + "|",
    ]
    lines += [
        f"| {r.tracker} | {r.hota:.1f} | {r.assa:.1f} | {r.deta:.1f} | {r.idf1:.1f} "
        f"| {r.mota:.1f} | {r.switches:.1f} | {r.us_per_frame:.0f} |"
        for r in rows
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Score, print and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=os.environ.get("MURID_DATA", "../shared/data"))
    parser.add_argument("--data-sets", nargs="+", choices=DATA_SETS, default=list(DATA_SETS))
    parser.add_argument(
        "--ablation",
        action="store_true",
        help="the default with each ingredient off, one at a time",
    )
    parser.add_argument("--seeds", type=int, default=3, help="of the degraded data sets")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the scenes")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "murid" / "scenes")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path, help="JSON with every figure")
    arguments = parser.parse_args()
    rows: list[Row] = []
    with ProcessPoolExecutor(arguments.workers) as pool:
        for found in pool.map(measure, arguments.data_sets, [arguments] * len(arguments.data_sets)):
            print(show(found), flush=True)
            rows += found
    if arguments.out:
        settings = {key: str(value) for key, value in vars(arguments).items()}
        arguments.out.write_text(
            json.dumps({"settings": settings, "rows": [r.to_dict() for r in rows]}, indent=1)
        )


if __name__ == "__main__":
    main()

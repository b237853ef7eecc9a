"""Time of the association for each frame, and IDF1, beside the peers on one stream.

    python benchmarks/association/speed.py --out speed.json

Animals walk at random, their velocities correlated, in a picture of 1280 x 720: 5 % misses, 1 %
false alarms, boxes give or take a pixel, embeddings of 128 numbers. Contenders take turns, round
after round, each in the processor time of its thread; its best round counts, the ratio is to the
fastest peer. ``stretch`` hands over whole stretches, as `murid track` does with what it has stored;
``frame`` one frame after the other, as `murid live`; ``readable`` is `murid.Tracker`, the truth for
both."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from peers import PEERS, Peer

from murid.core.embeddings import normalize
from murid.core.types import Detections, DetectionTable, TrackedDetections, Tracks
from murid.metrics import LabelledBoxes, compute_metrics
from murid.tracking import Tracker, TrackingConfig, make_tracker

WIDTH, HEIGHT, FPS, SIZE = 1280, 720, 30.0, 128
Follow = Callable[[DetectionTable, list[Detections]], list[TrackedDetections] | Tracks]


def make_stream(n: int, n_frames: int, seed: int) -> tuple[LabelledBoxes, list[Detections]]:
    """Truth and detections; with many animals, smaller ones."""
    rng = np.random.default_rng(seed)
    half = np.array([24.0, 16.0]) * min(1.0, (50 / n) ** 0.5)
    room = np.array([WIDTH, HEIGHT]) - half
    places, steps, looks = (
        rng.uniform(half, room, (n, 2)),
        rng.normal(0, 2, (n, 2)),
        rng.normal(size=(n, SIZE)),
    )
    truths, frames = [], []
    for _ in range(n_frames):
        steps = 0.9 * steps + rng.normal(0, 0.4 * half[1] / 16, (n, 2))
        steps = np.where((places + steps < half) | (places + steps > room), -steps, steps)
        places = places + steps
        truths.append(np.concatenate([places - half, places + half], axis=1))
        seen, n_false = rng.random(n) > 0.05, rng.binomial(n, 0.01)
        centres = np.concatenate([places[seen], rng.uniform(half, room, (n_false, 2))])
        jitter = rng.normal(0, 1, (len(centres), 4)) * half[0] / 24
        shown = np.concatenate(
            [looks[seen] + rng.normal(0, 0.3, (seen.sum(), SIZE)), rng.normal(size=(n_false, SIZE))]
        )
        boxes = (np.concatenate([centres - half, centres + half], axis=1) + jitter).astype(
            np.float32
        )
        scores = rng.uniform(0.6, 0.95, len(boxes)).astype(np.float32)
        frames.append(Detections(boxes, scores, normalize(shown).astype(np.float32)))
    numbers = np.repeat(np.arange(n_frames), n)
    return LabelledBoxes(
        numbers, np.tile(np.arange(1, n + 1), n_frames), np.concatenate(truths)
    ), frames


def list_contenders() -> dict[str, Follow]:
    """What is measured, by name."""

    def peer(name: str) -> Follow:
        return lambda _, frames: Peer(name, FPS, None).follow(frames)

    def readable(_: DetectionTable, frames: list[Detections]) -> list[TrackedDetections]:
        tracker = Tracker(TrackingConfig(), FPS)
        return [tracker.step(frame) for frame in frames]

    def one_by_one(_: DetectionTable, frames: list[Detections]) -> list[TrackedDetections]:
        tracker = make_tracker(TrackingConfig(), FPS)
        return [tracker.step(frame) for frame in frames]

    own: dict[str, Follow] = {
        "murid, stretch": lambda table, _: make_tracker(TrackingConfig(), FPS).follow(table),
        "murid, frame": one_by_one,
        "murid, readable": readable,
    }
    return own | {name: peer(name) for name in PEERS}


def measure(n: int, arguments: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Microseconds a frame and IDF1 of every contender."""
    n_frames = max(60, min(arguments.frames, 30000 // n))
    truth, frames = make_stream(n, n_frames, arguments.seed)
    table, contenders = DetectionTable.from_frames(frames), list_contenders()
    times = dict.fromkeys(contenders, np.inf)
    tracks: dict[str, Tracks] = {}
    contenders["murid, stretch"](table, frames)  # loaded, or compiled the first time
    for _ in range(arguments.rounds):
        for name, follow in contenders.items():
            started = time.thread_time()
            found = follow(table, frames)
            times[name] = min(times[name], 1e6 * (time.thread_time() - started) / n_frames)
            tracks[name] = found if isinstance(found, Tracks) else Tracks.from_frames(found)
    scores = {
        name: compute_metrics(truth, LabelledBoxes.from_tracks(t), n_frames).idf1
        for name, t in tracks.items()
    }
    return {name: {"us": times[name], "idf1": scores[name]} for name in contenders}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--animals", type=int, nargs="+", default=[4, 10, 20, 50, 100, 300])
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    results = {}
    for n in arguments.animals:
        results[n] = found = measure(n, arguments)
        fastest = min(found[name]["us"] for name in PEERS)
        print(f"{n} animals: {fastest / found['murid, stretch']['us']:.0f} times the fastest peer")
        for name, row in found.items():
            print(
                f"    {name:<16} {row['us']:8.1f} us a frame   IDF1 {row['idf1']:.1f}", flush=True
            )
    if arguments.out:
        arguments.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()

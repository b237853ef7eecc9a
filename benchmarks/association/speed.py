"""Time of the association for each frame, and IDF1, beside the peers on one stream.

    python benchmarks/association/speed.py --out speed.json

Animals walk at random with correlated velocities in an image of 1280 x 720 pixels. Detections have
5 % misses, 1 % false positives, an error of about a pixel, and embeddings of 128 numbers. All
trackers run in turn in each round, and the best round counts, in processor time of the thread. The
ratio is to the fastest peer. ``chunk`` tracks all frames in one call, as `murid track` does with
stored detections; ``frame`` tracks one frame a call, as `murid live` does; ``reference`` is
`murid.Tracker`, with which the two agree.
"""

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

WIDTH = 1280
HEIGHT = 720
FPS = 30.0
EMBEDDING_SIZE = 128
Follow = Callable[[DetectionTable, list[Detections]], list[TrackedDetections] | Tracks]


def make_stream(n: int, n_frames: int, seed: int) -> tuple[LabelledBoxes, list[Detections]]:
    """Return ground truth and detections; the more animals, the smaller they are."""
    rng = np.random.default_rng(seed)
    half = np.array([24.0, 16.0]) * min(1.0, (50 / n) ** 0.5)
    room = np.array([WIDTH, HEIGHT]) - half
    places = rng.uniform(half, room, (n, 2))
    steps = rng.normal(0, 2, (n, 2))
    appearance = rng.normal(size=(n, EMBEDDING_SIZE))
    truths = []
    frames = []
    for _ in range(n_frames):
        # Velocities decay and change at random; animals turn around at the border.
        steps = 0.9 * steps + rng.normal(0, 0.4 * half[1] / 16, (n, 2))
        steps = np.where((places + steps < half) | (places + steps > room), -steps, steps)
        places = places + steps
        truths.append(np.concatenate([places - half, places + half], axis=1))
        # Detections: misses, false positives and jitter.
        seen = rng.random(n) > 0.05
        n_false = rng.binomial(n, 0.01)
        centres = np.concatenate([places[seen], rng.uniform(half, room, (n_false, 2))])
        jitter = rng.normal(0, 1, (len(centres), 4)) * half[0] / 24
        noise = rng.normal(0, 0.3, (seen.sum(), EMBEDDING_SIZE))
        false_appearance = rng.normal(size=(n_false, EMBEDDING_SIZE))
        shown = np.concatenate([appearance[seen] + noise, false_appearance])
        corners = np.concatenate([centres - half, centres + half], axis=1)
        boxes = (corners + jitter).astype(np.float32)
        scores = rng.uniform(0.6, 0.95, len(boxes)).astype(np.float32)
        frames.append(Detections(boxes, scores, normalize(shown).astype(np.float32)))
    numbers = np.repeat(np.arange(n_frames), n)
    ids = np.tile(np.arange(1, n + 1), n_frames)
    return LabelledBoxes(numbers, ids, np.concatenate(truths)), frames


def list_trackers() -> dict[str, Follow]:
    """Return the trackers that are measured, by name."""

    def peer(name: str) -> Follow:
        return lambda _, frames: Peer(name, FPS, None).follow(frames)

    def reference(_: DetectionTable, frames: list[Detections]) -> list[TrackedDetections]:
        tracker = Tracker(TrackingConfig(), FPS)
        return [tracker.step(frame) for frame in frames]

    def one_by_one(_: DetectionTable, frames: list[Detections]) -> list[TrackedDetections]:
        tracker = make_tracker(TrackingConfig(), FPS)
        return [tracker.step(frame) for frame in frames]

    own: dict[str, Follow] = {
        "murid, chunk": lambda table, _: make_tracker(TrackingConfig(), FPS).follow(table),
        "murid, frame": one_by_one,
        "murid, reference": reference,
    }
    return own | {name: peer(name) for name in PEERS}


def measure(n: int, arguments: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Return microseconds per frame and IDF1 of every tracker."""
    n_frames = max(60, min(arguments.frames, 30000 // n))
    truth, frames = make_stream(n, n_frames, arguments.seed)
    table = DetectionTable.from_frames(frames)
    trackers = list_trackers()
    times = dict.fromkeys(trackers, np.inf)
    tracks: dict[str, Tracks] = {}
    # Load the compiled code, or compile it the first time.
    trackers["murid, chunk"](table, frames)
    for _ in range(arguments.rounds):
        for name, follow in trackers.items():
            started = time.thread_time()
            found = follow(table, frames)
            times[name] = min(times[name], 1e6 * (time.thread_time() - started) / n_frames)
            tracks[name] = found if isinstance(found, Tracks) else Tracks.from_frames(found)
    scores = {
        name: compute_metrics(truth, LabelledBoxes.from_tracks(t), n_frames).idf1
        for name, t in tracks.items()
    }
    return {name: {"us": times[name], "idf1": scores[name]} for name in trackers}


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
        print(f"{n} animals: {fastest / found['murid, chunk']['us']:.0f} times the fastest peer")
        for name, row in found.items():
            print(
                f"    {name:<16} {row['us']:8.1f} us a frame   IDF1 {row['idf1']:.1f}", flush=True
            )
    if arguments.out:
        arguments.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()

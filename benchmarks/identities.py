"""Identities of whole recordings, compared with tracking alone on the same detections.

    python benchmarks/identities.py scenes --work /tmp/identities --seeds 901 902 903
    python benchmarks/identities.py refine --work /tmp/identities --scenarios lookalike-5 \\
        --seeds 901 902 903 904
    python benchmarks/identities.py long --work /tmp/identities --scenarios lookalike-5 \\
        --seconds 600 --seeds 941 942
    python benchmarks/identities.py degraded --n-seeds 20
    python benchmarks/identities.py clips --work /tmp/identities
    python benchmarks/identities.py day --hours 24

- ``scenes`` makes the recordings of the scenarios and their detections once (minutes each, kept in
  ``--work``). It identifies the animals from the stored detections with five peers (roboflow's
  ``trackers``), with tracking alone, with tracklet linking, and as `murid track` does, which runs a
  second pass over the fur where identities are uncertain. It draws a reliability diagram.
- ``refine`` compares identities without and with the second pass.
- ``long`` counts the changes to a wrong identity, or back from it, that last a second or more, of
  tracking alone and of `murid track`.
- ``degraded`` needs no images: the true boxes of simulated animals go through a noise model of the
  detector (misses, loose and merged boxes in contact, duplicates, clutter).
- ``clips`` are two real videos with ground truth below ``$MURID_DATA``.
- ``day`` links the tracklets of a simulated recording of a day.

Each prints a table and adds its results to ``identities.json`` in ``--out``.

Identity accuracy is the share of the true boxes that have the right identity (IoU >= 0.5) under the
best one-to-one assignment of identities. A switch is a true animal that has another identity than
when it was last seen.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import numpy as np
from association.peers import PEERS, Peer
from scipy.optimize import linear_sum_assignment

from murid.appearance.second_pass import run_second_pass
from murid.core import Detections, DetectionTable, Tracks
from murid.core.boxes import compute_iou
from murid.core.embeddings import normalize
from murid.core.progress import no_progress
from murid.datasets.mot_text import read_mot
from murid.identification import IdentificationResult, link_tracklets
from murid.identification.appearance_models.tracklet_features import FurDescriptors
from murid.identification.point_matches import PointMatches
from murid.metrics import LabelledBoxes, compute_metrics
from murid.pipeline.run import Run
from murid.store import RunDirectory
from murid.synthetic.environment import build_environment
from murid.synthetic.motion import Herd
from murid.synthetic.recording import RecordingConfig
from murid.synthetic.scenarios import SCENARIOS, make_scenario
from murid.tracking import Tracker, TrackingConfig, track_bidirectionally

# Real clips, and the number of animals in each.
CLIPS = {"udmt-rat2mice-a": 3, "sleapmot-2mice-homecage": 2}
# Bounds of the ranges of probability in the reliability diagram; narrow near 1, where most are.
PROBABILITY_EDGES = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999, 1.001)


def match(
    truth: LabelledBoxes, result: LabelledBoxes, n_frames: int, min_iou: float = 0.5
) -> np.ndarray:
    """Return the true id ``(N,)`` of each box of the result, matched by frame; -1 for none."""
    ids = np.full(len(result), -1)
    true_order = np.argsort(truth.frames, kind="stable")
    order = np.argsort(result.frames, kind="stable")
    frames = np.arange(n_frames + 1)
    true_starts = np.searchsorted(truth.frames[true_order], frames)
    starts = np.searchsorted(result.frames[order], frames)
    for t in range(n_frames):
        true_rows = true_order[true_starts[t] : true_starts[t + 1]]
        found_rows = order[starts[t] : starts[t + 1]]
        iou = compute_iou(truth.boxes[true_rows], result.boxes[found_rows])
        rows, columns = linear_sum_assignment(-np.where(iou >= min_iou, iou + 1, 0))
        is_match = iou[rows, columns] >= min_iou
        ids[found_rows[columns[is_match]]] = truth.ids[true_rows[rows[is_match]]]
    return ids


def assign_names(true_ids: np.ndarray, names: np.ndarray) -> dict[int, int]:
    """Return the best one-to-one assignment from identities to true ids."""
    is_matched = true_ids >= 0
    animals, rows = np.unique(true_ids[is_matched], return_inverse=True)
    identities, columns = np.unique(names[is_matched], return_inverse=True)
    counts = np.zeros((len(animals), len(identities)))
    np.add.at(counts, (rows, columns), 1)
    assigned = zip(*linear_sum_assignment(-counts), strict=True)
    return {int(identities[j]): int(animals[i]) for i, j in assigned}


def score(
    truth: LabelledBoxes, result: LabelledBoxes, n_frames: int, fps: float
) -> dict[str, float]:
    """Return identity accuracy, IDF1 and switches per animal-hour."""
    true_ids = match(truth, result, n_frames)
    names = assign_names(true_ids, result.ids)
    right = sum(
        names.get(n) == t
        for n, t in zip(result.ids.tolist(), true_ids.tolist(), strict=True)
        if t >= 0
    )
    order = np.lexsort((result.frames, true_ids))
    order = order[true_ids[order] >= 0]
    switches = int(((np.diff(true_ids[order]) == 0) & (np.diff(result.ids[order]) != 0)).sum())
    return {
        "accuracy": 100 * right / len(truth),
        "idf1": compute_metrics(truth, result, n_frames).idf1,
        "switches": switches,
        "switches_per_hour": switches / (len(truth) / fps / 3600),
    }


def compare(
    truth: LabelledBoxes, table: DetectionTable, n_animals: int, fps: float
) -> tuple[dict, IdentificationResult]:
    """Return the scores of tracking alone and of linked identities, and the identities."""
    tracker = Tracker(TrackingConfig(max_tracks=n_animals), fps)
    tracks = Tracks.from_frames([tracker.step(detections) for detections in table])
    found, seconds = identify(table, n_animals, fps)
    alone = score(truth, LabelledBoxes.from_tracks(tracks), table.n_frames, fps)
    return {
        "dam": alone,
        "linked": score_found(truth, found, table.n_frames, fps),
        "seconds": seconds,
    }, found


def identify(
    table: DetectionTable,
    n_animals: int,
    fps: float,
    fur_descriptors: FurDescriptors | None = None,
    point_matches: PointMatches | None = None,
) -> tuple[IdentificationResult, float]:
    """Return the identities, and the seconds that computing them took."""
    started = time.perf_counter()
    bidirectional_tracks = track_bidirectionally(table, n_animals, fps)
    found = link_tracklets(
        table,
        n_animals,
        fps,
        bidirectional_tracks=bidirectional_tracks,
        fur_descriptors=fur_descriptors,
        point_matches=point_matches,
    )
    return found, time.perf_counter() - started


def score_found(
    truth: LabelledBoxes, found: IdentificationResult, n_frames: int, fps: float
) -> dict[str, float]:
    """Return the scores of identities."""
    return score(
        truth,
        LabelledBoxes(found.frames, found.identity_ids, found.boxes.astype(float)),
        n_frames,
        fps,
    )


def score_peers(
    truth: LabelledBoxes, table: DetectionTable, fps: float
) -> dict[str, dict[str, float]]:
    """Return the scores of the peers on the same detections."""
    frames = [Detections(detections.boxes, detections.scores) for detections in table]
    scores = {}
    for name in PEERS:
        tracks = Tracks.from_frames(Peer(name, fps, None).follow(frames))
        scores[name] = score(truth, LabelledBoxes.from_tracks(tracks), table.n_frames, fps)
    return scores


def collect_probabilities(
    truth: LabelledBoxes, found: IdentificationResult, n_frames: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the probability of each detected position, and whether its identity is right."""
    seen = ~found.interpolated
    result = LabelledBoxes(
        found.frames[seen], found.identity_ids[seen], found.boxes[seen].astype(np.float64)
    )
    true_ids = match(truth, result, n_frames, 0.3)
    names = assign_names(true_ids, result.ids)
    right = np.array(
        [names.get(n) == t for n, t in zip(result.ids.tolist(), true_ids.tolist(), strict=True)]
    )
    return found.identity_probabilities[seen][true_ids >= 0], right[true_ids >= 0]


def tabulate_reliability(probabilities: np.ndarray, right: np.ndarray) -> list[dict[str, float]]:
    """Return mean probability and share of right identities, for each range of probabilities."""
    rows = []
    for low, high in pairwise(PROBABILITY_EDGES):
        own = (probabilities >= low) & (probabilities < high)
        if own.any():
            rows.append(
                {
                    "n": int(own.sum()),
                    "probability": float(probabilities[own].mean()),
                    "right": float(right[own].mean()),
                }
            )
    certain = probabilities >= 0.99
    shares = f"{certain.mean():.1%} of positions, {right[certain].mean():.2%} of them right"
    print(f"probability >= 99 %: {shares}")
    return rows


def draw_reliability(path: Path, rows: list[dict[str, float]]) -> None:
    """Draw the share of right identities against their probability."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.5, 4.2), layout="constrained")
    axes = figure.add_subplot(
        xlabel="identity probability", ylabel="share of right identities", xlim=(0, 1), ylim=(0, 1)
    )
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    sizes = [12 + 60 * row["n"] / max(r["n"] for r in rows) for row in rows]
    axes.plot([r["probability"] for r in rows], [r["right"] for r in rows], color="#0072b2")
    axes.scatter(
        [r["probability"] for r in rows], [r["right"] for r in rows], sizes, color="#0072b2"
    )
    axes.set_aspect("equal")
    figure.savefig(path, dpi=120)


def simulate(config: RecordingConfig) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield boxes ``(n, 4)``, whether each animal is visible, and the stacking order, by frame."""
    environment_rng, _, motion_rng, _ = np.random.default_rng(config.seed).spawn(4)
    environment = build_environment(
        environment_rng,
        config.enclosure,
        config.height,
        config.width,
        config.body_px,
        config.n_shelters,
        config.floor_brightness,
    )
    herd = Herd(
        config.n_animals,
        environment.ground,
        environment.shelters,
        config.behaviour,
        config.body_px,
        config.fps,
        motion_rng,
    )
    for _ in range(config.n_frames):
        herd.step()
        along = np.abs(np.column_stack([np.cos(herd.heading), np.sin(herd.heading)]))
        half = config.body_px * (0.32 * along + 0.18)
        hidden = np.zeros(config.n_animals, bool)
        for shelter in environment.shelters:
            hidden |= np.linalg.norm(herd.position - shelter, axis=1) < 0.9 * config.body_px
        yield (
            np.concatenate([herd.position - half, herd.position + half], axis=1),
            ~hidden,
            herd.order,
        )


def degrade(
    frames: Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]],
    rng: np.random.Generator,
    size: int,
    body_px: float,
) -> tuple[LabelledBoxes, DetectionTable]:
    """Return truth and noisy detections.

    The noise consists of misses, loose and merged boxes in contact, duplicates, and clutter at a
    fixed position.
    """
    truths = []
    found = []
    appearance = None
    clutter = rng.uniform(60, 400, 2)
    for t, (boxes, out, order) in enumerate(frames):
        if appearance is None:
            appearance = normalize(rng.normal(size=(len(boxes), size)))
        # Contact, and animals that lie below another one.
        iou = compute_iou(boxes, boxes) - np.eye(len(boxes))
        iou[:, ~out] = 0
        contact = iou.max(axis=1) > 0.02
        rank = np.argsort(order)
        covered = ((iou > 0.45) & (rank[None] > rank[:, None])).any(axis=1)
        # Misses and loose boxes.
        truths.append((np.full(out.sum(), t), np.flatnonzero(out) + 1, boxes[out]))
        seen = out & ~covered & (rng.random(len(boxes)) > np.where(contact, 0.06, 0.01))
        jitter = rng.normal(0, 1, boxes.shape) * np.where(contact, 0.05, 0.02)[:, None] * body_px
        shown = (boxes + jitter)[seen]
        # Merged boxes: the union of two animals replaces the box of one.
        for i, j in zip(*np.nonzero(np.triu(iou > 0.25)), strict=True):
            if rng.random() < 0.1 and seen[i] and seen[j]:
                shown[np.flatnonzero(seen) == i] = np.append(
                    np.minimum(boxes[i, :2], boxes[j, :2]), np.maximum(boxes[i, 2:], boxes[j, 2:])
                )
        scores = np.clip(rng.normal(np.where(contact[seen], 0.75, 0.9), 0.12), 0.1, 1)
        own = normalize(appearance[seen] + rng.normal(0, 0.4, (seen.sum(), size)))
        # Duplicates, and clutter at its fixed position in a fifth of the frames.
        double = rng.random(len(shown)) < 0.01
        spot = rng.random() < 0.2
        extra = np.concatenate(
            [
                shown[double] + rng.normal(0, 0.12 * body_px, (double.sum(), 4)),
                np.tile([*clutter, *(clutter + 0.6 * body_px)], (int(spot), 1)),
            ]
        )
        # Boxes keep a minimum side of 4 pixels.
        extra = np.concatenate([np.minimum(extra[:, :2], extra[:, 2:] - 4), extra[:, 2:]], axis=1)
        low = np.clip(rng.normal(0.4, 0.1, len(extra)), 0.1, 0.8)
        shown = np.concatenate([shown[:, :2], np.maximum(shown[:, 2:], shown[:, :2] + 4)], axis=1)
        found.append(
            Detections(
                np.concatenate([shown, extra]).astype(np.float32),
                np.concatenate([scores, low]).astype(np.float32),
                np.concatenate([own, normalize(rng.normal(size=(len(extra), size)))]).astype(
                    np.float32
                ),
            )
        )
    frame_numbers, ids, boxes = (np.concatenate(column) for column in zip(*truths, strict=True))
    truth = LabelledBoxes(frame_numbers.astype(np.int64), ids.astype(np.int64), boxes)
    return truth, DetectionTable.from_frames(found)


def run_murid(*arguments: object) -> None:
    """Run murid in another process."""
    subprocess.run(
        [sys.executable, "-m", "murid", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL
    )


def prepare(work: Path, scenario: str, seed: int, seconds: float = 60.0) -> Path:
    """Make the recording of a scenario and its detections, unless they exist."""
    folder = work / (f"{scenario}-{seed}" if seconds == 60 else f"{scenario}-{seed}-{seconds:.0f}s")
    if not (folder / "run.murid" / "manifest.json").is_file():
        run_murid(
            "scenes", "--scenario", scenario, "--seed", seed, "--seconds", seconds, "--out", folder
        )
    animals = SCENARIOS[scenario].n_animals
    run_murid(
        "track",
        folder / "video.mp4",
        "--animals",
        animals,
        "--no-identities",
        "--out",
        folder / "run.murid",
    )
    return folder


def print_row(name: str, scores: dict) -> None:
    """Print one line of the table."""
    cells = [
        f"{key:>8} {row['accuracy']:6.2f} {row['idf1']:6.2f} {row['switches_per_hour']:6.1f}"
        for key, row in scores.items()
        if isinstance(row, dict)
    ]
    print(f"{name:<26} {' | '.join(cells)} {scores['seconds']:6.1f} s", flush=True)


def average(rows: list[dict]) -> dict:
    """Return the mean scores of several recordings."""
    kinds = [key for key in rows[0] if isinstance(rows[0][key], dict)]
    mean = {k: {s: float(np.mean([r[k][s] for r in rows])) for s in rows[0][k]} for k in kinds}
    return mean | {"seconds": float(np.mean([r["seconds"] for r in rows])), "n": len(rows)}


def bench_scenes(options: argparse.Namespace) -> dict:
    """Compare all methods on the detections of the shipped network."""
    results = {}
    probabilities_by_recording = []
    for scenario in options.scenarios:
        rows = []
        n = SCENARIOS[scenario].n_animals
        fps = SCENARIOS[scenario].fps
        for seed in options.seeds:
            folder = prepare(options.work, scenario, seed)
            truth = read_mot(folder / "gt" / "gt.txt")
            with RunDirectory.open(folder / "run.murid", writable=True) as run:
                table = run.detections.read()
                scores, found = compare(truth, table, n, fps)
                if found.is_doubtful:
                    found, _ = identify(table, n, fps, *run_second_pass(run, no_progress))
            scores["murid"] = score_found(truth, found, table.n_frames, fps)
            rows.append(score_peers(truth, table, fps) | scores)
            print_row(f"{scenario} {seed}", rows[-1])
            probabilities_by_recording.append(collect_probabilities(truth, found, table.n_frames))
        results[scenario] = average(rows) | {"seeds": options.seeds}
        print_row(scenario, results[scenario])
    probabilities, right = (
        np.concatenate(column) for column in zip(*probabilities_by_recording, strict=True)
    )
    results["reliability"] = tabulate_reliability(probabilities, right)
    draw_reliability(options.out / "reliability.png", results["reliability"])
    return results


def bench_refine(options: argparse.Namespace) -> dict:
    """Compare identities without and with the second pass over the fur."""
    results = {}
    for scenario in options.scenarios:
        rows = []
        for seed in options.seeds:
            folder = prepare(options.work, scenario, seed)
            truth = read_mot(folder / "gt" / "gt.txt")
            n = SCENARIOS[scenario].n_animals
            fps = SCENARIOS[scenario].fps
            with RunDirectory.open(folder / "run.murid", writable=True) as run:
                table = run.detections.read()
                started = time.perf_counter()
                second_pass = run_second_pass(run, no_progress)
                second_pass_s = time.perf_counter() - started
            row = {"seconds": second_pass_s}
            for name, own in (("without", ()), ("with", second_pass)):
                found, seconds = identify(table, n, fps, *own)
                row["seconds"] += bool(own) * seconds
                row[name] = score_found(truth, found, table.n_frames, fps)
            selections = [asdict(selection) for selection in found.appearance_selections]
            both = " -> ".join(f"{row[name]['accuracy']:.2f}" for name in ("without", "with"))
            print(f"{scenario} {seed}: {both}, {row['seconds']:.0f} s, {selections}", flush=True)
            rows.append(row | {"seed": seed, "estimates": selections})
        errors = [sum(100 - row[name]["accuracy"] for row in rows) for name in ("without", "with")]
        results[scenario] = {"rows": rows, "remaining_errors": errors[1] / max(errors[0], 1e-9)}
        print(f"{scenario}: {results[scenario]['remaining_errors']:.0%} of the errors remain")
    return results


def count_lasting(truth: LabelledBoxes, result: LabelledBoxes, n_frames: int, fps: float) -> int:
    """Count identity changes of true animals between identities that last a second or more."""
    owners = match(truth, result, n_frames)
    changes = 0
    for animal in np.unique(truth.ids):
        own = np.flatnonzero(owners == animal)
        names = result.ids[own[np.argsort(result.frames[own], kind="stable")]]
        # Runs of equal identities, without those shorter than a second.
        bounds = np.flatnonzero(np.concatenate([[True], names[1:] != names[:-1], [True]]))
        lasting = names[bounds[:-1]][np.diff(bounds) >= fps]
        changes += int((lasting[1:] != lasting[:-1]).sum())
    return changes


def bench_long(options: argparse.Namespace) -> dict:
    """Count lasting identity changes, before and after linking, in recordings of ``--seconds``."""
    results = {}
    for scenario in options.scenarios:
        rows = []
        n = SCENARIOS[scenario].n_animals
        fps = SCENARIOS[scenario].fps
        for seed in options.seeds:
            folder = prepare(options.work, scenario, seed, options.seconds)
            truth = read_mot(folder / "gt" / "gt.txt")
            with RunDirectory.open(folder / "run.murid", writable=True) as run:
                table = run.detections.read()
                second_pass = run_second_pass(run, no_progress)
            found, seconds = identify(table, n, fps, *second_pass)
            tracker = Tracker(TrackingConfig(max_tracks=n), fps)
            alone = LabelledBoxes.from_tracks(
                Tracks.from_frames([tracker.step(frame) for frame in table])
            )
            named = LabelledBoxes(found.frames, found.identity_ids, found.boxes.astype(np.float64))
            hours = len(truth) / fps / 3600
            before = count_lasting(truth, alone, table.n_frames, fps) / hours
            after = count_lasting(truth, named, table.n_frames, fps) / hours
            accuracy = score_found(truth, found, table.n_frames, fps)["accuracy"]
            rows.append(
                {
                    "seed": seed,
                    "before": before,
                    "after": after,
                    "accuracy": accuracy,
                    "seconds": seconds,
                }
            )
            change = f"lasting changes per animal-hour {before:.1f} -> {after:.1f}"
            print(f"{scenario} {seed}: {change}, {accuracy:.2f}", flush=True)
        results[scenario] = rows
    return results


def bench_degraded(options: argparse.Namespace) -> dict:
    """Compare methods on simulated animals with the noise model, for many seeds."""
    results = {}
    probabilities_by_recording = []
    for scenario in options.scenarios:
        rows = []
        for seed in range(options.first_seed, options.first_seed + options.n_seeds):
            config = make_scenario(scenario, seed, options.seconds)
            rng = np.random.default_rng((seed, 7))
            truth, table = degrade(simulate(config), rng, 16, config.body_px)
            if config.lookalike:
                table = DetectionTable(table.boxes, table.scores, None, table.frame_offsets)
            scores, found = compare(truth, table, config.n_animals, config.fps)
            rows.append(scores)
            probabilities_by_recording.append(collect_probabilities(truth, found, table.n_frames))
        results[scenario] = average(rows)
        print_row(f"{scenario} ({len(rows)} seeds)", results[scenario])
    results["reliability"] = tabulate_reliability(
        *(np.concatenate(column) for column in zip(*probabilities_by_recording, strict=True))
    )
    return results


def bench_clips(options: argparse.Namespace) -> dict:
    """Compare methods on the real clips."""
    results = {}
    for name, animals in CLIPS.items():
        clip = Path(os.environ["MURID_DATA"]) / "rodents" / name
        run = options.work / f"{name}.murid"
        run_murid("track", clip / "video.mp4", "--animals", animals, "--out", run)
        table = RunDirectory.open(run).detections.read()
        info = Run.open(run).info()
        results[name], _ = compare(read_mot(clip / "gt" / "gt.txt"), table, animals, info["fps"])
        print_row(name, results[name])
    return results


def bench_day(options: argparse.Namespace) -> dict:
    """Link a long recording: half an hour of simulated animals, forwards and backwards in turn."""
    config = make_scenario("shelter-4", 5, min(1800.0, 3600 * options.hours))
    _, table = degrade(simulate(config), np.random.default_rng(5), 16, config.body_px)
    n = max(1, round(3600 * options.hours * config.fps / config.n_frames))
    frames = [table[t] for t in range(table.n_frames)]
    backwards = DetectionTable.from_frames(frames[::-1])
    parts = [table if k % 2 == 0 else backwards for k in range(n)]
    starts = np.cumsum([0, *(len(p) for p in parts)])
    whole = DetectionTable(
        np.concatenate([p.boxes for p in parts]),
        np.concatenate([p.scores for p in parts]),
        None,
        np.concatenate(
            [[0], *(p.frame_offsets[1:] + s for p, s in zip(parts, starts[:-1], strict=True))]
        ),
    )
    # Memory is the peak of the process (RSS), before and after.
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    started = time.perf_counter()
    found = link_tracklets(
        whole,
        config.n_animals,
        config.fps,
        embeddings=lambda: ((int(s), p.embeddings) for p, s in zip(parts, starts, strict=False)),
        bidirectional_tracks=track_bidirectionally(whole, config.n_animals, config.fps),
    )
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{whole.n_frames} frames, {len(whole)} detections", end=", ")
    print(f"{before:.0f} MB before: {seconds:.0f} s, {peak:.0f} MB")
    print(f"{len(found)} positions, {len(found.crossings)} uncertain crossings")
    return {"frames": whole.n_frames, "detections": len(whole), "seconds": seconds, "peak_mb": peak}


def main() -> None:
    """Run one of the benchmarks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bench", choices=["scenes", "refine", "long", "degraded", "clips", "day"])
    parser.add_argument("--work", type=Path, default=Path("identities-work"))
    parser.add_argument("--out", type=Path, default=Path())
    parser.add_argument("--scenarios", nargs="+", choices=list(SCENARIOS), default=list(SCENARIOS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[901, 902, 903])
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--n-seeds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--hours", type=float, default=24.0)
    options = parser.parse_args()
    for folder in (options.work, options.out):
        folder.mkdir(parents=True, exist_ok=True)
    print("accuracy, IDF1, switches per animal-hour")
    found = globals()[f"bench_{options.bench}"](options)
    path = options.out / "identities.json"
    known = json.loads(path.read_text()) if path.is_file() else {}
    path.write_text(json.dumps(known | {options.bench: found}, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""Identities of whole recordings, compared with tracking alone on the same detections.

    python benchmarks/identities.py scenes --work /tmp/identities --seeds 901 902 903
    python benchmarks/identities.py refine --work /tmp/identities --scenarios lookalike-5 \\
        --seeds 901 902 903 904
    python benchmarks/identities.py rates --work /tmp/identities
    python benchmarks/identities.py real --work /tmp/identities
    python benchmarks/identities.py long --work /tmp/identities --scenarios lookalike-5 \\
        --seconds 600 --seeds 941 942
    python benchmarks/identities.py degraded --n-seeds 20
    python benchmarks/identities.py day --hours 24

- ``scenes`` makes the recordings of the scenarios and their detections once (minutes each, kept in
  ``--work``). It identifies the animals from the stored detections with five peers (roboflow's
  ``trackers``), with tracking alone, with tracklet linking, and as `murid track` does, which runs a
  second pass over the fur where identities are uncertain.
- ``refine`` compares identities without and with the second pass.
- ``rates`` takes every k-th frame of recordings at 30 frames/s, of animals of unlike coats and of
  look-alikes, down to one frame a second. Beside the two methods it shows what appearance alone
  gives: each detection named by the nearest centroid of the true animals' embeddings.
- ``real`` are the real clips with ground truth below ``$MURID_DATA``, with all frames and with
  every second and fourth one: without the second pass, with it, and as `murid track` does.
- ``long`` counts the changes to a wrong identity, or back from it, that last a second or more, of
  tracking alone and of `murid track`.
- ``degraded`` needs no images: the true boxes of simulated animals go through a noise model of the
  detector (misses, loose and merged boxes in contact, duplicates, clutter).
- ``day`` links the tracklets of a simulated recording of a day.

``--tree SRC`` makes the identities with another source tree of murid as well, from the same stored
detections: the columns that begin with ``tree``. Each table adds its results to
``identities.json`` in ``--out``, and ``scenes`` and ``real`` draw ``reliability.png`` there.

Identity accuracy is the share of the true boxes that have the right identity (IoU >= 0.5) under the
best one-to-one assignment of identities; of real clips, whose boxes are loose, IoU >= 0.3. A switch
is a true animal that has another identity than when it was last seen.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from association.peers import PEERS, Peer
from identity_scores import (
    Named,
    Reliability,
    count_lasting,
    draw_reliability,
    judge,
    renumber,
    score,
    score_nearest_centroid,
)
from simulated_detections import degrade, simulate
from stored_runs import (
    RATE_FPS,
    Identified,
    SecondPass,
    add_second_pass,
    identify_stored,
    prepare,
    prepare_clip,
    prepare_rate_recording,
    thin,
    track_alone,
)

from murid.core import Detections, DetectionTable, Tracks
from murid.datasets.mot_text import read_mot
from murid.identification import link_tracklets
from murid.metrics import LabelledBoxes
from murid.store import RunDirectory
from murid.synthetic.scenarios import SCENARIOS, make_scenario
from murid.tracking import TrackingConfig, make_tracker, track_bidirectionally


@dataclass(frozen=True)
class Clip:
    """A real clip: its folder, the number of animals, and its ground truth."""

    folder: str
    n_animals: int
    truth: str


CLIPS = (
    Clip("sleapmot-2mice-homecage", 2, "gt/gt.txt"),
    Clip("udmt-rat2mice-a", 3, "gt/gt.txt"),
    Clip("dlcpost-2mice", 2, "gt_sparse.txt"),
    Clip("vibes-2mice-a", 2, "gt_sparse.txt"),
)
CLIP_STEPS = (1, 2, 4)
# For identity accuracy on real clips: in their ground truth, boxes are loose or beside the animal.
CLIP_MIN_IOU = 0.3

# Frames per second of the table of frame rates: divisors of that of the recordings.
RATES = (30, 15, 10, 5, 2, 1)
RATE_SEEDS = {"coats": (21, 22, 23, 24, 25, 26), "lookalike": (31, 32, 33)}


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


@dataclass(frozen=True)
class Recording:
    """A run with stored detections, its ground truth and its number of animals."""

    path: Path
    truth: LabelledBoxes
    n_animals: int
    min_iou: float = 0.5

    @property
    def run(self) -> RunDirectory:
        return RunDirectory.open(self.path)

    def score(self, named: Named) -> dict[str, float]:
        """Return the scores of identities in the frames that have ground truth."""
        truth, result, n_frames = self._select_labelled(named)
        fps = self.run.manifest.fps
        return score(truth, result.boxes, n_frames, fps, self.min_iou)

    def judge(self, named: Named) -> Reliability:
        """Return which identities are right in the frames that have ground truth."""
        truth, result, n_frames = self._select_labelled(named)
        return judge(truth, result, n_frames)

    def _select_labelled(self, named: Named) -> tuple[LabelledBoxes, Named, int]:
        """Return truth and result in the labelled frames alone, and the number of these."""
        frames = np.unique(self.truth.frames)
        return renumber(self.truth, frames), named.select_frames(frames), len(frames)

    def identify(self, second_pass: SecondPass = "auto", tree: Path | None = None) -> Identified:
        """Return the identities of the stored detections."""
        return identify_stored(self.path, self.n_animals, second_pass, tree)

    def track_alone(self) -> Named:
        """Return the tracks of the stored detections."""
        return track_alone(self.path, self.n_animals)


def open_scenario(options: argparse.Namespace, scenario: str, seed: int) -> Recording:
    """Return the recording of a scenario with detections and second pass."""
    seconds = options.seconds
    folder = prepare(options.work, scenario, seed, seconds)
    add_second_pass(folder / "run.murid")
    truth = read_mot(folder / "gt" / "gt.txt")
    return Recording(folder / "run.murid", truth, SCENARIOS[scenario].n_animals)


def compare(
    recording: Recording, second_passes: dict[str, SecondPass], tree: Path | None
) -> tuple[dict, dict[str, Identified]]:
    """Return the scores of tracking alone and of identities, and the identities by column."""
    trees = {"": None} if tree is None else {"": None, "tree ": tree}
    found = {
        prefix + name: recording.identify(second_pass, source)
        for prefix, source in trees.items()
        for name, second_pass in second_passes.items()
    }
    scores = {"tracker": recording.score(recording.track_alone())}
    scores |= {name: recording.score(own.named) for name, own in found.items()}
    return scores | {"seconds": next(iter(found.values())).seconds}, found


def summarise_reliability(parts: dict[str, list[Reliability]]) -> dict:
    """Print and return how far the probabilities of each column are right."""
    results = {}
    for name, own in parts.items():
        pooled = Reliability.concatenate(own)
        results[name] = pooled.summarise() | {"table": pooled.tabulate()}
        print_reliability(name, results[name])
    return results


def print_reliability(name: str, row: dict[str, float]) -> None:
    """Print the share of certain boxes, how many are right, and the calibration error."""
    certain = f"{row['certain']:5.1f} % of boxes >= 99 % sure, {row['certain_right']:6.2f} % right"
    detected = f"({row['certain_right_detected']:.2f} % of detected ones)"
    means = f"mean probability {row['mean_probability']:.1f} %, right {row['right']:.1f} %"
    print(f"{name:<40} {certain} {detected}; {means}, error {row['error']:.1f}", flush=True)


def bench_scenes(options: argparse.Namespace) -> dict:
    """Compare all methods on the detections of the shipped network."""
    results: dict = {}
    reliability: dict[str, list[Reliability]] = {}
    for scenario in options.scenarios:
        rows = []
        for seed in options.seeds:
            recording = open_scenario(options, scenario, seed)
            scores, found = compare(recording, {"linked": "never", "murid": "auto"}, options.tree)
            if not options.no_peers:
                run = recording.run
                table = run.detections.read()
                scores = score_peers(recording.truth, table, run.manifest.fps) | scores
            rows.append(scores)
            print_row(f"{scenario} {seed}", scores)
            for name in found.keys() & {"murid", "tree murid"}:
                reliability.setdefault(name, []).append(recording.judge(found[name].named))
        results[scenario] = average(rows) | {"seeds": options.seeds}
        print_row(scenario, results[scenario])
    return results | {"reliability": summarise_reliability(reliability)}


def bench_refine(options: argparse.Namespace) -> dict:
    """Compare identities without and with the second pass over the fur."""
    results = {}
    for scenario in options.scenarios:
        rows = []
        for seed in options.seeds:
            recording = open_scenario(options, scenario, seed)
            passes: dict[str, SecondPass] = {"without": "never", "with": "always"}
            scores, found = compare(recording, passes, options.tree)
            both = " -> ".join(f"{scores[name]['accuracy']:.2f}" for name in passes)
            selections = found["with"].selections
            print(f"{scenario} {seed}: {both}, {selections}", flush=True)
            rows.append(scores | {"seed": seed, "estimates": selections})
        errors = [sum(100 - row[name]["accuracy"] for row in rows) for name in ("without", "with")]
        results[scenario] = {"rows": rows, "remaining_errors": errors[1] / max(errors[0], 1e-9)}
        print(f"{scenario}: {results[scenario]['remaining_errors']:.0%} of the errors remain")
    return results


def bench_rates(options: argparse.Namespace) -> dict:
    """Compare methods on every k-th frame of the same recordings."""
    passes: dict[str, SecondPass] = {"linked": "never"}
    if options.second_pass:
        passes["murid"] = "auto"
    results: dict = {}
    for kind in options.kinds:
        seeds = options.seeds or RATE_SEEDS[kind]
        rows: dict[int, list[dict]] = {rate: [] for rate in options.rates}
        for seed in seeds:
            folder = prepare_rate_recording(options.work, kind, seed)
            truth = read_mot(folder / "gt" / "gt.txt")
            for rate in options.rates:
                scores = _compare_at_rate(folder / "run.murid", truth, rate, passes, options.tree)
                rows[rate].append(scores)
                print_rate(f"{kind} {seed}", rate, scores)
        results[kind] = {
            str(rate): {
                name: {
                    "mean": float(np.mean([row[name]["accuracy"] for row in own])),
                    "min": float(np.min([row[name]["accuracy"] for row in own])),
                }
                for name in own[0]
            }
            | {"rows": own}
            for rate, own in rows.items()
        }
        for rate, own in rows.items():
            mean = {n: {"accuracy": results[kind][str(rate)][n]["mean"]} for n in own[0]}
            print_rate(f"{kind} mean", rate, mean)
    return results


def _compare_at_rate(
    path: Path,
    truth: LabelledBoxes,
    rate: int,
    passes: dict[str, SecondPass],
    tree: Path | None,
) -> dict[str, dict[str, float]]:
    """Return the scores of each method at a lower frame rate, by its name."""
    every = round(RATE_FPS / rate)
    with tempfile.TemporaryDirectory() as temporary:
        thinned = thin(path, every, 0, Path(temporary) / "run.murid")
        frames = np.arange(0, RunDirectory.open(path).n_frames, every)
        recording = Recording(thinned, renumber(truth, frames), 3)
        if "murid" in passes:
            add_second_pass(thinned)
        scores, _ = compare(recording, passes, tree)
        scores.pop("seconds")
        nearest = score_nearest_centroid(recording.truth, recording.run.detections.read())
    return scores | {"nearest": nearest}


def print_rate(name: str, rate: int, scores: dict[str, dict[str, float]]) -> None:
    """Print the identity accuracies at one frame rate."""
    cells = [f"{column} {row['accuracy']:6.2f}" for column, row in scores.items()]
    print(f"{name:<14} {rate:>3} frames/s  {' | '.join(cells)}", flush=True)


def bench_real(options: argparse.Namespace) -> dict:
    """Compare methods on the real clips, with all frames and with some of them."""
    passes: dict[str, SecondPass] = {"without": "never", "with": "always", "murid": "auto"}
    results: dict = {}
    pooled: dict[str, list[Reliability]] = {}
    for clip in CLIPS:
        folder = Path(os.environ["MURID_DATA"]) / "rodents" / clip.folder
        whole = prepare_clip(options.work, folder / "video.mp4", clip.n_animals, clip.folder)
        truth = read_mot(folder / clip.truth)
        n_frames = RunDirectory.open(whole).n_frames
        for every in options.steps:
            rows = []
            reliability: dict[str, list[Reliability]] = {}
            # Each part of the frames is a recording of its own.
            for phase in range(every):
                name = f"{clip.folder}-every{every}-{phase}.murid"
                path = whole if every == 1 else thin(whole, every, phase, options.work / name)
                add_second_pass(path)
                kept = renumber(truth, np.arange(phase, n_frames, every))
                if not len(kept):
                    continue
                recording = Recording(path, kept, clip.n_animals, CLIP_MIN_IOU)
                scores, found = compare(recording, passes, options.tree)
                rows.append(scores)
                for column, own in found.items():
                    reliability.setdefault(column, []).append(recording.judge(own.named))
            row = average(rows)
            for column, parts in reliability.items():
                row[column] |= Reliability.concatenate(parts).summarise()
                pooled.setdefault(column, []).extend(parts)
            results[f"{clip.folder} every {every}"] = row
            print_real(f"{clip.folder} every {every}", row)
    return results | {"reliability": summarise_reliability(pooled)}


def print_real(name: str, row: dict) -> None:
    """Print the scores of one clip, a line for each method."""
    print(name)
    for column, own in row.items():
        if not isinstance(own, dict):
            continue
        scores = f"IDF1 {own['idf1']:5.1f}, accuracy {own['accuracy']:5.1f}"
        text = f"  {column:<12} {scores}, switches {own['switches']:4.1f}"
        if "certain" in own:
            certain = f"{own['certain']:5.1f} % certain, {own['certain_right']:.1f} % of them right"
            text += f", {certain} (n {own['n']}), mean {own['mean_probability']:.1f} %"
        print(text, flush=True)


def bench_long(options: argparse.Namespace) -> dict:
    """Count lasting identity changes, before and after linking, in recordings of ``--seconds``."""
    results = {}
    for scenario in options.scenarios:
        rows = []
        for seed in options.seeds:
            recording = open_scenario(options, scenario, seed)
            scores, found = compare(recording, {"murid": "auto"}, options.tree)
            fps = recording.run.manifest.fps
            hours = len(recording.truth) / fps / 3600
            named = {"tracker": recording.track_alone()}
            named |= {name: own.named for name, own in found.items()}
            changes = {
                name: count_lasting(recording.truth, own.boxes, recording.run.n_frames, fps) / hours
                for name, own in named.items()
            }
            accuracies = {name: scores[name]["accuracy"] for name in named}
            rows.append({"seed": seed, "changes": changes, "accuracies": accuracies})
            cells = [f"{n} {changes[n]:.1f} ({accuracies[n]:.2f})" for n in named]
            print(f"{scenario} {seed}: changes per animal-hour {' | '.join(cells)}", flush=True)
        results[scenario] = rows
    return results


def bench_degraded(options: argparse.Namespace) -> dict:
    """Compare methods on simulated animals with the noise model, for many seeds."""
    results = {}
    reliability = []
    for scenario in options.scenarios:
        rows = []
        for seed in range(options.first_seed, options.first_seed + options.n_seeds):
            config = make_scenario(scenario, seed, options.seconds)
            rng = np.random.default_rng((seed, 7))
            truth, table = degrade(simulate(config), rng, 16, config.body_px)
            if config.lookalike:
                table = DetectionTable(table.boxes, table.scores, None, table.frame_offsets)
            tracker = make_tracker(TrackingConfig(max_tracks=config.n_animals), config.fps)
            alone = LabelledBoxes.from_tracks(tracker.follow(table))
            named, seconds = _link(table, config.n_animals, config.fps)
            scores = {
                "tracker": score(truth, alone, table.n_frames, config.fps),
                "linked": score(truth, named.boxes, table.n_frames, config.fps),
            }
            rows.append(scores | {"seconds": seconds})
            reliability.append(judge(truth, named, table.n_frames))
        results[scenario] = average(rows)
        print_row(f"{scenario} ({len(rows)} seeds)", results[scenario])
    return results | {"reliability": summarise_reliability({"linked": reliability})}


def _link(table: DetectionTable, n_animals: int, fps: float) -> tuple[Named, float]:
    """Return the identities of detections, and the seconds that linking took."""
    started = time.perf_counter()
    tracks = track_bidirectionally(table, n_animals, fps)
    found = link_tracklets(table, n_animals, fps, bidirectional_tracks=tracks)
    boxes = LabelledBoxes(found.frames, found.identity_ids, found.boxes.astype(np.float64))
    seconds = time.perf_counter() - started
    return Named(boxes, found.interpolated, found.identity_probabilities), seconds


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
    del frames, backwards
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


def draw(path: Path, results: dict) -> None:
    """Draw the reliability of scenes and real clips, as far as they are known."""
    names = {"scenes": "scenes", "real": "real clips"}
    curves = {
        label: results[bench]["reliability"]["murid"]["table"]
        for bench, label in names.items()
        if isinstance(results.get(bench, {}).get("reliability"), dict)
    }
    draw_reliability(path, curves)


def main() -> None:
    """Run one of the benchmarks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    benches = ["scenes", "refine", "rates", "real", "long", "degraded", "day"]
    parser.add_argument("bench", choices=benches)
    parser.add_argument("--work", type=Path, default=Path("identities-work"))
    parser.add_argument("--out", type=Path, default=Path())
    parser.add_argument("--tree", type=Path, help="folder src of another checkout, to compare with")
    parser.add_argument("--scenarios", nargs="+", choices=list(SCENARIOS), default=list(SCENARIOS))
    parser.add_argument("--seeds", type=int, nargs="+", help="901 902 903; of rates its own")
    parser.add_argument("--no-peers", action="store_true", help="scenes: leave the peers out")
    parser.add_argument("--kinds", nargs="+", choices=list(RATE_SEEDS), default=list(RATE_SEEDS))
    parser.add_argument("--rates", type=int, nargs="+", choices=RATES, default=list(RATES))
    parser.add_argument(
        "--second-pass", action="store_true", help="rates: also as murid track does (hours)"
    )
    parser.add_argument("--steps", type=int, nargs="+", default=list(CLIP_STEPS), help="real")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--n-seeds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--hours", type=float, default=24.0)
    options = parser.parse_args()
    if options.seeds is None and options.bench != "rates":
        options.seeds = [901, 902, 903]
    for folder in (options.work, options.out):
        folder.mkdir(parents=True, exist_ok=True)
    if options.bench in ("scenes", "degraded"):
        print("accuracy, IDF1, switches per animal-hour")
    found = globals()[f"bench_{options.bench}"](options)
    path = options.out / "identities.json"
    known = json.loads(path.read_text()) if path.is_file() else {}
    known |= {options.bench: found}
    path.write_text(json.dumps(known, indent=1) + "\n")
    if options.bench in ("scenes", "real"):
        draw(options.out / "reliability.png", known)


if __name__ == "__main__":
    main()

"""Fit the pairwise model, which decides and judges swaps of two animals.

    python benchmarks/pairwise_model.py collect --work /tmp/identities
    python benchmarks/pairwise_model.py fit --work /tmp/identities

- ``collect`` takes recordings with ground truth and stored detections from ``--work``: scenes, as
  ``identities.py`` makes them there, and recordings that ``murid compose`` makes of real solo
  videos (folders ``compose-*``, see `COMPOSED`). Each is stitched at its own frame rate, with and
  without the second pass if that is stored, and at lower rates by leaving out frames. Every pair of
  transitions of two paths at which the truth tells who is who becomes a row: the terms of the
  model, and whether the animals were swapped. Paths are those that were found, whose mistakes count
  as swaps, and those of the truth.
- ``fit`` fits the weights of the terms by logistic regression without an intercept, none below 0,
  and the probability of swaps that no term shows, by maximum likelihood. All recordings have the
  same weight. It is cross-validated by leaving out one recording at a time, prints the reliability
  of the held-out probabilities, and writes ``src/murid/identification/pairwise_model.json``.

Only recordings that weights may learn from take part: no clip that is for tests alone.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path

import numpy as np
from identity_scores import match
from scipy.optimize import minimize
from scipy.special import expit
from stored_runs import SCENARIOS

from murid.appearance.second_pass_tables import read_second_pass
from murid.core.records import ArrayRecord
from murid.core.types import DetectionTable, Float64, Int64
from murid.datasets.mot_text import read_mot
from murid.identification import IdentificationConfig
from murid.identification.paths.context import build_path_context
from murid.identification.recording_stitcher import StitchedRecording, stitch_recording
from murid.identification.swaps.candidates import find_swap_candidates
from murid.identification.swaps.llr_terms import LlrTerms
from murid.metrics import LabelledBoxes
from murid.store import RunDirectory
from murid.tracking import track_bidirectionally

TARGET = Path("src/murid/identification/pairwise_model.json")
TERMS = tuple(field.name for field in fields(LlrTerms))
# Seeds of the scenes, and number of animals of the recordings that are composed of real videos:
# murid compose tracktor-1mouse/video.mp4 --animals 4 --seconds 60 --skip-frames 500 --seed 1, and
# murid compose openfield-1mouse/video.mp4 --animals 3 --seconds 60 --seed 1.
SCENES = ("coats-4", "lookalike-5", "huddle-6", "shelter-4", "night-5")
SEEDS = (2201, 2202)
COMPOSED = {"compose-tracktor-1": 4, "compose-openfield-1": 3}
# Every k-th frame is kept: 30 frames/s become 15, 10, 5, 2 and 1.
STEPS = (1, 2, 3, 6, 15, 30)
# A detection belongs to a tracklet's animal if this share of its detections show that animal.
_MIN_PURITY = 0.9
# Weights of the terms before any data: a log-likelihood ratio counts in full, and two terms that
# see the same movement count half. A term that decides few swaps keeps about this weight, by a
# penalty on squared differences that is small beside what most terms show.
_PRIOR = (0.5, 0.5, 0.5, 1.0, 0.5, 0.5, 1.0)
_PENALTY = 3e-3
# Ranges of the reliability table.
_EDGES = (0.5, 0.7, 0.9, 0.97, 0.99, 0.999, 1.0)


@dataclass(frozen=True, eq=False, slots=True)
class Rows(ArrayRecord):
    """Possible swaps of two animals: terms ``(n, 7)``, and whether they were not swapped ``(n,)``.

    `outcomes` are 1 for paths that are right and -1 for swapped ones; `recordings` are numbers.
    """

    terms: Float64
    outcomes: Float64
    fps: Float64
    recordings: Int64


@dataclass(frozen=True, eq=False, slots=True)
class Source:
    """A recording with ground truth and stored detections."""

    folder: Path
    n_animals: int


def list_sources(work: Path) -> list[Source]:
    """Return the recordings that are there."""
    counts = {f"{name}-{seed}": SCENARIOS[name].n_animals for name in SCENES for seed in SEEDS}
    sources = [Source(work / name, count) for name, count in (counts | COMPOSED).items()]
    return [source for source in sources if is_detected(source.folder / "run.murid")]


def is_detected(run: Path) -> bool:
    """Whether all frames of a run have detections."""
    return run.is_dir() and RunDirectory.open(run).is_done("detection")


def keep_frames(table: DetectionTable, every: int) -> DetectionTable:
    """Return the detections of every k-th frame."""
    return DetectionTable.from_frames([table[frame] for frame in range(0, table.n_frames, every)])


def collect_recording(source: Source, number: int) -> Iterator[Rows]:
    """Yield the rows of one recording, at each frame rate."""
    truth = read_mot(source.folder / "gt" / "gt.txt")
    run = RunDirectory.open(source.folder / "run.murid")
    table = run.detections.read()
    second_pass = read_second_pass(run, table)
    for every in STEPS:
        thinned = keep_frames(table, every)
        kept = truth.frames % every == 0
        thinned_truth = LabelledBoxes(
            truth.frames[kept] // every, truth.ids[kept], truth.boxes[kept]
        )
        fps = run.manifest.fps / every
        tracks = track_bidirectionally(thinned, source.n_animals, fps)
        for own in (None, second_pass if every == 1 else None)[: 1 + (every == 1)]:
            stitched = stitch_recording(
                thinned,
                source.n_animals,
                fps,
                IdentificationConfig(),
                bidirectional_tracks=tracks,
                fur_descriptors=None if own is None else own.fur_descriptors,
                point_matches=None if own is None else own.point_matches,
            )
            owners = find_owners(stitched, thinned, thinned_truth)
            for paths in (stitched.paths, owners.paths):
                yield collect_rows(stitched, paths, owners, fps, number)


@dataclass(frozen=True, eq=False, slots=True)
class Owners:
    """True animals ``(T,)`` of tracklets at their first and last detection; -1 = unknown.

    `paths` are the paths of the truth; impure tracklets are on none.
    """

    first: Int64
    last: Int64
    paths: Int64


def find_owners(stitched: StitchedRecording, table: DetectionTable, truth: LabelledBoxes) -> Owners:
    """Match the detections of each tracklet with the truth."""
    numbers = np.arange(len(table)) + 1
    boxes = LabelledBoxes(table.frame_numbers, numbers, table.boxes.astype(np.float64))
    ids = match(truth, boxes, table.n_frames)[stitched.order]
    tracklets = stitched.evidence.tracklets
    first, last, animals = (np.full(len(tracklets), -1) for _ in range(3))
    for tracklet in range(len(tracklets)):
        rows = tracklets.rows[tracklets.offsets[tracklet] : tracklets.offsets[tracklet + 1]]
        known = ids[rows][ids[rows] >= 0]
        if 2 * len(known) < len(rows) or not len(known):
            continue
        first[tracklet] = known[0]
        last[tracklet] = known[-1]
        values, counts = np.unique(known, return_counts=True)
        if counts.max() >= _MIN_PURITY * len(known):
            animals[tracklet] = values[counts.argmax()]
    names = np.unique(animals[animals >= 0])
    paths = np.where(animals >= 0, np.searchsorted(names, animals), -1)
    return Owners(first, last, paths)


def collect_rows(
    stitched: StitchedRecording, paths: Int64, owners: Owners, fps: float, number: int
) -> Rows:
    """Return the possible swaps of paths of which the truth tells whether they were swapped."""
    context = build_path_context(paths, stitched.evidence)
    candidates = find_swap_candidates(context)
    transitions = context.transitions
    sides = (candidates.first, candidates.second)
    before = [owners.last[transitions.predecessors[side]] for side in sides]
    after = [owners.first[transitions.successors[side]] for side in sides]
    known = np.ones(len(candidates), bool)
    for side in sides:
        known &= (transitions.predecessors[side] >= 0) & (transitions.successors[side] >= 0)
    known &= (np.array(before + after) >= 0).all(axis=0) & (before[0] != before[1])
    right = known & (before[0] == after[0]) & (before[1] == after[1])
    swapped = known & (before[0] == after[1]) & (before[1] == after[0])
    rows = np.flatnonzero(right | swapped)
    terms = np.column_stack([getattr(candidates.terms, name) for name in TERMS])
    return Rows(
        terms[rows],
        np.where(right[rows], 1.0, -1.0),
        np.full(len(rows), fps),
        np.full(len(rows), number),
    )


@dataclass(frozen=True, eq=False, slots=True)
class Fit:
    """Weights ``(7,)`` of the terms, and the probability of unseen swaps."""

    weights: Float64
    unseen: float

    def compute_llrs(self, rows: Rows) -> Float64:
        """Return the log-likelihood ratio ``(n,)`` that the paths are right."""
        llrs: Float64 = rows.terms @ self.weights
        return llrs

    def compute_probabilities(self, rows: Rows) -> Float64:
        """Return the probability ``(n,)`` of what the truth says."""
        shown = expit(self.compute_llrs(rows) * rows.outcomes)
        probabilities: Float64 = self.unseen + (1 - 2 * self.unseen) * shown
        return probabilities


def fit(rows: Rows) -> Fit:
    """Fit by maximum likelihood; every recording has the same weight."""
    _, numbers, counts = np.unique(rows.recordings, return_inverse=True, return_counts=True)
    shares = 1 / (counts[numbers] * len(counts))

    def compute_loss(parameters: Float64) -> float:
        own = Fit(parameters[:-1], float(np.exp(parameters[-1])))
        log_likelihoods = np.log(own.compute_probabilities(rows))
        penalty = _PENALTY * np.square(own.weights - _PRIOR).sum()
        return float(penalty - (shares * log_likelihoods).sum())

    start = np.append(_PRIOR, np.log(1e-3))
    bounds = [(0, None)] * len(TERMS) + [(np.log(1e-5), np.log(0.1))]
    best = minimize(compute_loss, start, bounds=bounds, method="L-BFGS-B")
    return Fit(best.x[:-1], float(np.exp(best.x[-1])))


def cross_validate(rows: Rows) -> tuple[Float64, Float64]:
    """Return the probability ``(n,)`` of the likelier hypothesis, and whether it is right."""
    stated = np.zeros(len(rows.outcomes))
    right = np.zeros(len(rows.outcomes))
    for number in np.unique(rows.recordings):
        own = np.flatnonzero(rows.recordings == number)
        held_out = rows.select(own)
        fitted = fit(rows.select(np.flatnonzero(rows.recordings != number)))
        of_truth = fitted.compute_probabilities(held_out)
        stated[own] = np.maximum(of_truth, 1 - of_truth)
        right[own] = of_truth > 0.5
    return stated, right


def tabulate(stated: Float64, right: Float64) -> list[dict[str, float]]:
    """Return how often the likelier hypothesis is right, for each range of its probability."""
    table = []
    for low, high in pairwise(_EDGES):
        own = (stated >= low) & (stated < high)
        if own.any():
            row = {"probability": stated[own].mean(), "right": right[own].mean()}
            table.append({name: round(float(value), 4) for name, value in row.items()})
            table[-1]["n"] = int(own.sum())
    return table


def write_model(path: Path, rows: Rows, names: Sequence[str]) -> None:
    """Fit to all recordings, cross-validate, and write the model with its provenance."""
    fitted = fit(rows)
    stated, right = cross_validate(rows)
    losses = -np.log(np.where(right > 0, stated, 1 - stated))
    parameters = dict(zip(TERMS, np.round(fitted.weights, 4).tolist(), strict=True))
    model = {
        "parameters": parameters | {"unseen_swap_probability": round(fitted.unseen, 6)},
        "provenance": {
            "script": "benchmarks/pairwise_model.py",
            "recordings": list(names),
            "frame_rates": sorted({round(float(fps), 3) for fps in np.unique(rows.fps)}),
            "n_rows": len(rows.outcomes),
            "n_swapped": int((rows.outcomes < 0).sum()),
            "leave_one_recording_out": {
                "log_loss": round(float(losses.mean()), 4),
                "wrong": int((right == 0).sum()),
                "reliability": tabulate(stated, right),
            },
        },
    }
    path.write_text(json.dumps(model, indent=1) + "\n")
    print(path.read_text())


def main() -> None:
    """Collect rows or fit the model."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("step", choices=["collect", "fit"])
    parser.add_argument("--work", type=Path, default=Path("identities-work"))
    parser.add_argument("--out", type=Path, default=TARGET)
    options = parser.parse_args()
    store = options.work / "pairwise-rows"
    if options.step == "collect":
        store.mkdir(parents=True, exist_ok=True)
        for number, source in enumerate(list_sources(options.work)):
            path = store / f"{source.folder.name}.npz"
            if path.is_file():
                continue
            rows = Rows.concatenate(list(collect_recording(source, number)))
            columns = {field.name: getattr(rows, field.name) for field in fields(Rows)}
            np.savez(path, **columns)
            n_swapped = int((rows.outcomes < 0).sum())
            print(f"{path.stem}: {len(rows.outcomes)} rows, {n_swapped} swapped", flush=True)
        return
    paths = sorted(store.glob("*.npz"))
    parts = []
    for number, path in enumerate(paths):
        columns = dict(np.load(path))
        columns["recordings"] = np.full(len(columns["outcomes"]), number)
        parts.append(Rows(**columns))
    write_model(options.out, Rows.concatenate(parts), [path.stem for path in paths])


if __name__ == "__main__":
    main()

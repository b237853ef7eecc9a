"""Fit the model of existence: whether a detection is an animal at all.

    python benchmarks/existence.py make --work /tmp/existence
    python benchmarks/existence.py fit --work /tmp/existence --recordings /tmp/identities

- ``make`` makes recordings with clutter that is not in the floor: text and bars that change, and
  objects of the size and the brightness of an animal which never move. Some are there for the whole
  recording, others come and go. Detections are those of the shipped network.
- ``fit`` fits the coefficients on these recordings and on recordings of the scenarios (as
  `benchmarks/identities.py` keeps them in its ``--work``). It prints a table by leaving out one
  recording at a time, and writes ``src/murid/identification/existence.json``. Runs of the real
  clips with ground truth below ``$MURID_DATA`` (``--runs``) are in the table too, but nothing is
  fitted to them: their licences do not allow it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.special import expit, logit

from murid.core import DetectionTable
from murid.core.boxes import compute_iou
from murid.core.types import Float32, UInt8
from murid.datasets.mot_text import read_mot
from murid.identification import IdentificationConfig, linker
from murid.identification.existence import (
    FEATURES,
    MAX_SCORE,
    MIN_SCORE,
    ExistenceEvidence,
    ExistenceModel,
    average_along_paths,
    compute_existence_probabilities,
    compute_moments_per_frame,
    measure_existence,
)
from murid.identification.tracklets import Tracklets
from murid.metrics import LabelledBoxes
from murid.store import RunDirectory
from murid.synthetic.behaviour import BehaviourConfig
from murid.synthetic.recording import RecordedFrame, RecordingConfig, record
from murid.synthetic.write_sequence import SequenceInfo, write_sequence
from murid.tracking import track_bidirectionally

# Every third frame of 30 frames/s.
EVERY = 3
N_FRAMES = 200
COATS = (("black",), ("black", "albino"), ("albino",), ("agouti", "hooded"))
# Animals that curl up and never walk.
ASLEEP = BehaviourConfig(
    run=0.0, pause=0.1, wall=0.0, chase=0.0, climb=0.0, huddle=0.0, rear=0.0, curl=1.0
)
MODEL_FILE = Path(linker.__file__).parent / "existence.json"
# A detection with this IoU shows the animal.
MIN_IOU = 0.3
MAX_WEIGHT = 100.0
RIDGE = 1.0
# Signs that the coefficients of `FEATURES` must have.
SIGNS = (1, 1, -1, -1, -1, -1)
# Recordings are used up to this time.
MAX_SECONDS = 30.0
# Of each recording: animals expected beyond those that there are, every so many frames, duration.
VARIANTS = ((0, 1, MAX_SECONDS), (1, 1, MAX_SECONDS), (0, 3, MAX_SECONDS), (0, 1, 5.0), (1, 1, 5.0))
# By how much the logit of the score of an animal asleep is lower, beside animals that walk.
SLEEPING_SCORE = 1.0
FONT = cv2.FONT_HERSHEY_SIMPLEX


@dataclass(frozen=True, eq=False)
class Clutter:
    """An object that is drawn on the image in some frames: colour, opacity ``(h, w)``, place."""

    colour: Float32
    alpha: Float32
    left: int
    top: int
    shown: np.ndarray

    def draw(self, image: UInt8) -> None:
        """Draw the object, in place."""
        height, width = self.alpha.shape
        window = image[self.top : self.top + height, self.left : self.left + width]
        alpha = self.alpha[: window.shape[0], : window.shape[1], None]
        colour = self.colour[: window.shape[0], : window.shape[1]]
        window[:] = (alpha * colour + (1 - alpha) * window).astype(np.uint8)


def sample_clutter(
    rng: np.random.Generator, config: RecordingConfig, n_frames: int
) -> list[Clutter]:
    """Return objects of the size of an animal or of a part of one, that never move."""
    objects = []
    for _ in range(int(rng.integers(3, 7))):
        length = config.body_px * rng.uniform(0.25, 1.0)
        axes = length / 2, length / 2 * rng.uniform(0.45, 1.0)
        side = int(length) + 4
        angle = rng.uniform(0, np.pi)
        y, x = np.mgrid[:side, :side] - side / 2
        u = (x * np.cos(angle) + y * np.sin(angle)) / axes[0]
        v = (y * np.cos(angle) - x * np.sin(angle)) / axes[1]
        inside = 1 - u**2 - v**2
        shade = (
            1 + rng.uniform(-0.5, 0.8) * np.sqrt(np.maximum(inside, 0)) + rng.uniform(0, 0.4) * u
        )
        grey = rng.choice([rng.uniform(10, 50), rng.uniform(120, 220)])
        colour = np.repeat((grey * shade)[..., None], 3, axis=2) + rng.normal(0, 6, (side, side, 1))
        objects.append(
            Clutter(
                np.clip(colour, 0, 255).astype(np.float32),
                np.clip(3 * inside, 0, 1).astype(np.float32),
                int(rng.uniform(0, config.width - side)),
                int(rng.uniform(0, config.height - side)),
                sample_presence(rng, n_frames),
            )
        )
    return objects


def sample_presence(rng: np.random.Generator, n_frames: int) -> np.ndarray:
    """Return in which frames an object is there: always, or now and then."""
    if rng.random() < 0.5:
        return np.ones(n_frames, bool)
    changes = rng.random(n_frames) < rng.choice([0.02, 0.1])
    return np.cumsum(changes) % 2 == int(rng.random() < 0.5)


def draw_banner(image: UInt8, rng: np.random.Generator, state: dict[str, float]) -> None:
    """Draw a dark banner with a word, a number and bars that change now and then."""
    height = max(16, image.shape[0] // 14)
    image[:height] = image[:height] // 4
    if rng.random() < 0.15:
        state.update(word=rng.integers(4), value=rng.random())
    word = ("MOUNT", "ATTACK", "REAR", "OTHER")[int(state["word"])]
    colours = ((230, 40, 220), (230, 30, 20), (30, 220, 60), (200, 200, 200))
    colour = colours[int(state["word"])]
    scale = height / 34
    cv2.putText(image, word, (4, height - 5), FONT, scale, colour, max(1, round(2 * scale)))
    left = image.shape[1] // 2
    for bar in range(3):
        x = left + bar * image.shape[1] // 6
        cv2.rectangle(image, (x, 4), (x + image.shape[1] // 8, height // 2), (190, 190, 190), 1)
        length = int(image.shape[1] / 8 * abs(np.sin(3 * bar + 6 * state["value"])))
        cv2.rectangle(image, (x, 4), (x + length, height // 2), colours[bar], -1)


def add_clutter(
    frames: Iterator[RecordedFrame], config: RecordingConfig
) -> Iterator[RecordedFrame]:
    """Yield the frames with clutter on top."""
    rng = np.random.default_rng((config.seed, 23))
    objects = sample_clutter(rng, config, N_FRAMES)
    has_banner = rng.random() < 0.6
    state = {"word": 0.0, "value": 0.3}
    for t, recorded in enumerate(frames):
        image = recorded.frame.image.copy()
        for item in objects:
            if item.shown[t]:
                item.draw(image)
        if has_banner:
            draw_banner(image, rng, state)
        yield replace(recorded, frame=replace(recorded.frame, image=image))


def make_recording(work: Path, kind: str, seed: int) -> None:
    """Make a recording with clutter, or of animals that sleep, and its detections."""
    folder = work / f"{kind}-{seed}"
    if (folder / "done").is_file():
        return
    rng = np.random.default_rng((seed, 5))
    config = RecordingConfig(
        n_animals=2,
        n_frames=EVERY * N_FRAMES,
        width=480,
        height=320,
        body_px=float(rng.uniform(45, 80)),
        seed=seed,
        coats=COATS[seed % len(COATS)],
        behaviour=ASLEEP if kind == "sleeping" else BehaviourConfig(),
    )
    frames = record(config, every=EVERY)
    if kind == "cluttered":
        frames = add_clutter(frames, config)
    info = SequenceInfo(folder.name, 30 / EVERY, config.width, config.height, N_FRAMES)
    write_sequence(folder, frames, info)
    command = ["track", folder / "video.mp4", "--animals", 2, "--no-identities"]
    arguments = [*map(str, command), "--out", str(folder / "run.murid")]
    subprocess.run([sys.executable, "-m", "murid", *arguments], check=True)
    (folder / "done").touch()


@dataclass(frozen=True, eq=False)
class Sample:
    """Tracklets of a recording, and how many of their boxes show an animal.

    `right` and `counted` ``(T,)`` are the numbers of boxes that show an animal, and that have
    ground truth; `logits` ``(M,)`` those of all scores.
    """

    name: str
    evidence: ExistenceEvidence
    tracklets: Tracklets
    paths: np.ndarray
    right: np.ndarray
    counted: np.ndarray
    logits: np.ndarray
    fps: float

    @property
    def weights(self) -> np.ndarray:
        """``(T,)``: the boxes of a tracklet are right or wrong together, so few count as much."""
        return np.sqrt(self.counted * compute_moments_per_frame(self.fps))

    @property
    def shares(self) -> np.ndarray:
        """``(T,)`` share of the boxes that show an animal."""
        return self.right / np.maximum(self.counted, 1)


def collect(
    run: Path, truth_file: Path, extra: int, every: int, seconds: float = MAX_SECONDS
) -> Sample:
    """Return the tracklets of a recording with their features and labels.

    `extra` animals are expected beyond those that there are, and every so many frames are used.
    """
    truth = read_mot(truth_file)
    n_animals = len(np.unique(truth.ids)) + extra
    with RunDirectory.open(run) as directory:
        table = directory.detections.read()
        fps = directory.manifest.fps / every
    n_frames = min(table.n_frames, int(seconds * fps * every))
    frames = np.arange(0, n_frames, every)
    table = DetectionTable.from_frames([table[t] for t in frames.tolist()])
    kept = np.isin(truth.frames, frames)
    truth = LabelledBoxes(truth.frames[kept] // every, truth.ids[kept], truth.boxes[kept])
    found = link_for_evidence(table, n_animals, fps)
    ordered, evidence, tracklets, paths = found
    is_animal = match_detections(ordered, truth)[tracklets.rows]
    labelled = np.isin(ordered.frame_numbers[tracklets.rows], truth.frames)
    starts = tracklets.offsets[:-1]
    return Sample(
        name=(run.stem if run.parent.name != run.stem and run.stem != "run" else run.parent.name),
        evidence=evidence,
        tracklets=tracklets,
        paths=paths,
        right=np.add.reduceat((is_animal & labelled).astype(np.int64), starts),
        counted=np.add.reduceat(labelled.astype(np.int64), starts),
        logits=logit(np.clip(ordered.scores[tracklets.rows], MIN_SCORE, MAX_SCORE)),
        fps=fps,
    )


def lower_scores(sample: Sample) -> Sample:
    """Return a recording in which the animals that sleep have lower scores than others."""
    features = sample.evidence.features.copy()
    features[:, FEATURES.index("score")] -= SLEEPING_SCORE
    return replace(sample, evidence=replace(sample.evidence, features=features))


def link_for_evidence(
    table: DetectionTable, n_animals: int, fps: float
) -> tuple[DetectionTable, ExistenceEvidence, Tracklets, np.ndarray]:
    """Return sorted detections, the evidence of existence, tracklets and paths, as in linking."""
    captured = {}

    def measure(ordered, usable, tracklets, *arguments):  # type: ignore[no-untyped-def]
        captured["ordered"] = ordered
        captured["tracklets"] = tracklets
        captured["evidence"] = measure_existence(ordered, usable, tracklets, *arguments)
        return captured["evidence"]

    def compute(log_odds, paths, *arguments):  # type: ignore[no-untyped-def]
        captured["paths"] = paths
        return compute_existence_probabilities(log_odds, paths, *arguments)

    with (
        patch.object(linker, "measure_existence", measure),
        patch.object(linker, "compute_existence_probabilities", compute),
    ):
        tracks = track_bidirectionally(table, n_animals, fps)
        config = IdentificationConfig(use_appearance=False)
        linker.link_tracklets(table, n_animals, fps, config, bidirectional_tracks=tracks)
    return (captured[name] for name in ("ordered", "evidence", "tracklets", "paths"))  # type: ignore


def match_detections(table: DetectionTable, truth: LabelledBoxes) -> np.ndarray:
    """Return which detections ``(N,)`` show an animal, at most one for each animal and frame."""
    is_animal = np.zeros(len(table), bool)
    order = np.argsort(truth.frames, kind="stable")
    starts = np.searchsorted(truth.frames[order], np.arange(table.n_frames + 1))
    for frame in range(table.n_frames):
        rows = np.arange(table.frame_offsets[frame], table.frame_offsets[frame + 1])
        true_rows = order[starts[frame] : starts[frame + 1]]
        iou = compute_iou(truth.boxes[true_rows], table.boxes[rows])
        i, j = linear_sum_assignment(-np.where(iou >= MIN_IOU, iou, 0))
        is_animal[rows[j[iou[i, j] >= MIN_IOU]]] = True
    return is_animal


def fit_logistic(x: np.ndarray, y: np.ndarray, weights: np.ndarray, ridge: float) -> np.ndarray:
    """Return intercept and coefficients of a logistic regression with soft labels."""
    design = np.column_stack([np.ones(len(x)), x])
    penalty = ridge * np.diag(np.append(0.0, np.ones(x.shape[1])))
    coefficients = np.zeros(design.shape[1])
    for _ in range(50):
        p = expit(design @ coefficients)
        gradient = design.T @ (weights * (y - p)) - penalty @ coefficients
        hessian = design.T @ (design * (weights * p * (1 - p))[:, None]) + penalty
        step = np.linalg.solve(hessian + 1e-9 * np.eye(len(hessian)), gradient)
        coefficients += step
        if np.abs(step).max() < 1e-8:
            break
    return coefficients


def fit_signed(
    x: np.ndarray, y: np.ndarray, weights: np.ndarray, signs: tuple[int, ...]
) -> np.ndarray:
    """Return the same, without inputs whose coefficient would have the wrong sign."""
    used = np.ones(len(signs), bool)
    while True:
        coefficients = fit_logistic(x[:, used], y, weights, RIDGE)
        wrong = coefficients[1:] * np.array(signs)[used] < 0
        if not wrong.any():
            full = np.zeros(len(signs) + 1)
            full[np.append(True, used)] = coefficients
            return full
        used[np.flatnonzero(used)[wrong]] = False


def balance(samples: list[Sample]) -> list[np.ndarray]:
    """Return weights of tracklets by which no recording counts more than `MAX_WEIGHT`."""
    return [s.weights * min(1.0, MAX_WEIGHT / max(s.weights.sum(), 1)) for s in samples]


def fit_model(samples: list[Sample]) -> ExistenceModel:
    """Return the model fitted on some recordings."""
    weights = np.concatenate(balance(samples))
    shares = np.concatenate([s.shares for s in samples])
    features = np.concatenate([s.evidence.features for s in samples])
    own = fit_signed(features, shares, weights, SIGNS)
    model = ExistenceModel(own[0], tuple(own[1:].tolist()), 0.0, 1.0, 0.0)
    # Then of tracklets on paths.
    log_odds = [compute_log_odds(model, s) for s in samples]
    on_path = np.concatenate([s.paths >= 0 for s in samples])
    inputs = np.column_stack(
        [
            np.concatenate(log_odds),
            np.concatenate([average(s, o) for s, o in zip(samples, log_odds, strict=True)]),
        ]
    )
    path = fit_signed(inputs[on_path], shares[on_path], weights[on_path], (1, 1))
    return replace(model, path_intercept=path[0], own_weight=path[1], path_weight=path[2])


def compute_log_odds(model: ExistenceModel, sample: Sample) -> np.ndarray:
    """Return the log-odds of the tracklets of a recording."""
    return model.intercept + sample.evidence.features @ np.array(model.weights)


def average(sample: Sample, log_odds: np.ndarray) -> np.ndarray:
    """Return the mean log-odds along paths."""
    return average_along_paths(log_odds, sample.paths, sample.tracklets, sample.fps)


def predict(model: ExistenceModel, sample: Sample) -> np.ndarray:
    """Return the probability of existence of the tracklets, on paths as such."""
    log_odds = compute_log_odds(model, sample)
    on_path = model.own_weight * log_odds + model.path_weight * average(sample, log_odds)
    return np.where(sample.paths >= 0, expit(on_path + model.path_intercept), expit(log_odds))


def measure_correlation_s(samples: list[Sample]) -> float:
    """Return the lag at which the autocorrelation of the scores of animals falls below 1/e."""
    for lag in range(1, 100):
        products, squares = 0.0, 0.0
        for sample in samples:
            long = (sample.tracklets.lengths > 100) & (sample.shares > 0.9)
            for tracklet in np.flatnonzero(long).tolist():
                own = slice(*sample.tracklets.offsets[tracklet : tracklet + 2])
                values = sample.logits[own] - sample.logits[own].mean()
                products += float((values[lag:] * values[:-lag]).mean())
                squares += float((values**2).mean())
        if products < squares / np.e:
            return lag / samples[0].fps
    return np.inf


def fit(options: argparse.Namespace) -> None:
    """Fit the model, print how well it predicts recordings that were left out, and write it."""
    sources = []
    for folder in (options.work, *options.recordings):
        for done in sorted(folder.glob("*/done")):
            sources.append((done.parent / "run.murid", done.parent / "gt" / "gt.txt"))
    for run in options.runs:
        folder = Path(os.environ["MURID_DATA"]) / "rodents" / run.stem
        dense = folder / "gt" / "gt.txt"
        sources.append((run, dense if dense.is_file() else folder / "gt_sparse.txt"))
    samples = [
        collect(run, truth, extra, every, seconds)
        for run, truth in sources
        for extra, every, seconds in VARIANTS
        if every == 1 or run.stem == "run"
    ]
    samples += [lower_scores(s) for s in samples if s.name.startswith("sleeping")]
    clips = {run.stem for run in options.runs}
    fitted = [sample for sample in samples if sample.name not in clips]
    fast = [s for s in samples if s.fps == 30]
    if fast:
        print(f"correlation time of scores: {measure_correlation_s(fast):.2f} s")
    print(f"{'left out':28s} tracklets  boxes  clutter  log-loss (base rate)  on paths")
    held_out = []
    for sample in samples:
        others = [other for other in fitted if other.name != sample.name]
        p = np.clip(predict(fit_model(others), sample), 1e-4, 1 - 1e-4)
        y, w = sample.shares, sample.counted * compute_moments_per_frame(sample.fps)
        loss = -(w * (y * np.log(p) + (1 - y) * np.log(1 - p))).sum() / w.sum()
        rate = np.clip((w * y).sum() / w.sum(), 1e-4, 1 - 1e-4)
        base = -(rate * np.log(rate) + (1 - rate) * np.log(1 - rate))
        path = sample.paths >= 0
        mean_p, mean_y = ((w * v)[path].sum() / w[path].sum() for v in (p, y))
        print(
            f"{sample.name:28s} {len(y):8d} {sample.counted.sum():7d} {1 - rate:8.3f}"
            f"  {loss:.3f} ({base:.3f})  {mean_p:.4f} said, {mean_y:.4f} right"
        )
        held_out.append(np.column_stack([p, y, w, path]))
    rows = np.concatenate(held_out)
    for title, own in (("all tracklets", rows), ("on paths", rows[rows[:, 3] > 0])):
        print(title)
        for low, high in pairwise((0, 0.05, 0.2, 0.5, 0.8, 0.9, 0.95, 0.99, 1.001)):
            inside = own[(own[:, 0] >= low) & (own[:, 0] < high)]
            if len(inside):
                p, y = (np.average(inside[:, c], weights=inside[:, 2] + 1e-9) for c in (0, 1))
                said = f"{inside[:, 2].sum():9.1f} said {p:.3f} right {y:.3f}"
                print(f"  {low:.2f} to {high:.2f}: {said}")
    write_model(options.out, fit_model(fitted), sorted({s.name for s in fitted}))


def write_model(path: Path, model: ExistenceModel, names: list[str]) -> None:
    """Write the coefficients with the recordings on which they were fitted."""
    text = {
        "fitted_by": "benchmarks/existence.py",
        "recordings": names,
        "intercept": round(model.intercept, 3),
        "weights": {n: round(w, 3) for n, w in zip(FEATURES, model.weights, strict=True)},
        "path": {
            "intercept": round(model.path_intercept, 3),
            "own": round(model.own_weight, 3),
            "path": round(model.path_weight, 3),
        },
    }
    path.write_text(json.dumps(text, indent=2) + "\n")
    print(json.dumps(text, indent=2))


def main() -> None:
    """Make recordings, or fit the model."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("task", choices=["make", "fit"])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(2251, 2261)))
    parser.add_argument("--recordings", type=Path, nargs="*", default=[])
    parser.add_argument("--runs", type=Path, nargs="*", default=[])
    parser.add_argument("--out", type=Path, default=MODEL_FILE)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    if options.task == "fit":
        fit(options)
        return
    for seed in options.seeds:
        make_recording(options.work, "cluttered", seed)
    for seed in options.seeds[:3]:
        make_recording(options.work, "sleeping", seed)


if __name__ == "__main__":
    main()

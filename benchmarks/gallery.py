"""Re-identification on another day: five animals of a gallery, and a sixth that is unknown.

    python benchmarks/gallery.py days --work /tmp/gallery --seeds 1 2 3
    python benchmarks/gallery.py calibrate --work /tmp/gallery --seeds 4 5 6 --casts coats pairs
    --seconds 40

Two synthetic sessions of the same animals differ in light, camera, fur and floor. The first one
fills the gallery with the true names. The second one, with an unknown animal among them, is
re-identified. Prints the share of the second session's animal-frames with the correct name, the
maximum that its identities allow, and how often the unknown animal is recognised as such. Results
are written to ``gallery.json``.

``calibrate`` fits how appearance changes from day to day, on other seeds, and writes
``murid/reid/reidentification_model.json``. Run it again when the shipped weights change.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from identity_scores import assign_names, match
from scipy.optimize import minimize

import murid
from murid.datasets.mot_text import read_mot
from murid.metrics import LabelledBoxes
from murid.pipeline.enroll import enroll
from murid.pipeline.identify import identify
from murid.pipeline.run import Run
from murid.reid.identity_appearance import describe_identities
from murid.reid.matching import ReidentificationModel, compute_differences
from murid.reid.prototypes import IdentityPrototypes, MeanAppearance
from murid.store import RunDirectory
from murid.synthetic.camera import CameraModel
from murid.synthetic.recording import RecordingConfig, record
from murid.synthetic.write_sequence import SequenceInfo, write_sequence

# Breeds of the six animals: all different, or three pairs that an ear tag distinguishes.
CASTS = {
    "coats": ("black", "albino", "agouti", "hooded", "grey", "dyed"),
    "pairs": ("black", "albino", "agouti"),
}
N_ANIMALS = 6
NAMES = ("ada", "bea", "cleo", "dora", "eve", "fay")
# Factor of the changes from day to day: real animals change more than synthetic ones.
REALITY = 1.5
# Ridge of the logistic regression: keeps the factors finite where the classes are separable.
PENALTY = 0.0001
# Animals of a cast below which the common shift cannot be estimated.
MIN_PAIRS = 3


def make_day(cast: str, seed: int, day: int, seconds: float) -> RecordingConfig:
    """Return the session of a cast: on day 0 without one animal, on day 1 with all."""
    rng = np.random.default_rng((seed, day, 11))
    unknown_animal = seed % N_ANIMALS
    camera = CameraModel(
        mono=seed % 3 == 2,
        gain=float(rng.uniform(0.75, 1.2)),
        gamma=float(np.exp(rng.normal(0, 0.12))),
        offset=float(rng.normal(0, 0.015)),
        colour_gains=tuple(rng.normal(1, 0.05, 3).tolist()),
        blur_px=float(rng.uniform(0.4, 1.0)),
        noise=float(rng.uniform(0.008, 0.025)),
        vignette=float(rng.uniform(0, 0.3)),
    )
    return RecordingConfig(
        n_animals=N_ANIMALS,
        n_frames=round(seconds * 25),
        fps=25.0,
        body_px=70 * float(np.exp(rng.normal(0, 0.05))),
        seed=100 * seed + day,
        animal_seed=seed,
        present=tuple(k for k in range(N_ANIMALS) if day or k != unknown_animal),
        coats=CASTS[cast],
        tagged=cast == "pairs",
        enclosure=("field", "disc", "cage")[seed % 3],
        floor_brightness=float(rng.uniform(0.5, 0.62)),
        camera=camera,
        shadow=float(rng.uniform(0.2, 0.5)),
    )


def prepare(
    work: Path, cast: str, seed: int, day: int, seconds: float
) -> tuple[Path, RecordingConfig]:
    """Record a session and track its animals, unless that was done before."""
    folder = work / f"{cast}-{seed}-{day}"
    config = make_day(cast, seed, day, seconds)
    if not (folder / "gt" / "gt.txt").is_file():
        info = SequenceInfo(folder.name, config.fps, config.width, config.height, config.n_frames)
        write_sequence(folder, record(config), info)
    run = folder / "run.murid"
    exists = (run / "manifest.json").is_file()
    if not exists or not RunDirectory.open(run).is_done("identification"):
        run_murid("track", folder / "video.mp4", "--animals", len(config.present), "--out", run)
    return folder, config


def run_murid(*arguments: object) -> None:
    """Run murid in a process of its own."""
    subprocess.run(
        [sys.executable, "-m", "murid", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL
    )


def find_animals(
    folder: Path, config: RecordingConfig
) -> tuple[LabelledBoxes, np.ndarray, dict[int, int]]:
    """Return boxes, the true animal of each (-1 = none), and the main animal of each identity."""
    truth = read_mot(folder / "gt" / "gt.txt")
    tracks = Run.open(folder / "run.murid").tracks()
    result = LabelledBoxes.from_tracks(tracks)
    found = match(truth, result, config.n_frames)
    true = np.where(found >= 1, np.array(config.present)[np.maximum(found, 1) - 1], -1)
    # The main animal of an identity has more than 70 % of its boxes.
    main_animals = {}
    for identity in np.unique(result.ids).tolist():
        own = true[(result.ids == identity) & (true >= 0)]
        if len(own) and np.bincount(own).max() > 0.7 * len(own):
            main_animals[identity] = int(np.bincount(own).argmax())
    return result, true, main_animals


@dataclass(frozen=True)
class DayPair:
    """Mean appearance of both days of a cast, and which identities are the same animal.

    Attributes
    ----------
    own, known : MeanAppearance
        Of the second day and of the first.
    scale : float
        Unit of the embeddings.
    identities, animals : ndarray
        ``(p,)`` positions in `own` and `known` of each pair of one animal.
    """

    own: MeanAppearance
    known: MeanAppearance
    scale: float
    identities: np.ndarray
    animals: np.ndarray


@dataclass(frozen=True)
class PairDistances:
    """Distances ``(k,)`` of pairs of identities of two days, and whether they are one animal."""

    embedding: np.ndarray
    colour: np.ndarray
    same: np.ndarray


def describe_day(
    folder: Path, config: RecordingConfig
) -> tuple[IdentityPrototypes, dict[int, int]]:
    """Return the prototypes of a session, and the true animal of most boxes of each identity."""
    with RunDirectory.open(folder / "run.murid", writable=True) as run:
        return describe_identities(run, None, ""), find_animals(folder, config)[2]


def calibrate(options: argparse.Namespace) -> dict:
    """Fit how appearance changes from day to day, from sessions of many casts."""
    pairs = [pair_days(options, cast, seed) for cast in options.casts for seed in options.seeds]
    days = [pair for pair in pairs if len(pair.identities) >= MIN_PAIRS]
    # Change of each animal by itself, and the shift that all have in common.
    colour_changes = [
        day.own.colour_features[day.identities] - day.known.colour_features[day.animals]
        for day in days
    ]
    embedding_changes = [
        (day.own.embeddings[day.identities] - day.known.embeddings[day.animals]) / day.scale
        for day in days
    ]
    change, shift = measure_changes(colour_changes)
    embedding_change, embedding_shift = measure_changes(embedding_changes)
    own_change = np.sqrt(np.square(embedding_change).sum())
    common_change = np.sqrt(np.square(embedding_shift).sum())
    model = ReidentificationModel(
        colour_change_std=tuple(REALITY * change),
        colour_shift_shrinkage=tuple(np.square(change / shift)),
        embedding_shift_shrinkage=float((own_change / common_change) ** 2),
        coefficients=(0, 0, 0),
        embedding_coefficients=(0, 0),
    )
    # Coefficients of the log-likelihood ratio, from the distances of all pairs.
    found = [measure_pairs(day, model) for day in days]
    embedding = np.concatenate([pairs.embedding for pairs in found])
    colour = np.concatenate([pairs.colour for pairs in found])
    same = np.concatenate([pairs.same for pairs in found])
    for name, value in (("embedding", embedding), ("colour features", colour)):
        print(
            f"{name}: same {np.quantile(value[same], [0.5, 0.9, 1]).round(2)}, "
            f"different {np.quantile(value[~same], [0, 0.1, 0.5]).round(2)}"
        )
    log_distances = np.column_stack([np.log(embedding), np.log(colour)])
    values = {
        "colour_change_std": model.colour_change_std,
        "colour_shift_shrinkage": model.colour_shift_shrinkage,
        "embedding_shift_shrinkage": model.embedding_shift_shrinkage,
        "coefficients": fit_llr(log_distances, same),
        "embedding_coefficients": fit_llr(log_distances[:, :1], same),
    }
    return {name: np.round(value, 4).tolist() for name, value in values.items()}


def pair_days(options: argparse.Namespace, cast: str, seed: int) -> DayPair:
    """Find the identities of both days that are the same animal."""
    first, first_animals = describe_day(*prepare(options.work, cast, seed, 0, options.seconds))
    second, second_animals = describe_day(*prepare(options.work, cast, seed, 1, options.seconds))
    # Identities without a main animal get numbers that match nothing.
    first_ids = [first_animals.get(i, -1) for i in first.identity_ids.tolist()]
    second_ids = [second_animals.get(i, -2) for i in second.identity_ids.tolist()]
    identities, animals = np.nonzero(np.equal.outer(second_ids, first_ids))
    scale = np.hypot(first.variation, second.variation) / np.sqrt(2)
    return DayPair(second.average(), first.average(), scale, identities, animals)


def measure_pairs(day: DayPair, model: ReidentificationModel) -> PairDistances:
    """Return the distances of all pairs of identities of two days."""
    differences = compute_differences(day.own, day.known, day.scale, model)
    shift = differences.estimate_shift(day.identities, day.animals)
    distances = differences.compute_distances(shift)
    # The shift of a pair of one animal is estimated from the other pairs.
    own = differences.compute_pair_distances(day.identities, day.animals)
    distances.embedding[day.identities, day.animals] = own.embedding
    distances.colour[day.identities, day.animals] = own.colour
    same = np.zeros(distances.embedding.shape, bool)
    same[day.identities, day.animals] = True
    return PairDistances(distances.embedding.ravel(), distances.colour.ravel(), same.ravel())


def measure_changes(changes: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return standard deviations of each animal's own change, and of that common to a recording."""
    own = np.concatenate([(m - m.mean(axis=0)) * np.sqrt(len(m) / (len(m) - 1)) for m in changes])
    common = np.array([m.mean(axis=0) for m in changes])
    return np.sqrt(np.square(own).mean(axis=0)), np.sqrt(np.square(common).mean(axis=0))


def fit_llr(distances: np.ndarray, same: np.ndarray) -> np.ndarray:
    """Fit a ridge logistic regression, both classes weighted equally; return the coefficients."""
    # The first column is the intercept, which the ridge penalty leaves out.
    inputs = np.column_stack([np.ones(len(same)), distances])
    weights = np.where(same, 0.5 / same.sum(), 0.5 / (~same).sum())
    sign = np.where(same, 1.0, -1.0)

    def compute_loss(coefficients: np.ndarray) -> float:
        losses = np.logaddexp(0, -sign * (inputs @ coefficients))
        penalty = PENALTY * np.square(coefficients[1:]).sum()
        return float((weights * losses).sum() + penalty)

    return minimize(compute_loss, np.zeros(inputs.shape[1])).x


def bench(options: argparse.Namespace) -> dict:
    """Re-identify the animals of the second day from a gallery of the first."""
    results = {}
    for cast in options.casts:
        rows = []
        for seed in options.seeds:
            days = [prepare(options.work, cast, seed, day, options.seconds) for day in (0, 1)]
            gallery = options.work / f"{cast}-{seed}.gallery"
            gallery.unlink(missing_ok=True)
            _, _, main_animals = find_animals(*days[0])
            names = {i: NAMES[animal] for i, animal in main_animals.items()}
            enroll(gallery, run=days[0][0] / "run.murid", names=names)
            run = identify(days[1][0] / "run.murid", gallery=gallery)
            rows.append(score(days[1], run, seed % N_ANIMALS))
            print(f"{cast} {seed}: {format_shares(rows[-1])}", flush=True)
        means = {k: float(np.nanmean([row[k] for row in rows])) for k in rows[0]}
        results[cast] = means | {"seeds": options.seeds}
        print(f"{cast}: {format_shares(means)}")
    return results


def format_shares(shares: dict[str, float]) -> str:
    """Return shares with their names."""
    return ", ".join(f"{name} {share:.2f}" for name, share in shares.items())


def score(day: tuple[Path, RecordingConfig], run: Run, unknown_animal: int) -> dict[str, float]:
    """Return shares of the detected animal-frames in per cent."""
    result, true, _ = find_animals(*day)
    identities = result.ids.tolist()
    # Names that murid gave, the true names, and whether a name stands for an unknown animal.
    given = np.array([run.names.get(i, "") for i in identities])
    expected = np.array([*NAMES, ""])[true]
    named_unknown = np.char.startswith(given, "unknown")
    # The best one-to-one assignment of identities bounds what naming can reach.
    best = assign_names(true, result.ids)
    assigned = np.array([best.get(i, -1) for i in identities])
    is_unknown = true == unknown_animal
    is_known = (true >= 0) & ~is_unknown
    wrong = (given != expected) & ~named_unknown
    return {
        "correct": 100 * float((given == expected)[is_known].mean()),
        "max correct": 100 * float((assigned == true)[is_known].mean()),
        "wrong": 100 * float(wrong[is_known].mean()),
        "unknown recognised": 100 * float(named_unknown[is_unknown].mean()),
        "max unknown recognised": 100 * float((assigned == true)[is_unknown].mean()),
    }


def main() -> None:
    """Run the benchmark, or calibrate."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bench", choices=["days", "calibrate"])
    parser.add_argument("--work", type=Path, default=Path("gallery-work"))
    parser.add_argument("--out", type=Path, default=Path())
    parser.add_argument("--casts", nargs="+", choices=list(CASTS), default=["coats"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    if options.bench == "calibrate":
        path = Path(murid.__file__).parent / "reid" / "reidentification_model.json"
        values = calibrate(options)
    else:
        # Fail before hours of work if the results cannot be written.
        options.out.mkdir(parents=True, exist_ok=True)
        path = options.out / "gallery.json"
        values = bench(options)
    path.write_text(json.dumps(values, indent=1) + "\n")


if __name__ == "__main__":
    main()

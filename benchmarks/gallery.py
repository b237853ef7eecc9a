"""Animals named from a gallery on another day: the same five, and a sixth that the gallery does not know.

    python benchmarks/gallery.py days --work /tmp/gallery --seeds 1 2 3
    python benchmarks/gallery.py calibrate --work /tmp/gallery --seeds 4 5 6 --casts coats pairs
    --seconds 40

Two synthetic sessions of one cast, in other light, before another camera, with other fur and floor.
The first fills the gallery, its identities named by the truth; the second, with a stranger among
them, is named from it. Prints the share of the second session's animal-frames that have the right
name, against the best that its identities allow, and how often the stranger is called unknown.
Figures go to ``gallery.json``.

``calibrate`` fits how looks change from day to day, on other seeds, and writes
``murid/reid/reidentification_model.json``: to be done
again when the shipped weights change.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from identities import assign_names, match
from scipy.optimize import minimize

import murid
from murid.datasets.mot_text import read_mot
from murid.metrics import LabelledBoxes
from murid.pipeline.enroll import enroll
from murid.pipeline.identify import identify
from murid.pipeline.run import Run
from murid.reid.gallery import ReidentificationModel, compare
from murid.reid.prototypes import IdentityPrototypes
from murid.reid.reidentify import describe_identities
from murid.store import RunDirectory
from murid.synthetic.camera import CameraModel
from murid.synthetic.recording import RecordingConfig, record
from murid.synthetic.write_sequence import SequenceInfo, write_sequence

CASTS = {
    "coats": ("black", "albino", "agouti", "hooded", "grey", "dyed"),
    "pairs": ("black", "albino", "agouti"),
}
N_CAST = 6
NAMES = ("ada", "bea", "cleo", "dora", "eve", "fay")
REALITY = 1.5  # real days differ more than drawn ones
PENALTY = 0.0001
LEAST_PAIRS = 3


def make_day(cast: str, seed: int, day: int, seconds: float) -> RecordingConfig:
    """Session of a cast: on day 0 all but one, on day 1 all of it."""
    rng = np.random.default_rng((seed, day, 11))
    stranger = seed % N_CAST
    camera = CameraModel(
        mono=seed % 3 == 2,
        gain=float(rng.uniform(0.75, 1.2)),
        gamma=float(np.exp(rng.normal(0, 0.12))),
        offset=float(rng.normal(0, 0.015)),
        cast=tuple(rng.normal(1, 0.05, 3).tolist()),
        blur_px=float(rng.uniform(0.4, 1.0)),
        noise=float(rng.uniform(0.008, 0.025)),
        vignette=float(rng.uniform(0, 0.3)),
    )
    return RecordingConfig(
        n_animals=N_CAST,
        n_frames=round(seconds * 25),
        fps=25.0,
        body_px=70 * float(np.exp(rng.normal(0, 0.05))),
        seed=100 * seed + day,
        animal_seed=seed,
        present=tuple(k for k in range(N_CAST) if day or k != stranger),
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
    """Film a session and find its animals, once."""
    folder, config = work / f"{cast}-{seed}-{day}", make_day(cast, seed, day, seconds)
    if not (folder / "gt" / "gt.txt").is_file():
        info = SequenceInfo(folder.name, config.fps, config.width, config.height, config.n_frames)
        write_sequence(folder, record(config), info)
    run = folder / "run.murid"
    if not (run / "manifest.json").is_file() or not RunDirectory.open(run).is_done(
        "identification"
    ):
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
    """Boxes of a run's identities, the true animal of each box (-1 = none), and who each identity mostly is."""
    truth, tracks = read_mot(folder / "gt" / "gt.txt"), Run.open(folder / "run.murid").tracks()
    result = LabelledBoxes.from_tracks(tracks)
    found = match(truth, result, config.n_frames)
    true = np.where(found >= 1, np.array(config.present)[np.maximum(found, 1) - 1], -1)
    mostly = {}
    for identity in np.unique(result.ids).tolist():
        own = true[(result.ids == identity) & (true >= 0)]
        if len(own) and np.bincount(own).max() > 0.7 * len(own):
            mostly[identity] = int(np.bincount(own).argmax())
    return result, true, mostly


def paint_day(folder: Path, config: RecordingConfig) -> tuple[IdentityPrototypes, dict[int, int]]:
    """Portraits of a session, and who each identity mostly is."""
    with RunDirectory.open(folder / "run.murid", writable=True) as run:
        return describe_identities(run, None, ""), find_animals(folder, config)[2]


def calibrate(options: argparse.Namespace) -> dict:
    """Fit how looks change from day to day, from sessions of many casts."""
    days = []
    for cast in options.casts:
        for seed in options.seeds:
            (a, of_a), (b, of_b) = (
                paint_day(*prepare(options.work, cast, seed, day, options.seconds))
                for day in (0, 1)
            )
            names_a, names_b = (
                [of.get(i, -1 - k) for i in p.identity_ids.tolist()]
                for k, (p, of) in enumerate(((a, of_a), (b, of_b)))
            )
            same = np.nonzero(np.equal.outer(names_b, names_a))
            if len(same[0]) >= LEAST_PAIRS:
                means = [p.prototypes.average(len(p.identity_ids)) for p in (b, a)]
                days.append((*means, np.hypot(a.variation, b.variation) / np.sqrt(2), same))
    change, shift = measure_days([own[1][i] - known[1][a] for own, known, _, (i, a) in days])
    own_change, common = (
        np.sqrt(np.square(v).sum())
        for v in measure_days(
            [(own[0][i] - known[0][a]) / scale for own, known, scale, (i, a) in days]
        )
    )
    change = REALITY * change
    pull = np.square(change / REALITY / shift)
    model = ReidentificationModel(
        tuple(change), tuple(pull), float((own_change / common) ** 2), (0, 0, 0), (0, 0)
    )
    rows = []
    for own, known, scale, (i, a) in days:
        changes = compare(own, known, scale, model)
        near, apart = changes.measure(changes.find_shift(i, a))
        near[i, a], apart[i, a] = changes.measure_pairs(i, a)
        same = np.zeros(near.shape, bool)
        same[i, a] = True
        rows.append((near.ravel(), apart.ravel(), same.ravel()))
    near, apart, same = (np.concatenate(column) for column in zip(*rows, strict=True))
    for name, value in (("embedding", near), ("plain looks", apart)):
        print(
            f"{name}: same {np.quantile(value[same], [0.5, 0.9, 1]).round(2)}, "
            f"different {np.quantile(value[~same], [0, 0.1, 0.5]).round(2)}"
        )
    values = {
        "change": change,
        "pull": pull,
        "embedding_pull": model.embedding_pull,
        "both": fit_odds(np.column_stack([np.log(near), np.log(apart)]), same),
        "embedding": fit_odds(np.log(near)[:, None], same),
    }
    return {name: np.round(value, 4).tolist() for name, value in values.items()}


def measure_days(moved: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Deviations of each animal's own change, and of that common to the animals of a recording."""
    own = np.concatenate([(m - m.mean(axis=0)) * np.sqrt(len(m) / (len(m) - 1)) for m in moved])
    common = np.array([m.mean(axis=0) for m in moved])
    return np.sqrt(np.square(own).mean(axis=0)), np.sqrt(np.square(common).mean(axis=0))


def fit_odds(distances: np.ndarray, same: np.ndarray) -> np.ndarray:
    """Coefficients of a logistic regression, both classes counting the same, drawn to 0."""
    inputs = np.column_stack([np.ones(len(same)), distances])
    weights = np.where(same, 0.5 / same.sum(), 0.5 / (~same).sum())
    sign = np.where(same, 1.0, -1.0)

    def lose(coefficients: np.ndarray) -> float:
        return float(
            (weights * np.logaddexp(0, -sign * (inputs @ coefficients))).sum()
            + PENALTY * np.square(coefficients[1:]).sum()
        )

    return minimize(lose, np.zeros(inputs.shape[1])).x


def bench(options: argparse.Namespace) -> dict:
    """Name the second day's animals from a gallery of the first."""
    results = {}
    for cast in options.casts:
        rows = []
        for seed in options.seeds:
            days = [prepare(options.work, cast, seed, day, options.seconds) for day in (0, 1)]
            gallery = options.work / f"{cast}-{seed}.gallery"
            gallery.unlink(missing_ok=True)
            enroll(
                gallery,
                run=days[0][0] / "run.murid",
                names={i: NAMES[a] for i, a in find_animals(*days[0])[2].items()},
            )
            run = identify(days[1][0] / "run.murid", gallery=gallery)
            rows.append(score(days[1], run, seed % N_CAST))
            print(
                f"{cast} {seed}: " + ", ".join(f"{k} {v:.2f}" for k, v in rows[-1].items()),
                flush=True,
            )
        results[cast] = {k: float(np.nanmean([row[k] for row in rows])) for k in rows[0]} | {
            "seeds": options.seeds
        }
        print(
            f"{cast}: "
            + ", ".join(f"{k} {v:.2f}" for k, v in results[cast].items() if k != "seeds")
        )
    return results


def score(day: tuple[Path, RecordingConfig], run: Run, stranger: int) -> dict[str, float]:
    """Shares in per cent of the animal-frames that were found."""
    result, true, _ = find_animals(*day)
    best = assign_names(true, result.ids)
    names = run.names
    said = np.array([names.get(i, "") for i in result.ids.tolist()])
    should = np.array([*NAMES, ""])[true]
    known, strange = (true >= 0) & (true != stranger), true == stranger
    allowed = np.array([best.get(i, -1) for i in result.ids.tolist()])
    unknown = np.char.startswith(said, "unknown")
    return {
        "named right": 100 * float((said == should)[known].mean()),
        "at best": 100 * float((allowed == true)[known].mean()),
        "named wrong": 100 * float(((said != should) & ~unknown)[known].mean()),
        "stranger unknown": 100 * float(unknown[strange].mean()),
        "stranger at best": 100 * float((allowed == true)[strange].mean()),
    }


def main() -> None:
    """Measure, or calibrate."""
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
        path, values = (
            Path(murid.__file__).parent / "reid" / "reidentification_model.json",
            calibrate(options),
        )
    else:
        options.out.mkdir(parents=True, exist_ok=True)  # before hours of work are lost to it
        path, values = options.out / "gallery.json", bench(options)
    path.write_text(json.dumps(values, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""Build the shipped network from its recipe, and put it into the package.

    python benchmarks/build_weights.py --solo openfield.mp4 tracktor.mp4 --out runs/nano
    [--recipe nano] [--seed 0] [--minutes 600] [--install]

All stages are trained, averaged, calibrated, exported and described, as ``murid train --recipe``
does. Give the same command again after an interruption. The videos must be those whose SHA-256 the
recipe names. `--install` then copies the network and its training log into the repository.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from murid.cli.progress import show_progress
from murid.detection.detector import WEIGHTS_DIRECTORY
from murid.training.fit import LOG_NAME
from murid.training.report import read_log
from murid.training.stages import Recipe, load_recipe, train_stages

# Files of a trained network that are shipped, after the name of the preset, and its model card.
SHIPPED = ("-detector.onnx", "-embedder.onnx", ".pt")
CARD = "README.md"


def install(recipe: Recipe, out: Path) -> None:
    """Copy the network, its card and the log of all stages into the repository."""
    preset = recipe.stages[0].settings.preset
    for ending in SHIPPED:
        shutil.copyfile(out / f"{preset}{ending}", WEIGHTS_DIRECTORY / f"{preset}{ending}")
    shutil.copyfile(out / CARD, WEIGHTS_DIRECTORY / f"{preset}-training.md")
    rows = [
        {"stage": stage.name, **row}
        for stage in recipe.stages
        for row in read_log(out / stage.name / LOG_NAME)
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (WEIGHTS_DIRECTORY / f"{preset}-training.jsonl").write_text(text, encoding="utf-8")


def main() -> None:
    """Train and, if wanted, install."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--solo", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--recipe", default="nano")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--install", action="store_true")
    arguments = parser.parse_args()
    recipe = load_recipe(arguments.recipe)
    with show_progress() as report:
        fitted = train_stages(
            recipe,
            arguments.solo,
            arguments.out,
            seed=arguments.seed,
            minutes=arguments.minutes,
            report=report,
        )
    print(fitted.validation)
    if arguments.install:
        install(recipe, arguments.out)


if __name__ == "__main__":
    main()

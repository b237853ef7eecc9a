"""Compare the five methods of loss balancing and the two profiles on the same small data set.

    python benchmarks/balance.py --out runs/balance --steps 400

Prints a Markdown table. Every row is one training of the preset nano with the same number of steps
on the same 384 synthetic images of twelve animals, measured on 192 more images of these animals.
Rows that exist already are not trained again. The profile `paper` is the paper's optimiser,
schedule and augmentation on this data set, not its 300 epochs at 640 pixels.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from murid.synthetic.still import Still, StillConfig, make_still
from murid.training.config import AugmentConfig, TrainConfig
from murid.training.fit import TrainingData, fit
from murid.training.loss_balancing import BalanceConfig
from murid.training.loss_balancing.config import BalanceMethod

# Small images with animals of medium size, so that a training takes minutes.
STILLS = StillConfig(size_px=192, body_px=(30.0, 70.0), n_identities=12, empty=0.0)
EPOCHS = 4
BALANCES: tuple[BalanceMethod, ...] = (
    "fixed",
    "uncertainty-task",
    "uncertainty-branch",
    "gradnorm",
    "mgda-ub",
)
MIRRORED = AugmentConfig(
    hue=0, saturation=0, value=0, rotate_deg=0, shear_deg=0, translate=0, scale=(1, 1), flip=0.5
)


def make_set(first: int, n: int) -> list[Still]:
    """Return images of consecutive seeds."""
    return [make_still(seed, STILLS) for seed in range(first, first + n)]


def make_configs(steps: int, seed: int) -> dict[str, TrainConfig]:
    """Return the settings of each row."""
    same: dict[str, Any] = {
        "size_px": 192,
        "epochs": EPOCHS,
        "steps_per_epoch": steps // EPOCHS,
        "stills": STILLS,
        "seed": seed,
        "patience": EPOCHS,
        "synthetic_share": 0.0,
    }
    base = TrainConfig(identity_every=1, identity_loss="cross_entropy", augment=MIRRORED, **same)
    rows = {name: replace(base, balance=BalanceConfig(name=name)) for name in BALANCES}
    profiles = {
        "profile paper": TrainConfig.paper(preset="nano", **same),
        "profile murid": TrainConfig(**same),
    }
    return {**rows, **profiles}


def main() -> None:
    """Train the missing rows and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    stored = arguments.out / "rows.json"
    rows = json.loads(stored.read_text()) if stored.exists() else {}
    data = TrainingData(
        labelled=make_set(0, 384), held_out=make_set(10**6, 192), n_identities=STILLS.n_identities
    )
    for name, config in make_configs(arguments.steps, arguments.seed).items():
        if name not in rows:
            fitted = fit(config, data, arguments.out / name.replace(" ", "-"))
            result = fitted.validation
            rows[name] = [fitted.steps, result.ap50, result.ap75, result.rank1]
            stored.write_text(json.dumps(rows, indent=1))
    print("| row | steps | AP50 | AP75 | rank 1 |\n|---|---|---|---|---|")
    for name, (steps, *shares) in rows.items():
        cells = " | ".join(f"{100 * share:.1f}" for share in shares)
        print(f"| {name} | {steps} | {cells} |")


if __name__ == "__main__":
    main()

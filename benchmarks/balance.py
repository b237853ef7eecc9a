"""Compare the five methods of loss balancing and the two profiles on the same small data set.

    python benchmarks/balance.py --out runs/balance --steps 400
    python benchmarks/balance.py --out runs/mgda --steps 120 --size 64 --batch 4 --images 96 \\
        --rows fixed mgda-ub "mgda-ub, l2" "mgda-ub, loss+"

Prints a Markdown table. `heat` is the heatmap loss of the first and of the last tenth of the steps,
`weight of heat` the mean weight of its gradient (of detection as a whole, where detection is one
task). Every row is one training of the preset nano with the same number of steps on the same 384
synthetic images of twelve animals (`--images`), measured on half as many more images of these
animals. Rows that exist already are not trained again. The profile `paper` is the paper's
optimiser, schedule and augmentation on this data set, not its 300 epochs at 640 pixels.
With `--gradients` it prints instead the losses of an untrained network on one batch, the norms of
their gradients at the shared representation, and the weights of `mgda-ub` that follow from them.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning
import numpy as np
from lightning.pytorch.callbacks import Callback

from murid.networks.losses import IdentityClassifier, detection_loss
from murid.networks.network import Network, build_network_from_config
from murid.networks.targets import make_targets
from murid.synthetic.still import Still, StillConfig, make_still
from murid.training.config import AugmentConfig, TrainConfig
from murid.training.data import collate, to_rois
from murid.training.fit import TrainingData, fit
from murid.training.loss_balancing import (
    BalanceConfig,
    SharedTensors,
    capture_shared_features,
    make_loss_balancer,
)
from murid.training.loss_balancing.config import BalanceMethod, Normalise

# Small images with animals of medium size, so that a training takes minutes; lengths of bodies are
# shares of the image.
BODY_SHARES = (30 / 192, 70 / 192)
N_IDENTITIES = 12
EPOCHS = 4
BALANCES: tuple[BalanceMethod, ...] = (
    "fixed",
    "uncertainty-task",
    "uncertainty-branch",
    "gradnorm",
    "mgda-ub",
)
NORMALISED: tuple[Normalise, ...] = ("l2", "loss", "loss+")
MIRRORED = AugmentConfig(
    hue=0, saturation=0, value=0, rotate_deg=0, shear_deg=0, translate=0, scale=(1, 1), flip=0.5
)


class LossTrace(Callback):
    """Callback that keeps the heatmap loss and the weight of its gradient in each step."""

    def __init__(self) -> None:
        self.heat: list[float] = []
        self.weight: list[float] = []

    def on_train_batch_end(
        self, trainer: lightning.Trainer, _module: lightning.LightningModule, *_: Any
    ) -> None:
        """Keep the values of the step."""
        metrics = trainer.callback_metrics
        weight = metrics.get("train/weight/heat", metrics.get("train/weight/detection", np.nan))
        self.heat.append(float(metrics["train/heat"]))
        self.weight.append(float(weight))

    def summarise(self) -> dict[str, float]:
        """Return the loss at both ends of the training, and the mean weight."""
        n = max(1, len(self.heat) // 10)
        return {
            "heat_first": float(np.mean(self.heat[:n])),
            "heat_last": float(np.mean(self.heat[-n:])),
            "weight": float(np.mean(self.weight)),
        }


def make_stills_config(size_px: int) -> StillConfig:
    """Return the settings of the images."""
    lengths = (BODY_SHARES[0] * size_px, BODY_SHARES[1] * size_px)
    return StillConfig(size_px=size_px, body_px=lengths, n_identities=N_IDENTITIES, empty=0.0)


def make_set(config: StillConfig, first: int, n: int) -> list[Still]:
    """Return images of consecutive seeds."""
    return [make_still(seed, config) for seed in range(first, first + n)]


def make_configs(steps: int, seed: int, stills: StillConfig) -> dict[str, TrainConfig]:
    """Return the settings of each row."""
    same: dict[str, Any] = {
        "size_px": stills.size_px,
        "epochs": EPOCHS,
        "steps_per_epoch": steps // EPOCHS,
        "stills": stills,
        "seed": seed,
        "patience": EPOCHS,
        "synthetic_share": 0.0,
    }
    base = TrainConfig(identity_every=1, identity_loss="cross_entropy", augment=MIRRORED, **same)
    rows: dict[str, TrainConfig] = {
        name: replace(base, balance=BalanceConfig(name=name)) for name in BALANCES
    }
    for normalise in NORMALISED:
        balance = BalanceConfig(name="mgda-ub", normalise=normalise)
        rows[f"mgda-ub, {normalise}"] = replace(base, balance=balance)
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
    parser.add_argument("--size", type=int, default=192, help="side of the images, pixels")
    parser.add_argument("--images", type=int, default=384, help="images to train on")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rows", nargs="+", help="rows to train; default: all")
    parser.add_argument("--gradients", action="store_true")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    stored = arguments.out / "rows.json"
    rows = json.loads(stored.read_text()) if stored.exists() else {}
    stills = make_stills_config(arguments.size)
    configs = make_configs(arguments.steps, arguments.seed, stills)
    if arguments.gradients:
        print_gradients(configs["mgda-ub"], make_set(stills, 0, arguments.batch))
        return
    data = TrainingData(
        labelled=make_set(stills, 0, arguments.images),
        held_out=make_set(stills, 10**6, arguments.images // 2),
        n_identities=N_IDENTITIES,
    )
    for name in arguments.rows or configs:
        if name not in rows:
            config = replace(configs[name], batch_size=arguments.batch)
            trace = LossTrace()
            fitted = fit(config, data, arguments.out / name.replace(" ", "-"), [trace])
            result = fitted.validation
            measured = {"ap50": result.ap50, "ap75": result.ap75, "rank1": result.rank1}
            rows[name] = {"steps": fitted.steps, **measured, **trace.summarise()}
            stored.write_text(json.dumps(rows, indent=1))
    print("| row | steps | AP50 | AP75 | rank 1 | heat | weight of heat |")
    print("|---|---|---|---|---|---|---|")
    for name, row in rows.items():
        cells = " | ".join(f"{100 * row[key]:.1f}" for key in ("ap50", "ap75", "rank1"))
        heat = f"{row['heat_first']:.2f} → {row['heat_last']:.2f} | {row['weight']:.3f}"
        print(f"| {name} | {row['steps']} | {cells} | {heat} |")


def print_gradients(config: TrainConfig, stills: list[Still]) -> None:
    """Print losses of an untrained network, and their gradients' norms and `mgda-ub` weights."""
    import torch

    lightning.seed_everything(config.seed, verbose=False)
    network = build_network_from_config(config.network_config).train()
    assert isinstance(network, Network)
    classifier = IdentityClassifier(network.config.rim.embedding_size, N_IDENTITIES)
    batch = collate(stills)
    with capture_shared_features(network) as representation:
        output = network(batch.images[:, : network.config.n_channels])
    side = batch.images.shape[-1]
    targets = make_targets(batch.boxes, side, side, box_mode=network.config.box_mode)
    detection = detection_loss(output, targets, overlap_weight=config.box_overlap_weight)
    embeddings = network.embed(output, to_rois(batch.boxes))
    losses = {
        "heat": detection.heat,
        "offset": detection.offset,
        "size": detection.size,
        "identity": classifier(embeddings, batch.identities),
    }
    weights = {
        normalise: make_loss_balancer(BalanceConfig(name="mgda-ub", normalise=normalise))(
            losses, SharedTensors(representation=representation)
        ).weights
        for normalise in ("none", *NORMALISED)
    }
    print(f"| loss | value | gradient norm | weight: {' | '.join(weights)} |")
    print("|---|---|---|" + len(weights) * "---|")
    for name, loss in losses.items():
        gradients = torch.autograd.grad(
            loss, representation, retain_graph=True, materialize_grads=True
        )
        norm = float(torch.stack([gradient.square().sum() for gradient in gradients]).sum().sqrt())
        cells = " | ".join(f"{float(values[name]):.2g}" for values in weights.values())
        print(f"| {name} | {float(loss.detach()):.2f} | {norm:.1e} | {cells} |")


if __name__ == "__main__":
    main()

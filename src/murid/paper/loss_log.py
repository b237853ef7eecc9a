"""Mean losses of each epoch of a training, which show whether a network learns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback

# Losses that are logged. The total has other weights with each method of loss balancing; the loss
# of the heatmap is the same for all networks that have one.
_NAMES = ("total", "heat")


class LossLog(Callback):
    """Callback that appends the mean losses of each epoch to a file, a line of JSON per epoch.

    A resumed training continues the file.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._values: list[dict[str, float]] = []

    def on_train_epoch_start(self, *_: Any) -> None:
        """Forget the losses of an epoch that was interrupted."""
        self._values = []

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
        """Remember the losses of the step."""
        metrics = trainer.callback_metrics
        logged = {name: metrics.get(f"train/{name}") for name in _NAMES}
        self._values.append({name: float(x) for name, x in logged.items() if x is not None})

    def on_train_epoch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
        """Write the means of the epoch, since the last resumption."""
        if not self._values:
            return  # resumed after the last step of the epoch
        means = {
            name: round(sum(row[name] for row in self._values) / len(self._values), 5)
            for name in self._values[0]
        }
        row = {"epoch": trainer.current_epoch, "step": trainer.global_step, **means}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def read_losses(path: Path) -> list[dict[str, float]]:
    """Return the rows that `LossLog` wrote; of an epoch that was repeated, the last."""
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    by_epoch = {row["epoch"]: row for row in rows}
    return [by_epoch[epoch] for epoch in sorted(by_epoch)]

"""What one training step does, for Lightning: losses, their balance, optimiser, learning rate, validation."""

from __future__ import annotations

import math
import time
from typing import Any

import lightning
import torch
from torch import nn

from murid.networks.comparison.yolox_head import Yolox
from murid.networks.comparison.yolox_loss import yolox_loss
from murid.networks.losses import IdentityClassifier, contrastive_loss, detection_loss
from murid.networks.network import Network, NetworkOutput, build_network
from murid.networks.targets import make_targets
from murid.training.config import TrainConfig
from murid.training.data import Batch, to_rois
from murid.training.loss_balancing import (
    Balanced,
    Shared,
    get_last_shared,
    make_balance,
    tap_representation,
)
from murid.training.validate import Scored, Validation, score_batch, summarise


class TrainingModule(lightning.LightningModule):
    """A network in training.

    Parameters
    ----------
    config : TrainConfig
    n_identities : int
        Number of identities in the data, at least 3.
    n_steps : int
        Steps in all.
    """

    def __init__(self, config: TrainConfig, n_identities: int, n_steps: int) -> None:
        super().__init__()
        self.config, self.n_steps = config, n_steps
        self.network = build_network(config.preset).to(memory_format=torch.channels_last)
        self.tell_apart = make_identity_loss(
            config, self.network.config.rim.embedding_size, n_identities
        )
        self.balance = make_balance(config.balance)
        self.spent_s, self.waited_s, self._mark_s = 0.0, 0.0, time.monotonic()
        self._scored: list[Scored] = []
        self.validation: Validation | None = None

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Weight decay for convolution and linear weights alone."""
        parameters = [*self.network.parameters(), *self.tell_apart.parameters()]
        groups: list[dict[str, Any]] = [
            {
                "params": [p for p in parameters if p.ndim > 1],
                "weight_decay": self.config.weight_decay,
            },
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
            *self.balance.get_parameter_groups(),
        ]
        if self.config.optimizer == "sgd":
            return torch.optim.SGD(
                groups, lr=self.config.learning_rate, momentum=self.config.momentum
            )
        return torch.optim.AdamW(groups, lr=self.config.learning_rate)

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,  # noqa: ARG002
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,  # noqa: ARG002
    ) -> None:
        """Shorten the gradient of network and classifier; the balance's own is none of it."""
        if gradient_clip_val:
            learnt = [*self.network.parameters(), *self.tell_apart.parameters()]
            nn.utils.clip_grad_norm_(learnt, gradient_clip_val)

    def training_step(self, batch: Batch, _index: int) -> torch.Tensor:
        """Loss of a batch, balanced; plain YOLOX has weights of its own."""
        images = batch.images[:, : self.network.config.n_channels]
        if isinstance(self.network, Yolox):
            values: dict[str, torch.Tensor] = yolox_loss(
                self.network(images), batch.boxes
            )._asdict()
        else:
            values = self._balance_losses(self.network, images, batch)
        self.log_dict(
            {f"train/{name}": value.detach() for name, value in values.items()},
            batch_size=len(batch.boxes),
        )
        return values["total"]

    def on_train_batch_start(self, _batch: Batch, _index: int) -> None:
        """Set the learning rate: a rise from zero, then half a cosine."""
        now = time.monotonic()
        self.waited_s += now - self._mark_s
        self.spent_s, self._mark_s = self.spent_s + now - self._mark_s, now
        rate = self.config.learning_rate * compute_rate(
            self.progress, self.config.warmup, self.config.final_rate
        )
        for group in self.trainer.optimizers[0].param_groups[
            :2
        ]:  # those of the balance have a rate of their own
            group["lr"] = rate
        self.log("train/rate", rate)

    def on_train_batch_end(self, *_: Any) -> None:
        """Count the time spent, and stop when it is over."""
        now = time.monotonic()
        self.spent_s, self._mark_s = self.spent_s + now - self._mark_s, now
        self.log("train/waiting", self.waited_s / self.spent_s)
        if self.progress >= 1:
            self.trainer.should_stop = True

    def on_train_epoch_start(self) -> None:
        """Leave the time of validation out."""
        self._mark_s = time.monotonic()

    @property
    def progress(self) -> float:
        """Share of the training that is done, in [0, 1]: by steps, or by time if that comes to more."""
        by_steps = self.global_step / max(1, self.n_steps)
        by_time = 0.0 if self.config.minutes is None else self.spent_s / (60 * self.config.minutes)
        return min(1.0, max(by_steps, by_time))

    def transfer_batch_to_device(
        self,
        batch: Batch,
        device: torch.device,
        dataloader_idx: int,  # noqa: ARG002
    ) -> Batch:
        """Move a batch, which Lightning does not know how to."""
        return batch.to(device)

    def validation_step(self, batch: Batch, _index: int) -> None:
        """Detect, and mark what was right."""
        self._scored.append(score_batch(self.network, batch))

    def on_validation_epoch_end(self) -> None:
        """Log average precision."""
        result, self._scored = summarise(self._scored), []
        self.validation = result
        self.log_dict(
            {"val/ap50": result.ap50, "val/ap75": result.ap75, "val/recall": result.recall}
        )
        if result.rank1 is not None:
            self.log("val/rank1", result.rank1)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what a resumed training must know."""
        checkpoint["murid"] = {
            "preset": self.config.preset,
            "spent_s": self.spent_s,
            "waited_s": self.waited_s,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the clock up again."""
        self.spent_s, self.waited_s = (
            float(checkpoint["murid"][name]) for name in ("spent_s", "waited_s")
        )

    def _balance_losses(
        self, network: Network, images: torch.Tensor, batch: Batch
    ) -> dict[str, torch.Tensor]:
        """Losses by name, their total, and the weights in it; heads and maps in float32 whatever computed them."""
        with tap_representation(network) as representation:
            output = NetworkOutput(*(value.float() for value in network(images)))
        losses = self._compute_losses(network, output, batch)
        balanced: Balanced = self.balance(losses, Shared(get_last_shared(network), representation))
        total, weights = balanced
        return {
            **losses,
            "total": total,
            **{f"weight/{name}": weight for name, weight in weights.items()},
        }

    def _compute_losses(
        self, network: Network, output: NetworkOutput, batch: Batch
    ) -> dict[str, torch.Tensor]:
        """Losses by name; that of identity only in the steps that train it, and where an identity is known."""
        height, width = batch.images.shape[2:]
        targets = make_targets(batch.boxes, height, width, box_mode=network.config.box_mode)
        detection = detection_loss(
            output, targets.to(self.device), overlap_weight=self.config.box_overlap_weight
        )
        losses = {"heat": detection.heat, "offset": detection.offset, "size": detection.size}
        known = batch.identities >= 0
        every = self.config.identity_every
        if every and self.global_step % every == 0 and bool(known.any()):
            rois = to_rois(batch.boxes, self.config.box_jitter).to(self.device)
            losses["identity"] = self.tell_apart(
                network.embed(output, rois[known]), batch.identities[known]
            )
        return losses


class Contrast(nn.Module):
    """Tells the animals of a batch apart; has nothing to learn of its own."""

    def forward(self, embeddings: torch.Tensor, identities: torch.Tensor) -> torch.Tensor:
        """`contrastive_loss` of unit rows ``(K, d)`` with identities ``(K,)`` int64."""
        return contrastive_loss(embeddings, identities)


def make_identity_loss(config: TrainConfig, embedding_size: int, n_identities: int) -> nn.Module:
    """Return what re-identification learns by."""
    if config.identity_loss == "contrastive":
        return Contrast()
    return IdentityClassifier(embedding_size, n_identities, config.identity_loss)


def compute_rate(progress: float, warmup: float, final: float) -> float:
    """Share of the highest learning rate at a share of the training: linear rise, half a cosine down to `final`."""
    rise = min(1.0, (progress + 1e-4) / warmup) if warmup else 1.0
    return rise * (final + (1 - final) * 0.5 * (1 + math.cos(math.pi * progress)))

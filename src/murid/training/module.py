"""Training and validation steps for Lightning: losses, optimiser, learning rate, metrics."""

from __future__ import annotations

import math
import time
from typing import Any

import lightning
import numpy as np
import torch
from torch import nn

from murid.networks.checkpoint import to_stored
from murid.networks.comparison.yolox_head import Yolox
from murid.networks.comparison.yolox_loss import yolox_loss
from murid.networks.losses import (
    IdentityClassifier,
    SupervisedContrastiveLoss,
    detection_loss,
    keypoint_loss,
)
from murid.networks.network import Network, NetworkOutput, build_network_from_config
from murid.networks.targets import Targets
from murid.training.config import TrainConfig
from murid.training.data import Batch, make_batch_targets, to_rois
from murid.training.loss_balancing import (
    BalancedLoss,
    SharedTensors,
    capture_shared_features,
    get_last_shared_parameters,
    make_loss_balancer,
)
from murid.training.validate import (
    ScoredDetections,
    ValidationResult,
    score_batch,
    summarise,
)

# Parameter groups of the network and the identity loss, which follow the learning rate schedule.
# The loss balancer's own group comes after them and keeps its rate.
_N_SCHEDULED_GROUPS = 2

# The learning rate starts at this progress instead of 0, so that the first step changes something.
_FIRST_PROGRESS = 1e-4

# Attribute names in checkpoints of earlier versions, and today's names.
_OLD_PREFIXES = {"tell_apart.": "identity_loss."}


class TrainingModule(lightning.LightningModule):
    """A network in training.

    Parameters
    ----------
    config : TrainConfig
    n_identities : int
        Number of identities in the data, at least 3.
    n_steps : int
        Total number of steps.
    """

    def __init__(self, config: TrainConfig, n_identities: int, n_steps: int) -> None:
        super().__init__()
        self.config = config
        self.n_steps = n_steps
        network = build_network_from_config(config.network_config)
        self.network = network.to(memory_format=torch.channels_last)
        embedding_size = self.network.config.rim.embedding_size
        self.identity_loss = make_identity_loss(config, embedding_size, n_identities)
        self.balance = make_loss_balancer(config.balance)
        # Duration of the training so far with its validation, the part of it spent waiting for
        # images, and the time of the last measurement.
        self.spent_s = 0.0
        self.waited_s = 0.0
        self._measured_at_s = time.monotonic()
        self._validated = False
        self._scored: list[ScoredDetections] = []
        self.validation: ValidationResult | None = None

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return the optimiser; only convolution and linear weights have weight decay."""
        config = self.config
        parameters = self._get_learnt_parameters()
        groups: list[dict[str, Any]] = [
            {
                "params": [p for p in parameters if p.ndim > 1],
                "weight_decay": config.weight_decay,
            },
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
            *self.balance.get_parameter_groups(),
        ]
        if config.optimizer == "sgd":
            return torch.optim.SGD(groups, lr=config.learning_rate, momentum=config.momentum)
        return torch.optim.AdamW(groups, lr=config.learning_rate)

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,  # noqa: ARG002
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,  # noqa: ARG002
    ) -> None:
        """Clip the gradient of the network and the identity loss, but not of the loss balancer."""
        if gradient_clip_val:
            nn.utils.clip_grad_norm_(self._get_learnt_parameters(), gradient_clip_val)

    def training_step(self, batch: Batch, _index: int) -> torch.Tensor:
        """Return the loss of a batch."""
        values = self.compute_loss(batch)
        logged = {f"train/{name}": value.detach() for name, value in values.items()}
        self.log_dict(logged, batch_size=len(batch.boxes))
        return values["total"]

    def compute_loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the losses of a batch by name; ``total`` is their weighted sum.

        Plain YOLOX has fixed weights of its own.
        """
        images = batch.images[:, : self.network.config.n_channels]
        if isinstance(self.network, Yolox):
            labels = _choose_labels(self.network, batch)
            return yolox_loss(self.network(images), batch.boxes, labels)._asdict()
        return self._balance_losses(self.network, images, batch)

    def on_train_batch_start(self, _batch: Batch, _index: int) -> None:
        """Measure the time spent waiting, and set the learning rate."""
        elapsed = self._measure_time()
        if not self._validated:
            self.waited_s += elapsed
        self._validated = False
        share = compute_rate(self.progress, self.config.warmup, self.config.final_rate)
        rate = self.config.learning_rate * share
        for group in self.trainer.optimizers[0].param_groups[:_N_SCHEDULED_GROUPS]:
            group["lr"] = rate
        self.log("train/rate", rate)

    def on_train_batch_end(self, *_: Any) -> None:
        """Measure the time spent training, and stop when the training is complete."""
        self._measure_time()
        self.log("train/waiting", self.waited_s / self.spent_s)
        if self.progress >= 1:
            self.trainer.should_stop = True

    def on_train_start(self) -> None:
        """Begin to measure the time."""
        self._measured_at_s = time.monotonic()

    @property
    def progress(self) -> float:
        """Completed share of the training in [0, 1]: by steps or by time, whichever is more."""
        by_steps = self.global_step / max(1, self.n_steps)
        by_time = 0.0
        if self.config.minutes is not None:
            by_time = self.spent_s / (60 * self.config.minutes)
        return min(1.0, max(by_steps, by_time))

    def transfer_batch_to_device(
        self,
        batch: Batch,
        device: torch.device,
        dataloader_idx: int,  # noqa: ARG002
    ) -> Batch:
        """Return a batch on a device; Lightning does not know the type."""
        return batch.to(device)

    def validation_step(self, batch: Batch, _index: int, dataloader_idx: int = 0) -> None:
        """Compare a batch with the ground truth; the second loader has further views to embed."""
        self._scored.append(score_batch(self.network, batch, detects=dataloader_idx == 0))

    def on_validation_epoch_end(self) -> None:
        """Log average precision, recall, re-identification and the errors of keypoints."""
        self._validated = True
        result = summarise(self._scored)
        self._scored = []
        self.validation = result
        self.log_dict(
            {"val/ap50": result.ap50, "val/ap75": result.ap75, "val/recall": result.recall}
        )
        measured_sometimes = {
            "val/rank1": result.rank1,
            "val/reid_map": result.reid_map,
            "val/nose_error": result.nose_error,
            "val/reversed_share": result.reversed_share,
        }
        self.log_dict({name: v for name, v in measured_sometimes.items() if v is not None})

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what a resumed training needs."""
        checkpoint["murid"] = {
            "preset": self.config.preset,
            "network": to_stored(self.network.config),
            "spent_s": self.spent_s,
            "waited_s": self.waited_s,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Continue measuring the time, and accept checkpoints of earlier versions."""
        self.spent_s = float(checkpoint["murid"]["spent_s"])
        self.waited_s = float(checkpoint["murid"]["waited_s"])
        checkpoint["state_dict"] = rename_old_keys(checkpoint["state_dict"])

    def _get_learnt_parameters(self) -> list[nn.Parameter]:
        return [*self.network.parameters(), *self.identity_loss.parameters()]

    def _measure_time(self) -> float:
        """Add the seconds since the last measurement to `spent_s`, and return them."""
        now = time.monotonic()
        elapsed = now - self._measured_at_s
        self.spent_s += elapsed
        self._measured_at_s = now
        return elapsed

    def _balance_losses(
        self, network: Network, images: torch.Tensor, batch: Batch
    ) -> dict[str, torch.Tensor]:
        """Return the losses by name, their balanced total, and their weights."""
        with capture_shared_features(network) as representation:
            output = network(images)
        # Losses are computed in float32, also where autocast computes maps in bfloat16.
        output = output._replace(
            **{name: m.float() for name, m in output._asdict().items() if m is not None}
        )
        targets = batch.targets
        if targets is None:
            targets = make_batch_targets(batch, network.config).to(self.device)
        losses = self._compute_losses(network, output, targets, batch)
        shared = SharedTensors(get_last_shared_parameters(network), representation)
        balanced: BalancedLoss = self.balance(losses, shared)
        weights = {f"weight/{name}": weight for name, weight in balanced.weights.items()}
        total = balanced.total
        # Keypoints are no part of the paper, nor of the balance of its losses.
        if output.keypoints is not None and self.config.keypoint_weight:
            losses["keypoints"] = keypoint_loss(output.keypoints, targets)
            total = total + self.config.keypoint_weight * losses["keypoints"]
        return {**losses, "total": total, **weights}

    def _compute_losses(
        self, network: Network, output: NetworkOutput, targets: Targets, batch: Batch
    ) -> dict[str, torch.Tensor]:
        """Return the losses by name; ``identity`` is missing in steps that do not train it."""
        detection = detection_loss(
            output,
            targets,
            reduction=self.config.box_loss_reduction,
            overlap_weight=self.config.box_overlap_weight,
        )
        losses = {"heat": detection.heat, "offset": detection.offset, "size": detection.size}
        known = batch.identities >= 0
        every = self.config.identity_every
        # In the paper's order, batch normalisation sees one value per box, and needs two.
        min_boxes = 2 if network.config.rim.literal_order else 1
        if every and self.global_step % every == 0 and int(known.sum()) >= min_boxes:
            # A generator per step, so that a resumed training moves the boxes in the same way.
            generator = torch.Generator().manual_seed(self.global_step)
            rois = to_rois(batch.boxes, self.config.box_jitter, generator)[known]
            embeddings = network.embed(output, rois.to(self.device, non_blocking=True))
            identities = batch.identities[known].to(self.device, non_blocking=True)
            losses["identity"] = self.identity_loss(embeddings, identities)
        return losses


def _choose_labels(network: Network | Yolox, batch: Batch) -> list[np.ndarray] | None:
    """Return the classes of the boxes, or None where the network has one class."""
    return batch.class_ids if network.config.n_classes > 1 else None


def make_identity_loss(config: TrainConfig, embedding_size: int, n_identities: int) -> nn.Module:
    """Return the loss of re-identification that `config.identity_loss` names."""
    if config.identity_loss == "contrastive":
        return SupervisedContrastiveLoss()
    return IdentityClassifier(embedding_size, n_identities, config.identity_loss)


def compute_rate(progress: float, warmup: float, final: float) -> float:
    """Return the learning rate as a share of its maximum.

    Parameters
    ----------
    progress : float
        Completed share of the training.
    warmup : float
        Share of the training with a linear rise from zero.
    final : float
        Last learning rate as a share of the maximum, reached along half a cosine.
    """
    rise = min(1.0, (progress + _FIRST_PROGRESS) / warmup) if warmup else 1.0
    cosine = 0.5 * (1 + math.cos(math.pi * progress))
    return rise * (final + (1 - final) * cosine)


def rename_old_keys(state: dict[str, Any]) -> dict[str, Any]:
    """Return the state of a `TrainingModule` with today's names of its attributes."""
    renamed = {}
    for name, value in state.items():
        for old, new in _OLD_PREFIXES.items():
            if name.startswith(old):
                name = new + name.removeprefix(old)
        renamed[name] = value
    return renamed

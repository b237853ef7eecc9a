"""Train a network on streamed scenes: the loop, its schedule and its checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from murid.models.losses import IdentityClassifier, detection_loss
from murid.models.network import Network, build_network
from murid.models.targets import make_targets
from murid.scenes.still import StillConfig
from murid.training.data import Batch, StillStream, stream_batches
from murid.training.material import Material


@dataclass(frozen=True)
class FitConfig:
    """How to train.

    Attributes
    ----------
    preset : str
        Network preset.
    minutes : float
        Time to train; the learning rate follows the share of it that is spent.
    batch_size : int
        Pictures a step.
    learning_rate, weight_decay : float
        Of AdamW; the rate is the highest reached.
    warmup : float
        Share of the time in which the rate rises from zero.
    identity_weight : float
        Weight of the identity loss beside the detection loss (FairMOT's fixed balance).
    identity_every : int
        Steps between two that train re-identification, whose backward pass through RoIAlign is dear on a CPU.
    box_jitter : float
        Standard deviation, in box sides, by which boxes given to re-identification are moved.
    ema_decay : float
        Of the running mean of the weights.
    clip_norm : float
        Longest gradient.
    seed : int
        Of the weights and the stream.
    n_workers, n_threads : int
        Processes that make pictures, threads that train.
    bf16 : bool
        Compute in bfloat16 where PyTorch's autocast allows it.
    checkpoint_minutes : float
        Time between checkpoints.
    stills : StillConfig
        The pictures.
    """

    preset: str = "nano"
    minutes: float = 60.0
    batch_size: int = 16
    learning_rate: float = 2e-3
    weight_decay: float = 1e-3
    warmup: float = 0.03
    identity_weight: float = 0.1
    identity_every: int = 3
    box_jitter: float = 0.05
    ema_decay: float = 0.998
    clip_norm: float = 10.0
    seed: int = 0
    n_workers: int = 1
    n_threads: int = 1
    bf16: bool = True
    checkpoint_minutes: float = 3.0
    stills: StillConfig = field(default_factory=StillConfig)


class Trainer:
    """State of one training: the network, its running mean, the optimiser and the time spent.

    Parameters
    ----------
    config : FitConfig
    material : Material
        Real cut-outs and backgrounds, possibly none.
    directory : Path
        Where ``last.pt`` is kept; an interrupted training goes on from it.
    """

    def __init__(self, config: FitConfig, material: Material, directory: Path) -> None:
        torch.manual_seed(config.seed)
        torch.set_num_threads(config.n_threads)
        self.config, self.material, self.directory = config, material, directory
        self.network = build_network(config.preset).to(memory_format=torch.channels_last)
        embedding_size = self.network.config.rim.embedding_size
        self.classifier = IdentityClassifier(embedding_size, config.stills.n_identities)
        average = get_ema_multi_avg_fn(config.ema_decay)  # type: ignore[no-untyped-call]
        self.mean = AveragedModel(self.network, multi_avg_fn=average, use_buffers=True)
        self.optimizer = torch.optim.AdamW(self._group_parameters(), lr=0.0)
        self.step, self.elapsed_s = 0, 0.0
        self._load()

    def run(self, report: Callable[[dict[str, float]], None]) -> Network:
        """Train until the time is spent; returns the running mean of the weights."""
        started, saved = time.monotonic() - self.elapsed_s, self.elapsed_s
        for batch in self._stream():
            losses = self._train_step(batch)
            self.elapsed_s = time.monotonic() - started
            if self.step % 50 == 0:
                report({"step": self.step, "minutes": self.elapsed_s / 60, **losses})
            done = self.elapsed_s >= 60 * self.config.minutes
            if done or self.elapsed_s - saved > 60 * self.config.checkpoint_minutes:
                self.save()
                saved = self.elapsed_s
            if done:
                break
        return self.averaged_network()

    def averaged_network(self) -> Network:
        """Network with the running mean of the weights, ready for inference."""
        network = self.mean.module
        assert isinstance(network, Network)
        return network.eval()

    def save(self) -> None:
        """Write ``last.pt`` whole or not at all."""
        state = {
            "network": self.network.state_dict(),
            "classifier": self.classifier.state_dict(),
            "mean": self.mean.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "elapsed_s": self.elapsed_s,
            "config": asdict(self.config),
        }
        self.directory.mkdir(parents=True, exist_ok=True)
        temporary = self.directory / "last.pt.part"
        torch.save(state, temporary)
        temporary.replace(self.directory / "last.pt")

    def _load(self) -> None:
        path = self.directory / "last.pt"
        if not path.exists():
            return
        state = torch.load(path, weights_only=True)
        for name in ("network", "classifier", "mean", "optimizer"):
            getattr(self, name).load_state_dict(state[name])
        self.step, self.elapsed_s = state["step"], state["elapsed_s"]

    def _stream(self) -> Iterator[Batch]:
        first_seed = (self.config.seed + 1) * 10**8 + self.step * self.config.batch_size
        stream = StillStream(self.config.stills, self.material, first_seed)
        return stream_batches(stream, self.config.batch_size, self.config.n_workers)

    def _group_parameters(self) -> list[dict[str, Any]]:
        """Weight decay for convolution and linear weights alone."""
        parameters = [*self.network.parameters(), *self.classifier.parameters()]
        decayed = [p for p in parameters if p.ndim > 1]
        others = [p for p in parameters if p.ndim <= 1]
        return [{"params": decayed, "weight_decay": self.config.weight_decay}, {"params": others, "weight_decay": 0.0}]

    def _set_rate(self) -> None:
        spent = min(1.0, self.elapsed_s / (60 * self.config.minutes))
        rise = min(1.0, (spent + 1e-4) / self.config.warmup) if self.config.warmup else 1.0
        rate = self.config.learning_rate * rise * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * spent)))
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def _train_step(self, batch: Batch) -> dict[str, float]:
        self._set_rate()
        self.network.train()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.config.bf16):
            output = self.network(batch.images[:, : self.network.config.n_channels])
        output = type(output)(*(value.float() for value in output))
        height, width = batch.images.shape[2:]
        targets = make_targets(batch.boxes, height, width, box_mode=self.network.config.box_mode)
        detection = detection_loss(output, targets)
        identity = self._identity_loss(output, batch)
        total = detection.total + self.config.identity_weight * identity
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip_norm)
        self.optimizer.step()
        self.mean.update_parameters(self.network)
        self.step += 1
        parts = {"heat": detection.heat, "offset": detection.offset, "size": detection.size, "identity": identity}
        return {name: float(value.detach()) for name, value in parts.items()}

    def _identity_loss(self, output: Any, batch: Batch) -> torch.Tensor:
        boxes = _to_rois(batch.boxes, self.config.box_jitter)
        known = batch.identities >= 0
        if self.step % self.config.identity_every or not bool(known.any()):
            return torch.zeros(())
        embeddings = self.network.embed(output, boxes[known])
        loss: torch.Tensor = self.classifier(embeddings, batch.identities[known])
        return loss


def _to_rois(boxes: list[Any], jitter: float) -> torch.Tensor:
    """Return ``(K, 5)`` rows (picture, x1, y1, x2, y2) from each picture's boxes, sides moved at random."""
    rows = [torch.cat([torch.full((len(b), 1), float(k)), torch.from_numpy(b)], dim=1) for k, b in enumerate(boxes)]
    rois = torch.cat(rows)
    size = (rois[:, 3:] - rois[:, 1:3]).repeat(1, 2)
    rois[:, 1:] += jitter * size * torch.randn(len(rois), 4)
    return rois

"""Measure the speed of training: making images alone, drawing batches alone, and computing alone.

    python benchmarks/training_speed.py [--recipe nano] [--steps 60] [--workers N] [--device cpu]
    [--compile]

Rows are steps per second of the first stage of the recipe, with the synthetic images that need no
video. The slowest row limits a training. `--compile` adds rows with ``torch.compile``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch  # noqa: TID253

from murid.training.config import TrainConfig
from murid.training.data import EpochSampler, TrainingImages, make_loader
from murid.training.image_pool import PooledBatches, build_image_pool
from murid.training.module import TrainingModule
from murid.training.precision import choose_precision
from murid.training.stages import load_recipe
from murid.training.synthetic_sources import SyntheticSources

# Steps that are not measured: memory is allocated, workers start, kernels are compiled.
N_WARM_UP = 8


def measure(step: Callable[[], Any], n_steps: int) -> float:
    """Return how many steps are done per second."""
    for _ in range(N_WARM_UP):
        step()
    began_s = time.perf_counter()
    for _ in range(n_steps):
        step()
    return n_steps / (time.perf_counter() - began_s)


def iterate(config: TrainConfig, images: Any, n_steps: int, *, batched: bool) -> Iterator[Any]:
    """Yield the batches of a loader."""
    n_numbers = (n_steps + N_WARM_UP + 1) * (1 if batched else config.batch_size)
    sampler = EpochSampler(n_numbers, lambda: 0)
    return iter(make_loader(images, sampler, config, batched=batched))


class Computation:
    """Training steps on one batch that is on the device already."""

    def __init__(self, config: TrainConfig, batch: Any, device: str, compiled: bool) -> None:
        self.module = TrainingModule(config, 1000, 1000).to(device)
        self.module.log_dict = lambda *_args, **_settings: None  # type: ignore[method-assign]
        if compiled:
            self.module.network.compile()
        self.optimizer = self.module.configure_optimizers()
        self.batch = batch.to(torch.device(device))
        self.device = device
        in_bf16 = choose_precision(config.bf16) == "bf16-mixed"
        self.precision = torch.bfloat16 if in_bf16 else torch.float32

    def __call__(self) -> None:
        with torch.autocast(self.device, self.precision, enabled=self.precision != torch.float32):
            loss = self.module.training_step(self.batch, 0)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        if self.device != "cpu":
            torch.cuda.synchronize()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipe", default="nano")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--compile", action="store_true")
    arguments = parser.parse_args()
    config = load_recipe(arguments.recipe).stages[0].settings
    if arguments.workers is not None:
        config = replace(config, n_workers=arguments.workers)
    torch.set_num_threads(config.n_threads)
    images = TrainingImages(config, SyntheticSources())

    rendering = iterate(config, images, arguments.steps, batched=False)
    print(f"making images: {measure(lambda: next(rendering), arguments.steps):.2f} steps/s")
    with tempfile.TemporaryDirectory() as folder:
        pool = build_image_pool(images, 512, Path(folder), "", config.n_workers)
        batches = PooledBatches(pool, config.batch_size, 0)
        drawing = iterate(config, batches, arguments.steps, batched=True)
        print(f"drawing batches: {measure(lambda: next(drawing), arguments.steps):.2f} steps/s")
        batch = batches[0]
    for compiled in (False, True) if arguments.compile else (False,):
        step = Computation(config, batch, arguments.device, compiled)
        name = "computing, compiled" if compiled else "computing"
        print(f"{name}: {measure(step, arguments.steps):.2f} steps/s", flush=True)


if __name__ == "__main__":
    main()

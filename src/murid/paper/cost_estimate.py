"""Estimate of the time of a run before it starts: rendering, training and detection of each row."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from murid.core.durations import format_duration
from murid.core.plurals import format_count
from murid.paper.experiment_runner import ExperimentRunner, list_sources
from murid.paper.result_cache import ResultCache
from murid.paper.tables import ExternalDetector, Method, PaperTable
from murid.synthetic.still import Still, make_still
from murid.training.config import TrainConfig
from murid.training.data import collate
from murid.training.fit import count_steps
from murid.training.module import TrainingModule

# Images rendered to measure the time of one. More make the estimate better and later.
_N_RENDERED = 8
# Pixels of a batch from which on a step is measured with fewer images on a CPU, and scaled: the
# step of the paper's protocol takes minutes there.
_MAX_MEASURED_PIXELS = 8 * 256 * 256
# Batch normalisation needs more than one animal.
_MIN_MEASURED = 2
# Steps that are measured after a first one, which allocates memory. The fastest counts.
_N_STEPS = 2
# Validation passes all held-out images forward, about a third of the cost of a training step.
_FORWARD_SHARE = 1 / 3
_SECONDS_PER_HOUR = 3600


@dataclass(frozen=True, slots=True)
class RowEstimate:
    """Estimated time of the training of one network, and of the detection with it.

    Attributes
    ----------
    name : str
        Name of the training.
    steps : int
        Steps that remain.
    step_s : float
        Seconds of a step.
    validation_s, detection_s : float
        Seconds of all validations, and of the detection in all recordings.
    """

    name: str
    steps: int
    step_s: float
    validation_s: float
    detection_s: float

    @property
    def total_s(self) -> float:
        """Seconds of all of it."""
        return self.steps * self.step_s + self.validation_s + self.detection_s


@dataclass(frozen=True, slots=True)
class RunEstimate:
    """Estimated time of a run.

    Attributes
    ----------
    n_images : int
        Images that have to be rendered; all trainings share them.
    image_s : float
        Seconds to render one, in one process.
    n_workers : int
        Processes that render.
    rows : tuple of RowEstimate
        Trainings that have to be run.
    """

    n_images: int
    image_s: float
    n_workers: int
    rows: tuple[RowEstimate, ...]

    @property
    def rendering_s(self) -> float:
        """Seconds to render all images."""
        return self.n_images * self.image_s / self.n_workers

    @property
    def total_s(self) -> float:
        """Seconds of the whole run."""
        return self.rendering_s + sum(row.total_s for row in self.rows)


def estimate_run(
    runner: ExperimentRunner,
    tables: Sequence[PaperTable],
    announce: Callable[[str], None] = print,
) -> RunEstimate:
    """Measure a few images and steps of everything that is missing, and return the estimate.

    Parameters
    ----------
    runner : ExperimentRunner
    tables : sequence of PaperTable
    announce : callable
        Receives a line for each network as it is measured.
    """
    data = runner.data
    config = data.scale.train
    torch.set_num_threads(config.n_threads)
    stills, image_s = _measure_rendering(config)
    n_images = sum(images.count_missing(data.rendered) for images in data.list_image_sets())
    if n_images:
        announce(
            f"rendering: {n_images} images of {config.size_px} pixels, {image_s:.3f} s each, once "
            "for all networks"
        )
    rows = []
    for method in _list_missing_trainings(runner, tables):
        rows.append(_measure_method(runner, method, stills))
        announce(_describe_row(rows[-1]))
    estimate = RunEstimate(n_images, image_s, max(1, config.n_workers), tuple(rows))
    announce(describe_total(estimate))
    return estimate


def describe_total(estimate: RunEstimate) -> str:
    """Return the time of the whole run, and of its parts, in words."""
    core_hours = estimate.n_images * estimate.image_s / _SECONDS_PER_HOUR
    training_s = sum(row.total_s for row in estimate.rows)
    return (
        f"estimate: {format_duration(estimate.total_s)} in all; "
        f"{format_duration(estimate.rendering_s)} of it for rendering ({core_hours:.2f} core-hours)"
        f" and {format_duration(training_s)} for {format_count(len(estimate.rows), 'network')}; "
        "a killed call resumes"
    )


def _describe_row(row: RowEstimate) -> str:
    return (
        f"{row.name}: {row.steps} steps of {row.step_s:.2f} s, validation "
        f"{format_duration(row.validation_s)}, detection {format_duration(row.detection_s)}: "
        f"{format_duration(row.total_s)}"
    )


def _list_missing_trainings(runner: ExperimentRunner, tables: Sequence[PaperTable]) -> list[Method]:
    """Return one method for each training that the tables need and that is not complete."""
    methods: dict[str, Method] = {}
    for source in list_sources(tables):
        if isinstance(source, ExternalDetector) or runner.load(source) is not None:
            continue
        if not runner.has_network(source):
            methods.setdefault(source.network, source)
    return list(methods.values())


def _measure_rendering(config: TrainConfig) -> tuple[list[Still], float]:
    """Return rendered images, and the seconds that one takes in one process."""
    stills_config = replace(config.stills, backgrounds=0.0, empty=0.0)
    started_s = time.process_time()
    stills = [make_still(seed, stills_config) for seed in range(_N_RENDERED)]
    return stills, (time.process_time() - started_s) / _N_RENDERED


def _measure_method(
    runner: ExperimentRunner, method: Method, stills: Sequence[Still]
) -> RowEstimate:
    """Return the estimate of one training, from a few steps with its real loss.

    What was measured is stored, so that a resumed run does not measure again.
    """
    scale = runner.data.scale
    config = runner.configure_training(method)
    n_measured = min(config.batch_size, len(stills))
    if not torch.cuda.is_available():
        n_measured = max(_MIN_MEASURED, min(n_measured, _MAX_MEASURED_PIXELS // config.size_px**2))
    measured = ResultCache(runner.directory / "measured")
    description = {
        **runner.describe_training(method),
        "n_images": n_measured,
        "n_threads": config.n_threads,
        "cuda": torch.cuda.is_available(),
    }
    stored = measured.load(method.network, description)
    if stored is None:
        stored = {"step_s": _measure_step(config, stills[:n_measured])}
        measured.save(method.network, description, stored)
    image_step_s = stored["step_s"] / n_measured
    steps = runner.count_remaining_steps(method)
    n_epochs = steps / count_steps(config, scale.n_images)
    frame_pixels = (scale.max_side_px / config.size_px) ** 2
    n_frames = sum(recording.n_frames or 0 for recording in runner.data.recordings)
    forward_s = image_step_s * _FORWARD_SHARE
    return RowEstimate(
        name=method.network,
        steps=steps,
        step_s=image_step_s * config.batch_size,
        validation_s=n_epochs * scale.n_held_out * forward_s,
        detection_s=n_frames * forward_s * frame_pixels,
    )


def _measure_step(config: TrainConfig, stills: Sequence[Still]) -> float:
    """Return the seconds of a step on a batch: forward, losses, backward and optimiser."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if config.balance.name == "gradnorm":
        # Its first epoch has cheaper steps.
        config = replace(config, balance=replace(config.balance, first_epoch_steps=1))
    module = TrainingModule(config, config.stills.n_identities, n_steps=1).to(device).train()
    optimizer = module.configure_optimizers()
    batch = collate(list(stills)).to(device)
    seconds = []
    for _ in range(1 + _N_STEPS):
        started_s = time.monotonic()
        optimizer.zero_grad()
        torch.autograd.backward(module.compute_loss(batch)["total"])
        optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.monotonic() - started_s)
    return min(seconds[1:])

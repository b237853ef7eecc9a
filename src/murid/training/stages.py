"""Recipes: networks trained in several stages from named data, and the mean of their weights."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import nn

from murid.core.files import make_directory
from murid.core.progress import ProgressCallback, no_progress
from murid.core.settings import change_settings, read_toml
from murid.errors import ConfigError, SourceError
from murid.networks.checkpoint import load_checkpoint, save_checkpoint
from murid.networks.comparison.yolox_head import Yolox
from murid.networks.network import Network
from murid.training.config import TrainConfig
from murid.training.data import Batch
from murid.training.fit import TrainingResult, fit, make_held_out_images, make_training_batches
from murid.training.recipe import ReportProgress, prepare_data, write_files
from murid.training.validate import validate

# Share of the whole time that is kept for the mean, its validation and the export.
_FINISHING_SHARE = 0.03

# Stages have seeds of their own, so that no two see the same images.
_SEEDS_PER_RECIPE = 100

# Batches from which the statistics of batch normalisation are measured for the mean of weights.
_N_STATISTICS_BATCHES = 200


@dataclass(frozen=True)
class Stage:
    """One training of a recipe.

    Attributes
    ----------
    name : str
    settings : TrainConfig
        `start` and `seed` are replaced: a stage starts from the weights of the one before.
    share : float
        Share of the training time, where the whole time is limited.
    """

    name: str
    settings: TrainConfig
    share: float


@dataclass(frozen=True)
class Recipe:
    """Stages of a training and what they are made from.

    Attributes
    ----------
    name : str
    inputs : mapping of str to str
        SHA-256 of each solo video, by a name for people.
    stages : tuple of Stage
    averaged : tuple of str
        Names of the stages whose mean is the result.
    """

    name: str
    inputs: Mapping[str, str]
    stages: tuple[Stage, ...]
    averaged: tuple[str, ...]


def list_recipes() -> list[str]:
    """Return the names of the recipes in the package."""
    folder = files("murid.training") / "recipes"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir())


def load_recipe(name_or_path: str) -> Recipe:
    """Read a recipe: one of the package by its name, or a TOML file.

    The file has a table ``[inputs]`` of SHA-256 by name, a table ``[training]`` with settings of
    `TrainConfig` that all stages share, a list ``[[stages]]`` with ``name``, ``share`` and the
    settings that differ, and ``averaged``, the names of the stages whose mean is the result.

    Raises
    ------
    ConfigError
        If there is no such recipe, or a part of it is missing, unknown or out of range.
    """
    path = Path(name_or_path)
    if name_or_path in list_recipes():
        path = Path(str(files("murid.training") / "recipes" / f"{name_or_path}.toml"))
    elif path.suffix != ".toml":
        known = ", ".join(list_recipes())
        raise ConfigError(f"recipe: expected {known} or a .toml file, got {name_or_path!r}")
    try:
        return _parse_recipe(path.stem, read_toml(path))
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def _parse_recipe(name: str, given: dict[str, Any]) -> Recipe:
    unknown = set(given) - {"inputs", "training", "stages", "averaged"}
    if unknown or not given.get("stages"):
        got = ", ".join(sorted(unknown)) or "no stages"
        raise ConfigError(f"expected inputs, training, stages and averaged, got {got}")
    common = change_settings(TrainConfig(), given.get("training", {}))
    stages = []
    for number, entry in enumerate(given["stages"]):
        if not isinstance(entry.get("name"), str):
            raise ConfigError(f"stages.{number}.name: expected a text, got {entry.get('name')!r}")
        settings = {key: value for key, value in entry.items() if key not in ("name", "share")}
        share = float(entry.get("share", 1.0))
        stages.append(Stage(entry["name"], change_settings(common, settings), share))
    names = [stage.name for stage in stages]
    averaged = given.get("averaged", names[-1:])
    if len(set(names)) < len(names):
        raise ConfigError(f"stages: expected different names, got {', '.join(names)}")
    if not averaged or not set(averaged) <= set(names):
        raise ConfigError(f"averaged: expected names among {', '.join(names)}, got {averaged}")
    return Recipe(name, given.get("inputs", {}), tuple(stages), tuple(averaged))


def check_inputs(recipe: Recipe, videos: Sequence[Path]) -> None:
    """Raise `SourceError` unless the videos are those that the recipe names, in any order."""
    found = {compute_sha256(path): path for path in videos}
    for name, expected in recipe.inputs.items():
        if expected not in found:
            path = videos[0] if videos else Path("--solo")
            got = ", ".join(f"{video.name} {key[:8]}…" for key, video in found.items()) or "nothing"
            raise SourceError(path, "solo", f"{name} with SHA-256 {expected}", got)


def compute_sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def train_stages(
    recipe: Recipe,
    solo: Sequence[Path],
    out: Path,
    *,
    seed: int = 0,
    minutes: float | None = None,
    report: ProgressCallback = no_progress,
) -> TrainingResult:
    """Train all stages of a recipe and write the mean of their weights.

    An interrupted call is continued: stages that are complete are not repeated, and the one that
    was interrupted goes on from its last checkpoint.

    Parameters
    ----------
    recipe : Recipe
    solo : sequence of Path
        Videos of one animal each.
    out : Path
        Directory with one folder per stage; the result is as `murid.training.recipe.train` writes
        it.
    seed : int
        Each seed is another training, with other images and initial weights.
    minutes : float, optional
        Maximum duration of everything, over all calls. None: the stages have all of their steps.
    report : callable
        Receives progress.

    Raises
    ------
    SourceError
        If a video is missing or another one.
    ModelError, StorageError
        As `murid.training.fit.fit`.
    """
    check_inputs(recipe, solo)
    make_directory(out)
    weights = None
    for number, stage in enumerate(recipe.stages):
        settings = _make_settings(recipe, number, seed, minutes, weights)
        weights = get_weights_path(out, stage)
        if not weights.exists():
            _train_stage(settings, stage.name, solo, weights, report)
    return _finish(recipe, solo, out, seed, report)


def _make_settings(
    recipe: Recipe, number: int, seed: int, minutes: float | None, start: Path | None
) -> TrainConfig:
    """Return the settings of a stage with its seed, its start and its part of the time."""
    stage = recipe.stages[number]
    if minutes is not None:
        share = stage.share / sum(other.share for other in recipe.stages)
        minutes *= (1 - _FINISHING_SHARE) * share
    return replace(
        stage.settings,
        seed=_SEEDS_PER_RECIPE * seed + number,
        minutes=minutes,
        start=None if start is None else str(start),
    )


def get_weights_path(out: Path, stage: Stage) -> Path:
    """Return the file with the weights of a stage, which exists when the stage is complete."""
    return out / stage.name / f"{stage.settings.preset}.pt"


def _train_stage(
    settings: TrainConfig,
    name: str,
    solo: Sequence[Path],
    weights: Path,
    report: ProgressCallback,
) -> None:
    """Train one stage and save its weights, with the time and steps that it took."""
    began_s = time.monotonic()
    directory = weights.parent
    data = prepare_data(settings, (), solo, directory, report)
    progress = ReportProgress(report, f"training, {name}")
    fitted = fit(settings, data, directory, [progress], report, began_s)
    facts = {
        "seconds": fitted.seconds,
        "steps": fitted.steps,
        "waited_s": fitted.waiting_share * fitted.seconds,
    }
    save_checkpoint(weights, fitted.network, facts)


def _finish(
    recipe: Recipe, solo: Sequence[Path], out: Path, seed: int, report: ProgressCallback
) -> TrainingResult:
    """Average the weights of the stages, measure the network and write it."""
    last = recipe.stages[-1]
    settings = _make_settings(recipe, len(recipe.stages) - 1, seed, None, None)
    data = prepare_data(settings, (), solo, out / last.name, report)
    data = replace(data, held_out=make_held_out_images(settings, data.sources, out / last.name))
    checkpoints = {
        stage.name: load_checkpoint(get_weights_path(out, stage)) for stage in recipe.stages
    }
    network = checkpoints[recipe.averaged[0]].network
    if len(recipe.averaged) > 1:
        average_weights(network, [checkpoints[name].network for name in recipe.averaged])
        batches = make_training_batches(settings, data, out / last.name, report)
        measure_statistics(network, batches, report)
    facts = [checkpoint.extra for checkpoint in checkpoints.values()]
    seconds = sum(fact["seconds"] for fact in facts)
    result = TrainingResult(
        network=network,
        validation=validate(network, data.held_out),
        steps=sum(fact["steps"] for fact in facts),
        seconds=seconds,
        waiting_share=sum(fact["waited_s"] for fact in facts) / seconds,
        directory=out,
    )
    sources = [f"{name} (SHA-256 {digest})" for name, digest in recipe.inputs.items()]
    write_files(settings, data, result, sources)
    for stage in recipe.stages:
        shutil.rmtree(out / stage.name / "pool", ignore_errors=True)
    return result


def average_weights(network: nn.Module, others: Sequence[nn.Module]) -> None:
    """Set the weights of a network to the mean of those of some networks of the same kind.

    The mean of networks that started from the same weights is often better than each of them
    (Wortsman et al. 2022, model soups).
    """
    states = [other.state_dict() for other in others]
    mean = {}
    for name, value in states[0].items():
        if value.is_floating_point():
            value = torch.stack([state[name].double() for state in states]).mean(0).to(value.dtype)
        mean[name] = value
    network.load_state_dict(mean)


def measure_statistics(
    network: Network | Yolox, batches: Iterable[Batch], report: ProgressCallback = no_progress
) -> None:
    """Measure the mean and variance of batch normalisation anew, from training images.

    Those of the averaged networks do not fit the mean of their weights (Izmailov et al. 2018,
    stochastic weight averaging).
    """
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all batches
    network.train()
    with torch.no_grad():
        for number, batch in enumerate(islice(batches, _N_STATISTICS_BATCHES)):
            images = batch.to(torch.device("cpu")).images
            network(images[:, : network.config.n_channels])
            report("statistics", number + 1, _N_STATISTICS_BATCHES)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.eval()

"""``murid train``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from murid.cli.convert import load_sequences
from murid.cli.progress import show_progress
from murid.errors import ConfigError
from murid.formats import ReadOptions


def train(
    *data: Path,
    out: Path,
    solo: list[Path] | None = None,
    preset: Literal["nano", "s", "m", "l"] | None = None,
    profile: Literal["murid", "paper"] = "murid",
    start: Path | None = None,
    config: Path | None = None,
    minutes: float | None = None,
    seed: int | None = None,
    skip_bad: Annotated[bool, Parameter(negative=())] = False,
    restart: Annotated[bool, Parameter(negative="--resume")] = False,
) -> None:
    """Train a network on labelled data, on composed recordings of single animals, or on synthetic scenes alone.

    Parameters
    ----------
    data : Path
        Labelled data sets; see the documentation of formats.
    out : Path
        Directory for the network and all that belongs to it; an interrupted training there goes on.
    solo : list of Path
        Videos of one animal alone; its cut-outs are put together into scenes. No labels needed.
    preset : str
        Size of the network.
    profile : str
        murid's own settings, or the paper's protocol.
    start : Path
        Network to train on from, ``NAME.pt`` of an earlier training of the same preset.
    config : Path
        TOML file with settings that differ from the profile's.
    minutes : float
        Longest time to train.
    seed : int
        Of weights and pictures.
    skip_bad : bool
        Go on without labels that have a problem, and say how many there were.
    restart : bool
        Start over; by default an interrupted training goes on.
    """
    try:
        from murid.training import recipe
        from murid.training.config import PROFILES, load_config
    except ModuleNotFoundError as error:
        raise ConfigError(f"murid train needs {error.name}; install it with: pip install 'murid[train]'") from error
    settings = PROFILES[profile]()
    settings = load_config(config, settings) if config else settings
    given: dict[str, Any] = {
        "preset": preset, "minutes": minutes, "seed": seed, "start": None if start is None else str(start)
    }  # fmt: skip
    settings = replace(settings, **{name: value for name, value in given.items() if value is not None})
    if restart:
        _remove_checkpoints(out)
    sequences = load_sequences(data, ReadOptions(), skip_bad=skip_bad) if data else []
    sources = ["/".join(path.absolute().parts[-2:]) for path in (*data, *(solo or ()))]
    with show_progress() as report:
        material = recipe.gather_data(settings, sequences, solo or (), out, report)
        result = recipe.train(settings, material, out, sources=sources, report=report).validation
    scores = {"AP50": result.ap50, "AP75": result.ap75, "recall": result.recall}
    print("held-out pictures: " + "  ".join(f"{name} {100 * value:.1f}" for name, value in scores.items()))
    print(f"to use it: murid track VIDEO --detector {out / f'{settings.preset}-detector.onnx'}")


def _remove_checkpoints(out: Path) -> None:
    for name in ("last.ckpt", "best.ckpt", "log.jsonl"):
        (out / name).unlink(missing_ok=True)

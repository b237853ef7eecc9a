"""``murid tune``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from murid.cli.progress import show_progress
from murid.cli.train import gather, import_training, read_options
from murid.networks.presets import PresetName


def tune(
    *data: Path,
    out: Path,
    grid: Path | None = None,
    solo: Annotated[list[Path] | None, Parameter(consume_multiple=True)] = None,
    preset: PresetName | None = None,
    profile: Literal["murid", "paper"] = "murid",
    start: Path | None = None,
    config: Path | None = None,
    minutes: float | None = 10.0,
    seed: int | None = None,
    skip_bad: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Train briefly with each of several settings, and report the best.

    Parameters
    ----------
    data : Path
        Labelled data sets; see the documentation of formats.
    out : Path
        Directory for the results; an interrupted call goes on there.
    grid : Path
        TOML file with a list of values for each setting, such as ``[balance]`` ``identity_weight =
        [0.03, 0.1]``; by default five weights of the identity loss.
    solo : list of Path
        Videos of one animal alone.
    preset : str
        Network, as with murid train.
    profile : str
        murid's own settings, or the paper's protocol.
    start : Path
        Weights to start from: ``NAME.pt`` of an earlier training of the same preset.
    config : Path
        TOML file with settings that change the profile.
    minutes : float
        Maximum time to train with each combination.
    seed : int
        Seed of weights and images.
    skip_bad : bool
        Leave out labels that have a problem, and print how many there were.
    """
    import_training("tune")
    from murid.training.loss_balancing.grid import choose_best
    from murid.training.tune import DEFAULT_GRID, load_grid
    from murid.training.tune import tune as tune_settings

    settings = read_options(profile, config, preset=preset, minutes=minutes, seed=seed, start=start)
    values = load_grid(grid, settings) if grid else DEFAULT_GRID
    with show_progress() as report:
        training_data = gather(settings, data, solo or (), out, skip_bad, report)
        trials = tune_settings(settings, values, training_data, out, report)
    for trial in trials:
        print(
            f"{100 * trial.score:5.1f}  "
            + "  ".join(f"{name} = {value:g}" for name, value in trial.settings.items())
        )
    best = choose_best(trials)
    print("best: " + "  ".join(f"{name} = {value:g}" for name, value in best.settings.items()))

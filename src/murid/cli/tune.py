"""``murid tune``."""

from pathlib import Path

from murid.cli.progress import show_progress
from murid.cli.train import TrainingOptions, import_training


def tune(
    *data: Path,
    out: Path,
    grid: Path | None = None,
    options: TrainingOptions | None = None,
    minutes: float | None = 10.0,
) -> None:
    """Train briefly with each of several settings, and report the best.

    The best has the highest mean of AP50, AP75 and, where held-out animals have identities, rank 1.

    Parameters
    ----------
    data : Path
        Labelled data sets; see the documentation of formats.
    out : Path
        Directory for the results; an interrupted call goes on there.
    grid : Path
        TOML file with a list of values for each setting, such as ``[balance]`` ``identity_weight =
        [0.03, 0.1]``; by default five weights of the identity loss.
    minutes : float
        Maximum time to train with each combination.
    """
    import_training("tune")
    from murid.training.loss_balancing.grid import Trial, choose_best
    from murid.training.tune import DEFAULT_GRID, load_grid
    from murid.training.tune import tune as tune_settings

    def describe(trial: Trial) -> str:
        return "  ".join(f"{name} = {value:g}" for name, value in trial.settings.items())

    chosen = options or TrainingOptions()
    settings = chosen.load(minutes)
    values = load_grid(grid, settings) if grid else DEFAULT_GRID
    with show_progress() as report:
        training_data = chosen.prepare_data(settings, data, out, report)
        trials = tune_settings(settings, values, training_data, out, report)
    for trial in trials:
        print(f"{100 * trial.score:5.1f}  {describe(trial)}")
    print(f"best: {describe(choose_best(trials))}")

"""Distance moved against the truth: synthetic recordings tracked by the shipped network, measured three ways.

    python benchmarks/distance.py coats-4:5 lookalike-5:5 --seconds 30

Prints, for each scenario and seed, by how much the distance of all animals together differs from
the truth's: of raw positions, of smoothed ones, and with murid's defaults, under which slow way
does not count; and the animal that is farthest off with the defaults."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

from murid.analysis.config import MeasureConfig
from murid.analysis.kinematics import compute_distance
from murid.pipeline.run import Run
from murid.pipeline.track import track
from murid.synthetic import make_scenario, record
from murid.video import VideoWriter

WAYS = {
    "raw": MeasureConfig(smooth_s=0, min_moving_speed="0px"),
    "smoothed": MeasureConfig(min_moving_speed="0px"),
    "murid": MeasureConfig(),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scenes", nargs="+", help="SCENARIO:SEED")
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args()
    print(f"{'scene':<16}{'raw':>9}{'smoothed':>10}{'murid':>9}{'worst animal':>14}")
    for scene in options.scenes:
        name, _, seed = scene.partition(":")
        with tempfile.TemporaryDirectory() as directory:
            truth, run = film_and_track(Path(directory), name, int(seed or 0), options.seconds)
            ratios = {way: compare(truth, run, config) for way, config in WAYS.items()}
        cells = [ratio[0] for ratio in ratios.values()]
        worst = ratios["murid"][1]
        print(
            f"{scene:<16}{cells[0]:>+9.1%}{cells[1]:>+10.1%}{cells[2]:>+9.1%}{worst:>+14.1%}",
            flush=True,
        )


def film_and_track(directory: Path, name: str, seed: int, seconds: float) -> tuple[np.ndarray, Run]:
    """True places ``(F, 2, I)`` and the run."""
    config, places = make_scenario(name, seed, seconds), []
    with VideoWriter(
        directory / "scene.mp4", config.fps, config.width, config.height
    ) as video_writer:
        for recorded in record(config):
            video_writer.write(recorded.frame.image)
            places.append(recorded.positions)
    return np.stack(places).swapaxes(1, 2), track(directory / "scene.mp4", animals=config.n_animals)


def compare(truth: np.ndarray, run: Run, config: MeasureConfig) -> tuple[float, float]:
    """Distance of all over the truth's, less 1; and the same of the animal that is farthest off."""
    behaviour = run.behaviour(config=config)
    apart = np.hypot(*np.moveaxis(truth[:, :, :, None] - behaviour.position_px[:, :, None], 1, 0))
    rows, columns = linear_sum_assignment(
        np.ma.median(np.ma.masked_invalid(apart), axis=0).interpolated(1e6)
    )
    moved, true = np.nansum(behaviour.steps, axis=0)[columns], compute_distance(truth)[rows]
    each = moved / true - 1
    return moved.sum() / compute_distance(truth).sum() - 1, each[np.abs(each).argmax()]


if __name__ == "__main__":
    main()

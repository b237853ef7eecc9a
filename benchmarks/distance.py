"""Error of the distance moved: synthetic recordings, tracked by the shipped network.

    python benchmarks/distance.py coats-4:5 lookalike-5:5 --seconds 30

Prints, for each scenario and seed, the relative error of the distance of all animals together:
with raw positions, with smoothed positions, and with murid's defaults, which ignore slow movement.
The last column is the maximum error of one animal with the defaults.
"""

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

# Ways to measure the distance, each with one more step against noise.
CONFIGS = {
    "raw": MeasureConfig(smooth_s=0, min_moving_speed="0px"),
    "smoothed": MeasureConfig(min_moving_speed="0px"),
    "murid": MeasureConfig(),
}


def main() -> None:
    """Record, track, measure and print."""
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
            truth, run = record_and_track(Path(directory), name, int(seed or 0), options.seconds)
            ratios = {label: compare(truth, run, config) for label, config in CONFIGS.items()}
        cells = [ratio[0] for ratio in ratios.values()]
        worst = ratios["murid"][1]
        print(
            f"{scene:<16}{cells[0]:>+9.1%}{cells[1]:>+10.1%}{cells[2]:>+9.1%}{worst:>+14.1%}",
            flush=True,
        )


def record_and_track(
    directory: Path, name: str, seed: int, seconds: float
) -> tuple[np.ndarray, Run]:
    """Return the true positions ``(F, 2, I)`` and the run."""
    config = make_scenario(name, seed, seconds)
    positions = []
    with VideoWriter(
        directory / "scene.mp4", config.fps, config.width, config.height
    ) as video_writer:
        for recorded in record(config):
            video_writer.write(recorded.frame.image)
            positions.append(recorded.positions)
    run = track(directory / "scene.mp4", animals=config.n_animals)
    return np.stack(positions).swapaxes(1, 2), run


def compare(truth: np.ndarray, run: Run, config: MeasureConfig) -> tuple[float, float]:
    """Return the relative error of the distance of all animals, and the maximum error of one."""
    behaviour = run.behaviour(config=config)
    offsets = truth[:, :, :, None] - behaviour.position_px[:, :, None]
    distances = np.ma.masked_invalid(np.hypot(offsets[:, 0], offsets[:, 1]))
    # Assign identities to animals. A pair without a common frame has the maximum cost.
    rows, columns = linear_sum_assignment(np.ma.median(distances, axis=0).filled(1e6))
    true_distances = compute_distance(truth)
    moved = np.nansum(behaviour.steps, axis=0)[columns]
    errors = moved / true_distances[rows] - 1
    total_error = moved.sum() / true_distances.sum() - 1
    return total_error, errors[np.abs(errors).argmax()]


if __name__ == "__main__":
    main()

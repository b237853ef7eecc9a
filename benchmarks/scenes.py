"""Frames per second of synthetic recordings on one core, beside filling the same frames with bare noise.

    python benchmarks/scenes.py --frames 150

The peer draws 640x480x3 normal numbers and clips them to a picture, which is about the least that
any simulated camera does. Read the ratio rather than the absolute figures, which wander with the
machine. Times are those of the process."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from dataclasses import replace

import cv2
import numpy as np

from murid.synthetic import SCENARIOS, record


def measure_rate(frames: Iterable[object]) -> float:
    """Items per second of processor time, the first left out because it pays for the preparations."""
    iterator = iter(frames)
    next(iterator)
    started = time.process_time()
    count = sum(1 for _ in iterator)
    return count / (time.process_time() - started)


def make_noise(n: int) -> Iterable[object]:
    """Pictures of nothing but noise."""
    rng = np.random.default_rng(0)
    for _ in range(n):
        yield np.clip(128 + 20 * rng.standard_normal((480, 640, 3), np.float32), 0, 255).astype(
            np.uint8
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    for name, config in SCENARIOS.items():
        peer = measure_rate(make_noise(60))
        rate = measure_rate(record(replace(config, seed=arguments.seed, n_frames=arguments.frames)))
        print(
            f"{name:12} {rate:6.1f} frames/s   {rate / peer:.2f} of bare noise ({peer:.1f} frames/s)"
        )


if __name__ == "__main__":
    main()

"""Frames per second of synthetic recordings on one core, compared with plain noise images.

    python benchmarks/scenes.py --frames 150

The reference samples 640x480x3 normal numbers and clips them to an image, which is about the
minimum that a simulated camera does. The ratio matters: the absolute figures depend on the machine.
Times are processor times of the process.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from dataclasses import replace

import cv2
import numpy as np

from murid.synthetic import SCENARIOS, record


def measure_rate(frames: Iterable[object]) -> float:
    """Return items per second of processor time, without the first, which includes set-up."""
    iterator = iter(frames)
    next(iterator)
    started = time.process_time()
    count = sum(1 for _ in iterator)
    return count / (time.process_time() - started)


def make_noise(n: int) -> Iterable[object]:
    """Yield images of plain noise."""
    rng = np.random.default_rng(0)
    for _ in range(n):
        noise = 128 + 20 * rng.standard_normal((480, 640, 3), np.float32)
        yield np.clip(noise, 0, 255).astype(np.uint8)


def main() -> None:
    """Measure all scenarios and print a line for each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    for name, config in SCENARIOS.items():
        noise_rate = measure_rate(make_noise(60))
        config = replace(config, seed=arguments.seed, n_frames=arguments.frames)
        rate = measure_rate(record(config))
        ratio = f"{rate / noise_rate:.2f} of plain noise ({noise_rate:.1f} frames/s)"
        print(f"{name:12} {rate:6.1f} frames/s   {ratio}")


if __name__ == "__main__":
    main()

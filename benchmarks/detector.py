"""Measure the time of each step of detection, and the networks against the peak of the CPU.

    python benchmarks/detector.py VIDEO

Times are milliseconds of one core: the lower quartile over 100 frames of the video. The peak is
that of a product of two 2048 x 2048 matrices by OpenVINO, on one core in the same arithmetic.
A multiplication and an addition in convolutions and products count as two operations.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from importlib import import_module
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import murid.detection
from murid.core.types import Float32, UInt8
from murid.detection.config import DetectionConfig
from murid.detection.detector import load_detector
from murid.detection.network_file import read_network
from murid.detection.openvino_backend import open_openvino_backends
from murid.detection.openvino_import import openvino
from murid.detection.preprocess import apply_letterbox, compute_letterbox, letterbox_boxes, to_input
from murid.video import open_source, sample_frames
from murid.video.background_model import fit_background_model

WEIGHTS = Path(murid.detection.__file__).parent / "weights"
N_FRAMES = 100
# Rows and columns of the matrices of the peak; large enough to saturate a core.
MATRIX_SIZE = 2048


def measure_ms(step: Callable[[Any], Any], inputs: list[Any]) -> tuple[float, list[Any]]:
    """Return the CPU time of a step in milliseconds, and its results."""
    times = [time.process_time()]
    results = []
    for value in inputs:
        results.append(step(value))
        times.append(time.process_time())
    return 1000 * float(np.quantile([b - a for a, b in pairwise(times)], 0.25)), results


def measure_peak(precision: str) -> float:
    """Return the speed of a large matrix product in GFLOP/s."""
    opset = import_module(f"{openvino.__name__}.opset13")
    left = opset.parameter([MATRIX_SIZE, MATRIX_SIZE], np.float32)
    right = opset.constant(np.random.default_rng(0).random((MATRIX_SIZE, MATRIX_SIZE), np.float32))
    model = openvino.Model([opset.matmul(left, right, False, True)], [left])
    settings = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": 1}
    product = openvino.Core().compile_model(model, "CPU", settings)
    request = product.create_infer_request()
    value = np.ones((MATRIX_SIZE, MATRIX_SIZE), np.float32)
    ms, _ = measure_ms(
        lambda x: request.infer([x], share_inputs=True, share_outputs=True), [value] * 20
    )
    return float(2 * MATRIX_SIZE**3 / ms / 1e6)


def count_operations(detector: Any, shape: tuple[int, ...]) -> float:
    """Return the GFLOP of the convolutions for one image."""
    detector.reshape({"image": shape})
    operations = 0
    for node in detector.get_ops():
        if node.get_type_name() == "Convolution":
            operations += (
                2 * np.prod(node.get_output_shape(0)) * np.prod(node.input_value(1).get_shape()[1:])
            )
    return float(operations) / 1e9


def print_steps(
    images: list[UInt8], decode_ms: float, fit_on: list[UInt8]
) -> tuple[Float32, Float32]:
    """Print one row for each step; return the network input of an image, and boxes in it."""
    height, width = images[0].shape[:2]
    letterbox = compute_letterbox(width, height, 512)
    background = fit_background_model([apply_letterbox(image, letterbox) for image in fit_on])
    print(f"| decoding, to RGB | {decode_ms:.2f} |")
    ms, small = measure_ms(lambda image: apply_letterbox(image, letterbox), images)
    print(f"| resizing | {ms:.2f} |")
    ms, differences = measure_ms(background.compute_difference, small)
    print(f"| difference from the background | {ms:.2f} |")
    pairs = list(zip(small, differences, strict=True))
    ms, _ = measure_ms(lambda pair: to_input([pair[0]], [pair[1]]) is None, pairs)
    print(f"| layout and scale | {ms:.2f} |")
    (found,) = load_detector("nano").detect(images[:1])
    return to_input(small[:1], differences[:1]), letterbox_boxes(
        found.boxes[:10], letterbox, width, height
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("video", type=Path)
    source = open_source(parser.parse_args().video)
    cv2.setNumThreads(1)
    decode_ms, _ = measure_ms(lambda frames: next(frames) is None, [source.iterate()] * N_FRAMES)
    images = [frame.image for frame in islice(source.iterate(), N_FRAMES)]
    print("| step | ms of one core |\n|---|---|")
    image, boxes = print_steps(images, decode_ms, [f.image for f in sample_frames(source, 60)])
    for precision in ("bf16", "f32"):
        models = [
            read_network(WEIGHTS / f"nano-{kind}.onnx", kind)[0]
            for kind in ("detector", "embedder")
        ]
        backend = open_openvino_backends(
            models[0], models[1], DetectionConfig(precision=precision, n_threads=1)
        )[0]
        ms, maps = measure_ms(backend.infer, [image] * N_FRAMES)
        embed_ms, _ = measure_ms(lambda found, backend=backend: backend.embed(found, boxes), maps)
        rate = count_operations(models[0], image.shape) / ms * 1000
        peak = measure_peak(precision)
        speed = f"{rate:.0f} of {peak:.0f} GFLOP/s, {rate / peak:.0%}"
        print(f"| detection network, {precision} | {ms:.2f}: {speed} |")
        print(f"| re-identification of {len(boxes)}, {precision} | {embed_ms:.2f} |")


if __name__ == "__main__":
    main()

"""Train YOLOv8s, YOLOv5s and YOLOv7-tiny for ``murid paper`` where they are installed.

    # Renders the recordings and writes tables/recordings.json:
    murid paper --size medium --out tables --show
    # Trains those that are installed on the images of murid's rows, and writes their boxes to
    # tables/external, where murid paper finds them:
    python benchmarks/detections.py run --tables tables --size medium \
        --yolov5 CLONE --yolov7 CLONE
    murid paper --size medium --out tables

YOLOv8s needs the package ``ultralytics``, the others a clone of their repository. What is not
installed is named and left out; its row then says so. A detector that has boxes is not run again.

The steps of ``run`` by themselves, for other settings or data:

    python benchmarks/detections.py images --tables tables --size medium --out images
    python benchmarks/detections.py boxes best.pt --recordings tables/recordings.json \
        --out tables/external/yolov8s --size-px 320

``boxes`` loads a file of Ultralytics' package, or with ``--repository`` one of a clone that
torch.hub can load (YOLOv5, YOLOv7). Beside the boxes it writes ``cost.json``: parameters, and
operations at 640 x 640 as murid counts them for its own rows. On AnimalTrack, ``murid convert``
writes a YOLO data set of its training split. The packages are under the AGPL or GPL; murid imports
none of them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from murid.core import Frame
from murid.paper.benchmark_data import make_benchmark_data
from murid.paper.model_cost import COST_NAME, count_gflops, count_parameters
from murid.paper.scale import COST_SIDE_PX, SCALES
from murid.synthetic.still import Still
from murid.training.config import TrainConfig
from murid.training.fit import count_steps
from murid.video import open_source

Find = Callable[[np.ndarray], np.ndarray]
# Low, so that the thresholds of the tracker decide; `murid paper` uses the same for its networks.
MIN_SCORE = 0.05


def write_images(tables: Path, size: str, out: Path) -> Path:
    """Write the images that murid's rows are trained on as a YOLO data set; return its file."""
    scale = SCALES[size]
    data = make_benchmark_data(scale, tables).training_data
    for part, stills in (("train", data.labelled), ("val", data.held_out)):
        for number, still in enumerate(stills):
            write_image(out, part, number, still)
    path = out / "data.yaml"
    path.write_text(
        f"path: {out.absolute()}\ntrain: {out.absolute()}/images/train\n"
        f"val: {out.absolute()}/images/val\nnc: 1\nnames: [animal]\n"
    )
    return path


def write_image(out: Path, part: str, number: int, still: Still) -> None:
    """Write an image, and a row ``class x y width height`` in shares of its size per animal."""
    images = out / "images" / part
    labels = out / "labels" / part
    for directory in (images, labels):
        directory.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(images / f"{number:06d}.png"), still.image[..., ::-1])
    height, width = still.image.shape[:2]
    low = still.boxes[:, :2]
    high = still.boxes[:, 2:]
    rows = np.concatenate([(low + high) / 2, high - low], axis=1) / [width, height, width, height]
    (labels / f"{number:06d}.txt").write_text(
        "".join(f"0 {x:.6f} {y:.6f} {w:.6f} {h:.6f}\n" for x, y, w, h in rows)
    )


def run(arguments: argparse.Namespace) -> None:
    """Train each detector that is installed, and write its boxes where murid paper finds them."""
    scale = SCALES[arguments.size]
    work = arguments.tables / "yolo"
    for name, is_installed, train in (
        ("yolov8s", find_spec("ultralytics") is not None, train_yolov8),
        ("yolov5s", arguments.yolov5 is not None, train_yolov5),
        ("yolov7-tiny", arguments.yolov7 is not None, train_yolov7),
    ):
        boxes = arguments.tables / "external" / name
        if (boxes / COST_NAME).exists():
            print(f"{name}: done")
        elif not is_installed:
            print(f"{name}: not installed")
        else:
            data = write_images(arguments.tables, arguments.size, work / "images")
            weights = train(data, scale.train, work / name, arguments)
            write_boxes(
                weights,
                arguments.tables / "recordings.json",
                boxes,
                scale.max_side_px,
                {"yolov5s": arguments.yolov5, "yolov7-tiny": arguments.yolov7}.get(name),
            )
            print(f"{name}: boxes in {boxes}")


def count_epochs(config: TrainConfig, n_images: int) -> int:
    """Return the passes through the images that give as many steps as murid's rows have."""
    steps = config.epochs * count_steps(config, n_images)
    return max(1, round(steps * config.batch_size / n_images))


def train_yolov8(data: Path, config: TrainConfig, out: Path, _: argparse.Namespace) -> Path:
    """Train YOLOv8s with the optimiser and number of steps of murid's rows; resumes."""
    from ultralytics import YOLO

    last = out / "train" / "weights" / "last.pt"
    if last.exists():
        YOLO(last).train(resume=True)
    else:
        YOLO("yolov8s.yaml").train(
            data=str(data),
            pretrained=False,
            imgsz=config.size_px,
            batch=config.batch_size,
            epochs=count_epochs(config, count_images(data)),
            optimizer={"sgd": "SGD", "adamw": "AdamW"}[config.optimizer],
            lr0=config.learning_rate,
            seed=config.seed,
            workers=config.n_workers,
            project=str(out),
            name="train",
            plots=False,
        )
    return out / "train" / "weights" / "best.pt"


def train_yolov5(data: Path, config: TrainConfig, out: Path, arguments: argparse.Namespace) -> Path:
    """Train YOLOv5s of a clone, with the loss and the schedule of its own package."""
    return train_clone(arguments.yolov5, "models/yolov5s.yaml", data, config, out)


def train_yolov7(data: Path, config: TrainConfig, out: Path, arguments: argparse.Namespace) -> Path:
    """Train YOLOv7-tiny of a clone, with the loss and the schedule of its own package."""
    return train_clone(arguments.yolov7, "cfg/training/yolov7-tiny.yaml", data, config, out)


def train_clone(clone: Path, network: str, data: Path, config: TrainConfig, out: Path) -> Path:
    """Run ``train.py`` of a clone of YOLOv5 or YOLOv7; return the best weights."""
    epochs = count_epochs(config, count_images(data))
    command = [sys.executable, "train.py", "--data", str(data.absolute()), "--cfg", network]
    command += ["--weights", "", "--batch-size", str(config.batch_size), "--epochs", str(epochs)]
    command += ["--img", str(config.size_px), "--project", str(out.absolute()), "--name", "train"]
    subprocess.run(
        [*command, "--exist-ok", "--workers", str(config.n_workers)], cwd=clone, check=True
    )
    return out / "train" / "weights" / "best.pt"


def count_images(data: Path) -> int:
    """Return the number of training images of a YOLO data set."""
    return sum(1 for _ in (data.parent / "images" / "train").iterdir())


def write_boxes(
    weights: Path, recordings: Path, out: Path, size_px: int, repository: Path | None
) -> None:
    """Write one MOT file per recording, and the cost of the network."""
    network, find = (
        load_hub(weights, repository, size_px) if repository else load_ultralytics(weights, size_px)
    )
    out.mkdir(parents=True, exist_ok=True)
    for recording in json.loads(recordings.read_text()):
        frames = islice(open_source(recording["video"]).iterate(), recording["n_frames"])
        (out / f"{recording['name']}.txt").write_text("".join(iterate_rows(frames, find)))
    network = network.float().cpu()
    gflops = count_gflops(network, torch.zeros(1, 3, COST_SIDE_PX, COST_SIDE_PX), device="cpu")
    cost = {"parameters": count_parameters(network), "gflops": gflops}
    # Written last: a detector that has it is complete.
    (out / COST_NAME).write_text(json.dumps(cost) + "\n")


def iterate_rows(frames: Iterator[Any], find: Find) -> Iterator[str]:
    """Yield rows ``frame, -1, left, top, width, height, score`` of all decodable frames."""
    for number, frame in enumerate(frames, 1):
        if not isinstance(frame, Frame):
            continue
        for x1, y1, x2, y2, score in find(frame.image)[:, :5]:
            yield f"{number},-1,{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f},{score:.4f}\n"


def load_ultralytics(weights: Path, size_px: int) -> tuple[torch.nn.Module, Find]:
    """Return a network of ``ultralytics``, and a function from an RGB image to boxes ``(n, 6)``."""
    from ultralytics import YOLO

    model = YOLO(weights)

    def find(image: np.ndarray) -> np.ndarray:
        result = model.predict(image[..., ::-1], imgsz=size_px, conf=MIN_SCORE, verbose=False)[0]
        return result.boxes.data.cpu().numpy()

    return model.model, find


def load_hub(weights: Path, repository: Path, size_px: int) -> tuple[torch.nn.Module, Find]:
    """Return a network of a clone of YOLOv5 or YOLOv7, and a function as `load_ultralytics`."""
    model = torch.hub.load(str(repository), "custom", str(weights), source="local")
    model.conf = MIN_SCORE
    return model.model, lambda image: model(image, size=size_px).xyxy[0].cpu().numpy()


def main() -> None:
    """Run detectors, or write training images or boxes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(required=True)
    everything = verbs.add_parser("run", help="train what is installed, and write its boxes")
    everything.add_argument("--yolov5", type=Path, help="clone of YOLOv5")
    everything.add_argument("--yolov7", type=Path, help="clone of YOLOv7")
    everything.set_defaults(run=run)
    images = verbs.add_parser("images", help="the training images as a YOLO data set")
    images.add_argument("--out", type=Path, required=True)
    images.set_defaults(run=lambda given: write_images(given.tables, given.size, given.out))
    for verb in (everything, images):
        verb.add_argument("--tables", type=Path, required=True, help="directory of murid paper")
        verb.add_argument("--size", choices=list(SCALES), default="medium", help="as murid paper")
    boxes = verbs.add_parser("boxes", help="detections of the recordings")
    boxes.add_argument("weights", type=Path)
    boxes.add_argument(
        "--repository", type=Path, help="clone of YOLOv5 or YOLOv7; else the package ultralytics"
    )
    boxes.add_argument(
        "--recordings", type=Path, required=True, help="recordings.json of murid paper"
    )
    boxes.add_argument("--size-px", type=int, default=640, help="longest side in pixels")
    boxes.add_argument("--out", type=Path, required=True)
    boxes.set_defaults(
        run=lambda given: write_boxes(
            given.weights, given.recordings, given.out, given.size_px, given.repository
        )
    )
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()

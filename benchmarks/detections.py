"""Write boxes of YOLOv5s, YOLOv7-tiny and YOLOv8s for ``murid paper`` from your installations.

    # Renders the recordings and writes tables/recordings.json:
    murid paper --small --out tables --show
    # Writes synthetic images as a YOLO data set:
    python benchmarks/detections.py images --out images
    yolo train model=yolov8s.yaml pretrained=False data=images/data.yaml imgsz=96 batch=4 \
        epochs=2 warmup_epochs=0.1 optimizer=AdamW lr0=0.002
    python benchmarks/detections.py boxes best.pt --recordings tables/recordings.json \
        --out boxes/yolov8s --size 192
    murid paper --small --out tables --detections yolov8s=boxes/yolov8s

``boxes`` loads a file of Ultralytics' package (YOLOv8s, YOLOv5s as ``yolov5su``), or with
``--repository`` one of a clone that torch.hub can load (YOLOv5, YOLOv7). Beside the boxes it writes
``cost.json``: parameters, and operations at 640 x 640 as murid counts them for its own rows. On
AnimalTrack, ``murid convert`` writes a YOLO data set of its training split. The packages are under
the AGPL or GPL; murid imports none of them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from murid.core import Frame
from murid.paper.model_cost import COST_NAME, count_gflops, count_parameters
from murid.paper.scale import COST_SIDE_PX, FULL, SMALL
from murid.synthetic.still import Still, make_still
from murid.video import open_source

Find = Callable[[np.ndarray], np.ndarray]
# Low, so that the thresholds of the tracker decide; `murid paper` uses the same for its networks.
MIN_SCORE = 0.05


def write_images(arguments: argparse.Namespace) -> None:
    """Write synthetic images, for training and for validation, as a YOLO data set."""
    stills = (FULL if arguments.full else SMALL).train.stills
    for part, first, n in (("train", 0, arguments.n), ("val", 5 * 10**12, 64)):
        for number in range(n):
            write_image(arguments.out, part, number, make_still(first + number, stills))
    text = (
        f"path: {arguments.out.absolute()}\ntrain: images/train\nval: images/val\nnames: [animal]\n"
    )
    (arguments.out / "data.yaml").write_text(text)


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


def write_boxes(arguments: argparse.Namespace) -> None:
    """Write one MOT file per recording, and the cost of the network."""
    load = load_hub if arguments.repository else load_ultralytics
    network, find = load(arguments)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for recording in json.loads(arguments.recordings.read_text()):
        frames = islice(open_source(recording["video"]).iterate(), recording["n_frames"])
        (arguments.out / f"{recording['name']}.txt").write_text("".join(iterate_rows(frames, find)))
    network = network.float().cpu()
    gflops = count_gflops(network, torch.zeros(1, 3, COST_SIDE_PX, COST_SIDE_PX), device="cpu")
    cost = {"parameters": count_parameters(network), "gflops": gflops}
    (arguments.out / COST_NAME).write_text(json.dumps(cost) + "\n")


def iterate_rows(frames: Iterator[Any], find: Find) -> Iterator[str]:
    """Yield rows ``frame, -1, left, top, width, height, score`` of all decodable frames."""
    for number, frame in enumerate(frames, 1):
        if not isinstance(frame, Frame):
            continue
        for x1, y1, x2, y2, score in find(frame.image)[:, :5]:
            yield f"{number},-1,{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f},{score:.4f}\n"


def load_ultralytics(arguments: argparse.Namespace) -> tuple[torch.nn.Module, Find]:
    """Return a network of ``ultralytics``, and a function from an RGB image to boxes ``(n, 6)``."""
    from ultralytics import YOLO

    model = YOLO(arguments.weights)

    def find(image: np.ndarray) -> np.ndarray:
        result = model.predict(
            image[..., ::-1], imgsz=arguments.size, conf=MIN_SCORE, verbose=False
        )[0]
        return result.boxes.data.cpu().numpy()

    return model.model, find


def load_hub(arguments: argparse.Namespace) -> tuple[torch.nn.Module, Find]:
    """Return a network of a clone of YOLOv5 or YOLOv7, and a function as `load_ultralytics`."""
    model = torch.hub.load(str(arguments.repository), "custom", arguments.weights, source="local")
    model.conf = MIN_SCORE
    return model.model, lambda image: model(image, size=arguments.size).xyxy[0].cpu().numpy()


def main() -> None:
    """Write training images, or boxes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(required=True)
    images = verbs.add_parser("images", help="synthetic images as a YOLO data set")
    images.add_argument(
        "-n", type=int, default=720, help="number of images; a small row sees twice as many"
    )
    images.add_argument("--full", action="store_true", help="of 640 pixels")
    images.set_defaults(run=write_images)
    boxes = verbs.add_parser("boxes", help="detections of the recordings")
    boxes.add_argument("weights")
    boxes.add_argument(
        "--repository", type=Path, help="clone of YOLOv5 or YOLOv7; else the package ultralytics"
    )
    boxes.add_argument(
        "--recordings", type=Path, required=True, help="recordings.json of murid paper"
    )
    boxes.add_argument("--size", type=int, default=640, help="longest side in pixels")
    boxes.set_defaults(run=write_boxes)
    for verb in (images, boxes):
        verb.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()

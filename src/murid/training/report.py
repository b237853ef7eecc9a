"""Report of a training: log, learning curves, sample predictions and model card."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import lightning
import numpy as np
from lightning.pytorch.callbacks import Callback
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from murid.core.files import replace_on_success
from murid.core.keypoints import KEYPOINTS, NOSE, TAIL_BASE
from murid.core.types import Detections
from murid.networks.comparison.yolox_head import Yolox
from murid.networks.network import Network
from murid.synthetic.still import Still
from murid.training.data import collate
from murid.training.validate import detect_batch

# Panels of the learning curves, and the logged values in each.
_CURVES = {
    "loss": (
        "train/heat",
        "train/offset",
        "train/size",
        "train/overlap",
        "train/objectness",
        "train/classes",
    ),
    "identity loss": ("train/identity",),
    "validation": ("val/ap50", "val/ap75", "val/recall", "val/rank1", "val/reid_map"),
    "share of time waiting for data": ("train/waiting",),
}

# Orange and sky blue of the colour-blind safe palette of Okabe and Ito, RGB.
_TRUE_COLOUR = (230, 159, 0)
_DETECTED_COLOUR = (86, 180, 233)

# Minimum score of the detections in the sample images; low, so that errors are visible.
_SAMPLE_MIN_SCORE = 0.2
# Rows of images in the file of samples. More rows show more cases and make a larger file.
_N_SAMPLE_ROWS = 3


class EpochLog(Callback):
    """Callback that appends a line of JSON per epoch; a resumed training continues the file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_validation_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,  # noqa: ARG002
    ) -> None:
        """Write the metrics of the epoch."""
        values = {name: round(float(value), 5) for name, value in trainer.callback_metrics.items()}
        row = {"epoch": trainer.current_epoch, "step": trainer.global_step, **values}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def read_log(path: Path) -> list[dict[str, float]]:
    """Return the rows that `EpochLog` wrote; of an epoch that was repeated, the last."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    rows = {row["epoch"]: row for row in map(json.loads, lines)}
    return [rows[epoch] for epoch in sorted(rows)]


def draw_curves(rows: Sequence[dict[str, float]], path: Path) -> None:
    """Draw losses and validation metrics over epochs as a PNG."""
    figure = Figure(figsize=(10, 6), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (title, names) in zip(figure.subplots(2, 2).flat, _CURVES.items(), strict=True):
        for name in names:
            points = [(row["epoch"], row[name]) for row in rows if name in row]
            if points:
                axes.plot(*zip(*points, strict=True), label=name.split("/")[1])
        axes.set(title=title, xlabel="epoch")
        if axes.lines:
            axes.legend()
    with replace_on_success(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)


def draw_samples(
    network: Network | Yolox, stills: Sequence[Still], path: Path, n_columns: int = 4
) -> None:
    """Draw detections (blue, with scores) and true boxes (orange) of some images as a PNG."""
    chosen = list(stills[: _N_SAMPLE_ROWS * n_columns])
    detections = detect_batch(network, collate(chosen), score_threshold=_SAMPLE_MIN_SCORE)
    tiles = [draw_detections(still, found) for still, found in zip(chosen, detections, strict=True)]
    # Fill the last row with black tiles.
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % n_columns)
    rows = [np.hstack(tiles[k : k + n_columns]) for k in range(0, len(tiles), n_columns)]
    sheet = np.vstack(rows)
    with replace_on_success(path) as temporary:
        temporary.write_bytes(cv2.imencode(".png", sheet[..., ::-1])[1].tobytes())


def draw_detections(still: Still, found: Detections, zoom: int = 2) -> NDArray[np.uint8]:
    """Return an enlarged image with true boxes in orange, and detections in blue.

    The body axis is an arrow from tail base to nose.
    """
    image = cv2.resize(still.image, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_NEAREST)
    # True boxes first, so that detections lie above them.
    for box in still.boxes:
        _draw_box(image, zoom * box, _TRUE_COLOUR)
    for box, score in zip(found.boxes, found.scores, strict=True):
        corner = _draw_box(image, zoom * box, _DETECTED_COLOUR)
        cv2.putText(
            image,
            f"{score:.2f}",
            corner,
            cv2.FONT_HERSHEY_SIMPLEX,
            0.4,
            _DETECTED_COLOUR,
            1,
            cv2.LINE_AA,
        )
    keypoints = np.zeros((0, len(KEYPOINTS), 3)) if found.keypoints is None else found.keypoints
    for points in zoom * keypoints[..., :2]:
        nose, tail_base = points[[NOSE, TAIL_BASE]].round().astype(int).tolist()
        cv2.arrowedLine(image, tail_base, nose, _DETECTED_COLOUR, 1, cv2.LINE_AA)
    return np.asarray(image, np.uint8)


def _draw_box(image: Any, box: NDArray[Any], colour: tuple[int, int, int]) -> tuple[int, int]:
    """Draw a box, and return the corner at which its score is written."""
    left, top, right, bottom = (round(float(value)) for value in box)
    cv2.rectangle(image, (left, top), (right, bottom), colour, 1)
    return left + 2, top + 12


def write_model_card(path: Path, title: str, facts: dict[str, Any], limits: str) -> None:
    """Write a model card in Markdown.

    Parameters
    ----------
    path : Path
    title : str
    facts : dict
        Sections by heading: a text, or a dictionary that becomes a table.
    limits : str
        Text of the last section, on limitations.
    """
    parts = [f"# {title}\n"]
    for heading, content in (*facts.items(), ("Limits", limits)):
        text = _to_table(content) if isinstance(content, dict) else content
        parts.append(f"## {heading}\n\n{text}\n")
    with replace_on_success(path) as temporary:
        temporary.write_text("\n".join(parts), encoding="utf-8")


def _to_table(rows: dict[str, Any]) -> str:
    return "\n".join(
        ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]
    )

"""Detections of recordings: by a network run in PyTorch, whether it can be exported or not; or from MOT files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from murid.core import Frame
from murid.core import boxes as bx
from murid.core.embeddings import normalize
from murid.core.files import make_directory, replace_on_success
from murid.core.types import Detections, DetectionTable, UInt8
from murid.datasets.mot_text import read_mot_detections
from murid.detection.decode import calibrate_scores
from murid.detection.preprocess import (
    apply_letterbox,
    compute_letterbox,
    letterbox_boxes,
    to_input,
    undo_letterbox,
)
from murid.errors import FormatError
from murid.networks.comparison.yolox_head import Yolox
from murid.networks.network import Network
from murid.paper.benchmark_data import BenchmarkRecording
from murid.training.data import to_rois
from murid.training.validate import decode_output
from murid.video import UnreadableFrame, open_source

_BATCH_SIZE = 8
MIN_SCORE = 0.05
"""Of detections that are kept, after calibration."""
_MIN_RAW_SCORE = 0.01


@dataclass(frozen=True)
class TorchDetector:
    """A trained network and how it is used.

    Attributes
    ----------
    network : Network or Yolox
    score_scale, score_bias : float
        Calibration of its scores.
    longest_side : int
        Pixels.
    embeds : bool
        Whether the boxes are given embeddings.
    """

    network: Network | Yolox
    score_scale: float
    score_bias: float
    longest_side: int
    embeds: bool

    @torch.inference_mode()
    def find(self, images: list[UInt8]) -> list[Detections]:
        """Detect in pictures ``(h, w, 3)`` uint8 RGB of one size."""
        height, width = images[0].shape[:2]
        letterbox = compute_letterbox(width, height, self.longest_side)
        device = next(self.network.parameters()).device
        inputs = torch.from_numpy(
            to_input([apply_letterbox(image, letterbox) for image in images])
        ).to(device)
        output = self.network(inputs)
        found = []
        for raw, scores in decode_output(self.network, output, _MIN_RAW_SCORE):
            likely = calibrate_scores(scores, self.score_scale, self.score_bias)
            boxes = bx.clip(undo_letterbox(raw, letterbox, width, height), width, height).astype(
                np.float32
            )
            kept = (likely >= MIN_SCORE) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
            found.append((boxes[kept], likely[kept]))
        if not self.embeds or not isinstance(self.network, Network):
            return [Detections(boxes, scores) for boxes, scores in found]
        rois = to_rois([letterbox_boxes(boxes, letterbox, width, height) for boxes, _ in found]).to(
            device
        )
        embeddings = self.network.embed(output, rois).float().cpu().numpy()
        ends = np.cumsum([len(boxes) for boxes, _ in found])[:-1]
        parts = np.split(embeddings, ends)
        return [Detections(b, s, e) for (b, s), e in zip(found, parts, strict=True)]


def detect(detector: TorchDetector, recording: BenchmarkRecording, path: Path) -> DetectionTable:
    """Detect in a recording, or read what an earlier call left at `path`.

    Raises
    ------
    SourceError
        If the recording cannot be opened.
    StorageError
        If nothing can be written.
    """
    stored = _load(path)
    if stored is not None:
        return stored
    frames = islice(open_source(recording.video).iterate(), recording.n_frames)
    found = [detections for batch in _batch(frames) for detections in _find_in(detector, batch)]
    table = DetectionTable.from_frames(found)
    _save(path, table)
    return table


def read_external_detections(directory: Path, recording: BenchmarkRecording) -> DetectionTable:
    """Read detections of others, ``<sequence>.txt``; raises `FormatError` if they are not there or cannot be read."""
    path = directory / f"{recording.name}.txt"
    if not path.is_file():
        raise FormatError(
            path, "detections", f"a MOT file for the sequence {recording.name}", "none"
        )
    n_frames = recording.n_frames or open_source(recording.video).info.n_frames
    return read_mot_detections(path, n_frames)


def _find_in(detector: TorchDetector, batch: list[Frame | UnreadableFrame]) -> list[Detections]:
    """Detections of each frame of a batch; none in those that cannot be decoded."""
    images = [frame.image for frame in batch if isinstance(frame, Frame)]
    found = iter(detector.find(images) if images else [])
    return [next(found) if isinstance(frame, Frame) else _nothing(detector) for frame in batch]


def _nothing(detector: TorchDetector) -> Detections:
    size = detector.network.config.rim.embedding_size
    return Detections.empty(size if detector.embeds else None)


def _batch(frames: Iterator[Any]) -> Iterator[list[Any]]:
    while batch := list(islice(frames, _BATCH_SIZE)):
        yield batch


def _load(path: Path) -> DetectionTable | None:
    try:
        with np.load(path) as stored:
            embeddings = stored["embeddings"].astype(np.float32) if "embeddings" in stored else None
            unit = None if embeddings is None else normalize(embeddings).astype(np.float32)
            return DetectionTable(stored["boxes"], stored["scores"], unit, stored["frame_offsets"])
    except (OSError, ValueError, KeyError, EOFError):
        return None


def _save(path: Path, table: DetectionTable) -> None:
    make_directory(path.parent)
    columns: dict[str, Any] = {
        "boxes": table.boxes,
        "scores": table.scores,
        "frame_offsets": table.frame_offsets,
    }
    if table.embeddings is not None:
        columns["embeddings"] = table.embeddings.astype(np.float16)
    with replace_on_success(path) as temporary:
        np.savez(temporary, **columns)

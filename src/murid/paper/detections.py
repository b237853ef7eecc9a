"""Detections of recordings: by a network that runs in PyTorch, or from MOT files."""

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

# Frames per batch.
_BATCH_SIZE = 8
# Minimum score after calibration; low, so that the thresholds of the tracker decide.
MIN_SCORE = 0.05
# Minimum score before calibration, low enough for networks whose scores calibration raises.
_MIN_RAW_SCORE = 0.01


@dataclass(frozen=True)
class TorchDetector:
    """Detector that runs a trained network in PyTorch, also one that cannot be exported.

    Attributes
    ----------
    network : Network or Yolox
    score_scale, score_bias : float
        Calibration of its scores.
    max_side_px : int
        Longer side that images are scaled to, pixels.
    embeds : bool
        Whether detections have embeddings.
    """

    network: Network | Yolox
    score_scale: float
    score_bias: float
    max_side_px: int
    embeds: bool

    @torch.inference_mode()
    def detect(self, images: list[UInt8]) -> list[Detections]:
        """Return the detections in images ``(h, w, 3)`` uint8 RGB of one size."""
        # Scale the images and run the network.
        height, width = images[0].shape[:2]
        letterbox = compute_letterbox(width, height, self.max_side_px)
        device = next(self.network.parameters()).device
        scaled = [apply_letterbox(image, letterbox) for image in images]
        output = self.network(torch.from_numpy(to_input(scaled)).to(device))
        # Calibrate scores, and map boxes to the original images.
        found = []
        for raw in decode_output(self.network, output, _MIN_RAW_SCORE):
            scores = calibrate_scores(raw.scores, self.score_scale, self.score_bias)
            boxes = undo_letterbox(raw.boxes, letterbox, width, height)
            boxes = bx.clip(boxes, width, height).astype(np.float32)
            has_area = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
            kept = (scores >= MIN_SCORE) & has_area
            found.append((boxes[kept], scores[kept]))
        if not self.embeds or not isinstance(self.network, Network):
            return [Detections(boxes, scores) for boxes, scores in found]
        # Embed all boxes of the batch at once.
        scaled_boxes = [letterbox_boxes(boxes, letterbox, width, height) for boxes, _ in found]
        rois = to_rois(scaled_boxes).to(device)
        embeddings = self.network.embed(output, rois).float().cpu().numpy()
        ends = np.cumsum([len(boxes) for boxes, _ in found])[:-1]
        parts = np.split(embeddings, ends)
        return [
            Detections(boxes, scores, part)
            for (boxes, scores), part in zip(found, parts, strict=True)
        ]


def detect_recording(
    detector: TorchDetector, recording: BenchmarkRecording, path: Path
) -> DetectionTable:
    """Return the detections in a recording; read them from `path` if the file exists.

    Raises
    ------
    SourceError
        If the recording cannot be opened.
    StorageError
        If the file cannot be written.
    """
    stored = _load(path)
    if stored is not None:
        return stored
    frames = islice(open_source(recording.video).iterate(), recording.n_frames)
    found = []
    for batch in _iterate_batches(frames):
        found += _detect_batch(detector, batch)
    table = DetectionTable.from_frames(found)
    _save(path, table)
    return table


def read_external_detections(directory: Path, recording: BenchmarkRecording) -> DetectionTable:
    """Read the detections of an external detector from ``<sequence>.txt``.

    Raises
    ------
    FormatError
        If the file is missing or damaged.
    """
    path = directory / f"{recording.name}.txt"
    if not path.is_file():
        raise FormatError(
            path, "detections", f"a MOT file for the sequence {recording.name}", "none"
        )
    n_frames = recording.n_frames or open_source(recording.video).info.n_frames
    return read_mot_detections(path, n_frames)


def _detect_batch(
    detector: TorchDetector, batch: list[Frame | UnreadableFrame]
) -> list[Detections]:
    """Return the detections of each frame of a batch; none in frames that cannot be decoded."""
    images = [frame.image for frame in batch if isinstance(frame, Frame)]
    detections = iter(detector.detect(images) if images else [])
    embedding_size = detector.network.config.rim.embedding_size if detector.embeds else None
    return [
        next(detections) if isinstance(frame, Frame) else Detections.empty(embedding_size)
        for frame in batch
    ]


def _iterate_batches(frames: Iterator[Any]) -> Iterator[list[Any]]:
    while batch := list(islice(frames, _BATCH_SIZE)):
        yield batch


def _load(path: Path) -> DetectionTable | None:
    """Return stored detections, or None if the file is missing or damaged."""
    try:
        with np.load(path) as stored:
            # Rounding to float16 changed the norms: make unit rows again.
            embeddings = stored["embeddings"].astype(np.float32) if "embeddings" in stored else None
            unit = None if embeddings is None else normalize(embeddings).astype(np.float32)
            return DetectionTable(stored["boxes"], stored["scores"], unit, stored["frame_offsets"])
    except (OSError, ValueError, KeyError, EOFError):
        return None


def _save(path: Path, table: DetectionTable) -> None:
    """Write detections; embeddings are stored as float16 to halve the file."""
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

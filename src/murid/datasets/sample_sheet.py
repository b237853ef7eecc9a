"""A contact sheet: samples of labelled data with their boxes, in one image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from murid.core import Detections, Frame, TrackedDetections
from murid.core.files import write_bytes
from murid.core.types import UInt8
from murid.datasets.images import iterate_images
from murid.datasets.labels import LabelledFrame, LabelledSequence
from murid.errors import ConfigError
from murid.video import Annotator

# Size of the sheet: twelve samples in rows of four are about as wide as a large screen.
N_SAMPLES = 12
CELL_WIDTH_PX = 480
CELL_HEIGHT_PX = 480
_N_COLUMNS = 4
_CAPTION_PX = 24
# Numbers for boxes without an id: far above any id, so that each has a colour of its own.
_FIRST_UNKNOWN_ID = 2**40


def draw_sample_sheet(path: Path, sequences: Sequence[LabelledSequence]) -> None:
    """Write an image with samples spread evenly over the labelled frames, with their boxes.

    Raises
    ------
    ConfigError
        If the suffix is not that of an image, or no frame has labels and an image.
    SourceError, StorageError
        If an image cannot be read, or the sheet cannot be written.
    """
    if not cv2.haveImageWriter(path.name):
        expected = "the name of an image, such as sheet.png"
        raise ConfigError(f"sheet: expected {expected}, got {path.name!r}")
    cells = [
        cell
        for sequence, rows in _choose_samples(sequences)
        for cell in _draw_samples(sequence, rows)
    ]
    if not cells:
        raise ConfigError("sheet: expected frames with labels and images, got none")
    encoded = cv2.imencode(path.suffix, _tile(cells)[..., ::-1])[1]
    write_bytes(path, encoded.tobytes())


def _choose_samples(
    sequences: Sequence[LabelledSequence],
) -> list[tuple[LabelledSequence, list[int]]]:
    """Return rows of labelled frames, spread evenly over all that have images, by sequence."""
    candidates = [
        (sequence, row)
        for sequence in sequences
        if sequence.image_paths or sequence.video
        for row in np.flatnonzero(np.diff(sequence.frame_offsets)).tolist()
    ]
    n_samples = min(N_SAMPLES, len(candidates))
    spread = np.linspace(0, len(candidates) - 1, n_samples)
    chosen: dict[str, tuple[LabelledSequence, list[int]]] = {}
    for pick in np.unique(spread.round().astype(int)).tolist():
        sequence, row = candidates[pick]
        chosen.setdefault(sequence.name, (sequence, []))[1].append(row)
    return list(chosen.values())


def _draw_samples(sequence: LabelledSequence, rows: Sequence[int]) -> list[UInt8]:
    images = iterate_images(sequence, rows)
    return [_draw_cell(sequence, row, image) for row, image in zip(rows, images, strict=True)]


def _draw_cell(sequence: LabelledSequence, row: int, image: UInt8) -> UInt8:
    """Return one sample ``(h, w, 3)``: the image with its boxes above a caption."""
    labelled = sequence[row]
    unknown = _FIRST_UNKNOWN_ID + np.arange(len(labelled))
    ids = np.where(labelled.track_ids >= 0, labelled.track_ids, unknown)
    names = {number: _name(sequence, labelled, k) for k, number in enumerate(ids.tolist())}
    scores = np.ones(len(labelled), np.float32)
    tracked = TrackedDetections(Detections(labelled.boxes, scores), ids)
    drawn = Annotator(1.0, names).annotate(Frame(labelled.index, 0.0, image), tracked)

    # Fit the image into the cell and keep its shape.
    height, width = drawn.shape[:2]
    scale = min(CELL_WIDTH_PX / width, CELL_HEIGHT_PX / height)
    width = max(1, round(scale * width))
    height = max(1, round(scale * height))
    cell = np.zeros((height + _CAPTION_PX, CELL_WIDTH_PX, 3), np.uint8)
    cell[:height, :width] = cv2.resize(drawn, (width, height), interpolation=cv2.INTER_AREA)

    caption = f"{sequence.name} {labelled.index}" + ("" if labelled.complete else ", incomplete")
    white = (255, 255, 255)
    place = (4, height + 17)
    cv2.putText(cell, caption, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, white, 1, cv2.LINE_AA)
    return cell


def _name(sequence: LabelledSequence, frame: LabelledFrame, k: int) -> str:
    """Return class and id of an animal; the class only where there are several."""
    words = [sequence.class_names[frame.class_ids[k]]] if len(sequence.class_names) > 1 else []
    words += [str(frame.track_ids[k])] if frame.track_ids[k] >= 0 else []
    return " ".join(words) or sequence.class_names[0]


def _tile(cells: Sequence[UInt8]) -> UInt8:
    """Return cells of one width side by side in rows of equal height."""
    height = max(len(cell) for cell in cells)
    n_columns = min(len(cells), _N_COLUMNS)
    padded = [np.pad(cell, ((0, height - len(cell)), (0, 0), (0, 0))) for cell in cells]
    padded += [np.zeros_like(padded[0])] * (-len(cells) % n_columns)
    rows = [np.hstack(padded[k : k + n_columns]) for k in range(0, len(padded), n_columns)]
    return np.vstack(rows)

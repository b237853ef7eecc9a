"""Write YOLO labels: one text file per image, and ``data.yaml``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from murid.core.boxes import clip, compute_centres
from murid.core.files import make_directory, write_text
from murid.datasets.labels import LabelledFrame, LabelledSequence
from murid.datasets.raw_labels import Size
from murid.datasets.writing import get_image_path, merge_classes, require_sizes, write_without_sync

__all__ = ["get_image_path", "write"]


def write(directory: Path, sequences: Sequence[LabelledSequence]) -> None:
    """Write a text file per image and ``data.yaml``; boxes are clipped, ids are not written.

    Raises
    ------
    FormatError
        If the size of an image is not known.
    StorageError
        If a file cannot be written.
    """
    class_ids = merge_classes(sequences, first=0)
    for sequence in sequences:
        require_sizes(sequence)
        labels = directory / "labels" / sequence.name
        make_directory(labels)
        sequence_class_ids = [class_ids[name] for name in sequence.class_names]
        for frame, (width, height) in zip(sequence, sequence.sizes.tolist(), strict=True):
            lines = _format_frame(frame, (width, height), sequence_class_ids)
            write_without_sync(labels / f"{frame.index + 1:06d}.txt", "".join(lines))
    names = json.dumps(list(class_ids))
    yaml = f"path: .\ntrain: images\nval: images\nnames: {names}\n"
    write_text(directory / "data.yaml", yaml)


def _format_frame(frame: LabelledFrame, size: Size, class_ids: Sequence[int]) -> Iterator[str]:
    """Yield class, centre and size of each box, as fractions of width and height of the image."""
    boxes = clip(frame.boxes.astype(np.float64), *size)
    centres = compute_centres(boxes) / size
    sizes = (boxes[:, 2:] - boxes[:, :2]) / size
    fractions = np.column_stack([centres, sizes])
    for class_id, values in zip(frame.class_ids.tolist(), fractions.tolist(), strict=True):
        cells = [str(class_ids[class_id]), *(f"{value:.7f}" for value in values)]
        yield " ".join(cells) + "\n"

"""Count the frames, boxes, ids and classes of labelled data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from murid.core.plurals import format_count
from murid.datasets.labels import LabelledSequence

_TOTALS = ("n_frames", "n_boxes", "n_ids", "n_incomplete", "n_over_edge")


def summarise(path: Path, sequences: Sequence[LabelledSequence]) -> dict[str, Any]:
    """Return counts of a data set and of each of its sequences.

    Returns
    -------
    dict
        ``data`` (the path), totals, ``classes`` (boxes by class name), ``notes`` of the reader and
        ``sequences``.
    """
    rows = [_summarise_sequence(sequence) for sequence in sequences]
    totals = {key: sum(row[key] for row in rows) for key in _TOTALS}
    classes = Counter(
        sequence.class_names[k] for sequence in sequences for k in sequence.class_ids.tolist()
    )
    return {
        "data": str(path),
        **totals,
        "classes": dict(classes),
        "notes": [note for sequence in sequences for note in sequence.notes],
        "sequences": rows,
    }


def _summarise_sequence(sequence: LabelledSequence) -> dict[str, Any]:
    boxes = sequence.boxes
    bounds = sequence.sizes[sequence.frame_numbers]
    has_size = (bounds > 0).all(axis=1)
    over_edge = (boxes[:, :2] < 0).any(axis=1) | (boxes[:, 2:] > bounds).any(axis=1)
    longer_sides = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0)
    known_ids = sequence.track_ids[sequence.track_ids >= 0]
    sizes = Counter(f"{width}x{height}" for width, height in sequence.sizes.tolist() if width)
    n_images = len(sequence.image_paths) if sequence.image_paths else 0
    images = format_count(n_images, "image") if n_images else "no images"
    return {
        "name": sequence.name,
        "n_frames": sequence.n_frames,
        "n_boxes": len(sequence),
        "n_ids": len(np.unique(known_ids)),
        "n_incomplete": int((~sequence.complete).sum()),
        "n_over_edge": int((over_edge & has_size).sum()),
        "median_length_px": float(np.median(longer_sides)) if len(boxes) else None,
        "sizes": dict(sizes),
        "images": str(sequence.video or images),
    }

"""Helpers of the writers of labelled data: class numbers, image paths, small files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from murid.core.files import storage_errors
from murid.datasets.labels import LabelledSequence
from murid.errors import FormatError


def merge_classes(sequences: Sequence[LabelledSequence], first: int = 1) -> dict[str, int]:
    """Return the number of each class name over all sequences, starting from `first`."""
    names = dict.fromkeys(name for sequence in sequences for name in sequence.class_names)
    return {name: number for number, name in enumerate(names, first)}


def require_sizes(sequence: LabelledSequence) -> None:
    """Raise `FormatError` unless the size of every image is known."""
    if not (sequence.sizes > 0).all():
        raise FormatError(sequence.name, "size", "images, or their size in the labels", "neither")


def get_image_path(sequence: str, frame: int, suffix: str) -> str:
    """Return the path of the image of a frame in COCO and YOLO, relative to the data set."""
    return f"images/{sequence}/{frame + 1:06d}{suffix}"


def write_without_sync(path: Path, content: str) -> None:
    """Write one of many small files; raises `StorageError`.

    Unlike `murid.core.files.write_text`, it neither replaces the file atomically nor waits for the
    disk (fsync), which would take long for thousands of files.
    """
    with storage_errors(path):
        path.write_bytes(content.encode())

"""Write COCO and COCO-video: ``annotations.json`` and ``images/<sequence>/``."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from murid.core.boxes import to_xywh
from murid.core.files import write_text
from murid.datasets.labels import UNKNOWN_TRACK_ID, LabelledSequence
from murid.datasets.writing import get_image_path, merge_classes, require_sizes

__all__ = ["FILE_NAME", "get_image_path", "write"]

FILE_NAME = "annotations.json"

Entry = dict[str, Any]


def write(directory: Path, sequences: Sequence[LabelledSequence]) -> None:
    """Write one file for all sequences; recordings become videos.

    Raises
    ------
    FormatError
        If the size of an image is not known.
    StorageError
        If the file cannot be written.
    """
    class_ids = merge_classes(sequences)
    videos: list[Entry] = []
    images: list[Entry] = []
    annotations: list[Entry] = []
    annotation_ids = count(1)
    for video_id, sequence in enumerate(sequences, 1):
        require_sizes(sequence)
        if sequence.is_recording:
            videos.append(_make_video(video_id, sequence))
        for t in range(sequence.n_frames):
            image = _make_image(len(images) + 1, t, sequence)
            if sequence.is_recording:
                image |= {"video_id": video_id, "frame_id": int(sequence.frames[t])}
            images.append(image)
            for animal in _iterate_animals(t, sequence, class_ids):
                ids = {"id": next(annotation_ids), "image_id": image["id"]}
                annotations.append(ids | animal)
    content = {
        "videos": videos,
        "images": images,
        "annotations": annotations,
        "categories": [{"id": number, "name": name} for name, number in class_ids.items()],
    }
    write_text(directory / FILE_NAME, json.dumps(content))


def _make_video(video_id: int, sequence: LabelledSequence) -> Entry:
    width = 0
    height = 0
    if sequence.n_frames:
        width, height = sequence.sizes[0].tolist()
    video = {"id": video_id, "name": sequence.name, "width": width, "height": height}
    if sequence.fps:
        video["fps"] = sequence.fps
    return video


def _make_image(image_id: int, t: int, sequence: LabelledSequence) -> Entry:
    width, height = sequence.sizes[t].tolist()
    suffix = sequence.image_paths[t].suffix if sequence.image_paths else ".jpg"
    name = get_image_path(sequence.name, int(sequence.frames[t]), suffix)
    image = {"id": image_id, "file_name": name, "width": width, "height": height}
    if not sequence.complete[t]:
        image["complete"] = False
    return image


def _iterate_animals(
    t: int, sequence: LabelledSequence, class_ids: Mapping[str, int]
) -> Iterator[Entry]:
    """Yield the annotations of the t-th frame, without their ids."""
    frame = sequence[t]
    for track_id, class_id, visibility, xywh in zip(
        frame.track_ids.tolist(),
        frame.class_ids.tolist(),
        frame.visibility.tolist(),
        to_xywh(frame.boxes.astype("f8")).tolist(),
        strict=True,
    ):
        bbox = [round(value, 3) for value in xywh]
        animal: Entry = {
            "category_id": class_ids[sequence.class_names[class_id]],
            "bbox": bbox,
            "area": bbox[2] * bbox[3],
            "iscrowd": 0,
        }
        if track_id != UNKNOWN_TRACK_ID:
            animal |= {"track_id": track_id, "instance_id": track_id}
        if not math.isnan(visibility):
            animal["visibility"] = round(visibility, 3)
        yield animal

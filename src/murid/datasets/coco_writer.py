"""COCO and COCO-video out: ``annotations.json`` and ``images/<sequence>/``."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from murid.core.boxes import to_xywh
from murid.core.files import write_text
from murid.datasets.labels import UNKNOWN, LabelledSequence
from murid.datasets.writing import get_image_path, merge_classes, require_sizes

FILE = "annotations.json"


place = get_image_path


def write(directory: Path, sequences: Sequence[LabelledSequence]) -> None:
    """Write one file for all sequences; recordings become videos.

    Raises
    ------
    FormatError
        If the size of a image is not known.
    StorageError
        If it cannot be written.
    """
    classes = merge_classes(sequences)
    content: dict[str, Any] = {"videos": [], "images": [], "annotations": []}
    content["categories"] = [{"id": number, "name": name} for name, number in classes.items()]
    image_ids, annotation_ids = count(1), count(1)
    for video_id, sequence in enumerate(sequences, 1):
        require_sizes(sequence)
        if sequence.recording:
            content["videos"].append(_make_video(video_id, sequence))
        for t, frame in enumerate(sequence):
            image = _make_image(next(image_ids), t, sequence)
            image |= {"video_id": video_id, "frame_id": frame.index} if sequence.recording else {}
            content["images"].append(image)
            content["annotations"] += (
                {"id": next(annotation_ids), "image_id": image["id"], **animal}
                for animal in _make_animals(t, sequence, classes)
            )
    write_text(directory / FILE, json.dumps(content))


def _make_video(video_id: int, sequence: LabelledSequence) -> dict[str, Any]:
    width, height = sequence.sizes[0].tolist() if sequence.n_frames else (0, 0)
    video = {"id": video_id, "name": sequence.name, "width": width, "height": height}
    return video | ({"fps": sequence.fps} if sequence.fps else {})


def _make_image(image_id: int, t: int, sequence: LabelledSequence) -> dict[str, Any]:
    width, height = sequence.sizes[t].tolist()
    suffix = sequence.image_paths[t].suffix if sequence.image_paths else ".jpg"
    name = place(sequence.name, int(sequence.frames[t]), suffix)
    image = {"id": image_id, "file_name": name, "width": width, "height": height}
    return image | ({} if sequence.complete[t] else {"complete": False})


def _make_animals(
    t: int, sequence: LabelledSequence, classes: dict[str, int]
) -> Iterator[dict[str, Any]]:
    frame = sequence[t]
    columns = (
        frame.track_ids,
        frame.class_ids,
        frame.visibility,
        to_xywh(frame.boxes.astype("f8")),
    )
    for track_id, number, seen, bbox in zip(*(column.tolist() for column in columns), strict=True):
        bbox = [round(value, 3) for value in bbox]
        animal = {
            "category_id": classes[sequence.class_names[number]],
            "bbox": bbox,
            "area": bbox[2] * bbox[3],
        }
        animal |= {"iscrowd": 0}
        animal |= {} if track_id == UNKNOWN else {"track_id": track_id, "instance_id": track_id}
        yield animal | ({} if math.isnan(seen) else {"visibility": round(seen, 3)})

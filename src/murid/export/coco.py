"""COCO-video out: one ``.json`` of video, frames and boxes with ``track_id``, as pycocotools and TAO read it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, TextIO

from murid.core.boxes import to_xywh
from murid.core.files import replace_on_success
from murid.datasets.raw_labels import ANIMAL
from murid.datasets.writing import get_image_path
from murid.export.recording import TrackedRecording
from murid.export.tracks_chunk import TrackRows, iterate_rows

VIDEO_ID = CATEGORY_ID = 1


def export_coco(path: str | Path, recording: TrackedRecording) -> None:
    """Write tracks as COCO-video, atomically.

    Image and annotation ids count from 1, ``frame_id`` from 0; boxes are left, top, width, height
    in pixels. An annotation has ``track_id`` and ``instance_id``, ``score`` and, where identities
    were told, ``identity_probability`` and ``interpolated``.

    Parameters
    ----------
    path : str or Path
        The file; one that is there is replaced.
    recording : TrackedRecording

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    video = {
        "id": VIDEO_ID,
        "name": recording.name,
        "width": recording.width,
        "height": recording.height,
    }
    tracks = [
        {"id": int(i), "name": recording.name_track(int(i))} for i in recording.survey.track_ids
    ]
    ids = count(1)
    sections: dict[str, Iterable[dict[str, Any]]] = {
        "videos": [video | {"fps": recording.fps, "source": recording.source}],
        "categories": [{"id": CATEGORY_ID, "name": ANIMAL}],
        "tracks": [track | {"video_id": VIDEO_ID, "category_id": CATEGORY_ID} for track in tracks],
        "images": map(_image_maker(recording), range(recording.n_frames)),
        "annotations": (
            {"id": next(ids), **animal}
            for rows in iterate_rows(recording)
            for animal in _make_animals(rows, recording)
        ),
    }
    with (
        replace_on_success(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="\n") as file,
    ):
        for start, (key, entries) in zip(
            ["{", *[",\n"] * (len(sections) - 1)], sections.items(), strict=True
        ):
            file.write(f"{start}{json.dumps(key)}: [")
            _write_entries(file, entries)
            file.write("]")
        file.write("}\n")


def _write_entries(file: TextIO, entries: Iterable[dict[str, Any]]) -> None:
    separator = "\n"
    for entry in entries:
        file.write(separator + json.dumps(entry))
        separator = ",\n"


def _image_maker(recording: TrackedRecording) -> Callable[[int], dict[str, Any]]:
    size = {"width": recording.width, "height": recording.height}

    def make(frame: int) -> dict[str, Any]:
        name = get_image_path(recording.name, frame, ".jpg")
        return {"id": frame + 1, "file_name": name, **size, "video_id": VIDEO_ID, "frame_id": frame}

    return make


def _make_animals(rows: TrackRows, recording: TrackedRecording) -> Iterator[dict[str, Any]]:
    columns = (
        rows.frames,
        rows.track_ids,
        to_xywh(rows.boxes).round(3),
        rows.scores,
        rows.identity_probabilities,
        rows.interpolated,
    )
    for frame, track_id, bbox, score, identity_probability, interpolated in zip(
        *(c.tolist() for c in columns), strict=True
    ):
        animal = {
            "image_id": frame + 1,
            "category_id": CATEGORY_ID,
            "video_id": VIDEO_ID,
            "bbox": bbox,
        }
        animal |= {
            "area": bbox[2] * bbox[3],
            "iscrowd": 0,
            "track_id": track_id,
            "instance_id": track_id,
        }
        animal["score"] = round(score, 4)
        if recording.identified:
            animal["identity_probability"] = (
                None if math.isnan(identity_probability) else round(identity_probability, 4)
            )
            animal["interpolated"] = interpolated
        yield animal

"""COCO-video: one ``.json`` of frames and boxes with ``track_id``, for pycocotools and TAO."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import count, repeat
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from murid.core.boxes import to_xywh
from murid.core.files import replace_on_success
from murid.core.keypoints import KEYPOINTS, SKELETON
from murid.core.types import Float64
from murid.datasets.raw_labels import DEFAULT_CLASS
from murid.datasets.writing import get_image_path
from murid.export.recording import TrackedRecording
from murid.export.tracks_chunk import TrackedBox, iterate_rows

# The file holds one video and one category.
VIDEO_ID = 1
CATEGORY_ID = 1

# Visibility of a keypoint in COCO: not labelled, labelled but not visible, visible.
_NOT_LABELLED = 0
_NOT_VISIBLE = 1
_VISIBLE = 2

Entry = dict[str, Any]


def export_coco(path: str | Path, recording: TrackedRecording) -> None:
    """Write tracks as COCO-video, atomically.

    Image and annotation ids count from 1, ``frame_id`` from 0; boxes are left, top, width, height
    in pixels. An annotation has ``track_id`` and ``instance_id``, ``score`` and, for a run with
    identities, ``identity_probability``, ``interpolated`` and ``merged``. Where a person corrected
    identities, the video has ``corrections`` (how many, their authors, the first and the last
    time), and an annotation has ``source``: who says which animal it is.

    In a recording with keypoints, the category has their names and the ``skeleton``, and an
    annotation ``keypoints`` (x, y, visibility of each: 2 where it was detected, 1 where it was
    interpolated, 0 where it is unknown), ``num_keypoints`` and ``keypoint_scores``.

    Parameters
    ----------
    path : str or Path
        The file; an existing one is replaced.
    recording : TrackedRecording

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    sections: dict[str, Iterable[Entry]] = {
        "videos": [_make_video(recording)],
        "categories": [_make_category(recording)],
        "tracks": _iterate_tracks(recording),
        "images": _iterate_images(recording),
        "annotations": _iterate_annotations(recording),
    }
    with (
        replace_on_success(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="\n") as file,
    ):
        # The JSON is written entry by entry, so that memory does not grow with the video.
        separator = "{"
        for key, entries in sections.items():
            file.write(f"{separator}{json.dumps(key)}: [")
            _write_entries(file, entries)
            file.write("]")
            separator = ",\n"
        file.write("}\n")


def _write_entries(file: TextIO, entries: Iterable[Entry]) -> None:
    separator = "\n"
    for entry in entries:
        file.write(separator + json.dumps(entry))
        separator = ",\n"


def _make_video(recording: TrackedRecording) -> Entry:
    video: Entry = {
        "id": VIDEO_ID,
        "name": recording.name,
        "width": recording.width,
        "height": recording.height,
        "fps": recording.fps,
        "source": recording.source,
    }
    if recording.corrections:
        video["corrections"] = recording.corrections.to_plain()
    return video


def _make_category(recording: TrackedRecording) -> Entry:
    category: Entry = {"id": CATEGORY_ID, "name": DEFAULT_CLASS}
    if recording.summary.has_keypoints:
        category["keypoints"] = list(KEYPOINTS)
        # COCO counts keypoints from 1.
        category["skeleton"] = [[first + 1, second + 1] for first, second in SKELETON]
    return category


def _iterate_tracks(recording: TrackedRecording) -> Iterator[Entry]:
    for track_id in recording.summary.track_ids.tolist():
        yield {
            "id": track_id,
            "name": recording.get_name(track_id),
            "video_id": VIDEO_ID,
            "category_id": CATEGORY_ID,
        }


def _iterate_images(recording: TrackedRecording) -> Iterator[Entry]:
    name = recording.name
    frames = (frame for chunk in recording for frame in chunk.video_frames.tolist())
    for frame in frames:
        yield {
            "id": frame + 1,
            "file_name": get_image_path(name, frame, ".jpg"),
            "width": recording.width,
            "height": recording.height,
            "video_id": VIDEO_ID,
            "frame_id": frame,
        }


def _iterate_annotations(recording: TrackedRecording) -> Iterator[Entry]:
    annotation_ids = count(1)
    for rows in iterate_rows(recording):
        bboxes = to_xywh(rows.boxes).round(3).tolist()
        poses: Iterable[Entry] = repeat({}, len(bboxes))
        if recording.summary.has_keypoints:
            poses = _describe_keypoints(rows.keypoints)
        for box, bbox, pose in zip(rows.iterate_boxes(), bboxes, poses, strict=True):
            annotation = _make_annotation(next(annotation_ids), box, bbox) | pose
            if recording.identified:
                annotation |= _describe_identity(box)
            if recording.corrections:
                annotation["source"] = box.source
            yield annotation


def _make_annotation(annotation_id: int, box: TrackedBox, bbox: list[float]) -> Entry:
    _, _, width, height = bbox
    return {
        "id": annotation_id,
        "image_id": box.frame + 1,
        "category_id": CATEGORY_ID,
        "video_id": VIDEO_ID,
        "bbox": bbox,
        "area": width * height,
        "iscrowd": 0,
        "track_id": box.track_id,
        "instance_id": box.track_id,
        "score": round(box.score, 4),
    }


def _describe_identity(box: TrackedBox) -> Entry:
    probability = box.identity_probability
    return {
        "identity_probability": None if probability is None else round(probability, 4),
        "interpolated": box.interpolated,
        "merged": box.merged,
    }


def _describe_keypoints(keypoints: Float64) -> Iterator[Entry]:
    """Yield the keypoints of each animal, of ``(N, K, 3)``, as COCO stores them."""
    # All three columns are unknown together. JSON has no NaN, and COCO stores zeros for a keypoint
    # that is not labelled.
    is_known = np.isfinite(keypoints[:, :, 2])
    plain = np.where(is_known[:, :, None], keypoints, 0.0)
    visibility = np.where(plain[:, :, 2] > 0, _VISIBLE, _NOT_VISIBLE)
    visibility[~is_known] = _NOT_LABELLED
    for points, flags, scores, n_known in zip(
        plain[:, :, :2].round(3).tolist(),
        visibility.tolist(),
        plain[:, :, 2].round(4).tolist(),
        is_known.sum(axis=1).tolist(),
        strict=True,
    ):
        triples = [(x, y, flag) for (x, y), flag in zip(points, flags, strict=True)]
        yield {
            "keypoints": [value for triple in triples for value in triple],
            "num_keypoints": n_known,
            "keypoint_scores": scores,
        }

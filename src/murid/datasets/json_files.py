"""Load JSON files of labels, and tell the formats apart that are written as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from murid.datasets.text import UTF16_MARKS, read_text
from murid.errors import FormatError

# How much of a file is looked at to recognise it, in characters. The keys that tell are near its
# start: LabelMe writes the image itself after them.
_N_SNIFFED = 65536


def load_json(path: Path) -> Any:
    """Return the content of a file; raises `FormatError` if it is not JSON."""
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        field = f"line {error.lineno}, column {error.colno}"
        raise FormatError(path, field, "JSON", error.msg) from error


def read_start(path: Path) -> str:
    """Return the first characters of a text file; empty if it cannot be read."""
    try:
        with path.open("rb") as file:
            is_utf16 = file.read(2) in UTF16_MARKS
        encoding = "utf-16" if is_utf16 else "utf-8-sig"
        with path.open(encoding=encoding, errors="replace") as text:
            return text.read(_N_SNIFFED)
    except OSError:
        return ""


def describe_json(content: Any) -> str | None:
    """Return what a JSON file of labels is if murid does not read it, and what to do.

    None = COCO, or nothing known.
    """
    entry = content
    if isinstance(content, list) and content:
        entry = content[0]
    if not isinstance(entry, dict):
        return None
    keys = set(entry)
    if isinstance(content, list):
        return _describe_list(keys)
    if "_via_img_metadata" in keys or _is_via(content):
        return _advise("a VGG Image Annotator project", "COCO")
    if {"objects", "size"} <= keys:
        return _advise("a Supervisely annotation", "COCO")
    if {"item", "annotations"} <= keys:
        return _advise("a V7 Darwin annotation", "COCO")
    if {"items", "categories"} <= keys:
        return _advise("a Datumaro data set", "COCO")
    if "samples" in keys and "images" not in keys:
        return _advise("a FiftyOne data set", "COCO")
    annotations = content.get("annotations")
    first = annotations[0] if isinstance(annotations, list) and annotations else None
    if isinstance(first, dict) and {"bboxes", "segmentations"} & set(first):
        return _advise("YouTube-VIS, with one annotation for a whole track", "COCO per image")
    return None


def _describe_list(keys: set[str]) -> str | None:
    """Return what a list of entries with these keys is."""
    if {"annotations", "data"} <= keys or {"completions", "data"} <= keys:
        return "a Label Studio export without labels"
    if keys & {"label", "bbox", "kp"} and keys & {"image", "img", "video", "video_url"}:
        return _advise("a Label Studio export (JSON-MIN)", "COCO")
    if {"image", "annotations"} <= keys:
        return _advise("CreateML", "COCO")
    if {"image_id", "category_id", "score"} <= keys:
        return "COCO results, which are predictions without images"
    if "data_row" in keys or "Labeled Data" in keys:
        return _advise("a Labelbox export", "COCO")
    return None


def _is_via(content: dict[str, Any]) -> bool:
    """Whether this is a dictionary of images with regions, as VIA exports annotations."""
    entries = list(content.values())
    return bool(entries) and all(
        isinstance(entry, dict) and {"filename", "regions"} <= set(entry) for entry in entries
    )


def _advise(what: str, other: str) -> str:
    return f"{what}, which murid does not read: export it as {other}"

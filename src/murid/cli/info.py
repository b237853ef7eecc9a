"""``murid info``."""

from __future__ import annotations

import json as json_format
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from cyclopts import Parameter

from murid.cli.convert import MANIFEST, read_all
from murid.cli.messages import print_learning
from murid.core import Detections, Frame, TrackedDetections
from murid.core.files import write_bytes
from murid.core.types import UInt8
from murid.datasets.images import iterate_images
from murid.datasets.labels import LabelledFrame, LabelledSequence
from murid.datasets.raw_labels import ReadOptions
from murid.datasets.registry import recognise_data
from murid.errors import ConfigError
from murid.pipeline.run import Run
from murid.video import Annotator

N_SAMPLES, CELL_PX = 12, (480, 480)
_N_COLUMNS = 4
_NAMELESS = 2**40
_SHOWN_PROBLEMS = 20
_SHOWN_CROSSINGS = 20
_CAPTION_PX = 24


def info(
    path: Path,
    /,
    *,
    json: Annotated[bool, Parameter(negative=())] = False,
    sheet: Path | None = None,
) -> None:
    """Say what is in a run or in labelled data.

    Parameters
    ----------
    path : Path
        Run directory, or a data set in any format that murid reads.
    json : bool
        Print JSON for scripts.
    sheet : Path
        Picture to draw: samples of the data with their boxes.
    """
    is_run = (path / MANIFEST).is_file() or (not path.is_file() and recognise_data(path) is None)
    facts = Run.open(path).info() if is_run else {}
    sequences: list[LabelledSequence] = []
    if not is_run or sheet is not None:
        sequences, problems = read_all([path], ReadOptions(require_images=False))
        facts = facts or summarise(path, sequences) | {
            "problems": [str(problem) for problem in problems]
        }
    if json:
        print(json_format.dumps(facts))
    else:
        (_print_run if is_run else _print_data)(facts)
    if sheet is not None:
        draw_sheet(sheet, sequences)


def _print_run(facts: dict[str, Any]) -> None:
    print(f"{facts['run']}: made by murid {facts['murid_version']} with {facts['detector']}")
    print(f"video   {facts['source']}")
    print(
        f"        {facts['width']}x{facts['height']} pixels, {facts['fps']:.2f} frames/s, {facts['n_frames']} frames"
    )
    print(f"stages  {', '.join(f'{name} {state}' for name, state in facts['stages'].items())}")
    if facts["note"]:
        print(f"note    {facts['note']}")
    if facts["unreadable_frames"]:
        print(f"note    {len(facts['unreadable_frames'])} frames could not be decoded")
    if facts["identity_note"]:
        print(f"note    {facts['identity_note']}")
    print_learning(facts)
    if facts["tracks"]:
        print(
            f"\n{'track':>6} {'first':>8} {'last':>8} {'frames':>8} {'filled':>8} {'score':>6} {'certain':>8}  name"
        )
    for row in facts["tracks"]:
        frames = f"{row['first_frame']:>8} {row['last_frame']:>8} {row['n_frames']:>8} {row['n_interpolated']:>8}"
        name = "" if row["name"] is None else f"  {row['name']} ({row['name_probability']:.0%})"
        print(
            f"{row['id']:>6} {frames} {row['mean_score']:>6.2f} {row['mean_identity_probability']:>8.4f}{name}"
        )
    if facts["crossings"]:
        print(f"\n{'doubtful crossing':>18} {'first':>8} {'last':>8} {'exchanged':>10}")
    for row in facts["crossings"][:_SHOWN_CROSSINGS]:
        pair = f"{row['identity_a']} and {row['identity_b']}"
        print(
            f"{pair:>18} {row['first_frame']:>8} {row['last_frame']:>8} {row['swap_probability']:>10.1%}"
        )
    if len(facts["crossings"]) > _SHOWN_CROSSINGS:
        print(f"and {len(facts['crossings']) - _SHOWN_CROSSINGS} more: --json lists them all")


def summarise(path: Path, sequences: Sequence[LabelledSequence]) -> dict[str, Any]:
    """Count what is in labelled data, as plain values."""
    rows = [_summarise_sequence(sequence) for sequence in sequences]
    totals = {
        key: sum(row[key] for row in rows)
        for key in ("n_frames", "n_boxes", "n_ids", "n_incomplete", "n_over_edge")
    }
    classes = Counter(s.class_names[k] for s in sequences for k in s.class_ids.tolist())
    return {"data": str(path), **totals, "classes": dict(classes), "sequences": rows}


def _summarise_sequence(sequence: LabelledSequence) -> dict[str, Any]:
    sizes = Counter(f"{width}x{height}" for width, height in sequence.sizes.tolist() if width)
    bounds = sequence.sizes[sequence.frame_numbers]
    over_edge = (sequence.boxes[:, :2] < 0).any(axis=1) | (sequence.boxes[:, 2:] > bounds).any(
        axis=1
    )
    longer = (sequence.boxes[:, 2:] - sequence.boxes[:, :2]).max(axis=1, initial=0)
    return {
        "name": sequence.name,
        "n_frames": sequence.n_frames,
        "n_boxes": len(sequence),
        "n_ids": len(np.unique(sequence.track_ids[sequence.track_ids >= 0])),
        "n_incomplete": int((~sequence.complete).sum()),
        "n_over_edge": int((over_edge & (bounds > 0).all(axis=1)).sum()),
        "median_length_px": float(np.median(longer)) if len(longer) else None,
        "sizes": dict(sizes),
        "pictures": str(
            sequence.video
            or (f"{len(sequence.image_paths)} pictures" if sequence.image_paths else "no pictures")
        ),
    }


def _print_data(facts: dict[str, Any]) -> None:
    print(f"{facts['data']}: {len(facts['sequences'])} sequences")
    print(f"\n{'frames':>8} {'boxes':>8} {'ids':>6} {'length':>7}  {'size':<12} sequence")
    for row in facts["sequences"]:
        length = "" if row["median_length_px"] is None else f"{row['median_length_px']:.0f} px"
        size = " ".join(row["sizes"]) if len(row["sizes"]) < 2 else f"{len(row['sizes'])} sizes"
        counts = f"{row['n_frames']:>8} {row['n_boxes']:>8} {row['n_ids']:>6} {length:>7}"
        print(f"{counts}  {size or 'unknown':<12} {row['name']}, {row['pictures']}")
    print(
        f"{facts['n_frames']:>8} {facts['n_boxes']:>8} {facts['n_ids']:>6} {'':>7}  {'':<12} in all\n"
    )
    print(f"classes   {', '.join(f'{name} {n}' for name, n in facts['classes'].items()) or 'none'}")
    if facts["n_incomplete"]:
        print(f"note      in {facts['n_incomplete']} frames not all animals are labelled")
    if facts["n_over_edge"]:
        print(f"note      {facts['n_over_edge']} boxes reach over the edge of the picture")
    _print_problems(facts["problems"])


def _print_problems(problems: Sequence[str]) -> None:
    print(f"problems  {len(problems) or 'none'}")
    for problem in problems[:_SHOWN_PROBLEMS]:
        print(f"  {problem}")
    if len(problems) > _SHOWN_PROBLEMS:
        print(f"  and {len(problems) - _SHOWN_PROBLEMS} more")


def draw_sheet(path: Path, sequences: Sequence[LabelledSequence]) -> None:
    """Draw samples spread over the labelled frames, with their boxes, into one picture.

    Raises
    ------
    ConfigError
        If the suffix is of no picture, or there is nothing to draw.
    SourceError, StorageError
        If a picture cannot be read, or the sheet not be written.
    """
    import cv2

    if not cv2.haveImageWriter(path.name):
        raise ConfigError(
            f"sheet: expected the name of a picture, such as sheet.png, got {path.name!r}"
        )
    cells = [
        cell
        for sequence, rows in _choose_samples(sequences)
        for cell in _draw_samples(sequence, rows)
    ]
    if not cells:
        raise ConfigError("sheet: expected frames with labels and pictures, got none")
    write_bytes(path, cv2.imencode(path.suffix, _tile(cells)[..., ::-1])[1].tobytes())


def _choose_samples(
    sequences: Sequence[LabelledSequence],
) -> list[tuple[LabelledSequence, list[int]]]:
    """Places of frames with labels, spread evenly over all that have pictures, by sequence."""
    found = [
        (sequence, row)
        for sequence in sequences
        if sequence.image_paths or sequence.video
        for row in np.flatnonzero(np.diff(sequence.frame_offsets)).tolist()
    ]
    picks = np.unique(
        np.linspace(0, len(found) - 1, min(N_SAMPLES, len(found))).round().astype(int)
    ).tolist()
    chosen: dict[str, tuple[LabelledSequence, list[int]]] = {}
    for sequence, row in (found[pick] for pick in picks):
        chosen.setdefault(sequence.name, (sequence, []))[1].append(row)
    return list(chosen.values())


def _draw_samples(sequence: LabelledSequence, rows: Sequence[int]) -> list[UInt8]:
    return [
        _draw_cell(sequence, row, image)
        for row, image in zip(rows, iterate_images(sequence, rows), strict=True)
    ]


def _draw_cell(sequence: LabelledSequence, row: int, image: UInt8) -> UInt8:
    """One sample ``(h, w, 3)``: the picture with its boxes, and below what it is."""
    import cv2

    labelled = sequence[row]
    numbers = np.where(
        labelled.track_ids >= 0, labelled.track_ids, _NAMELESS + np.arange(len(labelled))
    )
    texts = {number: _name(sequence, labelled, k) for k, number in enumerate(numbers.tolist())}
    tracked = TrackedDetections(
        Detections(labelled.boxes, np.ones(len(labelled), np.float32)), numbers
    )
    drawn = Annotator(1.0, texts).annotate(Frame(labelled.index, 0.0, image), tracked)
    scale = min(CELL_PX[0] / drawn.shape[1], CELL_PX[1] / drawn.shape[0])
    width, height = (max(1, round(scale * side)) for side in drawn.shape[1::-1])
    cell = np.zeros((height + _CAPTION_PX, CELL_PX[0], 3), np.uint8)
    cell[:height, :width] = cv2.resize(drawn, (width, height), interpolation=cv2.INTER_AREA)
    text = f"{sequence.name} {labelled.index}" + ("" if labelled.complete else ", incomplete")
    cv2.putText(
        cell, text, (4, height + 17), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA
    )
    return cell


def _name(sequence: LabelledSequence, frame: LabelledFrame, k: int) -> str:
    """Class and id of an animal, without what is the same for all."""
    words = [sequence.class_names[frame.class_ids[k]]] if len(sequence.class_names) > 1 else []
    words += [str(frame.track_ids[k])] if frame.track_ids[k] >= 0 else []
    return " ".join(words) or sequence.class_names[0]


def _tile(cells: Sequence[UInt8]) -> UInt8:
    """Put cells of one width into rows of equal height."""
    height, n_columns = max(len(cell) for cell in cells), min(len(cells), _N_COLUMNS)
    padded = [np.pad(cell, ((0, height - len(cell)), (0, 0), (0, 0))) for cell in cells]
    padded += [np.zeros_like(padded[0])] * (-len(cells) % n_columns)
    return np.vstack(
        [np.hstack(padded[k : k + n_columns]) for k in range(0, len(padded), n_columns)]
    )

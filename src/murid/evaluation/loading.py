"""A result and its truth as arrays, once it is sure that they are of the same video."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from murid.datasets.ground_truth import read_ground_truth
from murid.datasets.mot_text import read_mot_table
from murid.errors import FormatError
from murid.evaluation.checks import check_lengths, check_overlap, check_sizes, note_oddities
from murid.evaluation.pairing import Pair
from murid.metrics import LabelledBoxes, Protocol, Retrieval, Truth, match, retrieve
from murid.store import RunDirectory

_MOST_QUERIES = 4000
_GAP_S = 1.0
_USUAL_FPS = 30.0


@dataclass(frozen=True, eq=False)
class Material:
    """All that is known of one video and its result.

    Attributes
    ----------
    name : str
        Of the sequence.
    truth : Truth
    result : LabelledBoxes
        Tracks.
    detections : LabelledBoxes or None
        What average precision is computed of: of a run its detections, of a MOT file its rows, if
        they have scores.
    retrieval : Retrieval or None
        What the run's embeddings find.
    n_frames : int
    fps : float or None
    size : tuple of int or None
        Width and height in pixels.
    video : str or None
        Video or folder of pictures.
    notes : tuple of str
        What is odd, but no error.
    """

    name: str
    truth: Truth
    result: LabelledBoxes
    detections: LabelledBoxes | None
    retrieval: Retrieval | None
    n_frames: int
    fps: float | None
    size: tuple[int, int] | None
    video: str | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user says of all sequences: protocol, frame rate, length of the video, and whether nothing may match."""

    protocol: Protocol
    fps: float | None = None
    n_frames: int | None = None
    allow_empty: bool = False


def load(pair: Pair, settings: Settings) -> Material:
    """Read a result and its truth.

    Raises
    ------
    FormatError, RunError
        If one of them cannot be read, or they are not of the same video.
    """
    material = _load_run(pair, settings) if pair.is_run else _load_text(pair, settings)
    check_overlap(pair, material.truth, material.result, allow_empty=settings.allow_empty)
    notes = note_oddities(pair.truth.name, material.truth.boxes, material.result, material.n_frames)
    return replace(material, notes=tuple(notes))


def _load_run(pair: Pair, settings: Settings) -> Material:
    run = RunDirectory.open(pair.result)
    tracks = run.read_tracks()
    facts, n_frames = run.manifest.fingerprint, run.n_frames
    check_lengths(pair, n_frames, settings.n_frames)
    size = (int(facts.get("width") or 0), int(facts.get("height") or 0))
    check_sizes(pair, size)
    fps = settings.fps or facts.get("fps") or pair.truth.fps
    truth = read_ground_truth(pair.truth, n_frames)
    source = run.manifest.source
    has_source = Path(source).exists() or not pair.truth.video
    return Material(
        pair.truth.name,
        truth,
        LabelledBoxes.from_tracks(tracks),
        LabelledBoxes.from_detections(run.detections.read(embeddings=False)),
        _retrieve(run, truth, fps or _USUAL_FPS),
        n_frames,
        fps,
        size if all(size) else pair.truth.size,
        source if has_source else str(pair.truth.video),
    )


def _load_text(pair: Pair, settings: Settings) -> Material:
    if pair.result.suffix.lower() != ".txt":
        raise FormatError(
            pair.result, "suffix", ".txt, a MOT file, or a run directory", repr(pair.result.suffix)
        )
    file = pair.truth
    known = check_lengths(pair, None, settings.n_frames)
    truth = read_ground_truth(file, known)
    n_frames, length = known or int(truth.boxes.frames.max()) + 1, "the length of the video"
    if known is None:
        length = "the last frame of the truth (--frames says how long the video is)"
    table = read_mot_table(pair.result, n_frames, length)
    _check_classes(pair.result, table.class_ids.max(initial=-1), settings.protocol)
    result = replace(table.boxes, scores=table.scores)
    video = None if file.video is None else str(file.video)
    return Material(
        file.name, truth, result, result, None, n_frames, settings.fps or file.fps, file.size, video
    )


def _check_classes(path: Path, highest: int, protocol: Protocol) -> None:
    if protocol.class_id is not None and highest > protocol.class_id:
        raise FormatError(
            path,
            "class",
            f"{protocol.class_id} or -1, as {protocol.name} scores one class",
            str(highest),
        )


def _retrieve(run: RunDirectory, truth: Truth, fps: float) -> Retrieval | None:
    """Ask with the embeddings of boxes that match the truth, in frames spread evenly lest they be too many."""
    stride = max(1, -(-int(truth.counted.sum()) // _MOST_QUERIES))
    stride = -(-stride // run.detections.embeddings_every) * run.detections.embeddings_every
    counted = truth.boxes[truth.counted]
    counted = counted[counted.frames % stride == 0]
    embeddings, animals, frames = [], [], []
    for first, table in run.detections.iterate():
        if table.embeddings is None:
            return None
        found = LabelledBoxes.from_detections(table, first)
        matching = match(counted, found)
        embeddings.append(table.embeddings[matching.result_rows])
        animals.append(counted.ids[matching.truth_rows])
        frames.append(counted.frames[matching.truth_rows])
    if not embeddings:
        return None
    moments = np.concatenate(frames)
    return retrieve(
        np.concatenate(embeddings), np.concatenate(animals), moments, max(1, round(_GAP_S * fps))
    )

"""Load a result and its ground truth as arrays, and check that they belong together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from murid.datasets.ground_truth import read_ground_truth
from murid.datasets.mot_text import read_mot_table
from murid.errors import FormatError
from murid.evaluation.checks import (
    check_lengths,
    check_overlap,
    check_sizes,
    find_possible_mistakes,
)
from murid.evaluation.pairing import FilePair
from murid.metrics import (
    GroundTruth,
    LabelledBoxes,
    Retrieval,
    ScoringProtocol,
    match,
    retrieve,
)
from murid.store import RunDirectory

# Retrieval compares all pairs of queries, so frames are skipped where there would be more.
_MAX_QUERIES = 4000

# The gallery of a query excludes boxes nearer in time, since an animal looks the same a moment
# later.
_MIN_GAP_S = 1.0

# Assumed where the frame rate is unknown; only the gap above depends on it.
_DEFAULT_FPS = 30.0


@dataclass(frozen=True, eq=False)
class EvaluationPair:
    """A result and the ground truth of the same video, as arrays.

    Attributes
    ----------
    name : str
        Name of the sequence.
    truth : GroundTruth
    result : LabelledBoxes
        Tracks.
    detections : LabelledBoxes or None
        Boxes for average precision: the detections of a run, or the rows of a MOT file.
    retrieval : Retrieval or None
        Retrieval by the embeddings of a run.
    n_frames : int
    fps : float or None
    size : tuple of int or None
        Width and height in pixels.
    video : str or None
        Video or folder of images.
    notes : tuple of str
        Possible mistakes.
    """

    name: str
    truth: GroundTruth
    result: LabelledBoxes
    detections: LabelledBoxes | None
    retrieval: Retrieval | None
    n_frames: int
    fps: float | None
    size: tuple[int, int] | None
    video: str | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EvaluationSettings:
    """Settings for all sequences.

    Attributes
    ----------
    protocol : ScoringProtocol
    fps : float or None
        Frame rate, instead of that of run or ground truth.
    n_frames : int or None
        Length of the video.
    allow_empty : bool
        Score a result without boxes, or without any that overlaps the ground truth, as zero.
    """

    protocol: ScoringProtocol
    fps: float | None = None
    n_frames: int | None = None
    allow_empty: bool = False


def load_pair(files: FilePair, settings: EvaluationSettings) -> EvaluationPair:
    """Return a result and its ground truth.

    Raises
    ------
    FormatError, RunError
        If one of them cannot be read, or they are not of the same video.
    """
    pair = _load_run(files, settings) if files.is_run else _load_mot_file(files, settings)
    check_overlap(files, pair.truth, pair.result, allow_empty=settings.allow_empty)
    notes = find_possible_mistakes(pair.name, pair.truth.boxes, pair.result, pair.n_frames)
    return replace(pair, notes=tuple(notes))


def _load_run(files: FilePair, settings: EvaluationSettings) -> EvaluationPair:
    """Return the pair of a run directory."""
    run = RunDirectory.open(files.result)
    tracks = run.read_tracks()
    fingerprint = run.manifest.fingerprint
    check_lengths(files, run.n_frames, settings.n_frames)
    size = (int(fingerprint.get("width") or 0), int(fingerprint.get("height") or 0))
    check_sizes(files, size)
    fps = settings.fps or fingerprint.get("fps") or files.truth.fps
    truth = read_ground_truth(files.truth, run.n_frames)

    # If the tracked video was moved, use the one beside the ground truth.
    video = run.manifest.source
    if not Path(video).exists() and files.truth.video:
        video = str(files.truth.video)
    return EvaluationPair(
        name=files.truth.name,
        truth=truth,
        result=LabelledBoxes.from_tracks(tracks),
        detections=LabelledBoxes.from_detections(run.detections.read(embeddings=False)),
        retrieval=_retrieve(run, truth, fps or _DEFAULT_FPS),
        n_frames=run.n_frames,
        fps=fps,
        size=size if all(size) else files.truth.size,
        video=video,
    )


def _load_mot_file(files: FilePair, settings: EvaluationSettings) -> EvaluationPair:
    """Return the pair of a MOT file."""
    suffix = files.result.suffix
    if suffix.lower() != ".txt":
        expected = ".txt, a MOT file, or a run directory"
        raise FormatError(files.result, "suffix", expected, repr(suffix))

    known_n_frames = check_lengths(files, None, settings.n_frames)
    truth = read_ground_truth(files.truth, known_n_frames)
    n_frames = known_n_frames or int(truth.boxes.frames.max()) + 1
    limit_name = "the length of the video"
    if known_n_frames is None:
        limit_name = "the last frame of the ground truth (--frames says how long the video is)"
    table = read_mot_table(files.result, n_frames, limit_name)
    _check_classes(files.result, table.class_ids.max(initial=-1), settings.protocol)
    result = replace(table.boxes, scores=table.scores)
    return EvaluationPair(
        name=files.truth.name,
        truth=truth,
        result=result,
        detections=result,
        retrieval=None,
        n_frames=n_frames,
        fps=settings.fps or files.truth.fps,
        size=files.truth.size,
        video=None if files.truth.video is None else str(files.truth.video),
    )


def _check_classes(path: Path, max_class_id: int, protocol: ScoringProtocol) -> None:
    """Raise `FormatError` if a MOT file has a class that the protocol does not score."""
    if protocol.class_id is not None and max_class_id > protocol.class_id:
        expected = f"{protocol.class_id} or -1, as {protocol.name} scores one class"
        raise FormatError(path, "class", expected, str(max_class_id))


def _retrieve(run: RunDirectory, truth: GroundTruth, fps: float) -> Retrieval | None:
    """Return the retrieval by embeddings of detections that match the ground truth."""
    # Evenly spaced frames, of those for which embeddings are stored.
    stride = max(1, -(-int(truth.is_scored.sum()) // _MAX_QUERIES))
    stride = -(-stride // run.detections.embeddings_every) * run.detections.embeddings_every
    scored = truth.boxes.select(truth.is_scored)
    scored = scored.select(scored.frames % stride == 0)

    embeddings = []
    animals = []
    frames = []
    for first_frame, table in run.detections.iterate():
        if table.embeddings is None:
            return None
        detections = LabelledBoxes.from_detections(table, first_frame)
        matching = match(scored, detections)
        embeddings.append(table.embeddings[matching.result_rows])
        animals.append(scored.ids[matching.truth_rows])
        frames.append(scored.frames[matching.truth_rows])
    if not embeddings:
        return None
    return retrieve(
        np.concatenate(embeddings),
        np.concatenate(animals),
        np.concatenate(frames),
        gap_frames=max(1, round(_MIN_GAP_S * fps)),
    )

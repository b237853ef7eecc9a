"""Load a result and its ground truth as arrays, and check that they belong together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from murid.core.plurals import format_count
from murid.core.types import Int64
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
    MIN_GAP_S,
    GroundTruth,
    LabelledBoxes,
    Labelling,
    Retrieval,
    ScoringProtocol,
    find_labelling,
    match,
    retrieve,
)
from murid.store import RunDirectory
from murid.store.manifest import Manifest

# Retrieval compares all pairs of queries, so frames are skipped where there would be more.
_MAX_QUERIES = 4000

# Assumed where the frame rate is unknown; only the gap between query and gallery depends on it.
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
    scored_frames : ndarray or None
        ``(k,)`` int64 frames that are scored, ascending; None = all. `result` and `detections` have
        boxes in these frames only.
    is_sparse : bool
        Whether these are the labelled frames only.
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
    scored_frames: Int64 | None = None
    is_sparse: bool = False

    @property
    def n_scored_frames(self) -> int:
        """Number of frames that are scored."""
        return self.n_frames if self.scored_frames is None else len(self.scored_frames)

    @property
    def scored_fps(self) -> float | None:
        """Scored frames per second: less than `fps` if only some frames are labelled."""
        if self.fps is None or not self.is_sparse or self.n_scored_frames < 2:
            return self.fps
        assert self.scored_frames is not None
        return self.fps * float(1 / np.diff(self.scored_frames).mean())

    def count_scored_frames(self, start: int, end: int) -> int:
        """Return how many frames are scored from `start` to before `end`."""
        if self.scored_frames is None:
            return end - start
        first, last = np.searchsorted(self.scored_frames, [start, end]).tolist()
        return int(last - first)


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
    all_frames : bool or None
        Whether a frame without labels has no animals (True) or is not scored (False); None = found
        by `murid.metrics.labelled_frames.find_labelling`.
    """

    protocol: ScoringProtocol
    fps: float | None = None
    n_frames: int | None = None
    allow_empty: bool = False
    all_frames: bool | None = None


def load_pair(files: FilePair, settings: EvaluationSettings) -> EvaluationPair:
    """Return a result and its ground truth.

    Raises
    ------
    FormatError, RunError
        If one of them cannot be read, or they are not of the same video.
    """
    pair = _load_run(files, settings) if files.is_run else _load_mot_file(files, settings)
    check_overlap(files, pair.truth, pair.result, allow_empty=settings.allow_empty)
    chosen, notes = _choose_frames(pair, settings.all_frames)
    end = pair.n_frames
    if chosen.scored_frames is not None and chosen.scored_frames is not pair.scored_frames:
        # What follows the last frame that is scored has been said.
        end = int(chosen.scored_frames[-1]) + 1
    mistakes = find_possible_mistakes(pair.name, pair.truth.boxes, pair.result, end)
    return replace(chosen, notes=(*chosen.notes, *notes, *mistakes))


def _choose_frames(
    pair: EvaluationPair, all_frames: bool | None
) -> tuple[EvaluationPair, list[str]]:
    """Return the pair with the scored frames only, and notes about them."""
    pair, notes = _leave_out_incomplete(pair)
    labelled = _list_labelled_frames(pair)
    is_sparse = all_frames is False
    if all_frames is None and pair.truth.labelled_frames is not None:
        is_sparse = len(labelled) < pair.n_scored_frames
    elif all_frames is None:
        # Of a run of some frames, only these may have labels.
        known = pair.scored_frames
        ranks = labelled if known is None else np.searchsorted(known, labelled)
        labelling = find_labelling(ranks, pair.n_scored_frames)
        is_sparse = labelling == Labelling.SPARSE
        if labelling == Labelling.UNCLEAR:
            notes.append(
                f"{pair.name}: {len(labelled)} of {pair.n_frames} frames have labels, the others "
                "count as empty; --labelled-frames leaves them out"
            )
        if labelling == Labelling.PART:
            return _keep_part(pair, int(labelled[0]), int(labelled[-1]))
    if not is_sparse:
        return pair, notes
    n_labelled = len(labelled)
    labelled_frames = "1 labelled frame" if n_labelled == 1 else f"the {n_labelled} labelled frames"
    note = f"{pair.name}: scored on {labelled_frames} of {pair.n_frames}"
    if all_frames is None:
        note += "; --all-frames counts the others as empty"
    return _keep_frames(pair, labelled, is_sparse=True), [*notes, note]


def _list_labelled_frames(pair: EvaluationPair) -> Int64:
    """Return the labelled frames among those that may be scored, ascending."""
    listed = pair.truth.labelled_frames
    labelled = np.unique(pair.truth.boxes.frames)
    if listed is not None and not _are_picked(labelled, listed):
        labelled = listed
    if pair.scored_frames is None:
        return labelled
    return np.intersect1d(labelled, pair.scored_frames)


def _are_picked(labelled: Int64, listed: Int64) -> bool:
    """Whether a file lists all images of a recording, of which only some have been labelled.

    Annotation tools write every image of a task. A list with gaps has been chosen itself, so that
    its images without labels have no animals.
    """
    is_whole = len(listed) > 0 and listed[-1] - listed[0] + 1 == len(listed)
    if not is_whole:
        return False
    ranks = np.searchsorted(listed, labelled)
    return find_labelling(ranks, len(listed)) == Labelling.SPARSE


def _leave_out_incomplete(pair: EvaluationPair) -> tuple[EvaluationPair, list[str]]:
    """Return the pair without frames in which only some animals are labelled, and a note."""
    incomplete = pair.truth.incomplete_frames
    if incomplete is None or not len(incomplete):
        return pair, []
    frames = pair.scored_frames
    if frames is None:
        frames = np.arange(pair.n_frames, dtype=np.int64)
    kept = _keep_frames(pair, np.setdiff1d(frames, incomplete), is_sparse=False)
    left_out = format_count(len(incomplete), "frame")
    note = f"{pair.name}: {left_out} in which not all animals are labelled not scored"
    return kept, [note]


def _keep_part(pair: EvaluationPair, first: int, last: int) -> tuple[EvaluationPair, list[str]]:
    """Return the pair from the first to the last labelled frame only, and a note about it."""
    known = pair.scored_frames
    if known is None:
        known = np.arange(pair.n_frames, dtype=np.int64)
    frames = known[(known >= first) & (known <= last)]
    note = (
        f"{pair.name}: scored on frames {first + 1} to {last + 1} of {pair.n_frames}, outside of "
        "which nothing is labelled; --all-frames counts the others as empty"
    )
    return _keep_frames(pair, frames, is_sparse=False), [note]


def _keep_frames(pair: EvaluationPair, frames: Int64, *, is_sparse: bool) -> EvaluationPair:
    """Return the pair with boxes of the result in some frames only."""
    result = pair.result.select(np.isin(pair.result.frames, frames))
    detections = pair.detections
    if detections is pair.result:
        detections = result
    elif detections is not None:
        detections = detections.select(np.isin(detections.frames, frames))
    return replace(
        pair, result=result, detections=detections, scored_frames=frames, is_sparse=is_sparse
    )


def _load_run(files: FilePair, settings: EvaluationSettings) -> EvaluationPair:
    """Return the pair of a run directory."""
    run = RunDirectory.open(files.result)
    tracks = run.read_tracks()
    manifest = run.manifest
    fingerprint = manifest.fingerprint
    # Ground truth numbers the frames of the video, of which only some may have been tracked.
    selection = manifest.video.get("frames")
    n_frames = run.n_frames if selection is None else int(selection["n_source_frames"])
    truth, note = _read_truth_of_run(files, manifest, n_frames, settings)
    size = (int(fingerprint.get("width") or 0), int(fingerprint.get("height") or 0))
    check_sizes(files, size)
    run_fps = manifest.fps if "fps" in fingerprint else None
    tracked_frames = manifest.first_video_frame + manifest.frame_step * np.arange(run.n_frames)
    if selection is not None:
        truth = _select_frames(truth, tracked_frames)
        if not truth.is_scored.any():
            expected = f"labels in some of the {run.n_frames} frames that were tracked"
            raise FormatError(files.truth.path, "frames", expected, "none")
    fps = settings.fps or (run_fps and run_fps * manifest.frame_step) or files.truth.fps

    # If the tracked video was moved, use the one beside the ground truth.
    video = run.manifest.source
    if not Path(video).exists() and files.truth.video:
        video = str(files.truth.video)
    pair = EvaluationPair(
        name=files.truth.name,
        truth=truth,
        result=_number_frames(LabelledBoxes.from_tracks(tracks), tracked_frames),
        detections=_number_frames(
            LabelledBoxes.from_detections(run.detections.read(embeddings=False)), tracked_frames
        ),
        retrieval=_retrieve(
            run, _to_run_frames(truth, run), (fps or _DEFAULT_FPS) / manifest.frame_step
        ),
        n_frames=n_frames,
        fps=fps,
        notes=() if note is None else (note,),
        size=size if all(size) else files.truth.size,
        video=video,
    )
    unreadable = [manifest.to_video_frame(frame) for frame in run.frames.list_unreadable()]
    if selection is not None:
        pair = replace(pair, scored_frames=tracked_frames)
    return _leave_out_unreadable(pair, unreadable)


def _read_truth_of_run(
    files: FilePair, manifest: Manifest, n_frames: int, settings: EvaluationSettings
) -> tuple[GroundTruth, str | None]:
    """Return the ground truth, numbered as the frames of the run, and a note if that differs.

    Frame 0 of a run is the first image of a folder. Where that has a later number, such as
    ``000101.png``, ground truth may count by the numbers as well.
    """
    first = int(manifest.video.get("first_image_frame", 0))
    n_numbered = n_frames + first
    if first and files.truth.n_frames in {None, n_numbered}:
        truth = read_ground_truth(files.truth, n_numbered)
        if len(truth.boxes.frames) and truth.boxes.frames.min() >= first:
            note = (
                f"{files.truth.name}: the first image has the number {first + 1}, and the ground "
                "truth counts by these numbers"
            )
            return _shift_frames(truth, first), note
    check_lengths(files, n_frames, settings.n_frames)
    return read_ground_truth(files.truth, n_frames), None


def _shift_frames(truth: GroundTruth, n_before: int) -> GroundTruth:
    """Return ground truth whose frame 0 is the frame of a number."""
    labelled = truth.labelled_frames
    incomplete = truth.incomplete_frames
    return replace(
        truth,
        boxes=replace(truth.boxes, frames=truth.boxes.frames - n_before),
        labelled_frames=None if labelled is None else labelled - n_before,
        incomplete_frames=None if incomplete is None else incomplete - n_before,
    )


def _number_frames(boxes: LabelledBoxes, numbers: Int64) -> LabelledBoxes:
    """Return the boxes with the number ``(F,)`` in the video of each frame."""
    return replace(boxes, frames=numbers[boxes.frames])


def _select_frames(truth: GroundTruth, frames: Int64) -> GroundTruth:
    """Return the ground truth of some frames."""
    rows = np.isin(truth.boxes.frames, frames)
    return replace(
        truth,
        boxes=truth.boxes.select(rows),
        is_scored=truth.is_scored[rows],
        class_ids=truth.class_ids[rows],
    )


def _to_run_frames(truth: GroundTruth, run: RunDirectory) -> GroundTruth:
    """Return the ground truth of the tracked frames, numbered as in the run."""
    manifest = run.manifest
    frames = (truth.boxes.frames - manifest.first_video_frame) // manifest.frame_step
    return replace(truth, boxes=replace(truth.boxes, frames=frames))


def _leave_out_unreadable(pair: EvaluationPair, unreadable: list[int]) -> EvaluationPair:
    """Return the pair without frames that have no image and, therefore, no labels.

    Such frames are damaged, or missing in a folder of numbered images. Where the ground truth has
    labels in them all the same, they are scored.
    """
    missing = np.setdiff1d(unreadable, pair.truth.boxes.frames)
    n_labelled = len(set(unreadable)) - len(missing)
    if n_labelled:
        what = format_count(
            n_labelled, "frame without an image has", "frames without an image have"
        )
        note = (
            f"{pair.name}: {what} labels; does the ground truth count the images, instead of the "
            "frames?"
        )
        pair = replace(pair, notes=(*pair.notes, note))
    if not len(missing):
        return pair
    tracked = pair.scored_frames
    if tracked is None:
        tracked = np.arange(pair.n_frames, dtype=np.int64)
    frames = np.setdiff1d(tracked, missing)
    note = (
        f"{pair.name}: {len(missing)} of {pair.n_frames} frames have neither an image nor labels, "
        "and are not scored"
    )
    kept = _keep_frames(pair, frames, is_sparse=False)
    return replace(kept, notes=(*pair.notes, note))


def _load_mot_file(files: FilePair, settings: EvaluationSettings) -> EvaluationPair:
    """Return the pair of a MOT file."""
    suffix = files.result.suffix
    if suffix.lower() != ".txt":
        expected = ".txt, a MOT file, or a run directory"
        raise FormatError(files.result, "suffix", expected, repr(suffix))

    known_n_frames = check_lengths(files, None, settings.n_frames)
    truth = read_ground_truth(files.truth, known_n_frames)
    max_frame = known_n_frames
    limit_name = "the length of the video"
    if known_n_frames is None and not _is_sparse(truth, settings.all_frames):
        max_frame = int(truth.boxes.frames.max()) + 1
        limit_name = "the last frame of the ground truth (--frames says how long the video is)"
    table = read_mot_table(files.result, max_frame, limit_name)
    # The video goes on after the last labelled frame if only some are labelled.
    last_frames = (boxes.frames.max(initial=-1) for boxes in (truth.boxes, table.boxes))
    n_frames = max_frame or int(max(last_frames)) + 1
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


def _is_sparse(truth: GroundTruth, all_frames: bool | None) -> bool:
    """Whether the last labelled frame does not tell how long the video is.

    Asking for all frames says what the others mean, not how many there are.
    """
    frames = np.unique(truth.boxes.frames)
    labelling = find_labelling(frames, int(frames[-1]) + 1)
    if truth.labelled_frames is not None:
        return True
    return all_frames is False or labelling == Labelling.SPARSE


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
        gap_frames=max(1, round(MIN_GAP_S * fps)),
    )

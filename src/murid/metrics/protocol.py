"""Protocols of benchmarks: which ground truth rows and result boxes are scored."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np

from murid.core.boxes import compute_iou
from murid.core.types import Bool, Int64
from murid.core.validation import convert_field
from murid.errors import ArrayError
from murid.metrics.labelled_boxes import LabelledBoxes

# MOTChallenge's threshold of a match with a distractor.
_IOU_THRESHOLD = 0.5


@dataclass(frozen=True, eq=False, slots=True)
class GroundTruth:
    """Ground truth with all its rows, including those that are not scored.

    Attributes
    ----------
    boxes : LabelledBoxes
        All rows.
    is_scored : ndarray
        ``(N,)`` bool: False for rows that are not scored.
    class_ids : ndarray
        ``(N,)`` int64.
    class_names : mapping of int to str
        Names of classes; ``class 7`` for one without a name.
    labelled_frames : ndarray or None
        ``(k,)`` int64 frames that are labelled, ascending, also those without animals; None = the
        format does not tell.
    incomplete_frames : ndarray or None
        ``(k,)`` int64 frames in which only some animals are labelled, and which cannot be scored;
        `boxes` has none in them.
    """

    boxes: LabelledBoxes
    is_scored: Bool
    class_ids: Int64
    class_names: Mapping[int, str] = field(default_factory=dict)
    labelled_frames: Int64 | None = None
    incomplete_frames: Int64 | None = None

    def __post_init__(self) -> None:
        shape = (len(self.boxes),)
        convert_field(self, "is_scored", np.bool_, shape)
        convert_field(self, "class_ids", np.int64, shape)

    @property
    def scored_classes(self) -> list[str]:
        """Names of the classes that have scored rows."""
        class_ids = np.unique(self.class_ids[self.is_scored]).tolist()
        return sorted({self.get_class_name(class_id) for class_id in class_ids})

    def get_class_name(self, class_id: int) -> str:
        """Return the name of a class."""
        return self.class_names.get(class_id, f"class {class_id}")


@dataclass(frozen=True, slots=True)
class ScoringProtocol:
    """Rules of a benchmark about what is scored.

    Attributes
    ----------
    name : str
    class_id : int or None
        The class that is scored; None = all.
    distractors : tuple of int
        Classes that a result may contain or not: its boxes that match them are ignored.
    known_classes : collection of int
        Classes that the ground truth may have; empty = any.
    """

    name: str
    class_id: int | None = None
    distractors: tuple[int, ...] = ()
    known_classes: Collection[int] = ()


PLAIN_PROTOCOL = ScoringProtocol("plain")

# ``plain`` and ``animaltrack`` score all rows that are not marked as ignored. The others are those
# of MOTChallenge: pedestrians (1) are scored; people on vehicles (2), static people (7),
# distractors (8), reflections (12) and, in MOT20, other vehicles (6) are ignored.
PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        PLAIN_PROTOCOL,
        ScoringProtocol("animaltrack"),
        ScoringProtocol("mot17", 1, (2, 7, 8, 12), range(1, 14)),
        ScoringProtocol("mot20", 1, (2, 6, 7, 8, 12), range(1, 14)),
    )
}


def apply_protocol(
    truth: GroundTruth, result: LabelledBoxes, protocol: ScoringProtocol
) -> tuple[LabelledBoxes, Bool]:
    """Return the ground truth and the result boxes that are scored.

    Parameters
    ----------
    truth : GroundTruth
    result : LabelledBoxes
        Tracks or detections of the same video.
    protocol : ScoringProtocol

    Returns
    -------
    truth : LabelledBoxes
        The rows that are scored.
    is_scored : ndarray
        ``(len(result),)`` bool: the boxes of the result that are scored.

    Raises
    ------
    ArrayError
        If the ground truth has classes that the protocol does not know.
    """
    if protocol.class_id is None:
        return truth.boxes.select(truth.is_scored), np.ones(len(result), bool)

    known_classes = protocol.known_classes
    unknown = sorted(set(truth.class_ids.tolist()) - set(known_classes))
    if known_classes and unknown:
        limits = f"{min(known_classes)} to {max(known_classes)}"
        expected = f"classes {limits} of {protocol.name}"
        raise ArrayError("GroundTruth.class_ids", expected, ", ".join(map(str, unknown)))

    is_distractor = np.isin(truth.class_ids, protocol.distractors)
    is_scored = truth.is_scored & (truth.class_ids == protocol.class_id)
    ignored = find_matched(truth.boxes, is_distractor, result)
    return truth.boxes.select(is_scored), ~ignored


def select_class(
    truth: GroundTruth, result: LabelledBoxes, name: str
) -> tuple[LabelledBoxes, Bool]:
    """Return what is scored for one class, as `apply_protocol` does.

    Boxes of the result that match another class are ignored.
    """
    class_ids = truth.class_ids.tolist()
    is_other = np.array([truth.get_class_name(class_id) != name for class_id in class_ids], bool)
    ignored = np.zeros(len(result), bool)
    if is_other.any():
        ignored = find_matched(truth.boxes, is_other, result)
    return truth.boxes.select(truth.is_scored & ~is_other), ~ignored


def find_matched(truth: LabelledBoxes, selected: Bool, result: LabelledBoxes) -> Bool:
    """Return which boxes of a result ``(n,)`` match a selected ground truth box.

    All boxes of a frame are matched at IoU >= 0.5 so that the sum of IoU is maximal, as in
    TrackEval's ``MotChallenge2DBox``.
    """
    from scipy.optimize import linear_sum_assignment

    found = np.zeros(len(result), bool)
    frames = np.union1d(truth.frames, result.frames)
    rows_by_frame = zip(truth.split(frames), result.split(frames), strict=True)
    for truth_rows, result_rows in rows_by_frame:
        if len(truth_rows) and len(result_rows):
            iou = compute_iou(truth.boxes[truth_rows], result.boxes[result_rows])
            iou[iou < _IOU_THRESHOLD - np.finfo(float).eps] = 0
            rows, columns = linear_sum_assignment(-iou)
            matched = iou[rows, columns] > np.finfo(float).eps
            found[result_rows[columns[matched]]] = selected[truth_rows[rows[matched]]]
    return found

"""Which boxes count: rows that are not to be scored, classes that are regions to ignore."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from murid.core.boxes import compute_iou
from murid.core.types import Int64
from murid.errors import ArrayError
from murid.metrics.labelled_boxes import LabelledBoxes

Mask = NDArray[np.bool_]

_IOU_THRESHOLD = 0.5


@dataclass(frozen=True, eq=False, slots=True)
class Truth:
    """Ground truth with all its rows, those that are not to be scored too.

    Attributes
    ----------
    boxes : LabelledBoxes
        All rows.
    counted : ndarray
        ``(N,)`` bool: False for rows that are not to be scored.
    class_ids : ndarray
        ``(N,)`` int64.
    class_names : mapping of int to str
        What the classes are called; ``class 7`` without a name.
    """

    boxes: LabelledBoxes
    counted: Mask
    class_ids: Int64
    class_names: Mapping[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, dtype in (("counted", np.bool_), ("class_ids", np.int64)):
            column = getattr(self, name)
            if column.dtype != dtype or column.shape != (len(self.boxes),):
                expected = f"{np.dtype(dtype)} of shape ({len(self.boxes)},)"
                raise ArrayError(
                    f"Truth.{name}", expected, f"{column.dtype} of shape {column.shape}"
                )

    @property
    def counted_classes(self) -> list[str]:
        """Names of the classes that have rows to be scored."""
        return sorted(
            {
                self.name_class(class_id)
                for class_id in np.unique(self.class_ids[self.counted]).tolist()
            }
        )

    def name_class(self, class_id: int) -> str:
        """What a class is called."""
        return self.class_names.get(class_id, f"class {class_id}")


@dataclass(frozen=True, slots=True)
class Protocol:
    """A benchmark's rule of what counts.

    Attributes
    ----------
    name : str
    class_id : int or None
        The class that is scored; None = all.
    distractors : tuple of int
        Classes whose boxes the result may have or not: what matches them is left out.
    known_classes : collection of int
        Classes that the truth may have; empty = any.
    """

    name: str
    class_id: int | None = None
    distractors: tuple[int, ...] = ()
    known_classes: Collection[int] = ()


PLAIN = Protocol("plain")
PROTOCOLS = {
    known.name: known
    for known in (
        PLAIN,
        Protocol("animaltrack"),
        Protocol("mot17", 1, (2, 7, 8, 12), range(1, 14)),
        Protocol("mot20", 1, (2, 6, 7, 8, 12), range(1, 14)),
    )
}
"""Every protocol by its name. ``plain`` and ``animaltrack`` score all rows that count; the others
are MOTChallenge's: pedestrians (1) are scored, people on vehicles (2), static people (7),
distractors (8), reflections (12) and, in MOT20, other vehicles (6) are ignored."""


def apply_protocol(
    truth: Truth, result: LabelledBoxes, protocol: Protocol
) -> tuple[LabelledBoxes, Mask]:
    """Choose what counts.

    Parameters
    ----------
    truth : Truth
    result : LabelledBoxes
        Tracks or detections of the same video.
    protocol : Protocol

    Returns
    -------
    truth : LabelledBoxes
        The rows that are scored.
    kept : ndarray
        ``(len(result),)`` bool: the boxes of the result that are scored.

    Raises
    ------
    ArrayError
        If the truth has classes that the protocol does not know.
    """
    if protocol.class_id is None:
        return truth.boxes[truth.counted], np.ones(len(result), bool)
    unknown = sorted(set(truth.class_ids.tolist()) - set(protocol.known_classes))
    if protocol.known_classes and unknown:
        known = f"classes {min(protocol.known_classes)} to {max(protocol.known_classes)} of {protocol.name}"
        raise ArrayError("Truth.class_ids", known, ", ".join(map(str, unknown)))
    is_distractor = np.isin(truth.class_ids, protocol.distractors)
    counted = truth.counted & (truth.class_ids == protocol.class_id)
    return truth.boxes[counted], ~find_matched(truth.boxes, is_distractor, result)


def select_class(truth: Truth, result: LabelledBoxes, name: str) -> tuple[LabelledBoxes, Mask]:
    """Choose what counts for one class, as `apply_protocol` does: what matches another class is left out."""
    others = np.array(
        [truth.name_class(class_id) != name for class_id in truth.class_ids.tolist()], bool
    )
    counted = truth.counted & ~others
    kept = (
        ~find_matched(truth.boxes, others, result) if others.any() else np.ones(len(result), bool)
    )
    return truth.boxes[counted], kept


def find_matched(truth: LabelledBoxes, wanted: Mask, result: LabelledBoxes) -> Mask:
    """Which boxes of a result match some wanted box of the truth better than any other.

    All boxes of a frame are matched at IoU >= 0.5 so that the sum is largest, as in TrackEval's
    ``MotChallenge2DBox``.
    """
    from scipy.optimize import linear_sum_assignment

    found = np.zeros(len(result), bool)
    frames = np.union1d(truth.frames, result.frames)
    for ours, theirs in zip(truth.split(frames), result.split(frames), strict=True):
        if len(ours) and len(theirs):
            overlap = compute_iou(truth.boxes[ours], result.boxes[theirs])
            overlap[overlap < _IOU_THRESHOLD - np.finfo(float).eps] = 0
            rows, columns = linear_sum_assignment(-overlap)
            matched = overlap[rows, columns] > np.finfo(float).eps
            found[theirs[columns[matched]]] = wanted[ours[rows[matched]]]
    return found

"""Matching of result boxes to ground truth boxes, ID switches and correct ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from murid.core.boxes import compute_iou
from murid.core.types import Int64
from murid.metrics.labelled_boxes import LabelledBoxes

# Added to the IoU of a pair that was matched in the frame before, as in TrackEval. An IoU is at
# most 1, so such pairs always come first.
_CONTINUITY_BONUS = 1000.0


@dataclass(frozen=True, eq=False, slots=True)
class Matching:
    """Matched pairs of a ground truth box and a result box, by frame.

    Attributes
    ----------
    truth_rows, result_rows : ndarray
        ``(k,)`` int64.
    """

    truth_rows: Int64
    result_rows: Int64

    def __len__(self) -> int:
        return len(self.truth_rows)


@dataclass(frozen=True, slots=True)
class IdSwitch:
    """An animal whose id in the result changes.

    Attributes
    ----------
    frame, last_frame : int
        First frame with the new id, and last frame with the old one.
    truth_id, old_id, new_id : int
        Id of the animal in the ground truth, and its ids in the result.
    truth_row, last_truth_row : int
        Rows of the ground truth in these two frames.
    """

    frame: int
    last_frame: int
    truth_id: int
    old_id: int
    new_id: int
    truth_row: int
    last_truth_row: int


def match(truth: LabelledBoxes, result: LabelledBoxes, iou_threshold: float = 0.5) -> Matching:
    """Match boxes frame by frame as CLEAR MOT does.

    Pairs of the frame before come first, then the sum of IoU is maximal.

    Parameters
    ----------
    truth, result : LabelledBoxes
    iou_threshold : float
        Minimum IoU of a pair.

    References
    ----------
    Bernardin and Stiefelhagen (2008), as computed by TrackEval's ``CLEAR``.
    """
    frames = np.intersect1d(truth.frames, result.frames)
    in_truth = np.flatnonzero(np.isin(truth.frames, frames))
    in_result = np.flatnonzero(np.isin(result.frames, frames))
    truth_rows_by_frame = truth.select(in_truth).split(frames)
    result_rows_by_frame = result.select(in_result).split(frames)

    none = np.zeros(0, np.int64)
    matched_truth = [none]
    matched_result = [none]
    previous: dict[int, int] = {}  # ids of the result by ids of the ground truth
    for a, b in zip(truth_rows_by_frame, result_rows_by_frame, strict=True):
        truth_rows = in_truth[a]
        result_rows = in_result[b]
        iou = compute_iou(truth.boxes[truth_rows], result.boxes[result_rows])
        truth_ids = truth.ids[truth_rows].tolist()
        previous_ids = np.array([previous.get(i, -1) for i in truth_ids], np.int64)
        rows, columns = _assign(iou, previous_ids, result.ids[result_rows], iou_threshold)
        matched_truth.append(truth_rows[rows])
        matched_result.append(result_rows[columns])
        matched_truth_ids = truth.ids[matched_truth[-1]].tolist()
        matched_result_ids = result.ids[matched_result[-1]].tolist()
        previous = dict(zip(matched_truth_ids, matched_result_ids, strict=True))
    return Matching(np.concatenate(matched_truth), np.concatenate(matched_result))


def _assign(
    iou: NDArray[Any], previous_ids: Int64, result_ids: Int64, iou_threshold: float
) -> tuple[Int64, Int64]:
    """Return rows and columns of the matched pairs of one frame."""
    from scipy.optimize import linear_sum_assignment

    is_previous = previous_ids[:, None] == result_ids[None, :]
    similarity = np.where(is_previous, _CONTINUITY_BONUS, 0.0) + iou
    similarity[iou < iou_threshold - np.finfo(float).eps] = 0
    rows, columns = linear_sum_assignment(-similarity)
    matched = similarity[rows, columns] > np.finfo(float).eps
    return rows[matched], columns[matched]


def find_id_switches(
    truth: LabelledBoxes, result: LabelledBoxes, matching: Matching
) -> list[IdSwitch]:
    """Return every ID switch, by frame; as many as `compute_metrics` counts."""
    truth_ids = truth.ids[matching.truth_rows]
    result_ids = result.ids[matching.result_rows]
    frames = truth.frames[matching.truth_rows]

    # Consecutive matches of one animal with different ids.
    order = np.lexsort((frames, truth_ids))
    same_animal = np.diff(truth_ids[order]) == 0
    other_id = np.diff(result_ids[order]) != 0
    changed = same_animal & other_id
    switches = [
        IdSwitch(
            frame=int(frames[after]),
            last_frame=int(frames[before]),
            truth_id=int(truth_ids[after]),
            old_id=int(result_ids[before]),
            new_id=int(result_ids[after]),
            truth_row=int(matching.truth_rows[after]),
            last_truth_row=int(matching.truth_rows[before]),
        )
        for before, after in zip(order[:-1][changed], order[1:][changed], strict=True)
    ]
    return sorted(switches, key=lambda switch: (switch.frame, switch.truth_id))


def count_correct_ids(truth: LabelledBoxes, result: LabelledBoxes, matching: Matching) -> int:
    """Return the number of ground truth boxes with the correct id.

    Ids of the result are assigned one to one to animals so that this number is maximal.
    """
    from scipy.optimize import linear_sum_assignment

    animals, rows = np.unique(truth.ids[matching.truth_rows], return_inverse=True)
    ids, columns = np.unique(result.ids[matching.result_rows], return_inverse=True)
    counts = np.zeros((len(animals), len(ids)), np.int64)
    np.add.at(counts, (rows, columns), 1)
    return int(counts[linear_sum_assignment(counts, maximize=True)].sum())

"""Which box of a result is which animal, where names change, and how often they are right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from murid.core.boxes import compute_iou
from murid.core.types import Int64
from murid.metrics.labelled_boxes import LabelledBoxes

_CONTINUITY = 1000.0


@dataclass(frozen=True, eq=False, slots=True)
class Matching:
    """Pairs of a true box and a box of the result, ``(k,)`` int64 rows each, by frame."""

    truth_rows: Int64
    result_rows: Int64

    def __len__(self) -> int:
        return len(self.truth_rows)


@dataclass(frozen=True, slots=True)
class Switch:
    """A true animal that is given another id than before.

    Attributes
    ----------
    frame, last_frame : int
        First frame with the new id, and last frame with the old one.
    truth_id, old_id, new_id : int
    truth_row, last_truth_row : int
        Rows of the truth in these two frames.
    """

    frame: int
    last_frame: int
    truth_id: int
    old_id: int
    new_id: int
    truth_row: int
    last_truth_row: int


def match(truth: LabelledBoxes, result: LabelledBoxes, iou_threshold: float = 0.5) -> Matching:
    """Match frame by frame as CLEAR MOT does: pairs of the frame before first, then the largest sum of IoU.

    Parameters
    ----------
    truth, result : LabelledBoxes
    iou_threshold : float
        Lowest IoU of a pair.

    References
    ----------
    Bernardin and Stiefelhagen (2008), as computed by TrackEval's ``CLEAR``.
    """
    from scipy.optimize import linear_sum_assignment

    frames = np.intersect1d(truth.frames, result.frames)
    in_truth, in_result = (
        np.flatnonzero(np.isin(boxes.frames, frames)) for boxes in (truth, result)
    )
    before: dict[int, int] = {}
    pairs: list[tuple[Int64, Int64]] = []
    for ours, theirs in zip(
        truth[in_truth].split(frames), result[in_result].split(frames), strict=True
    ):
        a, b = in_truth[ours], in_result[theirs]
        overlap = compute_iou(truth.boxes[a], result.boxes[b])
        previous = np.array([before.get(i, -1) for i in truth.ids[a].tolist()], np.int64)
        gain = np.where(previous[:, None] == result.ids[b][None, :], _CONTINUITY, 0.0) + overlap
        gain[overlap < iou_threshold - np.finfo(float).eps] = 0
        rows, columns = linear_sum_assignment(-gain)
        matched = gain[rows, columns] > np.finfo(float).eps
        pairs.append((a[rows[matched]], b[columns[matched]]))
        before = dict(
            zip(truth.ids[pairs[-1][0]].tolist(), result.ids[pairs[-1][1]].tolist(), strict=True)
        )
    none = np.zeros(0, np.int64)
    return Matching(
        np.concatenate([none, *(p[0] for p in pairs)]),
        np.concatenate([none, *(p[1] for p in pairs)]),
    )


def find_switches(truth: LabelledBoxes, result: LabelledBoxes, matching: Matching) -> list[Switch]:
    """Every change of id, by frame; as many as the ID switches of `compute_metrics`."""
    animals, names = truth.ids[matching.truth_rows], result.ids[matching.result_rows]
    frames = truth.frames[matching.truth_rows]
    order = np.lexsort((frames, animals))
    changed = (np.diff(animals[order]) == 0) & (np.diff(names[order]) != 0)
    before, after = order[:-1][changed], order[1:][changed]
    return sorted(
        (
            Switch(
                int(frames[k]),
                int(frames[j]),
                int(animals[k]),
                int(names[j]),
                int(names[k]),
                int(matching.truth_rows[k]),
                int(matching.truth_rows[j]),
            )
            for j, k in zip(before, after, strict=True)
        ),
        key=lambda switch: (switch.frame, switch.truth_id),
    )


def count_right_names(truth: LabelledBoxes, result: LabelledBoxes, matching: Matching) -> int:
    """Count the true boxes that have the right name, under the one-to-one assignment of names that is best overall."""
    from scipy.optimize import linear_sum_assignment

    animals, rows = np.unique(truth.ids[matching.truth_rows], return_inverse=True)
    names, columns = np.unique(result.ids[matching.result_rows], return_inverse=True)
    counts = np.zeros((len(animals), len(names)), np.int64)
    np.add.at(counts, (rows, columns), 1)
    return int(counts[linear_sum_assignment(counts, maximize=True)].sum())

"""How well a result fits the ground truth: HOTA, CLEAR MOT and identity scores, as TrackEval computes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from murid.core.boxes import compute_iou
from murid.core.types import Int64
from murid.errors import ArrayError
from murid.evaluate.labelled_boxes import LabelledBoxes


@dataclass(frozen=True, slots=True)
class Metrics:
    """Scores of one video; all scores are percentages, best 100.

    Overlap is intersection over union (IoU). CLEAR and identity scores match at IoU >= 0.5. A score that has nothing
    to count is 0, and LocA 100, as in TrackEval.

    Attributes
    ----------
    hota, deta, assa, loca : float
        Higher order tracking accuracy and its detection, association and localisation parts, means over the IoU
        thresholds 0.05, 0.10, ... 0.95 (Luiten et al., IJCV 2021).
    mota, motp : float
        CLEAR MOT accuracy, negative when errors outnumber the truth, and mean IoU of the matches (Bernardin and
        Stiefelhagen, 2008).
    idf1, idp, idr : float
        F1, precision and recall of the best one-to-one match of whole trajectories (Ristani et al., 2016).
    id_switches, fragmentations : int
        How often a true animal was given another id than before; how often its trajectory was taken up again.
    true_positives, false_positives, false_negatives : int
        CLEAR matches, boxes of the result without a true one, true boxes without one in the result.
    mostly_tracked, partly_tracked, mostly_lost : int
        True animals matched in more than 80 %, in 20 to 80 %, and in less than 20 % of their frames.
    n_frames, n_labelled_frames : int
        Frames scored, and those of them in which the truth has an animal.
    n_truth_ids, n_result_ids, n_truth_boxes, n_result_boxes : int
        Sizes of what was compared.
    """

    hota: float
    deta: float
    assa: float
    loca: float
    mota: float
    motp: float
    idf1: float
    idp: float
    idr: float
    id_switches: int
    fragmentations: int
    true_positives: int
    false_positives: int
    false_negatives: int
    mostly_tracked: int
    partly_tracked: int
    mostly_lost: int
    n_frames: int
    n_labelled_frames: int
    n_truth_ids: int
    n_result_ids: int
    n_truth_boxes: int
    n_result_boxes: int

    def to_dict(self) -> dict[str, float | int]:
        """Return the scores by name, in the order above."""
        return asdict(self)


def compute_metrics(truth: LabelledBoxes, result: LabelledBoxes, n_frames: int) -> Metrics:
    """Score a result against the ground truth of the same video.

    Parameters
    ----------
    truth, result : LabelledBoxes
        What is there, and what was found.
    n_frames : int
        Frames of the video. A frame that the truth does not mention counts as a frame without animals.

    Returns
    -------
    Metrics
        The same numbers as TrackEval's ``MotChallenge2DBox`` without its preprocessing gives.

    Raises
    ------
    ArrayError
        If the truth or the result has frames beyond `n_frames`: they belong to another video.
    """
    from trackeval.metrics import CLEAR, HOTA, Identity

    for name, boxes in (("truth.frames", truth), ("result.frames", result)):
        if len(boxes) and boxes.frames.max() >= n_frames:
            raise ArrayError(name, f"frames 0 to {n_frames - 1}", f"frame {boxes.frames.max()}")
    sequence = _to_sequence(truth, result)
    hota = HOTA().eval_sequence(sequence)
    clear = CLEAR({"THRESHOLD": 0.5, "PRINT_CONFIG": False}).eval_sequence(sequence)
    identity = Identity({"THRESHOLD": 0.5, "PRINT_CONFIG": False}).eval_sequence(sequence)
    values: dict[str, Any] = {name: 100 * float(np.mean(hota[field])) for name, field in _HOTA_SCORES.items()}
    values |= {name: 100 * float(clear[field]) for name, field in _CLEAR_SCORES.items()}
    values |= {name: 100 * float(identity[field]) for name, field in _IDENTITY_SCORES.items()}
    values |= {name: int(clear[field]) for name, field in _CLEAR_COUNTS.items()}
    return Metrics(
        **values,
        n_frames=n_frames,
        n_labelled_frames=len(np.unique(truth.frames)),
        n_truth_ids=sequence["num_gt_ids"],
        n_result_ids=sequence["num_tracker_ids"],
        n_truth_boxes=len(truth),
        n_result_boxes=len(result),
    )


_HOTA_SCORES: Mapping[str, str] = {"hota": "HOTA", "deta": "DetA", "assa": "AssA", "loca": "LocA"}
_CLEAR_SCORES: Mapping[str, str] = {"mota": "MOTA", "motp": "MOTP"}
_IDENTITY_SCORES: Mapping[str, str] = {"idf1": "IDF1", "idp": "IDP", "idr": "IDR"}
_CLEAR_COUNTS: Mapping[str, str] = {
    "id_switches": "IDSW",
    "fragmentations": "Frag",
    "true_positives": "CLR_TP",
    "false_positives": "CLR_FP",
    "false_negatives": "CLR_FN",
    "mostly_tracked": "MT",
    "partly_tracked": "PT",
    "mostly_lost": "ML",
}


def _to_sequence(truth: LabelledBoxes, result: LabelledBoxes) -> dict[str, Any]:
    """Arrange the boxes by frame, with ids from 0 without gaps, as TrackEval's metrics take them.

    Frames without any box change no score and are left out: a day of empty cage costs nothing.
    """
    frames = np.union1d(truth.frames, result.frames)
    truth_ids, truth_rows = _by_frame(truth, frames)
    result_ids, result_rows = _by_frame(result, frames)
    pairs = list(zip(truth_rows, result_rows, strict=True))
    return {
        "num_timesteps": len(frames),
        "num_gt_ids": len(np.unique(truth.ids)),
        "num_tracker_ids": len(np.unique(result.ids)),
        "num_gt_dets": len(truth),
        "num_tracker_dets": len(result),
        "gt_ids": [truth_ids[rows] for rows, _ in pairs],
        "tracker_ids": [result_ids[rows] for _, rows in pairs],
        "similarity_scores": [compute_iou(truth.boxes[a], result.boxes[b]) for a, b in pairs],
    }


def _by_frame(boxes: LabelledBoxes, frames: Int64) -> tuple[Int64, list[Int64]]:
    """Return the gapless id of every box, and for each of `frames` the rows of its boxes."""
    ids = np.unique(boxes.ids, return_inverse=True)[1].reshape(-1)
    order = np.argsort(boxes.frames, kind="stable")
    return ids, np.split(order, np.searchsorted(boxes.frames[order], frames[1:])) if len(frames) else []

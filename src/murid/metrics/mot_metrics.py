"""HOTA, CLEAR MOT and identity scores of a result, as TrackEval computes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

import numpy as np

from murid.core.boxes import compute_iou
from murid.errors import ArrayError
from murid.metrics.average_precision import DetectionMatches
from murid.metrics.labelled_boxes import LabelledBoxes
from murid.metrics.matching import Matching, count_correct_ids, match
from murid.metrics.retrieval import Retrieval

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Metrics:
    """Scores of one video, or of several together; all scores are percentages, best 100.

    CLEAR and identity scores match boxes at an intersection over union (IoU) of 0.5 or more. A
    score without anything to count is 0, and LocA 100, as in TrackEval.

    Attributes
    ----------
    hota, deta, assa, loca : float
        Higher order tracking accuracy and its detection, association and localisation parts, means
        over the IoU thresholds 0.05, 0.10, ... 0.95 (Luiten et al., IJCV 2021).
    mota, motp : float
        CLEAR MOT accuracy, negative if there are more errors than animals, and mean IoU of the
        matches (Bernardin and Stiefelhagen, 2008).
    idf1, idp, idr : float
        F1, precision and recall of the best one-to-one match of whole trajectories (Ristani et al.,
        2016).
    id_switches, fragmentations : int
        How often the id of an animal changed; how often its track continued after a gap.
    true_positives, false_positives, false_negatives : int
        CLEAR MOT matches, unmatched boxes of the result, unmatched ground truth boxes.
    mostly_tracked, partly_tracked, mostly_lost : int
        Animals that are matched in more than 80 %, in 20 to 80 %, and in less than 20 % of their
        frames.
    identity_accuracy : float
        Percentage of ground truth boxes with the correct id, under the one-to-one assignment of ids
        to animals that is best over the whole video.
    switches_per_animal_hour : float or None
        ID switches per hour in which an animal is visible; None if the frame rate is unknown.
    ap50, ap75, ap : float or None
        Average precision of detection at IoU 0.50, at 0.75, and its mean over 0.50, 0.55, ... 0.95
        (COCO, 2014); None if the result has no scores.
    rank1, rank5, reid_map : float or None
        Rank-1 and rank-5 accuracy and mean average precision of re-identification by embeddings
        (see `murid.metrics.retrieve`); None if the result has no embeddings.
    n_frames, n_labelled_frames : int
        Number of scored frames, and of those in which the ground truth has an animal.
    n_truth_ids, n_result_ids, n_truth_boxes, n_result_boxes : int
        Numbers of ids and boxes in the ground truth and in the result.
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
    identity_accuracy: float
    switches_per_animal_hour: float | None
    ap50: float | None
    ap75: float | None
    ap: float | None
    rank1: float | None
    rank5: float | None
    reid_map: float | None
    n_frames: int
    n_labelled_frames: int
    n_truth_ids: int
    n_result_ids: int
    n_truth_boxes: int
    n_result_boxes: int

    def to_dict(self) -> dict[str, float | int | None]:
        """Return the scores by name, in the order above."""
        return asdict(self)


@dataclass(frozen=True, eq=False, slots=True)
class MetricSums:
    """Counts and sums of one video, or of several together, from which `Metrics` are computed.

    Attributes
    ----------
    hota, clear, identity : mapping
        Fields of TrackEval's metrics.
    n_correct_ids : int
        Ground truth boxes with the correct id.
    n_frames, n_labelled_frames, n_truth_ids, n_result_ids, n_truth_boxes, n_result_boxes : int
        As in `Metrics`.
    animal_hours : float or None
        Hours in which animals are visible, summed over animals; None if the frame rate is unknown.
    detection : DetectionMatches or None
        Of the detections, if they have scores.
    retrieval : Retrieval or None
        Of the embeddings, if there are any.
    """

    hota: Mapping[str, Any]
    clear: Mapping[str, Any]
    identity: Mapping[str, Any]
    n_correct_ids: int
    n_frames: int
    n_labelled_frames: int
    n_truth_ids: int
    n_result_ids: int
    n_truth_boxes: int
    n_result_boxes: int
    animal_hours: float | None = None
    detection: DetectionMatches | None = None
    retrieval: Retrieval | None = None

    @classmethod
    def combine(cls, parts: Sequence[MetricSums]) -> MetricSums:
        """Return the sums over videos, as TrackEval's ``COMBINED_SEQ``; at least one part.

        If the frame rate, detections or embeddings of one part are unknown, so are those of all.
        """
        metrics = _make_trackeval_metrics()
        combined = {
            name: metric.combine_sequences({k: getattr(part, name) for k, part in enumerate(parts)})
            for name, metric in metrics.items()
        }
        counts = {name: sum(getattr(part, name) for part in parts) for name in _COUNTS}
        return cls(
            **combined,
            **counts,
            animal_hours=_combine_known([part.animal_hours for part in parts], sum),
            detection=_combine_known(
                [part.detection for part in parts], DetectionMatches.concatenate
            ),
            retrieval=_combine_known([part.retrieval for part in parts], Retrieval.concatenate),
        )

    def with_extras(
        self, detection: DetectionMatches | None, retrieval: Retrieval | None
    ) -> MetricSums:
        """Return a copy with detections and embeddings to score."""
        return replace(self, detection=detection, retrieval=retrieval)

    def to_metrics(self) -> Metrics:
        """Return the scores, as percentages."""
        hota = self.hota
        clear = self.clear
        identity = self.identity
        id_switches = int(clear["IDSW"])
        precisions = None
        if self.detection is not None:
            precisions = self.detection.compute_average_precisions()
        retrieval = self.retrieval or None  # None without queries
        return Metrics(
            hota=100 * float(np.mean(hota["HOTA"])),
            deta=100 * float(np.mean(hota["DetA"])),
            assa=100 * float(np.mean(hota["AssA"])),
            loca=100 * float(np.mean(hota["LocA"])),
            mota=100 * float(clear["MOTA"]),
            motp=100 * float(clear["MOTP"]),
            idf1=100 * float(identity["IDF1"]),
            idp=100 * float(identity["IDP"]),
            idr=100 * float(identity["IDR"]),
            id_switches=id_switches,
            fragmentations=int(clear["Frag"]),
            true_positives=int(clear["CLR_TP"]),
            false_positives=int(clear["CLR_FP"]),
            false_negatives=int(clear["CLR_FN"]),
            mostly_tracked=int(clear["MT"]),
            partly_tracked=int(clear["PT"]),
            mostly_lost=int(clear["ML"]),
            identity_accuracy=100 * self.n_correct_ids / max(1, self.n_truth_boxes),
            switches_per_animal_hour=id_switches / self.animal_hours if self.animal_hours else None,
            ap50=_to_percent(precisions and precisions.ap50),
            ap75=_to_percent(precisions and precisions.ap75),
            ap=_to_percent(precisions and precisions.ap),
            rank1=_to_percent(retrieval and retrieval.compute_rank(1)),
            rank5=_to_percent(retrieval and retrieval.compute_rank(5)),
            reid_map=_to_percent(retrieval and retrieval.compute_mean_average_precision()),
            n_frames=self.n_frames,
            n_labelled_frames=self.n_labelled_frames,
            n_truth_ids=self.n_truth_ids,
            n_result_ids=self.n_result_ids,
            n_truth_boxes=self.n_truth_boxes,
            n_result_boxes=self.n_result_boxes,
        )


# Fields that are summed over videos.
_COUNTS = (
    "n_correct_ids",
    "n_frames",
    "n_labelled_frames",
    "n_truth_ids",
    "n_result_ids",
    "n_truth_boxes",
    "n_result_boxes",
)


def _to_percent(fraction: float | None) -> float | None:
    """Return a fraction as a percentage, None if unknown."""
    return None if fraction is None else 100 * fraction


def _combine_known(
    parts: Sequence[Value | None], combine: Callable[[list[Value]], Value]
) -> Value | None:
    """Return the combination of all parts, or None if one of them is None."""
    known = [part for part in parts if part is not None]
    return combine(known) if len(known) == len(parts) else None


def compute_metrics(
    truth: LabelledBoxes, result: LabelledBoxes, n_frames: int, fps: float | None = None
) -> Metrics:
    """Return the scores of a result as percentages; arguments as in `compute_metric_sums`."""
    return compute_metric_sums(truth, result, n_frames, fps).to_metrics()


def compute_metric_sums(
    truth: LabelledBoxes,
    result: LabelledBoxes,
    n_frames: int,
    fps: float | None = None,
    matching: Matching | None = None,
) -> MetricSums:
    """Return the counts and sums of a result compared with the ground truth of the same video.

    Parameters
    ----------
    truth, result : LabelledBoxes
        Ground truth and result.
    n_frames : int
        Frames of the video. Frames without ground truth count as frames without animals.
    fps : float, optional
        Frames per second.
    matching : Matching, optional
        The result of `match`, if it is known already.

    Returns
    -------
    MetricSums
        Its scores equal those of TrackEval's ``MotChallenge2DBox`` without its preprocessing.

    Raises
    ------
    ArrayError
        If ground truth or result have frames beyond `n_frames`: they belong to another video.
    """
    for name, boxes in (("truth.frames", truth), ("result.frames", result)):
        if len(boxes) and boxes.frames.max() >= n_frames:
            raise ArrayError(name, f"frames 0 to {n_frames - 1}", f"frame {boxes.frames.max()}")
    if matching is None:
        matching = match(truth, result)
    sequence = _to_trackeval(truth, result)
    metrics = _make_trackeval_metrics()
    fields = {name: metric.eval_sequence(sequence) for name, metric in metrics.items()}
    return MetricSums(
        **fields,
        n_correct_ids=count_correct_ids(truth, result, matching),
        n_frames=n_frames,
        n_labelled_frames=len(np.unique(truth.frames)),
        n_truth_ids=sequence["num_gt_ids"],
        n_result_ids=sequence["num_tracker_ids"],
        n_truth_boxes=len(truth),
        n_result_boxes=len(result),
        animal_hours=len(truth) / fps / 3600 if fps else None,
    )


def _make_trackeval_metrics() -> dict[str, Any]:
    """Return TrackEval's metrics by the field of `MetricSums`."""
    from trackeval.metrics import CLEAR, HOTA, Identity

    settings = {"THRESHOLD": 0.5, "PRINT_CONFIG": False}
    return {"hota": HOTA(), "clear": CLEAR(settings), "identity": Identity(settings)}


def _to_trackeval(truth: LabelledBoxes, result: LabelledBoxes) -> dict[str, Any]:
    """Return the input of TrackEval's metrics: boxes by frame, with ids from 0 without gaps.

    Frames without any box change no score and are left out, so that long empty recordings cost
    nothing.
    """
    frames = np.union1d(truth.frames, result.frames)
    truth_ids = np.unique(truth.ids, return_inverse=True)[1].reshape(-1)
    result_ids = np.unique(result.ids, return_inverse=True)[1].reshape(-1)
    rows_by_frame = list(zip(truth.split(frames), result.split(frames), strict=True))
    return {
        "num_timesteps": len(frames),
        "num_gt_ids": len(np.unique(truth.ids)),
        "num_tracker_ids": len(np.unique(result.ids)),
        "num_gt_dets": len(truth),
        "num_tracker_dets": len(result),
        "gt_ids": [truth_ids[rows] for rows, _ in rows_by_frame],
        "tracker_ids": [result_ids[rows] for _, rows in rows_by_frame],
        "similarity_scores": [
            compute_iou(truth.boxes[truth_rows], result.boxes[result_rows])
            for truth_rows, result_rows in rows_by_frame
        ],
    }

"""How well a result fits the ground truth: HOTA, CLEAR MOT and identity scores, as TrackEval computes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

import numpy as np

from murid.core.boxes import compute_iou
from murid.errors import ArrayError
from murid.metrics.average_precision import MarkedDetections
from murid.metrics.labelled_boxes import LabelledBoxes
from murid.metrics.matching import Matching, count_right_names, match
from murid.metrics.retrieval import Retrieval

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Metrics:
    """Scores of one video, or of several summed; all scores are percentages, best 100.

    Overlap is intersection over union (IoU). CLEAR and identity scores match at IoU >= 0.5. A score
    that has nothing to count is 0, and LocA 100, as in TrackEval.

    Attributes
    ----------
    hota, deta, assa, loca : float
        Higher order tracking accuracy and its detection, association and localisation parts, means
        over the IoU thresholds 0.05, 0.10, ... 0.95 (Luiten et al., IJCV 2021).
    mota, motp : float
        CLEAR MOT accuracy, negative when errors outnumber the truth, and mean IoU of the matches
        (Bernardin and Stiefelhagen, 2008).
    idf1, idp, idr : float
        F1, precision and recall of the best one-to-one match of whole trajectories (Ristani et al.,
        2016).
    id_switches, fragmentations : int
        How often a true animal was given another id than before; how often its trajectory was taken
        up again.
    true_positives, false_positives, false_negatives : int
        CLEAR matches, boxes of the result without a true one, true boxes without one in the result.
    mostly_tracked, partly_tracked, mostly_lost : int
        True animals matched in more than 80 %, in 20 to 80 %, and in less than 20 % of their
        frames.
    identity_accuracy : float
        Share of the true boxes with the right name, under the one-to-one assignment of ids to
        animals that is best over the whole video.
    switches_per_animal_hour : float or None
        ID switches for each hour that an animal is in the picture; None where the frame rate is not
        known.
    ap50, ap75, ap : float or None
        Average precision of detection at IoU 0.50, at 0.75, and its mean over 0.50, 0.55, ... 0.95
        (COCO, 2014); None where the result has no scores.
    rank1, rank5, reid_map : float or None
        Share of boxes with another moment of the same animal among the 1 and the 5 most alike, and
        mean average precision of that ranking; None where the result has no embeddings.
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
class Scores:
    """What the scores of a video are made of, in a form that can be summed over videos.

    Attributes
    ----------
    hota, clear, identity : mapping
        TrackEval's fields.
    n_right_names : int
        True boxes with the right name.
    n_frames, n_labelled_frames, n_truth_ids, n_result_ids, n_truth_boxes, n_result_boxes : int
        Sizes of what was compared.
    animal_hours : float or None
        Time that animals are in the picture; None where the frame rate is not known.
    detection : MarkedDetections or None
    retrieval : Retrieval or None
    """

    hota: Mapping[str, Any]
    clear: Mapping[str, Any]
    identity: Mapping[str, Any]
    n_right_names: int
    n_frames: int
    n_labelled_frames: int
    n_truth_ids: int
    n_result_ids: int
    n_truth_boxes: int
    n_result_boxes: int
    animal_hours: float | None = None
    detection: MarkedDetections | None = None
    retrieval: Retrieval | None = None

    @classmethod
    def combine(cls, parts: Sequence[Scores]) -> Scores:
        """Sum over videos, as TrackEval's ``COMBINED_SEQ`` does; at least one part.

        What is known of some of the videos only is not known of all: a part without frame rate,
        detections or embeddings leaves the sum without.
        """
        fields = {
            name: metric.combine_sequences({k: getattr(part, name) for k, part in enumerate(parts)})
            for name, metric in _make_metrics().items()
        }
        return cls(
            **fields,
            **{name: sum(getattr(part, name) for part in parts) for name in _SUMS},
            animal_hours=_sum_if_all([part.animal_hours for part in parts], sum),
            detection=_sum_if_all([part.detection for part in parts], MarkedDetections.concatenate),
            retrieval=_sum_if_all([part.retrieval for part in parts], Retrieval.concatenate),
        )

    def with_extras(
        self, detection: MarkedDetections | None, retrieval: Retrieval | None
    ) -> Scores:
        """Copy with the scores of detection and of re-identification."""
        return replace(self, detection=detection, retrieval=retrieval)

    def to_metrics(self) -> Metrics:
        """Return the scores as percentages."""
        values: dict[str, Any] = {
            name: 100 * float(np.mean(self.hota[field])) for name, field in _HOTA_SCORES.items()
        }
        values |= {name: 100 * float(self.clear[field]) for name, field in _CLEAR_SCORES.items()}
        values |= {
            name: 100 * float(self.identity[field]) for name, field in _IDENTITY_SCORES.items()
        }
        values |= {name: int(self.clear[field]) for name, field in _CLEAR_COUNTS.items()}
        precisions = (self.detection and self.detection.compute_precisions()) or (None, None, None)
        found = self.retrieval
        shares = (
            (found.compute_rank(1), found.compute_rank(5), found.compute_mean_average_precision())
            if found
            else ()
        )
        names = ("ap50", "ap75", "ap", "rank1", "rank5", "reid_map")
        for name, share in zip(names, (*precisions, *(shares or (None, None, None))), strict=True):
            values[name] = None if share is None else 100 * share
        return Metrics(
            **values,
            identity_accuracy=100 * self.n_right_names / max(1, self.n_truth_boxes),
            switches_per_animal_hour=values["id_switches"] / self.animal_hours
            if self.animal_hours
            else None,
            **{
                name: getattr(self, name)
                for name in _SUMS
                if name.startswith("n_") and name != "n_right_names"
            },
        )


_SUMS = (
    "n_right_names",
    "n_frames",
    "n_labelled_frames",
    "n_truth_ids",
    "n_result_ids",
    "n_truth_boxes",
    "n_result_boxes",
)


def _sum_if_all(parts: Sequence[T | None], add: Callable[[list[T]], T]) -> T | None:
    known = [part for part in parts if part is not None]
    return add(known) if len(known) == len(parts) else None


def compute_metrics(
    truth: LabelledBoxes, result: LabelledBoxes, n_frames: int, fps: float | None = None
) -> Metrics:
    """Score a result against the ground truth of the same video, as `compute_scores` does."""
    return compute_scores(truth, result, n_frames, fps).to_metrics()


def compute_scores(
    truth: LabelledBoxes,
    result: LabelledBoxes,
    n_frames: int,
    fps: float | None = None,
    matching: Matching | None = None,
) -> Scores:
    """Score a result against the ground truth of the same video.

    Parameters
    ----------
    truth, result : LabelledBoxes
        What is there, and what was found.
    n_frames : int
        Frames of the video. A frame that the truth does not mention counts as a frame without
        animals.
    fps : float, optional
        Frames per second.
    matching : Matching, optional
        As `match` finds it, where that is known already.

    Returns
    -------
    Scores
        The same numbers as TrackEval's ``MotChallenge2DBox`` without its preprocessing gives.

    Raises
    ------
    ArrayError
        If the truth or the result has frames beyond `n_frames`: they belong to another video.
    """
    for name, boxes in (("truth.frames", truth), ("result.frames", result)):
        if len(boxes) and boxes.frames.max() >= n_frames:
            raise ArrayError(name, f"frames 0 to {n_frames - 1}", f"frame {boxes.frames.max()}")
    sequence = _to_sequence(truth, result)
    return Scores(
        **{name: metric.eval_sequence(sequence) for name, metric in _make_metrics().items()},
        n_right_names=count_right_names(
            truth, result, match(truth, result) if matching is None else matching
        ),
        n_frames=n_frames,
        n_labelled_frames=len(np.unique(truth.frames)),
        n_truth_ids=sequence["num_gt_ids"],
        n_result_ids=sequence["num_tracker_ids"],
        n_truth_boxes=len(truth),
        n_result_boxes=len(result),
        animal_hours=len(truth) / fps / 3600 if fps else None,
    )


def _make_metrics() -> dict[str, Any]:
    from trackeval.metrics import CLEAR, HOTA, Identity

    settings = {"THRESHOLD": 0.5, "PRINT_CONFIG": False}
    return {"hota": HOTA(), "clear": CLEAR(settings), "identity": Identity(settings)}


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
    truth_ids, result_ids = (
        np.unique(boxes.ids, return_inverse=True)[1].reshape(-1) for boxes in (truth, result)
    )
    pairs = list(zip(truth.split(frames), result.split(frames), strict=True))
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

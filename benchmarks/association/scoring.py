"""Scores of one data set, combined over its sequences as in TrackEval."""

from __future__ import annotations

from collections.abc import Sequence as SequenceOf
from dataclasses import asdict, dataclass
from typing import Any

from sequences import Sequence

from murid.core.types import TrackedDetections, Tracks
from murid.metrics import LabelledBoxes, MetricSums, apply_protocol, compute_metric_sums


@dataclass(frozen=True)
class Row:
    """One tracker on one data set; ID switches are the mean over seeds."""

    data_set: str
    tracker: str
    hota: float
    assa: float
    deta: float
    idf1: float
    mota: float
    switches: float
    us_per_frame: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def score(sequence: Sequence, tracked: SequenceOf[TrackedDetections]) -> MetricSums:
    """Score one sequence."""
    result = LabelledBoxes.from_tracks(Tracks.from_frames(tracked))
    truth, kept = apply_protocol(sequence.truth, result, sequence.protocol)
    return compute_metric_sums(truth, result.select(kept), len(tracked))


def combine(
    data_set: str, tracker: str, parts: SequenceOf[MetricSums], n_seeds: int, us_per_frame: float
) -> Row:
    """Combine the sequences of a data set."""
    m = MetricSums.combine(parts).to_metrics()
    return Row(
        data_set,
        tracker,
        m.hota,
        m.assa,
        m.deta,
        m.idf1,
        m.mota,
        m.id_switches / n_seeds,
        us_per_frame,
    )

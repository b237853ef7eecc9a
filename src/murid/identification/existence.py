"""Existence: how likely a tracklet is an animal, and not clutter or a duplicate.

A logistic model of a few features of the tracklet, fitted by ``benchmarks/existence.py``. Its
log-odds, summed over independent moments, are the log-likelihood ratios by which min-cost flow
chooses tracklets. A detector that looks at the same pixels again learns nothing new: moments at one
place count less the longer something was detected there, so that clutter which never moves has
little weight against whatever moves. The probability that is reported considers the path around the
tracklet too: a poor detection between good ones of the same path likely is the same animal.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from murid.core.boxes import compute_areas
from murid.core.ranges import find_run_starts
from murid.core.types import Bool, DetectionTable, Float32, Float64, Int64
from murid.identification.occlusion import compute_overlaps
from murid.identification.tracklets import Tracklets

FEATURES = ("score", "duration", "static", "small", "large", "surplus")
"""Features of a tracklet, in this order:

- ``score``: mean logit of its scores, less that of a typical score of this recording.
- ``duration``: logarithm of one plus the number of independent moments in which it lasts.
- ``static``: how exactly and how often there are detections at its place throughout the recording,
  less in a recording of a few seconds.
- ``small``, ``large``: logarithm of how much smaller, or larger, its boxes are than half of, or
  twice, the typical area.
- ``surplus``: share of its frames in which N detections have a higher score.
"""

# Time between two independent scores, in seconds; frames in between add no evidence. The
# autocorrelation of the scores of animals falls below 1/e after 0.13 s on the recordings of the
# fit, as `benchmarks/existence.py` prints; that of clutter later. Twice as much halves the evidence
# of each second against that of links.
CORRELATION_S = 0.2
# Scores beyond these bounds are no better or worse evidence.
MIN_SCORE = 0.02
MAX_SCORE = 0.98
# Number of moments, evenly spread over the recording, at which the place of a tracklet is looked
# at. Time is in proportion.
N_PLACE_MOMENTS = 64
# A detection with this IoU is not at the place of a tracklet; from here on it partly is.
MIN_PLACE_IOU = 0.5
# Animals may well stay in one place throughout a recording of a few seconds. In one of this
# duration it counts half as much as in a long one. Of 2, 3, 4 and 5 s, held-out losses are 0.114,
# 0.112, 0.110 and 0.109; at 5 s a spout keeps an identity in a clip of 5 s.
STATIC_S = 4.0
# Minimum share of the moments that count of a tracklet that never moves. At 0 it would never be
# found; at 1 clutter would count as much as an animal.
MIN_MOVING_SHARE = 0.05
# Share of the log-odds against what never moves that counts in the flow, where moments are few
# already. At 1 an animal asleep with a score a little below that of others gets no identity; at 0
# clutter of a low score gets one where there are fewer animals than N.
STATIC_SHARE = 0.5
# A box may be this many times smaller or larger than a typical one without a penalty: animals turn,
# rear and differ.
FREE_SIZE_RATIO = 2.0
# From this many times on the penalty is the same: a pup beside its dam is an animal all the same.
MAX_SIZE_RATIO = 3.0
# Time constant of the mean along a path.
PATH_S = 2.0


@dataclass(frozen=True, slots=True)
class ExistenceModel:
    """Coefficients of the log-odds that a tracklet is an animal.

    Attributes
    ----------
    intercept : float
    weights : tuple of float
        One for each of `FEATURES`.
    path_intercept, own_weight, path_weight : float
        Of the log-odds of a tracklet on a path: weights of its own log-odds, and of their mean
        along the path.
    """

    intercept: float
    weights: tuple[float, ...]
    path_intercept: float
    own_weight: float
    path_weight: float


@cache
def load_existence_model() -> ExistenceModel:
    """Return the fitted model that is part of the package."""
    text = files("murid.identification").joinpath("existence.json").read_text(encoding="utf-8")
    fitted = json.loads(text)
    return ExistenceModel(
        intercept=fitted["intercept"],
        weights=tuple(fitted["weights"][name] for name in FEATURES),
        path_intercept=fitted["path"]["intercept"],
        own_weight=fitted["path"]["own"],
        path_weight=fitted["path"]["path"],
    )


@dataclass(frozen=True, eq=False, slots=True)
class ExistenceEvidence:
    """What speaks for and against that tracklets are animals.

    Attributes
    ----------
    features : ndarray
        ``(T, 6)`` float64, the `FEATURES`.
    moments : ndarray
        ``(T,)`` float64 number of independent moments at which each tracklet was detected.
    """

    features: Float64
    moments: Float64

    def compute_log_odds(self) -> Float64:
        """Return the log-odds ``(T,)`` that tracklets are animals."""
        model = load_existence_model()
        log_odds: Float64 = model.intercept + self.features @ np.array(model.weights)
        return log_odds

    def compute_llrs(self) -> Float64:
        """Return the log-likelihood ratio ``(T,)`` that each tracklet is an animal.

        It is the sum of the log-odds over the independent moments, so it does not grow with the
        frame rate. That a tracklet stays in one place makes its moments few already, so it is
        counted against it in part: an animal asleep is found where nothing better takes its place.
        """
        static = FEATURES.index("static")
        against = load_existence_model().weights[static] * self.features[:, static]
        return self.moments * (self.compute_log_odds() - (1 - STATIC_SHARE) * against)


def compute_moments_per_frame(fps: float) -> float:
    """Return the number of independent moments of one frame, at most 1."""
    return min(1.0, 1 / (fps * CORRELATION_S))


def measure_existence(
    table: DetectionTable,
    usable: Bool,
    tracklets: Tracklets,
    n_animals: int,
    fps: float,
    n_frames: int | None = None,
) -> ExistenceEvidence:
    """Return the evidence that tracklets are animals.

    Parameters
    ----------
    table : DetectionTable
        All detections of the recording.
    usable : ndarray
        ``(N,)`` bool: whether each detection may be an animal.
    tracklets : Tracklets
    n_animals : int
        Maximum number of animals.
    fps : float
        Frames per second.
    n_frames : int, optional
        Number of frames that were recorded; all frames of the table by default.
    """
    if not len(tracklets):
        return ExistenceEvidence(np.zeros((0, len(FEATURES))), np.zeros(0))
    ranks = _rank_scores(table)
    typical_score, typical_area = _find_typical(table, ranks < n_animals)
    scores = logit(np.clip(table.scores[tracklets.rows].astype(np.float64), MIN_SCORE, MAX_SCORE))
    areas = compute_areas(table.boxes[tracklets.rows]).astype(np.float64)
    log_sizes = _average(np.log(np.maximum(areas, 1e-6) / typical_area), tracklets)
    static = _measure_static(table, usable, tracklets)
    moments_per_frame = compute_moments_per_frame(fps) * np.maximum(1 - static, MIN_MOVING_SHARE)
    duration_s = (table.n_frames if n_frames is None else n_frames) / fps
    static_weight = duration_s / (duration_s + STATIC_S)
    features = np.column_stack(
        [
            _average(scores, tracklets) - logit(np.clip(typical_score, MIN_SCORE, MAX_SCORE)),
            np.log1p((tracklets.lengths - 1) * moments_per_frame),
            static_weight * static,
            _measure_deviation(-log_sizes),
            _measure_deviation(log_sizes),
            _average(ranks[tracklets.rows] >= n_animals, tracklets),
        ]
    )
    return ExistenceEvidence(features, tracklets.lengths * moments_per_frame)


def _average(values: NDArray[Any], tracklets: Tracklets) -> Float64:
    """Return the mean ``(T,)`` over each tracklet of the values ``(M,)`` of its detections."""
    sums = np.add.reduceat(values.astype(np.float64), tracklets.offsets[:-1])
    means: Float64 = sums / tracklets.lengths
    return means


def _measure_deviation(log_ratios: Float64) -> Float64:
    """Return by how much ratios of size ``(T,)`` exceed the free one, as logarithms."""
    limited = np.minimum(log_ratios, np.log(MAX_SIZE_RATIO)) - np.log(FREE_SIZE_RATIO)
    deviations: Float64 = np.maximum(limited, 0)
    return deviations


def _rank_scores(table: DetectionTable) -> Int64:
    """Return how many detections ``(N,)`` of the same frame have a higher score than each."""
    frames = table.frame_numbers
    order = np.lexsort((-table.scores, frames))
    # Of equal scores, none is higher: they have the rank of the first of them.
    is_first = np.diff(table.scores[order], prepend=np.inf) != 0
    is_first[table.frame_offsets[:-1][np.diff(table.frame_offsets) > 0]] = True
    firsts = np.maximum.accumulate(np.where(is_first, np.arange(len(order)), 0))
    ranks = np.empty(len(order), np.int64)
    ranks[order] = firsts - table.frame_offsets[frames[order]]
    return ranks


def _find_typical(table: DetectionTable, best: Bool) -> tuple[float, float]:
    """Return the median score and the median area of the best detections of each frame."""
    areas = compute_areas(table.boxes[best])
    return float(np.median(table.scores[best])), float(np.median(areas[areas > 0]))


def _measure_static(table: DetectionTable, usable: Bool, tracklets: Tracklets) -> Float64:
    """Return how exactly and how often ``(T,)`` there are detections at the place of a tracklet.

    The place is the box in the middle of the tracklet.
    """
    middles = tracklets.rows[(tracklets.offsets[:-1] + tracklets.offsets[1:] - 1) // 2]
    boxes = table.boxes[middles]
    moments = _choose_moments(table)
    shares = np.zeros(len(boxes))
    for frame in moments.tolist():
        rows = np.arange(table.frame_offsets[frame], table.frame_offsets[frame + 1])
        best = np.zeros(len(boxes), np.float32)
        for row in rows[usable[rows]].tolist():
            np.maximum(best, _compute_ious(boxes, table.boxes[row]), out=best)
        shares += np.maximum(best - MIN_PLACE_IOU, 0) / (1 - MIN_PLACE_IOU)
    return shares / len(moments)


def _choose_moments(table: DetectionTable) -> Int64:
    """Return frames spread evenly over those that have detections."""
    frames = np.flatnonzero(np.diff(table.frame_offsets))
    n_moments = min(N_PLACE_MOMENTS, len(frames))
    return frames[np.linspace(0, len(frames) - 1, n_moments).round().astype(np.int64)]


def _compute_ious(boxes: Float32, box: Float32) -> Float32:
    """Return the IoU ``(n,)`` of boxes with one box."""
    intersections = compute_overlaps(boxes, box[None]).prod(axis=1)
    unions = compute_areas(boxes) + compute_areas(box[None]) - intersections
    ious: Float32 = intersections / np.maximum(unions, np.float32(1e-6))
    return ious


def compute_existence_probabilities(
    log_odds: Float64, paths: Int64, tracklets: Tracklets, fps: float
) -> Float64:
    """Return the probability ``(T,)`` that tracklets on paths are animals; 0 on none.

    Parameters
    ----------
    log_odds : ndarray
        ``(T,)`` float64, as of `compute_existence_log_odds`.
    paths : ndarray
        ``(T,)`` int64 path of each tracklet; -1 = none.
    tracklets : Tracklets
    fps : float
        Frames per second.
    """
    model = load_existence_model()
    means = average_along_paths(log_odds, paths, tracklets, fps)
    on_path = model.own_weight * log_odds + model.path_weight * means + model.path_intercept
    return np.where(paths >= 0, expit(on_path), 0.0)


def average_along_paths(
    log_odds: Float64, paths: Int64, tracklets: Tracklets, fps: float
) -> Float64:
    """Return the mean log-odds ``(T,)`` of the path around each tracklet; 0 on no path.

    Weights decay exponentially with the time before and after the tracklet.
    """
    means = np.zeros(len(tracklets))
    order = np.flatnonzero(paths >= 0)
    order = order[np.lexsort((tracklets.first_frames[order], paths[order]))]
    bounds = np.append(find_run_starts(paths[order]), len(order))
    for low, high in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        own = order[low:high]
        firsts = tracklets.first_frames[own] / (fps * PATH_S)
        ends = (tracklets.last_frames[own] + 1) / (fps * PATH_S)
        before = _sum_before(log_odds[own], firsts, ends)
        after = _sum_before(log_odds[own][::-1], -ends[::-1], -firsts[::-1])[::-1]
        weights = ends - firsts
        total = before + after + np.column_stack([weights * log_odds[own], weights])
        means[own] = total[:, 0] / total[:, 1]
    return means


def _sum_before(values: Float64, firsts: Float64, ends: Float64) -> Float64:
    """Return the weighted sum of the values before each, and the sum of weights, ``(n, 2)``.

    A value holds from its first time to its end; weights decay by 1/e in a unit of time.
    """
    own_weights = 1 - np.exp(firsts - ends)
    decays = np.exp(firsts - ends)
    gap_decays = np.exp(np.append(0.0, ends[:-1] - firsts[1:]))
    sums = np.zeros((len(values), 2))
    weighted = 0.0
    weight = 0.0
    columns = np.column_stack([values, own_weights, decays, gap_decays]).tolist()
    for k, (value, own_weight, decay, gap_decay) in enumerate(columns):
        weighted *= gap_decay
        weight *= gap_decay
        sums[k] = weighted, weight
        weighted = weighted * decay + own_weight * value
        weight = weight * decay + own_weight
    return sums

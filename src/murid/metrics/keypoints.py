"""Scores of keypoints against labels: errors, PCK, and bodies whose ends are exchanged.

All lengths are in pixels. An animal is a row; a keypoint that is unknown is NaN. The body length of
a recording is the median distance between the labelled nose and tail base.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from murid.core.types import Bool, Float64, Int64
from murid.core.validation import to_array

# Shares of the body length within which a keypoint counts as correct.
PCK_THRESHOLDS = (0.05, 0.1, 0.2)

# An animal is at most this many body lengths from its label. Two animals side by side are half a
# body length apart, and the centre of a box is as far as that from the middle of a bent body.
MAX_MATCH_DISTANCE = 0.5


@dataclass(frozen=True)
class KeypointScores:
    """Scores of the nose and the tail base of the animals of a recording.

    Shares are in [0, 1], errors are shares of the body length; NaN where nothing can be counted.

    Attributes
    ----------
    n_labelled : int
        Animals with a labelled nose and tail base.
    body_length_px : float
        Median distance between the labelled nose and tail base.
    matched_share : float
        Share of the labelled animals that were found.
    known_share : float
        Share of the labelled animals that were found and have a nose and a tail base.
    nose_error_median, nose_error_p90, tail_base_error_median, tail_base_error_p90 : float
        Median and 90th percentile of the distances from the label.
    exchanged_share : float
        Share of the animals with known keypoints whose nose and tail base are exchanged, see
        `find_exchanged`.
    nose_pck, tail_base_pck : tuple of float
        Percentage of correct keypoints (PCK) as a share of the labelled animals, for each of
        `PCK_THRESHOLDS`; an unknown keypoint is not correct.
    """

    n_labelled: int
    body_length_px: float
    matched_share: float
    known_share: float
    nose_error_median: float
    nose_error_p90: float
    tail_base_error_median: float
    tail_base_error_p90: float
    exchanged_share: float
    nose_pck: tuple[float, ...]
    tail_base_pck: tuple[float, ...]


def match_centres(labels: Float64, centres: Float64, max_distance: float) -> Int64:
    """Return which of the centres ``(M, 2)`` belongs to each label ``(N, 2)`` of one frame.

    The sum of distances is minimal, and none is above `max_distance`.

    Returns
    -------
    ndarray
        ``(N,)`` int64 row of `centres`; -1 = none.
    """
    matches = np.full(len(labels), -1, np.int64)
    if not len(labels) or not len(centres):
        return matches
    distances = np.hypot(*(labels[:, None] - centres[None]).transpose(2, 0, 1))
    # Pairs that are too far apart cost more than any number of others, so they are a last resort.
    costs = np.where(distances <= max_distance, distances, 1e6 * (1 + max_distance))
    rows, columns = linear_sum_assignment(costs)
    is_near = distances[rows, columns] <= max_distance
    matches[rows[is_near]] = columns[is_near]
    return matches


def compute_errors(points: Float64, labels: Float64) -> Float64:
    """Return the distances ``(N,)`` of points ``(N, 2)`` from their labels; NaN = unknown."""
    errors: Float64 = np.hypot(*(points - labels).T)
    return errors


def compute_pck(errors: Float64, length: float, thresholds: Sequence[float]) -> tuple[float, ...]:
    """Return the percentage of correct keypoints (PCK) for each threshold, as shares in [0, 1].

    Parameters
    ----------
    errors : ndarray
        ``(N,)``, NaN = unknown, which counts as wrong.
    length : float
        Length that thresholds are shares of.
    thresholds : sequence of float
        A keypoint is correct if its error is at most this share of the length.

    Notes
    -----
    Yang and Ramanan (2013), IEEE Transactions on Pattern Analysis and Machine Intelligence 35:2878.
    """
    if not len(errors):
        return tuple(float("nan") for _ in thresholds)
    return tuple(float((errors <= threshold * length).mean()) for threshold in thresholds)


def find_exchanged(
    nose: Float64, tail_base: Float64, label_nose: Float64, label_tail_base: Float64
) -> Bool:
    """Return the animals ``(N,)`` whose nose and tail base are exchanged.

    Both together would be nearer to the labels if they were exchanged. False where one is unknown.
    All parameters are ``(N, 2)``.
    """
    as_found = compute_errors(nose, label_nose) + compute_errors(tail_base, label_tail_base)
    exchanged = compute_errors(nose, label_tail_base) + compute_errors(tail_base, label_nose)
    is_exchanged: Bool = exchanged < as_found
    return is_exchanged


def compute_keypoint_scores(
    nose: Float64,
    tail_base: Float64,
    label_nose: Float64,
    label_tail_base: Float64,
    matched: Bool | None = None,
) -> KeypointScores:
    """Return the scores of the animals of a recording that have labels.

    Parameters
    ----------
    nose, tail_base : ndarray
        ``(N, 2)`` of the animal that was matched with each label; NaN = unknown, or none matched.
    label_nose, label_tail_base : ndarray
        ``(N, 2)``; rows with NaN are left out.
    matched : ndarray, optional
        ``(N,)`` bool: which labels have an animal; by default those with a known nose.

    Raises
    ------
    ArrayError
        If shapes differ.
    """
    label_nose = to_array("label_nose", label_nose, np.float64, (None, 2))
    n = len(label_nose)
    label_tail_base = to_array("label_tail_base", label_tail_base, np.float64, (n, 2))
    nose = to_array("nose", nose, np.float64, (n, 2))
    tail_base = to_array("tail_base", tail_base, np.float64, (n, 2))
    if matched is None:
        matched = np.isfinite(nose[:, 0])
    matched = to_array("matched", matched, np.bool_, (n,))

    body_lengths_px = compute_errors(label_nose, label_tail_base)
    is_labelled = np.isfinite(body_lengths_px)
    n_labelled = int(is_labelled.sum())
    length = float(np.median(body_lengths_px[is_labelled])) if n_labelled else float("nan")
    nose_errors = compute_errors(nose, label_nose)[is_labelled]
    tail_base_errors = compute_errors(tail_base, label_tail_base)[is_labelled]
    is_known = np.isfinite(nose_errors) & np.isfinite(tail_base_errors)
    exchanged = find_exchanged(nose, tail_base, label_nose, label_tail_base)[is_labelled]
    return KeypointScores(
        n_labelled=n_labelled,
        body_length_px=length,
        matched_share=_mean(matched[is_labelled]),
        known_share=_mean(is_known),
        nose_error_median=_quantile(nose_errors, 0.5) / length,
        nose_error_p90=_quantile(nose_errors, 0.9) / length,
        tail_base_error_median=_quantile(tail_base_errors, 0.5) / length,
        tail_base_error_p90=_quantile(tail_base_errors, 0.9) / length,
        exchanged_share=_mean(exchanged[is_known]),
        nose_pck=compute_pck(nose_errors, length, PCK_THRESHOLDS),
        tail_base_pck=compute_pck(tail_base_errors, length, PCK_THRESHOLDS),
    )


def _mean(mask: Bool) -> float:
    """Return the share of True; NaN without values."""
    return float(mask.mean()) if len(mask) else float("nan")


def _quantile(errors: Float64, quantile: float) -> float:
    """Return a quantile of the known errors; NaN without any."""
    known = errors[np.isfinite(errors)]
    return float(np.quantile(known, quantile)) if len(known) else float("nan")

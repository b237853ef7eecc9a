"""Axis evidence: what the frames of an animal say about which end of its body is the head.

All evidence is a log-likelihood ratio: positive if nose and tail base are as the detector found
them, negative if they are exchanged.
"""

from __future__ import annotations

import numpy as np

from murid.core.boxes import compute_centres
from murid.core.keypoints import CONFIDENCE, NOSE, TAIL_BASE
from murid.core.types import Float32, Float64, Int64

# The detector confuses head and tail for as long as the picture hardly changes, so frames within
# this time count as one look. If it were doubled, wrong frames in a row would be outlived for twice
# as long, and a wrong start would last twice as long.
LOOK_S = 1.0
# What one look says if the detector is certain: head and tail are right with 95 %. It scales with
# the confidence in the less certain of both points.
LOOK_LLR = 3.0

# Rodents walk head first; they back up slowly. Speeds along the body axis, in body lengths per
# second: up to the first one, motion says nothing; from the second one on, all that it can.
MIN_SPEED = 0.5
MAX_SPEED = 1.5
# What a second of such motion says. More than the detector, since animals hardly ever run
# backwards, and less than a contradiction within a frame, since they are carried and pushed.
MOTION_LLR_PER_S = 10.0
# Velocities are measured between the frames this long before and after, or the next ones where
# frames are rarer: with less, the jitter of boxes looks like motion. Over a longer time than the
# maximum, nothing is measured.
VELOCITY_REACH_S = 0.15
MAX_VELOCITY_S = 1.0

# Standard deviation of a detected nose or tail base, in body lengths.
POSITION_NOISE = 0.1
# How fast an end of the body moves about its middle, in body lengths per second, in an animal whose
# box does not change. The change of the box adds to it.
TURN_PER_S = 1.0
# Share of frames in which the axis is anywhere: the animal rears, or is another one. It bounds what
# two frames can say about each other to 9.9.
OUTLIER_SHARE = 1e-4
# The ends of a body that looks shorter than this share of its usual length, in an animal that
# rears or is curled up, say less about head and tail.
MIN_FULL_LENGTH = 0.4


def get_axes(keypoints: Float32) -> Float64:
    """Return the body axes ``(n, 2)`` float64, from tail base to nose, of ``(n, 3, 3)`` keypoints.

    NaN where one of both is unknown.
    """
    ends = keypoints[:, [NOSE, TAIL_BASE], :2].astype(np.float64)
    axes: Float64 = ends[:, 0] - ends[:, 1]
    return axes


def measure_body_px(axes: Float64) -> float:
    """Return the body length of an animal in pixels: that of ``(n, 2)`` axes when it is stretched.

    0 without axes.
    """
    return float(np.quantile(np.hypot(*axes.T), 0.75)) if len(axes) else 0.0


def compute_detector_llrs(
    times_s: Float64, keypoints: Float32, axes: Float64, body_px: float
) -> Float64:
    """Return what the detector says about head and tail in each frame.

    Frames less than `LOOK_S` apart are one stretch. A stretch of duration T counts as
    ``1 + T / LOOK_S`` looks, to which its frames contribute equally.

    Parameters
    ----------
    times_s : ndarray
        ``(n,)`` float64, ascending.
    keypoints : ndarray
        ``(n, 3, 3)`` float32, all of whose ends are known.
    axes : ndarray
        ``(n, 2)`` float64, as of `get_axes`.
    body_px : float
        Body length.

    Returns
    -------
    ndarray
        ``(n,)`` float64.
    """
    bounds = np.append(0, np.flatnonzero(np.diff(times_s) > LOOK_S) + 1)
    n_frames = np.diff(np.append(bounds, len(times_s)))
    lasts = bounds + n_frames - 1
    n_looks = 1 + (times_s[lasts] - times_s[bounds]) / LOOK_S
    weights = np.repeat(n_looks / n_frames, n_frames)
    confidences = keypoints[:, [NOSE, TAIL_BASE], CONFIDENCE].min(axis=1)
    llrs: Float64 = LOOK_LLR * confidences * weights * _weight_lengths(axes, body_px)
    return llrs


def compute_motion_llrs(
    times_s: Float64, velocities: Float64, axes: Float64, body_px: float, interval_s: float
) -> Float64:
    """Return what motion says about head and tail in each frame: rodents walk head first.

    Parameters
    ----------
    times_s : ndarray
        ``(n,)`` float64, ascending.
    velocities : ndarray
        ``(n, 2)`` float64 pixels per second, NaN = unknown; as of `measure_velocities`.
    axes : ndarray
        ``(n, 2)`` float64.
    body_px : float
        Body length.
    interval_s : float
        Usual time between two frames.

    Returns
    -------
    ndarray
        ``(n,)`` float64.
    """
    lengths = np.maximum(np.hypot(*axes.T), 1e-6)
    speeds = (velocities * axes).sum(axis=1) / lengths / body_px
    speeds = np.nan_to_num(speeds)
    shares = (np.abs(speeds) - MIN_SPEED) / (MAX_SPEED - MIN_SPEED)
    # A frame stands for the time since the one before, at most for one look.
    durations_s = np.append(interval_s, np.diff(times_s))
    durations_s = np.minimum(durations_s, max(interval_s, LOOK_S))
    evidence = MOTION_LLR_PER_S * durations_s * np.sign(speeds) * np.clip(shares, 0, 1)
    return np.asarray(evidence * _weight_lengths(axes, body_px))


def compute_link_llrs(times_s: Float64, boxes: Float32, axes: Float64, body_px: float) -> Float64:
    """Return how much likelier it is that two consecutive frames are both right, or both wrong.

    For normally distributed ends of the body, the log-likelihood ratio is the scalar product of
    both axes, divided by the variance of the motion of an end.

    Parameters
    ----------
    times_s : ndarray
        ``(n,)`` float64, ascending.
    boxes : ndarray
        ``(n, 4)`` float32 xyxy.
    axes : ndarray
        ``(n, 2)`` float64.
    body_px : float
        Body length.

    Returns
    -------
    ndarray
        ``(n - 1,)`` float64, negative where the axis would turn by more than a right angle.
    """
    edges = boxes.astype(np.float64)
    changes_px = np.abs(np.diff(edges, axis=0)).max(axis=1)
    turns_px = TURN_PER_S * body_px * np.diff(times_s)
    variances = 2 * (POSITION_NOISE * body_px) ** 2 + turns_px**2 + changes_px**2
    products = (axes[1:] * axes[:-1]).sum(axis=1)
    return _bound(products / variances)


def measure_velocities(times_s: Float64, boxes: Float32) -> Float64:
    """Return the velocity of the centre of an animal's box in each frame.

    Parameters
    ----------
    times_s : ndarray
        ``(n,)`` float64, ascending.
    boxes : ndarray
        ``(n, 4)`` float32 xyxy.

    Returns
    -------
    ndarray
        ``(n, 2)`` float64 pixels per second; NaN where there is no frame near enough.
    """
    n = len(times_s)
    if n < 2:
        return np.full((n, 2), np.nan)
    centres = compute_centres(boxes).astype(np.float64)
    rows: Int64 = np.arange(n)
    before = np.searchsorted(times_s, times_s - VELOCITY_REACH_S)
    after = np.searchsorted(times_s, times_s + VELOCITY_REACH_S, side="right") - 1
    before = np.maximum(np.minimum(before, rows - 1), 0)
    after = np.minimum(np.maximum(after, rows + 1), n - 1)
    elapsed_s = times_s[after] - times_s[before]
    is_known = (elapsed_s > 0) & (elapsed_s <= MAX_VELOCITY_S)
    velocities = (centres[after] - centres[before]) / np.where(is_known, elapsed_s, np.nan)[:, None]
    return np.asarray(velocities)


def _weight_lengths(axes: Float64, body_px: float) -> Float64:
    """Return a weight ``(n,)`` from 0 to 1: lower where the body looks short."""
    weights: Float64 = np.minimum(np.hypot(*axes.T) / (MIN_FULL_LENGTH * body_px), 1)
    return weights


def _bound(llrs: Float64) -> Float64:
    """Return log-likelihood ratios ``(n,)`` of a mixture with a share of outliers."""
    probabilities = 1 / (1 + np.exp(-np.clip(llrs, -50, 50)))
    mixed = OUTLIER_SHARE / 2 + (1 - OUTLIER_SHARE) * probabilities
    bounded: Float64 = np.log(mixed) - np.log1p(-mixed)
    return bounded

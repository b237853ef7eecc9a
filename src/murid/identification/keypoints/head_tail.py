"""Head and tail over time: nose and tail base are exchanged where the detector confused them.

A hidden Markov model with two states per frame, right and exchanged. In one image the ends of a
rodent are easily confused, but an animal does not turn around within a frame, and it walks head
first. So each frame decides for its neighbours as well, and what an animal at rest was before it
came to rest is remembered. The forward-backward algorithm (Rabiner, Proceedings of the IEEE 1989)
gives the probability of each state given all frames; the likelier one is taken.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from murid.core.keypoints import CONFIDENCE, NOSE, TAIL_BASE
from murid.core.records import ArrayRecord
from murid.core.types import Bool, Float32, Float64, Int64
from murid.identification.keypoints.axis_evidence import (
    compute_detector_llrs,
    compute_link_llrs,
    compute_motion_llrs,
    get_axes,
    measure_body_px,
    measure_velocities,
)
from murid.identification.keypoints.forward_backward import run_forward_backward

# Frames in which the ends are less certain than this share of the animal's median are no links of
# the chain: their axis is too random to carry on what is known. They follow the nearest link.
MIN_LINK_CONFIDENCE = 0.25


@dataclass(frozen=True, eq=False, slots=True)
class AnimalFrames(ArrayRecord):
    """The frames in which one animal has a box, in the order of time.

    Attributes
    ----------
    times_s : ndarray
        ``(n,)`` float64.
    boxes : ndarray
        ``(n, 4)`` float32 xyxy pixels.
    keypoints : ndarray
        ``(n, 3, 3)`` float32, as of `Detections`.
    """

    times_s: Float64
    boxes: Float32
    keypoints: Float32

    def __len__(self) -> int:
        return len(self.times_s)


@dataclass(frozen=True, eq=False, slots=True)
class ChainEnd:
    """The last link of a chain, with which the next chunk of the recording goes on.

    Attributes
    ----------
    link : AnimalFrames
        One frame, with keypoints as detected.
    log_odds : float
        That they are right, given this frame and all before.
    """

    link: AnimalFrames
    log_odds: float


def resolve_head_tail(
    animal: AnimalFrames, interval_s: float, before: ChainEnd | None = None
) -> tuple[Float32, ChainEnd | None]:
    """Exchange nose and tail base where they were confused.

    Parameters
    ----------
    animal : AnimalFrames
        With keypoints as detected.
    interval_s : float
        Usual time between two frames, in seconds.
    before : ChainEnd, optional
        What is known from earlier frames.

    Returns
    -------
    keypoints : ndarray
        ``(n, 3, 3)`` float32. The confidences of nose and tail base are multiplied by the
        probability that head and tail are right; one half where nothing tells them apart. Where
        only one of both is known, they stay as detected.
    end : ChainEnd or None
        For the next chunk of the recording.
    """
    axes = get_axes(animal.keypoints)
    is_known = np.isfinite(axes).all(axis=1)
    links = np.flatnonzero(is_known)
    confidences = animal.keypoints[links][:, [NOSE, TAIL_BASE], CONFIDENCE].min(axis=1)
    if len(links):
        links = links[confidences >= MIN_LINK_CONFIDENCE * np.median(confidences)]
    body_px = measure_body_px(axes[links])
    if body_px <= 0:
        return animal.keypoints, before

    chain = animal.select(links)
    chain_axes = axes[links]
    velocities = measure_velocities(animal.times_s, animal.boxes)[links]
    llrs = compute_detector_llrs(chain.times_s, chain.keypoints, chain_axes, body_px)
    llrs += compute_motion_llrs(chain.times_s, velocities, chain_axes, body_px, interval_s)
    if before is not None:
        # What is known goes ahead of the chain as one more frame.
        chain = AnimalFrames.concatenate([before.link, chain])
        chain_axes = np.concatenate([get_axes(before.link.keypoints), chain_axes])
        llrs = np.append(before.log_odds, llrs)
    link_llrs = compute_link_llrs(chain.times_s, chain.boxes, chain_axes, body_px)
    forward, log_odds = run_forward_backward(llrs, link_llrs)
    end = ChainEnd(chain.select(slice(-1, None)), float(forward[-1]))

    own_log_odds = np.full(len(animal), np.nan)
    own_log_odds[links] = log_odds[-len(links) :]
    others = np.flatnonzero(is_known & np.isnan(own_log_odds))
    own_log_odds[others] = _follow_links(animal, axes, others, links, own_log_odds, body_px)
    return _exchange_ends(animal.keypoints, own_log_odds), end


def _follow_links(
    animal: AnimalFrames,
    axes: Float64,
    others: Int64,
    links: Int64,
    log_odds: Float64,
    body_px: float,
) -> Float64:
    """Return the log-odds of frames that are no links, by the link that is nearest in time."""
    after = np.minimum(np.searchsorted(links, others), len(links) - 1)
    before = np.maximum(after - 1, 0)
    times_s = animal.times_s
    is_before = times_s[others] - times_s[links[before]] < times_s[links[after]] - times_s[others]
    nearest = links[np.where(is_before, before, after)]
    # Pairs of a link and the frame that follows it, one after the other.
    rows = np.column_stack([nearest, others]).ravel()
    elapsed_s = np.abs(times_s[others] - times_s[nearest])
    pair_times_s = np.column_stack([np.zeros(len(others)), elapsed_s]).ravel()
    llrs = compute_link_llrs(pair_times_s, animal.boxes[rows], axes[rows], body_px)[::2]
    return _pass_on(log_odds[nearest], llrs)


def _pass_on(log_odds: Float64, llrs: Float64) -> Float64:
    """Return log-odds ``(n,)`` passed on over links of log-likelihood ratios ``(n,)``."""
    passed: Float64 = 2 * np.arctanh(np.tanh(log_odds / 2) * np.tanh(llrs / 2))
    return passed


def _exchange_ends(keypoints: Float32, log_odds: Float64) -> Float32:
    """Return keypoints with the ends that are likelier; log-odds ``(n,)`` are NaN = unknown."""
    resolved = keypoints.copy()
    is_exchanged: Bool = log_odds < 0
    resolved[is_exchanged, NOSE] = keypoints[is_exchanged, TAIL_BASE]
    resolved[is_exchanged, TAIL_BASE] = keypoints[is_exchanged, NOSE]
    probabilities = 1 / (1 + np.exp(-np.minimum(np.abs(log_odds), 50)))
    probabilities = np.where(np.isnan(log_odds), 1, probabilities)
    resolved[:, [NOSE, TAIL_BASE], CONFIDENCE] *= probabilities[:, None].astype(np.float32)
    return resolved

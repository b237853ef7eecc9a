"""Seeded model of the errors of a detector: misses, jitter, false positives and merged boxes.

Every probability depends on the occluded fraction of an animal. Errors are correlated in time: what
goes wrong in a frame tends to go wrong in the next, as with a real detector. In the order in which
they are applied, with the defaults of `Noise`:

merged    two boxes with an IoU above 0.25 become their union, in up to 35 % of such frames at full
          overlap
missed    4 % of the boxes in plain view, 55 % of fully occluded ones
jittered  centre and size by 3 % of the size in plain view, by 12 % where occluded
scored    0.8 in plain view, 0.35 where occluded, with noise, through a logistic curve
doubled   3 % of the animals have a second box of a part (head, rump), with a low score
false     0.4 boxes a frame, of the size of an animal, that stay in place for about half a second,
          mostly with low scores
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtr

from murid.core.boxes import compute_areas, compute_intersections, compute_iou
from murid.core.types import Detections
from murid.metrics import LabelledBoxes

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]


@dataclass(frozen=True)
class Noise:
    """Parameters, see the module; pairs are values in plain view and fully occluded."""

    miss: tuple[float, float] = (0.04, 0.55)
    jitter: tuple[float, float] = (0.03, 0.12)
    score: tuple[float, float] = (0.8, 0.35)
    score_spread: float = 0.6
    merge_iou: float = 0.25
    merge: float = 0.35
    doubles: float = 0.03
    false_positives: float = 0.4
    false_score: float = 0.3
    correlation_time_s: float = 0.15


def compute_occlusion(boxes: Float64) -> Float64:
    """Return the maximum fraction of each box of a frame that a box in front of it overlaps.

    A box that reaches further down in the image is taken to be in front."""
    shares = compute_intersections(boxes, boxes) / np.maximum(compute_areas(boxes), 1e-9)[:, None]
    behind = boxes[:, None, 3] < boxes[None, :, 3]
    return np.asarray((shares * behind).max(axis=1, initial=0.0), np.float64)


def degrade(
    truth: LabelledBoxes,
    occlusion: Float64,
    n_frames: int,
    fps: float,
    seed: int,
    noise: Noise | None = None,
) -> list[Detections]:
    """Return the detections of each frame of a sequence, the same for the same seed.

    Parameters
    ----------
    truth : LabelledBoxes
        By ascending frame.
    occlusion : ndarray
        ``(N,)`` occluded fraction of each box.
    n_frames, fps, seed
    noise : Noise, optional
        Parameters; the defaults if not given.
    """
    noise = noise or Noise()
    rng = np.random.default_rng(seed)
    correlation = float(np.exp(-1 / (fps * noise.correlation_time_s)))
    slow_noise = _SlowNoise(rng, int(truth.ids.max()) + 1, correlation)
    clutter = _FalsePositives(rng, truth, noise, correlation)
    frames = []
    for rows in truth.split(np.arange(n_frames)):
        seen = _detect(
            truth.boxes[rows], occlusion[rows], slow_noise.step()[truth.ids[rows]], rng, noise
        )
        parts = [seen, _add_part_boxes(seen, rng, noise), clutter.step()]
        boxes, scores = (np.concatenate([p[k] for p in parts]) for k in (0, 1))
        order = rng.permutation(len(boxes))
        frames.append(Detections(boxes[order].astype(np.float32), scores[order].astype(np.float32)))
    return frames


class _SlowNoise:
    """Six normal random numbers for each animal that change slowly (Ornstein-Uhlenbeck)."""

    def __init__(self, rng: np.random.Generator, n: int, correlation: float) -> None:
        self._rng, self._kept = rng, correlation
        self._values = rng.standard_normal((n, 6))

    def step(self) -> Float64:
        fresh = self._rng.standard_normal(self._values.shape)
        self._values = self._kept * self._values + np.sqrt(1 - self._kept**2) * fresh
        return self._values


def _detect(
    truth: Float64, occlusion: Float64, slow: Float64, rng: np.random.Generator, noise: Noise
) -> tuple[Float64, Float64]:
    """Return boxes and scores of the detected animals; `slow` is the slow noise of each."""
    boxes, merged = _merge(truth.copy(), slow[:, 0], noise)
    size = boxes[:, 2:] - boxes[:, :2]
    spread = _between(noise.jitter, occlusion)[:, None]
    moved = 0.8 * slow[:, 2:6] + 0.6 * rng.standard_normal((len(boxes), 4))
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2 + spread * size * moved[:, :2]
    half = size * np.exp(spread * moved[:, 2:]) / 2
    scores = logit(_between(noise.score, occlusion)) - 0.5 * (merged > 0)
    scores += noise.score_spread * (0.6 * slow[:, 1] + 0.8 * rng.standard_normal(len(boxes)))
    found = (ndtr(slow[:, 1]) > _between(noise.miss, occlusion)) & (merged != 2)
    return np.concatenate([centre - half, centre + half], axis=1)[found], expit(scores)[found]


def _merge(boxes: Float64, slow: Float64, noise: Noise) -> tuple[Float64, Int64]:
    """Return the boxes, and 1 for the union of a merged pair, 2 for the other box of it."""
    merged = np.zeros(len(boxes), np.int64)
    overlap = compute_iou(boxes, boxes)
    probability = ndtr((slow[:, None] + slow[None]) / np.sqrt(2))
    for i, j in np.argwhere(
        np.triu((overlap > noise.merge_iou) & (probability < noise.merge * overlap), 1)
    ):
        if not merged[i] and not merged[j]:
            boxes[i] = np.concatenate(
                [np.minimum(boxes[i, :2], boxes[j, :2]), np.maximum(boxes[i, 2:], boxes[j, 2:])]
            )
            merged[i], merged[j] = 1, 2
    return boxes, merged


def _add_part_boxes(
    seen: tuple[Float64, Float64], rng: np.random.Generator, noise: Noise
) -> tuple[Float64, Float64]:
    """Return boxes and scores of parts of animals."""
    boxes = seen[0][rng.random(len(seen[0])) < noise.doubles]
    size = boxes[:, 2:] - boxes[:, :2]
    share = rng.uniform(0.35, 0.65, size.shape)
    corner = boxes[:, :2] + rng.integers(0, 2, size.shape) * (1 - share) * size
    scores = expit(logit(noise.false_score) + noise.score_spread * rng.standard_normal(len(boxes)))
    return np.concatenate([corner, corner + share * size], axis=1), scores


class _FalsePositives:
    """False positives that stay in place for a while."""

    def __init__(
        self, rng: np.random.Generator, truth: LabelledBoxes, noise: Noise, correlation: float
    ) -> None:
        self._rng, self._noise, self._leaving = rng, noise, (1 - correlation) / 3
        self._range = np.concatenate(
            [truth.boxes[:, :2].min(axis=0), truth.boxes[:, 2:].max(axis=0)]
        )
        self._sizes = truth.boxes[:, 2:] - truth.boxes[:, :2]
        self._boxes = self._draw(rng.poisson(noise.false_positives))

    def step(self) -> tuple[Float64, Float64]:
        rng, noise = self._rng, self._noise
        stays = rng.random(len(self._boxes)) > self._leaving
        newcomers = self._draw(rng.poisson(noise.false_positives * self._leaving))
        self._boxes = np.concatenate([self._boxes[stays], newcomers])
        size = self._boxes[:, 2:] - self._boxes[:, :2]
        boxes = self._boxes + noise.jitter[1] / 2 * np.tile(size, 2) * rng.standard_normal(
            self._boxes.shape
        )
        scores = expit(
            logit(noise.false_score) + noise.score_spread * rng.standard_normal(len(boxes))
        )
        return np.concatenate(
            [np.minimum(boxes[:, :2], boxes[:, 2:] - 1), boxes[:, 2:]], axis=1
        ), scores

    def _draw(self, n: int) -> Float64:
        half = self._sizes[self._rng.integers(len(self._sizes), size=n)] / 2
        centre = self._rng.uniform(self._range[:2], self._range[2:], (n, 2))
        return np.concatenate([centre - half, centre + half], axis=1)


def _between(ends: tuple[float, float], occlusion: Float64) -> Float64:
    return np.asarray(ends[0] + (ends[1] - ends[0]) * np.clip(occlusion, 0, 1), np.float64)

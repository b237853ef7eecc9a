"""Detections of simulated animals without images: true boxes through a model of detector noise."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from murid.core import Detections, DetectionTable
from murid.core.boxes import compute_iou
from murid.core.embeddings import normalize
from murid.metrics import LabelledBoxes
from murid.synthetic.environment import build_environment
from murid.synthetic.motion import Herd
from murid.synthetic.recording import RecordingConfig


def simulate(config: RecordingConfig) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield boxes ``(n, 4)``, whether each animal is visible, and the stacking order, by frame."""
    environment_rng, _, motion_rng, _ = np.random.default_rng(config.seed).spawn(4)
    environment = build_environment(
        environment_rng,
        config.enclosure,
        config.height,
        config.width,
        config.body_px,
        config.n_shelters,
        config.floor_brightness,
    )
    herd = Herd(
        config.n_animals,
        environment.ground,
        environment.shelters,
        config.behaviour,
        config.body_px,
        config.fps,
        motion_rng,
    )
    for _ in range(config.n_frames):
        herd.step()
        along = np.abs(np.column_stack([np.cos(herd.heading), np.sin(herd.heading)]))
        half = config.body_px * (0.32 * along + 0.18)
        hidden = np.zeros(config.n_animals, bool)
        for shelter in environment.shelters:
            hidden |= np.linalg.norm(herd.position - shelter, axis=1) < 0.9 * config.body_px
        yield (
            np.concatenate([herd.position - half, herd.position + half], axis=1),
            ~hidden,
            herd.order,
        )


def degrade(
    frames: Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]],
    rng: np.random.Generator,
    size: int,
    body_px: float,
) -> tuple[LabelledBoxes, DetectionTable]:
    """Return truth and noisy detections.

    The noise consists of misses, loose and merged boxes in contact, duplicates, and clutter at a
    fixed position.
    """
    truths = []
    found = []
    appearance = None
    clutter = rng.uniform(60, 400, 2)
    for t, (boxes, out, order) in enumerate(frames):
        if appearance is None:
            appearance = normalize(rng.normal(size=(len(boxes), size)))
        # Contact, and animals that lie below another one.
        iou = compute_iou(boxes, boxes) - np.eye(len(boxes))
        iou[:, ~out] = 0
        contact = iou.max(axis=1) > 0.02
        rank = np.argsort(order)
        covered = ((iou > 0.45) & (rank[None] > rank[:, None])).any(axis=1)
        # Misses and loose boxes.
        truths.append((np.full(out.sum(), t), np.flatnonzero(out) + 1, boxes[out]))
        seen = out & ~covered & (rng.random(len(boxes)) > np.where(contact, 0.06, 0.01))
        jitter = rng.normal(0, 1, boxes.shape) * np.where(contact, 0.05, 0.02)[:, None] * body_px
        shown = (boxes + jitter)[seen]
        # Merged boxes: the union of two animals replaces the box of one.
        for i, j in zip(*np.nonzero(np.triu(iou > 0.25)), strict=True):
            if rng.random() < 0.1 and seen[i] and seen[j]:
                shown[np.flatnonzero(seen) == i] = np.append(
                    np.minimum(boxes[i, :2], boxes[j, :2]), np.maximum(boxes[i, 2:], boxes[j, 2:])
                )
        scores = np.clip(rng.normal(np.where(contact[seen], 0.75, 0.9), 0.12), 0.1, 1)
        own = normalize(appearance[seen] + rng.normal(0, 0.4, (seen.sum(), size)))
        # Duplicates, and clutter at its fixed position in a fifth of the frames.
        double = rng.random(len(shown)) < 0.01
        spot = rng.random() < 0.2
        extra = np.concatenate(
            [
                shown[double] + rng.normal(0, 0.12 * body_px, (double.sum(), 4)),
                np.tile([*clutter, *(clutter + 0.6 * body_px)], (int(spot), 1)),
            ]
        )
        # Boxes keep a minimum side of 4 pixels.
        extra = np.concatenate([np.minimum(extra[:, :2], extra[:, 2:] - 4), extra[:, 2:]], axis=1)
        low = np.clip(rng.normal(0.4, 0.1, len(extra)), 0.1, 0.8)
        shown = np.concatenate([shown[:, :2], np.maximum(shown[:, 2:], shown[:, :2] + 4)], axis=1)
        found.append(
            Detections(
                np.concatenate([shown, extra]).astype(np.float32),
                np.concatenate([scores, low]).astype(np.float32),
                np.concatenate([own, normalize(rng.normal(size=(len(extra), size)))]).astype(
                    np.float32
                ),
            )
        )
    frame_numbers, ids, boxes = (np.concatenate(column) for column in zip(*truths, strict=True))
    truth = LabelledBoxes(frame_numbers.astype(np.int64), ids.astype(np.int64), boxes)
    return truth, DetectionTable.from_frames(found)

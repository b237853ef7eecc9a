"""Synthetic recordings: a few animals in one arena through time, with perfect ground truth, streamed frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from murid.core import Frame
from murid.errors import ConfigError
from murid.scenes.arena import make_clean_arena
from murid.scenes.camera import Camera, expose
from murid.scenes.composition import Shadow, Truth, compose
from murid.scenes.motion import Herd
from murid.scenes.rodent import Coat, Posture, Sprite, render_rodent, sample_coat


@dataclass(frozen=True)
class RecordingConfig:
    """A recording to make.

    Attributes
    ----------
    n_animals : int
        Number of animals, at least 1.
    n_frames : int
        Length, at least 1.
    fps : float
        Frames per second.
    width, height : int
        Size in pixels.
    body_px : float
        Length of an animal, nose to tail base, pixels.
    lookalike : bool
        Whether all animals wear the same coat.
    seed : int
        The same seed gives the same recording.
    """

    n_animals: int = 4
    n_frames: int = 300
    fps: float = 30.0
    width: int = 640
    height: int = 480
    body_px: float = 70.0
    lookalike: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("n_animals", "n_frames", "fps", "width", "height", "body_px"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"{name}: expected more than 0, got {getattr(self, name)}")


@dataclass(frozen=True)
class RecordedFrame:
    """One frame of a synthetic recording; `truth.rows` are the numbers of the animals, from 0."""

    frame: Frame
    truth: Truth


def record(config: RecordingConfig) -> Iterator[RecordedFrame]:
    """Stream a synthetic recording.

    Parameters
    ----------
    config : RecordingConfig

    Yields
    ------
    RecordedFrame
        Frames in order, each with the boxes of the animals in it.
    """
    rng = np.random.default_rng(config.seed)
    arena = make_clean_arena(rng, config.height, config.width)
    coats = _choose_coats(config, rng)
    margin = 0.08 * np.array([config.width, config.height]) + 0.3 * config.body_px
    size = np.array([config.width, config.height], np.float64)
    herd = Herd.spread(config.n_animals, np.minimum(margin, size / 2), np.maximum(size - margin, size / 2),
                       config.body_px, config.fps, rng)  # fmt: skip
    light = np.array([0.3, 0.4, 0.866], np.float32)
    for index in range(config.n_frames):
        herd.step()
        sprites = [_render(herd, k, coat, light, index, config) for k, coat in enumerate(coats)]
        scene, truth = compose(arena, sprites, herd.position, Shadow(0.35, 4.0, (2.0, 3.0)))
        image = expose(scene, Camera(mono=False, blur_px=0.6, noise=0.01), rng)
        yield RecordedFrame(Frame(index, index / config.fps, image), truth)


def _choose_coats(config: RecordingConfig, rng: np.random.Generator) -> list[Coat]:
    if config.lookalike:
        return [sample_coat(rng)] * config.n_animals
    pool = [sample_coat(rng) for _ in range(40)]
    chosen = [next(c for c in pool if c.pattern == "plain" and c.base.mean() < 0.2)]
    while len(chosen) < config.n_animals:
        apart = [min(_compare(c, other) for other in chosen) + abs(_compare_ground(c)) for c in pool]
        chosen.append(pool[int(np.argmax(apart))])
    return chosen


def _compare(a: Coat, b: Coat) -> float:
    return float(np.abs(a.base - b.base).sum() + (0.4 if a.pattern != b.pattern else 0))


def _compare_ground(coat: Coat) -> float:
    """Small preference for coats that stand out from a mid-grey floor."""
    return float(0.5 * (coat.base.mean() - 0.6))


def _render(herd: Herd, k: int, coat: Coat, light: NDArray[Any], index: int, config: RecordingConfig) -> Sprite:
    pace = float(herd.speed[k] * config.fps / config.body_px)
    gait = np.sin(index * 2 * np.pi * 3 / config.fps + 2 * k)
    posture = Posture(
        heading=float(herd.heading[k]),
        bend=float(np.clip(herd.turn[k] * config.fps * 0.5, -1.2, 1.2)),
        neck=0.15 * float(gait),
        stretch=0.88 + 0.08 * min(pace, 2.0) + 0.02 * float(gait) * min(pace, 1.0),
        tail_bend=float(np.clip(-herd.turn[k] * config.fps * 0.6, -1.5, 1.5)) + 0.3 * float(gait),
    )
    fur = np.random.default_rng((config.seed, k))
    return render_rodent(coat, posture, config.body_px, light, fur)

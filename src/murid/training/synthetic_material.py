"""What training pictures are made of: animals cut out of solo recordings, and frames of recordings with exact truth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from murid.core.progress import ProgressCallback, no_progress
from murid.synthetic import SCENARIOS, RecordedFrame, make_scenario, record
from murid.synthetic.clips import ClipFrame, encode_jpeg, find_solo_frames
from murid.synthetic.compose_solos import SoloComposer
from murid.synthetic.cutouts import compute_median_background, cut_out_animal
from murid.synthetic.sprite import Sprite, resize_sprite
from murid.video import FrameSource, open_source, sample_frames
from murid.video.background_model import fit_static_background

_LONGEST_SPRITE_PX = 110
_COMPOSED_S = 20.0
_RECORDED_S = 40.0
_BENCH, _BENCH_EVERY = tuple(SCENARIOS), 5
_MOST_TOGETHER = 6
_SETTLING = 0.05  # of a recording at its beginning, while the camera finds its exposure
_ENSEMBLES = 4  # recordings from one cast of animals

Reel = tuple[ClipFrame, ...]
"""Frames of one recording, all with the same backdrop."""


@dataclass(frozen=True)
class Material:
    """Cut-outs, the backgrounds they were cut from as ``(h, w, 3)`` uint8, and recordings of three kinds.

    Attributes
    ----------
    cutouts : tuple of Sprite
    places : tuple of ndarray
    solos, composed, recorded : tuple of Reel
        Real recordings of one animal, the same played together, and synthetic ones.
    """

    cutouts: tuple[Sprite, ...] = ()
    places: tuple[NDArray[np.uint8], ...] = ()
    solos: tuple[Reel, ...] = ()
    composed: tuple[Reel, ...] = ()
    recorded: tuple[Reel, ...] = ()

    @property
    def n_identities(self) -> int:
        """One more than the highest identity in the recordings; 0 if there is none."""
        return count_identities((*self.composed, *self.recorded))


def gather_material(
    videos: Sequence[str | Path],
    n_composed: int = 0,
    *,
    n_frames: int = 400,
    seed: int = 0,
    first_identity: int = 0,
    report: ProgressCallback = no_progress,
) -> Material:
    """Cut the animal out of frames spread over each video, and play the animals together.

    Parameters
    ----------
    videos : sequence of path
        Videos of exactly one animal before a static camera.
    n_composed : int
        Composed recordings to make.
    n_frames : int
        Frames looked at in each video.
    seed : int
        Of the composed recordings.
    first_identity : int
        Number of the first animal in them.
    report : callable
        Told of progress.

    Raises
    ------
    SourceError
        If a video cannot be read, or too little is found in it to be composed.
    """
    cutouts: list[Sprite] = []
    places: list[NDArray[np.uint8]] = []
    solos: list[Reel] = []
    for video in videos:
        images = [frame.image for frame in sample_frames(open_source(video), n_frames)]
        place = compute_median_background(images[:: max(1, len(images) // 100)])
        places.append(place)
        solos.append(tuple(find_solo_frames(images, place)))
        found = (cut_out_animal(image, place) for image in images)
        cutouts += [_limit_size(sprite) for sprite in found if sprite is not None]
    composed = compose_reels(videos, n_composed, seed, first_identity, report) if videos else ()
    return Material(tuple(cutouts), tuple(places), tuple(filter(None, solos)), composed)


def compose_reels(
    videos: Sequence[str | Path],
    n: int,
    seed: int,
    first_identity: int = 0,
    report: ProgressCallback = no_progress,
    n_frames: int = 24,
) -> tuple[Reel, ...]:
    """Play animals filmed alone together, two to six at a time: each video's by itself, and all where they are alike.

    Parameters
    ----------
    videos : sequence of path
    n : int
        Recordings.
    seed : int
    first_identity : int
        Number of the first animal.
    report : callable
        Told of progress.
    n_frames : int
        Frames kept of each recording.
    """
    reels: list[Reel] = []
    casts: list[Sequence[str | Path]] = [[video] for video in videos]
    if len(videos) > 1 and len({_get_shape(open_source(video)) for video in videos}) == 1:
        casts.append(videos)
    rng = np.random.default_rng((seed, 11))
    while len(reels) < n:
        cast = casts[len(reels) // _ENSEMBLES % len(casts)]
        sources = [open_source(video) for video in cast]
        shortest = min(source.info.n_frames or 0 for source in sources)
        seconds = min(_COMPOSED_S, 0.5 * shortest / sources[0].info.fps)
        animals, skip = int(rng.integers(2, _MOST_TOGETHER + 1)), int(_SETTLING * shortest)
        solo_cast = SoloComposer(cast, seconds=seconds, animals=animals, skip_frames=skip)
        every = max(1, int(seconds * sources[0].info.fps) // n_frames)
        for _ in range(min(_ENSEMBLES, n - len(reels))):
            frames = solo_cast.compose(seed * 1000 + len(reels), every=every)
            reels.append(_make_reel(frames, max(first_identity, count_identities(reels))))
            report("compose", len(reels), n)
    return tuple(reels)


def film_reels(
    n: int,
    seed: int,
    first_identity: int = 0,
    report: ProgressCallback = no_progress,
    n_frames: int = 12,
) -> tuple[Reel, ...]:
    """Film synthetic recordings of any kind, every fifth one like those of the bench.

    Animals of recordings in which all look alike have no identity, for there is nothing to learn it
    from.

    Parameters
    ----------
    n : int
        Recordings.
    seed : int
        Of the first; the next ones follow.
    first_identity : int
        Number of the first animal.
    report : callable
        Told of progress.
    n_frames : int
        Frames kept of each recording.
    """
    reels: list[Reel] = []
    for k in range(n):
        name = _BENCH[k // _BENCH_EVERY % len(_BENCH)] if k % _BENCH_EVERY == 0 else "random"
        config = make_scenario(name, seed + k, _RECORDED_S)
        every = config.n_frames // n_frames
        frames = record(replace(config, n_frames=every * n_frames), every)
        first = None if config.lookalike else max(first_identity, count_identities(reels))
        reels.append(_make_reel(frames, first))
        report("record", k + 1, n)
    return tuple(reels)


def count_identities(reels: Iterable[Reel]) -> int:
    """One more than the highest identity; 0 if there is none."""
    return max(
        (int(footage.identities.max(initial=-1)) + 1 for reel in reels for footage in reel),
        default=0,
    )


def _make_reel(frames: Iterable[RecordedFrame], first_identity: int | None) -> Reel:
    """Pack frames; the animals are numbered from the given identity on, or not at all."""
    shown = list(frames)
    images = [frame.frame.image for frame in shown]
    background = fit_static_background(images)
    place = encode_jpeg(
        np.median(images, axis=0).astype(np.uint8) if background is None else background.image
    )
    reel = []
    for frame, image in zip(shown, images, strict=True):
        rows = frame.truth.animal_indices.astype(np.int64)
        identities = (
            np.full(len(rows), -1, np.int64) if first_identity is None else first_identity + rows
        )
        reel.append(
            ClipFrame(encode_jpeg(image), place, frame.truth.boxes.astype(np.float32), identities)
        )
    return tuple(reel)


def _get_shape(source: FrameSource) -> tuple[int, int, int]:
    return source.info.width, source.info.height, round(source.info.fps)


def _limit_size(sprite: Sprite) -> Sprite:
    longest: Any = max(sprite.alpha.shape)
    return (
        sprite
        if longest <= _LONGEST_SPRITE_PX
        else resize_sprite(sprite, _LONGEST_SPRITE_PX / longest)
    )

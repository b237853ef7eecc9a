"""Sources of synthetic training images: cut-outs of animals, and clips with ground truth."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from murid.core.progress import ProgressCallback, no_progress
from murid.synthetic.clips import find_solo_frames
from murid.synthetic.cutouts import compute_median_background, cut_out_animal
from murid.synthetic.sprite import Sprite, resize_sprite
from murid.training.training_clips import Clip, ClipMaker, compose_clips, count_identities
from murid.video import open_source, sample_frames

# Maximum side of a cut-out animal. Larger ones are scaled down to limit memory.
_MAX_SPRITE_PX = 110
# Frames of a solo video that the median background is computed from.
_N_BACKGROUND_FRAMES = 100


@dataclass(frozen=True)
class SyntheticSources:
    """Real animals, backgrounds and clips from which synthetic training images are made.

    Attributes
    ----------
    cutouts : tuple of Sprite
        Real animals, cut out of solo videos.
    backgrounds : tuple of ndarray
        ``(h, w, 3)`` uint8 RGB background of each solo video.
    solo_clips : tuple of Clip
        Real recordings of one animal.
    composed_clips : tuple of Clip
        Recordings composed of several solo recordings.
    synthetic_clips : tuple of Clip
        Rendered recordings.
    """

    cutouts: tuple[Sprite, ...] = ()
    backgrounds: tuple[NDArray[np.uint8], ...] = ()
    solo_clips: tuple[Clip, ...] = ()
    composed_clips: tuple[Clip, ...] = ()
    synthetic_clips: tuple[Clip, ...] = ()

    @property
    def n_identities(self) -> int:
        """Maximum identity in the clips plus one; 0 if there are none."""
        return count_identities((*self.composed_clips, *self.synthetic_clips))

    def compute_hash(self) -> str:
        """Return 16 hexadecimal digits that differ for other sources."""
        digest = hashlib.sha256()
        for cutout in self.cutouts:
            digest.update(cutout.alpha.tobytes())
        for clips in (self.solo_clips, self.composed_clips, self.synthetic_clips):
            digest.update(str(len(clips)).encode())
            for clip in clips:
                digest.update(clip[0].image_jpeg)
        return digest.hexdigest()[:16]


def collect_sources(
    videos: Sequence[str | Path],
    n_composed: int = 0,
    *,
    n_frames: int = 400,
    seed: int = 0,
    first_identity: int = 0,
    report: ProgressCallback = no_progress,
    maker: ClipMaker | None = None,
) -> SyntheticSources:
    """Return cut-outs and clips of solo videos, and clips composed of them.

    Parameters
    ----------
    videos : sequence of path
        Videos of exactly one animal, recorded by a static camera.
    n_composed : int
        Number of composed clips.
    n_frames : int
        Frames read from each video.
    seed : int
        Seed of the composed clips.
    first_identity : int
        First identity in the composed clips.
    report : callable
        Receives progress.
    maker : ClipMaker, optional
        As `compose_clips`.

    Raises
    ------
    SourceError
        If a video cannot be read, or the animal is found in too few of its frames.
    """
    cutouts: list[Sprite] = []
    backgrounds: list[NDArray[np.uint8]] = []
    solo_clips: list[Clip] = []
    for video in videos:
        images = [frame.image for frame in sample_frames(open_source(video), n_frames)]
        step = max(1, len(images) // _N_BACKGROUND_FRAMES)
        background = compute_median_background(images[::step])
        backgrounds.append(background)
        solo_clip = tuple(find_solo_frames(images, background))
        if solo_clip:
            solo_clips.append(solo_clip)
        cutouts += _cut_out_animals(images, background)
    composed: tuple[Clip, ...] = ()
    if videos:
        composed = compose_clips(videos, n_composed, seed, first_identity, report, maker=maker)
    return SyntheticSources(tuple(cutouts), tuple(backgrounds), tuple(solo_clips), composed)


def _cut_out_animals(
    images: Sequence[NDArray[np.uint8]], background: NDArray[np.uint8]
) -> Iterator[Sprite]:
    """Yield the animal of each image in which it is found, at most 110 pixels long."""
    for image in images:
        sprite = cut_out_animal(image, background)
        if sprite is not None:
            yield _limit_size(sprite)


def _limit_size(sprite: Sprite) -> Sprite:
    height, width = sprite.alpha.shape
    max_side = max(height, width)
    if max_side <= _MAX_SPRITE_PX:
        return sprite
    return resize_sprite(sprite, _MAX_SPRITE_PX / max_side)

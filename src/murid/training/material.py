"""Real material for composed scenes: cut-outs and backgrounds from videos of one animal filmed alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from murid.scenes.cutouts import compute_place, cut_animal
from murid.scenes.rodent import Sprite, resize_sprite
from murid.scenes.solo import Solo, make_solos
from murid.video import open_source, sample_frames

_LONGEST_SPRITE_PX = 110


@dataclass(frozen=True)
class Material:
    """Cut-outs, the backgrounds they were cut from as ``(h, w, 3)`` uint8, and whole frames."""

    cutouts: tuple[Sprite, ...] = ()
    places: tuple[NDArray[np.uint8], ...] = ()
    solos: tuple[Solo, ...] = ()


def gather_material(videos: Sequence[str | Path], n_frames: int = 400) -> Material:
    """Cut the animal out of frames spread over each video.

    Parameters
    ----------
    videos : sequence of path
        Videos of exactly one animal before a static camera.
    n_frames : int
        Frames looked at in each video.

    Returns
    -------
    Material

    Raises
    ------
    SourceError
        If a video cannot be read.
    """
    cutouts: list[Sprite] = []
    places: list[NDArray[np.uint8]] = []
    solos: list[Solo] = []
    for video in videos:
        images = [frame.image for frame in sample_frames(open_source(video), n_frames)]
        place = compute_place(images[:: max(1, len(images) // 100)])
        places.append(place)
        solos += make_solos(images, place)
        found = (cut_animal(image, place) for image in images)
        cutouts += [_limit_size(sprite) for sprite in found if sprite is not None]
    return Material(tuple(cutouts), tuple(places), tuple(solos))


def _limit_size(sprite: Sprite) -> Sprite:
    longest: Any = max(sprite.alpha.shape)
    return sprite if longest <= _LONGEST_SPRITE_PX else resize_sprite(sprite, _LONGEST_SPRITE_PX / longest)

"""Sources of synthetic training images: cut-outs of animals, and clips with ground truth."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from murid.core.progress import ProgressCallback, no_progress
from murid.synthetic import SCENARIOS, RecordedFrame, make_scenario, record
from murid.synthetic.clips import ClipFrame, encode_jpeg, find_solo_frames
from murid.synthetic.compose_solos import SoloComposer
from murid.synthetic.cutouts import compute_median_background, cut_out_animal
from murid.synthetic.scenarios import TRAINING_SCENARIOS
from murid.synthetic.sprite import Sprite, resize_sprite
from murid.video import FrameSource, open_source, sample_frames
from murid.video.background_model import fit_static_background

Clip = tuple[ClipFrame, ...]
"""Frames of one recording, all with the same background."""

# Maximum side of a cut-out animal. Larger ones are scaled down to limit memory.
_MAX_SPRITE_PX = 110
# Frames of a solo video that the median background is computed from.
_N_BACKGROUND_FRAMES = 100

# Duration of clips. Longer ones show more movement and take longer to make; the number of frames
# taken from each does not depend on it.
_COMPOSED_S = 20.0
_SYNTHETIC_S = 40.0

# Of five synthetic clips in a row, the first is one of the benchmark scenarios, the third one of
# those for training, the others are random.
_SCENARIO_NAMES = tuple(SCENARIOS)
_TRAINING_NAMES = tuple(TRAINING_SCENARIOS)
_SCENARIO_EVERY = 5
_TRAINING_OFFSET = 2

# Frames that a poor background is the median of: too few for animals that rest to disappear.
_N_POOR_FRAMES = 3

# Maximum number of animals in a composed clip.
_MAX_COMPOSED_ANIMALS = 6
# Share at the beginning of a solo video that is skipped, while the camera adjusts its exposure.
_SKIPPED_SHARE = 0.05
# Clips made from one choice of animals. More are faster to make and less varied.
_CLIPS_PER_COMPOSER = 4
# Distinguishes the random generator of the composition from others with the same seed.
_COMPOSITION_STREAM = 11
_BACKGROUND_STREAM = 12

BackgroundKind = Literal["good", "poor", "none"]
"""Background of a clip: the best one from its frames, a poor one, or none."""


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
        composed = compose_clips(videos, n_composed, seed, first_identity, report)
    return SyntheticSources(tuple(cutouts), tuple(backgrounds), tuple(solo_clips), composed)


def compose_clips(
    videos: Sequence[str | Path],
    n: int,
    seed: int,
    first_identity: int = 0,
    report: ProgressCallback = no_progress,
    n_frames: int = 24,
) -> tuple[Clip, ...]:
    """Return clips in which two to six animals of solo videos are composed.

    Clips alternate between the videos. Videos of the same size and frame rate are also combined.

    Parameters
    ----------
    videos : sequence of path
    n : int
        Number of clips.
    seed : int
    first_identity : int
        Identity of the first animal.
    report : callable
        Receives progress.
    n_frames : int
        Frames kept of each clip.
    """
    # Choices of videos: each one alone, and all together if they are compatible.
    choices: list[Sequence[str | Path]] = [[video] for video in videos]
    formats = {_get_format(open_source(video)) for video in videos}
    if len(videos) > 1 and len(formats) == 1:
        choices.append(videos)
    clips: list[Clip] = []
    rng = np.random.default_rng((seed, _COMPOSITION_STREAM))
    while len(clips) < n:
        chosen = choices[len(clips) // _CLIPS_PER_COMPOSER % len(choices)]
        # A clip takes at most half of the shortest video, so that several differ.
        sources = [open_source(video) for video in chosen]
        min_frames = min(source.info.n_frames or 0 for source in sources)
        fps = sources[0].info.fps
        seconds = min(_COMPOSED_S, 0.5 * min_frames / fps)
        n_animals = int(rng.integers(2, _MAX_COMPOSED_ANIMALS + 1))
        n_skipped = int(_SKIPPED_SHARE * min_frames)
        composer = SoloComposer(chosen, seconds=seconds, animals=n_animals, skip_frames=n_skipped)
        every = max(1, int(seconds * fps) // n_frames)
        for _ in range(min(_CLIPS_PER_COMPOSER, n - len(clips))):
            frames = composer.compose(seed * 1000 + len(clips), every=every)
            clips.append(_make_clip(frames, max(first_identity, count_identities(clips))))
            report("compose", len(clips), n)
    return tuple(clips)


def render_clips(
    n: int,
    seed: int,
    first_identity: int = 0,
    report: ProgressCallback = no_progress,
    n_frames: int = 12,
    no_background: float = 0.0,
    poor_background: float = 0.0,
) -> tuple[Clip, ...]:
    """Return rendered clips: of five, one is a benchmark, one a training, three random scenarios.

    Animals of a clip with look-alikes or pups have no identity, because nothing distinguishes them.

    Parameters
    ----------
    n : int
        Number of clips.
    seed : int
        Seed of the first clip; the following clips have the following seeds.
    first_identity : int
        Identity of the first animal.
    report : callable
        Receives progress.
    n_frames : int
        Frames kept of each clip.
    no_background, poor_background : float
        Shares of the clips without a background model, and with one of only three frames, as short
        recordings have.
    """
    clips: list[Clip] = []
    for k in range(n):
        name = "random"
        if k % _SCENARIO_EVERY == 0:
            name = _SCENARIO_NAMES[k // _SCENARIO_EVERY % len(_SCENARIO_NAMES)]
        elif k % _SCENARIO_EVERY == _TRAINING_OFFSET:
            name = _TRAINING_NAMES[k // _SCENARIO_EVERY % len(_TRAINING_NAMES)]
        config = make_scenario(name, seed + k, _SYNTHETIC_S)
        every = config.n_frames // n_frames
        frames = record(replace(config, n_frames=every * n_frames), every)
        is_alike = config.lookalike or config.n_pups > 0
        first = None if is_alike else max(first_identity, count_identities(clips))
        point = np.random.default_rng((seed + k, _BACKGROUND_STREAM)).random()
        background: BackgroundKind = "good"
        if point < no_background:
            background = "none"
        elif point < no_background + poor_background:
            background = "poor"
        clips.append(_make_clip(frames, first, background))
        report("render", k + 1, n)
    return tuple(clips)


def count_identities(clips: Iterable[Clip]) -> int:
    """Return the maximum identity plus one; 0 if there is none."""
    counts = (int(frame.identities.max(initial=-1)) + 1 for clip in clips for frame in clip)
    return max(counts, default=0)


def _make_clip(
    frames: Iterable[RecordedFrame],
    first_identity: int | None,
    background_kind: BackgroundKind = "good",
) -> Clip:
    """Compress frames; the animals are numbered from the given identity on, or have none."""
    recorded = list(frames)
    images = [frame.frame.image for frame in recorded]
    # Use the background model, or the median where no background can be estimated.
    encoded_background = None
    if background_kind != "none":
        model = fit_static_background(images) if background_kind == "good" else None
        learnt = images if background_kind == "good" else images[:_N_POOR_FRAMES]
        background = np.median(learnt, axis=0).astype(np.uint8) if model is None else model.image
        encoded_background = encode_jpeg(background)
    clip = []
    for frame, image in zip(recorded, images, strict=True):
        indices = frame.truth.animal_indices.astype(np.int64)
        if first_identity is None:
            identities = np.full(len(indices), -1, np.int64)
        else:
            identities = first_identity + indices
        boxes = frame.truth.boxes.astype(np.float32)
        keypoints = frame.truth.keypoints
        clip.append(ClipFrame(encode_jpeg(image), encoded_background, boxes, identities, keypoints))
    return tuple(clip)


def _cut_out_animals(
    images: Sequence[NDArray[np.uint8]], background: NDArray[np.uint8]
) -> Iterator[Sprite]:
    """Yield the animal of each image in which it is found, at most 110 pixels long."""
    for image in images:
        sprite = cut_out_animal(image, background)
        if sprite is not None:
            yield _limit_size(sprite)


def _get_format(source: FrameSource) -> tuple[int, int, int]:
    """Return width, height and rounded frame rate."""
    return source.info.width, source.info.height, round(source.info.fps)


def _limit_size(sprite: Sprite) -> Sprite:
    height, width = sprite.alpha.shape
    max_side = max(height, width)
    if max_side <= _MAX_SPRITE_PX:
        return sprite
    return resize_sprite(sprite, _MAX_SPRITE_PX / max_side)

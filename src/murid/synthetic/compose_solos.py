"""Compose recordings of several animals from videos of single ones, with exact identities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from murid.core import Frame
from murid.core.progress import ProgressCallback, no_progress
from murid.core.types import Float64, Int64, UInt8
from murid.errors import ConfigError, SourceError
from murid.synthetic.camera import CameraModel, VideoCamera
from murid.synthetic.composition import Shadow, compose_scene
from murid.synthetic.enclosure import Enclosure
from murid.synthetic.pixels import to_float_image
from murid.synthetic.recording import RecordedFrame
from murid.synthetic.solo_recording import analyse_solo, learn_background
from murid.synthetic.solo_segments import SoloSegment, choose_segments
from murid.synthetic.write_sequence import SequenceInfo, write_sequence
from murid.video import FrameSource, open_source, sample_frames

# Animals composed from a single solo, unless asked otherwise.
_DEFAULT_ANIMALS_OF_ONE_SOLO = 3

# Mean range of the three channels, in grey levels, below which a recording has no colour.
_MAX_COLOURLESS_RANGE = 6.0

# Ratio up to which two frame rates count as equal.
_MAX_RATE_RATIO = 1.1

# Shadows: opacity; blur and displacement in body lengths.
_SHADOW_STRENGTH = 0.25
_SHADOW_BLUR = 0.06
_SHADOW_SHIFT = (0.03, 0.04)

# How often a second an animal can be moved to the top, and the distance to all others that it
# needs, in body lengths. The change is not visible where no other animal is near.
_RESTACK_RATE = 2
_RESTACK_DISTANCE = 1.3


def compose_videos(
    solos: Sequence[str | Path],
    out: str | Path,
    *,
    arena: str | Path | None = None,
    animals: int | None = None,
    seconds: float = 20.0,
    skip_frames: int = 0,
    recolour: bool = True,
    masks: bool = False,
    seed: int = 0,
    report: ProgressCallback = no_progress,
) -> SequenceInfo:
    """Compose a recording from videos of single animals, and write it with its ground truth.

    Parameters
    ----------
    solos : sequence of path
        Videos of exactly one animal before a static camera, all of one size and frame rate.
    out : path
        Directory for ``video.mp4``, ``gt/gt.txt`` and ``seqinfo.ini``, as `write_sequence` writes
        them.
    arena : path, optional
        Image of the arena without animals, or a video from which its background is learnt.
        Default: the background of the first solo.
    animals : int, optional
        Number of animals. By default one of each solo, or three of a single one.
    seconds : float
        Length.
    skip_frames : int
        Frames left out at the beginning of each solo.
    recolour : bool
        Whether animals that come from the same solo get different coats.
    masks : bool
        Whether to write masks as well.
    seed : int
        The same seed gives the same recording.
    report : callable
        Called with the progress.

    Returns
    -------
    SequenceInfo

    Raises
    ------
    SourceError
        If a video cannot be read, is too short, differs from the first in size or rate, its camera
        moves, or no animal is found in it.
    ConfigError
        If a number is out of range, or there are no solos.
    StorageError
        If the directory cannot be written to.
    """
    if animals is None:
        animals = len(solos) if len(solos) > 1 else _DEFAULT_ANIMALS_OF_ONE_SOLO
    _check_numbers(animals, seconds, skip_frames)
    composer = SoloComposer(
        solos, seconds=seconds, animals=animals, skip_frames=skip_frames, report=report
    )
    sequence = composer.describe(Path(out).name)
    frames = composer.compose(seed, arena=arena, recolour=recolour)
    write_sequence(Path(out), frames, sequence, masks=masks, report=report)
    return sequence


class SoloComposer:
    """Composes recordings from solo videos, which are analysed once for any number of them.

    Parameters
    ----------
    solos, animals, seconds, skip_frames, report
        As for `compose_videos`.

    Raises
    ------
    SourceError, ConfigError
        As `compose_videos`.
    """

    def __init__(
        self,
        solos: Sequence[str | Path],
        *,
        seconds: float,
        animals: int,
        skip_frames: int = 0,
        report: ProgressCallback = no_progress,
    ) -> None:
        if not solos:
            raise ConfigError("solos: expected at least one video, got none")
        sources = [open_source(solo) for solo in solos]
        _check_same_format(sources)
        self._info = sources[0].info
        self._n_animals = animals
        self._n_frames = max(1, round(seconds * self._info.fps))
        segments_per_solo = -(-animals // len(solos))
        self._solos = [
            analyse_solo(source, skip_frames, self._n_frames, segments_per_solo, report)
            for source in sources
        ]

    def describe(self, name: str) -> SequenceInfo:
        """Return the content of the sequence file."""
        info = self._info
        return SequenceInfo(name, info.fps, info.width, info.height, self._n_frames)

    def compose(
        self, seed: int, *, arena: str | Path | None = None, recolour: bool = True, every: int = 1
    ) -> Iterator[RecordedFrame]:
        """Compose a recording frame by frame; the memory needed does not grow with its length.

        Parameters
        ----------
        seed, arena, recolour
            As for `compose_videos`.
        every : int
            Interval of the frames that are composed.
        """
        rng = np.random.default_rng(seed)
        background = self._solos[0].background.image
        if arena is not None:
            background = _load_arena(arena, self._info.width, self._info.height)
        segments = self._choose_segments(rng, background, arena is not None, recolour)
        return self._render(rng, background, segments, every)

    def _choose_segments(
        self, rng: np.random.Generator, background: UInt8, same_arena: bool, recolour: bool
    ) -> list[SoloSegment]:
        """Choose the segment and the coat of every animal."""
        summaries = [solo.summary for solo in self._solos]
        # The floor is where the first animal walks.
        (left, top), (right, bottom) = summaries[0].range.astype(int).tolist()
        floor = to_float_image(background)[top : bottom + 1, left : right + 1]
        channel_range = float(np.ptp(background, axis=2).mean())
        return choose_segments(
            rng,
            summaries,
            self._n_animals,
            self._n_frames,
            floor_brightness=float(np.median(floor)),
            same_arena=same_arena,
            recolour=recolour,
            coloured=channel_range >= _MAX_COLOURLESS_RANGE,
        )

    def _render(
        self,
        rng: np.random.Generator,
        background: UInt8,
        segments: Sequence[SoloSegment],
        every: int,
    ) -> Iterator[RecordedFrame]:
        """Yield the composed frames."""
        enclosure = Enclosure.uncovered(to_float_image(background))
        first = self._solos[0]
        body_px = first.summary.body_px
        shift_x, shift_y = _SHADOW_SHIFT
        shadow = Shadow(
            _SHADOW_STRENGTH, _SHADOW_BLUR * body_px, (shift_x * body_px, shift_y * body_px)
        )

        # The background has no noise: the camera adds that of the first recording again.
        camera_model = CameraModel(mono=False, blur_px=0, noise=first.background.noise / 255)
        height, width = background.shape[:2]
        camera = VideoCamera(camera_model, height, width, rng)

        fps = self._info.fps
        order: Int64 = np.arange(self._n_animals)
        streams = [
            self._solos[segment.solo].read_cutouts(segment, self._n_frames, every)
            for segment in segments
        ]
        for number, cutouts in enumerate(zip(*streams, strict=True)):
            sprites = [cutout.sprite for cutout in cutouts]
            positions = np.array([cutout.position for cutout in cutouts])
            order = _restack(rng, order, positions, _RESTACK_DISTANCE * body_px, fps / every)
            scene, truth = compose_scene(enclosure, sprites, positions, shadow, order=order)
            index = number * every
            frame = Frame(index, index / fps, camera.take_frame(scene))
            yield RecordedFrame(frame, truth)


def _check_numbers(n_animals: int, seconds: float, skip_frames: int) -> None:
    for name, value in {"animals": n_animals, "seconds": seconds}.items():
        if not value > 0:
            raise ConfigError(f"{name}: expected more than 0, got {value:g}")
    if skip_frames < 0:
        raise ConfigError(f"skip_frames: expected 0 or more, got {skip_frames}")


def _check_same_format(sources: Sequence[FrameSource]) -> None:
    """Check that all videos have the size and about the frame rate of the first."""
    first = sources[0].info
    for info in (source.info for source in sources[1:]):
        if (info.width, info.height) != (first.width, first.height):
            expected = f"{first.width}x{first.height} like {first.path}"
            raise SourceError(info.path, "size", expected, f"{info.width}x{info.height}")
        if max(info.fps, first.fps) > _MAX_RATE_RATIO * min(info.fps, first.fps):
            expected = f"about {first.fps:g} like {first.path}"
            raise SourceError(info.path, "frame rate", expected, f"{info.fps:g}")


def _load_arena(path: str | Path, width: int, height: int) -> UInt8:
    """Return an image of the arena without animals, or the background of a video."""
    source = open_source(path)
    info = source.info
    if (info.width, info.height) != (width, height):
        expected = f"{width}x{height} like the solos"
        raise SourceError(path, "size", expected, f"{info.width}x{info.height}")
    if info.n_frames == 1:
        return next(sample_frames(source, 1)).image
    return learn_background(source).image


def _restack(
    rng: np.random.Generator, order: Int64, positions: Float64, min_distance_px: float, fps: float
) -> Int64:
    """Return the stacking order, sometimes with an animal moved to the top that touches no other.

    That animal then lies above the next one that it meets.
    """
    k = int(rng.integers(len(order)))
    distances = np.linalg.norm(positions - positions[k], axis=1)
    distances[k] = np.inf
    if rng.random() > _RESTACK_RATE / fps or distances.min() < min_distance_px:
        return order
    return np.append(order[order != k], k)

"""Several animals, each filmed alone, played together in one arena: a recording whose identities are known exactly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.core import Frame
from murid.core.progress import ProgressCallback, no_progress
from murid.errors import ConfigError, SourceError
from murid.synthetic.camera import CameraModel
from murid.synthetic.composition import Shadow, compose
from murid.synthetic.enclosure import Enclosure
from murid.synthetic.recording import RecordedFrame
from murid.synthetic.recording_camera import Film
from murid.synthetic.solo_segments import Cutout, Part, SoloSummary, choose_parts, lift_animal
from murid.synthetic.write_sequence import SequenceInfo, write_sequence
from murid.video import FrameSource, UnreadableFrame, open_source, sample_frames
from murid.video.background_model import fit_static_background

UInt8 = NDArray[np.uint8]

_N_BACKDROP_FRAMES = 60
_FEWEST_FRAMES = 20
_LEAST_SEEN = 0.5  # of the frames looked at
_STEP = 5  # every how many frames a recording is looked at
_SEARCHED = 3  # times the frames that are needed
_SEARCHED_FRAMES = 1800  # at least
_AREAS = (0.5, 1.8)  # of the median: what is found and larger or smaller is not the animal
_COLOURLESS = 6.0  # grey levels between the colours, at most, of a picture without colour
_MOST_RATES = 1.1  # ratio of frame rates


@dataclass(frozen=True)
class _Solo:
    """A recording of one animal: its source, its empty scene, its noise in grey levels, what was seen of the animal."""

    source: FrameSource
    place: UInt8
    noise: float
    scouted: SoloSummary


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
    """Play animals filmed alone together, and write the video with its truth.

    Parameters
    ----------
    solos : sequence of path
        Videos of exactly one animal before a camera that does not move, all of one size and frame
        rate.
    out : path
        Directory for ``video.mp4``, ``gt/gt.txt`` and ``seqinfo.ini``, as `write_sequence` lays
        them out.
    arena : path, optional
        Picture of the empty arena, or a video that its empty scene is learnt from; the first solo's
        by default.
    animals : int, optional
        How many; one of each solo, or three of a single one, by default.
    seconds : float
        Length.
    skip_frames : int
        Frames left out at the beginning of each solo.
    recolour : bool
        Whether animals that come from the same solo are given different coats.
    masks : bool
        Whether to write masks as well.
    seed : int
        Another seed, another recording.
    report : callable
        Told of progress.

    Returns
    -------
    SequenceInfo

    Raises
    ------
    SourceError
        If a video cannot be read, is too short, is of another size or rate than the first, its
        camera moves, or no animal is found in it.
    ConfigError
        If a number makes no sense, or there are no solos.
    StorageError
        If the directory cannot be written to.
    """
    n_animals = animals if animals is not None else (len(solos) if len(solos) > 1 else 3)
    _check_numbers(n_animals, seconds, skip_frames)
    solo_cast = SoloComposer(
        solos, seconds=seconds, animals=n_animals, skip_frames=skip_frames, report=report
    )
    sequence = solo_cast.describe(Path(out).name)
    frames = solo_cast.compose(seed, arena=arena, recolour=recolour)
    write_sequence(Path(out), frames, sequence, masks=masks, report=report)
    return sequence


class SoloComposer:
    """Animals filmed alone that are known well enough to be played together, as often as one likes.

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
        _check_alike(sources)
        self._info, self._n_animals = sources[0].info, animals
        self._n_frames = max(1, round(seconds * self._info.fps))
        each = -(-animals // len(solos))
        self._cast = [
            _meet(source, skip_frames, self._n_frames, each, report) for source in sources
        ]

    def describe(self, name: str) -> SequenceInfo:
        """Return what a sequence file says of it."""
        return SequenceInfo(
            name, self._info.fps, self._info.width, self._info.height, self._n_frames
        )

    def compose(
        self, seed: int, *, arena: str | Path | None = None, recolour: bool = True, every: int = 1
    ) -> Iterator[RecordedFrame]:
        """Compose one frame after another; memory does not grow with their number.

        Parameters
        ----------
        seed, arena, recolour
            As for `compose_videos`.
        every : int
            Distance of the frames that are composed.
        """
        empty = self._cast[0].place
        if arena is not None:
            empty = _load_arena(arena, self._info.width, self._info.height)
        rng = np.random.default_rng(seed)
        n_animals, n_frames, same_arena = self._n_animals, self._n_frames, arena is not None
        return _play(self._cast, empty, n_animals, n_frames, rng, recolour, same_arena, every)


def _check_numbers(n_animals: int, seconds: float, skip_frames: int) -> None:
    for name, value in {"animals": n_animals, "seconds": seconds}.items():
        if not value > 0:
            raise ConfigError(f"{name}: expected more than 0, got {value:g}")
    if skip_frames < 0:
        raise ConfigError(f"skip_frames: expected 0 or more, got {skip_frames}")


def _check_alike(sources: Sequence[FrameSource]) -> None:
    first = sources[0].info
    for info in (source.info for source in sources[1:]):
        if (info.width, info.height) != (first.width, first.height):
            expected = f"{first.width}x{first.height} like {first.path}"
            raise SourceError(info.path, "size", expected, f"{info.width}x{info.height}")
        if max(info.fps, first.fps) > _MOST_RATES * min(info.fps, first.fps):
            raise SourceError(
                info.path, "frame rate", f"about {first.fps:g} like {first.path}", f"{info.fps:g}"
            )


def _meet(
    source: FrameSource, skip: int, n_frames: int, n_parts: int, report: ProgressCallback
) -> _Solo:
    """Learn the empty scene, and where the animal is at what time."""
    path, n_there = source.info.path, source.info.n_frames
    if n_there is not None and n_there - skip < n_frames:
        raise SourceError(
            path,
            "frames",
            f"at least {n_frames} after the first {skip}",
            str(max(0, n_there - skip)),
        )
    place, noise = _learn(source, skip)
    searched = max(_SEARCHED * n_parts * n_frames, _SEARCHED_FRAMES)
    last = skip + searched if n_there is None else min(skip + searched, n_there)
    frames, found = [], []
    for frame in islice(source.iterate(), skip, last):
        if frame.index % _STEP == 0 and isinstance(frame, Frame):
            frames.append(frame.index)
            found.append(lift_animal(frame.image, place))
        report("inspect", frame.index + 1 - skip, last - skip)
    return _Solo(source, place, noise, _sum_up(path, np.array(frames, np.int64), found))


def _learn(source: FrameSource, skip: int) -> tuple[UInt8, float]:
    """Empty scene, and standard deviation of the noise in grey levels, by the median difference from it."""
    images = [f.image for f in sample_frames(source, _N_BACKDROP_FRAMES) if f.index >= skip]
    if len(images) < min(_FEWEST_FRAMES, source.info.n_frames or _FEWEST_FRAMES):
        expected = (
            f"at least {_FEWEST_FRAMES} after the first {skip}, to learn the empty scene from"
        )
        raise SourceError(source.info.path, "frames", expected, str(len(images)))
    background = fit_static_background(images)
    if background is None:
        raise SourceError(
            source.info.path, "camera", "one that stands still", "a picture that changes all over"
        )
    differences = [np.median(cv2.absdiff(image, background.image)) for image in images[:8]]
    return background.image, 1.48 * float(np.median(differences))


def _sum_up(path: str, frames: NDArray[np.int64], found: Sequence[Cutout | None]) -> SoloSummary:
    seen = [lifted for lifted in found if lifted is not None]
    if len(seen) < _LEAST_SEEN * max(1, len(found)):
        expected = "one animal that moves and stands out from the scene before a still camera"
        raise SourceError(
            path, "animal", expected, f"it is found in {len(seen)} of {len(found)} frames"
        )
    area = float(np.median([lifted.sprite.body.sum() for lifted in seen]))
    tone = float(
        np.median([lifted.sprite.image[lifted.sprite.body > 0.5].mean() for lifted in seen])
    )
    usual = [lifted is not None and _is_usual(lifted, area) for lifted in found]
    nowhere = np.full(2, np.nan)
    positions = [
        f.position if ok and f is not None else nowhere for f, ok in zip(found, usual, strict=True)
    ]
    return SoloSummary(frames, np.array(positions), area, tone)


def _is_usual(lifted: Cutout, area_px: float) -> bool:
    return bool(_AREAS[0] * area_px <= lifted.sprite.body.sum() <= _AREAS[1] * area_px)


def _load_arena(path: str | Path, width: int, height: int) -> UInt8:
    """Picture of the empty arena, or what a video looks like without its animals."""
    source = open_source(path)
    size = (source.info.width, source.info.height)
    if size != (width, height):
        raise SourceError(path, "size", f"{width}x{height} like the solos", f"{size[0]}x{size[1]}")
    if source.info.n_frames == 1:
        return next(sample_frames(source, 1)).image
    return _learn(source, 0)[0]


def _play(
    cast: Sequence[_Solo],
    empty: UInt8,
    n_animals: int,
    n_frames: int,
    rng: np.random.Generator,
    recolour: bool,
    same_arena: bool,
    every: int,
) -> Iterator[RecordedFrame]:
    image, scouted = empty.astype(np.float32) / np.float32(255), [solo.scouted for solo in cast]
    low, high = (tuple(int(v) for v in corner) for corner in scouted[0].range)
    floor = float(np.median(image[low[1] : high[1] + 1, low[0] : high[0] + 1]))
    mono = float(np.ptp(empty, axis=2).mean()) < _COLOURLESS
    parts = choose_parts(
        rng,
        scouted,
        n_animals,
        n_frames,
        floor_tone=floor,
        same_arena=same_arena,
        recolour=recolour,
        coloured=not mono,
    )
    nothing = np.zeros_like(image[..., 0])
    arena = Enclosure(image, nothing == 0, np.zeros_like(image), nothing)
    body = scouted[0].body_px
    shadow = Shadow(0.25, 0.06 * body, (0.03 * body, 0.04 * body))
    height, width = image.shape[:2]
    film = Film(CameraModel(mono=False, blur_px=0, noise=cast[0].noise / 255), height, width, rng)
    order, fps = np.arange(n_animals), cast[0].source.info.fps
    players = (_perform(cast[part.solo], part, n_frames, every) for part in parts)
    for shown, actors in enumerate(zip(*players, strict=True)):
        positions = np.array([actor.position for actor in actors])
        order = _restack(rng, order, positions, 1.3 * body, fps / every)
        scene, truth = compose(arena, [a.sprite for a in actors], positions, shadow, order=order)
        index = shown * every
        yield RecordedFrame(Frame(index, index / fps, film.expose(scene)), truth)


def _perform(solo: _Solo, part: Part, n_frames: int, every: int) -> Iterator[Cutout]:
    """The animal in every so-manyth frame of its stretch; where it is not found it stays as it was."""
    last: Cutout | None = None
    for frame in islice(_read_from(solo, part.start), 0, n_frames, every):
        found = lift_animal(frame.image, solo.place) if isinstance(frame, Frame) else None
        if found is not None and (_is_usual(found, solo.scouted.area_px) or last is None):
            last = part.perform(found, solo.scouted.tone)
        if last is None:
            expected, got = "an animal where a stretch begins", f"none in frame {frame.index}"
            raise SourceError(solo.source.info.path, "animal", expected, got)
        yield last


def _read_from(solo: _Solo, start: int) -> Iterator[Frame | UnreadableFrame]:
    """Frames from a start on, by way of the file's beginning where its key frames cannot be decoded by themselves."""
    frames = solo.source.iterate(start)
    first = next(frames)
    found = lift_animal(first.image, solo.place) if isinstance(first, Frame) else None
    expected = solo.scouted.positions[np.searchsorted(solo.scouted.frames, start)]
    if found is not None and np.allclose(found.position, expected, atol=1):
        return chain([first], frames)
    return islice(solo.source.iterate(), start, None)


def _restack(
    rng: np.random.Generator,
    order: NDArray[np.int64],
    positions: NDArray[Any],
    reach_px: float,
    fps: float,
) -> NDArray[np.int64]:
    """Now and then an animal that touches no other comes up on top, to climb over the next one it meets."""
    k = int(rng.integers(len(order)))
    gaps = np.linalg.norm(positions - positions[k], axis=1)
    gaps[k] = np.inf
    if rng.random() > 2 / fps or gaps.min() < reach_px:
        return order
    return np.append(order[order != k], k)

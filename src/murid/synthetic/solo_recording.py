"""Recordings of a single animal: background, noise, positions, and cut-outs frame by frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import cv2
import numpy as np

from murid.core import Frame
from murid.core.progress import ProgressCallback
from murid.core.types import Int64, UInt8
from murid.errors import SourceError
from murid.synthetic.cutouts import Cutout, extract_cutout
from murid.synthetic.solo_segments import SoloSegment, SoloSummary
from murid.video import FrameSource, UnreadableFrame, sample_frames
from murid.video.background_model import fit_static_background

# Frames from which the background is learnt. Fewer than the minimum leave traces of the animal.
_N_BACKGROUND_FRAMES = 60
_MIN_BACKGROUND_FRAMES = 20

# Frames from which the noise is estimated, and the factor from a median absolute difference to a
# standard deviation of normal noise.
_N_NOISE_FRAMES = 8
_MAD_TO_DEVIATION = 1.48

# The animal is searched in one of every `_ANALYSIS_STEP` frames. The search covers
# `_SEARCH_FACTOR` times the frames that are needed, at least `_MIN_SEARCHED_FRAMES`. More frames
# give a better choice of segments, and take longer.
_ANALYSIS_STEP = 5
_SEARCH_FACTOR = 3
_MIN_SEARCHED_FRAMES = 1800

# Share of the analysed frames in which the animal must be found.
_MIN_FOUND_SHARE = 0.5

# Range of the body's area relative to its median. Outside of it, something else was found, or the
# animal together with something else.
_MIN_RELATIVE_AREA = 0.5
_MAX_RELATIVE_AREA = 1.8

# Maximum distance in pixels between the positions of one frame in two readings of the file.
_POSITION_TOLERANCE_PX = 1


@dataclass(frozen=True)
class LearntBackground:
    """Background of a recording and its noise.

    Attributes
    ----------
    image : ndarray
        ``(h, w, 3)`` uint8 RGB.
    noise : float
        Standard deviation of the noise, grey levels.
    """

    image: UInt8
    noise: float


@dataclass(frozen=True)
class SoloRecording:
    """A recording of one animal, analysed."""

    source: FrameSource
    background: LearntBackground
    summary: SoloSummary

    def read_cutouts(self, segment: SoloSegment, n_frames: int, every: int) -> Iterator[Cutout]:
        """Yield the transformed animal of a segment, in one of every `every` frames.

        Where the animal is not found, the previous cut-out is repeated.

        Raises
        ------
        SourceError
            If the animal is not found in the first frame.
        """
        last: Cutout | None = None
        for frame in islice(self._read_from(segment.start), 0, n_frames, every):
            found = self._find(frame)
            if found is not None and (last is None or _is_typical(found, self.summary.area_px)):
                last = segment.transform_cutout(found, self.summary.brightness)
            if last is None:
                raise SourceError(
                    self.source.info.path,
                    "animal",
                    "an animal in the first frame of a segment",
                    f"none in frame {frame.index}",
                )
            yield last

    def _find(self, frame: Frame | UnreadableFrame) -> Cutout | None:
        if not isinstance(frame, Frame):
            return None
        return extract_cutout(frame.image, self.background.image)

    def _read_from(self, start: int) -> Iterator[Frame | UnreadableFrame]:
        """Iterate over the frames from a start on.

        In some files, frames after a key frame cannot be decoded without those before it. If the
        animal is not where it was seen, the file is read from its beginning instead.
        """
        frames = self.source.iterate(start)
        first = next(frames)
        found = self._find(first)
        row = np.searchsorted(self.summary.frames, start)
        expected = self.summary.positions[row]
        if found is not None and np.allclose(found.position, expected, atol=_POSITION_TOLERANCE_PX):
            return chain([first], frames)
        return islice(self.source.iterate(), start, None)


def analyse_solo(
    source: FrameSource,
    skip_frames: int,
    n_frames: int,
    n_segments: int,
    report: ProgressCallback,
) -> SoloRecording:
    """Learn the background of a recording, and find its animal.

    Parameters
    ----------
    source : FrameSource
    skip_frames : int
        Frames left out at the beginning.
    n_frames, n_segments : int
        Length and number of the segments that are needed.
    report : callable
        Called with the progress.

    Raises
    ------
    SourceError
        If the recording is too short, the camera moves, or no animal is found.
    """
    info = source.info
    if info.n_frames is not None and info.n_frames - skip_frames < n_frames:
        raise SourceError(
            info.path,
            "frames",
            f"at least {n_frames} after the first {skip_frames}",
            str(max(0, info.n_frames - skip_frames)),
        )
    background = learn_background(source, skip_frames)
    n_searched = max(_SEARCH_FACTOR * n_segments * n_frames, _MIN_SEARCHED_FRAMES)
    end = skip_frames + n_searched
    if info.n_frames is not None:
        end = min(end, info.n_frames)
    indices = []
    found = []
    for frame in islice(source.iterate(), skip_frames, end):
        if frame.index % _ANALYSIS_STEP == 0 and isinstance(frame, Frame):
            indices.append(frame.index)
            found.append(extract_cutout(frame.image, background.image))
        report("inspect", frame.index + 1 - skip_frames, end - skip_frames)
    summary = _summarise(info.path, np.array(indices, np.int64), found)
    return SoloRecording(source, background, summary)


def learn_background(source: FrameSource, skip_frames: int = 0) -> LearntBackground:
    """Learn the background of a recording and estimate its noise.

    Raises
    ------
    SourceError
        If the recording is too short, or the camera moves.
    """
    info = source.info
    sampled = sample_frames(source, _N_BACKGROUND_FRAMES)
    images = [frame.image for frame in sampled if frame.index >= skip_frames]
    min_frames = min(_MIN_BACKGROUND_FRAMES, info.n_frames or _MIN_BACKGROUND_FRAMES)
    if len(images) < min_frames:
        raise SourceError(
            info.path,
            "frames",
            f"at least {_MIN_BACKGROUND_FRAMES} after the first {skip_frames}, "
            "to learn the background from",
            str(len(images)),
        )
    background = fit_static_background(images)
    if background is None:
        raise SourceError(
            info.path, "camera", "one that does not move", "images that change everywhere"
        )
    differences = [
        np.median(cv2.absdiff(image, background.image)) for image in images[:_N_NOISE_FRAMES]
    ]
    noise = _MAD_TO_DEVIATION * float(np.median(differences))
    return LearntBackground(background.image, noise)


def _summarise(path: str, frames: Int64, found: Sequence[Cutout | None]) -> SoloSummary:
    """Summarise the cut-outs of the analysed frames; None where no animal was found."""
    cutouts = [cutout for cutout in found if cutout is not None]
    if len(cutouts) < _MIN_FOUND_SHARE * max(1, len(found)):
        raise SourceError(
            path,
            "animal",
            "one animal that moves and contrasts with the background, before a static camera",
            f"it is found in {len(cutouts)} of {len(found)} frames",
        )
    sprites = [cutout.sprite for cutout in cutouts]
    area_px = float(np.median([sprite.body.sum() for sprite in sprites]))
    means = [sprite.image[sprite.body > 0.5].mean() for sprite in sprites]
    brightness = float(np.median(means))
    positions = np.full((len(found), 2), np.nan)
    for row, cutout in enumerate(found):
        if cutout is not None and _is_typical(cutout, area_px):
            positions[row] = cutout.position
    return SoloSummary(frames, positions, area_px, brightness)


def _is_typical(cutout: Cutout, area_px: float) -> bool:
    """Return whether a cut-out has about the typical area of the animal."""
    area = cutout.sprite.body.sum()
    return bool(_MIN_RELATIVE_AREA * area_px <= area <= _MAX_RELATIVE_AREA * area_px)

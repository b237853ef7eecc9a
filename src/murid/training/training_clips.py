"""Clips that training images are cut from: rendered or composed in parallel, and kept on disk."""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from murid.core.files import make_directory, replace_on_success
from murid.core.progress import ProgressCallback, no_progress
from murid.synthetic import SCENARIOS, RecordedFrame, make_scenario, record
from murid.synthetic.clips import ClipFrame, encode_jpeg
from murid.synthetic.compose_solos import SoloComposer
from murid.synthetic.scenarios import TRAINING_SCENARIOS
from murid.training.worker_process import use_one_thread
from murid.video import FrameSource, open_source
from murid.video.background_model import fit_static_background

Clip = tuple[ClipFrame, ...]
"""Frames of one recording, all with the same background."""

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
# Distinguish random generators from others with the same seed.
_COMPOSITION_STREAM = 11
_BACKGROUND_STREAM = 12

# Version of the files of clips; older ones are made again.
_FORMAT = 1

BackgroundKind = Literal["good", "poor", "none"]
"""Background of a clip: the best one from its frames, a poor one, or none."""


class _ClipTask(Protocol):
    """Something that makes clips; its ``repr`` decides what they show."""

    def make(self) -> list[Clip]:
        """Return clips whose animals are numbered from 0 on in each, or have no identity."""
        ...


@dataclass(frozen=True)
class _RenderTask:
    """One rendered clip of a scenario."""

    scenario: str
    seed: int
    n_frames: int
    background: BackgroundKind

    def make(self) -> list[Clip]:
        config = make_scenario(self.scenario, self.seed, _SYNTHETIC_S)
        every = config.n_frames // self.n_frames
        frames = record(replace(config, n_frames=every * self.n_frames), every)
        has_identities = not config.lookalike and config.n_pups == 0
        return [_make_clip(frames, self.background, has_identities)]


@dataclass(frozen=True)
class _ComposeTask:
    """Some clips composed of the same solo videos.

    `videos` are paths with their sizes in bytes, so that another video under the same path counts
    as another.
    """

    videos: tuple[tuple[str, int], ...]
    seconds: float
    n_animals: int
    n_skipped: int
    every: int
    seeds: tuple[int, ...]

    def make(self) -> list[Clip]:
        composer = SoloComposer(
            [path for path, _ in self.videos],
            seconds=self.seconds,
            animals=self.n_animals,
            skip_frames=self.n_skipped,
        )
        return [
            _make_clip(composer.compose(seed, every=self.every), "good", True)
            for seed in self.seeds
        ]


@dataclass(frozen=True)
class ClipMaker:
    """Makes clips in several processes, and keeps them on disk for the next call.

    Attributes
    ----------
    directory : Path or None
        Folder of the clips; None = they are not kept.
    n_workers : int
        Number of processes; 0 = this one.
    """

    directory: Path | None = None
    n_workers: int = 0

    def make(
        self, tasks: Sequence[_ClipTask], n_clips: int, stage: str, report: ProgressCallback
    ) -> list[Clip]:
        """Return the `n_clips` clips of all tasks in order."""
        if self.directory is not None and tasks:
            make_directory(self.directory)
        clips: list[Clip] = []
        if self.n_workers == 0 or not tasks:
            for task in tasks:
                clips += self._make_or_read(task)
                report(stage, len(clips), n_clips)
            return clips
        with multiprocessing.get_context("fork").Pool(self.n_workers, use_one_thread) as processes:
            for made in processes.imap(self._make_or_read, tasks):
                clips += made
                report(stage, len(clips), n_clips)
        return clips

    def _make_or_read(self, task: _ClipTask) -> list[Clip]:
        if self.directory is None:
            return task.make()
        digest = hashlib.sha256(repr((_FORMAT, task)).encode()).hexdigest()
        path = self.directory / f"{digest[:32]}.npz"
        if path.exists():
            return _read_clips(path)
        clips = task.make()
        _write_clips(path, clips)
        return clips


def compose_clips(
    videos: Sequence[str | Path],
    n: int,
    seed: int,
    first_identity: int = 0,
    report: ProgressCallback = no_progress,
    n_frames: int = 24,
    maker: ClipMaker | None = None,
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
    maker : ClipMaker, optional
        Where and how the clips are made; by default here, and they are not kept.
    """
    # Choices of videos: each one alone, and all together if they are compatible.
    choices: list[Sequence[str | Path]] = [[video] for video in videos]
    formats = {_get_format(open_source(video)) for video in videos}
    if len(videos) > 1 and len(formats) == 1:
        choices.append(videos)
    rng = np.random.default_rng((seed, _COMPOSITION_STREAM))
    tasks = []
    for first in range(0, n, _CLIPS_PER_COMPOSER):
        chosen = choices[first // _CLIPS_PER_COMPOSER % len(choices)]
        # A clip takes at most half of the shortest video, so that several differ.
        sources = [open_source(video) for video in chosen]
        min_frames = min(source.info.n_frames or 0 for source in sources)
        fps = sources[0].info.fps
        seconds = min(_COMPOSED_S, 0.5 * min_frames / fps)
        task = _ComposeTask(
            videos=tuple((str(video), Path(video).stat().st_size) for video in chosen),
            seconds=seconds,
            n_animals=int(rng.integers(2, _MAX_COMPOSED_ANIMALS + 1)),
            n_skipped=int(_SKIPPED_SHARE * min_frames),
            every=max(1, int(seconds * fps) // n_frames),
            seeds=tuple(seed * 1000 + k for k in range(first, min(n, first + _CLIPS_PER_COMPOSER))),
        )
        tasks.append(task)
    clips = (maker or ClipMaker()).make(tasks, n, "compose", report)
    return _number_identities(clips, first_identity)


def render_clips(
    n: int,
    seed: int,
    first_identity: int = 0,
    report: ProgressCallback = no_progress,
    n_frames: int = 12,
    no_background: float = 0.0,
    poor_background: float = 0.0,
    maker: ClipMaker | None = None,
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
    maker : ClipMaker, optional
        Where and how the clips are made; by default here, and they are not kept.
    """
    tasks = []
    for k in range(n):
        name = "random"
        if k % _SCENARIO_EVERY == 0:
            name = _SCENARIO_NAMES[k // _SCENARIO_EVERY % len(_SCENARIO_NAMES)]
        elif k % _SCENARIO_EVERY == _TRAINING_OFFSET:
            name = _TRAINING_NAMES[k // _SCENARIO_EVERY % len(_TRAINING_NAMES)]
        point = np.random.default_rng((seed + k, _BACKGROUND_STREAM)).random()
        background: BackgroundKind = "good"
        if point < no_background:
            background = "none"
        elif point < no_background + poor_background:
            background = "poor"
        tasks.append(_RenderTask(name, seed + k, n_frames, background))
    clips = (maker or ClipMaker()).make(tasks, n, "render", report)
    return _number_identities(clips, first_identity)


def count_identities(clips: Iterable[Clip]) -> int:
    """Return the maximum identity plus one; 0 if there is none."""
    counts = (int(frame.identities.max(initial=-1)) + 1 for clip in clips for frame in clip)
    return max(counts, default=0)


def _number_identities(clips: Iterable[Clip], first_identity: int) -> tuple[Clip, ...]:
    """Return clips in which the animals of each have numbers of their own, ascending."""
    numbered = []
    for clip in clips:
        shifted = [
            replace(
                frame,
                identities=np.where(frame.identities < 0, -1, frame.identities + first_identity),
            )
            for frame in clip
        ]
        numbered.append(tuple(shifted))
        first_identity = max(first_identity, count_identities([numbered[-1]]))
    return tuple(numbered)


def _make_clip(
    frames: Iterable[RecordedFrame], background_kind: BackgroundKind, has_identities: bool
) -> Clip:
    """Compress frames; the animals are numbered from 0 on, or have no identity."""
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
        identities = frame.truth.animal_indices.astype(np.int64)
        if not has_identities:
            identities = np.full(len(identities), -1, np.int64)
        boxes = frame.truth.boxes.astype(np.float32)
        keypoints = frame.truth.keypoints
        clip.append(ClipFrame(encode_jpeg(image), encoded_background, boxes, identities, keypoints))
    return tuple(clip)


def _get_format(source: FrameSource) -> tuple[int, int, int]:
    """Return width, height and rounded frame rate."""
    return source.info.width, source.info.height, round(source.info.fps)


def _write_clips(path: Path, clips: Sequence[Clip]) -> None:
    """Write clips as arrays, named by clip and frame; the write is atomic."""
    arrays: dict[str, Any] = {}
    for c, clip in enumerate(clips):
        if clip[0].background_jpeg is not None:
            arrays[f"{c} background"] = np.frombuffer(clip[0].background_jpeg, np.uint8)
        for f, frame in enumerate(clip):
            name = f"{c} {f}"
            arrays[f"{name} image"] = np.frombuffer(frame.image_jpeg, np.uint8)
            arrays[f"{name} boxes"] = frame.boxes
            arrays[f"{name} identities"] = frame.identities
            arrays[f"{name} keypoints"] = frame.keypoints
    counts = np.array([len(clip) for clip in clips])
    with replace_on_success(path) as temporary, temporary.open("wb") as file:
        np.savez(file, counts=counts, **arrays)


def _read_clips(path: Path) -> list[Clip]:
    """Read clips that `_write_clips` wrote."""
    clips: list[Clip] = []
    with np.load(path) as arrays:
        for c, count in enumerate(arrays["counts"].tolist()):
            background = None
            if f"{c} background" in arrays:
                background = arrays[f"{c} background"].tobytes()
            frames = [
                ClipFrame(
                    arrays[f"{c} {f} image"].tobytes(),
                    background,
                    arrays[f"{c} {f} boxes"],
                    arrays[f"{c} {f} identities"],
                    arrays[f"{c} {f} keypoints"],
                )
                for f in range(count)
            ]
            clips.append(tuple(frames))
    return clips

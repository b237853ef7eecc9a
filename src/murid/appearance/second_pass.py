"""The second pass over a video: fur descriptors and point matches, stored with the run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from murid.appearance.collectors import (
    MAX_DESCRIPTORS,
    MIN_SCORE,
    BodyScale,
    FurCollector,
    PointFrames,
    PointMatchCollector,
    count_fur_interval,
)
from murid.appearance.second_pass_tables import (
    SecondPassResult,
    read_second_pass,
    write_second_pass,
)
from murid.core import Frame
from murid.core.progress import ProgressCallback
from murid.core.types import Bool, DetectionTable, Float64, Int64
from murid.errors import RunError
from murid.identification.appearance_models.tracklet_features import FurDescriptors
from murid.identification.point_matches import PointMatches
from murid.store import RunDirectory
from murid.store.side_tables import POINT_MATCHES
from murid.video import FrameSource, UnreadableFrame, open_as_tracked, sample_frames
from murid.video.background_model import BackgroundModel, fit_static_background
from murid.video.prefetch import prefetch

# Fur is sampled in this many stretches, spread over a recording. A stretch of 30 s has blocks of
# all three folds of the cross-validation. Even one such stretch gave the same answer as the whole
# minute in 8 of 9 cases: three each of `lookalike-5`, `huddle-6` and `shelter-4`.
N_SAMPLE_STRETCHES = 4
SAMPLE_STRETCH_S = 30.0
# The sample may be this share of a recording; a shorter recording is read completely at once.
MAX_SAMPLE_SHARE = 1 / 3
# Longest gap between wanted frames that is read: twice the usual distance of key frames. Where a
# longer one is skipped, decoding begins at the last but one key frame before the next wanted frame.
_MAX_READ_GAP = 500
# Frames for the background model: enough that no animal rests in half of them.
_N_BACKGROUND_FRAMES = 60
# Frames that are decoded ahead, in another thread.
_N_PREFETCHED = 8


@dataclass(frozen=True, eq=False, slots=True)
class FurSample:
    """Fur descriptors of some stretches of a recording.

    Attributes
    ----------
    rows : ndarray
        ``(n,)`` int64 rows of all detections in these stretches, ascending.
    fur_descriptors : FurDescriptors
        Those of the rows that have one.
    """

    rows: Int64
    fur_descriptors: FurDescriptors


def run_second_pass(
    run: RunDirectory, report: ProgressCallback, fur_descriptors: FurDescriptors | None = None
) -> tuple[FurDescriptors, PointMatches]:
    """Return fur descriptors and point matches of a run; compute and store them if it has none.

    Parameters
    ----------
    run : RunDirectory
        Open for writing, with finished detection.
    report : callable
        Receives the progress.
    fur_descriptors : FurDescriptors, optional
        To use instead of those of the whole recording. Only frames in which points are tracked are
        read then.

    Returns
    -------
    fur_descriptors : FurDescriptors
        Empty where the camera moves.
    point_matches : PointMatches
        Empty where the camera moves.

    Raises
    ------
    RunError
        If the video is not the one that the run was made of, or the stored result is damaged.
    SourceError
        If the video cannot be opened.
    StorageError
        If the run cannot be written to.
    """
    table = run.detections.read(embeddings=False, keypoints=False)
    result = read_second_pass(run, table)
    if result is None:
        found = _scan_video(open_run_video(run), run, table, report, fur_descriptors)
        write_second_pass(run, found, table)
        # Stored with half precision. Reading it back gives the same result now and next time.
        result = read_second_pass(run, table)
    assert result is not None
    return result.fur_descriptors, result.point_matches


def has_second_pass(run: RunDirectory) -> bool:
    """Whether a run has a stored second pass, which no video is read for."""
    # One table counts only beside the other one of the same pass.
    return run.side_tables.read(POINT_MATCHES) is not None


def sample_fur(
    run: RunDirectory, stretches: Sequence[range], report: ProgressCallback
) -> FurSample:
    """Return the fur descriptors of some stretches of a run, by which to decide on a second pass.

    Parameters
    ----------
    run : RunDirectory
        With finished detection.
    stretches : sequence of range
        Frames to read, as of `choose_stretches`.
    report : callable
        Receives the progress.

    Raises
    ------
    RunError, SourceError
        As `run_second_pass`.
    """
    table = run.detections.read(embeddings=False, keypoints=False)
    source = open_run_video(run)
    scale = BodyScale.of(table)
    rows = np.concatenate([np.arange(*table.frame_offsets[[s.start, s.stop]]) for s in stretches])
    background = _fit_background(source, scale)
    if background is None:
        return FurSample(rows, SecondPassResult.empty().fur_descriptors)
    fur = FurCollector(scale, background, run.manifest.fps, max_descriptors=len(table))
    n_frames = sum(map(len, stretches))
    for n_read, frame in enumerate(_read(source, stretches, scale), start=1):
        if isinstance(frame, Frame):
            fur.add(frame, scale.find_usable(frame.index))
        report("sample", n_read, n_frames)
    return FurSample(rows, fur.finish())


def count_descriptors(table: DetectionTable, fps: float) -> int:
    """Return about how many fur descriptors a second pass over a recording computes."""
    n_usable = int((table.scores >= MIN_SCORE).sum())
    return min(n_usable // count_fur_interval(fps), MAX_DESCRIPTORS)


def count_point_frames(run: RunDirectory, table: DetectionTable) -> int:
    """Return the number of frames that are read where only points are tracked."""
    times_s = run.frames.read().times_s
    wanted = PointFrames.of(BodyScale.of(table), run.manifest.fps, times_s).wanted_frames
    return sum(map(len, find_stretches(wanted)))


def choose_stretches(times_s: Float64) -> list[range]:
    """Return frames of the stretches in which fur is sampled, ascending; none where all are read.

    Parameters
    ----------
    times_s : ndarray
        ``(F,)`` float64 times of the frames in seconds.
    """
    duration_s = float(times_s[-1] - times_s[0]) if len(times_s) else 0.0
    if duration_s * MAX_SAMPLE_SHARE < N_SAMPLE_STRETCHES * SAMPLE_STRETCH_S:
        return []
    shares = (np.arange(N_SAMPLE_STRETCHES) + 0.5) / N_SAMPLE_STRETCHES
    middles_s = times_s[0] + shares * duration_s
    bounds_s = middles_s[:, None] + SAMPLE_STRETCH_S * np.array([-0.5, 0.5])
    found = [range(*bounds) for bounds in np.searchsorted(times_s, bounds_s).tolist()]
    # A stretch may lie in a pause of the recording.
    return [stretch for stretch in found if len(stretch)]


def open_run_video(run: RunDirectory) -> FrameSource:
    """Open the video of a run; raises `SourceError`, or `RunError` if it is another one now."""
    manifest = run.manifest
    source = open_as_tracked(manifest.source, manifest.video, run.frames.read().times_s)
    if source.compute_fingerprint() != dict(run.manifest.fingerprint):
        expected = "the video that the run was made of"
        raise RunError(run.path, "fingerprint", expected, f"another {run.manifest.source}")
    return source


def _fit_background(source: FrameSource, scale: BodyScale) -> BackgroundModel | None:
    """Return the background model at a scale; None where the camera moves."""
    sampled = scale.shrink(sample_frames(source, _N_BACKGROUND_FRAMES))
    return fit_static_background([frame.image for frame in sampled if isinstance(frame, Frame)])


def _scan_video(
    source: FrameSource,
    run: RunDirectory,
    table: DetectionTable,
    report: ProgressCallback,
    fur_descriptors: FurDescriptors | None,
) -> SecondPassResult:
    """Read a video once, and collect point matches and, if none are given, fur descriptors."""
    scale = BodyScale.of(table)
    background = _fit_background(source, scale)
    if background is None:
        return SecondPassResult.empty()
    fps = run.manifest.fps
    points = PointMatchCollector(scale, background, fps, run.frames.read().times_s)
    fur = None
    stretches = [range(table.n_frames)]
    if fur_descriptors is None:
        fur = FurCollector(scale, background, fps)
    else:
        stretches = find_stretches(points.wanted_frames)
    for frame in _read(source, stretches, scale):
        if isinstance(frame, Frame):
            rows = scale.find_usable(frame.index)
            if fur is not None:
                fur.add(frame, rows)
            points.add(frame, rows)
        report("refine", frame.index + 1, table.n_frames)
    report("refine", table.n_frames, table.n_frames)
    found = fur_descriptors if fur is None else fur.finish()
    assert found is not None
    return SecondPassResult(found, points.finish())


def find_stretches(wanted: Bool) -> list[range]:
    """Return the stretches of frames to read, ascending, for the frames ``(F,)`` that are wanted.

    Short gaps are read, since decoding begins at key frames.
    """
    frames = np.flatnonzero(wanted)
    if not len(frames):
        return []
    breaks = np.flatnonzero(np.diff(frames) > _MAX_READ_GAP)
    starts = frames[np.append(0, breaks + 1)].tolist()
    ends = frames[np.append(breaks, -1)].tolist()
    return [range(start, end + 1) for start, end in zip(starts, ends, strict=True)]


def _read(
    source: FrameSource, stretches: Iterable[range], scale: BodyScale
) -> Iterator[Frame | UnreadableFrame]:
    """Yield the frames of some stretches, at a scale; those that cannot be decoded as such."""
    for stretch in stretches:
        frames = islice(source.iterate(stretch.start), len(stretch))
        yield from prefetch(scale.shrink(frames), _N_PREFETCHED)

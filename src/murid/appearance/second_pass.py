"""The second pass over a video: fur descriptors and point matches, stored with the run."""

from __future__ import annotations

from murid.appearance.collectors import BodyScale, FurCollector, PointMatchCollector
from murid.appearance.second_pass_tables import (
    SecondPassResult,
    read_second_pass,
    write_second_pass,
)
from murid.core import Frame
from murid.core.progress import ProgressCallback
from murid.core.types import DetectionTable
from murid.errors import RunError
from murid.identification.appearance_models.tracklet_features import FurDescriptors
from murid.identification.point_matches import PointMatches
from murid.store import RunDirectory
from murid.video import FrameSource, open_as_tracked, sample_frames
from murid.video.background_model import fit_static_background
from murid.video.prefetch import prefetch

# Frames for the background model: enough that no animal rests in half of them.
_N_BACKGROUND_FRAMES = 60
# Frames that are decoded ahead, in another thread.
_N_PREFETCHED = 8


def run_second_pass(
    run: RunDirectory, report: ProgressCallback
) -> tuple[FurDescriptors, PointMatches]:
    """Return fur descriptors and point matches of a run; compute and store them if it has none.

    Parameters
    ----------
    run : RunDirectory
        Open for writing, with finished detection.
    report : callable
        Receives the progress.

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
    table = run.detections.read(embeddings=False)
    result = read_second_pass(run, table)
    if result is None:
        found = _scan_video(_open_video(run), run, table, report)
        write_second_pass(run, found, table)
        # Stored with half precision. Reading it back gives the same result now and next time.
        result = read_second_pass(run, table)
    assert result is not None
    return result.fur_descriptors, result.point_matches


def _open_video(run: RunDirectory) -> FrameSource:
    """Open the video of a run; raises `RunError` if it is another one now."""
    manifest = run.manifest
    source = open_as_tracked(manifest.source, manifest.video, run.frames.read().times_s)
    if source.compute_fingerprint() != dict(run.manifest.fingerprint):
        expected = "the video that the run was made of"
        raise RunError(run.path, "fingerprint", expected, f"another {run.manifest.source}")
    return source


def _scan_video(
    source: FrameSource, run: RunDirectory, table: DetectionTable, report: ProgressCallback
) -> SecondPassResult:
    """Read a video once, and collect fur descriptors and point matches."""
    scale = BodyScale.of(table)
    sampled = scale.shrink(sample_frames(source, _N_BACKGROUND_FRAMES))
    background = fit_static_background([f.image for f in sampled if isinstance(f, Frame)])
    if background is None:
        return SecondPassResult.empty()
    fps = run.manifest.fps
    fur = FurCollector(scale, background, fps)
    points = PointMatchCollector(scale, background, fps, run.frames.read().times_s)
    for frame in prefetch(scale.shrink(source.iterate(0)), _N_PREFETCHED):
        # Frames that cannot be decoded are skipped.
        if isinstance(frame, Frame) and frame.index < table.n_frames:
            first, last = table.frame_offsets[frame.index : frame.index + 2].tolist()
            rows = first + scale.usable[first:last].nonzero()[0]
            fur.add(frame, rows)
            points.add(frame, rows)
        report("refine", frame.index + 1, table.n_frames)
    return SecondPassResult(fur.finish(), points.finish())

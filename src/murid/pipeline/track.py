"""Track a video into a run directory: detection, tracking, identification."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

from murid.arenas.file import read_arena_file
from murid.arenas.layout import Layout
from murid.core.clock import parse_time
from murid.core.progress import (
    AnnounceCallback,
    ProgressCallback,
    no_announcement,
    no_progress,
)
from murid.core.types import Float64
from murid.core.validation import to_count
from murid.datasets.camera_motion import read_camera_motion
from murid.detection.detector import Detector, load_detector
from murid.errors import ConfigError
from murid.pipeline.associate import associate, describe_tracking
from murid.pipeline.config import Config
from murid.pipeline.detect import detect_frames, redetect_damaged
from murid.pipeline.identify import identify_run, resolve_refine
from murid.pipeline.per_arena import count_animals
from murid.pipeline.refine import Feedback
from murid.pipeline.run import Run, whole_image
from murid.reid.reidentify import check_gallery, reidentify_run
from murid.store import RunDirectory, is_run_directory
from murid.video import ClockOptions, FrameSource, open_clocked, sample_frames
from murid.video.brightness import BrightnessMeter
from murid.video.clocked_source import ClockedSource, StoredTimes, describe_recording

# Frames, spread over the video, from which a detector learns the background. A median of 60 hides
# an animal that rests in one place for less than half of the recording; more cost time.
N_BACKGROUND_FRAMES = 60


def track(
    source: str | Path,
    *,
    animals: int | None = None,
    config: Config | None = None,
    out: str | Path | None = None,
    video: bool = False,
    restart: bool = False,
    camera_motion: str | Path | None = None,
    arena: str | Path | None = None,
    gallery: str | Path | None = None,
    update_gallery: bool = False,
    fps: float | None = None,
    timestamps: str | Path | None = None,
    time_unit: str | None = None,
    start: float | str | None = None,
    end: float | str | None = None,
    every: int = 1,
    report: ProgressCallback = no_progress,
    announce: AnnounceCallback = no_announcement,
) -> Run:
    """Track the animals in a video and return the run.

    With a number of animals, identities hold over the whole recording. Calling it again continues
    an interrupted run.

    Parameters
    ----------
    source : str or Path
        Video file, folder of images or glob.
    animals : int, optional
        Number of animals, an upper bound, since some may be hidden; None = any number.
    config : Config, optional
        Settings.
    out : str or Path, optional
        Run directory; by default beside the source, ending in ``.murid``.
    video : bool
        Whether to write an annotated video as well.
    restart : bool
        Whether to remove an earlier run first.
    camera_motion : str or Path, optional
        Motion of a moving camera, as `murid.datasets.camera_motion` reads it; a camera at rest by
        default.
    arena : str or Path, optional
        Arena file. Detections outside its arenas are dropped; each arena has its own number of
        animals, `animals` where it gives none.
    gallery : str or Path, optional
        Gallery file, as `enroll` makes it, that names the identities; needs `animals`.
    update_gallery : bool
        Whether to add the appearance of confidently identified animals to the gallery.
    fps : float, optional
        Frames per second, for a source that has no rate or a wrong one. By default, and where no
        timestamps are given, the clock of the source, or that of the run which is continued. On
        another clock a run is tracked and identified again, from the same detections.
    timestamps : str or Path, optional
        CSV file with the time of each frame, as `murid.video.timestamps` reads it.
    time_unit : str, optional
        Unit of these times, ``"s"``, ``"ms"``, ``"us"`` or ``"ns"``, if the header does not say it.
    start, end : float or str, optional
        Track the frames from one time to before another one: seconds, or text such as
        ``"00:03:12.5"``.
    every : int
        Track every n-th frame. Exports number frames as in the video.
    report : callable
        Called with progress: stage, frames done, frames in total.
    announce : callable
        Called with a sentence before a second pass over the video: why it is made, and how long it
        takes.

    Returns
    -------
    Run

    Raises
    ------
    MuridError
        `SourceError`, `ModelError`, `RunError`, `StorageError`, `FormatError` or `ConfigError`,
        each naming what was wrong.
    """
    animals = to_count("animals", animals)
    config = config or Config()
    if animals is not None:
        config = replace(config, tracking=replace(config.tracking, max_tracks=animals))
    check_gallery(gallery, update_gallery)

    # Read all inputs before anything is written.
    path = default_run_path(source) if out is None else Path(out)
    given = ClockOptions(
        fps=fps,
        timestamps=timestamps,
        time_unit=time_unit,
        start_s=parse_time("start", start),
        end_s=parse_time("end", end),
        every=every,
    )
    stored = None
    if not restart:
        given, stored = _complete_clock(path, given)
    frames = open_clocked(source, given, config.detection.read_timeout_s, stored)
    if camera_motion is not None and not frames.selection.is_everything:
        raise ConfigError("camera_motion: expected all frames, got start, end or every as well")
    n_frames = frames.info.n_frames
    motion = None if camera_motion is None else read_camera_motion(camera_motion, n_frames)
    layout = _read_arenas(arena, frames, motion)
    counts = count_animals(layout, animals) if config.identification.enabled else None
    if counts is None and gallery is not None:
        raise ConfigError("gallery: expected a number of animals and identification, got none")
    if counts is None and config.identification.refine == "always":
        expected = "a number of animals and identification"
        raise ConfigError(f"identification.refine: expected {expected}, got none")

    # The detector learns the background of the recording once, before the first frame.
    detector = load_detector(config.detection.detector, config.detection)
    brightness = BrightnessMeter()
    detector.fit(brightness.watch(sample_frames(frames, N_BACKGROUND_FRAMES)))

    with RunDirectory.create(
        path,
        source=source,
        fingerprint=frames.compute_fingerprint(),
        config={
            "detection": config.detection.describe_results() | _describe_selection(frames),
            "tracking": describe_tracking(config.tracking, motion),
        },
        detector=f"{detector.name} {detector.fingerprint}",
        embedder=detector.embedder,
        video=describe_recording(frames),
        existing="restart" if restart else "resume",
    ) as run:
        arguments = {
            "animals": animals,
            "detector": detector.name,
            "restart": restart,
            "brightness": brightness.level,
        }
        run.set_clock(describe_recording(frames), frames.times_s, frames.source_times_s)
        run.record("track", arguments)
        batch_size = config.detection.batch_size
        redetect_damaged(run, frames, detector, batch_size, report)
        detection_s = None
        if not run.is_done("detection"):
            detection_s = _time_detection(run, frames, detector, batch_size, report)
        feedback = Feedback(report=report, announce=announce, detection_s=detection_s)
        track_and_identify(run, config, counts, layout=layout, motion=motion, feedback=feedback)
        if gallery is not None:
            reidentify_run(run, gallery, update_gallery=update_gallery)
    result = Run.open(run.path)
    if video:
        result.annotate(report=report)
    return result


def track_and_identify(
    run: RunDirectory,
    config: Config,
    counts: list[int] | None,
    *,
    layout: Layout | None = None,
    motion: Float64 | None = None,
    feedback: Feedback | None = None,
) -> None:
    """Make tracks of the stored detections, and identities of the tracks.

    Tracks and identities that an earlier call stored with the same settings stay.

    Parameters
    ----------
    run : RunDirectory
        Opened for writing, with finished detection.
    config : Config
        Settings.
    counts : list of int or None
        Upper bound of the number of animals, one for each arena; None = no identification.
    layout : Layout, optional
        Arenas; the whole image by default.
    motion : ndarray, optional
        ``(n, 2, 3)`` float64 motion of the camera.
    feedback : Feedback, optional
        Progress and announcements; none by default.

    Raises
    ------
    ConfigError, RunError, StorageError
        If a setting is wrong, a part of the run is missing, or it cannot be written to.
    """
    feedback = feedback or Feedback()
    run.set_arenas(None if layout is None else layout.to_dict())
    layout = layout or whole_image(run)
    settings = describe_tracking(config.tracking, motion)
    is_same = run.is_done("tracking") and dict(run.manifest.config["tracking"]) == settings
    if not is_same or run.tracks.find_damaged():
        run.tracks.start(settings)
        associate(run, layout, config.tracking, motion, feedback.report)
    if counts is not None:
        identification = resolve_refine(config.identification, motion)
        identify_run(run, layout, counts, identification, feedback)
    elif run.manifest.stages["identification"].state != "pending":
        run.identities.remove()


def default_run_path(source: str | Path) -> Path:
    """Return the run directory beside a source.

    ``cage.mp4`` gives ``cage.murid``; a glob gives the name of its folder.
    """
    path = Path(source)
    is_glob = any(mark in path.name for mark in "*?[")
    if is_glob:
        # The folder of "*.png" has a name only as an absolute path.
        path = Path(os.path.abspath(path.parent))  # noqa: PTH100 (links stay as they are)
    return path.with_suffix(".murid")


def _time_detection(
    run: RunDirectory,
    frames: FrameSource,
    detector: Detector,
    batch_size: int,
    report: ProgressCallback,
) -> float | None:
    """Detect the animals, and return the mean seconds of a frame; None if there was none."""
    started_s = time.perf_counter()
    n_before = run.next_frame
    detect_frames(run, frames, detector, batch_size, report)
    n_detected = run.n_frames - n_before
    return (time.perf_counter() - started_s) / n_detected if n_detected > 0 else None


def _complete_clock(path: Path, given: ClockOptions) -> tuple[ClockOptions, StoredTimes | None]:
    """Return the options with the clock of the run that exists, if they name none, and its times.

    Raises `RunError` if the run is damaged.
    """
    has_clock = given.fps is not None or given.timestamps is not None
    if has_clock or not is_run_directory(path):
        return given, None
    run = RunDirectory.open(path)
    clock = run.manifest.clock
    if clock["kind"] == "fps":
        return replace(given, fps=float(clock["fps"])), None
    if clock["kind"] == "timestamps":
        return given, StoredTimes(run.read_source_times(), clock)
    return given, None


def _describe_selection(frames: ClockedSource) -> dict[str, int]:
    """Return the settings of detection that say which frames are tracked; none for all."""
    selection = frames.selection
    if selection.is_everything:
        return {}
    return {
        "first_frame": selection.first,
        "every": selection.every,
        "n_frames": selection.n_frames,
    }


def _read_arenas(
    arena: str | Path | None, source: FrameSource, motion: Float64 | None
) -> Layout | None:
    """Return the arenas of a file; raises `ConfigError` where the camera moves."""
    if arena is None:
        return None
    if motion is not None:
        raise ConfigError("arena: expected a camera at rest, got camera_motion as well")
    info = source.info
    return read_arena_file(arena, (info.width, info.height), info.pixel_aspect)

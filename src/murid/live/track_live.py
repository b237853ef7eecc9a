"""Detect and track the images of a camera one by one, and write a run directory."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from murid.arenas.file import read_arena_file
from murid.arenas.layout import Layout
from murid.core.progress import ProgressCallback, no_progress
from murid.core.settings import change_settings
from murid.core.types import DetectionTable
from murid.core.validation import to_count
from murid.detection.detector import Detector, load_detector
from murid.errors import ConfigError
from murid.live.background_updater import BackgroundUpdater
from murid.live.callbacks import FrameCallback, LiveFrame
from murid.live.camera import CameraStream
from murid.live.config import LiveConfig
from murid.live.summary import LatencyHistogram, LiveSummary
from murid.pipeline.associate import describe_tracking
from murid.pipeline.config import Config
from murid.pipeline.per_arena import ArenaTracker, count_animals
from murid.pipeline.refine import Feedback
from murid.pipeline.run import Run, read_layout
from murid.pipeline.track import N_BACKGROUND_FRAMES, track_and_identify
from murid.store import RunDirectory, round_as_stored
from murid.video import open_source, sample_frames
from murid.video.brightness import BrightnessMeter
from murid.video.clocked_source import describe_gaps

# Minimum interval between the times of two frames, which must increase even if the clock does not.
_MIN_INTERVAL_S = 1e-6

# Frames of which one is looked at for its brightness, which takes a fraction of a millisecond.
_BRIGHTNESS_EVERY = 30


def track_live(
    camera_stream: CameraStream,
    out: str | Path,
    *,
    source: str,
    animals: int | None = None,
    config: Config | None = None,
    background: str | Path | None = None,
    arena: str | Path | None = None,
    restart: bool = False,
    resume: bool = False,
    callbacks: Sequence[FrameCallback] = (),
    live: LiveConfig | None = None,
    report: ProgressCallback = no_progress,
) -> tuple[Run, LiveSummary]:
    """Track the images of a camera until it ends or is stopped (`CameraStream.stop`).

    Callbacks get the track ids of online tracking, which are those of the run's tracks. Identities
    are computed at the end, from the whole recording, if the number of animals is given.

    Parameters
    ----------
    camera_stream : CameraStream
    out : str or Path
        Run directory.
    source : str
        Name of the camera, stored in the run.
    animals : int, optional
        Number of animals, an upper bound.
    config : Config, optional
        Settings, as in `murid.track`.
    background : str or Path, optional
        Video or folder of images to estimate the background from beforehand. By default it is
        estimated from the recording so far.
    arena : str or Path, optional
        Arena file, as in `murid.track`.
    restart, resume : bool
        Whether to remove an existing run, or to continue it. By default it is an error.
    callbacks : sequence of callable
        Called with every frame, in order. Exceptions are counted, and tracking goes on.
    live : LiveConfig, optional
        Settings of live tracking.
    report : callable
        Called with the progress.

    Returns
    -------
    run : Run
    summary : LiveSummary

    Raises
    ------
    MuridError
        As `murid.track`; `ConfigError` also if the detector needs a background that is not given.
    """
    animals = to_count("animals", animals)
    config = config or Config()
    live = live or LiveConfig()
    # The mean score of a track is not known while it lasts.
    tracking = replace(config.tracking, scores=replace(config.tracking.scores, min_mean=None))
    if animals is not None:
        tracking = replace(tracking, max_tracks=animals)
    config = replace(config, tracking=tracking)

    def load() -> Detector:
        return load_detector(config.detection.detector, config.detection)

    detector = load()
    # The run stores the fingerprint before `fit`: a resumed run has another background.
    identifier = f"{detector.name} {detector.fingerprint}"
    if background is not None:
        frames = open_source(background, config.detection.read_timeout_s)
        detector.fit(sample_frames(frames, N_BACKGROUND_FRAMES))
    elif detector.name == "background":
        expected = "a video from which the detector background estimates the background"
        raise ConfigError(f"background: expected {expected}, got none")
    updater = BackgroundUpdater(
        load,
        detector,
        live.background_times_s,
        live.background_interval_s,
        enabled=background is None,
    )

    height, width = camera_stream.size
    layout = None if arena is None else read_arena_file(arena, (width, height))
    counts = count_animals(layout, animals) if config.identification.enabled else None
    tracker = ArenaTracker(layout or Layout(width, height), tracking, camera_stream.fps)
    # Numba compiles now rather than at the first frame.
    tracker.follow(DetectionTable.from_frames([]))

    with RunDirectory.create(
        out,
        source=source if "://" in source else f"camera://{source}",
        fingerprint={"live": source, "width": width, "height": height, "fps": camera_stream.fps},
        config={
            "detection": config.detection.describe_results(),
            "tracking": describe_tracking(tracking, None),
        },
        detector=identifier,
        embedder=detector.embedder,
        part_frames=live.part_frames,
        existing="restart" if restart else "resume" if resume else "refuse",
    ) as run:
        run.set_arenas(None if layout is None else layout.to_dict())
        _catch_up(run, tracker)
        started_s = _find_start(run)
        arguments = {
            "animals": animals,
            "detector": detector.name,
            "background": None if background is None else str(background),
            # `finish_live` identifies as this call would have done.
            "identification": asdict(config.identification),
        }
        run.record("live", arguments)
        brightness = BrightnessMeter()
        summary = _track_images(
            camera_stream,
            run,
            tracker,
            updater,
            callbacks,
            brightness,
            started_s,
            live.max_duration_s,
            report,
        )
        run.record("live-end", asdict(summary) | {"brightness": brightness.level})
        run.detections.finish()
        _measure_clock(run)
        track_and_identify(run, config, counts, layout=layout, feedback=Feedback(report=report))
    return Run.open(run.path), summary


def _measure_clock(run: RunDirectory) -> None:
    """Store the median frame rate of a finished recording, and where frames are missing."""
    times_s = run.frames.read().times_s
    if len(times_s) < 2:
        return
    fps = 1 / float(np.median(np.diff(times_s)))
    run.describe_video({"fps": fps} | describe_gaps(times_s, fps, np.arange(len(times_s))))


def _catch_up(run: RunDirectory, tracker: ArenaTracker) -> None:
    """Feed the tracker the detections that a resumed run has stored."""
    has_embeddings = run.detections.embeddings_every == 1
    parts = zip(
        run.detections.iterate(has_embeddings, keypoints=False), run.frames.iterate(), strict=True
    )
    for (first, table), frames in parts:
        if first < run.next_frame:
            tracker.follow(table, times_s=frames.times_s)


def _find_start(run: RunDirectory) -> float:
    """Return when the run started, on the clock of `time.monotonic`, maybe in another process."""
    starts = [entry.time_utc for entry in run.manifest.provenance if entry.verb == "live"]
    if not starts:
        return time.monotonic()
    elapsed = datetime.now(UTC) - datetime.fromisoformat(starts[0])
    return time.monotonic() - elapsed.total_seconds()


def _track_images(
    camera_stream: CameraStream,
    run: RunDirectory,
    tracker: ArenaTracker,
    updater: BackgroundUpdater,
    callbacks: Sequence[FrameCallback],
    brightness: BrightnessMeter,
    run_started_s: float,
    max_duration_s: float | None,
    report: ProgressCallback,
) -> LiveSummary:
    """Detect and track one image after the other, until the stream ends."""
    latencies = LatencyHistogram()
    n_failures = 0
    first_failure: str | None = None
    n_before = run.next_frame
    last_s = float(run.frames.read().times_s[-1]) if n_before else -1.0
    started_s = time.monotonic()
    # The system clock may have been set back since the first frame.
    run_started_s = min(run_started_s, started_s - last_s)
    uses_embeddings = run.detections.embeddings_every == 1

    with run.detections.write() as writer:
        for captured in camera_stream:
            # Rounded as when they are stored, so that tracking the stored detections again gives
            # exactly the same tracks.
            found = round_as_stored(updater.detector.detect([captured.image])[0])
            time_s = max(captured.captured_s - run_started_s, last_s + _MIN_INTERVAL_S)
            last_s = time_s
            seen = found if uses_embeddings else replace(found, embeddings=None)
            tracked = tracker.step(seen, time_s)

            # Callbacks come before storing, to keep the latency low.
            latency_s = time.monotonic() - captured.captured_s
            frame = LiveFrame(writer.next_frame, time_s, latency_s, captured.image, tracked)
            for callback in callbacks:
                failure = _run_callback(callback, frame)
                n_failures += failure is not None
                first_failure = first_failure or failure
            latencies.add(time.monotonic() - captured.captured_s)
            writer.add(frame.index, time_s, found)

            updater.add(captured)
            if frame.index % _BRIGHTNESS_EVERY == 0:
                brightness.add(captured.image)
            report("live", writer.next_frame, None)
            if max_duration_s is not None and time.monotonic() - started_s >= max_duration_s:
                camera_stream.stop()
        n_tracked = writer.next_frame - n_before
    return LiveSummary(
        n_captured=camera_stream.n_captured,
        n_dropped=camera_stream.n_captured - n_tracked,
        n_tracked=n_tracked,
        n_lost=camera_stream.n_lost,
        p50_s=latencies.compute_percentile(50),
        p99_s=latencies.compute_percentile(99),
        failures=n_failures,
        failure=first_failure,
        camera_failure=camera_stream.failure,
    )


def _run_callback(callback: FrameCallback, frame: LiveFrame) -> str | None:
    """Call a callback with a frame; returns in words what it raised."""
    try:
        callback(frame)
    except Exception as error:  # an error in a user's function must not end the recording
        return f"frame {frame.index}: {type(error).__name__}: {error}"
    return None


def finish_live(path: str | Path, report: ProgressCallback = no_progress) -> Run:
    """Finish a live run whose process was killed: compute tracks and identities of what it stored.

    Raises
    ------
    ConfigError
        If it is not a live run.
    RunError, StorageError
        If it is not a run, another process writes to it, or it cannot be written.
    """
    with RunDirectory.open(path, writable=True) as run:
        if "live" not in run.manifest.fingerprint:
            raise ConfigError(f"{path}: expected a run of murid live, got one of murid track")
        if not run.is_done("detection"):
            run.detections.finish()
        _measure_clock(run)
        stored = run.manifest.config
        settings = {"tracking": stored["tracking"], **_read_identification(run)}
        config = change_settings(Config(), settings)
        layout = read_layout(run) if "arenas" in stored else None
        counts = count_animals(layout, config.tracking.max_tracks)
        if not config.identification.enabled:
            counts = None
        track_and_identify(run, config, counts, layout=layout, feedback=Feedback(report=report))
    return Run.open(path)


def _read_identification(run: RunDirectory) -> dict[str, Any]:
    """Return the settings of identification of the last `track_live`, empty in older runs."""
    operations = [entry for entry in run.manifest.provenance if entry.verb == "live"]
    stored = operations[-1].arguments.get("identification") if operations else None
    return {} if stored is None else {"identification": stored}

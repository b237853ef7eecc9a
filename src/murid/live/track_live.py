"""The flow, live: newest picture, detection, track, listeners; a run directory at the end as from a file."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from murid.arenas.file import read_arena_file
from murid.arenas.layout import Layout
from murid.core.progress import ProgressCallback, no_progress
from murid.core.settings import change_settings
from murid.core.types import DetectionTable
from murid.detection.detector import Detector, load_detector
from murid.errors import ConfigError
from murid.live.background_updater import BackgroundUpdater
from murid.live.callbacks import FrameCallback, LiveFrame
from murid.live.camera import CameraStream
from murid.pipeline.associate import describe_tracking
from murid.pipeline.config import Config
from murid.pipeline.per_arena import ArenaTracker, count_animals
from murid.pipeline.run import Run, read_layout
from murid.pipeline.track import N_BACKGROUND_FRAMES, track_and_identify
from murid.store import RunDirectory, round_as_stored
from murid.video import open_source, sample_frames

_TICK_S = 1e-4


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveConfig:
    """How to track live.

    Raises
    ------
    ConfigError
        If a value is out of range.
    """

    part_frames: int = 256
    """Frames in each part of the run: no more than these are lost if the process is killed."""

    learn_s: tuple[float, ...] = (10.0, 30.0, 120.0)
    """When the empty scene is learnt from what has been seen so far, seconds from the start; then,
    every …"""

    learn_again_s: float = 600.0
    """… so many seconds."""

    most_s: float | None = None
    """Seconds after which to stop; None = when the camera ends or the user does."""

    def __post_init__(self) -> None:
        if self.part_frames < 1:
            raise ConfigError(f"part_frames: expected 1 or more, got {self.part_frames}")
        times = (*self.learn_s, self.learn_again_s, 1.0 if self.most_s is None else self.most_s)
        if min(times) <= 0:
            raise ConfigError(
                f"learn_s, learn_again_s, most_s: expected seconds above 0, got {min(times)}"
            )


class Latencies:
    """Times from a picture to its answer, counted by tenths of milliseconds, so that a day of them stays small."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        """Count one."""
        self._counts[round(seconds / _TICK_S)] += 1

    def find_percentile(self, percent: float) -> float:
        """Seconds that this share of them does not exceed; 0 without any."""
        if not self._counts:
            return 0.0
        ticks = np.array(sorted(self._counts))
        shares = np.cumsum([self._counts[int(tick)] for tick in ticks])
        return float(ticks[np.searchsorted(shares, percent / 100 * shares[-1])] * _TICK_S)


@dataclass(frozen=True, slots=True)
class LiveSummary:
    """What happened: frames given by the camera, dropped and tracked, times it was lost, latencies in seconds.

    `failures` counts what listeners raised, and `failure` says the first of it; `camera_failure` is
    why the camera's pictures ended, where it was neither stopped nor at its end.
    """

    n_captured: int
    n_dropped: int
    n_tracked: int
    n_lost: int
    p50_s: float
    p99_s: float
    failures: int
    failure: str | None
    camera_failure: str | None


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
    """Track what a camera sees until it ends or is stopped (`CameraStream.stop`).

    Ids told to the listeners are those of the association, and are those of the run's tracks;
    identities are told at the end, from the whole recording, where the number of animals is given.

    Parameters
    ----------
    camera_stream : Feed
    out : str or Path
        Run directory.
    source : str
        Name of the camera, to be kept in the run.
    animals : int, optional
        Number of animals, an upper bound.
    config : Config, optional
        Settings, as in `murid.track`.
    background : str or Path, optional
        Video or pictures from which to learn the empty scene beforehand; by default it is learnt on
        the way.
    arena : str or Path, optional
        Arena file, as in `murid.track`.
    restart, resume : bool
        What to do about a run that is there: remove it, or go on with it. By default it is refused.
    callbacks : sequence of callable
        Told of every frame, in order. What one raises is counted, and tracking goes on.
    live : LiveConfig, optional
        Settings of live tracking.
    report : callable
        Told of progress.

    Returns
    -------
    run : Run
    summary : LiveSummary

    Raises
    ------
    MuridError
        As `murid.track`; `ConfigError` also where the detector cannot do without an empty scene and
        there is none.
    """
    config = config or Config()
    live = live or LiveConfig()
    # The mean score of a track is not known while it lasts.
    tracking = replace(config.tracking, scores=replace(config.tracking.scores, min_mean=None))
    if animals is not None:
        tracking = replace(tracking, max_tracks=animals)
    config = replace(config, tracking=tracking)

    def load() -> Detector:
        return load_detector(config.detection.detector, config.detection)

    finder = load()
    identity = f"{finder.name} {finder.fingerprint}"
    if background is not None:
        finder.fit(sample_frames(open_source(background), N_BACKGROUND_FRAMES))
    elif finder.name == "background":
        raise ConfigError(
            "background: expected a video that the detector background learns the empty scene from, got none"
        )
    learner = BackgroundUpdater(
        load, finder, live.learn_s, live.learn_again_s, learn=background is None
    )
    height, width = camera_stream.size
    layout = None if arena is None else read_arena_file(arena, (width, height))
    counts = count_animals(layout, animals) if config.identification.enabled else None
    tracker = ArenaTracker(layout or Layout(width, height), tracking, camera_stream.fps)
    tracker.follow(DetectionTable.from_frames([]))  # compiles what has to be compiled
    with RunDirectory.create(
        out,
        source=source if "://" in source else f"camera://{source}",
        fingerprint={"live": source, "width": width, "height": height, "fps": camera_stream.fps},
        config={
            "detection": config.detection.describe_results(),
            "tracking": describe_tracking(tracking, None),
        },
        detector=identity,
        embedder=finder.embedder,
        part_frames=live.part_frames,
        existing="restart" if restart else "resume" if resume else "refuse",
    ) as run:
        run.set_arenas(None if layout is None else layout.to_dict())
        _catch_up(run, tracker)
        begun = _find_beginning(run)
        run.record(
            "live",
            {
                "animals": animals,
                "detector": finder.name,
                "background": None if background is None else str(background),
            },
        )
        summary = _follow(
            camera_stream, run, tracker, learner, callbacks, begun, live.most_s, report
        )
        run.record("live-end", asdict(summary))
        run.detections.finish()
        track_and_identify(run, config, counts, layout=layout, report=report)
    return Run.open(run.path), summary


def _catch_up(run: RunDirectory, tracker: ArenaTracker) -> None:
    """Show the tracker what was seen before the run goes on."""
    for first, table in run.detections.iterate(run.detections.embeddings_every == 1):
        if first < run.next_frame:
            tracker.follow(table)


def _find_beginning(run: RunDirectory) -> float:
    """Moment (`time.monotonic`) at which the run began, maybe in another process."""
    starts = [op.time_utc for op in run.manifest.provenance if op.verb == "live"]
    if not starts:
        return time.monotonic()
    return (
        time.monotonic() - (datetime.now(UTC) - datetime.fromisoformat(starts[0])).total_seconds()
    )


def _follow(
    camera_stream: CameraStream,
    run: RunDirectory,
    tracker: ArenaTracker,
    learner: BackgroundUpdater,
    callbacks: Sequence[FrameCallback],
    begun: float,
    most_s: float | None,
    report: ProgressCallback,
) -> LiveSummary:
    """Track picture after picture, until the feed ends."""
    latencies, failures, failure, started = Latencies(), 0, None, time.monotonic()
    n_before = run.next_frame
    last_s = float(run.frames.read().times_s[-1]) if n_before else -1.0
    begun = min(begun, time.monotonic() - last_s)  # the clock on the wall may have gone back since
    with run.detections.write() as writer:
        for captured in camera_stream:
            # Rounded as they are stored, so that the stored detections give the very same tracks.
            found = round_as_stored(learner.detector.detect([captured.image])[0])
            tracked = tracker.step(
                found if run.detections.embeddings_every == 1 else replace(found, embeddings=None)
            )
            time_s = last_s = max(captured.captured_s - begun, last_s + 1e-6)
            index = writer.next_frame
            latency_s = time.monotonic() - captured.captured_s
            frame = LiveFrame(index, time_s, latency_s, captured.image, tracked)
            for error in filter(None, (_tell(callback, frame) for callback in callbacks)):
                failures, failure = failures + 1, failure or error
            latencies.add(time.monotonic() - captured.captured_s)
            writer.add(index, time_s, found)
            learner.see(captured)
            report("live", writer.next_frame, None)
            if most_s is not None and time.monotonic() - started >= most_s:
                camera_stream.stop()
        n_tracked = writer.next_frame - n_before
    return LiveSummary(
        camera_stream.n_captured,
        camera_stream.n_captured - n_tracked,
        n_tracked,
        camera_stream.n_lost,
        latencies.find_percentile(50),
        latencies.find_percentile(99),
        failures,
        failure,
        camera_stream.failure,
    )


def _tell(callback: FrameCallback, frame: LiveFrame) -> str | None:
    """Call a listener; what it raised, in words."""
    try:
        callback(frame)
    except Exception as error:  # an experiment's own mistake must not cost its recording
        return f"frame {frame.index}: {type(error).__name__}: {error}"
    return None


def finish_live(path: str | Path, report: ProgressCallback = no_progress) -> Run:
    """Finish a live run whose process was killed; what it had stored becomes tracks and identities.

    Raises
    ------
    ConfigError
        If it is no live run.
    RunError, StorageError
        If it is no run or another process writes, or it cannot be written to.
    """
    with RunDirectory.open(path, writable=True) as run:
        if "live" not in run.manifest.fingerprint:
            raise ConfigError(f"{path}: expected a run of murid live, got one of murid track")
        if not run.is_done("detection"):
            run.detections.finish()
        stored = run.manifest.config
        settings = change_settings(Config(), {"tracking": stored["tracking"]})
        layout = read_layout(run) if "arenas" in stored else None
        counts = count_animals(layout, settings.tracking.max_tracks)
        track_and_identify(run, settings, counts, layout=layout, report=report)
    return Run.open(path)

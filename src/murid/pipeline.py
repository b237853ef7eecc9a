"""The flow of murid in one page: video, detections, tracks, and the run directory that keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from hashlib import sha256
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Any

from murid.core import Frame, Tracks
from murid.core.progress import Report, silent
from murid.core.types import Float64
from murid.detect.config import DetectConfig
from murid.detect.detector import Detector, load_detector
from murid.formats import read_camera_motion
from murid.run import Run
from murid.store import RunDirectory
from murid.tracking import TrackConfig, Tracker, find_likely_tracks, keep_tracks
from murid.video import FrameSource, UnreadableFrame, open_source, sample_frames
from murid.video.ahead import read_ahead

_N_BACKGROUND_FRAMES = 60
_NOT_RESULTS = ("detector", "batch_size", "n_threads")


def track(
    source: str | Path,
    *,
    animals: int | None = None,
    detector: str | Path | None = None,
    out: str | Path | None = None,
    video: bool = False,
    restart: bool = False,
    detect: DetectConfig | None = None,
    association: TrackConfig | None = None,
    camera_motion: str | Path | None = None,
    report: Report = silent,
) -> Run:
    """Track the animals in a video.

    What an earlier, interrupted call has stored is kept, and the work goes on from there.

    Parameters
    ----------
    source : str or Path
        Video file, folder of pictures or glob.
    animals : int, optional
        Number of animals, an upper bound of those tracked at once; None = any number.
    detector : str or Path, optional
        ``"nano"``, ``"background"`` or a network exported by murid; overrides ``detect.detector``.
    out : str or Path, optional
        Run directory; beside the source, ending in ``.murid``, by default.
    video : bool
        Whether to write an annotated video as well.
    restart : bool
        Whether to remove an earlier run first.
    detect, association : DetectConfig, TrackConfig, optional
        Settings of the two stages.
    camera_motion : str or Path, optional
        File that says how the camera moves, as `murid.formats.read_camera_motion` reads it; a camera at rest by
        default.
    report : callable
        Told of progress.

    Returns
    -------
    Run

    Raises
    ------
    MuridError
        `SourceError`, `ModelError`, `RunError`, `StorageError`, `FormatError` or `ConfigError`, each naming what was
        wrong.
    """
    detect = detect or DetectConfig()
    association = association or TrackConfig()
    if animals is not None:
        association = replace(association, max_tracks=animals)
    frames = open_source(source)
    motion = None if camera_motion is None else read_camera_motion(camera_motion, frames.info.n_frames)
    finder = load_detector(detector or detect.detector, detect)
    finder.fit(sample_frames(frames, _N_BACKGROUND_FRAMES))
    settings = {key: value for key, value in asdict(detect).items() if key not in _NOT_RESULTS}
    linking = asdict(association)
    if motion is not None:
        linking["camera_motion"] = sha256(motion.tobytes()).hexdigest()
    with RunDirectory.create(
        name_run(source) if out is None else out,
        source=source,
        fingerprint=frames.compute_fingerprint(),
        config={"detect": settings, "track": linking},
        detector=f"{finder.name} {finder.fingerprint}",
        existing="restart" if restart else "resume",
    ) as run:
        run.record("track", {"animals": animals, "detector": finder.name, "restart": restart})
        if not run.is_done("detect"):
            _detect(run, frames, finder, detect.batch_size, report)
        if not run.is_done("track") or dict(run.manifest.config["track"]) != linking:
            run.start_tracking(linking)
            _associate(run, association, frames.info.fps, motion, report)
    result = Run.open(run.path)
    if video:
        result.annotate(report=report)
    return result


def name_run(source: str | Path) -> Path:
    """Run directory beside a source: ``cage.mp4`` gives ``cage.murid``, a glob its folder's name."""
    path = Path(source)
    return (path.parent if "*" in path.name or "?" in path.name or "[" in path.name else path).with_suffix(".murid")


def _detect(run: RunDirectory, source: FrameSource, detector: Detector, batch_size: int, report: Report) -> None:
    """Find the animals in every frame and store them part by part."""
    with run.write_detections() as writer:
        total = source.info.n_frames
        for batch in read_ahead(_batch(source.iterate(writer.next_frame), batch_size)):
            found = iter(detector.detect([frame.image for frame in batch if isinstance(frame, Frame)]))
            for frame in batch:
                if isinstance(frame, UnreadableFrame):
                    writer.add_unreadable(frame.index, frame.time_s, frame.reason)
                else:
                    writer.add(frame.index, frame.time_s, next(found))
            report("detect", writer.next_frame, total)
    run.finish_detection(source.truncated)


def _associate(run: RunDirectory, config: TrackConfig, fps: float, motion: Float64 | None, report: Report) -> None:
    """Link the stored detections over time: from the beginning, since it takes seconds and depends on all before."""
    likely = None
    if config.least_mean_score is not None and config.max_tracks is None:
        everything = (detections for _, table in run.iterate_detections() for detections in table)
        likely = find_likely_tracks(
            map(Tracker(config, fps).step, everything, _repeat(motion)), config.least_mean_score
        )
    tracker, motions = Tracker(config, fps), _repeat(motion)
    for first, table in run.iterate_detections():
        frames = [tracker.step(detections, next(motions)) for detections in table]
        run.write_tracks(first, Tracks.from_frames([f if likely is None else keep_tracks(f, likely) for f in frames]))
        report("track", first + table.n_frames, run.n_frames)
    run.finish_tracking()


def _repeat(motion: Float64 | None) -> Iterator[Float64 | None]:
    """Motion of each frame, and of a camera at rest after the last one that is known."""
    return chain(() if motion is None else motion, repeat(None))


def _batch(items: Iterator[Any], size: int) -> Iterator[list[Any]]:
    while batch := list(islice(items, size)):
        yield batch

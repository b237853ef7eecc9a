"""From a video to a run directory: detection, association, identities."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from murid.arenas.file import read_arena_file
from murid.arenas.layout import Layout
from murid.core.progress import ProgressCallback, no_progress
from murid.core.types import Float64
from murid.datasets.camera_motion import read_camera_motion
from murid.detection.config import DetectionConfig
from murid.detection.detector import load_detector
from murid.errors import ConfigError
from murid.identification import IdentificationConfig
from murid.pipeline.associate import associate, describe_association
from murid.pipeline.detect import detect_frames, redetect_damaged
from murid.pipeline.identify import RefineMode, identify_run, resolve_refine
from murid.pipeline.per_arena import count_animals
from murid.pipeline.run import Run, whole_picture
from murid.reid.reidentify import check_gallery, name_from_gallery
from murid.store import RunDirectory
from murid.tracking import TrackingConfig
from murid.video import FrameSource, open_source, sample_frames
from murid.video.read_timeout import READ_TIMEOUT_S

N_BACKGROUND_FRAMES = 60
"""Frames, spread over a video, from which a detector learns the empty scene."""


def track(
    source: str | Path,
    *,
    animals: int | None = None,
    detector: str | Path | None = None,
    out: str | Path | None = None,
    video: bool = False,
    restart: bool = False,
    detect: DetectionConfig | None = None,
    association: TrackingConfig | None = None,
    identities: bool = True,
    identify: IdentificationConfig | None = None,
    camera_motion: str | Path | None = None,
    arena: str | Path | None = None,
    gallery: str | Path | None = None,
    update_gallery: bool = False,
    refine: bool | None = None,
    read_timeout_s: float = READ_TIMEOUT_S,
    report: ProgressCallback = no_progress,
) -> Run:
    """Track the animals in a video.

    Where their number is given, identities hold over the whole recording: see
    `murid.identification`.

    What an earlier, interrupted call has stored is kept, and the work goes on from there.

    Parameters
    ----------
    source : str or Path
        Video file, folder of pictures or glob.
    animals : int, optional
        Number of animals, an upper bound: some may be hidden; None = any number.
    detector : str or Path, optional
        ``"nano"``, ``"background"`` or a network exported by murid; overrides ``detect.detector``.
    out : str or Path, optional
        Run directory; beside the source, ending in ``.murid``, by default.
    video : bool
        Whether to write an annotated video as well.
    restart : bool
        Whether to remove an earlier run first.
    detect, association : DetectionConfig, TrackingConfig, optional
        Settings of the two stages.
    identities : bool
        Whether to tell identities over the whole recording where the number of animals is given;
        False leaves the tracks of the association.
    identify : IdentificationConfig, optional
        Settings of that.
    camera_motion : str or Path, optional
        File that says how the camera moves, as `murid.datasets.read_camera_motion` reads it; a
        camera at rest by default.
    arena : str or Path, optional
        Arena file, as `murid.arenas.file` reads it: what lies outside its arenas is no animal, and
        each arena has animals of its own, `animals` of them where it does not say how many.
    gallery : str or Path, optional
        Gallery file, as `enroll` makes it, to name the identities from; needs the number of
        animals.
    update_gallery : bool
        Whether the gallery learns from this recording what its animals look like.
    refine : bool, optional
        Whether to learn this recording's animals from their fur up close, without labels, as far as
        it tells more on stretches that it was not learnt from, and to follow points of it while
        they touch: takes another pass over the video. None = where names are in doubt.
    read_timeout_s : float
        Seconds for which a disk or network share that gives nothing is waited for.
    report : callable
        Told of progress.

    Returns
    -------
    Run

    Raises
    ------
    MuridError
        `SourceError`, `ModelError`, `RunError`, `StorageError`, `FormatError` or `ConfigError`,
        each naming what was wrong.
    """
    check_gallery(gallery, update_gallery)
    detect = detect or DetectionConfig()
    association = association or TrackingConfig()
    if animals is not None:
        association = replace(association, max_tracks=animals)
    frames = open_source(source, read_timeout_s)
    motion = (
        None if camera_motion is None else read_camera_motion(camera_motion, frames.info.n_frames)
    )
    layout = _read_layout(arena, frames, motion)
    counts = count_animals(layout, animals)
    if gallery is not None and (counts is None or not identities):
        raise ConfigError(
            "gallery: expected a number of animals, and identities, since these are named"
        )
    if refine and (counts is None or not identities):
        raise ConfigError(
            "refine: expected a number of animals, and identities, since these are told by it"
        )
    finder = load_detector(detector or detect.detector, detect)
    finder.fit(sample_frames(frames, N_BACKGROUND_FRAMES))
    linking = describe_association(association, motion, layout)
    with RunDirectory.create(
        default_run_path(source) if out is None else out,
        source=source,
        fingerprint=frames.compute_fingerprint(),
        config={"detection": detect.describe_results(), "tracking": linking},
        detector=f"{finder.name} {finder.fingerprint}",
        embedder=finder.embedder,
        existing="restart" if restart else "resume",
    ) as run:
        run.record("track", {"animals": animals, "detector": finder.name, "restart": restart})
        redetect_damaged(run, frames, finder, detect.batch_size, report)
        if not run.is_done("detection"):
            detect_frames(run, frames, finder, detect.batch_size, report)
        track_and_identify(
            run,
            association,
            counts if identities else None,
            layout=layout,
            identify=identify,
            motion=motion,
            refine=resolve_refine(refine, motion, identify),
            report=report,
        )
        if gallery is not None:
            name_from_gallery(run, gallery, update_gallery=update_gallery)
    result = Run.open(run.path)
    if video:
        result.annotate(report=report)
    return result


def track_and_identify(
    run: RunDirectory,
    association: TrackingConfig,
    animals: int | list[int] | None,
    *,
    layout: Layout | None = None,
    identify: IdentificationConfig | None = None,
    motion: Float64 | None = None,
    refine: RefineMode = False,
    report: ProgressCallback = no_progress,
) -> None:
    """Make tracks of the stored detections, and identities of at most so many animals (None = no identities).

    With a layout of several arenas it is a number for each. What was made with the same settings
    before stays. Raises `ConfigError`, `RunError` and `StorageError`.
    """
    linking = describe_association(association, motion, layout)
    layout = layout or whole_picture(run)
    same = run.is_done("tracking") and dict(run.manifest.config["tracking"]) == linking
    if not same or run.tracks.find_damaged():
        run.tracks.start(linking)
        associate(run, layout, association, float(run.manifest.fingerprint["fps"]), motion, report)
    if animals is not None:
        counts = [animals] if isinstance(animals, int) else animals
        identify_run(run, layout, counts, identify or IdentificationConfig(), refine, report)
    elif run.manifest.stages["identification"].state != "pending":
        run.identities.remove()


def _read_layout(
    arena: str | Path | None, source: FrameSource, motion: Float64 | None
) -> Layout | None:
    """Arenas to track in, where a file says."""
    size = source.info.width, source.info.height
    if arena is not None and motion is not None:
        raise ConfigError("arena: expected a camera at rest, got camera_motion as well")
    return None if arena is None else read_arena_file(arena, size)


def default_run_path(source: str | Path) -> Path:
    """Run directory beside a source: ``cage.mp4`` gives ``cage.murid``, a glob its folder's name."""
    path = Path(source)
    return (
        path.parent if "*" in path.name or "?" in path.name or "[" in path.name else path
    ).with_suffix(".murid")

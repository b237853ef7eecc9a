"""The flow of murid in one page: video, detections, tracks, and the run directory that keeps them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, replace
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np

from murid.adapting import look_closer
from murid.analysis import Layout
from murid.compartments import CompartmentTracker, count_animals, identify_by_arena
from murid.core import DetectionTable, Frame, Tracks
from murid.core.progress import Report, silent
from murid.core.types import Float64
from murid.detect.config import DetectConfig
from murid.detect.detector import Detector, load_detector
from murid.errors import ConfigError, SourceError
from murid.formats import read_camera_motion
from murid.formats.arena_file import read_arena_file
from murid.formats.gallery_file import load_gallery
from murid.identify import Identified, IdentifyConfig
from murid.identify.gallery import Gallery
from murid.identify.pieces import Prints
from murid.identify.ties import Ties
from murid.naming import check_names, enrol_run, name_alike, name_from_gallery
from murid.run import Run, read_layout, whole_picture
from murid.store import DetectionWriter, RunDirectory
from murid.tracking import TrackConfig, find_likely_tracks, keep_tracks
from murid.video import FrameSource, UnreadableFrame, open_source, sample_frames
from murid.video.ahead import read_ahead
from murid.video.patience import PATIENCE_S

N_BACKGROUND_FRAMES = 60
"""Frames, spread over a video, from which a detector learns the empty scene."""
Adapting = bool | Literal["in doubt"]
_NOT_RESULTS = ("detector", "batch_size", "n_threads", "device")


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
    identities: bool = True,
    identify: IdentifyConfig | None = None,
    camera_motion: str | Path | None = None,
    arena: str | Path | None = None,
    gallery: str | Path | None = None,
    grow: bool = False,
    adapt: bool | None = None,
    patience_s: float = PATIENCE_S,
    report: Report = silent,
) -> Run:
    """Track the animals in a video.

    Where their number is given, identities hold over the whole recording: see `murid.identify`.

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
    detect, association : DetectConfig, TrackConfig, optional
        Settings of the two stages.
    identities : bool
        Whether to tell identities over the whole recording where the number of animals is given; False leaves the
        tracks of the association.
    identify : IdentifyConfig, optional
        Settings of that.
    camera_motion : str or Path, optional
        File that says how the camera moves, as `murid.formats.read_camera_motion` reads it; a camera at rest by
        default.
    arena : str or Path, optional
        Arena file, as `murid.formats.arena_file` reads it: what lies outside its arenas is no animal, and each arena
        has animals of its own, `animals` of them where it does not say how many.
    gallery : str or Path, optional
        Gallery file, as `enrol` makes it, to name the identities from; needs the number of animals.
    grow : bool
        Whether the gallery learns from this recording what its animals look like.
    adapt : bool, optional
        Whether to learn this recording's animals from their fur up close, without labels, as far as it tells more on
        stretches that it was not learnt from, and to follow points of it while they touch: takes another pass over the
        video. None = where names are in doubt.
    patience_s : float
        Seconds for which a disk or network share that gives nothing is waited for.
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
    _check_gallery(gallery, grow)
    detect = detect or DetectConfig()
    association = association or TrackConfig()
    if animals is not None:
        association = replace(association, max_tracks=animals)
    frames = open_source(source, patience_s)
    motion = None if camera_motion is None else read_camera_motion(camera_motion, frames.info.n_frames)
    layout = _read_layout(arena, frames, motion)
    counts = count_animals(layout, animals)
    if gallery is not None and (counts is None or not identities):
        raise ConfigError("gallery: expected a number of animals, and identities, since these are named")
    if adapt and (counts is None or not identities):
        raise ConfigError("adapt: expected a number of animals, and identities, since these are told by it")
    finder = load_detector(detector or detect.detector, detect)
    finder.fit(sample_frames(frames, N_BACKGROUND_FRAMES))
    linking = describe_association(association, motion, layout)
    with RunDirectory.create(
        name_run(source) if out is None else out,
        source=source,
        fingerprint=frames.compute_fingerprint(),
        config={"detect": describe_detection(detect), "track": linking},
        detector=f"{finder.name} {finder.fingerprint}",
        embedder=finder.embedder,
        existing="restart" if restart else "resume",
    ) as run:
        run.record("track", {"animals": animals, "detector": finder.name, "restart": restart})
        _mend(run, frames, finder, detect.batch_size, report)
        if not run.is_done("detect"):
            _detect(run, frames, finder, detect.batch_size, report)
        conclude(
            run, association, counts if identities else None,
            layout=layout, identify=identify, motion=motion, adapt=_settle(adapt, motion, identify), report=report,
        )  # fmt: skip
        if gallery is not None:
            name_from_gallery(run, gallery, grow=grow)
    result = Run.open(run.path)
    if video:
        result.annotate(report=report)
    return result


def identify(
    run: str | Path,
    *,
    animals: int | None = None,
    config: IdentifyConfig | None = None,
    gallery: str | Path | None = None,
    grow: bool = False,
    adapt: bool | None = None,
    report: Report = silent,
) -> Run:
    """Tell the identities of a run anew from what it has stored; the video is not needed, but for the first `adapt`.

    Parameters
    ----------
    run : str or Path
        Run directory.
    animals : int, optional
        Number of animals, an upper bound; as before by default.
    config : IdentifyConfig, optional
        Settings.
    gallery, grow
        As for `track`.
    adapt : bool, optional
        As for `track`; as before by default.
    report : callable
        Told of progress.

    Raises
    ------
    ConfigError
        If the number of animals is below 1, or was never given, or more are seen apart for long.
    FormatError
        If the gallery file is none.
    SourceError
        If the video is needed and cannot be opened.
    RunError, StorageError
        If it is no run, detection is not finished, it cannot be written to, or its embeddings are of other weights
        than the gallery's.
    """
    _check_gallery(gallery, grow)
    with RunDirectory.open(run, writable=True) as directory:
        settings, layout = directory.manifest.config, read_layout(directory)
        before = settings.get("identify", {}).get("animals") or settings.get("track", {}).get("max_tracks")
        told = before if animals is None else animals
        counts = told if isinstance(told, list) else count_animals(layout, told)
        if counts is None:
            raise ConfigError("animals: expected a number, since this run was made without one, got none")
        way: Adapting = settings.get("identify", {}).get("adapt", False) if adapt is None else adapt
        directory.record("identify", {"animals": told, "adapt": way})
        _identify(directory, layout, counts, config or IdentifyConfig(), way, report)
        if gallery is not None:
            name_from_gallery(directory, gallery, grow=grow)
    return Run.open(run)


def join_runs(runs: Sequence[str | Path]) -> list[Run]:
    """Give the same animals the same names in several runs whose identities were told, without a gallery.

    Raises
    ------
    ConfigError
        If there are fewer than two runs, or two are of one video.
    RunError, StorageError
        If one is no run, has no identities, or embeddings of other weights than the first, or cannot be written to.
    """
    if len(runs) < 2:
        raise ConfigError(f"runs: expected two or more, got {len(runs)}")
    twice = next((run for k, run in enumerate(runs) if Path(run) in map(Path, runs[:k])), None)
    if twice is not None:
        raise ConfigError(f"runs: expected each once, got {twice} twice")
    with ExitStack() as stack:
        name_alike([stack.enter_context(RunDirectory.open(run, writable=True)) for run in runs])
    return [Run.open(run) for run in runs]


def enrol(
    gallery: str | Path,
    solos: Mapping[str, str | Path] | None = None,
    *,
    run: str | Path | None = None,
    names: Mapping[int, str] | None = None,
    detector: str | Path | None = None,
    report: Report = silent,
) -> Gallery:
    """Put animals into a gallery: from videos of one animal each, or from a run with several.

    Parameters
    ----------
    gallery : str or Path
        Gallery file; made if it is not there, else it grows.
    solos : mapping of str to path, optional
        Video of each animal alone, by the animal's name; each is tracked into a run beside it.
    run : str or Path, optional
        Run whose identities were told and looked through.
    names : mapping of int to str, optional
        Names of the run's identities; by default those that it has.
    detector : str or Path, optional
        As for `track`, for the solos.
    report : callable
        Told of progress.

    Returns
    -------
    Gallery

    Raises
    ------
    MuridError
        `ConfigError` where a name is used twice or is none, or an animal is hardly seen; else as `track` and
        `identify`.
    """
    solos = solos or {}
    if bool(solos) == (run is not None):
        raise ConfigError("enrol: expected videos of single animals or a run, got " + ("both" if solos else "neither"))
    check_names([*solos, *(names or {}).values()])
    found = []
    for name, video in solos.items():
        solo = track(video, animals=1, detector=detector, report=report)
        found.append((solo.path, {1: name}))
    if run is not None:
        found.append((Path(run), dict(names or {})))
    for path, own in found:
        with RunDirectory.open(path, writable=True) as directory:
            enrolled = enrol_run(directory, gallery, own)
    return enrolled


def _check_gallery(gallery: str | Path | None, grow: bool) -> None:
    if grow and gallery is None:
        raise ConfigError("grow: expected a gallery that grows, got none")
    if gallery is not None:
        load_gallery(gallery)


def describe_detection(config: DetectConfig) -> dict[str, Any]:
    """Settings of detection that decide its result; those that came later only where they are not as they were."""
    later = {"embeddings_every": 1}
    return {k: v for k, v in asdict(config).items() if k not in _NOT_RESULTS and (k not in later or v != later[k])}


def conclude(
    run: RunDirectory,
    association: TrackConfig,
    animals: int | list[int] | None,
    *,
    layout: Layout | None = None,
    identify: IdentifyConfig | None = None,
    motion: Float64 | None = None,
    adapt: Adapting = False,
    report: Report = silent,
) -> None:
    """Make tracks of the stored detections, and identities of at most so many animals (None = no identities).

    With a layout of several arenas it is a number for each. What was made with the same settings before stays. Raises
    `ConfigError`, `RunError` and `StorageError`.
    """
    linking = describe_association(association, motion, layout)
    layout = layout or whole_picture(run)
    same = run.is_done("track") and dict(run.manifest.config["track"]) == linking
    if not same or run.find_damaged("tracks"):
        run.start_tracking(linking)
        _associate(run, layout, association, float(run.manifest.fingerprint["fps"]), motion, report)
    if animals is not None:
        counts = [animals] if isinstance(animals, int) else animals
        _identify(run, layout, counts, identify or IdentifyConfig(), adapt, report)
    elif run.manifest.stages["identify"].state != "pending":
        run.forget_identities()


def describe_association(config: TrackConfig, motion: Float64 | None, layout: Layout | None) -> dict[str, Any]:
    """Settings of association, and what else decides its result."""
    settings = asdict(config)
    if layout is not None:
        settings["arena"] = layout.to_plain()
    if motion is not None:
        settings["camera_motion"] = sha256(motion.tobytes()).hexdigest()
    return settings


def _read_layout(arena: str | Path | None, source: FrameSource, motion: Float64 | None) -> Layout | None:
    """Arenas to track in, where a file says."""
    size = source.info.width, source.info.height
    if arena is not None and motion is not None:
        raise ConfigError("arena: expected a camera at rest, got camera_motion as well")
    return None if arena is None else read_arena_file(arena, size)


def name_run(source: str | Path) -> Path:
    """Run directory beside a source: ``cage.mp4`` gives ``cage.murid``, a glob its folder's name."""
    path = Path(source)
    return (path.parent if "*" in path.name or "?" in path.name or "[" in path.name else path).with_suffix(".murid")


def _mend(run: RunDirectory, source: FrameSource, detector: Detector, batch_size: int, report: Report) -> None:
    """Detect anew in the parts that a disk has damaged or lost; in an unfinished run, the last one just goes."""
    damaged = run.find_damaged("detections")
    if damaged and not run.is_done("detect") and damaged[-1] == run.n_parts - 1:
        run.remove_last_part()
        damaged = damaged[:-1]
    for number in damaged:
        with run.rewrite_part(number) as (writer, n_frames):
            wanted = islice(source.iterate(writer.next_frame), n_frames)
            _find_animals(wanted, detector, batch_size, writer, lambda: report("mend", writer.next_frame, None))


def _detect(run: RunDirectory, source: FrameSource, detector: Detector, batch_size: int, report: Report) -> None:
    """Find the animals in every frame that is still to come, and store them part by part."""
    with run.write_detections() as writer:
        frames, total = source.iterate(writer.next_frame), source.info.n_frames
        _find_animals(frames, detector, batch_size, writer, lambda: report("detect", writer.next_frame, total))
    run.finish_detection(source.truncated)


def _find_animals(
    frames: Iterator[Frame | UnreadableFrame], detector: Detector, batch_size: int, writer: DetectionWriter,
    report: Callable[[], None],
) -> None:  # fmt: skip
    """Find the animals in frames, batch by batch, and hand them to the writer."""
    for batch in read_ahead(_batch(frames, batch_size)):
        found = iter(detector.detect([frame.image for frame in batch if isinstance(frame, Frame)]))
        for frame in batch:
            if isinstance(frame, UnreadableFrame):
                writer.add_unreadable(frame.index, frame.time_s, frame.reason)
            else:
                writer.add(frame.index, frame.time_s, next(found))
        report()


def _associate(
    run: RunDirectory, layout: Layout, config: TrackConfig, fps: float, motion: Float64 | None, report: Report
) -> None:
    """Link the stored detections over time: from the beginning, since it takes seconds and depends on all before."""
    likely = None
    if config.least_mean_score is not None and count_animals(layout, config.max_tracks) is None:
        stretches = (tracks for _, tracks in _follow(run, layout, config, fps, motion))
        likely = find_likely_tracks(stretches, config.least_mean_score, config.least_mean_share)
    for first, tracks in _follow(run, layout, config, fps, motion):
        run.write_tracks(first, tracks if likely is None else keep_tracks(tracks, likely))
        report("track", first + tracks.n_frames, run.n_frames)
    run.finish_tracking()


def _follow(
    run: RunDirectory, layout: Layout, config: TrackConfig, fps: float, motion: Float64 | None
) -> Iterator[tuple[int, Tracks]]:
    """First frame and tracks of one stretch after the other; the camera rests after its last known motion."""
    tracker = CompartmentTracker(layout, config, fps, camera_moves=motion is not None)
    for first, table in run.iterate_detections(run.embeddings_every == 1):
        if motion is None:
            yield first, tracker.follow(table)
            continue
        own = motion[first : first + table.n_frames]
        still = np.broadcast_to(np.eye(2, 3), (table.n_frames - len(own), 2, 3))
        yield first, tracker.follow(table, np.concatenate([own, still]))


def _settle(adapt: bool | None, motion: Float64 | None, config: IdentifyConfig | None) -> Adapting:
    """Whether to learn the animals where nobody said so: in doubt, if the camera is at rest and looks are used."""
    if adapt is not None:
        return adapt
    return "in doubt" if motion is None and (config is None or config.appearance) else False


def _identify(
    run: RunDirectory, layout: Layout, counts: list[int], config: IdentifyConfig, adapt: Adapting, report: Report
) -> None:
    """Tell identities from all stored detections at once, unless that was done with the same settings."""
    if min(counts) < 1:
        raise ConfigError(f"animals: expected 1 or more, got {min(counts)}")
    settings = {"animals": counts if layout.arenas else counts[0], **asdict(config)}
    if layout.restricts:
        settings["arena"] = layout.to_plain()
    if adapt and not config.appearance:
        raise ConfigError("adapt: expected appearance to be used, got appearance = false")
    if adapt:
        settings["adapt"] = adapt
    same = run.is_done("identify") and dict(run.manifest.config["identify"]) == settings
    if same and not run.find_damaged("identities"):
        return
    table, fps = run.read_detections(embeddings=False), float(run.manifest.fingerprint["fps"])

    def tell(prints: Prints | None = None, ties: Ties | None = None) -> Identified:
        return identify_by_arena(table, layout, counts, fps, config, run.iterate_embeddings, prints, ties)

    close = look_closer(run, report) if adapt is True else ()
    found = tell(*close)
    if adapt == "in doubt" and found.is_doubtful:
        with suppress(SourceError):  # the video of an old run may be gone
            close = look_closer(run, report)
        if close:
            del found  # a day of them takes room
            found = tell(*close)
    run.start_identities(settings)
    _write_identities(run, table, found, report)
    if adapt:
        estimates = [asdict(adaptation) for adaptation in found.adaptations] if close else None
        run.record("adapt", {"estimates": estimates})
    run.finish_identities(_list_crossings(found), found.note)


def _write_identities(run: RunDirectory, table: DetectionTable, found: Identified, report: Report) -> None:
    for first, stretch in run.iterate_detections(embeddings=False):
        part = slice(*np.searchsorted(found.frames, [first, first + stretch.n_frames]))
        offsets = np.searchsorted(found.frames[part], first + np.arange(stretch.n_frames + 1)).astype(np.int64)
        boxes = DetectionTable(found.boxes[part], found.scores[part], None, offsets)
        seen = found.rows[part] - table.frame_offsets[found.frames[part]]
        rows = np.where(found.filled[part], -1, seen)
        told = Tracks(boxes, found.identity_ids[part], found.filled[part], found.certainties[part])
        run.write_identities(first, rows, told)
        report("identify", first + stretch.n_frames, run.n_frames)


def _list_crossings(found: Identified) -> dict[str, Any]:
    crossings = found.crossings
    a, b = crossings.pairs.T
    frames = {"first_frame": crossings.first_frames, "last_frame": crossings.last_frames}
    return frames | {"a": a, "b": b, "chance": crossings.chances}


def _batch(items: Iterator[Any], size: int) -> Iterator[list[Any]]:
    while batch := list(islice(items, size)):
        yield batch

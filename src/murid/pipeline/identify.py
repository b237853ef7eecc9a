"""Identify the animals of a run over its whole recording, from what it has stored."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from murid.appearance.second_pass import FurSample
from murid.arenas.layout import Layout
from murid.core import DetectionTable, Tracks
from murid.core.progress import (
    AnnounceCallback,
    ProgressCallback,
    no_announcement,
    no_progress,
)
from murid.core.settings import change_settings
from murid.core.types import Float64, Int64
from murid.core.validation import to_count
from murid.errors import ConfigError
from murid.identification import IdentificationConfig, IdentificationResult
from murid.identification.appearance_models.appearance_fit import AppearanceSelection
from murid.identification.appearance_models.tracklet_features import FurDescriptors
from murid.identification.point_matches import PointMatches
from murid.pipeline.config import Config
from murid.pipeline.gap_foreground import GapForeground
from murid.pipeline.per_arena import (
    count_animals,
    identify_per_arena,
    select_embeddings,
    select_fur_descriptors,
)
from murid.pipeline.refine import Feedback, refine_as_asked, refine_in_doubt
from murid.pipeline.run import Run, read_layout
from murid.reid.reidentify import check_gallery, reidentify_run
from murid.store import RunDirectory


def identify(
    run: str | Path,
    *,
    animals: int | None = None,
    config: Config | None = None,
    gallery: str | Path | None = None,
    update_gallery: bool = False,
    report: ProgressCallback = no_progress,
    announce: AnnounceCallback = no_announcement,
) -> Run:
    """Identify the animals of a run again, from what it has stored, and return the run.

    The video is needed only for a first second pass (``identification.refine``), and to hold boxes
    in gaps to the animals where other gaps than before are filled.

    Parameters
    ----------
    run : str or Path
        Run directory.
    animals : int, optional
        Number of animals, an upper bound; as before by default.
    config : Config, optional
        Settings; those of the run by default. Only `Config.identification` is used.
    gallery, update_gallery
        As for `track`.
    report : callable
        Called with progress.
    announce : callable
        Called with a sentence before a second pass over the video.

    Returns
    -------
    Run

    Raises
    ------
    ConfigError
        If the number of animals is below 1, or was never given, or more are detected at once for
        long.
    FormatError
        If the gallery file cannot be read.
    SourceError
        If the video is needed and cannot be opened.
    RunError, StorageError
        If it is not a run, detection is not finished, it cannot be written to, or its embeddings
        are of other weights than the gallery's.
    """
    check_gallery(gallery, update_gallery)
    animals = to_count("animals", animals)
    with RunDirectory.open(run, writable=True) as directory:
        settings = (config or _get_config(directory)).identification
        layout = read_layout(directory)
        counts = _count_animals(directory, layout, animals)
        arguments = {"animals": _to_plain_counts(counts, layout), "refine": settings.refine}
        directory.record("identify", arguments)
        feedback = Feedback(report=report, announce=announce)
        identify_run(directory, layout, counts, settings, feedback)
        if gallery is not None:
            reidentify_run(directory, gallery, update_gallery=update_gallery)
    return Run.open(run)


def read_config(run: str | Path) -> Config:
    """Return the settings with which the identities of a run were made; raises `RunError`."""
    return _get_config(RunDirectory.open(run))


def identify_as_before(run: RunDirectory) -> None:
    """Identify the animals of a run again, with its own settings and number of animals.

    Parameters
    ----------
    run : RunDirectory
        Opened for writing.

    Raises
    ------
    ConfigError, SourceError, RunError, StorageError
        As `identify`.
    """
    layout = read_layout(run)
    counts = _count_animals(run, layout, None)
    identify_run(run, layout, counts, _get_config(run).identification, Feedback())


def resolve_refine(config: IdentificationConfig, motion: Float64 | None) -> IdentificationConfig:
    """Return the settings without what the motion ``(n, 2, 3)`` of the camera rules out.

    The second pass and the foreground need a camera at rest, and the second pass needs settings
    that use appearance. A second pass that was asked for with ``always`` stays.
    """
    config = replace(config, use_foreground=config.use_foreground and motion is None)
    is_possible = motion is None and config.use_appearance
    if config.refine == "auto" and not is_possible:
        return replace(config, refine="never")
    return config


def identify_run(
    run: RunDirectory,
    layout: Layout,
    counts: list[int],
    config: IdentificationConfig,
    feedback: Feedback,
) -> None:
    """Identify the animals from all stored detections at once, and store the identities.

    Nothing is done if identities with the same settings are stored.

    Parameters
    ----------
    run : RunDirectory
        Opened for writing, with finished detection.
    layout : Layout
        Arenas.
    counts : list of int
        Upper bound of the number of animals of each arena.
    config : IdentificationConfig
        Settings.
    feedback : Feedback

    Raises
    ------
    ConfigError
        If a number is below 1, or the settings contradict each other.
    SourceError, RunError, StorageError
        As `identify`.
    """
    if min(counts) < 1:
        raise ConfigError(f"animals: expected 1 or more, got {min(counts)}")
    if config.refine == "always" and not config.use_appearance:
        expected = "true, since identification.refine = always"
        raise ConfigError(f"identification.use_appearance: expected {expected}, got false")
    settings = {"animals": _to_plain_counts(counts, layout), **asdict(config)}
    stored = dict(run.manifest.config.get("identification", {}))
    is_same = run.is_done("identification") and stored == settings
    if is_same and not run.identities.find_damaged():
        return

    # Linking takes a while and cannot tell how far it is.
    feedback.report("identify", 0, run.n_frames)
    table = run.detections.read(embeddings=False)
    fps = run.manifest.fps
    times_s = run.frames.read().times_s

    foreground = GapForeground(run, table, feedback.report) if config.use_foreground else None

    def link(
        fur_descriptors: FurDescriptors | None = None,
        point_matches: PointMatches | None = None,
        rows: Int64 | None = None,
    ) -> IdentificationResult:
        embeddings = run.detections.iterate_embeddings
        return identify_per_arena(
            table if rows is None else table.select(rows),
            layout,
            counts,
            fps,
            config,
            embeddings if rows is None else partial(select_embeddings, rows, embeddings),
            fur_descriptors,
            point_matches,
            times_s,
            run.manifest.video_frames(table.n_frames),
            None if foreground is None or rows is not None else foreground.read,
        )

    def judge(sample: FurSample) -> tuple[AppearanceSelection, ...]:
        fur_descriptors = select_fur_descriptors(sample.rows, sample.fur_descriptors)
        return link(fur_descriptors, rows=sample.rows).appearance_selections

    # The second pass is made where it was asked for, or where the first result is in doubt.
    second_pass = refine_as_asked(run, table, feedback) if config.refine == "always" else None
    result = link(*second_pass or ())
    if config.refine == "auto" and result.is_doubtful:
        second_pass = refine_in_doubt(run, table, result, judge, feedback)
        if second_pass:
            del result  # that of a day takes hundreds of megabytes
            result = link(*second_pass)

    notes = [] if result.note is None else [result.note]
    if foreground is not None:
        foreground.store()
        notes += foreground.describe_unknown()
    run.identities.start(settings)
    _write_identities(run, table, result, feedback.report)
    if config.refine != "never":
        selections = [asdict(selection) for selection in result.appearance_selections]
        run.record("refine", {"estimates": selections if second_pass else None})
    run.identities.finish(_tabulate_crossings(result), "; ".join(notes) or None)


def _count_animals(run: RunDirectory, layout: Layout, animals: int | None) -> list[int]:
    """Return the number of animals of each arena: as given, else as before."""
    if animals is None:
        config = run.manifest.config
        before = config.get("identification", {}).get("animals")
        before = before or config.get("tracking", {}).get("max_tracks")
        if isinstance(before, list):
            return before
        animals = before
    counts = count_animals(layout, animals)
    if counts is None:
        expected = "a number, since this run was made without one"
        raise ConfigError(f"animals: expected {expected}, got none")
    return counts


def _to_plain_counts(counts: list[int], layout: Layout) -> int | list[int]:
    """Return one number where there are no arenas, as the user gave it."""
    return counts if layout.arenas else counts[0]


def _get_config(run: RunDirectory) -> Config:
    stored = run.manifest.config.get("identification", {})
    names = {field.name for field in fields(IdentificationConfig)}
    given = {name: value for name, value in stored.items() if name in names}
    return change_settings(Config(), {"identification": given})


def _write_identities(
    run: RunDirectory, table: DetectionTable, result: IdentificationResult, report: ProgressCallback
) -> None:
    """Store the identities, part by part."""
    for first_frame, chunk in run.detections.iterate(embeddings=False):
        # Rows of the result that lie in the frames of this part, and where each frame begins.
        bounds = first_frame + np.arange(chunk.n_frames + 1)
        part = slice(*np.searchsorted(result.frames, bounds[[0, -1]]))
        offsets = np.searchsorted(result.frames[part], bounds).astype(np.int64)
        boxes = DetectionTable(result.boxes[part], result.scores[part], None, offsets)
        # Rows of the whole recording become rows of their frame; -1 = interpolated.
        rows_in_frame = result.rows[part] - table.frame_offsets[result.frames[part]]
        rows = np.where(result.interpolated[part], -1, rows_in_frame)
        tracks = Tracks(
            boxes,
            result.identity_ids[part],
            result.interpolated[part],
            result.identity_probabilities[part],
            result.merged[part],
        )
        run.identities.write(first_frame, rows, tracks)
        report("identify", first_frame + chunk.n_frames, run.n_frames)


def _tabulate_crossings(result: IdentificationResult) -> dict[str, Any]:
    """Return the columns of the table of doubtful crossings."""
    crossings = result.crossings
    return {
        "first_frame": crossings.first_frames,
        "last_frame": crossings.last_frames,
        "identity_a": crossings.pairs[:, 0],
        "identity_b": crossings.pairs[:, 1],
        "swap_probability": crossings.swap_probabilities,
    }

"""Identities of a run over its whole recording, from what it has stored."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np

from murid.appearance.second_pass import run_second_pass
from murid.arenas.layout import Layout
from murid.core import DetectionTable, Tracks
from murid.core.progress import ProgressCallback, no_progress
from murid.core.types import Float64
from murid.errors import ConfigError, SourceError
from murid.identification import IdentificationConfig, IdentificationResult
from murid.identification.point_matches import PointMatches
from murid.identification.tracklet_features import FurDescriptors
from murid.pipeline.per_arena import count_animals, identify_per_arena
from murid.pipeline.run import Run, read_layout
from murid.reid.reidentify import check_gallery, name_from_gallery
from murid.store import RunDirectory

RefineMode = bool | Literal["in doubt"]


def identify(
    run: str | Path,
    *,
    animals: int | None = None,
    config: IdentificationConfig | None = None,
    gallery: str | Path | None = None,
    update_gallery: bool = False,
    refine: bool | None = None,
    report: ProgressCallback = no_progress,
) -> Run:
    """Tell the identities of a run anew from what it has stored; the video is not needed, but for the first `refine`.

    Parameters
    ----------
    run : str or Path
        Run directory.
    animals : int, optional
        Number of animals, an upper bound; as before by default.
    config : IdentificationConfig, optional
        Settings.
    gallery, grow
        As for `track`.
    refine : bool, optional
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
        If it is no run, detection is not finished, it cannot be written to, or its embeddings are
        of other weights than the gallery's.
    """
    check_gallery(gallery, update_gallery)
    with RunDirectory.open(run, writable=True) as directory:
        settings, layout = directory.manifest.config, read_layout(directory)
        before = settings.get("identification", {}).get("animals") or settings.get(
            "tracking", {}
        ).get("max_tracks")
        told = before if animals is None else animals
        counts = told if isinstance(told, list) else count_animals(layout, told)
        if counts is None:
            raise ConfigError(
                "animals: expected a number, since this run was made without one, got none"
            )
        way: RefineMode = (
            settings.get("identification", {}).get("refine", False) if refine is None else refine
        )
        directory.record("identify", {"animals": told, "refine": way})
        identify_run(directory, layout, counts, config or IdentificationConfig(), way, report)
        if gallery is not None:
            name_from_gallery(directory, gallery, update_gallery=update_gallery)
    return Run.open(run)


def resolve_refine(
    refine: bool | None, motion: Float64 | None, config: IdentificationConfig | None
) -> RefineMode:
    """Whether to learn the animals where nobody said so: in doubt, if the camera is at rest and looks are used."""
    if refine is not None:
        return refine
    return "in doubt" if motion is None and (config is None or config.use_appearance) else False


def identify_run(
    run: RunDirectory,
    layout: Layout,
    counts: list[int],
    config: IdentificationConfig,
    refine: RefineMode,
    report: ProgressCallback,
) -> None:
    """Tell identities from all stored detections at once, unless that was done with the same settings."""
    if min(counts) < 1:
        raise ConfigError(f"animals: expected 1 or more, got {min(counts)}")
    settings = {"animals": counts if layout.arenas else counts[0], **asdict(config)}
    del settings["enabled"], settings["refine"]
    if layout.restricts:
        settings["arena"] = layout.to_dict()
    if refine and not config.use_appearance:
        raise ConfigError("refine: expected appearance to be used, got use_appearance = false")
    if refine:
        settings["refine"] = refine
    same = run.is_done("identification") and dict(run.manifest.config["identification"]) == settings
    if same and not run.identities.find_damaged():
        return
    table, fps = run.detections.read(embeddings=False), float(run.manifest.fingerprint["fps"])

    def tell(
        fur_descriptors: FurDescriptors | None = None, point_matches: PointMatches | None = None
    ) -> IdentificationResult:
        return identify_per_arena(
            table,
            layout,
            counts,
            fps,
            config,
            run.detections.iterate_embeddings,
            fur_descriptors,
            point_matches,
        )

    close = run_second_pass(run, report) if refine is True else ()
    found = tell(*close)
    if refine == "in doubt" and found.is_doubtful:
        with suppress(SourceError):  # the video of an old run may be gone
            close = run_second_pass(run, report)
        if close:
            del found  # a day of them takes room
            found = tell(*close)
    run.identities.start(settings)
    _write_identities(run, table, found, report)
    if refine:
        estimates = (
            [asdict(adaptation) for adaptation in found.appearance_selections] if close else None
        )
        run.record("refine", {"estimates": estimates})
    run.identities.finish(_list_crossings(found), found.note)


def _write_identities(
    run: RunDirectory, table: DetectionTable, found: IdentificationResult, report: ProgressCallback
) -> None:
    for first, stretch in run.detections.iterate(embeddings=False):
        part = slice(*np.searchsorted(found.frames, [first, first + stretch.n_frames]))
        offsets = np.searchsorted(
            found.frames[part], first + np.arange(stretch.n_frames + 1)
        ).astype(np.int64)
        boxes = DetectionTable(found.boxes[part], found.scores[part], None, offsets)
        seen = found.rows[part] - table.frame_offsets[found.frames[part]]
        rows = np.where(found.interpolated[part], -1, seen)
        told = Tracks(
            boxes,
            found.identity_ids[part],
            found.interpolated[part],
            found.identity_probabilities[part],
        )
        run.identities.write(first, rows, told)
        report("identify", first + stretch.n_frames, run.n_frames)


def _list_crossings(found: IdentificationResult) -> dict[str, Any]:
    crossings = found.crossings
    a, b = crossings.pairs.T
    frames = {"first_frame": crossings.first_frames, "last_frame": crossings.last_frames}
    identities = {"identity_a": a, "identity_b": b}
    return frames | identities | {"swap_probability": crossings.swap_probabilities}

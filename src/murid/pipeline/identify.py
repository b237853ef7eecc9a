"""Identify the animals of a run over its whole recording, from what it has stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from murid.appearance.second_pass import FurSample, has_second_pass
from murid.arenas.layout import Layout
from murid.core import DetectionTable, Tracks
from murid.core.progress import (
    AnnounceCallback,
    ProgressCallback,
    no_announcement,
    no_progress,
)
from murid.core.settings import change_settings
from murid.core.types import Float32, Float64
from murid.core.validation import to_count
from murid.corrections.log import read_log
from murid.corrections.records import Entry, select_active
from murid.corrections.resolve import list_drawn_boxes, resolve_corrections
from murid.corrections.summary import summarise_corrections
from murid.errors import ConfigError
from murid.identification import (
    IdentificationConfig,
    IdentificationResult,
    complete_keypoints,
)
from murid.identification.appearance_models.appearance_fit import AppearanceSelection
from murid.identification.appearance_models.tracklet_features import FurDescriptors
from murid.identification.point_matches import PointMatches
from murid.identification.recording_stitcher import StitchedPaths
from murid.identification.stitch_cache import StitchCache
from murid.pipeline.config import Config
from murid.pipeline.drawn_boxes import extend_detections
from murid.pipeline.gap_foreground import GapForeground
from murid.pipeline.per_arena import (
    count_animals,
    identify_per_arena,
    select_embeddings,
    select_fur_descriptors,
)
from murid.pipeline.refine import Feedback, refine_as_asked, refine_in_doubt
from murid.pipeline.run import Run, has_refined, read_layout
from murid.reid.reidentify import check_gallery, reidentify_run
from murid.store import RunDirectory
from murid.store.manifest import AnimalName

# Key of the names that a run had before a person named its animals, in the stored settings.
_GALLERY_NAMES = "gallery_names"


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


def identify_as_before(
    run: RunDirectory, stitch_cache: StitchCache[StitchedPaths] | None = None
) -> None:
    """Identify the animals of a run again, with its own settings and number of animals.

    Parameters
    ----------
    run : RunDirectory
        Opened for writing.
    stitch_cache : StitchCache, optional
        Of earlier calls for the run while it was open.

    Raises
    ------
    ConfigError, SourceError, RunError, StorageError
        As `identify`.
    """
    layout = read_layout(run)
    counts = _count_animals(run, layout, None)
    config = _get_config(run).identification
    identify_run(run, layout, counts, config, Feedback(), stitch_cache)


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
    stitch_cache: StitchCache[StitchedPaths] | None = None,
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
    stitch_cache : StitchCache, optional
        As in `identify_per_arena`.

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
    corrections = _Corrections.read(run.path)
    settings = {"animals": _to_plain_counts(counts, layout), **asdict(config)}
    if corrections.lines:
        settings["corrections"] = list(corrections.lines)
    stored = dict(run.manifest.config.get("identification", {}))
    is_alike = run.is_done("identification") and _is_alike(stored, settings)
    # Corrections change who is where, but not who is who: names from a gallery stay.
    names = _find_gallery_names(run, stored) if is_alike else {}
    is_same = is_alike and stored.get("corrections") == settings.get("corrections")
    if is_same and not run.identities.find_damaged():
        # Runs that were corrected before manifests had this record get it now.
        if run.manifest.corrections != corrections.summary:
            run.identities.write_corrections(corrections.summary)
        return

    # Linking takes a while and cannot tell how far it is.
    feedback.report("identify", 0, run.n_frames)
    table = run.detections.read(embeddings=False, keypoints=False)
    foreground = GapForeground(run, table, feedback.report) if config.use_foreground else None
    linker = _RunLinker(run, table, layout, counts, config, foreground, corrections, stitch_cache)

    # The second pass is made where it was asked for, or where the first result is in doubt. With
    # other corrections, what was found out about that before holds.
    is_decided = is_alike and (not has_refined(run.manifest) or has_second_pass(run))
    is_used = config.refine == "always" or (is_decided and has_refined(run.manifest))
    second_pass = refine_as_asked(run, table, feedback) if is_used else None
    result = linker.link(*second_pass or ())
    if config.refine == "auto" and not is_decided and result.is_doubtful:
        second_pass = refine_in_doubt(run, table, result, linker.judge, feedback)
        if second_pass:
            del result  # that of a day takes hundreds of megabytes
            result = linker.link(*second_pass)

    notes = [] if result.note is None else [result.note]
    notes += linker.describe_unmet(result)
    if foreground is not None:
        foreground.store()
        notes += foreground.describe_unknown()
    _keep_gallery_names(settings, names, linker.names)
    run.identities.start(settings)
    keypoints = _complete_keypoints(run, result, config)
    _write_identities(run, table, result, keypoints, feedback.report)
    if config.refine != "never":
        selections = [asdict(selection) for selection in result.appearance_selections]
        run.record("refine", {"estimates": selections if second_pass else None})
    note = "; ".join(notes) or None
    run.identities.finish(_tabulate_crossings(result), note, corrections.summary)
    _write_names(run, names, linker.names)


def _keep_gallery_names(
    settings: dict[str, Any], names: Mapping[int, AnimalName], renamed: Mapping[int, str]
) -> None:
    """Store the names of a gallery in the settings, where a person gave others."""
    if renamed:
        settings[_GALLERY_NAMES] = {number: asdict(name) for number, name in names.items()}


def _write_names(
    run: RunDirectory, names: Mapping[int, AnimalName], renamed: Mapping[int, str]
) -> None:
    """Store names: those that a person gave before others; an empty one takes a name away."""
    given = {number: AnimalName(name) for number, name in renamed.items()}
    known = {number: animal for number, animal in {**names, **given}.items() if animal.name}
    if known:
        run.identities.write_names(known)


def _is_alike(stored: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    """Return whether two settings of identification differ by corrections at most."""
    ignored = {"corrections": None, _GALLERY_NAMES: None}
    return {**stored, **ignored} == {**settings, **ignored}


def _find_gallery_names(run: RunDirectory, stored: Mapping[str, Any]) -> dict[int, AnimalName]:
    """Return the names of a run without those that a person gave."""
    if _GALLERY_NAMES not in stored:
        return dict(run.manifest.names)
    return {int(number): AnimalName(**name) for number, name in stored[_GALLERY_NAMES].items()}


@dataclass(frozen=True, slots=True)
class _Corrections:
    """The log of corrections of a run, and the lines that are in force."""

    entries: tuple[Entry, ...]
    lines: tuple[int, ...]

    @classmethod
    def read(cls, path: Path) -> _Corrections:
        """Return those of a run directory; raises `RunError` if the log is damaged."""
        entries = read_log(path)
        return cls(entries, tuple(entry.line for entry in select_active(entries)))

    @property
    def summary(self) -> dict[str, Any]:
        """How many are in force, by whom and since when, for the manifest; empty without any."""
        return summarise_corrections(self.entries).to_plain() if self.lines else {}


class _RunLinker:
    """Links the tracklets of a run, with its corrections."""

    def __init__(
        self,
        run: RunDirectory,
        table: DetectionTable,
        layout: Layout,
        counts: list[int],
        config: IdentificationConfig,
        foreground: GapForeground | None,
        corrections: _Corrections,
        stitch_cache: StitchCache[StitchedPaths] | None,
    ) -> None:
        self._run = run
        self._table = table
        self._link = partial(
            identify_per_arena,
            layout=layout,
            counts=counts,
            fps=run.manifest.fps,
            config=config,
            times_s=run.frames.read().times_s,
            video_frames=run.manifest.video_frames(table.n_frames),
        )
        self._foreground = foreground
        self._stitch_cache = stitch_cache
        entries = corrections.entries
        self._extended = extend_detections(table, list_drawn_boxes(entries, table.n_frames))
        drawn_rows = self._extended.drawn_rows
        self._resolved = resolve_corrections(entries, self._extended.table, drawn_rows)
        self._has_corrections = bool(corrections.lines)

    @property
    def names(self) -> dict[int, str]:
        """Names that a person gave, by identity."""
        return self._resolved.names

    def link(
        self,
        fur_descriptors: FurDescriptors | None = None,
        point_matches: PointMatches | None = None,
    ) -> IdentificationResult:
        """Return the identities; rows are those of the run, `DRAWN` for drawn boxes."""
        extended = self._extended
        read_embeddings = self._run.detections.iterate_embeddings
        result = self._link(
            extended.table,
            embeddings=partial(extended.extend_embeddings, read_embeddings),
            fur_descriptors=extended.extend_fur(fur_descriptors),
            point_matches=extended.extend_matches(point_matches),
            read_foreground=None if self._foreground is None else self._foreground.read,
            constraints=self._resolved.constraints if self._has_corrections else None,
            stitch_cache=self._stitch_cache,
        )
        return replace(result, rows=extended.to_run_rows(result.rows))

    def judge(self, sample: FurSample) -> tuple[AppearanceSelection, ...]:
        """Return whether the fur of a sample of the detections helps."""
        read_embeddings = self._run.detections.iterate_embeddings
        return self._link(
            self._table.select(sample.rows),
            embeddings=partial(select_embeddings, sample.rows, read_embeddings),
            fur_descriptors=select_fur_descriptors(sample.rows, sample.fur_descriptors),
        ).appearance_selections

    def describe_unmet(self, result: IdentificationResult) -> list[str]:
        """Return which corrections have no effect, and why."""
        lost = self._resolved.lost_lines
        reasons = {
            "name detections that are no longer there": lost,
            "do not fit the others": [line for line in result.unmet_lines if line not in lost],
        }
        return [
            f"corrections without effect, since they {reason}: {', '.join(map(str, lines))}"
            for reason, lines in reasons.items()
            if lines
        ]


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


def _complete_keypoints(
    run: RunDirectory, result: IdentificationResult, config: IdentificationConfig
) -> Float32 | None:
    """Return the keypoints ``(M, 3, 3)`` of the result; None if the detector found none."""
    keypoints = run.detections.read_keypoints()
    if keypoints is None:
        return None
    times_s = run.frames.read().times_s
    return complete_keypoints(result, keypoints, times_s, run.manifest.fps, config)


def _write_identities(
    run: RunDirectory,
    table: DetectionTable,
    result: IdentificationResult,
    keypoints: Float32 | None,
    report: ProgressCallback,
) -> None:
    """Store the identities and their keypoints ``(M, 3, 3)``, part by part."""
    for first_frame, chunk in run.detections.iterate(embeddings=False, keypoints=False):
        # Rows of the result that lie in the frames of this part, and where each frame begins.
        bounds = first_frame + np.arange(chunk.n_frames + 1)
        part = slice(*np.searchsorted(result.frames, bounds[[0, -1]]))
        offsets = np.searchsorted(result.frames[part], bounds).astype(np.int64)
        own_keypoints = None if keypoints is None else keypoints[part]
        boxes = DetectionTable(
            result.boxes[part], result.scores[part], None, offsets, own_keypoints
        )
        # Rows of the whole recording become rows of their frame; -1 = interpolated.
        rows_in_frame = result.rows[part] - table.frame_offsets[result.frames[part]]
        rows = np.where(result.rows[part] >= 0, rows_in_frame, -1)
        tracks = Tracks(
            boxes,
            result.identity_ids[part],
            result.rows[part] == -1,
            result.identity_probabilities[part],
            result.merged[part],
        )
        run.identities.write(first_frame, rows, tracks, result.sources[part])
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
        "lasting_probability": crossings.lasting_probabilities,
        "interval_frames": crossings.interval_frames,
    }

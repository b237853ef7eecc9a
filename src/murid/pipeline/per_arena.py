"""Track and identify the animals of each arena of a video separately."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from murid.arenas.layout import Layout
from murid.core.boxes import compute_centres
from murid.core.types import Detections, DetectionTable, Float64, Int64, TrackedDetections, Tracks
from murid.errors import ConfigError
from murid.identification import IdentificationConfig, IdentificationResult, link_tracklets
from murid.identification.appearance_models.tracklet_features import FurDescriptors
from murid.identification.constraints import IdentityConstraints
from murid.identification.foreground import ReadForeground
from murid.identification.point_matches import PointMatches
from murid.identification.recording_stitcher import EmbeddingChunks, StitchedPaths
from murid.identification.result import DoubtfulCrossings
from murid.identification.stitch_cache import StitchCache
from murid.tracking import Tracker, TrackingConfig, make_tracker, track_bidirectionally


def count_animals(layout: Layout | None, animals: int | None) -> list[int] | None:
    """Return the upper bound of the number of animals in each arena; None = any number.

    An arena's own number goes before `animals`.

    Raises
    ------
    ConfigError
        If the number is known for some arenas only.
    """
    arenas = () if layout is None else layout.arenas
    counts = [arena.animals or animals for arena in arenas] or [animals]
    known = [count for count in counts if count is not None]
    if known and len(known) < len(counts):
        expected = "a number for every arena or for none"
        without = arenas[counts.index(None)].name
        raise ConfigError(f"animals: expected {expected}, got none for {without}")
    return known or None


class ArenaTracker:
    """One tracker for each arena; detections outside the arenas belong to no track.

    Parameters
    ----------
    layout : Layout
        A detection is in the arena that holds the centre of its box.
    config : TrackingConfig
        Settings of every tracker; an arena's own number of animals goes before `max_tracks`.
    fps : float
        Frames per second.
    camera_moves : bool
        Whether `follow` is given the motion of the camera.
    """

    def __init__(
        self, layout: Layout, config: TrackingConfig, fps: float, *, camera_moves: bool = False
    ) -> None:
        counts = count_animals(layout, config.max_tracks)
        max_tracks = [None] * len(layout.arena_names) if counts is None else counts
        self._layout = layout
        self._trackers = [
            make_tracker(replace(config, max_tracks=count), fps, camera_moves=camera_moves)
            for count in max_tracks
        ]
        # Track id over all arenas by arena and the id in it.
        self._ids: dict[tuple[int, int], int] = {}

    def follow(
        self,
        table: DetectionTable,
        camera_motion: Float64 | None = None,
        times_s: Float64 | None = None,
    ) -> Tracks:
        """Track the next chunk of a recording, as `Tracker.follow`; ids are unique over arenas."""
        arenas = self._layout.locate(compute_centres(table.boxes))
        # Detections outside all arenas keep the detector's box and the id -1.
        boxes = table.boxes.copy()
        ids = np.full(len(table), -1, np.int64)
        for number, tracker in enumerate(self._trackers):
            rows = np.flatnonzero(arenas == number)
            arena_table = table.select(rows)
            if isinstance(tracker, Tracker):
                tracks = tracker.follow(arena_table, camera_motion, times_s)
            else:
                tracks = tracker.follow(arena_table, times_s=times_s)
            boxes[rows] = tracks.detections.boxes
            ids[rows] = tracks.track_ids
        # Every tracker counts its ids from 1.
        if len(self._trackers) > 1:
            ids = self._make_unique(np.where(ids >= 0, arenas, -1), ids)
        return Tracks(replace(table, boxes=boxes), ids)

    def step(self, detections: Detections, time_s: float | None = None) -> TrackedDetections:
        """Track the detections of the next frame of a camera at rest."""
        times_s = None if time_s is None else np.array([time_s], np.float64)
        return self.follow(DetectionTable.from_frames([detections]), times_s=times_s)[0]

    def _make_unique(self, arenas: Int64, ids: Int64) -> Int64:
        """Return ids ``(N,)`` that are unique over all arenas, in order of appearance."""
        unique = [
            -1 if track_id < 0 else self._ids.setdefault((arena, track_id), len(self._ids) + 1)
            for arena, track_id in zip(arenas.tolist(), ids.tolist(), strict=True)
        ]
        return np.array(unique, np.int64)


def identify_per_arena(
    table: DetectionTable,
    layout: Layout,
    counts: Sequence[int],
    fps: float,
    config: IdentificationConfig | None = None,
    embeddings: Callable[[], EmbeddingChunks] | None = None,
    fur_descriptors: FurDescriptors | None = None,
    point_matches: PointMatches | None = None,
    times_s: Float64 | None = None,
    video_frames: range | None = None,
    read_foreground: ReadForeground | None = None,
    constraints: IdentityConstraints | None = None,
    stitch_cache: StitchCache[StitchedPaths] | None = None,
) -> IdentificationResult:
    """Identify the animals of each arena separately, as `link_tracklets`.

    Identities are numbered arena by arena: those of the first arena first.

    Parameters
    ----------
    table : DetectionTable
        All detections of the recording.
    layout : Layout
        Arenas.
    counts : sequence of int
        Upper bound of the number of animals of each arena.
    fps, config, embeddings, fur_descriptors, point_matches, times_s, video_frames, read_foreground
        As in `link_tracklets`, of all arenas.
    constraints : IdentityConstraints, optional
        As in `link_tracklets`, of all arenas; identities are those of the result.
    stitch_cache : StitchCache, optional
        As in `link_tracklets`, with an entry for each arena.

    Returns
    -------
    IdentificationResult
        Of all arenas; rows are those of `table`.

    Raises
    ------
    ConfigError
        As `link_tracklets`.
    """
    arenas = layout.locate(compute_centres(table.boxes)).astype(np.int16)
    results = []
    for number, count in enumerate(counts):
        rows = np.flatnonzero(arenas == number)
        arena_table = table.select(rows)
        arena_constraints = None
        if constraints is not None:
            first_identity = sum(counts[:number])
            arena_constraints = _select_constraints(constraints, rows, len(table), first_identity)
        # No local variable holds the tracks, so that `link_tracklets` can free them: those of a day
        # take hundreds of megabytes.
        result = link_tracklets(
            arena_table,
            count,
            fps,
            config,
            None if embeddings is None else partial(select_embeddings, rows, embeddings),
            track_bidirectionally(arena_table, count, fps, times_s),
            select_fur_descriptors(rows, fur_descriptors),
            _select_point_matches(rows, point_matches),
            times_s,
            video_frames,
            read_foreground,
            arena_constraints,
            stitch_cache,
        )
        name = layout.arena_names[number] if layout.arenas else None
        results.append(_renumber(result, rows, sum(counts[:number]), name))
    return results[0] if len(results) == 1 else _concatenate(results)


def select_embeddings(rows: Int64, embeddings: Callable[[], EmbeddingChunks]) -> EmbeddingChunks:
    """Yield the embeddings of some rows, chunk by chunk, with the first row among these."""
    for first, values in embeddings():
        begin, end = np.searchsorted(rows, [first, first + len(values)]).tolist()
        yield begin, values[rows[begin:end] - first]


def select_fur_descriptors(
    rows: Int64, fur_descriptors: FurDescriptors | None
) -> FurDescriptors | None:
    """Return the fur descriptors of some rows, numbered among these."""
    if fur_descriptors is None:
        return None
    # A row is in the arena if the search finds an equal one. The appended -1, which equals no row,
    # is found by rows after the last one of the arena.
    renumbered = np.searchsorted(rows, fur_descriptors.rows)
    is_in_arena = np.append(rows, -1)[renumbered] == fur_descriptors.rows
    return FurDescriptors(renumbered[is_in_arena], fur_descriptors.values[is_in_arena])


def _select_constraints(
    constraints: IdentityConstraints, rows: Int64, n_detections: int, n_before: int
) -> IdentityConstraints:
    """Return the constraints between some rows, without the identities of the arenas before."""
    new_rows = np.full(n_detections, -1, np.int64)
    new_rows[rows] = np.arange(len(rows))
    return constraints.renumber(new_rows, -n_before)


def _select_point_matches(rows: Int64, point_matches: PointMatches | None) -> PointMatches | None:
    """Return the point matches between some rows, numbered among these."""
    if point_matches is None:
        return None
    padded = np.append(rows, -1)
    after = np.searchsorted(rows, point_matches.after)
    before = np.searchsorted(rows, point_matches.before)
    is_before = (padded[before] == point_matches.before) & (point_matches.before >= 0)
    is_in_arena = (padded[after] == point_matches.after) & is_before.any(axis=1)
    renumbered = PointMatches(after, np.where(is_before, before, -1), point_matches.counts)
    return renumbered.select(is_in_arena)


def _renumber(
    result: IdentificationResult, rows: Int64, offset: int, arena: str | None
) -> IdentificationResult:
    """Return a result with rows of the whole table and identities from `offset` + 1."""
    note = f"{arena}: {result.note}" if result.note and arena else result.note
    return replace(
        result,
        rows=np.append(rows, -1)[result.rows],
        identity_ids=result.identity_ids + offset,
        crossings=replace(result.crossings, pairs=result.crossings.pairs + offset),
        note=note,
    )


def _concatenate(results: Sequence[IdentificationResult]) -> IdentificationResult:
    """Return one result, by frame and then identity, the most doubtful crossing first."""
    crossings = DoubtfulCrossings.concatenate([result.crossings for result in results])
    most_doubtful = np.argsort(-crossings.swap_probabilities, kind="stable")
    notes = [result.note for result in results if result.note]
    frames = np.concatenate([result.frames for result in results])
    ids = np.concatenate([result.identity_ids for result in results])
    probabilities = np.concatenate([result.identity_probabilities for result in results])
    order = np.lexsort((ids, frames))
    # The mean over all detections of all arenas.
    sums = [len(result) * result.mean_given_existence for result in results]
    return IdentificationResult(
        frames[order],
        np.concatenate([result.rows for result in results])[order],
        ids[order],
        np.concatenate([result.boxes for result in results])[order],
        np.concatenate([result.scores for result in results])[order],
        probabilities[order],
        np.concatenate([result.merged for result in results])[order],
        np.concatenate([result.sources for result in results])[order],
        crossings.select(most_doubtful),
        "; ".join(notes) or None,
        tuple(selection for result in results for selection in result.appearance_selections),
        mean_given_existence=sum(sums) / len(frames) if len(frames) else 1.0,
        unmet_lines=tuple(sorted({line for result in results for line in result.unmet_lines})),
    )

"""Several arenas in one video: the animals of each tracked and told apart by themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from murid.arenas.layout import Layout
from murid.core import Detections, DetectionTable, TrackedDetections, Tracks
from murid.core.boxes import compute_centres
from murid.core.types import Float64, Int64
from murid.errors import ConfigError
from murid.identification import IdentificationConfig, IdentificationResult, link_tracklets
from murid.identification.linker import Embeddings
from murid.identification.point_matches import PointMatches
from murid.identification.result import DoubtfulCrossings
from murid.identification.tracklet_features import FurDescriptors
from murid.tracking import Tracker, TrackingConfig, make_tracker, track_bidirectionally


def count_animals(layout: Layout | None, animals: int | None) -> list[int] | None:
    """How many animals there are at most in each arena: as the arena says, else `animals`; None = any number.

    Raises `ConfigError` if that is known of some arenas only.
    """
    arenas = () if layout is None else layout.arenas
    counts = [arena.animals or animals for arena in arenas] or [animals]
    known = [count for count in counts if count is not None]
    if known and len(known) < len(counts):
        missing = arenas[counts.index(None)].name
        raise ConfigError(
            f"animals: expected a number for every arena or for none, got none for {missing}"
        )
    return known or None


class ArenaTracker:
    """A tracker for each arena; what lies outside them belongs to no track.

    Parameters
    ----------
    layout : Layout
        The centre of a box says which arena it is in.
    config : TrackingConfig
        For every arena; an arena's own number of animals goes before `max_tracks`.
    fps : float
    camera_moves : bool
        Whether `follow` is told how.
    """

    def __init__(
        self, layout: Layout, config: TrackingConfig, fps: float, *, camera_moves: bool = False
    ) -> None:
        counts = count_animals(layout, config.max_tracks)
        most = [None] * len(layout.arena_names) if counts is None else counts
        self._layout = layout
        self._trackers = [
            make_tracker(replace(config, max_tracks=n), fps, camera_moves=camera_moves)
            for n in most
        ]
        self._ids: dict[tuple[int, int], int] = {}

    def follow(self, table: DetectionTable, camera_motion: Float64 | None = None) -> Tracks:
        """Take the next stretch of a recording, as `Tracker.follow`; ids are unique over all arenas."""
        arenas = self._layout.locate(compute_centres(table.boxes))
        boxes, ids = table.boxes.copy(), np.full(len(table), -1, np.int64)
        owners = np.full(len(table), -1, np.int64)
        for number, tracker in enumerate(self._trackers):
            rows = np.flatnonzero(arenas == number)
            own = table.select(rows)
            tracks = (
                tracker.follow(own, camera_motion)
                if isinstance(tracker, Tracker)
                else tracker.follow(own)
            )
            boxes[rows], ids[rows] = tracks.detections.boxes, tracks.track_ids
            owners[rows] = number
        found = DetectionTable(boxes, table.scores, table.embeddings, table.frame_offsets)
        return Tracks(found, ids if len(self._trackers) == 1 else self._name_all(owners, ids))

    def step(self, detections: Detections) -> TrackedDetections:
        """Take the detections of the next frame of a camera at rest."""
        return self.follow(DetectionTable.from_frames([detections]))[0]

    def _name_all(self, arenas: Int64, ids: Int64) -> Int64:
        """Ids over all arenas, in the order of appearance."""
        pairs = zip(arenas.tolist(), ids.tolist(), strict=True)
        names = [
            i if i < 0 else self._ids.setdefault((arena, i), len(self._ids) + 1)
            for arena, i in pairs
        ]
        return np.array(names, np.int64)


def identify_per_arena(
    table: DetectionTable,
    layout: Layout,
    counts: Sequence[int],
    fps: float,
    config: IdentificationConfig | None = None,
    embeddings: Callable[[], Embeddings] | None = None,
    fur_descriptors: FurDescriptors | None = None,
    point_matches: PointMatches | None = None,
) -> IdentificationResult:
    """Tell the animals of each arena apart, as `link_tracklets`; those of the first come first, then the next's."""
    arenas = layout.locate(compute_centres(table.boxes)).astype(np.int16)
    found = []
    for number, count in enumerate(counts):
        rows = np.flatnonzero(arenas == number)
        own_embeddings = (
            None if embeddings is None else partial(_select_embeddings, rows, embeddings)
        )
        own = table.select(rows)
        close = _select_prints(rows, fur_descriptors), _select_ties(rows, point_matches)
        # Nothing else holds the witnesses, so that they go when they have been heard: a day of them
        # takes room.
        told = link_tracklets(
            own, count, fps, config, own_embeddings, track_bidirectionally(own, count, fps), *close
        )
        name = layout.arena_names[number]
        found.append(_renumber(told, rows, sum(counts[:number]), name if layout.arenas else None))
    return found[0] if len(found) == 1 else _join(found)


def _select_embeddings(rows: Int64, embeddings: Callable[[], Embeddings]) -> Embeddings:
    for first, values in embeddings():
        begin, end = np.searchsorted(rows, [first, first + len(values)]).tolist()
        yield begin, values[rows[begin:end] - first]


def _select_prints(rows: Int64, fur_descriptors: FurDescriptors | None) -> FurDescriptors | None:
    if fur_descriptors is None:
        return None
    places = np.searchsorted(rows, fur_descriptors.rows)
    own = np.append(rows, -1)[places] == fur_descriptors.rows
    return FurDescriptors(places[own], fur_descriptors.values[own])


def _select_ties(rows: Int64, point_matches: PointMatches | None) -> PointMatches | None:
    if point_matches is None:
        return None
    after, before = (
        np.searchsorted(rows, of) for of in (point_matches.after, point_matches.before)
    )
    ends = np.append(rows, -1)
    own, known = (
        ends[after] == point_matches.after,
        (ends[before] == point_matches.before) & (point_matches.before >= 0),
    )
    own &= known.any(axis=1)
    return PointMatches(after[own], np.where(known, before, -1)[own], point_matches.counts[own])


def _renumber(
    told: IdentificationResult, rows: Int64, offset: int, arena: str | None
) -> IdentificationResult:
    """The same with rows of the whole table and identities from `offset` + 1 on."""
    places = np.append(rows, -1)[told.rows]
    crossings = replace(told.crossings, pairs=told.crossings.pairs + offset)
    note = f"{arena}: {told.note}" if told.note and arena else told.note
    return replace(
        told, rows=places, identity_ids=told.identity_ids + offset, crossings=crossings, note=note
    )


def _join(found: Sequence[IdentificationResult]) -> IdentificationResult:
    frames, ids = (
        np.concatenate([getattr(told, name) for told in found])
        for name in ("frames", "identity_ids")
    )
    order = np.lexsort((ids, frames))
    rows, boxes, scores, identity_probabilities = (
        np.concatenate([getattr(told, name) for told in found])[order]
        for name in ("rows", "boxes", "scores", "identity_probabilities")
    )
    swap_probabilities = np.concatenate([told.crossings.swap_probabilities for told in found])
    worst = np.argsort(-swap_probabilities, kind="stable")
    crossings = DoubtfulCrossings(
        *(
            np.concatenate([getattr(told.crossings, name) for told in found])[worst]
            for name in DoubtfulCrossings.__slots__
        )
    )
    notes = "; ".join(told.note for told in found if told.note)
    appearance_selections = tuple(
        adaptation for told in found for adaptation in told.appearance_selections
    )
    return IdentificationResult(
        frames[order],
        rows,
        ids[order],
        boxes,
        scores,
        identity_probabilities,
        crossings,
        notes or None,
        appearance_selections,
    )

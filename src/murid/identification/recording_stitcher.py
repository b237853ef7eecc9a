"""Stitch a recording: its tracklets, their evidence, and the paths through them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from murid.core.memory import release_memory
from murid.core.types import Bool, DetectionTable, Float32, Float64, Int32, Int64
from murid.errors import ConfigError
from murid.identification.appearance_models.appearance_fit import AppearanceSelection
from murid.identification.appearance_models.appearance_model import AppearanceModel
from murid.identification.appearance_models.feature_averaging import compute_tracklet_features
from murid.identification.appearance_models.tracklet_features import (
    FurDescriptors,
    TrackletFeatures,
)
from murid.identification.bidirectional_tracks import split_tracks
from murid.identification.config import IdentificationConfig
from murid.identification.constraints import (
    SHOWN_LLR,
    IdentityConstraints,
    TrackletPairs,
    find_tracklets_of,
)
from murid.identification.evidence import TrackletEvidence
from murid.identification.existence import measure_existence
from murid.identification.motion import find_ends, fit_motion
from murid.identification.occlusion import choose_max_covered_share, find_unoccluded
from murid.identification.point_match_score import TrackletPointMatches, find_point_matches
from murid.identification.point_matches import PointMatches
from murid.identification.stitch_cache import StitchCache, make_key
from murid.identification.stitching import stitch_tracklets
from murid.identification.time_slots import TimeSlots
from murid.identification.tracklets import (
    compute_max_displacement,
    find_nearest_chains,
    find_tracklets,
    measure_body_px,
    to_shapes,
)

EmbeddingChunks = Iterator[tuple[int, Float32]]
"""Chunks of detections one after the other: first row, and ``(n, d)`` embeddings."""


@dataclass(frozen=True, eq=False, slots=True)
class StitchedRecording:
    """The tracklets of a recording, their evidence, and the paths through them.

    Attributes
    ----------
    order : ndarray
        ``(N,)`` int32 rows of the detections, in the order to which the rows of tracklets refer.
    body_px : float
        Body length in pixels.
    evidence : TrackletEvidence
    tracklet_llrs : ndarray
        ``(T,)`` float64 log-likelihood ratio that each tracklet is an animal.
    existence_log_odds : ndarray
        ``(T,)`` float64 log-odds of the same, of a single moment.
    paths : ndarray
        ``(T,)`` int64 path of each tracklet; -1 = none.
    selection : AppearanceSelection or None
    constraints : IdentityConstraints
        With rows in that order.
    """

    order: Int32
    body_px: float
    evidence: TrackletEvidence
    tracklet_llrs: Float64
    existence_log_odds: Float64
    paths: Int64
    selection: AppearanceSelection | None
    constraints: IdentityConstraints


def stitch_recording(
    table: DetectionTable,
    n_animals: int,
    fps: float,
    config: IdentificationConfig,
    *,
    embeddings: Callable[[], EmbeddingChunks] | None = None,
    bidirectional_tracks: Int32 | None = None,
    fur_descriptors: FurDescriptors | None = None,
    point_matches: PointMatches | None = None,
    times_s: Float64 | None = None,
    constraints: IdentityConstraints | None = None,
    stitch_cache: StitchCache[StitchedPaths] | None = None,
) -> StitchedRecording:
    """Return the paths of at most N animals through the tracklets of a recording.

    Parameters and errors are those of `link_tracklets`.
    """
    if n_animals < 1:
        raise ConfigError(f"animals: expected 1 or more, got {n_animals}")
    rng = np.random.default_rng(0)

    # Where the recording pauses, count time in slots, some of which have no frame.
    max_gap_s = max(config.max_gap_s, config.max_occluded_gap_s)
    time_slots = TimeSlots.from_times(times_s, fps, max_gap_s)
    table = time_slots.spread(table)

    # Sort the detections, so that their order within a frame does not matter.
    order = sort_within_frames(table)
    ordered = DetectionTable(table.boxes[order], table.scores[order], None, table.frame_offsets)
    usable = ordered.scores >= config.min_score
    # What a person says counts before the score.
    positions = np.empty(len(order), np.int64)
    positions[order] = np.arange(len(order))
    ordered_constraints = (constraints or IdentityConstraints()).renumber(positions)
    del positions
    usable[ordered_constraints.shown] = True
    usable[ordered_constraints.dropped] = False
    body_px = measure_body_px(ordered.boxes[usable], ordered.scores[usable])

    # Split bidirectional tracks where they lost their animal. They take much memory in a day of
    # video, so each copy is deleted once it is used.
    track_parts = _split_ordered(bidirectional_tracks, order, ordered.frame_numbers, fps)
    del bidirectional_tracks

    # Chain detections into tracklets, fit the motion model, and measure the tracklets.
    evidence = _measure_evidence(
        ordered, usable, body_px, fps, track_parts, time_slots, rng, ordered_constraints
    )
    del track_parts
    release_memory()
    if point_matches is not None:
        tracklet_matches = find_point_matches(
            point_matches, order, evidence.tracklets, ordered.frame_numbers
        )
        evidence = replace(evidence, point_matches=tracklet_matches)

    # Score how likely each tracklet is an animal.
    n_frames = table.n_frames if time_slots.slots is None else len(time_slots.slots)
    existence_evidence = measure_existence(
        ordered, usable, evidence.tracklets, n_animals, fps, n_frames
    )
    tracklet_llrs = existence_evidence.compute_llrs()
    log_odds = existence_evidence.compute_log_odds()
    del ordered, existence_evidence

    # Join tracklets into paths, learning the appearance of the animals on the way. The pairs count
    # only once the recording is stitched: see `link_tracklets`.
    pairs = evidence.constraints
    stitcher = _Stitcher(
        replace(evidence, constraints=TrackletPairs.empty()),
        lambda evidence: compute_tracklet_features(
            evidence, order, _iterate_embeddings(table, embeddings), n_animals, fur_descriptors
        ),
        config.use_appearance,
        n_animals,
        rng,
        stitch_cache,
        make_key(
            evidence.tracklets,
            usable,
            None if fur_descriptors is None else fur_descriptors.rows,
            None if point_matches is None else point_matches.before,
        ),
    )
    del evidence
    stitches = stitcher.stitch(tracklet_llrs)

    # What a person says is an animal is one. Mostly it is on a path already.
    shown = find_tracklets_of(ordered_constraints.shown, stitches.evidence.tracklets, len(order))
    shown = np.unique(shown[shown >= 0])
    tracklet_llrs[shown] = SHOWN_LLR
    log_odds[shown] = SHOWN_LLR
    if (stitches.paths[shown] < 0).any():
        stitches = stitcher.stitch(tracklet_llrs, shown)
    return StitchedRecording(
        order,
        body_px,
        replace(stitches.evidence, constraints=pairs),
        tracklet_llrs,
        log_odds,
        stitches.paths,
        stitches.selection,
        ordered_constraints,
    )


@dataclass(frozen=True, eq=False, slots=True)
class StitchedPaths:
    """Paths ``(T,)`` through tracklets, the evidence with the appearance learnt, and how."""

    evidence: TrackletEvidence
    paths: Int64
    selection: AppearanceSelection | None


@dataclass(eq=False, slots=True)
class _Stitcher:
    """Stitches tracklets, unless that was done before."""

    evidence: TrackletEvidence
    sample_appearance: Callable[[TrackletEvidence], TrackletFeatures]
    use_appearance: bool
    n_animals: int
    rng: np.random.Generator
    cache: StitchCache[StitchedPaths] | None
    key: bytes
    _features: TrackletFeatures | None = None

    def stitch(self, tracklet_llrs: Float64, shown: Int64 | None = None) -> StitchedPaths:
        """Return the paths for the log-likelihood ratios ``(T,)`` that tracklets are animals.

        `shown` are the tracklets whose ratio was changed.
        """
        key = self.key if shown is None else self.key + shown.tobytes()
        found = None if self.cache is None else self.cache.get(key)
        if found is None:
            if self.use_appearance and self._features is None:
                self._features = self.sample_appearance(self.evidence)
            # The same random numbers each time, whatever was computed before.
            rng = deepcopy(self.rng)
            found = StitchedPaths(
                *stitch_tracklets(self.evidence, self._features, tracklet_llrs, self.n_animals, rng)
            )
            if self.cache is not None:
                self.cache.keep(key, found, len(self.evidence.frames))
        return found


def sort_within_frames(table: DetectionTable) -> Int32:
    """Return an order ``(N,)`` of the detections by frame, and within frames by box and score."""
    return np.lexsort((table.scores, *table.boxes.T, table.frame_numbers)).astype(np.int32)


def _split_ordered(
    bidirectional_tracks: Int32 | None, order: Int32, frames: Int64, fps: float
) -> Int32:
    """Return the uninterrupted parts of bidirectional tracks, for detections in some order."""
    if bidirectional_tracks is None:
        return np.zeros((0, len(order)), np.int32)
    return split_tracks(bidirectional_tracks[:, order], frames, fps)


def _iterate_embeddings(
    table: DetectionTable, embeddings: Callable[[], EmbeddingChunks] | None
) -> EmbeddingChunks:
    """Return the embeddings in chunks: those given, else those of the table, if it has any."""
    if embeddings is not None:
        return embeddings()
    return iter([] if table.embeddings is None else [(0, table.embeddings)])


def _measure_evidence(
    table: DetectionTable,
    usable: Bool,
    body_px: float,
    fps: float,
    track_parts: Int32,
    time_slots: TimeSlots,
    rng: np.random.Generator,
    constraints: IdentityConstraints,
) -> TrackletEvidence:
    """Return the tracklets and their measurements, without appearance and point matches yet."""
    tracklets = find_tracklets(
        table,
        usable,
        body_px,
        compute_max_displacement(fps),
        partial(constraints.find_cuts, boxes=table.boxes),
    )
    shapes = to_shapes(table.boxes[tracklets.rows], body_px)
    # Tracklets are cut where animals are fast, so motion is measured on chains that are not.
    chains = find_nearest_chains(table, usable, body_px)
    chain_shapes = to_shapes(table.boxes[chains.rows], body_px)
    return TrackletEvidence(
        tracklets=tracklets,
        shapes=shapes,
        frames=table.frame_numbers[tracklets.rows].astype(np.int32),
        unoccluded=find_unoccluded(table, usable, choose_max_covered_share(fps))[tracklets.rows],
        ends=find_ends(shapes, tracklets, fps),
        motion=fit_motion(chain_shapes, chains, fps, rng),
        appearance=AppearanceModel.uninformative(len(tracklets)),
        bidirectional_tracks=track_parts[:, tracklets.rows],
        point_matches=TrackletPointMatches.empty(),
        time_slots=time_slots,
        constraints=TrackletPairs.from_detections(constraints.pairs, tracklets, len(table)),
    )

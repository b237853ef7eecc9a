"""Tracklet stitching: the identities of at most N animals over a whole recording.

The steps of `link_tracklets` are the modules of this folder, in the order in which it calls them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from murid.core.memory import map_large_arrays, release_memory
from murid.core.types import Bool, DetectionTable, Float32, Float64, Int32, Int64
from murid.errors import ConfigError
from murid.identification.animal_count import check_animal_count
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
    Source,
    TrackletPairs,
    find_anchors,
    find_tracklets_of,
)
from murid.identification.doubtful_crossings import list_doubtful_crossings
from murid.identification.evidence import TrackletEvidence
from murid.identification.existence import compute_existence_probabilities, measure_existence
from murid.identification.foreground import Foreground, ReadForeground
from murid.identification.identity_boxes.assigned_detections import (
    AssignedTracklets,
    assign_detections,
    number_identities,
)
from murid.identification.identity_boxes.result_builder import build_result
from murid.identification.identity_probability import (
    MIN_INTERVAL_PROBABILITY,
    compute_identity_probabilities,
    select_swap_intervals,
)
from murid.identification.motion import find_ends, fit_motion
from murid.identification.occlusion import choose_max_covered_share, find_unoccluded
from murid.identification.pairwise_model import NEGLIGIBLE_PROBABILITY, load_pairwise_model
from murid.identification.paths.context import build_path_context
from murid.identification.point_match_score import TrackletPointMatches, find_point_matches
from murid.identification.point_matches import PointMatches
from murid.identification.result import DoubtfulCrossings, IdentificationResult
from murid.identification.stitch_cache import StitchCache, make_key
from murid.identification.stitching import change_paths, stitch_tracklets
from murid.identification.swaps.candidates import count_local_constraints, find_swap_candidates
from murid.identification.swaps.intervals import find_swap_intervals
from murid.identification.swaps.reassignments import find_reassignments
from murid.identification.swaps.swap_decoding import compute_path_probabilities
from murid.identification.time_slots import TimeSlots
from murid.identification.tracklets import (
    compute_max_displacement,
    find_nearest_chains,
    find_tracklets,
    measure_body_px,
    to_shapes,
)

# Detections from which on memory matters more than speed: about three hours of four animals.
MIN_LARGE_DETECTIONS = 1_000_000

EmbeddingChunks = Iterator[tuple[int, Float32]]
"""Chunks of detections one after the other: first row, and ``(n, d)`` embeddings."""


def link_tracklets(
    table: DetectionTable,
    n_animals: int,
    fps: float,
    config: IdentificationConfig | None = None,
    embeddings: Callable[[], EmbeddingChunks] | None = None,
    bidirectional_tracks: Int32 | None = None,
    fur_descriptors: FurDescriptors | None = None,
    point_matches: PointMatches | None = None,
    times_s: Float64 | None = None,
    video_frames: range | None = None,
    read_foreground: ReadForeground | None = None,
    constraints: IdentityConstraints | None = None,
    stitch_cache: StitchCache[Stitches] | None = None,
) -> IdentificationResult:
    """Return the identities of at most N animals over a whole recording.

    Detections are chained into tracklets where the link is unambiguous. Min-cost flow joins the
    tracklets into at most N paths with the highest total log-likelihood ratio (Zhang, Li and
    Nevatia, CVPR 2008). Swaps of two animals and reassignments of tracklets then refine the paths,
    by evidence that a flow cannot use: motion through whole contacts, and appearance over many
    tracklets. The probabilities of all possible swaps add up to the identity probabilities.

    Parameters
    ----------
    table : DetectionTable
        All detections of the recording, in any order within a frame.
    n_animals : int
        Largest number of animals.
    fps : float
        Frames per second.
    config : IdentificationConfig, optional
        Its fields `enabled` and `refine` are ignored.
    embeddings : callable, optional
        Returns an iterator over the embeddings in chunks, for tables that are stored without them
        because they do not fit into memory.
    bidirectional_tracks : ndarray, optional
        ``(W, N)`` int32 track ids of the detections, one row for each direction in which the
        recording was tracked; -1 = none.
    fur_descriptors : FurDescriptors, optional
        Fur of some detections, from which to learn the appearance of this recording's animals.
    point_matches : PointMatches, optional
        Points of fur that the KLT point tracker followed from detection to detection.
    times_s : ndarray, optional
        ``(F,)`` float64 times of the frames in seconds; equally spaced by default.
    video_frames : range, optional
        Number in the video of each frame, for messages, where not all frames were tracked.
    read_foreground : callable, optional
        Yields the foreground of frames, to which boxes in gaps are held; only interpolated without.
    constraints : IdentityConstraints, optional
        What is certain about the animals. The recording is identified without the pairs first, and
        the paths then change as far as these demand, so that a correction changes nothing that it
        is not about.
    stitch_cache : StitchCache, optional
        Of earlier calls with the same arguments but for `constraints`, which may save time.

    Returns
    -------
    IdentificationResult

    Raises
    ------
    ConfigError
        If `n_animals` is below 1, or below the number of animals that are seen at once for long.
    """
    config = config or IdentificationConfig()
    if len(table) >= MIN_LARGE_DETECTIONS:
        map_large_arrays()
    stitched = stitch_recording(
        table,
        n_animals,
        fps,
        config,
        embeddings=embeddings,
        bidirectional_tracks=bidirectional_tracks,
        fur_descriptors=fur_descriptors,
        point_matches=point_matches,
        times_s=times_s,
        constraints=constraints,
        stitch_cache=stitch_cache,
    )
    del bidirectional_tracks
    stitched, program_paths = _apply_constraints(stitched)

    # Check that there are not more animals than paths.
    note = check_animal_count(
        stitched.evidence, stitched.tracklet_llrs, stitched.paths, n_animals, video_frames
    )

    # Number the identities, and compute how likely they are right.
    existence = compute_existence_probabilities(
        stitched.existence_log_odds, stitched.paths, stitched.evidence.tracklets, fps
    )
    assigned, crossings, mean_given_existence = _assign_identities(
        stitched, program_paths, existence, 1 - config.min_probability
    )
    del program_paths
    broken = stitched.evidence.constraints.find_broken(stitched.paths)
    unmet_lines = np.unique(stitched.evidence.constraints.lines[broken])
    time_slots = stitched.evidence.time_slots
    order = stitched.order
    body_px = stitched.body_px
    selection = stitched.selection
    looked_at = stitched.constraints.looked_at
    tracklets = stitched.evidence.tracklets
    frames = stitched.evidence.frames
    track_parts = stitched.evidence.bidirectional_tracks
    # The rest of the evidence of a day takes hundreds of megabytes.
    del stitched
    release_memory()
    detections = assign_detections(assigned, tracklets, frames, track_parts, looked_at)
    del assigned, tracklets, frames, track_parts

    # Fill gaps and smooth boxes.
    result = build_result(
        time_slots.spread(table),
        order,
        detections,
        fps=fps,
        body_px=body_px,
        config=config,
        crossings=crossings,
        note=note,
        read_foreground=_read_by_slot(read_foreground, time_slots),
    )
    return replace(
        _select_frames(result, time_slots),
        appearance_selections=() if selection is None else (selection,),
        mean_given_existence=mean_given_existence,
        unmet_lines=tuple(unmet_lines.tolist()),
    )


def _apply_constraints(stitched: StitchedRecording) -> tuple[StitchedRecording, Int64]:
    """Return the recording with paths that keep the constraints, and its paths without these."""
    program_paths = stitched.paths
    # What the program found already is not searched again: the search could change something else.
    if not stitched.evidence.constraints.find_broken(program_paths).any():
        return stitched, program_paths
    paths = change_paths(program_paths, stitched.evidence)
    return replace(stitched, paths=paths), program_paths


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
    stitch_cache: StitchCache[Stitches] | None = None,
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
class Stitches:
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
    cache: StitchCache[Stitches] | None
    key: bytes
    _features: TrackletFeatures | None = None

    def stitch(self, tracklet_llrs: Float64, shown: Int64 | None = None) -> Stitches:
        """Return the stitches for the log-likelihood ratios ``(T,)`` that tracklets are animals.

        `shown` are the tracklets whose ratio was changed.
        """
        key = self.key if shown is None else self.key + shown.tobytes()
        found = None if self.cache is None else self.cache.get(key)
        if found is None:
            if self.use_appearance and self._features is None:
                self._features = self.sample_appearance(self.evidence)
            # The same random numbers each time, whatever was computed before.
            rng = deepcopy(self.rng)
            found = Stitches(
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


def _read_by_slot(
    read_foreground: ReadForeground | None, time_slots: TimeSlots
) -> ReadForeground | None:
    """Return a function that yields foreground by slot instead of frame."""
    if read_foreground is None or time_slots.slots is None:
        return read_foreground
    all_slots = time_slots.slots

    def read(slots: Int64) -> Iterator[Foreground]:
        frames = time_slots.find_frames(slots)
        # Slots in a pause have no frame.
        for foreground in read_foreground(frames[all_slots[frames] == slots]):
            yield replace(foreground, frame=int(all_slots[foreground.frame]))

    return read


def _select_frames(result: IdentificationResult, time_slots: TimeSlots) -> IdentificationResult:
    """Return a result by frame instead of slot, without the boxes in slots that have no frame."""
    if time_slots.slots is None:
        return result
    frames = time_slots.find_frames(result.frames)
    kept = time_slots.slots[frames] == result.frames
    crossings = replace(
        result.crossings,
        first_frames=time_slots.find_frames(result.crossings.first_frames),
        last_frames=time_slots.find_next_frames(result.crossings.last_frames),
    )
    return replace(
        result,
        frames=frames[kept],
        rows=result.rows[kept],
        identity_ids=result.identity_ids[kept],
        boxes=result.boxes[kept],
        scores=result.scores[kept],
        identity_probabilities=result.identity_probabilities[kept],
        merged=result.merged[kept],
        sources=result.sources[kept],
        crossings=crossings,
    )


def _assign_identities(
    stitched: StitchedRecording,
    program_paths: Int64,
    existence: Float64,
    min_swap_probability: float,
) -> tuple[AssignedTracklets, DoubtfulCrossings, float]:
    """Return the tracklets of each identity with its probabilities, and doubtful crossings.

    A probability is that of an animal at all, `existence` ``(T,)``, times that of this animal. The
    mean of the latter alone is returned too. `program_paths` ``(T,)`` are those without the
    constraints.
    """
    paths = stitched.paths
    evidence = stitched.evidence
    anchors = find_anchors(stitched.constraints, evidence.tracklets, len(stitched.order))
    identities = number_identities(paths, evidence, anchors)
    identity_ids = np.append(identities, -1)[paths]
    program_ids = np.append(number_identities(program_paths, evidence, anchors), -1)[program_paths]
    context = build_path_context(paths, evidence)
    transitions = context.transitions
    # All changes of the paths that are possible.
    model = load_pairwise_model()
    candidates = find_swap_candidates(context)
    reassignments = find_reassignments(context, model.find_max_llr(NEGLIGIBLE_PROBABILITY))
    # A hair more, so that rounding leaves out none that `select_swap_intervals` would keep.
    max_interval_llr = model.find_max_llr(MIN_INTERVAL_PROBABILITY) + 1e-6
    intervals = select_swap_intervals(
        transitions, candidates, find_swap_intervals(context, candidates, max_interval_llr)
    )
    path_probabilities = compute_path_probabilities(context, candidates)
    # Between distant moments two animals may be swapped twice, so each swap is possible.
    candidates = count_local_constraints(context, candidates)
    # Their probabilities, for each tracklet.
    transition_probabilities = compute_identity_probabilities(
        transitions,
        candidates,
        reassignments,
        intervals,
        path_probabilities,
        max(1, len(identities)),
    )
    entries = transitions.successors >= 0
    identity_probabilities = np.zeros(len(paths))
    identity_probabilities[transitions.successors[entries]] = transition_probabilities[entries]
    crossings = list_doubtful_crossings(
        transitions,
        candidates,
        intervals,
        identities,
        min_swap_probability,
        evidence.motion.fps,
    )
    occluded_after = np.zeros(len(paths), bool)
    occluded_after[transitions.predecessors[context.occluded_gaps]] = True
    assigned = AssignedTracklets(
        paths=paths.astype(np.int32),
        identity_ids=identity_ids.astype(np.int32),
        identity_probabilities=(existence * identity_probabilities).astype(np.float32),
        merged=context.merged,
        occluded_after=occluded_after,
        sources=np.where(identity_ids == program_ids, Source.PROGRAM, Source.CORRECTION).astype(
            np.uint8
        ),
    )
    n_detections = np.where(paths >= 0, evidence.tracklets.lengths, 0)
    total = float(n_detections @ identity_probabilities)
    mean_given_existence = total / n_detections.sum() if n_detections.any() else 1.0
    return assigned, crossings, mean_given_existence

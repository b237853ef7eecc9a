"""Tracklet stitching: the identities of at most N animals over a whole recording.

The steps of `link_tracklets` are the modules of this folder, in the order in which it calls them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from murid.core.memory import map_large_arrays, release_memory
from murid.core.types import DetectionTable, Float64, Int32, Int64
from murid.identification.animal_count import check_animal_count
from murid.identification.appearance_models.tracklet_features import FurDescriptors
from murid.identification.config import IdentificationConfig
from murid.identification.constraints import (
    IdentityConstraints,
    Source,
    find_anchors,
)
from murid.identification.doubtful_crossings import list_doubtful_crossings
from murid.identification.existence import compute_existence_probabilities
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
from murid.identification.pairwise_model import NEGLIGIBLE_PROBABILITY, load_pairwise_model
from murid.identification.paths.context import build_path_context
from murid.identification.point_matches import PointMatches
from murid.identification.recording_stitcher import (
    EmbeddingChunks,
    StitchedPaths,
    StitchedRecording,
    stitch_recording,
)
from murid.identification.result import DoubtfulCrossings, IdentificationResult
from murid.identification.stitch_cache import StitchCache
from murid.identification.stitching import change_paths
from murid.identification.swaps.candidates import count_local_constraints, find_swap_candidates
from murid.identification.swaps.intervals import find_swap_intervals
from murid.identification.swaps.reassignments import find_reassignments
from murid.identification.swaps.swap_decoding import compute_path_probabilities
from murid.identification.time_slots import TimeSlots

# Detections from which on memory matters more than speed: about three hours of four animals.
MIN_LARGE_DETECTIONS = 1_000_000


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
    stitch_cache: StitchCache[StitchedPaths] | None = None,
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
    # Tracks of a day take much memory: `stitch_recording` gets the only reference, and drops it.
    given_tracks = [bidirectional_tracks]
    del bidirectional_tracks
    stitched = stitch_recording(
        table,
        n_animals,
        fps,
        config,
        embeddings=embeddings,
        bidirectional_tracks=given_tracks.pop(),
        fur_descriptors=fur_descriptors,
        point_matches=point_matches,
        times_s=times_s,
        constraints=constraints,
        stitch_cache=stitch_cache,
    )
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

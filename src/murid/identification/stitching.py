"""Stitch tracklets into paths, and learn the appearance of the animals, in turn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from murid.core.clock import to_frames
from murid.core.types import Float64, Int64
from murid.identification.appearance_models.appearance_fit import (
    AppearanceSelection,
    fit_appearance_model,
)
from murid.identification.appearance_models.tracklet_features import TrackletFeatures
from murid.identification.evidence import TrackletEvidence
from murid.identification.paths.candidate_links import find_candidate_links
from murid.identification.paths.context import PathContext, build_path_context
from murid.identification.paths.min_cost_flow import find_paths
from murid.identification.paths.transitions import list_transitions
from murid.identification.swaps.candidates import find_swap_candidates
from murid.identification.swaps.reassignments import find_reassignments
from murid.identification.swaps.refinement import refine_paths
from murid.identification.swaps.swap_decoding import decode_swaps
from murid.identification.tracklets import MIN_FRAMES

# A tracklet on a path is clutter if it has hardly any frames, gaps longer than this on both sides,
# and is less likely an animal than not: motion accepts anything after a long gap. Gaps of one or
# two missed detections are long at no frame rate.
MIN_CLUTTER_GAP_S = 0.5
MIN_CLUTTER_GAP_FRAMES = 3
# Consecutive tracklets of a path are one animal for learning its appearance if every swap and
# reassignment is ruled out by this log-likelihood ratio, and the gap is no longer than this. Lower
# ratios give larger groups, with more of other animals in them. A few missed detections are allowed
# at every frame rate: else there would be no groups to learn from.
MIN_SAME_ANIMAL_LLR = 6.0
MAX_SAME_ANIMAL_GAP_S = 1.0
MAX_SAME_ANIMAL_GAP_FRAMES = 5
# How often appearance is learnt and paths are found. A third time changes hardly anything.
_N_ITERATIONS = 2


def stitch_tracklets(
    evidence: TrackletEvidence,
    tracklet_features: TrackletFeatures | None,
    tracklet_llrs: Float64,
    n_animals: int,
    rng: np.random.Generator,
) -> tuple[TrackletEvidence, Int64, AppearanceSelection | None]:
    """Return the evidence with the appearance learnt, and the path ``(T,)`` of each tracklet.

    Appearance is learnt and paths are found in turn: groups of tracklets that surely are one animal
    show what varies within an animal, and better appearance gives better groups.
    """
    n_tracklets = len(evidence.tracklets)
    paths = np.full(n_tracklets, -1, np.int64)
    groups = np.arange(n_tracklets)
    selection = None
    learns = tracklet_features is not None and len(tracklet_features) > 0
    for _ in range(_N_ITERATIONS if learns else 1):
        if tracklet_features is not None:
            appearance, selection = fit_appearance_model(tracklet_features, groups, n_animals, rng)
            evidence = replace(evidence, appearance=appearance)
        paths = _join_tracklets(evidence, tracklet_llrs, n_animals)
        groups = _group_same_animal(paths, evidence)
    return evidence, paths, selection


def _join_tracklets(evidence: TrackletEvidence, tracklet_llrs: Float64, n_animals: int) -> Int64:
    """Return the path ``(T,)`` of each tracklet, of at most N; -1 = none."""
    paths = _find_best_paths(evidence, tracklet_llrs, n_animals)
    paths = _drop_isolated_clutter(paths, tracklet_llrs, evidence)
    return change_paths(decode_swaps(paths, evidence), evidence)


def change_paths(paths: Int64, evidence: TrackletEvidence) -> Int64:
    """Return paths ``(T,)`` after the swaps and reassignments that make them more likely."""
    return decode_swaps(refine_paths(paths, evidence), evidence)


def _find_best_paths(evidence: TrackletEvidence, tracklet_llrs: Float64, n_animals: int) -> Int64:
    """Return the paths ``(T,)`` with the best links."""
    links = find_candidate_links(evidence, tracklet_llrs, n_animals)
    # A good link into a tracklet does not make it more likely an animal: clutter has good links
    # too. So the best link into each is subtracted, and links only decide between paths.
    best_llrs = np.zeros(len(tracklet_llrs))
    np.maximum.at(best_llrs, links.successors, links.llrs)
    return find_paths(
        tracklet_llrs - best_llrs, links.predecessors, links.successors, links.llrs, n_animals
    )


def _drop_isolated_clutter(
    paths: Int64, tracklet_llrs: Float64, evidence: TrackletEvidence
) -> Int64:
    """Return paths without very short tracklets of low scores between two gaps."""
    transitions = list_transitions(paths, evidence.tracklets)
    entries = np.flatnonzero(transitions.successors >= 0)
    tracklets = transitions.successors[entries]
    gaps = transitions.ends - transitions.begins
    min_gap = to_frames(MIN_CLUTTER_GAP_S, evidence.motion.fps, MIN_CLUTTER_GAP_FRAMES)
    isolated = (gaps[entries] > min_gap) & (gaps[entries + 1] > min_gap)
    lengths = evidence.tracklets.lengths[tracklets]
    clutter = lengths < MIN_FRAMES
    clutter &= tracklet_llrs[tracklets] < 0
    kept = paths.copy()
    kept[tracklets[isolated & clutter]] = -1
    return kept


def _group_same_animal(paths: Int64, evidence: TrackletEvidence) -> Int64:
    """Return the group ``(T,)`` of each tracklet: a group surely is one animal."""
    context = build_path_context(paths, evidence)
    transitions = context.transitions
    min_llrs = _find_min_llrs(context)
    # Join consecutive tracklets of which every change is ruled out.
    gaps = transitions.ends - transitions.begins
    joined = transitions.inner & (min_llrs >= MIN_SAME_ANIMAL_LLR)
    fps = evidence.motion.fps
    joined &= gaps <= to_frames(MAX_SAME_ANIMAL_GAP_S, fps, MAX_SAME_ANIMAL_GAP_FRAMES)
    edges = transitions.predecessors[joined], transitions.successors[joined]
    graph = csr_array((np.ones(joined.sum()), edges), shape=(len(paths), len(paths)))
    groups: Int64 = connected_components(graph, directed=False)[1].astype(np.int64)
    return groups


def _find_min_llrs(context: PathContext) -> Float64:
    """Return the lowest log-likelihood ratio ``(S,)`` against a change of each transition.

    Reassignments count below `MIN_SAME_ANIMAL_LLR`.
    """
    candidates = find_swap_candidates(context)
    reassignments = find_reassignments(context, MIN_SAME_ANIMAL_LLR)
    min_llrs = np.full(len(context.transitions), np.inf)
    np.minimum.at(min_llrs, candidates.first, candidates.llrs)
    np.minimum.at(min_llrs, candidates.second, candidates.llrs)
    # A reassignment changes the transitions into and out of a run, and the one over the gap.
    np.minimum.at(min_llrs, reassignments.entries, reassignments.llrs)
    np.minimum.at(min_llrs, reassignments.exits, reassignments.llrs)
    np.minimum.at(min_llrs, reassignments.gaps, reassignments.llrs)
    return min_llrs

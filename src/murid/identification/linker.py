"""Who is who over a whole recording: pure tracklets, joined into at most N identities."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from murid.core.types import DetectionTable, Float32, Float64, Int32, Int64
from murid.errors import ConfigError
from murid.identification.animal_count import check_animal_count
from murid.identification.appearance_model import AppearanceModel, fit_appearance_model
from murid.identification.appearance_selection import (
    AppearanceSelection,
    cross_validate_fur,
    scale_features,
)
from murid.identification.bidirectional_tracks import split_tracks
from murid.identification.candidate_links import compute_tracklet_llrs, find_candidate_links
from murid.identification.config import IdentificationConfig
from murid.identification.detection_recovery import recover_detections
from murid.identification.discriminants import TrackletFeatures
from murid.identification.evidence import TrackletEvidence
from murid.identification.identity_probability import (
    DOUBTFUL,
    compute_identity_probabilities,
    list_doubtful,
    select_swap_intervals,
)
from murid.identification.min_cost_flow import find_paths
from murid.identification.motion import find_ends, fit_motion
from murid.identification.occlusion import find_unoccluded
from murid.identification.path_context import build_path_context
from murid.identification.path_transitions import list_transitions
from murid.identification.point_match_score import TrackletPointMatches, find_point_matches
from murid.identification.point_matches import PointMatches
from murid.identification.positions import Assigned, place_identities
from murid.identification.result import DoubtfulCrossings, IdentificationResult
from murid.identification.swap_appearance import SwapAppearance, fit_swap_appearance
from murid.identification.swaps import (
    find_reassignments,
    find_swap_candidates,
    find_swap_intervals,
    refine_paths,
)
from murid.identification.tracklet_features import FurDescriptors, compute_tracklet_features
from murid.identification.tracklets import (
    LEAST_EVENT,
    compute_reach,
    find_tracklets,
    measure_body_px,
    to_shapes,
)

Embeddings = Iterator[tuple[int, Float32]]
"""First row and ``(n, d)`` embeddings of one stretch of detections after the other."""

STRAY_S = 0.5
"""Gap before and after a tracklet of hardly any frames from which on it may be clutter …"""
STRAY_WORTH = -0.45
"""… if it is worth less than this a frame."""
SURE = 6.0
"""Lead from which on two tracklets are taken for one animal when its looks are learnt …"""
LONGEST_SURE_S = 1.0
"""… if there is no longer gap between them."""


def link_tracklets(
    table: DetectionTable,
    n_animals: int,
    fps: float,
    config: IdentificationConfig | None = None,
    embeddings: Callable[[], Embeddings] | None = None,
    bidirectional_tracks: Int32 | None = None,
    fur_descriptors: FurDescriptors | None = None,
    point_matches: PointMatches | None = None,
) -> IdentificationResult:
    """Tell at most N animals apart over a whole recording.

    Detections are chained into tracklets as long as there is no doubt; min-cost flow joins these
    into at most N paths of the greatest likelihood (`flow`); what a flow cannot weigh, motion
    through a whole contact and looks over many tracklets, then mends them (`crossings`). Every
    decision has a chance to be wrong, and they add up to the certainty of every name at every
    moment (`identity_probability`).

    Parameters
    ----------
    table : DetectionTable
        All detections of the recording, in any order within a frame.
    n_animals : int
        How many animals there are at most.
    fps : float
        Frames per second.
    config : IdentificationConfig, optional
    embeddings : callable, optional
        Gives the embeddings stretch by stretch, where the table has none because they do not fit
        into memory.
    bidirectional_tracks : ndarray, optional
        ``(W, N)`` int32 ids of tracks that an association frame by frame has put the detections on,
        one row for each that went through the recording, such as forward and backward; -1 = none.
    fur_descriptors : Prints, optional
        Fur of some detections up close, to learn this recording's animals from.
    point_matches : Ties, optional
        Points of fur that were followed from detection to detection while animals touched.

    Returns
    -------
    IdentificationResult

    Raises
    ------
    ConfigError
        If `n_animals` is below 1, or fewer than the animals that are seen apart for long.
    """
    if n_animals < 1:
        raise ConfigError(f"animals: expected 1 or more, got {n_animals}")
    config = config or IdentificationConfig()
    order = sort_within_frames(table)
    ordered = DetectionTable(table.boxes[order], table.scores[order], None, table.frame_offsets)
    usable = ordered.scores >= config.min_score
    body_px = measure_body_px(ordered.boxes[usable], ordered.scores[usable])
    rng = np.random.default_rng(0)
    told = (
        np.zeros((0, len(table)), np.int32)
        if bidirectional_tracks is None
        else bidirectional_tracks[:, order]
    )
    del bidirectional_tracks  # as below, a day of them takes room
    evidence = _measure(
        ordered, usable, body_px, fps, rng, split_tracks(told, ordered.frame_numbers, fps)
    )
    del told
    if point_matches is not None:
        evidence = replace(
            evidence,
            point_matches=find_point_matches(
                point_matches, order, evidence.tracklets, ordered.frame_numbers
            ),
        )
    tracklet_features = None
    if config.use_appearance:
        tracklet_features = compute_tracklet_features(
            evidence, order, _source(table, embeddings), n_animals, fur_descriptors
        )
    tracklet_llrs = compute_tracklet_llrs(ordered, evidence.tracklets, n_animals)
    del ordered
    evidence, paths, adaptation = _find_paths(
        evidence, tracklet_features, tracklet_llrs, n_animals, rng
    )
    del tracklet_features
    note = check_animal_count(evidence, tracklet_llrs, paths, n_animals)
    taken, crossings = _decide(paths, evidence, 1 - config.min_probability)
    del evidence
    found = place_identities(
        table, order, taken, fps=fps, body_px=body_px, config=config, crossings=crossings, note=note
    )
    return found if adaptation is None else replace(found, appearance_selections=(adaptation,))


def sort_within_frames(table: DetectionTable) -> Int32:
    """Order ``(N,)`` of the detections that does not depend on how they are ordered within their frames."""
    return np.lexsort((table.scores, *table.boxes.T, table.frame_numbers)).astype(np.int32)


def _source(table: DetectionTable, embeddings: Callable[[], Embeddings] | None) -> Embeddings:
    if embeddings is not None:
        return embeddings()
    return iter([] if table.embeddings is None else [(0, table.embeddings)])


def _measure(
    table: DetectionTable,
    usable: NDArray[np.bool_],
    body_px: float,
    fps: float,
    rng: np.random.Generator,
    bidirectional_tracks: Int32,
) -> TrackletEvidence:
    tracklets = find_tracklets(table, usable, body_px, compute_reach(fps))
    shapes = to_shapes(table.boxes[tracklets.rows], body_px)
    frames = table.frame_numbers[tracklets.rows].astype(np.int32)
    clear = find_unoccluded(table, usable)[tracklets.rows]
    motion = fit_motion(shapes, tracklets, fps, rng)
    ends = find_ends(shapes, tracklets, fps)
    appearance, swap_appearance = (
        AppearanceModel.uninformative(len(tracklets)),
        SwapAppearance.uninformative(len(tracklets)),
    )
    return TrackletEvidence(
        tracklets,
        shapes,
        frames,
        clear,
        ends,
        motion,
        appearance,
        swap_appearance,
        bidirectional_tracks[:, tracklets.rows],
        TrackletPointMatches.empty(),
    )


def _find_paths(
    evidence: TrackletEvidence,
    tracklet_features: TrackletFeatures | None,
    tracklet_llrs: Float64,
    n_animals: int,
    rng: np.random.Generator,
) -> tuple[TrackletEvidence, Int64, AppearanceSelection | None]:
    """Sights with what was learnt of their looks, and the paths ``(T,)`` of the tracklets, -1 = none."""
    paths, groups = (
        np.full(len(evidence.tracklets), -1, np.int64),
        np.arange(len(evidence.tracklets)),
    )
    adaptation = None
    for n_before in range(_count_rounds(tracklet_features)):
        if (
            tracklet_features is not None and n_before
        ):  # what varies within an animal shows between its tracklets
            evidence, adaptation = _with_contrast(
                evidence, tracklet_features, groups, n_animals, rng
            )
        elif tracklet_features is not None:
            evidence = replace(
                evidence, appearance=fit_appearance_model(tracklet_features, groups, n_animals, rng)
            )
        paths = _join(evidence, tracklet_llrs, n_animals)
        groups = _group_sure(paths, evidence)
    return evidence, paths, adaptation


def _count_rounds(tracklet_features: TrackletFeatures | None) -> int:
    """How often looks are learnt, each time from longer groups."""
    if tracklet_features is None or not len(tracklet_features):
        return 1
    return 3 if len(tracklet_features.fur_rows) else 2


def _with_contrast(
    evidence: TrackletEvidence,
    tracklet_features: TrackletFeatures,
    groups: Int64,
    n_animals: int,
    rng: np.random.Generator,
) -> tuple[TrackletEvidence, AppearanceSelection | None]:
    """Learn in what animals differ from groups of tracklets: by prints as well, where these prove to help."""
    appearance = fit_appearance_model(tracklet_features, groups, n_animals, rng)
    adaptation, calibration_weight = (
        cross_validate_fur(tracklet_features, groups, n_animals, rng)
        if len(tracklet_features.fur_rows)
        else (None, 0.0)
    )
    printed = adaptation is not None and adaptation.used
    features, ridge = scale_features(tracklet_features, printed)
    calibration_weight = calibration_weight if printed else appearance.calibration_weight
    swap_appearance = fit_swap_appearance(
        features, ridge, groups, calibration_weight, rng, coats_only=not printed
    )
    return replace(evidence, appearance=appearance, swap_appearance=swap_appearance), adaptation


def _join(evidence: TrackletEvidence, tracklet_llrs: Float64, n_animals: int) -> Int64:
    """Paths of the tracklets ``(T,)``, at most N; -1 = none."""
    links = find_candidate_links(evidence, tracklet_llrs, n_animals)
    # A tracklet that goes well with one before it is no more likely an animal: clutter does so,
    # too.
    best = np.zeros(len(tracklet_llrs))
    np.maximum.at(best, links.tails, links.llrs)
    paths = find_paths(tracklet_llrs - best, links.heads, links.tails, links.llrs, n_animals)
    return refine_paths(_drop_strays(paths, tracklet_llrs, evidence), evidence)


def _drop_strays(paths: Int64, tracklet_llrs: Float64, evidence: TrackletEvidence) -> Int64:
    """Paths without clutter that stands alone in a gap of theirs, which motion would lead to and from."""
    transitions = list_transitions(paths, evidence.tracklets)
    into, inner = np.flatnonzero(transitions.tails >= 0), transitions.tails[transitions.tails >= 0]
    gaps = (transitions.ends - transitions.begins)[np.stack([into, into + 1])]
    lengths = evidence.tracklets.lengths[inner]
    clutter = (lengths < LEAST_EVENT) & (tracklet_llrs[inner] < STRAY_WORTH * lengths)
    kept = paths.copy()
    kept[inner[clutter & (gaps > STRAY_S * evidence.motion.fps).all(axis=0)]] = -1
    return kept


def _group_sure(paths: Int64, evidence: TrackletEvidence) -> Int64:
    """Number of the group ``(T,)`` of tracklets that are one animal beyond doubt."""
    context = build_path_context(paths, evidence)
    transitions, crossings, reassignments = (
        context.transitions,
        find_swap_candidates(context),
        find_reassignments(context),
    )
    llrs = np.full(len(transitions), np.inf)
    for rows, found in (
        (crossings.first, crossings),
        (crossings.second, crossings),
        (reassignments.entries, reassignments),
        (reassignments.entries + 1, reassignments),
        (reassignments.hosts, reassignments),
    ):
        np.minimum.at(llrs, rows, found.llrs)
    sure = (
        transitions.inner
        & (llrs >= SURE)
        & (transitions.ends - transitions.begins <= LONGEST_SURE_S * evidence.motion.fps)
    )
    n = len(paths)
    graph = csr_array(
        (np.ones(sure.sum()), (transitions.heads[sure], transitions.tails[sure])), shape=(n, n)
    )
    groups: Int64 = connected_components(graph, directed=False)[1].astype(np.int64)
    return groups


def _decide(
    paths: Int64, evidence: TrackletEvidence, least_chance: float
) -> tuple[Assigned, DoubtfulCrossings]:
    """What is whose, how certain it is, and where it may be wrong."""
    names = _name(paths, evidence)
    context = build_path_context(paths, evidence)
    transitions, crossings, reassignments = (
        context.transitions,
        find_swap_candidates(context),
        find_reassignments(context),
    )
    certain = np.zeros(len(evidence.tracklets))
    into = transitions.tails >= 0
    stretches = select_swap_intervals(
        transitions, crossings, find_swap_intervals(context, crossings, DOUBTFUL)
    )
    certain[transitions.tails[into]] = compute_identity_probabilities(
        transitions, crossings, reassignments, stretches, max(1, len(names))
    )[into]
    doubtful = list_doubtful(transitions, crossings, stretches, names, least_chance)
    occluded = np.zeros(len(evidence.tracklets), bool)
    occluded[transitions.heads[context.occluded]] = True
    return _take(paths, names, certain, occluded, context.merged, evidence), doubtful


def _take(
    paths: Int64,
    names: Int64,
    certain: Float64,
    occluded: NDArray[np.bool_],
    merged: NDArray[np.bool_],
    evidence: TrackletEvidence,
) -> Assigned:
    """Detections of the tracklets on paths, and those that witnesses saw between them; `occluded` as of `Assigned`."""
    numbers = evidence.tracklets.numbers
    taken = np.flatnonzero(paths[numbers] >= 0)
    taken = taken[np.lexsort((evidence.frames[taken], paths[numbers[taken]]))]
    own = numbers[taken]
    owners, sure = names[paths[own]].astype(np.int32), certain[own].astype(np.float32)
    found, before = recover_detections(
        taken, owners, evidence.frames, paths[numbers] < 0, evidence.bidirectional_tracks
    )
    least = np.minimum(sure[before], sure[np.minimum(before + 1, len(sure) - 1)])
    kept = occluded[own]
    taken, owners, sure, kept = (
        np.concatenate(both)
        for both in ((taken, found), (owners, owners[before]), (sure, least), (kept, kept[before]))
    )
    sort = np.lexsort((evidence.frames[taken], owners))
    taken = taken[sort]
    rows, frames = evidence.tracklets.rows[taken], evidence.frames[taken]
    return Assigned(rows, frames, owners[sort], merged[numbers[taken]], sure[sort], kept[sort])


def _name(paths: Int64, evidence: TrackletEvidence) -> Int64:
    """Identity ``(n,)`` of each path, from 1: in the order in which they are first seen, from left to right."""
    n = int(paths.max(initial=-1)) + 1
    firsts = np.array([np.flatnonzero(paths == k)[0] for k in range(n)], np.int64)
    places = evidence.ends.first[firsts, 0] if n else np.zeros(0)
    names = np.empty(n, np.int64)
    names[np.lexsort((places, evidence.tracklets.first_frames[firsts]))] = np.arange(1, n + 1)
    return names

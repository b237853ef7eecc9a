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
from murid.identification.animal_count import describe_surplus
from murid.identification.appearance_model import Looks, Pieces, fit_looks
from murid.identification.appearance_selection import Adaptation, judge_prints, level_features
from murid.identification.bidirectional_tracks import split_tracks
from murid.identification.candidate_links import find_links, measure_worth
from murid.identification.config import IdentifyConfig
from murid.identification.detection_recovery import recover
from murid.identification.evidence import Sights
from murid.identification.identity_probability import DOUBTFUL, choose_stretches, compute_certainties, list_doubtful
from murid.identification.min_cost_flow import find_paths
from murid.identification.motion import find_ends, fit_motion
from murid.identification.occlusion import find_clear
from murid.identification.path_context import arrange
from murid.identification.path_transitions import list_steps
from murid.identification.point_match_score import TiedTracklets, find_tied
from murid.identification.point_matches import Ties
from murid.identification.positions import Taken, place_identities
from murid.identification.result import DoubtfulCrossings, Identified
from murid.identification.swap_appearance import Contrast, fit_contrast
from murid.identification.swaps import find_crossings, find_stretches, find_transfers, improve_paths
from murid.identification.tracklet_features import Prints, gather_pieces
from murid.identification.tracklets import LEAST_EVENT, compute_reach, find_tracklets, measure_body_px, to_shapes

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


def identify_animals(
    table: DetectionTable,
    n_animals: int,
    fps: float,
    config: IdentifyConfig | None = None,
    embeddings: Callable[[], Embeddings] | None = None,
    witnesses: Int32 | None = None,
    prints: Prints | None = None,
    ties: Ties | None = None,
) -> Identified:
    """Tell at most N animals apart over a whole recording.

    Detections are chained into tracklets as long as there is no doubt; min-cost flow joins these into at most N paths
    of the greatest likelihood (`flow`); what a flow cannot weigh, motion through a whole contact and looks over many
    tracklets, then mends them (`crossings`). Every decision has a chance to be wrong, and they add up to the certainty
    of every name at every moment (`certainty`).

    Parameters
    ----------
    table : DetectionTable
        All detections of the recording, in any order within a frame.
    n_animals : int
        How many animals there are at most.
    fps : float
        Frames per second.
    config : IdentifyConfig, optional
    embeddings : callable, optional
        Gives the embeddings stretch by stretch, where the table has none because they do not fit into memory.
    witnesses : ndarray, optional
        ``(W, N)`` int32 ids of tracks that an association frame by frame has put the detections on, one row for each
        that went through the recording, such as forward and backward; -1 = none.
    prints : Prints, optional
        Fur of some detections up close, to learn this recording's animals from.
    ties : Ties, optional
        Points of fur that were followed from detection to detection while animals touched.

    Returns
    -------
    Identified

    Raises
    ------
    ConfigError
        If `n_animals` is below 1, or fewer than the animals that are seen apart for long.
    """
    if n_animals < 1:
        raise ConfigError(f"animals: expected 1 or more, got {n_animals}")
    config = config or IdentifyConfig()
    order = sort_within_frames(table)
    ordered = DetectionTable(table.boxes[order], table.scores[order], None, table.frame_offsets)
    usable = ordered.scores >= config.least_score
    body_px = measure_body_px(ordered.boxes[usable], ordered.scores[usable])
    rng = np.random.default_rng(0)
    told = np.zeros((0, len(table)), np.int32) if witnesses is None else witnesses[:, order]
    del witnesses  # as below, a day of them takes room
    sights = _measure(ordered, usable, body_px, fps, rng, split_tracks(told, ordered.frame_numbers, fps))
    del told
    if ties is not None:
        sights = replace(sights, ties=find_tied(ties, order, sights.tracklets, ordered.frame_numbers))
    pieces = None
    if config.appearance:
        pieces = gather_pieces(sights, order, _source(table, embeddings), n_animals, prints)
    worth = measure_worth(ordered, sights.tracklets, n_animals)
    del ordered
    sights, paths, adaptation = _find_paths(sights, pieces, worth, n_animals, rng)
    del pieces
    note = describe_surplus(sights, worth, paths, n_animals)
    taken, crossings = _decide(paths, sights, 1 - config.sure_chance)
    del sights
    found = place_identities(
        table, order, taken, fps=fps, body_px=body_px, config=config, crossings=crossings, note=note
    )
    return found if adaptation is None else replace(found, adaptations=(adaptation,))


def sort_within_frames(table: DetectionTable) -> Int32:
    """Order ``(N,)`` of the detections that does not depend on how they are ordered within their frames."""
    return np.lexsort((table.scores, *table.boxes.T, table.frame_numbers)).astype(np.int32)


def _source(table: DetectionTable, embeddings: Callable[[], Embeddings] | None) -> Embeddings:
    if embeddings is not None:
        return embeddings()
    return iter([] if table.embeddings is None else [(0, table.embeddings)])


def _measure(
    table: DetectionTable, usable: NDArray[np.bool_], body_px: float, fps: float, rng: np.random.Generator,
    witnesses: Int32,
) -> Sights:  # fmt: skip
    tracklets = find_tracklets(table, usable, body_px, compute_reach(fps))
    shapes = to_shapes(table.boxes[tracklets.rows], body_px)
    frames = table.frame_numbers[tracklets.rows].astype(np.int32)
    clear = find_clear(table, usable)[tracklets.rows]
    motion = fit_motion(shapes, tracklets, fps, rng)
    ends = find_ends(shapes, tracklets, fps)
    looks, contrast = Looks.none(len(tracklets)), Contrast.none(len(tracklets))
    return Sights(
        tracklets,
        shapes,
        frames,
        clear,
        ends,
        motion,
        looks,
        contrast,
        witnesses[:, tracklets.rows],
        TiedTracklets.none(),
    )


def _find_paths(
    sights: Sights, pieces: Pieces | None, worth: Float64, n_animals: int, rng: np.random.Generator
) -> tuple[Sights, Int64, Adaptation | None]:
    """Sights with what was learnt of their looks, and the paths ``(T,)`` of the tracklets, -1 = none."""
    paths, groups = np.full(len(sights.tracklets), -1, np.int64), np.arange(len(sights.tracklets))
    adaptation = None
    for n_before in range(_count_rounds(pieces)):
        if pieces is not None and n_before:  # what varies within an animal shows between its tracklets
            sights, adaptation = _with_contrast(sights, pieces, groups, n_animals, rng)
        elif pieces is not None:
            sights = replace(sights, looks=fit_looks(pieces, groups, n_animals, rng))
        paths = _join(sights, worth, n_animals)
        groups = _group_sure(paths, sights)
    return sights, paths, adaptation


def _count_rounds(pieces: Pieces | None) -> int:
    """How often looks are learnt, each time from longer groups."""
    if pieces is None or not len(pieces):
        return 1
    return 3 if len(pieces.printed) else 2


def _with_contrast(
    sights: Sights, pieces: Pieces, groups: Int64, n_animals: int, rng: np.random.Generator
) -> tuple[Sights, Adaptation | None]:
    """Learn in what animals differ from groups of tracklets: by prints as well, where these prove to help."""
    looks = fit_looks(pieces, groups, n_animals, rng)
    adaptation, trust = judge_prints(pieces, groups, n_animals, rng) if len(pieces.printed) else (None, 0.0)
    printed = adaptation is not None and adaptation.used
    features, ridge = level_features(pieces, printed)
    trust = trust if printed else looks.trust
    contrast = fit_contrast(features, ridge, groups, trust, rng, by_coats=not printed)
    return replace(sights, looks=looks, contrast=contrast), adaptation


def _join(sights: Sights, worth: Float64, n_animals: int) -> Int64:
    """Paths of the tracklets ``(T,)``, at most N; -1 = none."""
    links = find_links(sights, worth, n_animals)
    # A tracklet that goes well with one before it is no more likely an animal: clutter does so, too.
    best = np.zeros(len(worth))
    np.maximum.at(best, links.tails, links.gains)
    paths = find_paths(worth - best, links.heads, links.tails, links.gains, n_animals)
    return improve_paths(_drop_strays(paths, worth, sights), sights)


def _drop_strays(paths: Int64, worth: Float64, sights: Sights) -> Int64:
    """Paths without clutter that stands alone in a gap of theirs, which motion would lead to and from."""
    steps = list_steps(paths, sights.tracklets)
    into, inner = np.flatnonzero(steps.tails >= 0), steps.tails[steps.tails >= 0]
    gaps = (steps.ends - steps.begins)[np.stack([into, into + 1])]
    lengths = sights.tracklets.lengths[inner]
    clutter = (lengths < LEAST_EVENT) & (worth[inner] < STRAY_WORTH * lengths)
    kept = paths.copy()
    kept[inner[clutter & (gaps > STRAY_S * sights.motion.fps).all(axis=0)]] = -1
    return kept


def _group_sure(paths: Int64, sights: Sights) -> Int64:
    """Number of the group ``(T,)`` of tracklets that are one animal beyond doubt."""
    arrangement = arrange(paths, sights)
    steps, crossings, transfers = arrangement.steps, find_crossings(arrangement), find_transfers(arrangement)
    leads = np.full(len(steps), np.inf)
    for rows, found in (
        (crossings.first, crossings), (crossings.second, crossings),
        (transfers.entries, transfers), (transfers.entries + 1, transfers), (transfers.hosts, transfers),
    ):  # fmt: skip
        np.minimum.at(leads, rows, found.leads)
    sure = steps.inner & (leads >= SURE) & (steps.ends - steps.begins <= LONGEST_SURE_S * sights.motion.fps)
    n = len(paths)
    graph = csr_array((np.ones(sure.sum()), (steps.heads[sure], steps.tails[sure])), shape=(n, n))
    groups: Int64 = connected_components(graph, directed=False)[1].astype(np.int64)
    return groups


def _decide(paths: Int64, sights: Sights, least_chance: float) -> tuple[Taken, DoubtfulCrossings]:
    """What is whose, how certain it is, and where it may be wrong."""
    names = _name(paths, sights)
    arrangement = arrange(paths, sights)
    steps, crossings, transfers = arrangement.steps, find_crossings(arrangement), find_transfers(arrangement)
    certain = np.zeros(len(sights.tracklets))
    into = steps.tails >= 0
    stretches = choose_stretches(steps, crossings, find_stretches(arrangement, crossings, DOUBTFUL))
    certain[steps.tails[into]] = compute_certainties(steps, crossings, transfers, stretches, max(1, len(names)))[into]
    doubtful = list_doubtful(steps, crossings, stretches, names, least_chance)
    held = np.zeros(len(sights.tracklets), bool)
    held[steps.heads[arrangement.held]] = True
    return _take(paths, names, certain, held, arrangement.shared, sights), doubtful


def _take(
    paths: Int64, names: Int64, certain: Float64, held: NDArray[np.bool_], shared: NDArray[np.bool_], sights: Sights
) -> Taken:
    """Detections of the tracklets on paths, and those that witnesses saw between them; `held` as of `Taken`."""
    numbers = sights.tracklets.numbers
    taken = np.flatnonzero(paths[numbers] >= 0)
    taken = taken[np.lexsort((sights.frames[taken], paths[numbers[taken]]))]
    own = numbers[taken]
    owners, sure = names[paths[own]].astype(np.int32), certain[own].astype(np.float32)
    found, before = recover(taken, owners, sights.frames, paths[numbers] < 0, sights.witnesses)
    least = np.minimum(sure[before], sure[np.minimum(before + 1, len(sure) - 1)])
    kept = held[own]
    taken, owners, sure, kept = (
        np.concatenate(both) for both in ((taken, found), (owners, owners[before]), (sure, least), (kept, kept[before]))
    )
    sort = np.lexsort((sights.frames[taken], owners))
    taken = taken[sort]
    rows, frames = sights.tracklets.rows[taken], sights.frames[taken]
    return Taken(rows, frames, owners[sort], shared[numbers[taken]], sure[sort], kept[sort])


def _name(paths: Int64, sights: Sights) -> Int64:
    """Identity ``(n,)`` of each path, from 1: in the order in which they are first seen, from left to right."""
    n = int(paths.max(initial=-1)) + 1
    firsts = np.array([np.flatnonzero(paths == k)[0] for k in range(n)], np.int64)
    places = sights.ends.first[firsts, 0] if n else np.zeros(0)
    names = np.empty(n, np.int64)
    names[np.lexsort((places, sights.tracklets.first_frames[firsts]))] = np.arange(1, n + 1)
    return names

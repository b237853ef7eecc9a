"""Swap intervals: times between two contacts for which two paths may have swapped animals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from murid.core.records import ArrayRecord
from murid.core.types import Bool, Float64, Int64
from murid.identification.appearance_models.appearance_model import compute_llr_bound
from murid.identification.pairwise_model import load_pairwise_model
from murid.identification.paths.context import PathContext
from murid.identification.paths.transitions import PathTransitions
from murid.identification.swaps.candidates import SwapCandidates
from murid.identification.swaps.constraint_terms import compare_swaps_within
from murid.identification.swaps.llr_terms import LlrTerms

# Two swap candidates form an interval only if their motion, votes and point matches add up to less:
# appearance would have to outweigh them, and its log-likelihood ratio is bounded.
MAX_LLR_WITHOUT_APPEARANCE = 20.0
# Swap candidates of the same two paths, counted from the one at which an interval begins, at which
# it may end. Bounds the work, which grows with this number.
_MAX_INTERVALS_PER_BEGIN = 30
# Pairs of swap candidates that are compared at once: bounds memory.
_BLOCK = 1 << 16


@dataclass(frozen=True, eq=False, slots=True)
class SwapIntervals(ArrayRecord):
    """Intervals in which two paths may be swapped, each between two swap candidates of theirs.

    Attributes
    ----------
    begins, ends : ndarray
        ``(K,)`` int64: the swap candidates at which they begin and end.
    terms : LlrTerms
        Evidence of both swap candidates, and of appearance within the interval and around it.
    """

    begins: Int64
    ends: Int64
    terms: LlrTerms

    def __len__(self) -> int:
        return len(self.begins)

    @property
    def llrs(self) -> Float64:
        """``(K,)`` float64 log-likelihood ratios of the pairwise model."""
        return self.terms.compute_llrs()


def find_swap_intervals(
    context: PathContext, candidates: SwapCandidates, max_llr: float
) -> SwapIntervals:
    """Return intervals between two swap candidates with a log-likelihood ratio below `max_llr`.

    There are none if appearance does not count: only appearance can compare the time within an
    interval with the time around it.
    """
    none = np.zeros(0, np.int64)
    found = [SwapIntervals(none, none, LlrTerms.empty())]
    if context.evidence.appearance.calibration_weight > 0:
        for begins, ends in _pair_candidates(context.transitions, candidates):
            intervals = compare_intervals(context, candidates, begins, ends, max_llr)
            found.append(intervals.select(np.flatnonzero(intervals.llrs < max_llr)))
    return SwapIntervals.concatenate(found)


def sort_transitions(candidates: SwapCandidates, rows: Int64) -> tuple[Int64, Int64]:
    """Return both transitions ``(k,)`` of some swap candidates, that of the lower path first."""
    first = candidates.first[rows]
    second = candidates.second[rows]
    return np.minimum(first, second), np.maximum(first, second)


def _pair_candidates(
    transitions: PathTransitions, candidates: SwapCandidates
) -> Iterator[tuple[Int64, Int64]]:
    """Yield pairs of doubtful swap candidates of the same two paths, in blocks."""
    lower, upper = sort_transitions(candidates, np.arange(len(candidates)))
    # Both ends together may keep a constraint that each of them breaks.
    none = np.zeros(len(candidates))
    terms = replace(candidates.terms, appearance=none, constraints=none)
    without_appearance = terms.compute_llrs()
    doubtful = np.flatnonzero(without_appearance < MAX_LLR_WITHOUT_APPEARANCE)
    n_paths = transitions.paths.max(initial=0) + 1
    path_pairs = transitions.paths[lower] * n_paths + transitions.paths[upper]
    order = doubtful[np.lexsort((upper[doubtful], lower[doubtful], path_pairs[doubtful]))]
    # Pair each with the next of the same two paths, then with the one after that, and so on.
    for shift in range(1, _MAX_INTERVALS_PER_BEGIN + 1):
        begins = order[:-shift]
        ends = order[shift:]
        kept = path_pairs[begins] == path_pairs[ends]
        kept &= without_appearance[begins] + without_appearance[ends] < MAX_LLR_WITHOUT_APPEARANCE
        kept &= (lower[begins] < lower[ends]) & (upper[begins] < upper[ends])
        begins = begins[kept]
        ends = ends[kept]
        for start in range(0, len(begins), _BLOCK):
            block = slice(start, start + _BLOCK)
            yield begins[block], ends[block]


def compare_intervals(
    context: PathContext,
    candidates: SwapCandidates,
    begins: Int64,
    ends: Int64,
    max_llr: float = np.inf,
) -> SwapIntervals:
    """Return intervals ``(K,)`` between swap candidates, compared with a swap within them.

    Those whose log-likelihood ratio cannot be below `max_llr` are left out.
    """
    transitions = context.transitions
    lower_begin, upper_begin = sort_transitions(candidates, begins)
    lower_end, upper_end = sort_transitions(candidates, ends)
    # Points of fur that were followed over the first frame or over the last frame of it.
    first_frames = np.maximum(transitions.begins[lower_begin], transitions.begins[upper_begin])
    last_frames = np.maximum(transitions.begins[lower_end], transitions.begins[upper_end])
    point_matches = context.point_match_score.compare_intervals(
        transitions.paths[lower_begin], transitions.paths[upper_begin], first_frames, last_frames
    )
    # Motion and votes through a contact count only if the contact does not span the whole interval:
    # a swap within the interval does not change what leads from before it to after it.
    begin_terms = _mask_contact(
        candidates.terms.select(begins), candidates.ends[begins] <= last_frames
    )
    end_terms = _mask_contact(candidates.terms.select(ends), candidates.begins[ends] > first_frames)
    terms = LlrTerms(
        short_gap_motion=begin_terms.short_gap_motion + end_terms.short_gap_motion,
        long_gap_motion=begin_terms.long_gap_motion + end_terms.long_gap_motion,
        contact_motion=begin_terms.contact_motion + end_terms.contact_motion,
        appearance=np.zeros(len(begins)),
        tracklet_votes=begin_terms.tracklet_votes + end_terms.tracklet_votes,
        contact_votes=begin_terms.contact_votes + end_terms.contact_votes,
        point_matches=point_matches,
        constraints=compare_swaps_within(
            context, (lower_begin, lower_end), (upper_begin, upper_end)
        ),
    )
    # Comparing appearance takes most of the time, and its evidence is bounded.
    lower = lower_begin, lower_end
    upper = upper_begin, upper_end
    max_appearance = load_pairwise_model().appearance * _bound_appearance(context, lower, upper)
    kept = np.flatnonzero(terms.compute_llrs() - max_appearance < max_llr)
    appearance = _compare_appearance(
        context, (lower_begin[kept], lower_end[kept]), (upper_begin[kept], upper_end[kept])
    )
    terms = replace(terms.select(kept), appearance=appearance)
    return SwapIntervals(begins[kept], ends[kept], terms)


def _bound_appearance(
    context: PathContext, lower: tuple[Int64, Int64], upper: tuple[Int64, Int64]
) -> Float64:
    """Return the largest possible evidence ``(K,)`` of `_compare_appearance`."""
    pools = context.pooled_features
    lower_counts = pools.count_between(*lower)
    upper_counts = pools.count_between(*upper)
    # Where one of both is unknown, the other is compared alone.
    one_known = np.minimum(lower_counts, upper_counts) <= 0.5
    counts = np.where(
        one_known, np.maximum(lower_counts, upper_counts), np.minimum(lower_counts, upper_counts)
    )
    return compute_llr_bound(counts)


def _compare_appearance(
    context: PathContext, lower: tuple[Int64, Int64], upper: tuple[Int64, Int64]
) -> Float64:
    """Return the log-likelihood ratio ``(K,)`` of appearance within intervals and around them.

    `lower` and `upper` hold the first and the last transition of each interval on both paths.
    """
    transitions = context.transitions
    pools = context.pooled_features
    # The fold of the middle of the interval.
    begins = np.maximum(transitions.ends[lower[0]], transitions.ends[upper[0]])
    folds = context.evidence.find_folds((begins + transitions.begins[lower[1]]) / 2)
    within = pools.between(*lower, folds), pools.between(*upper, folds)
    around = pools.around(*lower, folds), pools.around(*upper, folds)
    return context.evidence.appearance.compare_swapped(within, around, folds)


def _mask_contact(terms: LlrTerms, counts: Bool) -> LlrTerms:
    """Return terms with the evidence through the contact set to 0 where it does not count."""
    return replace(
        terms,
        contact_motion=np.where(counts, terms.contact_motion, 0),
        contact_votes=np.where(counts, terms.contact_votes, 0),
    )

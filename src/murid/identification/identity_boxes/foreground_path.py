"""Foreground path: the boxes of an animal through a gap, held to the foreground.

In a gap, a box is interpolated on a straight line, and an animal that turns, circles or is carried
along leaves it. Where the foreground is known, the most plausible path through the candidates of
the frames is taken instead: the shortest one, which prefers foreground that belongs to no other
animal. Frames in which nothing near the path is foreground are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from murid.core.boxes import compute_centres
from murid.core.ranges import find_run_starts
from murid.core.records import ArrayRecord
from murid.core.types import Bool, Float32, Float64, Int64
from murid.identification.foreground import ReadForeground
from murid.identification.identity_boxes.foreground_candidates import (
    Candidates,
    compute_foreground_share,
    find_candidates,
    find_components,
)
from murid.identification.identity_boxes.gap_filling import InterpolatedBoxes

# Gaps up to this time are too short for an animal to leave the straight line. A longer time saves
# frames that have to be read; at twice this time, circling mice are off by a third of a body.
MIN_GAP_S = 0.1
# Maximum number of frames that are read for a recording, those of the longest gaps first: bounds
# time and memory.
MAX_FRAMES = 100_000
# The foreground is used if it covers this share of the animal's box before and after the gap.
# Otherwise the animal does not stand out from the floor, or is part of the background model.
MIN_VISIBLE_SHARE = 0.2
# An interpolated box lies on animals if as much of it is foreground as of the animal's box before
# and after the gap, times this. A part of an animal beside it then says less than the straight
# line. With 0.6 to 0.95, interpolated boxes in huddles were better than without this rule.
MIN_STRAIGHT_SHARE = 0.8
# Costs of a second in the box of another animal, and of one without foreground, in body lengths of
# detour. If they were doubled, less foreground beside the straight line would be overlooked, and
# more clutter would be taken for the animal.
CONTACT_COST_PER_S = 4.0
ABSENCE_COST_PER_S = 12.0
# Cost of a second at a distance of one body length from the straight line.
DETOUR_COST_PER_S = 1.0

# Scale of the distance of an animal from the straight line, in body lengths for a second from both
# ends of the gap, and from its candidate, where it is seen completely and in part.
STRAIGHT_SCALE_PER_S = 1.0
SEEN_SCALE = 0.1
CUT_SCALE = 0.25


@dataclass(frozen=True, eq=False, slots=True)
class GapBoxes(ArrayRecord):
    """Boxes in the gaps of an animal.

    Attributes
    ----------
    frames, before, boxes : ndarray
        As of `InterpolatedBoxes`.
    hosts : ndarray
        ``(k,)`` int64 index of the animal in whose box the animal is; -1 = none.
    is_held : ndarray
        ``(k,)`` bool: whether the box is held to the foreground.
    trust : ndarray
        ``(k,)`` float32 from 0 to 1: how far the box is that of the foreground rather than the
        interpolated one.
    components : ndarray
        ``(k,)`` int64 component of the foreground; -1 = none.
    """

    frames: Int64
    before: Int64
    boxes: Float32
    hosts: Int64
    is_held: Bool
    trust: Float32
    components: Int64

    def __len__(self) -> int:
        return len(self.frames)

    @classmethod
    def from_interpolated(cls, gap: InterpolatedBoxes) -> GapBoxes:
        """Return interpolated boxes as they are, those across long distances included."""
        n = len(gap)
        return cls(
            frames=gap.frames,
            before=gap.before,
            boxes=gap.boxes.copy(),
            hosts=np.full(n, -1),
            is_held=np.zeros(n, bool),
            trust=np.zeros(n, np.float32),
            components=np.full(n, -1),
        )


@dataclass(frozen=True, eq=False, slots=True)
class DetectedBoxes(ArrayRecord):
    """Detected boxes of an animal: ``(n,)`` ascending frames, and ``(n, 4)`` float32 boxes."""

    frames: Int64
    boxes: Float32

    def find(self, frame: int) -> int | None:
        """Return the index of a frame; None where the animal was not detected."""
        index = int(np.searchsorted(self.frames, frame))
        return index if index < len(self.frames) and self.frames[index] == frame else None


@dataclass(frozen=True, eq=False, slots=True)
class _Gap:
    """One gap: an animal, the rows of its `InterpolatedBoxes`, and the frames around the gap."""

    animal: int
    rows: slice
    before: int
    after: int


@dataclass(eq=False, slots=True)
class _Evidence:
    """What the foreground says about a gap.

    Attributes
    ----------
    visible_shares : list of float
        Share of the animal's box that is foreground, in the frames before and after the gap.
    candidates : dict of int to Candidates
        By frame, as far as the foreground is known.
    straight_shares : dict of int to float
        Share of the interpolated box that is foreground, by frame.
    """

    visible_shares: list[float]
    candidates: dict[int, Candidates]
    straight_shares: dict[int, float]

    @property
    def is_usable(self) -> bool:
        """Whether the animal stands out from the background before and after the gap."""
        shares = self.visible_shares
        return len(shares) == 2 and min(shares) >= MIN_VISIBLE_SHARE


def hold_to_foreground(
    detected: Sequence[DetectedBoxes],
    gaps: Sequence[InterpolatedBoxes],
    read_foreground: ReadForeground,
    *,
    body_px: float,
    fps: float,
) -> list[GapBoxes]:
    """Return the boxes in the gaps of each animal, held to the foreground where it is known.

    Boxes without foreground near them are left out, as are those across a distance that is too long
    for a straight line, unless foreground that belongs to no other animal leads across.

    Parameters
    ----------
    detected : sequence of DetectedBoxes
        Of each animal.
    gaps : sequence of InterpolatedBoxes
        Interpolated boxes of each animal.
    read_foreground : callable
        Yields the foreground of frames.
    body_px, fps : float
        Body length in pixels, frames per second.
    """
    examined = _list_gaps(gaps, fps)
    evidence = _read_evidence(detected, gaps, examined, read_foreground, body_px)
    held = [GapBoxes.from_interpolated(gap) for gap in gaps]
    kept = [~gap.is_far for gap in gaps]
    for gap, own in zip(examined, evidence, strict=True):
        if own.is_usable:
            boxes = held[gap.animal].select(gap.rows)
            own_detected = detected[gap.animal]
            rows = np.searchsorted(own_detected.frames, [gap.before, gap.after])
            is_kept = _hold(boxes, own_detected.boxes[rows], own, body_px, fps)
            if gaps[gap.animal].is_far[gap.rows.start]:
                is_kept &= boxes.components >= 0
            kept[gap.animal][gap.rows] = is_kept
    return [boxes.select(own) for boxes, own in zip(held, kept, strict=True)]


def _list_gaps(gaps: Sequence[InterpolatedBoxes], fps: float) -> list[_Gap]:
    """Return the gaps that are examined, by time."""
    found = []
    for animal, gap in enumerate(gaps):
        starts = find_run_starts(gap.before)
        for start, stop in pairwise([*starts.tolist(), len(gap)]):
            rows = slice(start, stop)
            found.append(_Gap(animal, rows, gap.frames[start] - 1, gap.frames[stop - 1] + 1))
    found = [gap for gap in found if gap.after - gap.before > MIN_GAP_S * fps]
    # The longest ones, as far as their number of frames is limited.
    found.sort(key=lambda gap: gap.before - gap.after)
    n_frames = np.cumsum([gap.after - gap.before + 1 for gap in found])
    chosen = found[: int(np.searchsorted(n_frames, MAX_FRAMES, side="right"))]
    return sorted(chosen, key=lambda gap: gap.before)


def _read_evidence(
    detected: Sequence[DetectedBoxes],
    gaps: Sequence[InterpolatedBoxes],
    examined: Sequence[_Gap],
    read_foreground: ReadForeground,
    body_px: float,
) -> list[_Evidence]:
    """Return what the foreground says about each of some gaps."""
    evidence = [_Evidence([], {}, {}) for _ in examined]
    by_frame: dict[int, list[int]] = {}
    for number, gap in enumerate(examined):
        for frame in range(gap.before, gap.after + 1):
            by_frame.setdefault(frame, []).append(number)
    frames = np.array(sorted(by_frame), np.int64)
    for foreground in read_foreground(frames) if len(frames) else ():
        frame = foreground.frame
        rows = [own.find(frame) for own in detected]
        hosts = np.array([k for k, row in enumerate(rows) if row is not None], np.int64)
        others = [
            own.boxes[row] for own, row in zip(detected, rows, strict=True) if row is not None
        ]
        boxes = np.array(others, np.float64).reshape(-1, 4)
        components = find_components(foreground, boxes)
        for number in by_frame[frame]:
            gap = examined[number]
            if frame in (gap.before, gap.after):
                box = boxes[hosts == gap.animal][0]
                evidence[number].visible_shares.append(compute_foreground_share(foreground, box))
                continue
            straight = gaps[gap.animal].boxes[gap.rows.start + frame - gap.before - 1]
            straight = straight.astype(np.float64)
            evidence[number].candidates[frame] = find_candidates(
                straight, components, boxes, hosts, body_px
            )
            share = compute_foreground_share(foreground, straight)
            evidence[number].straight_shares[frame] = share
    return evidence


def _hold(gap: GapBoxes, ends: Float32, evidence: _Evidence, body_px: float, fps: float) -> Bool:
    """Hold the boxes of one gap to the foreground, in place, and return which ones are kept.

    `ends` ``(2, 4)`` are the detected boxes before and after the gap.
    """
    frames = gap.frames.tolist()
    options = [evidence.candidates.get(frame) for frame in frames]
    choices = _choose_path(gap.boxes, ends, options, body_px, fps)
    # The straight line is the less certain, the further both ends are away.
    steps = np.arange(1, len(gap) + 1)
    scales = STRAIGHT_SCALE_PER_S / fps * steps * steps[::-1] / (len(gap) + 1)
    kept = np.ones(len(gap), bool)
    for row, (frame, option, choice) in enumerate(zip(frames, options, choices, strict=True)):
        if option is None:
            continue
        kept[row] = choice >= 0
        if choice < 0:
            continue
        shift = option.boxes[choice] - gap.boxes[row]
        is_cut = bool(option.is_cut[choice])
        straight_share = evidence.straight_shares[frame]
        trust = 1.0
        if is_cut and straight_share >= MIN_STRAIGHT_SHARE * min(evidence.visible_shares):
            # The straight line leads over animals, one of which hides this one.
            trust = 0.0
        elif straight_share >= MIN_VISIBLE_SHARE:
            trust = _compute_trust(shift / body_px, scales[row], is_cut)
        gap.boxes[row] += (trust * shift).astype(np.float32)
        gap.trust[row] = trust
        gap.hosts[row] = option.hosts[choice]
        gap.components[row] = option.components[choice]
        gap.is_held[row] = True
    return kept


def _choose_path(
    boxes: Float32,
    ends: Float32,
    options: Sequence[Candidates | None],
    body_px: float,
    fps: float,
) -> list[int]:
    """Return the candidate of each frame on the cheapest path; -1 = none of them.

    The path leads from the detection before the gap to the one after it. A step costs its length.
    This is the Viterbi algorithm.

    Parameters
    ----------
    boxes : ndarray
        ``(k, 4)`` float32 interpolated boxes.
    ends : ndarray
        ``(2, 4)`` float32 boxes before and after the gap.
    options : sequence of Candidates or None
        Of each frame; None where the foreground is not known.
    body_px, fps : float
        Body length in pixels, frames per second.
    """
    straight = compute_centres(boxes.astype(np.float64)) / body_px
    first, last = compute_centres(ends.astype(np.float64)) / body_px
    positions = first[None]
    costs = np.zeros(1)
    origins = []
    for centre, option in zip(straight, options, strict=True):
        previous = positions
        # The last position is that of an animal that is none of the candidates.
        positions = centre[None]
        own_costs = np.zeros(1)
        if option is not None:
            centres = compute_centres(option.boxes) / body_px
            detours = np.hypot(*(centres - centre).T)
            per_s = DETOUR_COST_PER_S * detours + CONTACT_COST_PER_S * (option.hosts >= 0)
            positions = np.concatenate([centres, centre[None]])
            own_costs = np.append(per_s, ABSENCE_COST_PER_S) / fps
        steps = np.linalg.norm(positions[:, None] - previous[None], axis=2)
        totals = costs + steps
        origins.append(np.argmin(totals, axis=1))
        costs = totals.min(axis=1) + own_costs
    state = int(np.argmin(costs + np.linalg.norm(positions - last, axis=1)))
    # Follow the path backwards.
    choices = []
    for origin, option in zip(origins[::-1], options[::-1], strict=True):
        n_candidates = 0 if option is None else len(option.boxes)
        choices.append(state if state < n_candidates else -1)
        state = int(origin[state])
    return choices[::-1]


def _compute_trust(shift: Float64, straight_scale: float, is_cut: bool) -> float:
    """Return how far a candidate is trusted rather than the interpolated box, from 0 to 1.

    The interpolated box counts as the less certain, the further it is from the candidate: an animal
    is either near the straight line, or anywhere.

    Parameters
    ----------
    shift : ndarray
        ``(4,)`` float64 from the edges of the interpolated box to those of the candidate, in body
        lengths.
    straight_scale : float
        Scale of the distance from the straight line, in body lengths.
    is_cut : bool
        Whether the candidate shows only a part of the animal.
    """
    offset = (shift[:2] + shift[2:]) / 2
    straight = straight_scale**2 + float(offset @ offset)
    seen = (CUT_SCALE if is_cut else SEEN_SCALE) ** 2
    return straight / (straight + seen)

"""`Tracker` compiled to machine code by numba, for a camera at rest: the same tracks, tens of times faster.

`tracker` and what it calls are the truth; the tests hold this against it, id by id. What it gains
it gains from looking at boxes that overlap alone, from solving each group of animals that compete
by itself, and from a Kalman filter whose coordinates do not mix, which is so for as long as the
camera does not turn.
"""

from __future__ import annotations

import numba
import numpy as np

from murid.tracking import costs, kalman, lifecycle
from murid.tracking.association import RETURN_REACH, RETURN_SPEED
from murid.tracking.compiled.assignment import assign_pairs, compiled
from murid.tracking.compiled.state import BOXES, State
from murid.tracking.lifecycle import TrackState

_TENTATIVE, _TRACKED, _LOST = (
    int(TrackState.TENTATIVE),
    int(TrackState.TRACKED),
    int(TrackState.LOST),
)
_GROWTH, _OVERLAP = costs.MERGED_GROWTH, costs.OVERLAP_WEIGHT
_REACH, _SPEED = RETURN_REACH, RETURN_SPEED
_LOOSE, _MIN_SIDE = lifecycle.MERGED_LOOSENESS, lifecycle.MIN_SIDE_PX
_POSITION_STD, _ASPECT_STD = kalman.POSITION_STD, kalman.ASPECT_MEASURED_STD
_START_ASPECT, _START_ASPECT_RATE = kalman.START_ASPECT_STD, kalman.START_ASPECT_RATE_STD
_BOX, _KALMAN = BOXES.index("detection"), BOXES.index("kalman")

compiled_loose = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=True)
inlined = numba.njit(inline="always", error_model="numpy")


@compiled
def follow(boxes, scores, embeddings, offsets, state, settings):
    """Follow the animals through a stretch of frames.

    Parameters
    ----------
    boxes, scores, embeddings : ndarray
        ``(N, 4)``, ``(N,)``, ``(N, d)`` float32 of all frames end to end; ``d = 0`` without.
    offsets : ndarray
        ``(F + 1,)`` int64 rows of each frame.
    state : State
    settings : Settings

    Returns
    -------
    ids, boxes, state
        ``(N,)`` int64, ``(N, 4)`` float32 as `Tracker.step` reports them, and the state after the
        last frame.
    """
    ids, shown = np.full(len(boxes), -1, np.int64), boxes.copy()
    for t in range(len(offsets) - 1):
        low, high = offsets[t], offsets[t + 1]
        if state.counters[0] + high - low > len(state.ids):
            state = _make_room(state, 2 * (state.counters[0] + high - low))
        _step(
            boxes[low:high],
            scores[low:high],
            embeddings[low:high],
            ids[low:high],
            shown[low:high],
            state,
            settings,
        )
    return ids, shown, state


@compiled
def _step(boxes, scores, embeddings, ids, shown, state, settings):
    m, n = state.counters[0], len(boxes)
    state.counters[1] += 1
    frame, fps = state.counters[1], settings.fps
    solid = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    main, low, birth = _choose_thresholds(scores, solid, state.sums, settings)
    predicted = _predict(state, settings)
    areas, logs, sizes = _measure_boxes(boxes)
    tracks, rows = np.full(n, -1, np.int64), np.full(m, -1, np.int64)
    states, high = state.states[:m], solid & (scores >= main)

    overlapping = _pair_overlapping(
        boxes, scores, embeddings, areas, logs, high, predicted, state, settings
    )
    assign_pairs(overlapping, settings.stage1_max_cost, tracks, rows)
    wanted = np.flatnonzero((rows < 0) & (states != _TENTATIVE))
    left = np.flatnonzero((tracks < 0) & high)
    if len(wanted) and len(left):
        near = _pair_near(
            boxes, scores, embeddings, areas, logs, sizes, wanted, left, predicted, state, settings
        )
        assign_pairs(near, settings.stage2_max_cost, tracks, rows)
    if settings.low_score_threshold >= 0:
        weak = np.flatnonzero((tracks < 0) & solid & (scores < main) & (scores >= low))
        wanted = np.flatnonzero((rows < 0) & (states == _TRACKED))
        limit = settings.low_score_max_cost
        assign_pairs(
            _pair_by_overlap(boxes, areas, wanted, weak, predicted, limit), limit, tracks, rows
        )
    wanted = np.flatnonzero((rows < 0) & (states == _TENTATIVE))
    left, limit = np.flatnonzero((tracks < 0) & high), settings.tentative_max_cost
    assign_pairs(
        _pair_by_overlap(boxes, areas, wanted, left, predicted, limit), limit, tracks, rows
    )
    if settings.max_tracks >= 0:
        wanted = np.flatnonzero((rows < 0) & (states == _LOST))
        left = np.flatnonzero((tracks < 0) & solid & (scores >= birth))
        assign_pairs(
            _pair_returning(boxes, sizes, wanted, left, state, frame, fps), 1.0, tracks, rows
        )

    merged = _find_merged(boxes, areas, tracks, predicted, settings.min_merged_overlap)
    _update(boxes, embeddings, tracks, merged, frame, state, settings)
    _report(tracks, merged, ids, shown, state, settings.output)
    _mark_missed(rows, state)
    _bear(
        boxes,
        scores,
        embeddings,
        ids,
        (tracks < 0) & solid & (scores >= birth),
        frame,
        state,
        settings,
    )
    if settings.max_tracks < 0:
        _retire(frame - settings.max_lost_frames, state)


@compiled
def _choose_thresholds(scores, solid, sums, settings):
    for j in range(len(scores)):
        if solid[j]:
            square = np.float64(scores[j]) ** 2
            sums[0] += square * scores[j]
            sums[1] += square
    usual = 0.0 if settings.max_tracks >= 0 else sums[0] / max(sums[1], 1e-12)
    main = max(settings.score_threshold, settings.min_relative_score * usual)
    birth = max(settings.birth_threshold, settings.min_relative_birth_score * usual, main)
    return np.float32(main), np.float32(settings.low_score_threshold), np.float32(birth)


@compiled
def _predict(state, settings):
    """Move the tracks by one frame; their boxes ``(m, 4)``."""
    m = state.counters[0]
    boxes = np.empty((m, 4))
    for k in range(m):
        mean = state.means[k]
        if state.states[k] != _TENTATIVE:
            height = mean[3]
            mean[4] *= settings.velocity_kept
            mean[5] *= settings.velocity_kept
            mean[7] = 0.0 if state.states[k] == _LOST else mean[7] * settings.growth_kept
            for c in range(4):
                mean[c] += mean[4 + c]
                block = state.blocks[k, c]
                place = height * state.noise[c, 2] + (state.constants[0] if c == 2 else 0.0)
                rate = height * state.noise[c, 3] + (state.constants[1] if c == 2 else 0.0)
                block[0] += 2 * block[1] + block[2] + place * place
                block[1] += block[2]
                block[2] += rate * rate
        mean[3] = max(mean[3], _MIN_SIDE)
        mean[2] = max(mean[2], _MIN_SIDE / mean[3])
        _to_box(mean, boxes[k])
    return boxes


@inlined
def _to_box(mean, box):
    half_width, half_height = mean[2] * mean[3] / 2, mean[3] / 2
    box[0], box[1] = mean[0] - half_width, mean[1] - half_height
    box[2], box[3] = mean[0] + half_width, mean[1] + half_height


@compiled
def _measure_boxes(boxes):
    """Areas, their logarithms, and longer sides ``(n,)`` of detections."""
    n = len(boxes)
    areas, logs, sizes = np.empty(n, np.float32), np.empty(n, np.float32), np.empty(n, np.float32)
    for j in range(n):
        width, height = boxes[j, 2] - boxes[j, 0], boxes[j, 3] - boxes[j, 1]
        areas[j], sizes[j] = width * height, max(width, height)
        logs[j] = np.log(areas[j])
    return areas, logs, sizes


@inlined
def _share(a, b):
    """Area that two boxes share."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return width * height if width > 0 and height > 0 else 0.0


@inlined
def _area(box):
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


@inlined
def _iou(track, detection, area):
    shared = _share(track, detection)
    union = _area(track) + area - shared
    return shared / union if union > 0 else 0.0


@compiled_loose
def _dot(a, k, b, j):
    """Product of row `k` of the one and row `j` of the other."""
    total = np.float32(0)
    for c in range(a.shape[1]):
        total += a[k, c] * b[j, c]
    return total


@inlined
def _traits(k, j, scores, embeddings, logs, means, looks, settings):
    """Cost of size, score and appearance."""
    cost = settings.size_weight * abs(np.log(means[k, 2] * means[k, 3] ** 2) - logs[j])
    cost += settings.score_weight * (1 - scores[j])
    if embeddings.shape[1]:
        cost += settings.appearance_weight * max(1 - _dot(looks, k, embeddings, j), np.float32(0))
    return cost


@compiled
def _pair_overlapping(boxes, scores, embeddings, areas, logs, high, predicted, state, settings):
    """Pairs of the first stage: boxes that overlap, found by a sweep from left to right."""
    m, limit, means, looks = len(predicted), settings.stage1_max_cost, state.means, state.embeddings
    order = np.flatnonzero(high)
    order = order[np.argsort(boxes[order, 0])]
    lefts, widest = boxes[order, 0], 0.0
    for j in order:
        widest = max(widest, boxes[j, 2] - boxes[j, 0])
    found, n = np.empty((4 * (m + len(order)) + 16, 3)), 0
    for k in range(m):
        if state.states[k] == _TENTATIVE:
            continue
        box = predicted[k]
        for place in range(np.searchsorted(lefts, box[0] - widest), len(order)):
            j = order[place]
            if lefts[place] >= box[2]:
                break
            cost = 1 - _iou(box, boxes[j], areas[j])
            if cost > limit:
                continue
            cost += _traits(k, j, scores, embeddings, logs, means, looks, settings)
            if cost <= limit:
                found, n = _add(found, n, k, j, cost)
    return found[:n]


@compiled
def _add(found, n, k, j, cost):
    if n == len(found):
        larger = np.empty((2 * n, 3))
        larger[:n] = found
        found = larger
    found[n, 0], found[n, 1], found[n, 2] = k, j, cost
    return found, n + 1


@inlined
def _distance(k, j, boxes, means):
    x = (boxes[j, 0] + boxes[j, 2]) / np.float32(2) - means[k, 0]
    y = (boxes[j, 1] + boxes[j, 3]) / np.float32(2) - means[k, 1]
    return np.sqrt(x * x + y * y)


@inlined
def _length(k, j, sizes, means):
    """Longest side of a track's and a detection's box."""
    return max(means[k, 3] * max(means[k, 2], 1.0), sizes[j])


@compiled
def _pair_near(
    boxes, scores, embeddings, areas, logs, sizes, wanted, left, predicted, state, settings
):
    """Pairs of the second stage, among what the first left over."""
    limit, means, looks = settings.stage2_max_cost, state.means, state.embeddings
    found, n = np.empty((len(wanted) * len(left), 3)), 0
    for k in wanted:
        farthest = -1.0
        for j in left:
            distance = _distance(k, j, boxes, means)
            cost = (1 - _OVERLAP) * (distance / _length(k, j, sizes, means))
            if cost > limit:
                continue
            if farthest < 0:
                farthest = (
                    np.inf
                    if settings.neighbour_gate < 0
                    else settings.neighbour_gate * _find_gap(k, len(predicted), means)
                )
            if distance > farthest:
                continue
            cost += _OVERLAP * (1 - _iou(predicted[k], boxes[j], areas[j]))
            cost += _traits(k, j, scores, embeddings, logs, means, looks, settings)
            if cost <= limit:
                found, n = _add(found, n, k, j, cost)
    return found[:n]


@compiled
def _find_gap(k, m, means):
    """Distance to the nearest other track."""
    least = np.inf
    for other in range(m):
        x, y = means[other, 0] - means[k, 0], means[other, 1] - means[k, 1]
        if other != k:
            least = min(least, x * x + y * y)
    return np.sqrt(least)


@compiled
def _pair_by_overlap(boxes, areas, wanted, left, predicted, limit):
    """Pairs by IoU distance alone."""
    found, n = np.empty((len(wanted) * len(left), 3)), 0
    for k in wanted:
        for j in left:
            cost = 1 - _iou(predicted[k], boxes[j], areas[j])
            if cost <= limit:
                found, n = _add(found, n, k, j, cost)
    return found[:n]


@compiled
def _pair_returning(boxes, sizes, wanted, left, state, frame, fps):
    """Pairs of lost animals, whose number is known, and what may be them further off."""
    found, n = np.empty((len(wanted) * len(left), 3)), 0
    for k in wanted:
        reach = _REACH + _SPEED * ((frame - state.last_frames[k]) / fps)
        for j in left:
            cost = _distance(k, j, boxes, state.means) / _length(k, j, sizes, state.means) / reach
            if cost <= 1:
                found, n = _add(found, n, k, j, cost)
    return found[:n]


@compiled
def _find_merged(boxes, areas, tracks, predicted, share):
    """Detections that hold the animal they are matched with and another one, as `costs.find_merged`."""
    merged = np.zeros(len(boxes), np.bool_)
    if share < 0 or len(predicted) < 2:
        return merged
    for j in range(len(boxes)):
        if tracks[j] >= 0 and _holds(boxes[j], areas[j], predicted[tracks[j]], share):
            n = 0
            for k in range(len(predicted)):
                n += _holds(boxes[j], areas[j], predicted[k], share)
            merged[j] = n > 1
    return merged


@inlined
def _holds(box, area, predicted, share):
    own = _area(predicted)
    return area >= _GROWTH * own and _share(predicted, box) >= share * own


@compiled
def _update(boxes, embeddings, tracks, merged, frame, state, settings):
    """Give the matched tracks what they saw."""
    means, blocks, measured = state.means, state.blocks, np.empty(4)
    momentum = np.float32(settings.embedding_momentum)
    for j in range(len(tracks)):
        k = tracks[j]
        if k < 0:
            continue
        _measure(boxes, j, measured)
        height, looseness = means[k, 3], _LOOSE if merged[j] else 1.0
        for c in range(4):
            std = (_ASPECT_STD if c == 2 else height * _POSITION_STD) * looseness
            place, both, rate = blocks[k, c, 0], blocks[k, c, 1], blocks[k, c, 2]
            first, second = place / (place + std * std), both / (place + std * std)
            off = measured[c] - means[k, c]
            means[k, c] += first * off
            means[k, 4 + c] += second * off
            blocks[k, c, 0], blocks[k, c, 1] = place - first * place, both - first * both
            blocks[k, c, 2] = rate - second * both
        if embeddings.shape[1]:
            _blend(state.embeddings, k, embeddings, j, momentum)
        state.states[k], state.last_frames[k] = _TRACKED, frame
        state.hits[k] += 1


@inlined
def _measure(boxes, j, measured):
    width, height = np.float64(boxes[j, 2]) - boxes[j, 0], np.float64(boxes[j, 3]) - boxes[j, 1]
    measured[0], measured[1] = boxes[j, 0] + width / 2, boxes[j, 1] + height / 2
    measured[2], measured[3] = width / height, height


@compiled_loose
def _blend(means, k, seen, j, momentum):
    """Running mean of unit vectors."""
    square = np.float32(0)
    for c in range(means.shape[1]):
        means[k, c] = momentum * means[k, c] + (np.float32(1) - momentum) * seen[j, c]
        square += means[k, c] * means[k, c]
    scale = np.float32(1) / np.sqrt(square) if square > 0 else np.float32(0)
    for c in range(means.shape[1]):
        means[k, c] *= scale


@compiled
def _report(tracks, merged, ids, shown, state, output):
    """Ids and boxes that are reported of the matched tracks."""
    box = np.empty(4)
    for j in range(len(tracks)):
        if tracks[j] < 0:
            continue
        ids[j] = state.ids[tracks[j]]
        if output != _BOX:
            share = 1.0 if merged[j] or output == _KALMAN else 0.5
            _to_box(state.means[tracks[j]], box)
            for c in range(4):
                shown[j, c] = share * box[c] + (1 - share) * shown[j, c]


@compiled
def _mark_missed(rows, state):
    """Lose the tracks that nothing was matched with; tentative ones go."""
    kept = 0
    for k in range(len(rows)):
        if rows[k] < 0:
            if state.states[k] == _TENTATIVE:
                continue
            state.states[k] = _LOST
        if k != kept:
            _move(k, kept, state)
        kept += 1
    state.counters[0] = kept


@compiled
def _retire(oldest, state):
    kept = 0
    for k in range(state.counters[0]):
        if state.last_frames[k] >= oldest:
            if k != kept:
                _move(k, kept, state)
            kept += 1
    state.counters[0] = kept


@inlined
def _move(k, to, state):
    state.ids[to], state.states[to], state.hits[to] = state.ids[k], state.states[k], state.hits[k]
    state.first_frames[to], state.last_frames[to] = state.first_frames[k], state.last_frames[k]
    state.means[to], state.blocks[to], state.embeddings[to] = (
        state.means[k],
        state.blocks[k],
        state.embeddings[k],
    )


@compiled
def _bear(boxes, scores, embeddings, ids, wanted, frame, state, settings):
    """Start tracks, from left to right; the best if room is short."""
    rows = np.flatnonzero(wanted)
    if settings.max_tracks >= 0:
        room = max(settings.max_tracks - state.counters[0], 0)
        rows = rows[np.argsort(-scores[rows], kind="mergesort")][:room]
    rows = rows[np.argsort(boxes[rows, 1], kind="mergesort")]
    rows = rows[np.argsort(boxes[rows, 0], kind="mergesort")]
    tentative = state.counters[3] and frame > 1
    for j in rows:
        k = state.counters[0]
        state.ids[k], state.states[k] = state.counters[2], _TENTATIVE if tentative else _TRACKED
        state.hits[k], state.first_frames[k], state.last_frames[k] = 1, frame, frame
        state.means[k] = 0
        _measure(boxes, j, state.means[k])
        height = state.means[k, 3]
        for c in range(4):
            place = height * state.noise[c, 0] + (_START_ASPECT if c == 2 else 0.0)
            rate = height * state.noise[c, 1] + (_START_ASPECT_RATE if c == 2 else 0.0)
            state.blocks[k, c, 0], state.blocks[k, c, 1], state.blocks[k, c, 2] = (
                place * place,
                0.0,
                rate * rate,
            )
        state.embeddings[k] = embeddings[j]
        if not tentative:
            ids[j] = state.ids[k]
        state.counters[0] += 1
        state.counters[2] += 1


@compiled
def _make_room(state, n):
    """The same with room for `n` tracks."""
    m = len(state.ids)
    numbers = np.zeros((5, n), np.int64)
    numbers[0, :m], numbers[1, :m], numbers[2, :m] = state.ids, state.states, state.hits
    numbers[3, :m], numbers[4, :m] = state.first_frames, state.last_frames
    means, blocks = np.zeros((n, 8)), np.zeros((n, 4, 3))
    means[:m], blocks[:m] = state.means, state.blocks
    embeddings = np.zeros((n, state.embeddings.shape[1]), np.float32)
    embeddings[:m] = state.embeddings
    return State(
        numbers[0],
        numbers[1],
        numbers[2],
        numbers[3],
        numbers[4],
        means,
        blocks,
        embeddings,
        state.counters,
        state.sums,
        state.noise,
        state.constants,
    )

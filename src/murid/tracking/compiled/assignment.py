"""`assignment.assign`, compiled: each group of tracks and detections that compete is solved by itself.

Callers keep compiled copies in their own caches: after a change here, delete ``__pycache__``.
"""

from __future__ import annotations

import numba
import numpy as np

from murid.tracking.assignment import MARGIN

compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


@compiled
def assign_pairs(pairs, limit, tracks, rows):
    """Pair tracks and detections at the least cost, as `assignment.assign`, in each group that competes."""
    n = len(pairs)
    if not n:
        return
    of_track, of_detection = np.zeros(len(rows) + 1, np.int64), np.zeros(len(tracks) + 1, np.int64)
    for p in range(n):
        of_track[np.int64(pairs[p, 0]) + 1] += 1
        of_detection[np.int64(pairs[p, 1]) + 1] += 1
    of_track, of_detection = np.cumsum(of_track), np.cumsum(of_detection)
    by_detection, interpolated = np.empty(n, np.int64), of_detection.copy()
    for p in range(n):
        j = np.int64(pairs[p, 1])
        by_detection[interpolated[j]] = p
        interpolated[j] += 1
    seen_tracks, seen_detections = np.zeros(len(rows), np.bool_), np.zeros(len(tracks), np.bool_)
    for p in range(n):
        k, j = np.int64(pairs[p, 0]), np.int64(pairs[p, 1])
        if seen_tracks[k]:
            continue
        if of_track[k + 1] - of_track[k] == 1 and of_detection[j + 1] - of_detection[j] == 1:
            tracks[j], rows[k] = k, j
            continue
        group_tracks, group_detections = _gather(
            k, pairs, of_track, of_detection, by_detection, seen_tracks, seen_detections
        )
        _solve_group(group_tracks, group_detections, pairs, of_track, limit, tracks, rows)


@compiled
def _gather(first, pairs, of_track, of_detection, by_detection, seen_tracks, seen_detections):
    """Tracks and detections that compete with a track, directly or through others."""
    group_tracks, group_detections = [first], [np.int64(0)][:0]
    seen_tracks[first] = True
    place = 0
    while place < len(group_tracks):
        k = group_tracks[place]
        place += 1
        for p in range(of_track[k], of_track[k + 1]):
            j = np.int64(pairs[p, 1])
            if seen_detections[j]:
                continue
            seen_detections[j] = True
            group_detections.append(j)
            for q in range(of_detection[j], of_detection[j + 1]):
                other = np.int64(pairs[by_detection[q], 0])
                if not seen_tracks[other]:
                    seen_tracks[other] = True
                    group_tracks.append(other)
    return group_tracks, group_detections


@compiled
def _solve_group(group_tracks, group_detections, pairs, of_track, limit, tracks, rows):
    m, n = len(group_tracks), len(group_detections)
    matrix = np.full((m, n), limit + MARGIN)
    for a in range(m):
        k = group_tracks[a]
        for p in range(of_track[k], of_track[k + 1]):
            j = np.int64(pairs[p, 1])
            for b in range(n):
                if group_detections[b] == j:
                    matrix[a, b] = pairs[p, 2]
    wide = m <= n
    chosen = _solve(matrix if wide else matrix.T.copy())
    for a in range(len(chosen)):
        i, b = (a, chosen[a]) if wide else (chosen[a], a)
        if matrix[i, b] <= limit:
            tracks[group_detections[b]], rows[group_tracks[i]] = (
                group_tracks[i],
                group_detections[b],
            )


@compiled
def _solve(matrix):
    """Column of each row at the least cost, no more rows than columns: shortest augmenting paths (Jonker-Volgenant)."""
    m, n = matrix.shape
    u, v = np.zeros(m), np.zeros(n + 1)
    owner, way = np.full(n + 1, -1, np.int64), np.zeros(n + 1, np.int64)
    for i in range(m):
        owner[n] = i  # the last column stands for the row that looks for one
        column = _find_column(matrix, u, v, owner, way)
        while column != n:
            owner[column] = owner[way[column]]
            column = way[column]
    chosen = np.empty(m, np.int64)
    for j in range(n):
        if owner[j] >= 0:
            chosen[owner[j]] = j
    return chosen


@compiled
def _find_column(matrix, u, v, owner, way):
    """The free column that is cheapest to reach for a new row; brings the prices `u` and `v` up to date."""
    n = matrix.shape[1]
    shortest, done, column = np.full(n, np.inf), np.zeros(n + 1, np.bool_), n
    while owner[column] >= 0:
        done[column] = True
        row, step, following = owner[column], np.inf, n
        for j in range(n):
            if not done[j]:
                reduced = matrix[row, j] - u[row] - v[j]
                if reduced < shortest[j]:
                    shortest[j], way[j] = reduced, column
                if shortest[j] < step:
                    step, following = shortest[j], j
        for j in range(n + 1):
            if done[j]:
                u[owner[j]] += step
                v[j] -= step
            elif j < n:
                shortest[j] -= step
        column = following
    return column

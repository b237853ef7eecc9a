"""`murid.tracking.assignment.assign`, compiled.

Tracks and detections that compete with each other form a group, and each group is solved by itself.
Most groups are a single pair.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from murid.core.types import Float64, Int64
from murid.tracking.assignment import FORBIDDEN_MARGIN
from murid.tracking.compiled.jit import jit


class CandidatePairs(NamedTuple):
    """Pairs of a track and a detection that may match, ascending by track.

    Attributes
    ----------
    tracks, detections : ndarray
        ``(p,)`` int64 rows.
    costs : ndarray
        ``(p,)`` float64, none above the maximum cost.
    """

    tracks: Int64
    detections: Int64
    costs: Float64


class PairIndex(NamedTuple):
    """Where the pairs of a track and those of a detection are.

    Attributes
    ----------
    track_offsets : ndarray
        ``(m + 1,)`` int64: the pairs of track ``k`` are ``track_offsets[k]`` up to
        ``track_offsets[k + 1]``.
    detection_offsets : ndarray
        ``(n + 1,)`` int64: the same, in `by_detection`.
    by_detection : ndarray
        ``(p,)`` int64: pairs in the order of their detections.
    """

    track_offsets: Int64
    detection_offsets: Int64
    by_detection: Int64


@jit
def assign_pairs(pairs, max_cost, matched_tracks, matched_detections):
    """Match tracks and detections so that the total cost is minimal.

    Writes the track of each detection to `matched_tracks` ``(n,)`` and the detection of each track
    to `matched_detections` ``(m,)``.
    """
    if not len(pairs.costs):
        return
    index = _index_pairs(pairs, len(matched_detections), len(matched_tracks))
    visited_tracks = np.zeros(len(matched_detections), np.bool_)
    visited_detections = np.zeros(len(matched_tracks), np.bool_)
    for p in range(len(pairs.costs)):
        track = pairs.tracks[p]
        detection = pairs.detections[p]
        if visited_tracks[track]:
            continue
        # Without competitors, the pair is a match.
        n_of_track = index.track_offsets[track + 1] - index.track_offsets[track]
        n_of_detection = index.detection_offsets[detection + 1] - index.detection_offsets[detection]
        if n_of_track == 1 and n_of_detection == 1:
            matched_tracks[detection] = track
            matched_detections[track] = detection
            continue
        group_tracks, group_detections = _find_group(
            track, pairs, index, visited_tracks, visited_detections
        )
        matrix = _make_cost_matrix(group_tracks, group_detections, pairs, index, max_cost)
        _solve_group(
            matrix, max_cost, group_tracks, group_detections, matched_tracks, matched_detections
        )


@jit
def _index_pairs(pairs, n_tracks, n_detections):
    """Return the `PairIndex` of the pairs."""
    n_pairs = len(pairs.costs)
    track_counts = np.zeros(n_tracks + 1, np.int64)
    detection_counts = np.zeros(n_detections + 1, np.int64)
    for p in range(n_pairs):
        track_counts[pairs.tracks[p] + 1] += 1
        detection_counts[pairs.detections[p] + 1] += 1
    track_offsets = np.cumsum(track_counts)
    detection_offsets = np.cumsum(detection_counts)

    by_detection = np.empty(n_pairs, np.int64)
    next_places = detection_offsets.copy()
    for p in range(n_pairs):
        detection = pairs.detections[p]
        by_detection[next_places[detection]] = p
        next_places[detection] += 1
    return PairIndex(track_offsets, detection_offsets, by_detection)


@jit
def _find_group(first_track, pairs, index, visited_tracks, visited_detections):
    """Return tracks and detections that compete with a track, directly or through others.

    This is the connected component of the track, found breadth first.
    """
    group_tracks = [first_track]
    group_detections = [np.int64(0)][:0]  # an empty list with a type
    visited_tracks[first_track] = True
    place = 0
    while place < len(group_tracks):
        track = group_tracks[place]
        place += 1
        for p in range(index.track_offsets[track], index.track_offsets[track + 1]):
            detection = pairs.detections[p]
            if visited_detections[detection]:
                continue
            visited_detections[detection] = True
            group_detections.append(detection)
            first_pair = index.detection_offsets[detection]
            last_pair = index.detection_offsets[detection + 1]
            for q in range(first_pair, last_pair):
                other = pairs.tracks[index.by_detection[q]]
                if not visited_tracks[other]:
                    visited_tracks[other] = True
                    group_tracks.append(other)
    return group_tracks, group_detections


@jit
def _make_cost_matrix(group_tracks, group_detections, pairs, index, max_cost):
    """Return the costs of a group; pairs that are no candidates cost more than the maximum."""
    n_tracks = len(group_tracks)
    n_detections = len(group_detections)
    matrix = np.full((n_tracks, n_detections), max_cost + FORBIDDEN_MARGIN)
    for a in range(n_tracks):
        track = group_tracks[a]
        for p in range(index.track_offsets[track], index.track_offsets[track + 1]):
            for b in range(n_detections):
                if group_detections[b] == pairs.detections[p]:
                    matrix[a, b] = pairs.costs[p]
    return matrix


@jit
def _solve_group(
    matrix, max_cost, group_tracks, group_detections, matched_tracks, matched_detections
):
    """Match the tracks and detections of one group."""
    # The solver needs at least as many columns as rows.
    rows_are_tracks = len(group_tracks) <= len(group_detections)
    columns = _solve(matrix if rows_are_tracks else matrix.T.copy())
    for row in range(len(columns)):
        a = row if rows_are_tracks else columns[row]
        b = columns[row] if rows_are_tracks else row
        if matrix[a, b] <= max_cost:
            matched_tracks[group_detections[b]] = group_tracks[a]
            matched_detections[group_tracks[a]] = group_detections[b]


@jit
def _solve(matrix):
    """Return the column of each row ``(m,)`` at the minimum total cost, for ``m <= n``.

    Shortest augmenting paths (Jonker and Volgenant, 1987). An extra column ``n`` stands for the row
    that looks for a column.
    """
    m, n = matrix.shape
    row_potentials = np.zeros(m)
    column_potentials = np.zeros(n + 1)
    owners = np.full(n + 1, -1, np.int64)  # row of each column
    previous = np.zeros(n + 1, np.int64)  # column before each one on the path
    for i in range(m):
        owners[n] = i
        column = _find_free_column(matrix, row_potentials, column_potentials, owners, previous)
        # Shift the owners along the path, which ends at the extra column.
        while column != n:
            owners[column] = owners[previous[column]]
            column = previous[column]
    columns = np.empty(m, np.int64)
    for j in range(n):
        if owners[j] >= 0:
            columns[owners[j]] = j
    return columns


@jit
def _find_free_column(matrix, row_potentials, column_potentials, owners, previous):
    """Return the free column with the shortest path from a new row (Dijkstra).

    Updates the potentials, and `previous` along the path.
    """
    n = matrix.shape[1]
    distances = np.full(n, np.inf)
    done = np.zeros(n + 1, np.bool_)
    column = n
    while owners[column] >= 0:
        done[column] = True
        row = owners[column]
        # Extend the paths by the row of the nearest column.
        step = np.inf
        nearest = n
        for j in range(n):
            if not done[j]:
                reduced_cost = matrix[row, j] - row_potentials[row] - column_potentials[j]
                if reduced_cost < distances[j]:
                    distances[j] = reduced_cost
                    previous[j] = column
                if distances[j] < step:
                    step = distances[j]
                    nearest = j
        # Keep reduced costs on the paths at zero.
        for j in range(n + 1):
            if done[j]:
                row_potentials[owners[j]] += step
                column_potentials[j] -= step
            elif j < n:
                distances[j] -= step
        column = nearest
    return column

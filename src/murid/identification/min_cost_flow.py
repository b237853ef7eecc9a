"""At most N disjoint paths of the greatest gain through tracklets: min-cost flow, solved exactly."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from murid.core.types import Float64, Int32, Int64


def find_paths(
    llrs: Float64, heads: Int32, tails: Int32, link_gains: Float64, n_paths: int
) -> Int64:
    """Choose at most `n_paths` disjoint paths so that the sum of what they gain is greatest.

    Zhang, Li and Nevatia (CVPR 2008): a node costs what it gains, negated, a unit of flow is an
    animal. Solved by successive shortest paths with potentials, one shortest path an animal, so the
    cost is near-linear in the links.

    Parameters
    ----------
    llrs : ndarray
        ``(T,)`` float64: what a path gains that goes through a tracklet; below 0 for what is more
        likely no animal.
    heads, tails : ndarray
        ``(E,)`` int32: tracklets that may follow one another; every head has a lower number than
        its tail.
    link_gains : ndarray
        ``(E,)`` float64.
    n_paths : int

    Returns
    -------
    ndarray
        ``(T,)`` int64 number of the path that each tracklet is on; -1 = on none.
    """
    n = len(llrs)
    if not n:
        return np.zeros(0, np.int64)
    source, sink, nodes = 2 * n, 2 * n + 1, np.arange(n, dtype=np.int32)
    sources = np.concatenate(
        [2 * nodes, np.full(n, source, np.int32), 2 * nodes + 1, 2 * heads + 1]
    )
    targets = np.concatenate([2 * nodes + 1, 2 * nodes, np.full(n, sink, np.int32), 2 * tails])
    costs = np.concatenate([-llrs, np.zeros(2 * n), -link_gains])
    used = np.zeros(len(costs), bool)
    potentials = _compute_potentials(llrs, heads, tails, link_gains)
    for _ in range(n_paths):
        taken = _find_augmenting_path(sources, targets, costs, used, potentials, source, sink)
        if taken is None:
            break
        used[taken] = ~used[taken]
    return _number_paths(used, heads, tails, n)


def _compute_potentials(llrs: Float64, heads: Int32, tails: Int32, link_gains: Float64) -> Float64:
    """Cheapest way from the source to every node of the empty flow, in the order of time."""
    n = len(llrs)
    order = np.argsort(tails, kind="stable")
    heads, costs = heads[order], -link_gains[order]
    bounds = np.searchsorted(tails[order], np.arange(n + 1)).tolist()
    entering, leaving = np.zeros(n), np.zeros(n)
    for k in range(n):
        low, high = bounds[k], bounds[k + 1]
        if high > low:
            entering[k] = min(0.0, float((leaving[heads[low:high]] + costs[low:high]).min()))
        leaving[k] = entering[k] - llrs[k]
    ways = np.column_stack([entering, leaving]).reshape(-1)
    return np.concatenate([ways, [0.0, leaving.min()]])


def _find_augmenting_path(
    sources: NDArray[np.int32],
    targets: NDArray[np.int32],
    costs: Float64,
    used: NDArray[np.bool_],
    potentials: Float64,
    source: int,
    sink: int,
) -> Int64 | None:
    """Edges of the cheapest path of the residual graph, None if it gains nothing; brings `potentials` up to date."""
    n = len(potentials)
    begin, end = np.where(used, targets, sources), np.where(used, sources, targets)
    order = np.argsort(begin * np.int64(n) + end).astype(np.int32)
    begin, end = begin[order], end[order]
    reduced = np.where(used, -costs, costs)[order] + potentials[begin] - potentials[end]
    pointers = np.searchsorted(begin, np.arange(n + 1)).astype(np.int32)
    graph = csr_array((np.maximum(reduced, 0), end, pointers), (n, n))
    distances, before = dijkstra(graph, indices=source, return_predecessors=True)
    if not np.isfinite(distances[sink]):
        return None
    potentials += np.minimum(distances, distances[sink])
    if potentials[sink] - potentials[source] >= 0:
        return None
    path = [sink]
    while path[-1] != source:
        path.append(int(before[path[-1]]))
    path.reverse()
    taken = []
    for a, b in pairwise(path):
        low, high = pointers[a], pointers[a + 1]
        taken.append(order[low + np.searchsorted(end[low:high], b)])
    return np.array(taken, np.int64)


def _number_paths(used: NDArray[np.bool_], heads: Int32, tails: Int32, n: int) -> Int64:
    links = np.flatnonzero(used[3 * n :])
    before = np.full(n, -1, np.int64)
    before[tails[links]] = heads[links]
    numbers = np.full(n, -1, np.int64)
    count = 0
    for k in np.flatnonzero(used[:n]).tolist():
        if before[k] >= 0:
            numbers[k] = numbers[before[k]]
        else:
            numbers[k], count = count, count + 1
    return numbers

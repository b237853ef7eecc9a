"""Min-cost flow: the best N disjoint paths through tracklets, found exactly."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from murid.core.types import Bool, Float64, Int32, Int64


def find_paths(
    tracklet_llrs: Float64, predecessors: Int32, successors: Int32, link_llrs: Float64, n_paths: int
) -> Int64:
    """Return at most `n_paths` disjoint paths of tracklets with the highest sum of ratios.

    The network is that of Zhang, Li and Nevatia (CVPR 2008): each tracklet is an edge between two
    nodes, each unit of flow is an animal, and costs are negative log-likelihood ratios. It is
    solved by successive shortest paths with potentials, one shortest path for each animal, so that
    the time is nearly linear in the number of links.

    Parameters
    ----------
    tracklet_llrs : ndarray
        ``(T,)`` float64 log-likelihood ratio that each tracklet is an animal; below 0 for clutter.
    predecessors, successors : ndarray
        ``(E,)`` int32: tracklets that may follow one another; the predecessor always has the lower
        number.
    link_llrs : ndarray
        ``(E,)`` float64 log-likelihood ratio that both are the same animal.
    n_paths : int

    Returns
    -------
    ndarray
        ``(T,)`` int64 number of the path that each tracklet is on; -1 = on none.
    """
    n = len(tracklet_llrs)
    if not n:
        return np.zeros(0, np.int64)
    potentials = _compute_potentials(tracklet_llrs, predecessors, successors, link_llrs)
    # Nodes 2k and 2k + 1 are the entry and the exit of tracklet k. The edges are, in this order:
    # through tracklets, from the source to entries, from exits to the sink, and links.
    source = 2 * n
    sink = 2 * n + 1
    entries = 2 * np.arange(n, dtype=np.int32)
    exits = entries + 1
    from_source = np.full(n, source, np.int32)
    to_sink = np.full(n, sink, np.int32)
    network = _Network(
        sources=np.concatenate([entries, from_source, exits, 2 * predecessors + 1]),
        targets=np.concatenate([exits, entries, to_sink, 2 * successors]),
        costs=np.concatenate([-tracklet_llrs, np.zeros(2 * n), -link_llrs]),
        source=source,
        sink=sink,
    )
    used = np.zeros(len(network.costs), bool)
    # Each augmenting path adds an animal, and may redirect the paths of others: its edges that were
    # used are freed.
    for _ in range(n_paths):
        edges = _find_augmenting_path(network, used, potentials)
        if edges is None:
            break
        used[edges] = ~used[edges]
    used_links = np.flatnonzero(used[3 * n :])
    return _number_paths(used[:n], predecessors[used_links], successors[used_links])


@dataclass(frozen=True, eq=False, slots=True)
class _Network:
    """Edges ``(E,)`` by their nodes, int32, and their costs, float64; every capacity is 1."""

    sources: Int32
    targets: Int32
    costs: Float64
    source: int
    sink: int


def _compute_potentials(
    tracklet_llrs: Float64, predecessors: Int32, successors: Int32, link_llrs: Float64
) -> Float64:
    """Return the lowest cost ``(2 T + 2,)`` from the source to every node of the empty flow.

    Tracklets are ordered by time, so one pass finds it although costs may be negative.
    """
    n = len(tracklet_llrs)
    if (np.diff(successors) < 0).any():
        order = np.argsort(successors, kind="stable")
        predecessors, successors, link_llrs = (
            predecessors[order],
            successors[order],
            link_llrs[order],
        )
    bounds = np.searchsorted(successors, np.arange(n + 1)).tolist()
    entry_costs = np.zeros(n)
    exit_costs = np.zeros(n)
    for tracklet in range(n):
        links = slice(bounds[tracklet], bounds[tracklet + 1])
        if links.stop > links.start:
            best = float((exit_costs[predecessors[links]] - link_llrs[links]).min())
            entry_costs[tracklet] = min(0.0, best)
        exit_costs[tracklet] = entry_costs[tracklet] - tracklet_llrs[tracklet]
    node_costs = np.column_stack([entry_costs, exit_costs]).reshape(-1)
    return np.concatenate([node_costs, [0.0, exit_costs.min()]])


def _find_augmenting_path(network: _Network, used: Bool, potentials: Float64) -> Int64 | None:
    """Return the edges of the cheapest path through the residual graph.

    None if another path does not reduce the total cost. `potentials` are updated in place.
    """
    n_nodes = len(potentials)
    # Used edges are reversed, with the opposite cost. Sort them as a compressed sparse matrix. A
    # day has millions of edges, so nothing is kept longer than it is needed.
    keys = np.where(used, network.targets, network.sources).astype(np.int64)
    keys *= n_nodes
    keys += np.where(used, network.sources, network.targets)
    order = np.argsort(keys).astype(np.int32)
    keys = keys[order]
    ends = (keys % n_nodes).astype(np.int32)
    keys //= n_nodes
    begins = keys.astype(np.int32)
    del keys
    # With potentials no cost is negative (but for rounding), as Dijkstra's algorithm requires.
    reduced_costs = network.costs[order]
    np.negative(reduced_costs, out=reduced_costs, where=used[order])
    reduced_costs += potentials[begins]
    reduced_costs -= potentials[ends]
    np.maximum(reduced_costs, 0, out=reduced_costs)
    pointers = np.searchsorted(begins, np.arange(n_nodes + 1)).astype(np.int32)
    del begins
    graph = csr_array((reduced_costs, ends, pointers), (n_nodes, n_nodes))
    distances, previous_nodes = dijkstra(graph, indices=network.source, return_predecessors=True)
    if not np.isfinite(distances[network.sink]):
        return None
    potentials += np.minimum(distances, distances[network.sink])
    if potentials[network.sink] - potentials[network.source] >= 0:
        return None
    # Walk back from the sink, and look up the edge between each two nodes.
    nodes = [network.sink]
    while nodes[-1] != network.source:
        nodes.append(int(previous_nodes[nodes[-1]]))
    nodes.reverse()
    edges = []
    for begin, end in pairwise(nodes):
        low = pointers[begin]
        high = pointers[begin + 1]
        edges.append(order[low + np.searchsorted(ends[low:high], end)])
    return np.array(edges, np.int64)


def _number_paths(on_path: Bool, predecessors: Int32, successors: Int32) -> Int64:
    """Return the path ``(T,)`` of each tracklet, given the links that are used; -1 = none."""
    previous = np.full(len(on_path), -1, np.int64)
    previous[successors] = predecessors
    paths = np.full(len(on_path), -1, np.int64)
    n_paths = 0
    for tracklet in np.flatnonzero(on_path).tolist():
        if previous[tracklet] >= 0:
            paths[tracklet] = paths[previous[tracklet]]
        else:
            paths[tracklet] = n_paths
            n_paths += 1
    return paths

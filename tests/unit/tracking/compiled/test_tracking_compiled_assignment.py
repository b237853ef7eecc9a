import numpy as np

from murid.tracking.assignment import assign
from murid.tracking.compiled.assignment import CandidatePairs, assign_pairs


def test_pairs_are_those_of_the_reference():
    rng = np.random.default_rng(0)
    for _ in range(150):
        m, n = rng.integers(1, 9, 2)
        costs = rng.uniform(0, 1, (m, n))
        costs[rng.random((m, n)) < rng.choice([0.1, 0.5])] = np.inf
        tracks, detections = np.nonzero(costs <= 0.8)
        pairs = CandidatePairs(tracks, detections, costs[tracks, detections])
        matched_tracks = np.full(n, -1, np.int64)
        matched_detections = np.full(m, -1, np.int64)
        assign_pairs(pairs, 0.8, matched_tracks, matched_detections)
        expected = assign(costs, 0.8)
        rows = np.flatnonzero(matched_detections >= 0)
        np.testing.assert_array_equal(rows, expected.track_rows)
        np.testing.assert_array_equal(matched_detections[rows], expected.detection_rows)
        np.testing.assert_array_equal(matched_tracks[expected.detection_rows], rows)

"""Stitching is kept while only the pairs change, and never changes a result."""

import numpy as np
import pytest
from test_identification_constraints import make_pairs
from test_identification_linker import FPS, make_paths, make_table

from murid.identification import link_tracklets, recording_stitcher
from murid.identification.constraints import IdentityConstraints
from murid.identification.stitch_cache import StitchCache, make_key
from murid.identification.tracklets import Tracklets


@pytest.fixture
def calls(monkeypatch):
    """Calls of the function that stitches tracklets."""
    calls = []
    stitch = recording_stitcher.stitch_tracklets

    def count(*arguments):
        calls.append(arguments)
        return stitch(*arguments)

    monkeypatch.setattr(recording_stitcher, "stitch_tracklets", count)
    return calls


def link(table, cache, **options):
    constraints = IdentityConstraints(**options) if options else None
    return link_tracklets(table, 2, FPS, constraints=constraints, stitch_cache=cache)


def check_alike(one, other) -> None:
    for name in ("frames", "rows", "identity_ids", "boxes", "identity_probabilities", "sources"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_other_pairs_take_no_other_stitching(calls) -> None:
    table = make_table(make_paths(1, 200, 2))
    last = len(table) - 2
    cache = StitchCache()
    link(table, cache)
    assert len(calls) == 1
    corrections = [make_pairs([[0, last]], [True]), make_pairs([[0, 1]], [False])]
    found = [link(table, cache, pairs=pairs) for pairs in corrections]
    assert len(calls) == 1
    for one, pairs in zip(found, corrections, strict=True):
        check_alike(one, link(table, None, pairs=pairs))


def test_pairs_that_cut_tracklets_do(calls) -> None:
    table = make_table(make_paths(1, 200, 2))
    cache = StitchCache()
    link(table, cache)
    pairs = make_pairs([[0, len(table) - 2]], [False])
    found = link(table, cache, pairs=pairs)
    assert len(calls) == 2
    check_alike(found, link(table, None, pairs=pairs))


def test_dropped_detections_are_stitched_anew(calls) -> None:
    table = make_table(make_paths(1, 200, 2))
    cache = StitchCache()
    link(table, cache)
    dropped = np.array([0], np.int64)
    found = link(table, cache, dropped=dropped)
    assert len(calls) == 2
    check_alike(found, link(table, None, dropped=dropped))


def test_only_the_last_results_are_kept() -> None:
    cache: StitchCache[int] = StitchCache(2, 10)
    for number in range(3):
        cache.keep(bytes([number]), number, 1)
    assert [cache.get(bytes([number])) for number in range(3)] == [None, 1, 2]
    cache.get(bytes([1]))
    cache.keep(b"3", 3, 1)
    assert [cache.get(key) for key in (bytes([1]), bytes([2]), b"3")] == [1, None, 3]


def test_long_recordings_are_not_kept() -> None:
    cache: StitchCache[int] = StitchCache(max_detections=10)
    cache.keep(b"", 1, 11)
    assert cache.get(b"") is None


def test_keys_tell_arrays_apart() -> None:
    def make(*offsets: int) -> Tracklets:
        none = np.zeros(0, np.int64)
        return Tracklets(np.array(offsets), np.arange(4, dtype=np.int32), none, none)

    one, two = np.array([1]), np.array([2])
    keys = [
        make_key(make(0, 2, 4)),
        make_key(make(0, 1, 4)),
        make_key(make(0, 2, 4), one),
        make_key(make(0, 2, 4), two),
        make_key(make(0, 2, 4), one, None),
        make_key(make(0, 2, 4), None, one),
        make_key(make(0, 2, 4), np.array([1, 2])),
        make_key(make(0, 2, 4), one, two),
    ]
    assert len(set(keys)) == len(keys)
    assert make_key(make(0, 2, 4), one) == make_key(make(0, 2, 4), one.copy())

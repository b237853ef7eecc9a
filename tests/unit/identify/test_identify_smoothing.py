"""Boxes that were smoothed over time."""

import numpy as np
import pytest

from murid.identify.smoothing import smooth_boxes

FPS = 30.0


def walk(n, seed=0, noise=0.0):
    rng = np.random.default_rng(seed)
    t = np.arange(n)
    middles = np.column_stack([200 + 60 * np.sin(t / 20), 150 + 40 * np.cos(t / 25)])
    half = np.array([30, 20])
    boxes = np.concatenate([middles - half, middles + half], axis=1)
    return boxes, (boxes + rng.normal(0, noise, boxes.shape)).astype(np.float32)


def smooth(boxes, seen=None, clear=None, frames=None):
    n, boxes = len(boxes), boxes.copy()
    smooth_boxes(
        np.arange(n) if frames is None else frames,
        boxes,
        np.ones(n, bool) if seen is None else seen,
        np.ones(n, bool) if clear is None else clear,
        FPS,
    )
    return boxes


def test_a_smooth_walk_stays_and_a_shaky_one_gets_nearer_to_the_truth():
    true, shaky = walk(300, noise=2.0)
    assert np.abs(smooth(true.astype(np.float32)) - true).max() < 0.5
    assert np.abs(smooth(shaky) - true).mean() < 0.7 * np.abs(shaky - true).mean()


def test_what_others_cover_is_corrected_from_before_and_after():
    true, seen = walk(100)
    seen[40:45, 2] -= 35  # only the left part shows
    clear = np.ones(100, bool)
    clear[40:45] = False
    assert np.abs(smooth(seen, clear=clear) - true)[40:45].max() < 20
    assert np.abs(smooth(seen, clear=clear) - true)[:30].max() < 1


def test_times_apart_do_not_bear_on_each_other():
    boxes, frames = walk(40)[1], np.concatenate([np.arange(20), 500 + np.arange(20)])
    both = smooth(boxes, frames=frames)
    for part in (slice(0, 20), slice(20, 40)):
        np.testing.assert_allclose(both[part], smooth(boxes[part], frames=frames[part]), atol=1e-3)


@pytest.mark.parametrize("n", [0, 1])
def test_few_boxes_stay_what_they_are(n):
    boxes = walk(2)[1][:n]
    np.testing.assert_allclose(smooth(boxes), boxes, atol=1e-3)


def test_long_recordings_are_smoothed_in_parts(monkeypatch):
    boxes = walk(400, noise=1.0)[1]
    frames = np.arange(400) + np.arange(400) // 50
    whole = smooth(boxes, frames=frames)
    monkeypatch.setattr("murid.identify.smoothing._BLOCK", 60)
    np.testing.assert_allclose(smooth(boxes, frames=frames), whole, atol=1e-3)

"""Boxes smoothed over time."""

import numpy as np
import pytest

from murid.identification.identity_boxes.box_smoothing import smooth_boxes, weight_boxes

FPS = 30.0


def make_boxes(n, seed=0, noise=0.0):
    rng = np.random.default_rng(seed)
    t = np.arange(n)
    middles = np.column_stack([200 + 60 * np.sin(t / 20), 150 + 40 * np.cos(t / 25)])
    half = np.array([30, 20])
    boxes = np.concatenate([middles - half, middles + half], axis=1)
    return boxes, (boxes + rng.normal(0, noise, boxes.shape)).astype(np.float32)


def smooth(boxes, weights=None, occluded_edges=None, frames=None):
    n, boxes = len(boxes), boxes.copy()
    smooth_boxes(
        np.arange(n) if frames is None else frames,
        boxes,
        np.ones(n, np.float32) if weights is None else weights,
        np.zeros((n, 4), np.uint8) if occluded_edges is None else occluded_edges,
        FPS,
    )
    return boxes


def test_noise_is_removed_and_smooth_motion_is_kept():
    true, noisy = make_boxes(300, noise=2.0)
    assert np.abs(smooth(true.astype(np.float32)) - true).max() < 0.5
    assert np.abs(smooth(noisy) - true).mean() < 0.7 * np.abs(noisy - true).mean()


def test_occluded_edges_are_corrected_from_before_and_after():
    true, seen = make_boxes(100)
    seen[40:60, 2] -= 35  # only the left part shows
    occluded_edges = np.zeros((100, 4), np.uint8)
    occluded_edges[40:60, 2] = 255
    found = smooth(seen, occluded_edges=occluded_edges)
    assert np.abs(found - true).max() < 15
    assert np.abs(found - true)[:30].max() < 1
    assert np.abs(smooth(seen) - true)[45:55].max() > 20


def test_an_occluded_edge_may_lie_farther_out_but_not_farther_in():
    seen = make_boxes(100)[1]
    occluded_edges = np.zeros((100, 4), np.uint8)
    occluded_edges[40:60, 2] = 255
    less, more = seen.copy(), seen.copy()
    less[40:60, 2] -= 10
    more[40:60, 2] += 10
    short, far = (
        np.abs(smooth(boxes, occluded_edges=occluded_edges) - boxes)[50, 2]
        for boxes in (less, more)
    )
    assert short > far + 1


def test_boxes_of_low_scores_count_less():
    true, seen = make_boxes(100)
    seen[40:44] += [-15, -10, 12, 14]
    scores = np.full(100, 0.95, np.float32)
    scores[40:44] = 0.3
    weights = weight_boxes(scores, 0.95, np.zeros(100, bool))
    assert (
        np.abs(smooth(seen, weights) - true)[40:44].max()
        < 0.5 * np.abs(smooth(seen) - true)[40:44].max()
    )


def test_poor_detections_between_gaps_stay_on_the_animal():
    """An animal that is detected poorly, now and then, while it moves by a body length."""
    true, seen = make_boxes(120)
    detected = np.arange(120) >= 60
    detected[[0, 15, 30, 45]] = True
    scores = np.where(np.arange(120) >= 60, 0.95, 0.2).astype(np.float32)
    weights = np.where(detected, weight_boxes(scores, 0.95, np.zeros(120, bool)), 0)
    for k in np.flatnonzero(~detected):
        seen[k] = np.nan_to_num(seen[k - 1])
    smoothed = smooth(seen, weights.astype(np.float32))
    assert np.abs(smoothed - true)[[0, 15, 30, 45]].max() < 15


def test_merged_boxes_weigh_little():
    scores, yes, no = np.array([0.5, 1.0], np.float32), np.ones(2, bool), np.zeros(2, bool)
    alone, merged = weight_boxes(scores, 1.0, no), weight_boxes(scores, 1.0, yes)
    assert alone[0] < alone[1] == 1
    assert (merged < 0.2 * alone).all()
    assert weight_boxes(scores, 0.5, no).tolist() == [1, 1]


def test_boxes_before_and_after_a_gap_are_independent():
    boxes, frames = make_boxes(40)[1], np.concatenate([np.arange(20), 500 + np.arange(20)])
    smoothed = smooth(boxes, frames=frames)
    for part in (slice(0, 20), slice(20, 40)):
        np.testing.assert_allclose(
            smoothed[part], smooth(boxes[part], frames=frames[part]), atol=1e-3
        )


@pytest.mark.parametrize("n", [0, 1])
def test_one_box_stays_as_it_is(n):
    boxes = make_boxes(2)[1][:n]
    np.testing.assert_allclose(smooth(boxes), boxes, atol=1e-3)


def test_long_recordings_are_smoothed_in_blocks(monkeypatch):
    boxes = make_boxes(400, noise=1.0)[1]
    frames = np.arange(400) + np.arange(400) // 50
    whole = smooth(boxes, frames=frames)
    monkeypatch.setattr("murid.identification.whittaker._BLOCK", 60)
    np.testing.assert_allclose(smooth(boxes, frames=frames), whole, atol=1e-3)

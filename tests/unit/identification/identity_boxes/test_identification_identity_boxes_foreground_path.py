"""Boxes in gaps that are held to the foreground."""

import numpy as np
import pytest

from murid.core import Detections, DetectionTable
from murid.identification import link_tracklets
from murid.identification.foreground import Foreground
from murid.identification.identity_boxes.contacts import find_merged
from murid.identification.identity_boxes.foreground_path import (
    DetectedBoxes,
    GapBoxes,
    hold_to_foreground,
)
from murid.identification.identity_boxes.gap_filling import fill_gaps

FPS = 47.0
BODY = 60.0
CELL = 2.0
SIZE = 320
CENTRE = np.array([160.0, 160.0])


def draw(*boxes):
    """Return a mask with an ellipse in each box, which does not reach its corners."""
    y, x = (np.mgrid[: SIZE // int(CELL), : SIZE // int(CELL)] + 0.5) * CELL
    mask = np.zeros(x.shape, bool)
    for left, top, right, bottom in boxes:
        ellipse = ((2 * x - left - right) / (right - left)) ** 2
        mask |= ellipse + ((2 * y - top - bottom) / (bottom - top)) ** 2 < 1
    return mask


def make_reader(masks, asked=None):
    """Return a reader of masks by frame."""

    def read(frames):
        if asked is not None:
            asked.extend(frames.tolist())
        for frame in frames.tolist():
            if frame in masks:
                yield Foreground(frame, masks[frame], (CELL, CELL))

    return read


def circle(n_frames, radius=45.0, turns_per_s=1.5, phase=0.0):
    """Return the boxes ``(F, 4)`` of an animal that runs in a circle, along its path."""
    angles = phase + 2 * np.pi * turns_per_s * np.arange(n_frames) / FPS
    centres = CENTRE + radius * np.column_stack([np.cos(angles), np.sin(angles)])
    width = BODY * np.hypot(np.sin(angles), 0.4 * np.cos(angles))
    height = BODY * np.hypot(np.cos(angles), 0.4 * np.sin(angles))
    half = np.column_stack([width, height]) / 2
    return np.concatenate([centres - half, centres + half], axis=1)


def compute_iou(a, b):
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    shared = np.prod(np.maximum(high - low, 0))
    return shared / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared)


def compute_share(mask, box):
    left, top, right, bottom = np.round(box / CELL).astype(int)
    return mask[max(top, 0) : bottom, max(left, 0) : right].mean()


def hold(frames, boxes, masks, others=(), max_gap_s=10.0, asked=None):
    """Return the straight and the held boxes of the first animal, and what is merged."""
    detected = [DetectedBoxes(np.asarray(frames), boxes[frames].astype(np.float32))]
    detected += [
        DetectedBoxes(np.arange(len(other)), np.asarray(other, np.float32)) for other in others
    ]
    straight = [
        fill_gaps(
            own.frames,
            own.boxes,
            body_px=BODY,
            fps=FPS,
            max_gap_s=np.full(len(own.frames) - 1, max_gap_s),
        )
        for own in detected
    ]
    held = hold_to_foreground(detected, straight, make_reader(masks, asked), body_px=BODY, fps=FPS)
    merged = find_merged(detected, [np.zeros(len(own.frames), bool) for own in detected], held)
    return straight[0], held[0], merged


def test_circling_animals_do_not_drift_onto_empty_floor():
    n = 60
    one, two = circle(n), circle(n, phase=np.pi)
    masks = {t: draw(one[t], two[t]) for t in range(n)}
    gap = np.arange(20, 35)  # half a turn
    frames = np.setdiff1d(np.arange(n), gap)
    straight, held, _ = hold(frames, one, masks, [two])
    middle = 7
    # The straight line leads over the middle of the circle, where there is no animal.
    assert compute_share(masks[gap[middle]], straight.boxes[middle]) < 0.1
    assert compute_iou(straight.boxes[middle], one[gap[middle]]) < 0.1
    assert held.frames.tolist() == gap.tolist()
    for frame, box in zip(held.frames, held.boxes, strict=True):
        assert compute_share(masks[frame], box) > 0.5
        assert compute_iou(box, one[frame]) > 0.6


def test_identities_of_circling_animals_stay_on_them():
    n = 120
    one, two = circle(n), circle(n, phase=np.pi)
    masks = {t: draw(one[t], two[t]) for t in range(n)}
    table = DetectionTable.from_frames(
        [
            Detections(
                np.array([two[t]] if 50 <= t < 65 else [one[t], two[t]], np.float32),
                np.full(1 if 50 <= t < 65 else 2, 0.9, np.float32),
            )
            for t in range(n)
        ]
    )
    # Half a turn is too far for a straight line, but foreground leads across.
    assert not link_tracklets(table, 2, FPS).interpolated.any()
    found = link_tracklets(table, 2, FPS, read_foreground=make_reader(masks))
    rows = np.flatnonzero(found.interpolated)
    assert found.frames[rows].tolist() == list(range(50, 65))
    assert not found.merged.any()
    assert min(compute_share(masks[found.frames[k]], found.boxes[k]) for k in rows) > 0.4


def test_an_animal_in_the_box_of_another_is_merged():
    n = 60
    pair = np.tile([100.0, 100, 190, 160], (n, 1)) + np.arange(n)[:, None] * [1, 0, 1, 0]
    one = np.tile([100.0, 100, 150, 130], (n, 1)) + np.arange(n)[:, None] * [1, 0, 1, 0]
    one[31:] += [30, 0, 30, 0]
    masks = {t: draw(pair[t]) for t in range(n)}
    frames = np.setdiff1d(np.arange(n), np.arange(20, 40))
    _, held, merged = hold(frames, one, masks, [pair])
    assert (held.hosts == 1).all()
    assert merged[0].gap.all()
    assert not merged[0].detected.any()
    assert np.flatnonzero(merged[1].detected).tolist() == list(range(20, 40))
    for frame, box in zip(held.frames, held.boxes, strict=True):
        assert (box[:2] >= pair[frame, :2] - 1).all()
        assert (box[2:] <= pair[frame, 2:] + 1).all()


def test_two_animals_in_one_piece_of_foreground_are_merged():
    n = 40
    one = np.tile([100.0, 100, 150, 130], (n, 1))
    two = np.tile([130.0, 100, 180, 130], (n, 1))
    masks = {t: draw(one[t], two[t]) for t in range(n)}
    detected = [
        DetectedBoxes(np.setdiff1d(np.arange(n), np.arange(10, 25)), np.zeros(0)) for _ in range(2)
    ]
    detected = [
        DetectedBoxes(own.frames, boxes[own.frames].astype(np.float32))
        for own, boxes in zip(detected, (one, two), strict=True)
    ]
    gaps = [
        fill_gaps(
            own.frames,
            own.boxes,
            body_px=BODY,
            fps=FPS,
            max_gap_s=np.full(len(own.frames) - 1, 2.0),
        )
        for own in detected
    ]
    held = hold_to_foreground(detected, gaps, make_reader(masks), body_px=BODY, fps=FPS)
    merged = find_merged(detected, [np.zeros(25, bool)] * 2, held)
    assert merged[0].gap.all()
    assert merged[1].gap.all()


def test_a_gap_without_foreground_is_not_filled():
    n = 60
    one = circle(n, turns_per_s=0.2)
    gone = range(25, 35)
    masks = {t: draw() if t in gone else draw(one[t]) for t in range(n)}
    frames = np.setdiff1d(np.arange(n), np.arange(20, 40))
    _, held, merged = hold(frames, one, masks)
    assert held.frames.tolist() == [*range(20, 25), *range(35, 40)]
    assert not merged[0].gap.any()


@pytest.mark.parametrize("masks", [{}, {t: draw() for t in range(60)}])
def test_without_evidence_boxes_are_interpolated(masks):
    one = circle(60)
    frames = np.setdiff1d(np.arange(60), np.arange(20, 40))
    straight, held, _ = hold(frames, one, masks)
    np.testing.assert_array_equal(held.boxes, straight.boxes)
    assert not held.is_held.any()
    assert (held.trust == 0).all()


def test_frames_whose_foreground_is_unknown_are_interpolated():
    one = circle(60)
    masks = {t: draw(one[t]) for t in range(60) if t != 30}
    frames = np.setdiff1d(np.arange(60), np.arange(20, 40))
    straight, held, _ = hold(frames, one, masks)
    np.testing.assert_array_equal(held.boxes[10], straight.boxes[10])
    assert held.is_held.sum() == 19


def test_short_gaps_are_not_examined():
    one = circle(60)
    asked = []
    masks = {t: draw(one[t]) for t in range(60)}
    straight, held, _ = hold(np.setdiff1d(np.arange(60), [20, 21, 22]), one, masks, asked=asked)
    assert asked == []
    np.testing.assert_array_equal(held.boxes, straight.boxes)
    hold(np.setdiff1d(np.arange(60), np.arange(20, 25)), one, masks, asked=asked)
    assert asked == list(range(19, 26))


def test_long_gaps_go_first_where_frames_are_limited(monkeypatch):
    one = circle(100, turns_per_s=0.1)
    asked = []
    masks = {t: draw(one[t]) for t in range(100)}
    frames = np.setdiff1d(np.arange(100), [*range(10, 20), *range(40, 60)])
    monkeypatch.setattr("murid.identification.identity_boxes.foreground_path.MAX_FRAMES", 25)
    hold(frames, one, masks, asked=asked)
    assert asked == list(range(39, 61))


def test_a_clutter_speck_does_not_move_a_box():
    one = np.tile([100.0, 100, 160, 130], (60, 1))
    speck = [110.0, 150, 125, 160]
    masks = {t: draw(one[t], speck) for t in range(60)}
    frames = np.setdiff1d(np.arange(60), np.arange(20, 40))
    _, held, _ = hold(frames, one, masks)
    np.testing.assert_allclose(held.boxes, one[20:40], atol=CELL)


def test_without_foreground_a_box_inside_a_merged_one_is_merged():
    boxes = np.tile([100.0, 100, 140, 130], (10, 1)).astype(np.float32)
    detected = [DetectedBoxes(np.array([0, 9]), boxes[:2]), DetectedBoxes(np.arange(10), boxes)]
    straight = fill_gaps(
        detected[0].frames, boxes[:2], body_px=BODY, fps=FPS, max_gap_s=np.full(1, 2.0)
    )
    none = fill_gaps(detected[1].frames, boxes, body_px=BODY, fps=FPS, max_gap_s=np.full(9, 2.0))
    gaps = [GapBoxes.from_interpolated(gap) for gap in (straight, none)]
    may_be_merged = np.arange(10) < 5
    merged = find_merged(detected, [np.zeros(2, bool), may_be_merged], gaps)
    assert merged[0].gap.tolist() == [True] * 4 + [False] * 4
    assert np.flatnonzero(merged[1].detected).tolist() == [1, 2, 3, 4]


def test_a_resting_animal_that_another_one_hides_in_part_stays_where_it_is():
    """What sticks out of the box of the other one, of both, says less than the straight line."""
    n = 60
    one = np.tile([100.0, 100, 160, 140], (n, 1))
    other = np.tile([130.0, 85, 190, 150], (n, 1))
    masks = {t: draw(one[t], other[t] + [-5, -20, 10, 20]) for t in range(n)}
    frames = np.setdiff1d(np.arange(n), np.arange(20, 40))
    _, held, _ = hold(frames, one, masks, [other])
    assert len(held) == 20
    np.testing.assert_allclose(held.boxes, one[20:40], atol=1e-3)

"""Points stay on the fur on which they were seeded, and are lost where it is covered."""

import cv2
import numpy as np
import pytest

from murid.appearance.point_tracker import N_POINTS, PointTracker
from murid.video.background_model import BackgroundModel

BODY_PX, SIZE = 60, (160, 240)
FLOOR = np.full((*SIZE, 3), 200, np.uint8)
BACKGROUND = BackgroundModel(FLOOR, np.full(SIZE, 10, np.uint8))


def draw_animal(seed):
    """A dark ellipse of coarse fur: its pixels and its mask."""
    rng = np.random.default_rng(seed)
    fur = np.kron(rng.integers(20, 110, (15, 15)), np.ones((4, 4))).astype(np.uint8)
    y, x = np.mgrid[:BODY_PX, :BODY_PX] - BODY_PX / 2 + 0.5
    return fur, (x / 30) ** 2 + (y / 20) ** 2 < 1


def draw_image(*animals):
    """Image and boxes of animals, each a seed and its upper left corner; the last is on top."""
    image = FLOOR.copy()
    for seed, x, y in animals:
        fur, inside = draw_animal(seed)
        image[y : y + BODY_PX, x : x + BODY_PX][inside] = fur[inside][:, None]
    boxes = [[x, y + 10, x + BODY_PX, y + 50] for _, x, y in animals]
    return image, np.array(boxes, np.float32).reshape(-1, 4)


def seed_points(*animals):
    tracker = PointTracker(BACKGROUND, BODY_PX)
    image, boxes = draw_image(*animals)
    tracker.track(image, boxes)
    parents = tracker.seed(boxes, np.ones(len(boxes), bool))
    return tracker, parents


def test_points_move_with_the_animal():
    tracker, parents = seed_points((1, 20, 40))
    assert 10 < len(tracker) <= N_POINTS
    assert (parents == -1).all()
    before = tracker._positions.copy()
    for step in range(1, 11):
        image, boxes = draw_image((1, 20 + 3 * step, 40 + step))
        before = before[tracker.track(image, boxes)]
    assert len(before) > 0.7 * len(parents)
    np.testing.assert_allclose(
        tracker._positions - before, np.tile([30.0, 10.0], (len(before), 1)), atol=1
    )
    assert (tracker.find_owners(boxes) == 0).all()


def test_points_are_lost_on_an_occluded_animal_and_stay_on_the_one_on_top():
    tracker, _ = seed_points((1, 20, 40), (2, 140, 40))
    owners = tracker.find_owners(draw_image((1, 20, 40), (2, 140, 40))[1])
    assert set(owners) == {0, 1}
    for step in range(1, 61):  # The second animal walks over the first.
        image, boxes = draw_image((1, 20, 40), (2, 140 - 2 * step, 40))
        owners = owners[tracker.track(image, boxes)]
    assert (owners == 1).sum() > 10
    assert (owners == 0).mean() < 0.1


def test_points_next_to_new_ones_are_their_parents():
    tracker, _ = seed_points((1, 20, 40))
    _image, boxes = draw_image((1, 20, 40))
    tracker.keep(np.arange(len(tracker)) < 8)
    parents = tracker.seed(boxes, np.ones(1, bool))
    assert ((parents >= -1) & (parents < 8)).all()
    assert (parents >= 0).any()
    assert len(tracker) == 8 + len(parents)


def test_a_point_in_two_boxes_has_no_owner():
    tracker, _ = seed_points((1, 20, 40))
    _, boxes = draw_image((1, 20, 40))
    assert (tracker.find_owners(np.repeat(boxes, 2, axis=0)) == -1).all()
    assert (tracker.find_owners(boxes[:0]) == -1).all()


@pytest.mark.parametrize("gone", ["animals", "frames"])
def test_points_are_lost_where_the_animal_vanishes_or_frames_are_missing(gone):
    tracker, _ = seed_points((1, 20, 40))
    image, boxes = draw_image((1, 20, 40)) if gone == "frames" else draw_image()
    if gone == "frames":
        tracker.reset()
    assert len(tracker.track(image, boxes)) == len(tracker) == 0


@pytest.mark.parametrize("undefined", [0.0, 1e6, np.nan])
def test_the_undefined_change_of_lost_points_decides_nothing(undefined, monkeypatch):
    track = cv2.calcOpticalFlowPyrLK

    def track_undefined(*args, **options):
        moved, found, change = track(*args, **options)
        return moved, found, np.where(found > 0, change, np.float32(undefined))

    def count_points():
        tracker, _ = seed_points((1, 20, 40), (2, 140, 40))
        # Most points leave the image, where they are not found.
        tracker._positions[: len(tracker) // 2 + 5] -= 500
        image, boxes = draw_image((1, 22, 40), (2, 142, 40))
        # With noise, the windows of all points change.
        noise = np.random.default_rng(0).normal(0, 8, image.shape[:2])
        image = np.clip(image + noise[..., None], 0, 255).astype(np.uint8)
        return tracker.track(image, boxes).tolist()

    expected = count_points()
    assert expected
    monkeypatch.setattr(cv2, "calcOpticalFlowPyrLK", track_undefined)
    assert count_points() == expected

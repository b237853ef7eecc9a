"""Points stay on the fur that they were sown on, and are lost where it is covered."""

import numpy as np
import pytest

from murid.appearance.point_tracker import N_POINTS, PointTracker
from murid.video.background_model import BackgroundModel

BODY_PX, SIZE = 60, (160, 240)
FLOOR = np.full((*SIZE, 3), 200, np.uint8)
BACKDROP = BackgroundModel(FLOOR, np.full(SIZE, 10, np.uint8))


def draw_animal(seed):
    """A dark ellipse of coarse fur on no ground: pixels and where they are."""
    rng = np.random.default_rng(seed)
    fur = np.kron(rng.integers(20, 110, (15, 15)), np.ones((4, 4))).astype(np.uint8)
    y, x = np.mgrid[:BODY_PX, :BODY_PX] - BODY_PX / 2 + 0.5
    return fur, (x / 30) ** 2 + (y / 20) ** 2 < 1


def describe_identities(*animals):
    """Picture of animals, the last on top, and their boxes; each is its number and where its left upper corner is."""
    image = FLOOR.copy()
    for seed, x, y in animals:
        fur, inside = draw_animal(seed)
        image[y : y + BODY_PX, x : x + BODY_PX][inside] = fur[inside][:, None]
    boxes = [[x, y + 10, x + BODY_PX, y + 50] for _, x, y in animals]
    return image, np.array(boxes, np.float32).reshape(-1, 4)


def seed(*animals):
    follower = PointTracker(BACKDROP, BODY_PX)
    image, boxes = describe_identities(*animals)
    follower.follow(image, boxes)
    parents = follower.seed(boxes, np.ones(len(boxes), bool))
    return follower, parents


def test_points_move_with_the_animal():
    follower, parents = seed((1, 20, 40))
    assert 10 < len(follower) <= N_POINTS
    assert (parents == -1).all()
    before = follower._places.copy()
    for step in range(1, 11):
        image, boxes = describe_identities((1, 20 + 3 * step, 40 + step))
        before = before[follower.follow(image, boxes)]
    assert len(before) > 0.7 * len(parents)
    np.testing.assert_allclose(
        follower._places - before, np.tile([30.0, 10.0], (len(before), 1)), atol=1
    )
    assert (follower.find_owners(boxes) == 0).all()


def test_points_are_lost_under_another_animal_and_stay_on_the_one_on_top():
    follower, _ = seed((1, 20, 40), (2, 140, 40))
    owners = follower.find_owners(describe_identities((1, 20, 40), (2, 140, 40))[1])
    assert set(owners) == {0, 1}
    for step in range(1, 61):  # the second walks over the first
        image, boxes = describe_identities((1, 20, 40), (2, 140 - 2 * step, 40))
        owners = owners[follower.follow(image, boxes)]
    assert (owners == 1).sum() > 10
    assert (owners == 0).mean() < 0.1


def test_new_points_are_heirs_of_those_next_to_them():
    follower, _ = seed((1, 20, 40))
    _image, boxes = describe_identities((1, 20, 40))
    follower.keep(np.arange(len(follower)) < 8)
    parents = follower.seed(boxes, np.ones(1, bool))
    assert ((parents >= -1) & (parents < 8)).all()
    assert (parents >= 0).any()
    assert len(follower) == 8 + len(parents)


def test_where_boxes_overlap_a_point_is_nobodys():
    follower, _ = seed((1, 20, 40))
    _, boxes = describe_identities((1, 20, 40))
    assert (follower.find_owners(np.repeat(boxes, 2, axis=0)) == -1).all()
    assert (follower.find_owners(boxes[:0]) == -1).all()


@pytest.mark.parametrize("gone", ["animals", "memory"])
def test_points_end_with_the_animal_or_a_gap(gone):
    follower, _ = seed((1, 20, 40))
    image, boxes = describe_identities((1, 20, 40)) if gone == "memory" else describe_identities()
    if gone == "memory":
        follower.forget()
    assert len(follower.follow(image, boxes)) == len(follower) == 0

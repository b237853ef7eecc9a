"""Points that are counted while they are on tracklets one after the other."""

import numpy as np

from murid.identification.point_matches import INHERITED_WEIGHT, N_VISITS, PointMatchCounter

NONE = -np.ones(N_VISITS - 1, np.int64)


def update_frames(counter, *frames):
    """Update with the tracklet of each point; rows are ten times the frame plus tracklet."""
    for frame, numbers in frames:
        numbers = np.array(numbers)
        counter.update(frame, numbers, np.where(numbers >= 0, 10 * frame + numbers, -1))


def test_points_connect_the_tracklets_that_they_were_on():
    counter = PointMatchCounter(100)
    counter.seed(np.full(3, -1))
    update_frames(
        counter, (0, [1, 1, 2]), (1, [1, 1, 2]), (2, [-1, -1, -1]), (3, [4, 3, 4]), (4, [4, 3, 4])
    )
    point_matches = counter.finish()
    np.testing.assert_array_equal(point_matches.after, [43, 44, 44])
    np.testing.assert_array_equal(point_matches.before, [[11, *NONE], [11, *NONE], [12, *NONE]])
    np.testing.assert_allclose(point_matches.counts[:, 0], 1)
    assert (point_matches.counts[:, 1:] == 0).all()


def test_visits_are_kept_latest_first_and_equal_histories_are_merged():
    counter = PointMatchCounter(100)
    counter.seed(np.full(2, -1))
    update_frames(counter, *((frame, [frame // 2] * 2) for frame in range(6)))
    point_matches = counter.finish()
    np.testing.assert_array_equal(point_matches.before[-1, :3], [31, 10, -1])
    np.testing.assert_allclose(point_matches.counts[-1, :2], [2, 2])
    assert len(point_matches) == 2


def test_a_single_frame_on_another_tracklet_does_not_count():
    counter = PointMatchCounter(100)
    counter.seed(np.full(1, -1))
    update_frames(counter, (0, [1]), (1, [1]), (2, [2]), (3, [1]), (4, [3]), (5, [1]))
    assert len(counter.finish()) == 0


def test_inherited_visits_count_less_and_old_visits_are_forgotten():
    counter = PointMatchCounter(10)
    counter.seed(np.full(1, -1))
    update_frames(counter, (0, [1]), (1, [1]))
    counter.seed(np.array([0, -1]))
    counter.keep(np.array([1, 2]))
    update_frames(counter, (2, [2, 2]), (3, [2, 2]))
    np.testing.assert_allclose(counter.finish().counts[:, 0], [INHERITED_WEIGHT])
    update_frames(counter, (14, [3, 3]), (15, [3, 3]))
    assert len(counter.finish()) == 1

"""What animals do with their noses, where the right answer is known by construction."""

from dataclasses import replace

import numpy as np
import pytest
from pose_trajectories import make_pose_trajectories, stay, walk

from murid.analysis import pose_behaviour
from murid.analysis.behaviour import compute_behaviour
from murid.analysis.config import MeasureConfig
from murid.arenas.layout import Layout, Zone
from murid.core.keypoints import NOSE, TAIL_BASE
from murid.errors import ArrayError

N = 300
FPS = 30
RAW = MeasureConfig(smooth_s=0, smooth_keypoints_s=0)


def square(x, y, half):
    return ((x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half))


OBJECT = Zone("object", square(200, 200, 20))
LAYOUT = Layout(400, 400, zones=(OBJECT,))


def behave(*animals, config=RAW, layout=LAYOUT, **columns):
    centres, headings = zip(*animals, strict=True)
    trajectories = make_pose_trajectories(centres, headings, fps=FPS, **columns)
    return compute_behaviour(trajectories, layout, config)


def spans(bouts):
    return list(zip(bouts.first_frames.tolist(), bouts.last_frames.tolist(), strict=True))


def turn(*headings):
    """Each heading for 100 frames."""
    return np.repeat(np.array(headings, float), 100)


def test_the_nose_is_in_a_zone_that_the_centre_is_not_in():
    # The centre is 30 px left of the outline, the nose 10 px while it looks there.
    behaviour = behave((stay(165, 200), turn(90, 0, 180)))
    frames = pose_behaviour.find_nose_zone_frames(behaviour, 0)["object"]
    assert np.flatnonzero(frames.inside).tolist() == list(range(100, 200))
    assert not behaviour.find_zone_frames(0)["object"].inside.any()
    visits = pose_behaviour.find_nose_visits(behaviour, 0, frames)
    assert spans(visits) == [(100, 199)]
    assert len(pose_behaviour.find_nose_entries(behaviour, 0, visits)) == 1


def test_a_visit_of_the_nose_ends_where_the_nose_is_missing():
    confidence = np.full((N, 3, 1), 0.9)
    # Seven frames are longer than a gap that is interpolated, and shorter than an absence.
    confidence[150:157, NOSE] = 0.2
    behaviour = behave((stay(165, 200), turn(90, 0, 180)), confidence=confidence)
    frames = pose_behaviour.find_nose_zone_frames(behaviour, 0)["object"]
    visits = pose_behaviour.find_nose_visits(behaviour, 0, frames)
    assert spans(visits) == [(100, 149), (157, 199)]
    # It was in the zone before it was missing, so the second visit is no entry.
    assert spans(pose_behaviour.find_nose_entries(behaviour, 0, visits)) == [(100, 149)]


def test_time_hidden_in_a_nest_is_time_of_the_nose_too():
    path = stay(200, 200)
    path[100:200] = np.nan
    nest = replace(OBJECT, kind="nest")
    behaviour = behave((path, 0.0), layout=Layout(400, 400, zones=(nest,)))
    frames = pose_behaviour.find_nose_zone_frames(behaviour, 0)["object"]
    assert np.flatnonzero(frames.hidden).tolist() == list(range(100, 200))
    assert frames.inside[100:200].all()


@pytest.mark.parametrize(
    ("centre", "heading_deg", "oriented"),
    [
        ((155, 200), 0, True),  # 5 px from the outline, straight ahead
        ((155, 200), 40, True),
        ((155, 200), 90, False),  # turned away
        ((145, 200), 0, False),  # 15 px from it: more than a quarter of a body length
        ((175, 200), 0, True),  # the nose is within the outline, the centre is not
        ((195, 200), 0, False),  # it sits on the object
        ((155, 400), 0, False),
        ((175, 175), -40, True),  # around a corner
    ],
)
def test_orientation_towards_a_zone(centre, heading_deg, oriented):
    behaviour = behave((stay(*centre), float(heading_deg)))
    found = pose_behaviour.find_zone_orientation(behaviour, 0)["object"]
    assert spans(found) == ([(0, N - 1)] if oriented else [])


def test_orientation_towards_an_animal():
    """It looks at the other, away from it, and at it again from too far."""
    path = stay(100, 100)
    path[200:] = [10, 100]
    other = stay(180, 100)
    behaviour = behave((path, turn(20, 120, 0)), (other, 90.0))
    assert spans(pose_behaviour.find_animal_orientation(behaviour, 0, 1)) == [(0, 99)]
    assert spans(pose_behaviour.find_animal_orientation(behaviour, 1, 0)) == []


def test_nose_to_nose_contacts():
    """Face to face, noses 8 px apart; then the second one turns its tail base there."""
    behaviour = behave((stay(100, 100), 0.0), (stay(148, 100), turn(180, 90, 0)))
    assert spans(pose_behaviour.find_nose_contacts(behaviour, 0, 1)) == [(0, 99)]
    assert spans(pose_behaviour.find_nose_contacts(behaviour, 1, 0)) == [(0, 99)]
    assert spans(pose_behaviour.find_tail_base_contacts(behaviour, 0, 1)) == [(200, 299)]
    assert spans(pose_behaviour.find_tail_base_contacts(behaviour, 1, 0)) == []
    distances = pose_behaviour.compute_nose_distances(behaviour, 0, 1)
    assert distances[0] == pytest.approx(8)
    assert distances[250] == pytest.approx(48)


def test_contacts_end_at_keypoints_of_low_confidence_and_begin_after_short_gaps():
    confidence = np.full((N, 3, 2), 0.9)
    confidence[100:115, NOSE, 1] = 0.3
    confidence[200:204, NOSE, 1] = 0.3
    confidence[250:253, TAIL_BASE, 1] = 0.3
    behaviour = behave((stay(100, 100), 0.0), (stay(148, 100), 180.0), confidence=confidence)
    assert spans(pose_behaviour.find_nose_contacts(behaviour, 0, 1)) == [(0, 99), (115, 299)]
    lenient = replace(RAW, min_keypoint_confidence=0.2)
    behaviour = behave(
        (stay(100, 100), 0.0), (stay(148, 100), 180.0), confidence=confidence, config=lenient
    )
    assert spans(pose_behaviour.find_nose_contacts(behaviour, 0, 1)) == [(0, 299)]


def test_no_contact_goes_on_through_a_pause_of_the_camera():
    time_s = np.arange(N) / FPS + 60 * (np.arange(N) >= 150)
    behaviour = behave((stay(100, 100), 0.0), (stay(148, 100), 180.0), time_s=time_s)
    contacts = pose_behaviour.find_nose_contacts(behaviour, 0, 1)
    np.testing.assert_allclose(contacts.duration_s, [5, 5])


def test_following():
    """Two animals walk behind each other; the distance from nose to tail base is 20 px."""
    leader = walk((100, 100), (1, 0))
    follower = walk((40, 100), (1, 0))
    behaviour = behave((follower, 0.0), (leader, 0.0), layout=Layout(500, 400))
    assert spans(pose_behaviour.find_nose_following(behaviour, 0, 1)) == [(0, 299)]
    assert spans(pose_behaviour.find_nose_following(behaviour, 1, 0)) == []
    # It walks backwards in front of it: the centres look the same, the bodies do not.
    backwards = behave((follower, 180.0), (leader, 180.0), layout=Layout(500, 400))
    assert spans(backwards.find_following(0, 1)) == [(0, 299)]
    assert spans(pose_behaviour.find_nose_following(backwards, 0, 1)) == []


def test_interpolated_positions_have_no_keypoints_if_they_are_left_out():
    interpolated = np.zeros((N, 2), bool)
    interpolated[100:120, 1] = True
    config = replace(RAW, use_interpolated=False)
    for changed, expected in ((RAW, [(0, 299)]), (config, [(0, 99), (120, 299)])):
        behaviour = behave(
            (stay(100, 100), 0.0),
            (stay(148, 100), 180.0),
            config=changed,
            interpolated=interpolated,
        )
        assert spans(pose_behaviour.find_nose_contacts(behaviour, 0, 1)) == expected


def test_pixels_that_are_not_square():
    """Pixels twice as wide as high: a body along the diagonal of the stored image is flatter."""
    trajectories = make_pose_trajectories([stay(100, 100)], [45.0])
    behaviour = compute_behaviour(trajectories, Layout(400, 400), RAW, 2.0)
    np.testing.assert_allclose(
        behaviour.require_pose().body_heading_deg, np.degrees(np.arctan2(1, 2))
    )


def test_without_keypoints_an_error_says_so():
    trajectories = make_pose_trajectories([stay(1, 1), stay(2, 2)], [0.0, 0.0])
    without = replace(trajectories, keypoints=None, keypoint_confidence=None)
    behaviour = compute_behaviour(without, LAYOUT, RAW)
    assert behaviour.pose is None
    message = "keypoints: expected a run with keypoints.*, got a run without keypoints"
    for find in (
        pose_behaviour.find_nose_contacts,
        pose_behaviour.find_tail_base_contacts,
        pose_behaviour.find_animal_orientation,
        pose_behaviour.find_nose_following,
    ):
        with pytest.raises(ArrayError, match=message):
            find(behaviour, 0, 1)
    for find in (pose_behaviour.find_nose_zone_frames, pose_behaviour.find_zone_orientation):
        with pytest.raises(ArrayError, match=message):
            find(behaviour, 0)


def test_a_nose_that_rests_on_the_outline_visits_once():
    """It moves by 1 px about the outline, twice a second."""
    path = stay(160, 200)
    path[:, 0] += np.where(np.arange(N) // 15 % 2, -1, 1)
    for margin, n_visits in (("0.1bl", 1), ("0px", 10)):
        behaviour = behave((path, 0.0), config=replace(RAW, zone_margin=margin))
        frames = pose_behaviour.find_nose_zone_frames(behaviour, 0)["object"]
        assert len(pose_behaviour.find_nose_visits(behaviour, 0, frames)) == n_visits


def test_moments_that_are_too_short_do_not_count():
    """For three frames, both look at each other, and at the object."""
    heading = np.full(N, 90.0)
    heading[100:103] = 0
    behaviour = behave((stay(155, 200), heading), (stay(203, 200), 180 - heading))
    assert spans(pose_behaviour.find_nose_contacts(behaviour, 0, 1)) == []
    assert spans(pose_behaviour.find_animal_orientation(behaviour, 0, 1)) == []
    assert spans(pose_behaviour.find_zone_orientation(behaviour, 0)["object"]) == []
    any_time = replace(RAW, min_contact_s=0.0, min_orientation_s=0.0)
    behaviour = behave((stay(155, 200), heading), (stay(203, 200), 180 - heading), config=any_time)
    assert spans(pose_behaviour.find_nose_contacts(behaviour, 0, 1)) == [(100, 102)]
    assert spans(pose_behaviour.find_animal_orientation(behaviour, 0, 1)) == [(100, 102)]
    assert spans(pose_behaviour.find_zone_orientation(behaviour, 0)["object"]) == [(100, 102)]


def test_following_has_a_minimum_duration_and_ends_at_pauses():
    leader = walk((100, 100), (1, 0))
    follower = walk((40, 100), (1, 0))
    # The follower looks ahead for ten frames only.
    heading = np.full(N, 180.0)
    heading[100:110] = 0
    short = behave((follower, heading), (leader, 0.0), layout=Layout(500, 400))
    assert spans(pose_behaviour.find_nose_following(short, 0, 1)) == []
    time_s = np.arange(N) / FPS + 60 * (np.arange(N) >= 150)
    paused = behave((follower, 0.0), (leader, 0.0), layout=Layout(500, 400), time_s=time_s)
    bouts = pose_behaviour.find_nose_following(paused, 0, 1)
    np.testing.assert_allclose(bouts.duration_s, [5, 5])


def test_an_animal_that_is_missing_has_no_keypoints():
    trajectories = make_pose_trajectories([stay(100, 100), stay(148, 100)], [0.0, 180.0])
    position = trajectories.position.copy()
    position[100:200, :, 1] = np.nan
    behaviour = compute_behaviour(replace(trajectories, position=position), LAYOUT, RAW)
    contacts = pose_behaviour.find_nose_contacts(behaviour, 0, 1)
    assert spans(contacts) == [(0, 99), (200, 299)]


def test_one_missed_frame_is_interpolated_at_any_frame_rate():
    confidence = np.full((N, 3, 2), 0.9)
    confidence[100, NOSE, 1] = 0.0
    behaviour = behave(
        (stay(100, 100), 0.0),
        (stay(148, 100), 180.0),
        confidence=confidence,
        time_s=np.arange(N) / 5,
    )
    assert spans(pose_behaviour.find_nose_contacts(behaviour, 0, 1)) == [(0, 299)]

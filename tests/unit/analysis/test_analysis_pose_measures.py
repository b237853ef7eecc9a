"""Columns of keypoints in the tables of measures."""

from dataclasses import replace

import numpy as np
import pytest
from pose_trajectories import make_pose_trajectories, stay, walk

from murid.analysis.behaviour import compute_behaviour
from murid.analysis.config import MeasureConfig
from murid.analysis.measures import compute_measures, tabulate_frames
from murid.arenas.layout import Arena, Layout, Zone
from murid.core import Trajectories
from murid.errors import ConfigError

N = 300
RAW = MeasureConfig(smooth_s=0, smooth_keypoints_s=0, max_keypoint_gap_s=0)
OBJECT = Zone("object", ((180, 180), (220, 180), (220, 220), (180, 220)))
LAYOUT = Layout(400, 400, zones=(OBJECT,), cm_per_px=0.5)


def measure(trajectories, layout=LAYOUT, config=RAW, bin_s=None):
    return compute_measures(compute_behaviour(trajectories, layout, config), bin_s)


def turn(*headings):
    return np.repeat(np.array(headings, float), 100)


@pytest.fixture
def meeting():
    """Noses 8 px apart for a third of the time, then a nose at a tail base for a third."""
    return make_pose_trajectories([stay(100, 100), stay(148, 100)], [0.0, turn(180, 90, 0)])


def test_pairs(meeting):
    pairs = {name: column[0] for name, column in measure(meeting)["pairs"].items()}
    assert pairs["both_noses_known_s"] == pytest.approx(10)
    assert pairs["nose_distance_min_cm"] == pytest.approx(4)
    assert pairs["nose_distance_mean_cm"] == pytest.approx((4 + 0.5 * np.hypot(28, 20) + 24) / 3)
    assert (pairs["nose_to_nose_s"], pairs["nose_to_nose_contacts"]) == pytest.approx((10 / 3, 1))
    assert pairs["a_nose_to_b_tail_base_s"] == pytest.approx(10 / 3)
    assert pairs["a_nose_to_b_tail_base_contacts"] == 1
    assert (pairs["b_nose_to_a_tail_base_s"], pairs["b_nose_to_a_tail_base_contacts"]) == (0, 0)
    assert pairs["a_oriented_to_b_s"] == pytest.approx(10)
    assert pairs["b_oriented_to_a_s"] == pytest.approx(10 / 3)
    assert (pairs["a_nose_follows_b_s"], pairs["b_nose_follows_a_s"]) == (0, 0)


def test_social_columns_of_animals(meeting):
    animals = measure(meeting)["animals"]
    third = pytest.approx(10 / 3)
    assert animals["nose_to_nose_s"].tolist() == [third, third]
    assert animals["nose_to_tail_base_s"].tolist() == [third, 0]
    assert animals["nose_to_tail_base_received_s"].tolist() == [0, third]
    assert animals["oriented_to_animals_s"].tolist() == [pytest.approx(10), third]


def test_followers_and_leaders():
    leader = walk((100, 100), (1, 0))
    follower = walk((40, 100), (1, 0))
    trajectories = make_pose_trajectories([leader, follower], [0.0, 0.0])
    tables = measure(trajectories, Layout(500, 400))
    assert tables["pairs"]["a_nose_follows_b_s"].tolist() == [0]
    assert tables["pairs"]["b_nose_follows_a_s"].tolist() == pytest.approx([10])
    assert tables["animals"]["nose_follows_s"].tolist() == pytest.approx([0, 10])
    assert tables["animals"]["nose_followed_s"].tolist() == pytest.approx([10, 0])


def test_turns_of_a_body_that_does_not_move():
    """Once round in 9 s, then back by 90 degrees within the last second."""
    heading = np.concatenate([np.linspace(0, 360, 270), np.linspace(360, 270, 31)[1:]])
    animals = measure(make_pose_trajectories([stay(100, 100)], [heading]))["animals"]
    assert animals["body_heading_known_s"][0] == pytest.approx(10)
    assert animals["body_turned_deg"][0] == pytest.approx(450)
    assert animals["body_turned_net_deg"][0] == pytest.approx(270)
    assert animals["angular_speed_mean_deg_s"][0] == pytest.approx(45, rel=0.02)
    assert animals["angular_speed_max_deg_s"][0] == pytest.approx(90, rel=0.01)
    # The heading of movement is another measure, and is not known at rest.
    assert animals["turned_deg"][0] == 0


def test_zones():
    """The nose is within the outline while the animal looks there; the centre never is."""
    trajectories = make_pose_trajectories([stay(165, 200)], [turn(90, 0, 180)])
    zones = {name: column[0] for name, column in measure(trajectories)["zones"].items()}
    assert (zones["time_s"], zones["entries"]) == (0, 0)
    assert (zones["nose_s"], zones["nose_share"]) == pytest.approx((10 / 3, 1 / 3))
    assert (zones["nose_entries"], zones["nose_latency_s"]) == (1, pytest.approx(10 / 3))
    assert (zones["oriented_s"], zones["oriented_bouts"]) == (pytest.approx(10 / 3), 1)


def test_latencies_are_from_the_start_of_each_bin():
    trajectories = make_pose_trajectories([stay(165, 200)], [turn(90, 0, 180)])
    zones = measure(trajectories, bin_s=2.5)["zones"]
    np.testing.assert_allclose(zones["nose_latency_s"], [np.nan, 10 / 3 - 2.5, 0, np.nan])


def test_time_hidden_in_a_nest_is_known_time():
    path = stay(200, 200)
    path[100:200] = np.nan
    trajectories = make_pose_trajectories([path], [turn(0, 0, 180)])
    layout = Layout(400, 400, zones=(replace(OBJECT, kind="nest"),))
    (share,) = measure(trajectories, layout)["zones"]["nose_share"]
    assert share == pytest.approx(1 / 3)


def test_contacts_with_several_animals_count_once():
    """One nose meets two others, of which one looks away for a third of the time each."""
    trajectories = make_pose_trajectories(
        [stay(100, 100), stay(148, 98), stay(148, 102)],
        [0.0, turn(180, 180, 0), turn(0, 180, 180)],
    )
    assert measure(trajectories)["animals"]["nose_to_nose_s"][0] == pytest.approx(10)


def test_bouts(meeting):
    bouts = measure(meeting)["bouts"]
    rows = zip(
        *(bouts[name] for name in ("behaviour", "animal", "with", "first_frame")), strict=True
    )
    found = set(rows)
    assert ("nose_to_nose", "a", "b", 0) in found
    assert ("nose_to_tail_base", "a", "b", 200) in found
    assert ("oriented_to_animal", "b", "a", 0) in found
    explorer = make_pose_trajectories([stay(165, 200)], [turn(90, 0, 180)])
    names = measure(explorer)["bouts"]["behaviour"].tolist()
    assert "nose_visit" in names
    assert "oriented_to_zone" in names


def test_frames(meeting):
    frames = tabulate_frames(compute_behaviour(meeting, LAYOUT, RAW))
    own = frames["animal"] == "b"
    assert frames["nose_x_cm"][own][[0, 250]].tolist() == pytest.approx([64, 84])
    assert frames["tail_base_y_cm"][own][150] == pytest.approx(60)
    assert np.abs(frames["body_heading_deg"][own][[0, 150, 250]]).tolist() == pytest.approx(
        [180, 90, 0]
    )
    assert frames["angular_speed_deg_s"][own][50] == 0


def test_bins_add_up_to_the_whole(meeting):
    whole = measure(meeting)
    binned = measure(meeting, bin_s=3.0)
    n_compared = 0
    for table in ("animals", "zones", "pairs"):
        for name in whole[table]:
            is_sum = name.endswith(("_s", "_contacts", "_bouts", "_entries"))
            if not is_sum or "nose" not in name or "latency" in name:
                continue
            n = len(whole[table]["bin"])
            sums = binned[table][name].reshape(n, -1).sum(axis=1)
            np.testing.assert_allclose(sums, whole[table][name], err_msg=name)
            n_compared += 1
    assert n_compared > 15


def test_unknown_keypoints_are_unknown_not_zero():
    confidence = np.full((N, 3, 2), 0.9)
    confidence[:, :, 1] = 0.1
    trajectories = make_pose_trajectories(
        [stay(100, 100), stay(148, 100)], [0.0, 180.0], confidence=confidence
    )
    tables = measure(trajectories)
    animals = tables["animals"]
    assert animals["body_heading_known_s"].tolist() == pytest.approx([10, 0])
    assert np.isnan(animals["angular_speed_mean_deg_s"][1])
    assert np.isnan(animals["body_turned_deg"][1])
    assert np.isnan(tables["pairs"]["nose_distance_mean_cm"][0])
    assert tables["pairs"]["both_noses_known_s"][0] == 0
    assert np.isnan(tables["zones"]["nose_share"][1])


def test_without_keypoints_the_columns_are_absent_and_the_others_are_the_same(meeting):
    without = replace(meeting, keypoints=None, keypoint_confidence=None)
    with_keypoints = measure(meeting)
    tables = measure(without)
    for name, table in tables.items():
        assert not [column for column in table if "nose" in column or "body" in column]
        if name == "bouts":
            continue
        for column, values in table.items():
            np.testing.assert_array_equal(values, with_keypoints[name][column])
    assert not {"nose_to_nose", "oriented_to_animal"} & set(tables["bouts"]["behaviour"])
    facts = compute_behaviour(without, LAYOUT, RAW).describe()
    assert not [name for name in facts if "nose" in name or "orientation" in name]
    facts = compute_behaviour(meeting, LAYOUT, RAW).describe()
    assert facts["max_nose_contact_distance_cm"] == pytest.approx(5)


def test_an_animal_alone_has_no_social_measures():
    animals = measure(make_pose_trajectories([stay(165, 200)], [0.0]))["animals"]
    for name in ("nose_to_nose_s", "oriented_to_animals_s", "nose_follows_s"):
        assert np.isnan(animals[name]).all()


def test_tables_without_rows_have_the_columns():
    nothing = Trajectories(
        np.arange(3) / 30,
        (),
        np.zeros((3, 2, 0)),
        np.zeros((3, 2, 0)),
        np.zeros((3, 0)),
        keypoints=np.zeros((3, 2, 3, 0)),
        keypoint_confidence=np.zeros((3, 3, 0)),
    )
    behaviour = compute_behaviour(nothing, LAYOUT, RAW)
    full = compute_behaviour(
        make_pose_trajectories([stay(165, 200), stay(100, 200)], [0.0, 0.0]), LAYOUT, RAW
    )
    empty = compute_measures(behaviour) | {"frames": tabulate_frames(behaviour)}
    for name, table in (compute_measures(full) | {"frames": tabulate_frames(full)}).items():
        assert list(empty[name]) == list(table)


def test_animals_of_different_arenas_do_not_meet(meeting):
    def make_arena(name, left, right):
        return Arena(name, ((left, 0), (right, 0), (right, 400), (left, 400)))

    layout = Layout(400, 400, (make_arena("w", 0, 125), make_arena("e", 125, 400)))
    tables = measure(meeting, layout)
    assert len(tables["pairs"]["nose_to_nose_s"]) == 0
    assert np.isnan(tables["animals"]["nose_to_nose_s"]).all()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"min_keypoint_confidence": 1.5}, "min_keypoint_confidence: expected 0 to 1, got 1.5"),
        ({"max_keypoint_gap_s": -1.0}, "max_keypoint_gap_s: expected 0 or more seconds, got -1"),
        ({"max_orientation_angle_deg": 200.0}, "max_orientation_angle_deg: expected more than 0"),
        ({"max_nose_contact_distance": "near"}, "max_nose_contact_distance: expected a length"),
    ],
)
def test_invalid_settings(changed, words):
    with pytest.raises(ConfigError, match=words):
        MeasureConfig(**changed)

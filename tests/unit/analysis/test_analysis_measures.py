"""Tables of a small recording that can be worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from murid.analysis.behaviour import compute_behaviour
from murid.analysis.config import MeasureConfig
from murid.analysis.measures import compute_measures, tabulate_frames
from murid.arenas.layout import Arena, Layout, Zone
from murid.core import Trajectories
from murid.errors import ConfigError

FPS, N = 10, 100
RAW = MeasureConfig(
    smooth_s=0,
    max_gap_s=0,
    min_moving_speed="0px",
    max_immobile_speed="5px/s",
    border_width="10px",
    max_contact_distance="8px",
    max_following_distance="20px",
    max_huddle_distance="8px",
    min_huddle_s=1.0,
)
LAYOUT = Layout(
    200,
    100,
    (Arena("box", ((0, 0), (200, 0), (200, 100), (0, 100))),),
    (Zone("east", ((100, 0), (200, 0), (200, 100), (100, 100))),),
    cm_per_px=0.5,
)


def make_trajectories() -> Trajectories:
    """Animal a walks 4 px to the right per frame for 4 s, then rests 6 px from b, which rests."""
    x = np.full((N, 2), 250.0)
    x[:, 0] = np.minimum(5 + 4 * np.arange(N), 165)
    x[:, 1] = 171
    position = np.stack([x, np.full((N, 2), 50.0)], axis=1)
    shape = np.full((N, 2, 2), 10.0)
    confidence = np.ones((N, 2))
    interpolated = np.zeros((N, 2), bool)
    interpolated[90:, 1] = True
    position[:10, :, 1] = np.nan
    return Trajectories(np.arange(N) / FPS, ("a", "b"), position, shape, confidence, interpolated)


@pytest.fixture
def tables():
    return compute_measures(compute_behaviour(make_trajectories(), LAYOUT, RAW))


def test_animals(tables):
    a, b = (
        dict(zip(tables["animals"], row, strict=True))
        for row in zip(*tables["animals"].values(), strict=True)
    )
    assert (a["arena"], a["animal"], a["start_s"], a["end_s"]) == ("box", "a", 0, 10)
    assert (a["seen_s"], a["missing_s"]) == pytest.approx((10, 0))
    assert (b["seen_s"], b["interpolated_s"], b["missing_s"]) == pytest.approx((8, 1, 1))
    assert a["distance_cm"] == pytest.approx(0.5 * 160)
    assert b["distance_cm"] == pytest.approx(0, abs=1e-6)
    assert a["speed_max_cm_s"] == pytest.approx(20)
    assert a["speed_mean_cm_s"] == pytest.approx(20 * 4.05 / 10, rel=0.01)
    assert a["immobile_s"] == pytest.approx(5.9)  # the frame in which it stops is half a step
    assert (a["immobile_bouts"], b["immobile_bouts"]) == (1, 1)
    assert b["immobile_share"] == pytest.approx(8.8 / 9, abs=0.02)
    assert a["border_s"] == pytest.approx(0.2)  # at x = 5 and 9
    assert (a["contact_s"], a["strength"]) == pytest.approx((6.0, 6.0 / 9))
    assert a["huddle_s"] == pytest.approx(5.9)
    assert a["turned_deg"] == pytest.approx(0, abs=1e-6)


def test_zones(tables):
    zones = tables["zones"]
    assert zones["zone"].tolist() == ["east", "east"]
    np.testing.assert_allclose(zones["time_s"], [7.6, 9.0])
    assert zones["entries"].tolist() == [1, 0]  # b begins there
    np.testing.assert_allclose(zones["latency_s"], [2.4, 1.0])
    np.testing.assert_allclose(zones["distance_cm"], [0.5 * 4 * 17, 0])


def test_pairs_and_bouts(tables):
    pairs, bouts = tables["pairs"], tables["bouts"]
    assert (pairs["animal_a"].tolist(), pairs["animal_b"].tolist()) == (["a"], ["b"])
    np.testing.assert_allclose([pairs["distance_min_cm"][0], pairs["both_known_s"][0]], [3, 9])
    assert pairs["contacts"].tolist() == [1]
    contact = bouts["behaviour"] == "contact"
    assert bouts["with"][contact].tolist() == ["b"]
    np.testing.assert_allclose(bouts["duration_s"][contact], 6.0)
    assert bouts["first_frame"][contact].tolist() == [40]


def test_bins_add_up_to_the_whole(tables):
    behaviour = compute_behaviour(make_trajectories(), LAYOUT, RAW)
    binned = compute_measures(behaviour, 3.0)
    assert binned["animals"]["bin"].tolist() == [0, 1, 2, 3] * 2
    np.testing.assert_allclose(binned["animals"]["end_s"][:4], [3, 6, 9, 10])
    for table in ("animals", "zones", "pairs"):
        for name, column in binned[table].items():
            if name.endswith(("_s", "_bouts", "entries", "contacts")) or name.startswith(
                "distance_cm"
            ):
                if name.split("_")[0] in ("start", "end", "latency", "speed"):
                    continue
                n = len(tables[table]["bin"])
                sums = np.nansum(column.reshape(n, -1), axis=1)
                np.testing.assert_allclose(sums, np.nan_to_num(tables[table][name]), err_msg=name)
    with pytest.raises(ConfigError, match="bin: expected more than 0 seconds"):
        compute_measures(behaviour, 0)


def test_interpolated_positions_can_be_excluded():
    behaviour = compute_behaviour(make_trajectories(), LAYOUT, replace(RAW, use_interpolated=False))
    animals = compute_measures(behaviour)["animals"]
    np.testing.assert_allclose(animals["interpolated_s"], [0, 0])
    np.testing.assert_allclose(animals["missing_s"], [0, 2])


def test_identity_probability_of_animals_zones_and_frames():
    probability = np.full((N, 2), 0.99)
    probability[60:, 0] = 0.79
    trajectories = replace(make_trajectories(), identity_probability=probability)
    behaviour = compute_behaviour(trajectories, LAYOUT, RAW)
    animals = compute_measures(behaviour)["animals"]
    np.testing.assert_allclose(animals["identity_probability"], [0.91, 0.99])
    assert animals["identity_uncertain"].tolist() == [True, False]
    binned = compute_measures(behaviour, 5.0)["animals"]
    np.testing.assert_allclose(binned["identity_probability"], [0.99, 0.83, 0.99, 0.99])
    # Animal a enters the zone at 2.4 s, and the names are less certain from 6 s on.
    zones = compute_measures(behaviour)["zones"]
    expected = (3.6 * 0.99 + 4 * 0.79) / 7.6
    np.testing.assert_allclose(zones["identity_probability"], [expected, 0.99])
    frames = tabulate_frames(behaviour)
    own = (frames["animal"] == "a") & (frames["frame"] == 60)
    assert frames["identity_probability"][own].tolist() == [0.79]


def test_tracks_have_no_identity_probability(tables):
    assert np.isnan(tables["animals"]["identity_probability"]).all()
    assert tables["animals"]["identity_uncertain"].tolist() == [None, None]


def test_frames(tables):
    frames = tabulate_frames(compute_behaviour(make_trajectories(), LAYOUT, RAW))
    assert len(frames["frame"]) == 2 * N - 10
    own = (frames["animal"] == "b") & (frames["frame"] == 95)
    assert (frames["x_cm"][own][0], frames["seen"][own][0]) == (85.5, False)


def test_without_a_scale_columns_are_in_pixels():
    tables = compute_measures(compute_behaviour(make_trajectories(), Layout(200, 100), RAW))
    assert tables["animals"]["distance_px"][0] == pytest.approx(160)
    assert np.isnan(tables["animals"]["border_s"]).all(), "without an arena there is no wall"
    with pytest.raises(ConfigError, match="border_width: expected a scale"):
        compute_behaviour(make_trajectories(), Layout(200, 100), replace(RAW, border_width="1cm"))


def test_animals_of_different_arenas_are_not_a_pair():
    west, east = (
        Arena(n, ((a, 0), (b, 0), (b, 100), (a, 100)))
        for n, a, b in (("w", 0, 168), ("e", 168, 200))
    )
    layout = Layout(200, 100, (west, east))
    tables = compute_measures(compute_behaviour(make_trajectories(), layout, RAW))
    assert tables["animals"]["arena"].tolist() == ["w", "e"]
    assert len(tables["pairs"]["animal_a"]) == 0
    assert np.isnan(tables["animals"]["contact_s"]).all()


def test_recording_without_animals():
    nothing = Trajectories(
        np.arange(3) / FPS, (), np.zeros((3, 2, 0)), np.zeros((3, 2, 0)), np.zeros((3, 0))
    )
    behaviour = compute_behaviour(nothing, LAYOUT)
    full = compute_behaviour(make_trajectories(), LAYOUT)
    empty = compute_measures(behaviour) | {"frames": tabulate_frames(behaviour)}
    for name, table in (compute_measures(full) | {"frames": tabulate_frames(full)}).items():
        assert list(empty[name]) == list(table)
        for column, values in table.items():
            assert len(empty[name][column]) == 0
            assert empty[name][column].dtype.kind == values.dtype.kind, column


def test_tables_without_rows_have_columns_in_the_unit_of_the_others():
    tables = compute_measures(compute_behaviour(make_trajectories(), Layout(200, 100), RAW))
    assert len(tables["zones"]["distance_px"]) == 0


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"smooth_s": -1.0}, "smooth_s: expected 0 or more seconds, got -1"),
        ({"border_width": "wide"}, "border_width: expected a length"),
        ({"max_following_angle_deg": 0.0}, "max_following_angle_deg"),
    ],
)
def test_invalid_settings(changed, words):
    with pytest.raises(ConfigError, match=words):
        MeasureConfig(**changed)

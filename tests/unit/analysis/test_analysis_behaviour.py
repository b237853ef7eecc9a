"""Measures of recordings with pauses, dropped frames, any frame rate, and pixels of any shape."""

import numpy as np
import pytest

from murid.analysis.behaviour import compute_behaviour
from murid.analysis.config import MeasureConfig
from murid.analysis.measures import compute_measures, tabulate_frames
from murid.arenas.layout import Arena, Layout, Zone
from murid.core import Trajectories
from murid.errors import ArrayError

FPS = 30
SIZE = (320, 240)
WALL = ((0.0, 0.0), (320.0, 0.0), (320.0, 240.0), (0.0, 240.0))
LEFT_HALF = ((0.0, 0.0), (160.0, 0.0), (160.0, 240.0), (0.0, 240.0))
LAYOUT = Layout(*SIZE, zones=(Zone("left", LEFT_HALF),))


def make_trajectories(time_s, *paths_x, y=120.0, size=(40.0, 40.0)) -> Trajectories:
    """Animals that move along x."""
    x = np.column_stack(paths_x).astype(float)
    position = np.stack([x, np.where(np.isnan(x), np.nan, y)], axis=1)
    shape = np.broadcast_to(np.array(size)[:, None], position.shape).copy()
    names = tuple("abcdef"[: x.shape[1]])
    return Trajectories(np.asarray(time_s, float), names, position, shape, np.ones(x.shape))


def measure(time_s, *paths_x, layout=LAYOUT, bin_s=None, **changed):
    behaviour = compute_behaviour(
        make_trajectories(time_s, *paths_x), layout, MeasureConfig(**changed)
    )
    return compute_measures(behaviour, bin_s)


def times(tables) -> list[float]:
    names = ("seen_s", "interpolated_s", "missing_s")
    return [float(tables["animals"][name][0]) for name in names]


def list_bouts(tables, name: str) -> list[tuple[float, float]]:
    bouts = tables["bouts"]
    rows = bouts["behaviour"] == name
    pairs = zip(bouts["start_s"][rows], bouts["duration_s"][rows], strict=True)
    return [(round(float(start), 6), round(float(duration), 6)) for start, duration in pairs]


HALVES_X = np.where(np.arange(600) < 300, 100.0, 220.0)


@pytest.mark.parametrize("pause_s", [3.0, 60.0])
def test_a_pause_is_missing_time(pause_s):
    """It is left of the line for 10 s before the pause, and right of it for 10 s after."""
    time_s = np.arange(600) / FPS + pause_s * (np.arange(600) >= 300)
    tables = measure(time_s, HALVES_X)
    assert times(tables) == pytest.approx([20, 0, pause_s])
    zones, animals = tables["zones"], tables["animals"]
    assert (zones["time_s"][0], zones["time_share"][0]) == pytest.approx((10, 0.5))
    assert animals["distance_px"][0] == pytest.approx(0, abs=1e-9)
    assert animals["speed_max_px_s"][0] == pytest.approx(0, abs=1e-9)
    assert animals["acceleration_mean_px_s2"][0] == pytest.approx(0, abs=1e-9)
    assert list_bouts(tables, "visit") == [(0, 10)]
    assert list_bouts(tables, "immobile") == [(0, 10), (10 + pause_s, 10)]


def test_frames_that_were_dropped_are_as_frames_that_nothing_was_seen_in():
    rng = np.random.default_rng(0)
    time_s = np.arange(600) / FPS
    x = 160 + 60 * np.sin(time_s) + rng.normal(0, 1, 600)
    dropped = np.zeros(600, bool)
    for first, n in ((50, 1), (90, 2), (200, 20), (300, 90), (450, 3)):
        dropped[first : first + n] = True
    unseen = measure(time_s, np.where(dropped, np.nan, x))
    tables = measure(time_s[~dropped], x[~dropped])
    assert times(tables) == pytest.approx(times(unseen))
    assert times(tables) == pytest.approx([484 / FPS, 26 / FPS, 90 / FPS])
    for name in ("time_s", "entries", "distance_px"):
        np.testing.assert_allclose(tables["zones"][name], unseen["zones"][name])
    np.testing.assert_allclose(tables["animals"]["distance_px"], unseen["animals"]["distance_px"])


def test_bursts_with_pauses_between():
    """Four bursts of 1 s with pauses of 20 s."""
    time_s = np.concatenate([21 * k + np.arange(30) / FPS for k in range(4)])
    tables = measure(time_s, np.full(120, 100.0), np.full(120, 110.0), min_huddle_s=1.0)
    assert times(tables) == pytest.approx([4, 0, 60])
    assert tables["zones"]["time_s"].tolist() == pytest.approx([4, 4])
    assert tables["zones"]["entries"].tolist() == [0, 0]
    assert tables["animals"]["immobile_s"][0] == pytest.approx(4)
    assert tables["animals"]["huddle_s"][0] == pytest.approx(4)
    assert tables["pairs"]["contact_s"][0] == pytest.approx(4)
    assert tables["pairs"]["contacts"][0] == 4
    assert tables["pairs"]["both_known_s"][0] == pytest.approx(4)
    assert list_bouts(tables, "contact") == [(21 * k, 1) for k in range(4)]
    binned = measure(time_s, np.full(120, 100.0), bin_s=10.0)["animals"]
    np.testing.assert_allclose(binned["seen_s"], [1, 0, 1, 0, 1, 0, 1])
    np.testing.assert_allclose(binned["missing_s"], [9, 10, 9, 10, 9, 10, 3])


def test_no_movement_is_known_while_the_animal_is_missing():
    """A single missing frame between two known ones, and a pause as long as a frame."""
    x = np.array([0, 1, np.nan, 101, 102, 103.0])
    for time_s, path in (
        (np.arange(6.0), x),
        (np.arange(6.0)[[0, 1, 3, 4, 5]], x[[0, 1, 3, 4, 5]]),
    ):
        tables = measure(time_s, path, smooth_s=0.0, max_gap_s=0.0, min_moving_speed="0px")
        assert tables["animals"]["speed_max_px_s"][0] <= 1
        assert tables["animals"]["distance_px"][0] == pytest.approx(3)
        assert times(tables) == pytest.approx([5, 0, 1])


def test_an_entry_during_a_pause_counts_once():
    """It is outside before the first pause, and inside before and after the second."""
    time_s = np.concatenate([30 * k + np.arange(30) / FPS for k in range(3)])
    x = np.repeat([220.0, 100.0, 100.0], 30)
    assert measure(time_s, x)["zones"]["entries"].tolist() == [1]


def test_an_animal_in_its_nest_is_not_there_while_nothing_is_filmed():
    layout = Layout(*SIZE, zones=(Zone("nest", LEFT_HALF, kind="nest"),))
    x = np.full(900, 100.0)
    x[200:400] = np.nan
    time_s = np.arange(900) / FPS + 60 * (np.arange(900) >= 300)
    zones = measure(time_s, x, layout=layout)["zones"]
    assert zones["time_s"][0] == pytest.approx(30)
    assert zones["hidden_s"][0] == pytest.approx(200 / FPS)
    assert zones["time_share"][0] == pytest.approx(1)


@pytest.mark.parametrize("fps", [0.1, 0.5, 1, 2, 5, 30, 120, 500])
def test_any_frame_rate(fps):
    """Three times to and fro over the line within 600 s, inside half of the time."""
    time_s = np.arange(0, 600, 1 / fps)[: round(600 * fps)]
    x = 160 + 60 * np.sin(2 * np.pi * 3 * time_s / 600 - 0.3)
    tables = measure(time_s, x, min_moving_speed="0px", bin_s=60.0)
    animals, zones = tables["animals"], tables["zones"]
    np.testing.assert_allclose(animals["seen_s"], 60)
    assert zones["time_s"].sum() == pytest.approx(300, abs=2 / fps + 1e-6)
    assert zones["entries"].sum() == 3
    assert animals["distance_px"].sum() == pytest.approx(720, rel=0.05)
    jittered = time_s + np.random.default_rng(0).uniform(-0.3, 0.3, len(time_s)) / fps
    x = 160 + 60 * np.sin(2 * np.pi * 3 * jittered / 600 - 0.3)
    tables = measure(jittered, x, min_moving_speed="0px")
    assert times(tables) == pytest.approx([600, 0, 0], abs=0.6 / fps + 0.01)
    assert tables["zones"]["entries"].tolist() == [3]
    assert tables["animals"]["distance_px"][0] == pytest.approx(720, rel=0.05)


@pytest.mark.parametrize("interval_s", [1.0, 10.0, 60.0])
def test_an_animal_that_moves_from_frame_to_frame_of_a_time_lapse_is_not_immobile(interval_s):
    """A third of a body length in each interval, then rest in a box that trembles by 2 px."""
    time_s = interval_s * np.arange(20)
    x = np.append(60 + 20 * np.arange(10), 250 + 2 * (np.arange(10) % 2)).astype(float)
    tables = measure(time_s, x)
    assert tables["animals"]["distance_px"][0] == pytest.approx(185, abs=10)
    assert tables["animals"]["immobile_s"][0] == pytest.approx(10 * interval_s)
    facts = compute_behaviour(make_trajectories(time_s, x), LAYOUT).describe()
    body_px = 40 * np.sqrt(2)
    assert facts["max_immobile_speed_px"] == pytest.approx(0.25 * body_px / interval_s, abs=1e-4)
    assert facts["min_moving_speed_px"] == pytest.approx(0.1 * body_px / interval_s, abs=1e-4)


def test_a_bout_of_immobility_has_two_frames():
    time_s = np.arange(8.0)
    x = np.array([0, 50, 100, 150, 150, 150, 200, 250.0]) + 10
    tables = measure(time_s, x, smooth_s=0.0, max_immobile_speed="5px/s")
    assert list_bouts(tables, "immobile") == []
    tables = measure(time_s, np.sort(np.append(x[1:], 160)), smooth_s=0.0)
    assert list_bouts(tables, "immobile") == [(3, 2)]


def test_the_clock_of_the_rig():
    """A recording that begins at 1000 s: times are those of the clock, latencies are not."""
    time_s = 1000 + np.arange(300) / FPS
    tables = measure(time_s, np.where(np.arange(300) < 120, 220.0, 100.0), bin_s=5.0)
    assert tables["animals"]["start_s"].tolist() == [1000, 1005]
    assert tables["animals"]["end_s"].tolist() == pytest.approx([1005, 1010])
    np.testing.assert_allclose(tables["zones"]["latency_s"], [4, 0])
    assert list_bouts(tables, "visit") == [(1004, 6)]


SWAY_S = np.arange(1800) / FPS


@pytest.mark.parametrize(
    "sway",
    [
        2 * np.sin(2 * np.pi * 0.6 * SWAY_S),
        2 * np.sin(2 * np.pi * 0.2 * SWAY_S),
        np.random.default_rng(0).normal(0, 1, 1800),
    ],
)
def test_an_animal_that_rests_on_the_line_of_a_zone_does_not_enter_again_and_again(sway):
    zones = measure(SWAY_S, 160 + sway)["zones"]
    assert zones["entries"][0] <= 1
    assert zones["time_s"][0] == pytest.approx(30, abs=2), "time goes by the outline"
    assert measure(SWAY_S, 160 + sway, zone_margin="0px")["zones"]["entries"][0] > 10


def test_an_animal_that_walks_over_the_line_enters_every_time():
    x = 160 + 60 * np.sin(2 * np.pi * 3 * SWAY_S / 60 - 0.3)
    for margin in ("0.1bl", "0px"):
        zones = measure(SWAY_S, x, zone_margin=margin)["zones"]
        assert zones["entries"].tolist() == [3]
    stays = measure(SWAY_S, np.where(SWAY_S < 10, 100.0, 220.0))["zones"]
    assert (stays["entries"][0], stays["latency_s"][0]) == (0, 0)
    never = measure(SWAY_S, np.full(1800, 220.0))["zones"]
    assert never["entries"][0] == 0
    assert np.isnan(never["latency_s"][0])


def test_the_border_is_half_of_the_arena():
    """An animal that is evenly everywhere is half of the time in the border."""
    rng = np.random.default_rng(0)
    position = rng.uniform(0, 500, (20_000, 2, 1))
    trajectories = Trajectories(
        np.arange(20_000) / FPS,
        ("a",),
        position,
        np.full(position.shape, 130.0),
        np.ones((20_000, 1)),
    )
    square = ((0.0, 0.0), (500.0, 0.0), (500.0, 500.0), (0.0, 500.0))
    layout = Layout(500, 500, (Arena("field", square),), cm_per_px=0.1)
    config = MeasureConfig(smooth_s=0)
    behaviour = compute_behaviour(trajectories, layout, config)
    assert compute_measures(behaviour)["animals"]["border_share"][0] == pytest.approx(0.5, abs=0.01)
    assert behaviour.describe()["border_width_cm"] == {"field": pytest.approx(7.3223, abs=1e-3)}
    config = MeasureConfig(smooth_s=0, border_width="5cm")
    share = compute_measures(compute_behaviour(trajectories, layout, config))["animals"]
    assert share["border_share"][0] == pytest.approx(0.36, abs=0.01)


def test_lengths_along_both_axes_where_pixels_are_not_square():
    """PAL widescreen: pixels 64/45 times as wide as high, and 0.1 cm high."""
    aspect = 64 / 45
    wide_cm = 0.1 * aspect
    layout = Layout(
        720,
        576,
        (Arena("box", ((100.0, 100.0), (600.0, 100.0), (600.0, 500.0), (100.0, 500.0))),),
        (Zone("hole", circle=(200.0, 300.0, 50.0)),),
        cm_per_px=0.1,
    )
    along = 200 + 100 * np.clip(np.arange(300) / 150 - 0.5, 0, 1)
    still = np.full(300, 300.0)
    position = np.stack([np.column_stack([along, still]), np.column_stack([still, along])], axis=1)
    trajectories = Trajectories(
        np.arange(300) / FPS,
        ("across", "down"),
        position,
        np.full(position.shape, 30.0),
        np.ones((300, 2)),
    )
    config = MeasureConfig(smooth_s=0, min_moving_speed="0px")
    behaviour = compute_behaviour(trajectories, layout, config, aspect)
    tables = compute_measures(behaviour)
    animals = tables["animals"]
    np.testing.assert_allclose(animals["distance_cm"], [100 * wide_cm, 10])
    np.testing.assert_allclose(animals["speed_max_cm_s"], [20 * wide_cm, 2])
    np.testing.assert_allclose(animals["wall_distance_mean_cm"], [17.5, 15.0], atol=0.8)
    assert behaviour.body_length_px == pytest.approx(30 * np.hypot(aspect, 1))
    frames = tabulate_frames(behaviour)
    assert frames["x_cm"][0] == pytest.approx(200 * wide_cm)
    # The circle of stored pixels is an ellipse: 50 pixels in either direction.
    np.testing.assert_allclose(tables["zones"]["time_s"], [0.5 * 5 + 2.5, 0], atol=0.04)
    assert behaviour.describe()["pixel_aspect"] == aspect
    diagonal = compute_behaviour(
        make_trajectories([0, 1, 2], [0.0, 45, 90], y=np.array([[64.0], [0], [-64]])),
        layout,
        config,
        aspect,
    )
    np.testing.assert_allclose(diagonal.heading_deg, 45)
    with pytest.raises(ArrayError, match="pixel_aspect: expected a number above 0"):
        compute_behaviour(trajectories, layout, config, 0.0)


def test_frames_of_bouts_are_those_of_the_recording():
    time_s = np.arange(600) / FPS + 60 * (np.arange(600) >= 300)
    bouts = measure(time_s, np.full(600, 100.0))["bouts"]
    visits = bouts["behaviour"] == "visit"
    assert bouts["first_frame"][visits].tolist() == [0, 300]
    assert bouts["last_frame"][visits].tolist() == [299, 599]
    behaviour = compute_behaviour(make_trajectories(time_s, np.full(600, 100.0)), LAYOUT)
    frames = tabulate_frames(behaviour)
    np.testing.assert_array_equal(frames["frame"], np.arange(600))
    np.testing.assert_array_equal(frames["time_s"], time_s)
    facts = behaviour.describe()
    assert (facts["n_frames"], facts["fps"], facts["unfilmed_s"]) == (600, 30, 60)

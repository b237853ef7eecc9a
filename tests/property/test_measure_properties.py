"""Measures of any clock agree with integrals that are worked out step by step."""

from dataclasses import dataclass
from itertools import pairwise
from statistics import median, median_low

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from murid.analysis.behaviour import compute_behaviour
from murid.analysis.config import MeasureConfig
from murid.analysis.measures import compute_measures
from murid.arenas.layout import Layout, Zone
from murid.core import Trajectories

# The animal moves along x; the zone is on the left of the line. Margins are in pixels.
LINE_X = 500.0
LAYOUT = Layout(1000, 100, zones=(Zone("left", ((0, 0), (500, 0), (500, 100), (0, 100))),))
# An interval of this many median intervals lacks frames, and this many are always bridged.
DROP, BRIDGED = 1.75, 2.5


@dataclass
class Recording:
    """Times and positions of the frames, and the settings."""

    times: list[float]
    x: list[float]
    max_gap_s: float
    margin: float

    def measure(self, bin_s: float | None = None, x=None) -> dict:
        config = MeasureConfig(
            smooth_s=0,
            max_gap_s=self.max_gap_s,
            min_moving_speed="0px/s",
            max_immobile_speed="20px/s",
            min_immobile_s=0,
            min_visit_s=0,
            zone_margin=f"{self.margin}px",
        )
        path = np.array(self.x if x is None else x)
        position = np.stack([path, np.where(np.isnan(path), np.nan, 50.0)], axis=1)[:, :, None]
        trajectories = Trajectories(
            np.array(self.times),
            ("a",),
            position,
            np.full(position.shape, 30.0),
            np.ones((len(path), 1)),
        )
        return compute_measures(compute_behaviour(trajectories, LAYOUT, config), bin_s)

    @property
    def interval(self) -> float:
        steps = [b - a for a, b in pairwise(self.times)]
        # Half of the steps may be pauses: their mean with the others is the length of neither.
        low = median_low(steps)
        return low if median(steps) >= DROP * low else median(steps)

    def is_gap(self, step: float) -> bool:
        limit = max(self.max_gap_s, BRIDGED * self.interval) if self.max_gap_s else 0
        return step >= DROP * self.interval and step > limit

    def list_spans(self) -> list[tuple[str, float, float]]:
        """Seen, interpolated and missing time, one after the other."""
        spans = []
        for start, end in pairwise(self.times):
            if end - start < DROP * self.interval:
                spans.append(("seen", start, end))
                continue
            spans.append(("seen", start, start + self.interval))
            kind = "missing" if self.is_gap(end - start) else "interpolated"
            spans.append((kind, start + self.interval, end))
        last = self.times[-1]
        return [*spans, ("seen", last, last + self.interval)]


@st.composite
def draw_recordings(draw) -> Recording:
    """Any rate, jitter, dropped frames, pauses and bursts; within each, a path of straight lines.

    During a pause the animal is put elsewhere.
    """
    rate = 10 ** draw(st.floats(-1, 2.7))
    n_frames = draw(st.integers(12, 80))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    jitter = draw(st.sampled_from([0, 0.02, 0.3]))
    steps = np.ones(n_frames - 1) + rng.uniform(-jitter, jitter, n_frames - 1)
    max_gap_s = draw(st.sampled_from([0.0, 0.1, 1.0, 5.0]))
    pause = 1.5 * max(max_gap_s * rate, BRIDGED)
    kinds = rng.random(n_frames - 1)
    steps[kinds < draw(st.sampled_from([0, 0.1, 0.2]))] = rng.integers(2, 6)
    steps[kinds > 1 - draw(st.sampled_from([0, 0.05, 0.2]))] = pause * rng.uniform(1, 20)
    start_s = draw(st.sampled_from([0.0, -3.0, 1234.5]))
    times = start_s + np.concatenate([[0], np.cumsum(steps)]) / rate
    recording = Recording(times.tolist(), [], max_gap_s, draw(st.sampled_from([0.0, 15.0])))
    # In pixels per frame, so that it crosses the line at any rate.
    speed = draw(st.sampled_from([0.0, 1.0, 20.0, 60.0]))
    x = float(rng.uniform(50, 950))
    direction = 1.0
    for number, step in enumerate(np.diff(times, prepend=times[0])):
        if recording.is_gap(step):
            x = float(rng.uniform(50, 950))
        elif number:
            x += direction * speed * step * rate
        if not 30 < x < 970 or rng.random() < 0.05:
            direction = 1.0 if x < LINE_X else -1.0
        x = float(np.clip(x, 5, 995))
        recording.x.append(x)
    return recording


def overlap(start: float, end: float, low: float, high: float) -> float:
    return max(0.0, min(end, high) - max(start, low))


@settings(deadline=None, max_examples=60)
@given(recording=draw_recordings(), n_bins=st.floats(1, 9))
def test_time_is_seen_interpolated_or_missing(recording, n_bins):
    spans = recording.list_spans()
    length = spans[-1][2] - spans[0][1]
    bin_s = length / n_bins
    for max_s in (length, bin_s):
        animals = recording.measure(None if max_s == length else bin_s)["animals"]
        for start, end, *found in zip(
            animals["start_s"],
            animals["end_s"],
            animals["seen_s"],
            animals["interpolated_s"],
            animals["missing_s"],
            strict=True,
        ):
            expected = [
                sum(overlap(low, high, start, end) for kind, low, high in spans if kind == name)
                for name in ("seen", "interpolated", "missing")
            ]
            assert found == pytest.approx(expected, abs=1e-6 * length)
            assert sum(found) == pytest.approx(end - start, abs=1e-9 * length)
            assert found[0] <= max_s * (1 + 1e-9)
        assert animals["end_s"][-1] == pytest.approx(spans[-1][2])


@settings(deadline=None, max_examples=60)
@given(recording=draw_recordings(), n_bins=st.floats(1, 9))
def test_bins_add_up_to_the_whole(recording, n_bins):
    spans = recording.list_spans()
    length = spans[-1][2] - spans[0][1]
    whole = recording.measure()
    parts = recording.measure(length / n_bins)
    for table, names in (
        ("animals", ("seen_s", "distance_px", "immobile_s", "immobile_bouts", "turned_deg")),
        ("zones", ("time_s", "hidden_s", "entries", "distance_px")),
    ):
        for name in names:
            total = np.nansum(parts[table][name])
            assert total == pytest.approx(np.nansum(whole[table][name]), abs=1e-6), name


@settings(deadline=None, max_examples=60)
@given(recording=draw_recordings())
def test_distance_and_speed_have_no_steps_across_gaps(recording):
    steps = [
        (b - a, abs(recording.x[k + 1] - recording.x[k]))
        for k, (a, b) in enumerate(pairwise(recording.times))
    ]
    filmed = [(time, step) for time, step in steps if not recording.is_gap(time)]
    animals = recording.measure()["animals"]
    expected = sum(step for _, step in filmed)
    assert animals["distance_px"][0] == pytest.approx(expected, abs=1e-6)
    fastest = max((step / time for time, step in filmed), default=0.0)
    speed = animals["speed_max_px_s"][0]
    assert np.isnan(speed) or speed <= fastest * (1 + 1e-6) + 1e-9


@settings(deadline=None, max_examples=60)
@given(recording=draw_recordings())
def test_time_in_a_zone_is_that_of_the_path(recording):
    """The path is a straight line between frames, and the side changes within a row at most."""
    spans = recording.list_spans()
    expected = 0.0
    tolerance = 1e-6
    for kind, start, end in spans:
        if kind == "missing":
            continue
        # Side at the start and the end of the span; a frame counts until the next one.
        x_start, x_end = np.interp([start, end], recording.times, recording.x)
        frame = np.searchsorted(recording.times, start, "right") - 1
        if kind == "seen":
            expected += (end - start) * (recording.x[frame] < LINE_X)
        elif x_start < LINE_X and x_end < LINE_X:
            expected += end - start
        elif (x_start < LINE_X) != (x_end < LINE_X):
            crossing = start + (end - start) * (LINE_X - x_start) / (x_end - x_start)
            expected += crossing - start if x_start < LINE_X else end - crossing
            # A second of dropped frames has at most 30 rows.
            tolerance += 1.6 * recording.interval + (end - start) / 30
    zones = recording.measure()["zones"]
    assert zones["time_s"][0] == pytest.approx(expected, abs=tolerance)


@settings(deadline=None, max_examples=60)
@given(recording=draw_recordings())
def test_entries_are_crossings_beyond_the_margin(recording):
    entries = 0
    is_inside = None
    for x in recording.x:
        if x < LINE_X:
            entries += is_inside is False
            is_inside = True
        elif is_inside is None or x > LINE_X + recording.margin:
            is_inside = False
    assert recording.measure()["zones"]["entries"].tolist() == [entries]


@settings(deadline=None, max_examples=60)
@given(recording=draw_recordings())
def test_no_bout_goes_on_through_a_gap(recording):
    missing = [(low, high) for kind, low, high in recording.list_spans() if kind == "missing"]
    bouts = recording.measure()["bouts"]
    length = recording.times[-1] - recording.times[0]
    for start, duration in zip(bouts["start_s"], bouts["duration_s"], strict=True):
        through = sum(overlap(start, start + duration, low, high) for low, high in missing)
        assert through == pytest.approx(0, abs=1e-9 * length)
    if recording.margin == 0:
        visits = bouts["duration_s"][bouts["behaviour"] == "visit"].sum()
        assert visits == pytest.approx(recording.measure()["zones"]["time_s"][0], abs=1e-6)
    for first, last in zip(bouts["first_frame"], bouts["last_frame"], strict=True):
        times = recording.times[first : last + 1]
        assert not any(recording.is_gap(b - a) for a, b in pairwise(times))


@settings(deadline=None, max_examples=40)
@given(
    rate=st.sampled_from([0.1, 1.0, 7.5, 30.0]),
    dropped=st.lists(st.tuples(st.integers(1, 70), st.integers(1, 40)), max_size=4),
    seed=st.integers(0, 1000),
)
def test_dropped_frames_are_as_frames_without_a_detection(rate, dropped, seed):
    n_frames = 150
    times = np.arange(n_frames) / rate
    x = 500 + np.cumsum(np.random.default_rng(seed).normal(0, 10, n_frames))
    is_dropped = np.zeros(n_frames, bool)
    for first, length in dropped:
        is_dropped[first : first + length] = True
    unseen = Recording(times.tolist(), x.tolist(), 1.0, 0.0)
    unseen = unseen.measure(x=np.where(is_dropped, np.nan, x))
    kept = Recording(times[~is_dropped].tolist(), x[~is_dropped].tolist(), 1.0, 0.0).measure()
    for table, names in (
        ("animals", ("end_s", "seen_s", "interpolated_s", "missing_s", "distance_px")),
        ("zones", ("time_s", "time_share", "entries", "latency_s", "distance_px")),
    ):
        for name in names:
            np.testing.assert_allclose(kept[table][name], unseen[table][name], err_msg=name)

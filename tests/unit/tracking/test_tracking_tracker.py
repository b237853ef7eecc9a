from dataclasses import replace

import numpy as np
import pytest

from murid.core import Detections, DetectionTable
from murid.errors import ArrayError, ConfigError
from murid.tracking import ScoreConfig, Tracker, TrackingConfig, TrackState, make_tracker

PAPER, DEFAULT = TrackingConfig.paper(), TrackingConfig()
BOTH = pytest.mark.parametrize("config", [PAPER, DEFAULT], ids=["paper", "default"])
NOTHING = Detections.empty()


def see(*centres, size=(40, 20), score=0.9, embeddings=None):
    """Detections of one size around centres (x, y)."""
    c, half = np.array(centres, np.float32).reshape(-1, 2), np.array(size, np.float32) / 2
    boxes = np.concatenate([c - half, c + half], axis=1)
    scores = np.broadcast_to(np.float32(score), len(c)).copy()
    return Detections(
        boxes, scores, None if embeddings is None else np.array(embeddings, np.float32)
    )


def ids_of(tracker, *frames):
    return [tracker.step(f).track_ids.tolist() for f in frames]


@BOTH
def test_first_frame_is_reported_at_once_from_left_to_right(config):
    assert ids_of(Tracker(config), see((300, 50), (50, 50))) == [[2, 1]]


@BOTH
def test_a_later_track_is_reported_from_its_second_match(config):
    frames = [see((50, 50))] * 2 + [see((50, 50), (300, 50))] * 3
    assert ids_of(Tracker(config), *frames)[2:] == [[1, -1], [1, 2], [1, 2]]


def test_without_confirmation_it_is_reported_at_once():
    config = replace(PAPER, confirm_new_tracks=False)
    assert ids_of(Tracker(config), see((50, 50)), see((50, 50), (300, 50))) == [[1], [1, 2]]


@BOTH
def test_tentative_track_without_second_match_is_removed(config):
    tracker = Tracker(config)
    ids_of(tracker, see((50, 50)), see((50, 50), (300, 50)), see((50, 50)))
    assert tracker.bank.ids.tolist() == [1]


@pytest.mark.parametrize(("gap", "same"), [(30, True), (31, False)])
def test_lost_track_is_removed_after_max_lost_s(gap, same):
    tracker = Tracker(PAPER, fps=30)
    ids_of(tracker, see((50, 50)), *[NOTHING] * gap)
    assert len(tracker.bank) == int(same)
    assert ids_of(tracker, *[see((50, 50))] * 2)[-1] == ([1] if same else [2])


def test_max_lost_frames_follow_the_frame_rate():
    tracker = Tracker(PAPER, fps=10)
    ids_of(tracker, see((50, 50)), *[NOTHING] * 10)
    assert len(tracker.bank) == 1
    tracker.step(NOTHING)
    assert len(tracker.bank) == 0


def test_trackers_count_ids_independently():
    a, b = Tracker(), Tracker()
    for _ in range(3):
        assert a.step(see((50, 50), (200, 50))).track_ids.tolist() == [1, 2]
        assert b.step(see((90, 90))).track_ids.tolist() == [1]
    assert ids_of(Tracker(), see((50, 50))) == [[1]]


@BOTH
def test_empty_frames_and_one_detection(config):
    tracker = Tracker(config)
    assert ids_of(tracker, NOTHING, NOTHING) == [[], []]
    assert ids_of(tracker, see((50, 50)), see((51, 50)), NOTHING, see((52, 50))) == [
        [-1],
        [1],
        [],
        [1],
    ]
    assert tracker.bank.states.tolist() == [TrackState.TRACKED]


@BOTH
def test_bank_size_is_bounded(config):
    tracker, rng = Tracker(config, fps=10), np.random.default_rng(0)
    for _ in range(200):
        tracker.step(see(*rng.uniform(0, 5000, (4, 2))))
    assert len(tracker.bank) <= 4 * 20


@BOTH
def test_two_animals_that_pass_keep_their_ids_without_embeddings(config):
    tracker = Tracker(config)
    for t in range(40):
        ids = tracker.step(see((50 + 5 * t, 50), (250 - 5 * t, 75))).track_ids.tolist()
    assert ids == [1, 2]


def test_paper_matches_by_appearance_within_the_gate():
    a, b = [1.0, 0.0], [0.0, 1.0]
    tracker = Tracker(PAPER)
    ids_of(tracker, *[see((50, 50), (53, 50), embeddings=[a, b])] * 3)
    assert ids_of(tracker, see((50, 50), (53, 50), embeddings=[b, a])) == [[2, 1]]


def test_noisy_look_alikes_do_not_swap():
    tracker, rng = Tracker(), np.random.default_rng(0)
    base = rng.normal(size=64)
    for _ in range(60):
        embeddings = base + rng.normal(0, 0.4, (2, 64))
        embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
        centres = np.array([[50, 50], [85, 50]]) + rng.normal(0, 1, (2, 2))
        assert tracker.step(see(*centres, embeddings=embeddings)).track_ids.tolist() == [1, 2]


def test_a_turning_animal_keeps_its_id():
    tracker = Tracker()
    for angle in np.linspace(0, 4 * np.pi, 120):  # a body 100 x 30 that spins twice in 4 s
        size = (
            np.hypot(100 * np.cos(angle), 30 * np.sin(angle)),
            np.hypot(100 * np.sin(angle), 30 * np.cos(angle)),
        )
        assert tracker.step(see((200, 200), size=size)).track_ids.tolist() == [1]


def test_a_running_animal_keeps_its_id_at_five_frames_per_second():
    tracker = Tracker(fps=5)
    for t in range(20):  # half a body length between frames, and no overlap with its neighbour
        assert tracker.step(see((50 + 20 * t, 50), (50 + 20 * t, 110))).track_ids.tolist() == [1, 2]


def test_low_scores_continue_but_do_not_start_tracks():
    tracker = Tracker()
    assert ids_of(tracker, see((50, 50)), see((51, 50), score=0.12), see((52, 50))) == [
        [1],
        [1],
        [1],
    ]
    assert tracker.bank.hits.tolist() == [3]
    assert ids_of(Tracker(), *[see((50, 50), score=0.3)] * 3) == [[-1]] * 3


def test_scores_equal_to_the_thresholds_count():
    config = TrackingConfig(scores=ScoreConfig(detection=0.5, new_track=0.5, low=0.25))
    assert ids_of(Tracker(config), see((50, 50), score=0.5), see((50, 50), score=0.25)) == [
        [1],
        [1],
    ]


def test_output_boxes():
    first, second, means = see((50, 50)), see((56, 50)), {}
    for output in ("detection", "kalman", "mean"):
        tracker = Tracker(replace(DEFAULT, output_boxes=output))
        tracker.step(first)
        boxes = tracker.step(second).detections.boxes
        assert boxes.dtype == np.float32
        means[output] = boxes
    np.testing.assert_array_equal(means["detection"], second.boxes)
    assert first.boxes[0, 0] < means["kalman"][0, 0] < second.boxes[0, 0]
    np.testing.assert_allclose(means["mean"], (means["kalman"] + second.boxes) / 2, atol=1e-5)


def test_thresholds_follow_the_typical_score_unless_max_tracks_is_set():
    frames = [see((50, 50), score=0.95)] * 5 + [see((50, 50), (300, 50), score=[0.95, 0.5])] * 3
    assert ids_of(Tracker(), *frames)[-1] == [1, -1]
    assert ids_of(
        Tracker(
            replace(DEFAULT, scores=ScoreConfig(relative_detection=0.0, relative_new_track=0.0))
        ),
        *frames,
    )[-1] == [1, 2]
    assert ids_of(Tracker(replace(DEFAULT, max_tracks=2)), *frames)[-1] == [1, 2]
    unsure = [see((50, 50), score=0.55)] * 5 + [see((50, 50), (300, 50), score=[0.55, 0.5])] * 3
    assert ids_of(Tracker(), *unsure)[-1] == [1, 2]


def test_false_positives_do_not_lower_the_typical_score():
    clutter = see((50, 50), *((100 * k, 300) for k in range(8)), score=[0.95] + [0.15] * 8)
    frames = [clutter] * 5 + [see((50, 50), (300, 50), score=[0.95, 0.5])] * 3
    assert ids_of(Tracker(), *frames)[-1] == [1, -1]


@pytest.mark.parametrize(("neighbour", "followed"), [(400, True), (150, True), (136, False)])
def test_neighbour_gate_allows_jumps_of_isolated_animals(neighbour, followed):
    """A box of 40 px jumps by 44 px, so that it no longer overlaps; 0.5 * 86 < 44 < 0.5 * 100."""
    frames = [see((50, 50), (neighbour, 50))] * 3 + [see((94, 50), (neighbour, 50))] * 2
    assert (ids_of(Tracker(fps=10), *frames)[-1] == [1, 2]) is followed
    assert ids_of(Tracker(replace(DEFAULT, neighbour_gate=None), fps=10), *frames)[-1] == [1, 2]
    overlap = replace(DEFAULT, stage2_cost="iou", stage2_max_cost=0.5)
    assert ids_of(Tracker(overlap, fps=10), *frames)[-1] == [3, 2]


def test_the_more_confident_of_two_detections_is_matched():
    frames = [see((50, 50))] * 3 + [see((47, 50), (54, 50), score=[0.6, 0.95])]
    assert ids_of(Tracker(), *frames)[-1] == [-1, 1]
    assert ids_of(Tracker(replace(DEFAULT, score_weight=0.0)), *frames)[-1] == [1, -1]


def test_a_merged_box_keeps_the_track_but_is_not_reported_as_the_animal():
    merged = see((65, 50), size=(70, 24))
    frames = [see((50, 50), (80, 50))] * 5
    tracker, plain = Tracker(), Tracker(replace(DEFAULT, min_merged_overlap=None))
    ids_of(tracker, *frames), ids_of(plain, *frames)
    robust, plain_result = tracker.step(merged), plain.step(merged)
    assert robust.track_ids.max() == plain_result.track_ids.max() > 0
    width = robust.detections.boxes[0, 2] - robust.detections.boxes[0, 0]
    assert width < 46 < plain_result.detections.boxes[0, 2] - plain_result.detections.boxes[0, 0]
    assert ids_of(tracker, *frames)[-1] == [1, 2]


def test_known_camera_motion_is_compensated():
    rng = np.random.default_rng(1)
    seen, places = [], np.array([[50.0, 50], [110, 50], [170, 50]])
    shifts = rng.choice([-60.0, 60.0], 20)
    for shift in shifts:
        places = places + np.array([shift, 0])
        seen.append(see(*places))
    compensated, static = Tracker(), Tracker()
    motions = [np.array([[1, 0, shift], [0, 1, 0]]) for shift in shifts]
    assert [
        compensated.step(d, m).track_ids.tolist() for d, m in zip(seen, motions, strict=True)
    ] == [[1, 2, 3]] * 20
    assert [static.step(d).track_ids.tolist() for d in seen] != [[1, 2, 3]] * 20


def test_a_box_without_area_belongs_to_no_track():
    detections = see((50, 50), (150, 50), (250, 50))
    detections.boxes[1, 2] = detections.boxes[1, 0]
    tracker = Tracker()
    assert ids_of(tracker, detections, detections) == [[1, -1, 2], [1, -1, 2]]


class TestMaxTracks:
    def test_at_most_max_tracks_with_the_highest_scores(self):
        tracker = Tracker(TrackingConfig(max_tracks=2))
        detections = see((50, 50), (150, 50), (250, 50), score=[0.9, 0.5, 0.8])
        assert ids_of(tracker, detections, detections) == [[1, -1, 2], [1, -1, 2]]
        assert len(tracker.bank) == 2

    def test_lost_track_is_recovered_elsewhere(self):
        tracker = Tracker(TrackingConfig(max_tracks=2), fps=30)
        frames = [see((50, 50), (150, 50))] * 5 + [see((50, 50))] * 300
        ids_of(tracker, *frames)
        assert ids_of(tracker, see((50, 50), (400, 300))) == [[1, 2]]

    def test_search_radius_of_a_lost_track_grows_with_time(self):
        tracker = Tracker(TrackingConfig(max_tracks=1), fps=30)
        tracker.step(see((50, 50)))
        ids = ids_of(
            tracker, *[see((450, 50))] * 300
        )  # ten bodies away: reached after about five seconds
        assert ids[0] == [-1]
        assert ids[-1] == [1]
        assert 60 < ids.index([1]) < 200

    def test_missing_tracks_may_start_later(self):
        tracker = Tracker(TrackingConfig(max_tracks=3))
        ids = ids_of(tracker, see((50, 50)), *[see((50, 50), (300, 50))] * 2)
        assert ids[-1] == [1, 2]


class TestInvalidInput:
    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_not_finite(self, value):
        bad = see((50, 50))
        bad.boxes[0, 2] = value
        with pytest.raises(ArrayError, match="boxes"):
            Tracker().step(bad)
        with pytest.raises(ArrayError, match="scores"):
            Tracker().step(see((50, 50), score=value))

    def test_inverted(self):
        with pytest.raises(ArrayError, match="inverted"):
            Tracker().step(see((50, 50), size=(-40, 20)))

    @pytest.mark.parametrize("motion", [np.eye(3), np.full((2, 3), np.nan), np.zeros((2, 3))])
    def test_camera_motion(self, motion):
        with pytest.raises(ArrayError, match="camera_motion"):
            Tracker().step(see((50, 50)), motion)

    def test_one_camera_motion_for_each_frame(self):
        table = DetectionTable.from_frames([see((50, 50)), see((51, 50))])
        with pytest.raises(ArrayError, match=r"camera_motion: expected shape \(2, 2, 3\)"):
            Tracker().follow(table, [np.eye(2, 3)])
        assert Tracker().follow(table, [np.eye(2, 3).tolist()] * 2).track_ids.tolist() == [1, 1]

    def test_bare_boxes(self):
        with pytest.raises(ArrayError, match=r"detections: expected murid\.Detections, got list"):
            Tracker().step([[0, 0, 1, 1]])

    def test_embeddings_change(self):
        tracker = Tracker()
        tracker.step(NOTHING)
        tracker.step(see((50, 50), embeddings=[[1.0, 0.0]]))
        tracker.step(NOTHING)
        with pytest.raises(ArrayError, match="size 2 as in earlier frames, got 3"):
            tracker.step(see((50, 50), embeddings=[[1.0, 0.0, 0.0]]))
        with pytest.raises(ArrayError, match="got 0"):
            tracker.step(see((50, 50)))

    def test_a_refused_frame_changes_nothing(self):
        tracker = Tracker()
        tracker.step(see((50, 50)))
        bank = tracker.bank
        with pytest.raises(ArrayError):
            tracker.step(see((np.nan, 50)))
        assert tracker.bank is bank

    @pytest.mark.parametrize("fps", [0, -5, np.nan, np.inf, "30", True])
    def test_fps(self, fps):
        with pytest.raises(ConfigError, match="fps"):
            Tracker(fps=fps)


@pytest.mark.data
@pytest.mark.parametrize("clip", ["udmt-rat2mice-a", "sleapmot-2mice-homecage"])
def test_real_rodents_with_perfect_boxes_never_switch(clip, data_dir):
    rows = np.loadtxt(
        data_dir / "rodents" / clip / "gt" / "gt.txt", delimiter=",", usecols=range(6)
    )
    truth: dict[int, set[int]] = {}
    tracker = Tracker()
    for t in range(1, int(rows[:, 0].max()) + 1):
        here = rows[rows[:, 0] == t]
        boxes = np.concatenate([here[:, 2:4], here[:, 2:4] + here[:, 4:6]], axis=1).astype(
            np.float32
        )
        tracked = tracker.step(Detections(boxes, np.full(len(boxes), 0.6, np.float32)))
        for animal, track in zip(here[:, 1].astype(int), tracked.track_ids, strict=True):
            truth.setdefault(int(animal), set()).add(int(track))
    assert all(len(ids - {-1}) == 1 for ids in truth.values())
    assert len(set.union(*truth.values()) - {-1}) == len(truth)


def _walk(n_frames, speed):
    """Return frames with an animal that walks to the right by some pixels per frame."""
    return [see((100 + speed * t, 50)) for t in range(n_frames)]


def _track_at(config, frames, times_s, fps=30.0):
    tracker = make_tracker(config, fps)
    table = DetectionTable.from_frames(frames)
    return tracker.follow(table, times_s=np.asarray(times_s, np.float64)).track_ids


def test_after_a_pause_another_animal_in_the_same_place_is_another_track():
    frames = [see((50, 50))] * 20
    times_s = np.arange(20) / 30
    assert _track_at(DEFAULT, frames, times_s).tolist() == [1] * 20
    paused = times_s + 60 * (np.arange(20) >= 10)
    assert _track_at(DEFAULT, frames, paused).tolist() == [1] * 10 + [-1] + [2] * 9


def test_of_a_known_number_of_animals_one_keeps_its_track_over_a_pause():
    frames = [see((50, 50), (300, 50))] * 10 + [see((90, 80), (260, 20))] * 10
    times_s = np.arange(20) / 30 + 60 * (np.arange(20) >= 10)
    ids = _track_at(replace(DEFAULT, max_tracks=2), frames, times_s)
    assert ids.reshape(20, 2).tolist() == [[1, 2]] * 20


@pytest.mark.parametrize("max_tracks", [None, 1])
def test_an_animal_that_walks_on_while_frames_are_dropped(max_tracks):
    # Half a second, in which it moves by one and a half body lengths; the speed is kept.
    config = replace(DEFAULT, max_tracks=max_tracks, max_lost_s=5.0)
    kept = np.r_[0:60, 75:120]
    ids = _track_at(config, [_walk(120, 4.0)[t] for t in kept], kept / 30)
    assert (ids == 1).all()


def test_three_seconds_of_dropped_frames_while_an_animal_walks():
    kept = np.r_[0:60, 150:200]
    frames = [_walk(200, 1.0)[t] for t in kept]
    known = _track_at(replace(DEFAULT, max_tracks=1), frames, kept / 30)
    assert (known == 1).all()
    # Longer than a lost track is kept: it may be another animal.
    unknown = _track_at(DEFAULT, frames, kept / 30)
    assert unknown.tolist() == [1] * 60 + [-1] + [2] * 49


def test_tracks_step_by_step_and_in_chunks_are_equal_on_an_irregular_clock():
    times_s = np.cumsum(np.tile([1 / 30, 1 / 30, 0.1, 0.5], 10))
    frames = _walk(40, 3.0)
    tracker = Tracker(DEFAULT)
    steps = [
        tracker.step(f, time_s=t).track_ids.tolist() for f, t in zip(frames, times_s, strict=True)
    ]
    table = DetectionTable.from_frames(frames)
    assert steps == [[i] for i in Tracker(DEFAULT).follow(table, times_s=times_s).track_ids]
    assert tracker.step(see((400, 50))).track_ids.shape == (1,)


def test_a_clock_that_goes_back_is_refused():
    tracker = Tracker(DEFAULT)
    tracker.step(NOTHING, time_s=1.0)
    with pytest.raises(ArrayError, match="times_s"):
        tracker.step(NOTHING, time_s=0.5)


@pytest.mark.parametrize("fps", [0.1, 0.5, 1.0, 5.0, 500.0])
def test_five_missed_detections_end_a_track_at_no_frame_rate(fps):
    frames = [see((50, 50)), *[NOTHING] * 5, see((50, 50)), see((50, 50))]
    assert _track_at(DEFAULT, frames, np.arange(8) / fps, fps).tolist() == [1, 1, 1]

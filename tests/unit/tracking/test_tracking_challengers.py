import numpy as np
import pytest

from murid.core import Detections, DetectionTable
from murid.tracking import Tracker, TrackingConfig
from murid.tracking.challengers import (
    MAX_CHALLENGERS,
    MIN_CHALLENGE_S,
    Challengers,
    compute_strengths,
    empty_challengers,
    find_without_place,
    follow_challengers,
    warp_challengers,
)
from murid.tracking.compiled.tracker import CompiledTracker

FPS = 10.0
BOTH = pytest.mark.parametrize("make", [Tracker, CompiledTracker])


def see(*boxes):
    """Return detections of (x, y, score) or (x, y, score, width): boxes 20 px high."""
    rows = [(*box, 40)[:4] for box in boxes]
    x, y, scores, widths = np.array(rows, np.float32).reshape(-1, 4).T
    half = np.stack([widths / 2, np.full(len(x), 10, np.float32)], axis=1)
    centres = np.stack([x, y], axis=1)
    return Detections(np.concatenate([centres - half, centres + half], axis=1), scores)


def track(make, n_animals, frames, times_s=None):
    """Return the track ids of each frame."""
    tracker = make(TrackingConfig(max_tracks=n_animals), FPS)
    tracks = tracker.follow(DetectionTable.from_frames(frames), times_s=times_s)
    return np.split(tracks.track_ids, tracks.detections.frame_offsets[1:-1])


def walk(t):
    """Return the place of an animal that walks to and fro, far from the corner."""
    return 300 + 200 * np.sin(t / 10), 300


@BOTH
def test_a_moving_animal_that_is_detected_later_replaces_clutter(make):
    frames = [see((50, 50, 0.9))] * 5
    frames += [see((50, 50, 0.9), (*walk(t), 0.8)) for t in range(60)]
    ids = [own.tolist() for own in track(make, 1, frames)]
    first = ids.index([-1, 2])
    assert ids[:first] == [[1]] * 5 + [[1, -1]] * (first - 5)
    assert MIN_CHALLENGE_S * FPS <= first - 5 < 2 * MIN_CHALLENGE_S * FPS
    assert ids[first:] == [[-1, 2]] * (65 - first)


@BOTH
def test_clutter_gives_way_after_it_took_the_track_of_an_animal(make):
    """The animal passes the clutter, which gets its track; the animal is detected on."""
    frames = [see((50 - 2 * t, 50, 0.9)) for t in range(5)] + [see((42, 50, 0.8))] * 10
    frames += [see((42, 50, 0.8), (*walk(t), 0.9)) for t in range(60)]
    assert track(make, 1, frames)[-1].tolist() == [-1, 2]


@BOTH
@pytest.mark.parametrize(("score", "replaced"), [(0.8, False), (0.95, True)])
def test_of_two_at_rest_only_a_clearly_higher_score_replaces(make, score, replaced):
    frames = [see((50, 50, 0.6))] * 5 + [see((50, 50, 0.6), (300, 300, score))] * 60
    assert track(make, 1, frames)[-1].tolist() == ([-1, 2] if replaced else [1, -1])


@BOTH
def test_a_poor_detection_that_moves_does_not_replace_an_animal_at_rest(make):
    frames = [see((50, 50, 0.9))] * 5
    frames += [see((50, 50, 0.9), (*walk(t), 0.5)) for t in range(60)]
    assert track(make, 1, frames)[-1].tolist() == [1, -1]


@BOTH
def test_something_at_rest_does_not_replace_an_animal_that_moves(make):
    frames = [see((*walk(0), 0.6))]
    frames += [see((*walk(t), 0.6), (50, 50, 0.99)) for t in range(1, 80)]
    assert track(make, 1, frames)[-1].tolist() == [1, -1]


@BOTH
def test_a_duplicate_of_a_track_replaces_nothing(make):
    """A box on the head of the walking animal; the other animal sleeps."""
    frames = [see((50, 50, 0.9), (*walk(0), 0.9))] * 2
    for t in range(60):
        x, y = walk(t)
        frames.append(see((50, 50, 0.9), (x, y, 0.9), (x + 18, y, 0.9, 12)))
    assert track(make, 2, frames)[-1].tolist() == [1, 2, -1]


@BOTH
def test_what_is_detected_for_a_moment_replaces_nothing(make):
    seen = [t % 25 < 12 for t in range(100)]
    frames = [see((50, 50, 0.9))] * 2
    for t in range(100):
        moving = [(*walk(t), 0.9)] if seen[t] else []
        frames.append(see((50, 50, 0.9), *moving))
    ids = np.concatenate(track(make, 1, frames))
    assert ids.max() == 1


@BOTH
def test_challengers_end_in_a_pause(make):
    frames = [see((50, 50, 0.9))] * 2
    frames += [see((50, 50, 0.9), (*walk(t), 0.9)) for t in range(24)]
    times_s = np.arange(26) / FPS + 60 * (np.arange(26) >= 14)
    assert np.concatenate(track(make, 1, frames, times_s)).max() == 1
    assert np.concatenate(track(make, 1, frames)).max() == 2


def test_the_track_that_is_replaced_is_not_reported_and_the_number_stays():
    tracker = Tracker(TrackingConfig(max_tracks=2), FPS)
    for t in range(60):
        later = [] if t < 5 else [(*walk(t), 0.9)]
        tracker.step(see((50, 50, 0.9), (50, 150, 0.7), *later))
    assert tracker.bank.ids.tolist() == [1, 3]
    assert tracker.bank.first_frames.tolist() == [1, 6]
    assert tracker.bank.hits.tolist() == [60, 55]


def test_strength_is_the_mean_score_and_a_bonus_for_motion():
    frames = np.ones(3, np.int64)
    three = Challengers(
        centres=np.zeros((3, 2)),
        mean_centres=np.zeros((3, 2)),
        lengths=np.ones(3),
        hits=np.array([10, 10, 10]),
        away_hits=np.array([0, 1, 9]),
        score_sums=np.array([8.0, 8.0, 8.0]),
        first_frames=frames,
        last_frames=frames,
    )
    np.testing.assert_allclose(compute_strengths(three), [0.8, 1.05, 1.3])


def test_detections_without_a_place_are_neither_poor_nor_duplicates():
    detections = see((50, 50, 0.9), (60, 50, 0.9), (300, 50, 0.5), (400, 50, 0.9), (500, 50, 0.2))
    has_track = np.array([True, False, False, False, False])
    assert find_without_place(detections, has_track, 0.4).tolist() == [3, 2]


def test_challengers_are_bounded_and_end_without_detections():
    many = see(*((100 * k, 50, 0.9) for k in range(2 * MAX_CHALLENGERS)))
    rows = np.arange(len(many))
    found, matched = follow_challengers(empty_challengers(), many, rows, 1, FPS)
    assert len(found) == MAX_CHALLENGERS
    assert matched.tolist() == list(range(MAX_CHALLENGERS))
    nothing = np.zeros(0, np.int64)
    kept, matched = follow_challengers(found, many, nothing, 6, FPS)
    assert len(kept) == MAX_CHALLENGERS
    assert (matched == -1).all()
    assert not len(follow_challengers(found, many, nothing, 7, FPS)[0])


def test_challengers_move_with_the_camera():
    detections = see((50, 60, 0.9))
    found, _ = follow_challengers(empty_challengers(), detections, np.arange(1), 1, FPS)
    moved = warp_challengers(found, np.array([[1.0, 0, 5], [0, 1, -3]]))
    assert moved.centres.tolist() == [[55, 57]]
    assert moved.mean_centres.tolist() == [[55, 57]]

"""Identities of animals that hide, touch and come back."""

import numpy as np
import pytest

from murid.core import Detections, DetectionTable
from murid.errors import ConfigError
from murid.identification import IdentificationConfig, link_tracklets
from murid.identification.swaps import refinement
from murid.identification.swaps.candidates import find_swap_candidates

FPS, SIDE = 30.0, 40.0


def make_table(paths, scores=None, appearance=None):
    """Return detections of square boxes around centres ``(n_frames, n, 2)``; NaN = not detected."""
    frames = []
    for t, centres in enumerate(paths):
        seen = np.isfinite(centres[:, 0])
        boxes = np.concatenate([centres[seen] - SIDE / 2, centres[seen] + SIDE / 2], axis=1).astype(
            np.float32
        )
        own = (
            np.full(seen.sum(), 0.9, np.float32)
            if scores is None
            else scores[seen].astype(np.float32)
        )
        frames.append(Detections(boxes, own, None if appearance is None else appearance(t)[seen]))
    return DetectionTable.from_frames(frames)


def make_paths(seed, n_frames, n, spread=300.0):
    """Return centres of animals that move smoothly, each in its own part of the arena."""
    rng = np.random.default_rng(seed)
    velocities = np.cumsum(rng.normal(0, 0.3, (n_frames, n, 2)), axis=0)
    return (
        100
        + spread * np.arange(n)[None, :, None]
        + np.clip(np.cumsum(velocities, axis=0) * 0.1, -60, 60)
    )


def list_identities(found, frame):
    """Return the identities in a frame from left to right."""
    own = np.flatnonzero(found.frames == frame)
    return found.identity_ids[own[np.argsort(found.boxes[own, 0])]].tolist()


def test_a_hidden_animal_keeps_its_identity_and_short_gaps_are_filled():
    paths = make_paths(0, 300, 3)
    paths[100:110, 1] = paths[200:280, 2] = np.nan
    found = link_tracklets(make_table(paths), 3, FPS)
    assert list_identities(found, 0) == list_identities(found, 299) == [1, 2, 3]
    assert list_identities(found, 240) == [1, 2]
    np.testing.assert_array_equal(found.frames[found.interpolated], np.arange(100, 110))
    assert (found.identity_ids[found.interpolated] == 2).all()
    assert (found.scores[found.interpolated] == 0).all()
    ahead = (paths[110, 1] - paths[99, 1]) / 11
    centres = (found.boxes[found.interpolated, :2] + found.boxes[found.interpolated, 2:]) / 2
    np.testing.assert_allclose(centres[3], paths[99, 1] + 4 * ahead, atol=3)
    plain = link_tracklets(make_table(paths), 3, FPS, IdentificationConfig(smooth_boxes=False))
    centres = (plain.boxes[plain.interpolated, :2] + plain.boxes[plain.interpolated, 2:]) / 2
    np.testing.assert_allclose(centres[3], paths[99, 1] + 4 * ahead, atol=0.01)


def test_gap_filling_can_be_turned_off():
    paths = make_paths(0, 100, 2)
    paths[40:44, 1] = np.nan
    found = link_tracklets(make_table(paths), 2, FPS, IdentificationConfig(max_gap_s=0))
    assert not found.interpolated.any()
    assert len(found) == 196


@pytest.mark.parametrize(("away", "n_interpolated"), [(10.0, 100), (300.0, 0)])
def test_occluded_gaps_are_filled_for_longer(away, n_interpolated):
    paths = np.full((260, 2, 2), 200.0)
    paths[:, 1, 0] += np.abs(np.arange(260) - 130).clip(51)  # it comes, and goes where it came from
    paths[:, 1, 0] -= 51 - away
    paths[80:180, 1] = np.nan
    found = link_tracklets(make_table(paths), 2, FPS)
    assert list_identities(found, 0) == list_identities(found, 259) == [1, 2]
    assert found.interpolated.sum() == n_interpolated
    if n_interpolated:
        plain = link_tracklets(
            make_table(paths), 2, FPS, IdentificationConfig(max_occluded_gap_s=3)
        )
        assert not plain.interpolated.any()


def test_clutter_gets_no_identity():
    paths = make_paths(1, 200, 3)
    paths[:, 2] = [700, 50]
    paths[::3, 2] = np.nan
    found = link_tracklets(make_table(paths, np.array([0.9, 0.9, 0.3])), 3, FPS)
    assert (found.boxes[:, 0] < 600).all()
    assert np.unique(found.identity_ids).tolist() == [1, 2]


def test_animals_that_pass_each_other_keep_their_identities():
    t = np.arange(120)[:, None]
    right, left = np.hstack([100 + 3 * t, 200 + 0 * t]), np.hstack([460 - 3 * t, 206 + 0 * t])
    paths = np.stack([right, left], axis=1).astype(float)
    paths[57:63, 1] = np.nan  # one occludes the other
    found = link_tracklets(make_table(paths), 2, FPS)
    assert list_identities(found, 0) == [1, 2]
    assert list_identities(found, 119) == [2, 1]


def hide_together(swapped):
    """Return paths of two animals that hide in one place and come out on either side of it."""
    t = np.arange(600.0)[:, None]
    offsets = np.hstack([np.clip(np.abs(t - 300) * 2 - 40, 0, 200), 0 * t])
    paths = (
        400
        + np.stack([-offsets, offsets], axis=1)
        + np.random.default_rng(3).normal(0, 0.5, (600, 2, 2))
    )
    paths[280:320] = np.nan
    if swapped:
        paths[300:] = paths[300:, ::-1]
    return paths


@pytest.mark.parametrize("swapped", [True, False])
def test_appearance_decides_where_animals_differ(swapped):
    rng, coats = np.random.default_rng(4), np.eye(8)[:2]

    def appearance(_):
        seen = coats + rng.normal(0, 0.1, coats.shape)
        return (seen / np.linalg.norm(seen, axis=1, keepdims=True)).astype(np.float32)

    table = make_table(hide_together(swapped), appearance=appearance)
    found = link_tracklets(table, 2, FPS)
    assert list_identities(found, 599) == ([2, 1] if swapped else [1, 2])
    apart = np.abs(found.frames - 300) > 30  # nearer, a single detection may show the other one
    assert found.identity_probabilities[apart].min() > 0.98
    chunks = [(0, table.embeddings[:300]), (300, table.embeddings[300:])]
    bare = DetectionTable(table.boxes, table.scores, None, table.frame_offsets)
    found_in_chunks = link_tracklets(bare, 2, FPS, embeddings=lambda: iter(chunks))
    np.testing.assert_array_equal(found_in_chunks.identity_ids, found.identity_ids)
    thinned = np.where((table.frame_numbers % 5 == 0)[:, None], table.embeddings, np.float32(0))
    found_in_chunks = link_tracklets(bare, 2, FPS, embeddings=lambda: iter([(0, thinned)]))
    np.testing.assert_array_equal(found_in_chunks.identity_ids, found.identity_ids)


@pytest.mark.parametrize("fps", [5.0, 2.0, 1.0])
@pytest.mark.parametrize("swapped", [True, False])
def test_appearance_decides_at_low_frame_rates(swapped, fps):
    """A segment of appearance then is a single detection."""
    rng, coats = np.random.default_rng(4), np.eye(8)[:2]

    def appearance(_):
        seen = coats + rng.normal(0, 0.1, coats.shape)
        return (seen / np.linalg.norm(seen, axis=1, keepdims=True)).astype(np.float32)

    paths = hide_together(swapped)[2::5]  # 120 frames
    found = link_tracklets(make_table(paths, appearance=appearance), 2, fps)
    assert list_identities(found, 119) == ([2, 1] if swapped else [1, 2])


def test_random_appearance_leaves_the_crossing_doubtful():
    rng = np.random.default_rng(6)

    def appearance(_):
        seen = rng.normal(size=(2, 8))
        return (seen / np.linalg.norm(seen, axis=1, keepdims=True)).astype(np.float32)

    found = link_tracklets(make_table(hide_together(True), appearance=appearance), 2, FPS)
    assert len(found.crossings) == 1
    assert found.identity_probabilities.min() < 0.95


def test_a_crossing_that_was_not_seen_is_doubtful():
    t = np.arange(200)[:, None]
    rng = np.random.default_rng(5)
    up, down = np.hstack([200 + 0 * t, 100 + t]), np.hstack([200 + 0 * t, 300 - t])
    paths = np.stack([up, down], axis=1) + rng.normal(0, 0.3, (200, 2, 2))
    paths[90:110] = np.nan  # not seen whether they pass or turn
    paths[110:] = 200 + (np.abs(paths[110:] - 200) + 30) * [[[0, 1], [0, -1]]]
    found = link_tracklets(make_table(paths), 2, FPS)
    assert found.crossings.pairs.tolist() == [[1, 2]]
    assert found.crossings.first_frames[0] <= 90 <= 110 <= found.crossings.last_frames[0] + 1
    assert found.crossings.swap_probabilities[0] > 0.01
    assert 0.5 <= found.identity_probabilities.min() < 0.99


def test_more_animals_than_n_are_an_error_or_a_note():
    paths = (
        make_paths(2, 300, 3) + np.stack([np.linspace(0, 600, 300), np.zeros(300)], axis=1)[:, None]
    )
    with pytest.raises(
        ConfigError, match=r"got 2: more than 2 seen apart at once, first in frame 0, for 10"
    ):
        link_tracklets(make_table(paths), 2, FPS)
    with pytest.raises(ConfigError, match="first in frame 60, for"):
        link_tracklets(make_table(paths), 2, FPS, video_frames=range(60, 660, 2))
    paths[40:, 2] = np.nan
    found = link_tracklets(make_table(paths), 2, FPS)
    assert found.note == "more than 2 seen apart at once, first in frame 0, for 1.3 s"


@pytest.mark.parametrize("number", [0, -1])
def test_number_of_animals_below_one(number):
    with pytest.raises(ConfigError, match=rf"animals: expected 1 or more, got {number}"):
        link_tracklets(make_table(make_paths(0, 5, 1)), number, FPS)


def test_no_detections():
    found = link_tracklets(DetectionTable.from_frames([Detections.empty()] * 3), 2, FPS)
    assert (len(found), len(found.crossings), found.note) == (0, 0, None)


def test_settings_out_of_range():
    with pytest.raises(ConfigError, match="min_score: expected a number from 0 to 1, got 2"):
        IdentificationConfig(min_score=2)


def make_ambiguous_crossing():
    """Return detections of animals side by side, which are next seen above each other."""
    paths = np.empty((120, 2, 2))
    paths[:60], paths[60:] = [[280, 200], [320, 200]], [[300, 180], [300, 220]]
    paths[57:64] = np.nan
    return make_table(paths)


@pytest.mark.parametrize("left_goes_up", [False, True])
def test_bidirectional_tracks_decide_where_motion_cannot(left_goes_up):
    table = make_ambiguous_crossing()
    column, late = np.arange(len(table)) % 2, table.frame_numbers >= 60
    ids = np.where(late & (not left_goes_up), 1 - column, column)
    found = link_tracklets(
        table, 2, FPS, bidirectional_tracks=np.stack([ids, ids]).astype(np.int32)
    )
    ends = found.frames == 119
    above = found.identity_ids[ends][np.argmin(found.boxes[ends, 1])]
    assert list_identities(found, 0) == [1, 2]
    assert above == (1 if left_goes_up else 2)


def test_changes_that_undo_each_other_come_to_an_end(monkeypatch):
    """New evidence after each change could suggest the same two changes forever."""
    n_transitions = []

    def always_swap(context):
        transitions = context.transitions
        n_transitions.append(len(transitions))
        candidates = find_swap_candidates(context)
        first = int(candidates.first[0])
        second = int(candidates.second[0])
        links = (
            (int(transitions.predecessors[first]), int(transitions.successors[second])),
            (int(transitions.predecessors[second]), int(transitions.successors[first])),
        )
        return [refinement.PathChange(-1.0, (first, second), links)]

    monkeypatch.setattr(refinement, "list_changes", always_swap)
    found = link_tracklets(make_table(hide_together(False)), 2, FPS)
    assert len(found)
    assert 2 < len(n_transitions) <= 20


@pytest.mark.parametrize(("score", "is_assigned"), [(0.16, False), (0.8, True)])
def test_isolated_clutter_in_a_gap_is_dropped(score, is_assigned):
    paths = np.full((200, 1, 2), 200.0)
    paths[60:140] = np.nan
    paths[140:] = [500.0, 200.0]  # where motion does not expect it, but for clutter there
    table = make_table(paths)
    frames = [table[t] for t in range(len(paths))]
    frames[120] = Detections(table[199].boxes, np.full(1, score, np.float32))
    found = link_tracklets(DetectionTable.from_frames(frames), 1, FPS)
    assert ((found.frames == 120) & ~found.interpolated).any() == is_assigned


def _pause(n_before, n_after, seconds, fps=FPS):
    """Return the times of frames with a pause between them."""
    return np.arange(n_before + n_after) / fps + seconds * (
        np.arange(n_before + n_after) >= n_before
    )


def _exchange(n_before):
    """Return an appearance by which two animals exchange places between two frames."""

    def see(t):
        rng = np.random.default_rng(t)
        order = [0, 1] if t < n_before else [1, 0]
        shown = np.eye(2, 8)[order] + rng.normal(0, 0.05, (2, 8))
        return (shown / np.linalg.norm(shown, axis=1, keepdims=True)).astype(np.float32)

    return see


def test_across_a_pause_appearance_decides_and_not_position():
    paths = np.tile(np.array([[100.0, 100.0], [400.0, 100.0]]), (600, 1, 1))
    paths += np.random.default_rng(0).normal(0, 0.5, paths.shape)
    table = make_table(paths, appearance=_exchange(300))
    paused = link_tracklets(table, 2, FPS, times_s=_pause(300, 300, 3600.0))
    assert list_identities(paused, 299) == [1, 2]
    assert list_identities(paused, 300) == [2, 1]
    # Without appearance either is possible, and that is said.
    plain = link_tracklets(make_table(paths), 2, FPS, times_s=_pause(300, 300, 3600.0))
    assert plain.crossings.swap_probabilities.max() > 0.4
    assert plain.crossings.first_frames.tolist() == [299]
    assert plain.crossings.last_frames.tolist() == [300]
    # Within a recording nobody jumps from frame to frame.
    assert not len(link_tracklets(make_table(paths), 2, FPS).crossings)


def test_nothing_is_interpolated_between_the_frames_around_a_pause():
    paths = make_paths(0, 300, 2)
    paths[100:105, 0] = np.nan
    paths[200:203, 1] = np.nan
    # Of five frames without a detection two lie before a pause of a second, three after it.
    times_s = _pause(102, 198, 1.0)
    found = link_tracklets(make_table(paths), 2, FPS, times_s=times_s)
    regular = link_tracklets(make_table(paths), 2, FPS)
    assert len(found) == len(regular) == 600
    np.testing.assert_array_equal(found.frames, regular.frames)
    np.testing.assert_array_equal(found.rows, regular.rows)
    np.testing.assert_array_equal(np.bincount(found.frames), 2)
    assert np.flatnonzero(found.interpolated & (found.identity_ids == 1)).shape == (5,)
    # A pause that is longer than the longest gap to be filled stays open on both sides.
    found = link_tracklets(make_table(paths), 2, FPS, times_s=_pause(102, 198, 5.0))
    open_frames = np.setdiff1d(np.arange(300), found.frames[found.identity_ids == 1])
    assert open_frames.tolist() == [100, 101, 102, 103, 104]
    # Straight across the gap in time: most of the way was in the pause.
    assert found.boxes.shape == (595, 4)


def test_jitter_and_dropped_frames_change_nothing():
    paths = make_paths(3, 200, 3)
    times_s = np.arange(200) / FPS + np.random.default_rng(0).uniform(-0.014, 0.014, 200)
    times_s[120:] += 2 / FPS
    found = link_tracklets(make_table(paths), 3, FPS, times_s=times_s)
    expected = link_tracklets(make_table(paths), 3, FPS)
    np.testing.assert_array_equal(found.boxes, expected.boxes)
    np.testing.assert_array_equal(found.identity_ids, expected.identity_ids)


def test_four_bursts_with_pauses_have_three_identities():
    paths = make_paths(5, 120, 3)
    times_s = np.arange(120) / FPS + 20.0 * (np.arange(120) // 30)
    found = link_tracklets(make_table(paths), 3, FPS, times_s=times_s)
    assert len(found) == 360
    assert sorted(set(found.identity_ids.tolist())) == [1, 2, 3]


def test_animals_are_counted_in_frames_that_exist():
    paths = make_paths(2, 400, 3)
    times_s = _pause(100, 300, 1000.0)
    with pytest.raises(ConfigError, match="first in frame 100, for 10"):
        link_tracklets(make_table(paths), 2, FPS, times_s=times_s)

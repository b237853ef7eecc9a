"""Small stories of animals that hide, meet and come back."""

import numpy as np
import pytest

from murid.core import Detections, DetectionTable
from murid.errors import ConfigError
from murid.identification import IdentificationConfig, link_tracklets, swaps
from murid.identification.bidirectional_tracks import split_tracks

FPS, SIDE = 30.0, 40.0


def film(paths, scores=None, appearance=None):
    """Table of square boxes around places ``(n_frames, n, 2)``, NaN = not seen; animals stay in their columns."""
    frames = []
    for t, places in enumerate(paths):
        seen = np.isfinite(places[:, 0])
        boxes = np.concatenate([places[seen] - SIDE / 2, places[seen] + SIDE / 2], axis=1).astype(
            np.float32
        )
        own = (
            np.full(seen.sum(), 0.9, np.float32)
            if scores is None
            else scores[seen].astype(np.float32)
        )
        frames.append(Detections(boxes, own, None if appearance is None else appearance(t)[seen]))
    return DetectionTable.from_frames(frames)


def walk(seed, n_frames, n, spread=300.0):
    """Places of animals that wander smoothly, each in its own part of the arena."""
    rng = np.random.default_rng(seed)
    transitions = np.cumsum(rng.normal(0, 0.3, (n_frames, n, 2)), axis=0)
    return (
        100
        + spread * np.arange(n)[None, :, None]
        + np.clip(np.cumsum(transitions, axis=0) * 0.1, -60, 60)
    )


def names_of(found, frame):
    """Identities in a frame from left to right."""
    own = np.flatnonzero(found.frames == frame)
    return found.identity_ids[own[np.argsort(found.boxes[own, 0])]].tolist()


def test_a_hidden_animal_keeps_its_name_and_short_gaps_are_filled():
    paths = walk(0, 300, 3)
    paths[100:110, 1] = paths[200:280, 2] = np.nan
    found = link_tracklets(film(paths), 3, FPS)
    assert names_of(found, 0) == names_of(found, 299) == [1, 2, 3]
    assert names_of(found, 240) == [1, 2]
    np.testing.assert_array_equal(found.frames[found.interpolated], np.arange(100, 110))
    assert (found.identity_ids[found.interpolated] == 2).all()
    assert (found.scores[found.interpolated] == 0).all()
    ahead = (paths[110, 1] - paths[99, 1]) / 11
    centres = (found.boxes[found.interpolated, :2] + found.boxes[found.interpolated, 2:]) / 2
    np.testing.assert_allclose(centres[3], paths[99, 1] + 4 * ahead, atol=3)
    plain = link_tracklets(film(paths), 3, FPS, IdentificationConfig(smooth_boxes=False))
    centres = (plain.boxes[plain.interpolated, :2] + plain.boxes[plain.interpolated, 2:]) / 2
    np.testing.assert_allclose(centres[3], paths[99, 1] + 4 * ahead, atol=0.01)


def test_nothing_is_filled_if_not_asked():
    paths = walk(0, 100, 2)
    paths[40:44, 1] = np.nan
    found = link_tracklets(film(paths), 2, FPS, IdentificationConfig(max_gap_s=0))
    assert not found.interpolated.any()
    assert len(found) == 196


@pytest.mark.parametrize(("away", "n_interpolated"), [(10.0, 100), (300.0, 0)])
def test_an_animal_in_the_box_of_another_is_filled_in_for_longer(away, n_interpolated):
    paths = np.full((260, 2, 2), 200.0)
    paths[:, 1, 0] += np.abs(np.arange(260) - 130).clip(51)  # it comes, and goes where it came from
    paths[:, 1, 0] -= 51 - away
    paths[80:180, 1] = np.nan
    found = link_tracklets(film(paths), 2, FPS)
    assert names_of(found, 0) == names_of(found, 259) == [1, 2]
    assert found.interpolated.sum() == n_interpolated
    if n_interpolated:
        plain = link_tracklets(film(paths), 2, FPS, IdentificationConfig(max_occluded_gap_s=3))
        assert not plain.interpolated.any()


def test_clutter_gets_no_name():
    paths = walk(1, 200, 3)
    paths[:, 2] = [700, 50]
    paths[::3, 2] = np.nan
    found = link_tracklets(film(paths, np.array([0.9, 0.9, 0.3])), 3, FPS)
    assert (found.boxes[:, 0] < 600).all()
    assert np.unique(found.identity_ids).tolist() == [1, 2]


def test_animals_that_pass_each_other_keep_their_names():
    t = np.arange(120)[:, None]
    right, left = np.hstack([100 + 3 * t, 200 + 0 * t]), np.hstack([460 - 3 * t, 206 + 0 * t])
    paths = np.stack([right, left], axis=1).astype(float)
    paths[57:63, 1] = np.nan  # one covers the other
    found = link_tracklets(film(paths), 2, FPS)
    assert names_of(found, 0) == [1, 2]
    assert names_of(found, 119) == [2, 1]


def hide_together(exchanged):
    """Two animals that walk into one place, where they are not seen, and come out of it on either side."""
    t = np.arange(600.0)[:, None]
    offsets = np.hstack([np.clip(np.abs(t - 300) * 2 - 40, 0, 200), 0 * t])
    paths = (
        400
        + np.stack([-offsets, offsets], axis=1)
        + np.random.default_rng(3).normal(0, 0.5, (600, 2, 2))
    )
    paths[280:320] = np.nan
    if exchanged:
        paths[300:] = paths[300:, ::-1]
    return paths


@pytest.mark.parametrize("exchanged", [True, False])
def test_looks_decide_where_they_tell_the_animals_apart(exchanged):
    rng, coats = np.random.default_rng(4), np.eye(8)[:2]

    def appearance(_):
        seen = coats + rng.normal(0, 0.1, coats.shape)
        return (seen / np.linalg.norm(seen, axis=1, keepdims=True)).astype(np.float32)

    table = film(hide_together(exchanged), appearance=appearance)
    found = link_tracklets(table, 2, FPS)
    assert names_of(found, 599) == ([2, 1] if exchanged else [1, 2])
    apart = np.abs(found.frames - 300) > 30  # nearer, a single sight of one may be the other's
    assert found.identity_probabilities[apart].min() > 0.99
    stretches = [(0, table.embeddings[:300]), (300, table.embeddings[300:])]
    bare = DetectionTable(table.boxes, table.scores, None, table.frame_offsets)
    told = link_tracklets(bare, 2, FPS, embeddings=lambda: iter(stretches))
    np.testing.assert_array_equal(told.identity_ids, found.identity_ids)
    thinned = np.where((table.frame_numbers % 5 == 0)[:, None], table.embeddings, np.float32(0))
    told = link_tracklets(bare, 2, FPS, embeddings=lambda: iter([(0, thinned)]))
    np.testing.assert_array_equal(told.identity_ids, found.identity_ids)


def test_looks_that_tell_nothing_leave_the_doubt():
    rng = np.random.default_rng(6)

    def appearance(_):
        seen = rng.normal(size=(2, 8))
        return (seen / np.linalg.norm(seen, axis=1, keepdims=True)).astype(np.float32)

    found = link_tracklets(film(hide_together(True), appearance=appearance), 2, FPS)
    assert len(found.crossings) == 1
    assert found.identity_probabilities.min() < 0.95


def test_a_guess_is_said_to_be_one():
    t = np.arange(200)[:, None]
    rng = np.random.default_rng(5)
    up, down = np.hstack([200 + 0 * t, 100 + t]), np.hstack([200 + 0 * t, 300 - t])
    paths = np.stack([up, down], axis=1) + rng.normal(0, 0.3, (200, 2, 2))
    paths[90:110] = np.nan  # whether they pass or turn is not seen
    paths[110:] = 200 + (np.abs(paths[110:] - 200) + 30) * [[[0, 1], [0, -1]]]
    found = link_tracklets(film(paths), 2, FPS)
    assert found.crossings.pairs.tolist() == [[1, 2]]
    assert found.crossings.first_frames[0] <= 90 <= 110 <= found.crossings.last_frames[0] + 1
    assert found.crossings.swap_probabilities[0] > 0.01
    assert 0.5 <= found.identity_probabilities.min() < 0.99


def test_more_animals_than_there_should_be():
    paths = walk(2, 300, 3) + np.stack([np.linspace(0, 600, 300), np.zeros(300)], axis=1)[:, None]
    with pytest.raises(
        ConfigError, match=r"got 2: more than 2 seen apart at once, first in frame 0, for 10"
    ):
        link_tracklets(film(paths), 2, FPS)
    paths[40:, 2] = np.nan
    found = link_tracklets(film(paths), 2, FPS)
    assert found.note == "more than 2 seen apart at once, first in frame 0, for 1.3 s"


@pytest.mark.parametrize("number", [0, -1])
def test_a_number_below_one(number):
    with pytest.raises(ConfigError, match=rf"animals: expected 1 or more, got {number}"):
        link_tracklets(film(walk(0, 5, 1)), number, FPS)


def test_nothing_seen_at_all():
    found = link_tracklets(DetectionTable.from_frames([Detections.empty()] * 3), 2, FPS)
    assert (len(found), len(found.crossings), found.note) == (0, 0, None)


def test_settings_out_of_range():
    with pytest.raises(ConfigError, match="min_score: expected a number from 0 to 1, got 2"):
        IdentificationConfig(min_score=2)


def meet_and_turn():
    """Two animals that meet from left and right, are not seen, and stand above and below their meeting."""
    paths = np.empty((120, 2, 2))
    paths[:60], paths[60:] = [[280, 200], [320, 200]], [[300, 180], [300, 220]]
    paths[57:64] = np.nan
    return film(paths)


@pytest.mark.parametrize("left_goes_up", [False, True])
def test_witnesses_tell_what_ends_do_not(left_goes_up):
    table = meet_and_turn()
    column, late = np.arange(len(table)) % 2, table.frame_numbers >= 60
    ids = np.where(late & (not left_goes_up), 1 - column, column)
    found = link_tracklets(
        table, 2, FPS, bidirectional_tracks=np.stack([ids, ids]).astype(np.int32)
    )
    ends = found.frames == 119
    above = found.identity_ids[ends][np.argmin(found.boxes[ends, 1])]
    assert names_of(found, 0) == [1, 2]
    assert above == (1 if left_goes_up else 2)


def test_a_witness_that_lost_an_animal_is_not_believed_when_it_finds_it_again():
    ids = np.array([[1, 1, 1, 2, 2, -1, 1]])
    frames = np.array([0, 1, 20, 0, 1, 2, 21])
    np.testing.assert_array_equal(split_tracks(ids, frames, FPS), [[0, 0, 1, 2, 2, -1, 1]])


def test_a_move_to_and_fro_comes_to_an_end(monkeypatch):
    """Looks weighed anew after each move may ask for the same two moves for ever."""
    asked = []

    def exchange_always(context):
        asked.append(len(context.transitions))
        found = swaps.find_swap_candidates(context)
        x, y = int(found.first[0]), int(found.second[0])
        heads, tails = context.transitions.heads.tolist(), context.transitions.tails.tolist()
        return [swaps._Move(-1.0, (x, y), ((heads[x], tails[y]), (heads[y], tails[x])))]

    monkeypatch.setattr(swaps, "_list_moves", exchange_always)
    found = link_tracklets(film(hide_together(False)), 2, FPS)
    assert len(found)
    assert 2 < len(asked) <= 20


@pytest.mark.parametrize(("score", "is_taken"), [(0.16, False), (0.8, True)])
def test_clutter_alone_in_a_gap_is_not_taken_for_the_animal(score, is_taken):
    paths = np.full((200, 1, 2), 200.0)
    paths[60:140] = np.nan
    paths[140:] = [500.0, 200.0]  # where motion does not expect it, but for what lies there
    table = film(paths)
    frames = [table[t] for t in range(len(paths))]
    frames[120] = Detections(table[199].boxes, np.full(1, score, np.float32))
    found = link_tracklets(DetectionTable.from_frames(frames), 1, FPS)
    assert ((found.frames == 120) & ~found.interpolated).any() == is_taken

"""Which tracks take part in which stage of matching, and up to which cost."""

from dataclasses import replace

import numpy as np
import pytest

from murid.core import Detections
from murid.tracking import Tracker, TrackingConfig, TrackState

PAPER = TrackingConfig.paper()
DEFAULT = TrackingConfig()
NOTHING = Detections.empty()
A = [1.0, 0.0]
B = [0.0, 1.0]


def see(*centres, score=0.9, embeddings=None):
    """Return detections of 40 x 20 pixels around centres (x, y)."""
    middle = np.array(centres, np.float32).reshape(-1, 2)
    half = np.array([20, 10], np.float32)
    scores = np.broadcast_to(np.float32(score), len(middle)).copy()
    features = None if embeddings is None else np.array(embeddings, np.float32)
    return Detections(np.concatenate([middle - half, middle + half], axis=1), scores, features)


def follow(config, *frames, fps=30.0):
    """Return the tracker after some frames, and the ids of the last one."""
    tracker = Tracker(config, fps)
    for frame in frames:
        ids = tracker.step(frame).track_ids.tolist()
    return tracker, ids


class TestPaper:
    """Stages of the paper (section III-C) in the order of FairMOT."""

    def test_an_animal_that_looks_different_is_matched_by_overlap(self):
        frames = [see((50, 50), embeddings=[A])] * 3
        assert follow(PAPER, *frames, see((52, 50), embeddings=[B]))[1] == [1]

    @pytest.mark.parametrize(("shift", "ids"), [(12, [1]), (15, [-1])])
    def test_the_second_stage_ends_at_an_iou_of_one_half(self, shift, ids):
        frames = [see((50, 50), embeddings=[A])] * 3
        assert follow(PAPER, *frames, see((50 + shift, 50), embeddings=[B]))[1] == ids

    def test_lost_tracks_are_matched_by_appearance(self):
        frames = [see((50, 50), embeddings=[A])] * 3 + [NOTHING]
        assert follow(PAPER, *frames, see((52, 50), embeddings=[A]))[1] == [1]

    def test_lost_tracks_are_not_matched_by_overlap_alone(self):
        frames = [see((50, 50), embeddings=[A])] * 3 + [NOTHING]
        tracker, ids = follow(PAPER, *frames, see((50, 50), embeddings=[B]))
        assert ids == [-1]
        assert tracker.bank.states[tracker.bank.ids == 1].tolist() == [TrackState.LOST]

    def test_the_first_stage_ends_at_its_maximum_cost(self):
        # At the place of the track the motion costs nothing: 0.98 of the cosine distance.
        frames = [see((50, 50), embeddings=[A])] * 3 + [NOTHING]
        for distance, ids in ((0.40, [1]), (0.42, [-1])):
            cosine = 1 - distance
            turned = [cosine, np.sqrt(1 - cosine**2)]
            assert follow(PAPER, *frames, see((50, 50), embeddings=[turned]))[1] == ids

    def test_a_new_track_in_the_place_of_a_lost_one_is_a_duplicate(self):
        frames = [see((50, 50), embeddings=[A])] * 3 + [NOTHING]
        frames += [see((50, 50), embeddings=[B])] * 3
        assert follow(PAPER, *frames)[0].bank.ids.tolist() == [1]
        both = replace(PAPER, duplicate_max_cost=None)
        assert follow(both, *frames)[0].bank.ids.tolist() == [1, 2]


class TestDefault:
    def test_a_lost_animal_is_found_nearby_without_overlap(self):
        frames = [see((50, 50))] * 3 + [NOTHING]
        assert follow(DEFAULT, *frames, see((94, 50)), fps=10.0)[1] == [1]

    def test_of_two_boxes_that_are_equally_near_the_one_that_looks_alike_is_matched(self):
        frames = [see((50, 50), embeddings=[A])] * 3
        two = see((47, 50), (53.5, 50), embeddings=[B, A])
        assert follow(DEFAULT, *frames, two)[1] == [-1, 1]
        without = replace(DEFAULT, appearance_weight=0.0)
        assert follow(without, *frames, two)[1] == [1, -1]

    def test_low_scores_continue_no_lost_track(self):
        low = see((50, 50), score=0.12)
        assert follow(DEFAULT, *[see((50, 50))] * 3, low)[1] == [1]
        assert follow(DEFAULT, *[see((50, 50))] * 3, NOTHING, low)[1] == [-1]

    @pytest.mark.parametrize(("shift", "ids"), [(3, [1]), (6, [-1])])
    def test_low_scores_need_much_overlap(self, shift, ids):
        low = see((50 + shift, 50), score=0.12)
        assert follow(DEFAULT, *[see((50, 50))] * 3, low)[1] == ids

    @pytest.mark.parametrize(("shift", "ids"), [(15, [1, 2]), (25, [1, -1])])
    def test_a_tentative_track_is_confirmed_by_overlap(self, shift, ids):
        frames = [see((50, 50))] * 2 + [see((50, 50), (300, 50))]
        assert follow(DEFAULT, *frames, see((50, 50), (300 + shift, 50)))[1] == ids

    @pytest.mark.parametrize(("score", "ids"), [(0.45, [1, 2]), (0.35, [1, -1])])
    def test_only_a_confident_detection_is_a_lost_animal_elsewhere(self, score, ids):
        config = replace(DEFAULT, max_tracks=2)
        frames = [see((50, 50), (150, 50))] * 3 + [see((50, 50))] * 90
        found = see((50, 50), (330, 50), score=[0.9, score])
        assert follow(config, *frames, found)[1] == ids


@pytest.mark.parametrize("config", [PAPER, DEFAULT], ids=["paper", "default"])
@pytest.mark.parametrize(("momentum", "weights"), [(0.9, (0.9, 0.1)), (0.5, (0.5, 0.5))])
def test_the_embedding_of_a_track_is_a_running_mean(config, momentum, weights):
    config = replace(config, embedding_momentum=momentum)
    frames = [see((50, 50), embeddings=[A]), see((50, 50), embeddings=[B])]
    tracker, ids = follow(config, *frames)
    assert ids == [1]
    mean = np.array(weights) / np.hypot(*weights)
    np.testing.assert_allclose(tracker.bank.embeddings, [mean], atol=1e-6)

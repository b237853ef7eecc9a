"""What holds for a tracker whatever is detected."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from murid.core import Detections
from murid.tracking import Tracker, TrackingConfig

CONFIGS = st.sampled_from(
    [
        TrackingConfig(),
        TrackingConfig.paper(),
        TrackingConfig(max_tracks=3, confirm_new_tracks=False),
    ]
)
MOTIONS = st.sampled_from([None, np.array([[0.99, -0.02, 6], [0.02, 0.99, -4]])])


def _make_video(seed, n_frames, embedding_size):
    """Random boxes that come, stay a while and go, in frames that may be empty."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(50, 400, (6, 2))
    frames = []
    for _ in range(n_frames):
        places += rng.normal(0, 6, places.shape)
        shown = places[rng.random(6) < rng.choice([0, 0.5, 0.9])]
        half = rng.uniform(10, 40, shown.shape)
        boxes = np.concatenate([shown - half, shown + half], axis=1).astype(np.float32)
        scores = rng.uniform(0.05, 1, len(shown)).astype(np.float32)
        embeddings = rng.normal(size=(len(shown), embedding_size)).astype(np.float32)
        embeddings /= np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-9)
        frames.append(Detections(boxes, scores, embeddings if embedding_size else None))
    return frames


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), CONFIGS, st.sampled_from([0, 8]), MOTIONS)
def test_order_of_detections_does_not_matter(seed, config, size, motion):
    rng = np.random.default_rng(seed)
    straight, shuffled = Tracker(config), Tracker(config)
    for detections in _make_video(seed, 15, size):
        order = rng.permutation(len(detections))
        a, b = straight.step(detections, motion), shuffled.step(detections[order], motion)
        np.testing.assert_array_equal(a.track_ids[order], b.track_ids)
        np.testing.assert_allclose(a.detections.boxes[order], b.detections.boxes, atol=1e-3)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), CONFIGS, st.sampled_from([0, 8]), MOTIONS)
def test_bank_and_report_are_sound(seed, config, size, motion):
    tracker, seen = Tracker(config), set()
    for detections in _make_video(seed, 25, size):
        before = tracker.bank.ids
        tracked = tracker.step(detections, motion)
        bank, ids = tracker.bank, tracked.track_ids[tracked.track_ids >= 0]
        assert len(tracked.track_ids) == len(detections)
        assert len(set(ids.tolist())) == len(ids), "one animal twice in a frame"
        assert (np.diff(bank.ids) > 0).all()
        new = set(bank.ids.tolist()) - set(before.tolist())
        assert not new & seen, "a removed id came back"
        seen |= set(bank.ids.tolist())
        assert set(ids.tolist()) <= set(bank.ids.tolist())
        assert np.isfinite(bank.means).all()
        assert (np.linalg.eigvalsh(bank.covariances) > 0).all()
        assert config.max_tracks is None or len(bank) <= config.max_tracks


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), CONFIGS)
def test_given_arrays_stay_untouched(seed, config):
    tracker = Tracker(config)
    for detections in _make_video(seed, 8, 4):
        copies = [c.copy() for c in (detections.boxes, detections.scores, detections.embeddings)]
        tracker.step(detections)
        for copy, column in zip(
            copies, (detections.boxes, detections.scores, detections.embeddings), strict=True
        ):
            np.testing.assert_array_equal(copy, column)

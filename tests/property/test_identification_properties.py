"""Properties of identities that hold for any detections."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from murid.core import Detections, DetectionTable
from murid.errors import ConfigError
from murid.identification import link_tracklets


def _make_video(seed, n_frames, embedding_size):
    """Return detections of animals that touch and vanish, with duplicates and clutter."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 6))
    places, speeds = rng.uniform(50, 250, (n, 2)), rng.normal(0, 4, (n, 2))
    frames = []
    for _ in range(n_frames):
        speeds += rng.normal(0, 1, speeds.shape)
        places += np.clip(speeds, -8, 8)
        speeds = np.where((places < 30) | (places > 270), -speeds, speeds)
        shown = places[rng.random(n) < rng.choice([0.3, 0.95, 1])]
        shown = np.concatenate(
            [shown, shown[: rng.integers(0, 2)] + 3, rng.uniform(0, 300, (rng.integers(0, 2), 2))]
        )
        half = rng.uniform(12, 25, shown.shape)
        boxes = np.concatenate([shown - half, shown + half], axis=1).astype(np.float32)
        scores = rng.uniform(0.05, 1, len(shown)).astype(np.float32)
        appearance = rng.normal(size=(len(shown), embedding_size)).astype(np.float32)
        appearance /= np.maximum(np.linalg.norm(appearance, axis=1, keepdims=True), 1e-9)
        frames.append(Detections(boxes, scores, appearance if embedding_size else None))
    return frames


def _identify(frames, n_animals):
    try:
        return link_tracklets(DetectionTable.from_frames(frames), n_animals, 30.0)
    except ConfigError:  # there are far more animals
        return None


SEEDS, NUMBERS, SIZES = st.integers(0, 10**6), st.integers(1, 6), st.sampled_from([0, 6])


@settings(max_examples=40, deadline=None)
@given(SEEDS, NUMBERS, SIZES)
def test_at_most_n_identities_and_each_once_per_frame(seed, n_animals, size):
    frames = _make_video(seed, 60, size)
    found = _identify(frames, n_animals)
    if found is None:
        return
    assert np.isin(found.identity_ids, np.arange(1, n_animals + 1)).all()
    assert len(np.unique(np.column_stack([found.frames, found.identity_ids]), axis=0)) == len(found)
    seen = found.rows[~found.interpolated]
    assert len(np.unique(seen)) == len(seen)
    table = DetectionTable.from_frames(frames)
    np.testing.assert_array_equal(table.frame_numbers[seen], found.frames[~found.interpolated])
    assert (found.boxes[:, 2:] > found.boxes[:, :2]).all()
    assert (found.boxes >= table.boxes.min(axis=0) - 40).all()
    assert (found.boxes <= table.boxes.max(axis=0) + 40).all()
    assert ((found.identity_probabilities >= 0) & (found.identity_probabilities <= 1)).all()


@settings(max_examples=30, deadline=None)
@given(SEEDS, NUMBERS, SIZES)
def test_order_of_detections_does_not_matter(seed, n_animals, size):
    rng = np.random.default_rng(seed)
    frames = _make_video(seed, 40, size)
    orders = [rng.permutation(len(detections)) for detections in frames]
    a = _identify(frames, n_animals)
    b = _identify(
        [detections[order] for detections, order in zip(frames, orders, strict=True)], n_animals
    )
    assert (a is None) == (b is None)
    if a is None:
        return
    np.testing.assert_array_equal(a.frames, b.frames)
    np.testing.assert_array_equal(a.identity_ids, b.identity_ids)
    np.testing.assert_array_equal(a.boxes, b.boxes)
    np.testing.assert_allclose(a.identity_probabilities, b.identity_probabilities, atol=1e-5)


@settings(max_examples=15, deadline=None)
@given(SEEDS, NUMBERS, SIZES)
def test_results_are_reproducible(seed, n_animals, size):
    frames = _make_video(seed, 40, size)
    a, b = _identify(frames, n_animals), _identify(frames, n_animals)
    if a is None:
        return
    for name in ("frames", "rows", "identity_ids", "boxes", "identity_probabilities"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))

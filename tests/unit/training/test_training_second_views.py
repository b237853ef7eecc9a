import dataclasses

import numpy as np
from labelled_sequences import make_sequence

from murid.synthetic.still import Still
from murid.training.config import AugmentConfig, TrainConfig
from murid.training.labelled_images import build_labelled_images
from murid.training.second_views import SecondViews, make_second_views

STILL = Still(
    np.random.default_rng(0).integers(256, size=(64, 64, 3)).astype(np.uint8),
    np.array([[8, 8, 30, 24], [30, 30, 60, 60]], np.float32),
    np.array([4, 9]),
)


def test_a_second_view_shows_the_same_animals_otherwise_and_always_alike():
    views = SecondViews([STILL, STILL], AugmentConfig(), seed=0)
    assert len(views) == 2
    first = views[0]
    assert first.image.shape == STILL.image.shape
    assert set(first.identities.tolist()) <= {4, 9}
    assert not np.array_equal(first.image, STILL.image)
    np.testing.assert_array_equal(first.image, views[0].image)
    assert not np.array_equal(first.image, views[1].image)
    assert [len(view.boxes) for view in views[:2]] == [len(view.boxes) for view in views]


def test_boxes_with_identities_of_their_own_need_a_second_view(tmp_path):
    tracked = make_sequence(tmp_path / "in", name="tracked")
    single = make_sequence(tmp_path / "in", 5, name="single", is_recording=False)
    single = dataclasses.replace(single, track_ids=np.full(10, -1, np.int64))
    held_out = build_labelled_images(
        [tracked, single], tmp_path / "out", 96, "box", prefer_tracks=True
    )
    assert len(held_out) == 13
    views = make_second_views(held_out, TrainConfig(identity_source="box"))
    assert len(views) == 5
    assert {still.recording for still in views} == {None}
    assert all((still.identities >= 0).all() for still in views)
    assert make_second_views(held_out, TrainConfig(identity_source="track")) == ()

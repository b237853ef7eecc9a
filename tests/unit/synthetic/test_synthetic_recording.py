import numpy as np
import pytest

from murid.errors import ConfigError
from murid.synthetic import SCENARIOS, RecordingConfig, record

SMALL = RecordingConfig(n_animals=3, n_frames=40, width=320, height=240, body_px=40, seed=4)


def test_same_seed_gives_the_same_recording():
    for first, second in zip(record(SMALL), record(SMALL), strict=True):
        np.testing.assert_array_equal(first.frame.image, second.frame.image)
        np.testing.assert_array_equal(first.truth.boxes, second.truth.boxes)


def test_frames_have_index_and_time():
    frames = [recorded.frame for recorded in record(SMALL)]
    assert [frame.index for frame in frames] == list(range(40))
    assert frames[30].time_s == pytest.approx(1.0)
    assert frames[0].image.shape == (240, 320, 3)


def test_animals_keep_their_indices_and_move_smoothly():
    centres: dict[int, np.ndarray] = {}
    for recorded in record(SMALL):
        truth = recorded.truth
        for index, box in zip(truth.animal_indices, truth.boxes, strict=True):
            centre = (box[:2] + box[2:]) / 2
            if int(index) in centres:
                assert np.linalg.norm(centre - centres[int(index)]) < 20
            centres[int(index)] = centre
    assert set(centres) == {0, 1, 2}


def test_animals_move():
    first, *_, last = record(SMALL)
    assert np.abs(first.truth.boxes[0] - last.truth.boxes[0]).max() > 2


def test_lookalikes_share_one_coat_and_others_do_not():
    from murid.synthetic.recording import _make_animals

    rng = np.random.default_rng(0)
    first, *others = _make_animals(SCENARIOS["lookalike-5"], rng)
    assert all(animal.coat is first.coat for animal in others)
    assert all(animal.length_px == first.length_px for animal in others)
    different = _make_animals(SCENARIOS["coats-4"], rng)
    assert len({tuple(animal.coat.base_colour.tolist()) for animal in different}) == 4


@pytest.mark.parametrize("field", ["n_animals", "n_frames", "fps", "body_px"])
def test_numbers_that_are_not_positive_are_refused(field):
    with pytest.raises(ConfigError, match=field):
        RecordingConfig(**{field: 0})


@pytest.mark.parametrize(
    "settings", [{"coats": ("striped",)}, {"view": "side"}, {"enclosure": "tank"}]
)
def test_settings_that_do_not_fit_are_refused(settings):
    with pytest.raises(ConfigError, match=r"coats|enclosure"):
        RecordingConfig(**settings)

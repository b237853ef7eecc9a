from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from murid.errors import ConfigError
from murid.synthetic import SCENARIOS, RecordingConfig, make_scenario, record
from murid.synthetic.composition import FULL_BOX_VISIBILITY, MIN_VISIBILITY

N_ANIMALS = {
    "coats-4": 4,
    "lookalike-5": 5,
    "huddle-6": 6,
    "shelter-4": 4,
    "night-5": 5,
    "crowd-20": 20,
}


def find_bounding_box(mask: np.ndarray) -> list[int]:
    ys, xs = np.nonzero(mask)
    return [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]


def shrink(config: RecordingConfig, n_frames: int) -> RecordingConfig:
    """The same recording with a quarter of the pixels."""
    return replace(config, width=320, height=240, body_px=config.body_px / 2, n_frames=n_frames)


def test_there_are_six_scenarios_of_sixty_seconds():
    assert {name: config.n_animals for name, config in SCENARIOS.items()} == N_ANIMALS
    for name in N_ANIMALS:
        config = make_scenario(name, seed=3)
        assert config.n_frames == 60 * config.fps
        assert config.seed == 3


@pytest.mark.parametrize("name", [*N_ANIMALS, "random"])
def test_same_seed_gives_the_same_recording_and_another_seed_does_not(name):
    def make_images(seed: int) -> list[np.ndarray]:
        config = shrink(make_scenario(name, seed), 3)
        return [recorded.frame.image for recorded in record(config)]

    for first, second in zip(make_images(1), make_images(1), strict=True):
        np.testing.assert_array_equal(first, second)
    assert not np.array_equal(make_images(1)[0], make_images(2)[0])


@pytest.mark.parametrize("name", [*N_ANIMALS, "random"])
def test_boxes_agree_with_the_label_image(name):
    config = shrink(make_scenario(name, 5), 200)
    for recorded in islice(record(config), 0, None, 40):
        truth = recorded.truth
        assert truth.labels.shape == (config.height, config.width)
        rows = zip(truth.animal_indices, truth.boxes, truth.visible_fractions, strict=True)
        for index, box, visible in rows:
            assert MIN_VISIBILITY <= visible <= 1
            visible_box = find_bounding_box(truth.labels == index)
            if visible == 1 or visible < FULL_BOX_VISIBILITY:
                np.testing.assert_array_equal(box, visible_box)
            assert (box[:2] <= visible_box[:2]).all()
            assert (box[2:] >= visible_box[2:]).all()


@pytest.mark.parametrize("name", [n for n in N_ANIMALS if n != "shelter-4"])
def test_every_animal_is_visible_at_some_time(name):
    config = shrink(make_scenario(name, 2), 60)
    indices = [recorded.truth.animal_indices for recorded in record(config)]
    assert set(np.concatenate(indices).tolist()) == set(range(N_ANIMALS[name]))
    assert all(len(set(row.tolist())) == len(row) for row in indices)


def test_animals_disappear_under_shelters_and_come_back():
    config = shrink(make_scenario("shelter-4", 0), 450)
    is_visible = np.zeros((config.n_frames, config.n_animals), bool)
    for recorded in record(replace(config, fps=10)):
        index = recorded.frame.index
        is_visible[index, recorded.truth.animal_indices] = True
        for hidden in np.flatnonzero(~is_visible[index]):
            assert (recorded.truth.labels == hidden).sum() < 0.2 * config.body_px**2
    assert 0.3 < is_visible.mean() < 0.98
    n_returns = (np.diff(is_visible.astype(int), axis=0) == 1).sum()
    assert n_returns >= 2


def test_night_is_dark_and_has_no_colour():
    night, day = (
        next(iter(record(shrink(make_scenario(name, 1), 1)))).frame.image
        for name in ("night-5", "coats-4")
    )
    assert (np.ptp(night, axis=2) == 0).all()
    assert night.mean() < 0.75 * day.mean()


def test_random_recordings_are_of_all_kinds():
    configs = [make_scenario("random", seed) for seed in range(80)]
    assert {config.view for config in configs} == {"above", "tilted", "side"}
    assert {config.enclosure for config in configs} == {"field", "disc", "cage", "tank", "dark"}
    assert min(config.body_px for config in configs) < 30
    assert max(config.body_px for config in configs) > 180
    assert any(config.flicker for config in configs)


@pytest.mark.parametrize(
    ("name", "seconds", "argument"), [("zoo-9", 1.0, "scenario"), ("coats-4", 0.0, "seconds")]
)
def test_wrong_arguments_are_refused(name, seconds, argument):
    with pytest.raises(ConfigError, match=argument):
        make_scenario(name, 0, seconds)

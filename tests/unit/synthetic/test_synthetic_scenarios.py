from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from murid.errors import ConfigError
from murid.synthetic import SCENARIOS, RecordingConfig, make_scenario, record
from murid.synthetic.composition import FULL_BOX_VISIBILITY, MIN_VISIBILITY

BENCH = {
    "coats-4": 4,
    "lookalike-5": 5,
    "huddle-6": 6,
    "shelter-4": 4,
    "night-5": 5,
    "crowd-20": 20,
}


def bound(mask: np.ndarray) -> list[int]:
    ys, xs = np.nonzero(mask)
    return [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]


def shrink(config: RecordingConfig, n_frames: int) -> RecordingConfig:
    """The same recording in a quarter of the pixels."""
    return replace(config, width=320, height=240, body_px=config.body_px / 2, n_frames=n_frames)


def test_the_bench_has_its_six_scenarios_of_sixty_seconds():
    assert {name: config.n_animals for name, config in SCENARIOS.items()} == BENCH
    for name in BENCH:
        config = make_scenario(name, seed=3)
        assert config.n_frames == 60 * config.fps
        assert config.seed == 3


@pytest.mark.parametrize("name", [*BENCH, "random"])
def test_same_seed_same_recording_and_another_seed_another(name):
    def film(seed: int) -> list[np.ndarray]:
        return [r.frame.image for r in islice(record(shrink(make_scenario(name, seed), 3)), 3)]

    for a, b in zip(film(1), film(1), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(film(1)[0], film(2)[0])


@pytest.mark.parametrize("name", [*BENCH, "random"])
def test_boxes_agree_with_masks(name):
    config = shrink(make_scenario(name, 5), 200)
    for recorded in islice(record(config), 0, None, 40):
        truth = recorded.truth
        masks = truth.labels[None] == truth.animal_indices[:, None, None]
        assert masks.shape == (len(truth.animal_indices), config.height, config.width)
        for mask, box, visible in zip(masks, truth.boxes, truth.visible_fractions, strict=True):
            assert MIN_VISIBILITY <= visible <= 1
            seen = bound(mask)
            if visible == 1 or visible < FULL_BOX_VISIBILITY:
                np.testing.assert_array_equal(box, seen)
            assert (box[:2] <= seen[:2]).all()
            assert (box[2:] >= seen[2:]).all()


@pytest.mark.parametrize("name", [n for n in BENCH if n != "shelter-4"])
def test_every_animal_is_seen_sooner_or_later_and_there_are_no_others(name):
    rows = [r.truth.animal_indices for r in record(shrink(make_scenario(name, 2), 60))]
    assert set(np.concatenate(rows).tolist()) == set(range(BENCH[name]))
    assert all(len(set(r.tolist())) == len(r) for r in rows)


def test_animals_vanish_under_shelters_and_come_back():
    config = shrink(make_scenario("shelter-4", 0), 450)
    present = np.zeros((config.n_frames, config.n_animals), bool)
    for recorded in record(replace(config, fps=10)):
        present[recorded.frame.index, recorded.truth.animal_indices] = True
        labels = recorded.truth.labels
        hidden = np.flatnonzero(~present[recorded.frame.index])
        assert all((labels == k).sum() < 0.2 * config.body_px**2 for k in hidden)
    assert 0.3 < present.mean() < 0.98
    came_back = (np.diff(present.astype(int), axis=0) == 1).sum()
    assert came_back >= 2


def test_lookalikes_wear_one_coat_and_others_do_not():
    from murid.synthetic.recording import _cast_actors

    rng = np.random.default_rng(0)
    alike = _cast_actors(SCENARIOS["lookalike-5"], rng)
    assert all(
        actor.coat is alike[0].coat and actor.length_px == alike[0].length_px for actor in alike
    )
    different = [actor.coat.base.tolist() for actor in _cast_actors(SCENARIOS["coats-4"], rng)]
    assert len({tuple(base) for base in different}) == 4


def test_night_is_dark_and_without_colour():
    night, day = (
        next(iter(record(shrink(make_scenario(n, 1), 1)))).frame.image
        for n in ("night-5", "coats-4")
    )
    assert (np.ptp(night, axis=2) == 0).all()
    assert night.mean() < 0.75 * day.mean()


def test_random_recordings_differ_in_kind():
    configs = [make_scenario("random", seed) for seed in range(80)]
    assert {c.view for c in configs} == {"above", "tilted", "side"}
    assert {c.enclosure for c in configs} == {"field", "disc", "cage", "tank"}
    assert min(c.body_px for c in configs) < 30
    assert max(c.body_px for c in configs) > 180
    assert any(c.flicker for c in configs)


@pytest.mark.parametrize(
    ("name", "seconds", "named"), [("zoo-9", 1.0, "scenario"), ("coats-4", 0.0, "seconds")]
)
def test_wrong_scenarios_are_refused(name, seconds, named):
    with pytest.raises(ConfigError, match=named):
        make_scenario(name, 0, seconds)


@pytest.mark.parametrize(
    "wrong", [{"coats": ("striped",)}, {"view": "side"}, {"enclosure": "tank"}]
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ConfigError, match=r"coats|enclosure"):
        RecordingConfig(**wrong)

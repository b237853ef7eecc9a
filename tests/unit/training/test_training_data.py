import dataclasses
from pathlib import Path

import numpy as np
import pytest

from murid.errors import ConfigError
from murid.synthetic.clips import ClipFrame, encode_jpeg
from murid.synthetic.still import Still, StillConfig, make_still
from murid.training.augment import Warp, augment, shift_colours, warp_boxes
from murid.training.config import AugmentConfig, ClipConfig, TrainConfig, change_config, load_config
from murid.training.data import EpochSampler, PictureSet, collate
from murid.training.synthetic_material import Material, Reel, count_identities, film_reels

STILLS = StillConfig(size_px=64, body_px=(20, 30), n_identities=5, empty=0.0)
STILL = AugmentConfig(
    hue=0, saturation=0, value=0, rotate_deg=0, shear_deg=0, translate=0, scale=(1, 1), flip=0
)
"""Changes nothing."""


def make_square(x: int = 16, y: int = 24, side: int = 12, size: int = 64) -> Still:
    image = np.zeros((size, size, 3), np.uint8)
    image[y : y + side, x : x + side] = 250
    return Still(
        image,
        np.array([[x, y, x + side, y + side]], np.float32),
        np.array([3]),
        np.zeros_like(image),
    )


def bound(image: np.ndarray) -> list[int]:
    ys, xs = np.nonzero(image[..., 0] > 125)
    return [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]


def test_collate_stacks_pictures_and_keeps_every_box():
    stills = [make_still(seed, STILLS) for seed in range(3)]
    batch = collate(stills)
    assert batch.images.shape == (3, 4, 64, 64)
    assert float(batch.images.max()) <= 1
    assert len(batch.identities) == sum(len(b) for b in batch.boxes)
    np.testing.assert_allclose(
        batch.images[1, :3, 5, 9].numpy() * 255, stills[1].image[5, 9], atol=1e-3
    )
    for still, difference in zip(stills, batch.images[:, 3].numpy(), strict=True):
        assert (still.background is None) == (not difference.any())


def make_reel(number: int) -> Reel:
    """Two frames of one animal that is the square."""
    stills = [make_square(x, y) for x, y in ((10, 12), (40, 30))]
    return tuple(
        ClipFrame(
            encode_jpeg(s.image), encode_jpeg(s.background), s.boxes, np.array([100 + number])
        )
        for s in stills
    )


class TestPictureSet:
    config = TrainConfig(size_px=64, stills=STILLS, augment=STILL, scenes=0.5)
    labelled = tuple(make_square(x=4 * k) for k in range(8))

    def test_a_number_always_gives_the_same_picture(self):
        a, b = (PictureSet(self.config, Material(), self.labelled) for _ in range(2))
        for number in (0, 7, 100):
            np.testing.assert_array_equal(a[number].image, b[number].image)
        other = PictureSet(dataclasses.replace(self.config, seed=1), Material())
        assert not np.array_equal(PictureSet(self.config, Material())[0].image, other[0].image)

    def test_every_labelled_picture_comes_once_in_a_round(self):
        pictures = PictureSet(
            dataclasses.replace(self.config, scenes=0.0), Material(), self.labelled
        )
        rounds = [[int(pictures[8 * r + k].boxes[0, 0]) for k in range(8)] for r in range(3)]
        assert all(sorted(seen) == [4 * k for k in range(8)] for seen in rounds)
        assert rounds[0] != rounds[1]

    @pytest.mark.parametrize(
        ("changed", "expected"),
        [
            ({"identity_source": "track"}, {0, 4}),
            ({"identity_source": "box"}, {0}),
            ({"identity_loss": "cross_entropy"}, {4 * k for k in range(-7, 8)}),
        ],
    )
    def test_labelled_pictures_go_in_pairs_where_identity_is_learnt_by_contrast(
        self, changed, expected
    ):
        config = dataclasses.replace(self.config, scenes=0.0, **changed)
        pictures = PictureSet(config, Material(), self.labelled)
        xs = [int(pictures[k].boxes[0, 0]) for k in range(32)]
        assert {b - a for a, b in zip(xs[::2], xs[1::2], strict=True)} <= expected
        assert sorted(xs) == sorted(4 * [4 * k for k in range(8)])

    def test_the_share_of_scenes_is_kept(self):
        pictures = PictureSet(self.config, Material(), self.labelled)
        squares = sum(
            list(pictures[k].identities) == [3] and pictures[k].image.max() == 250
            for k in range(60)
        )
        assert 15 <= squares <= 45

    def test_two_pictures_in_a_row_are_of_one_recording(self):
        material = Material(recorded=tuple(make_reel(k) for k in range(40)))
        config = dataclasses.replace(
            self.config, footage=ClipConfig(recorded=0.5, composed=0.2, solo=0.0)
        )
        pictures = PictureSet(config, material)
        pairs = [[set(pictures[2 * k + j].identities.tolist()) for j in (0, 1)] for k in range(80)]
        windows = [pair for pair in pairs if max(pair[0] | pair[1], default=0) >= 100]
        assert all(first == second for first, second in windows if first and second)
        assert 25 <= len(windows) <= 55  # half of all: there is nothing composed
        assert len({min(first | second) for first, second in windows}) > 15

    def test_epochs_go_on_from_each_other(self):
        sampler = EpochSampler(5)
        first = list(sampler)
        sampler.set_epoch(2)
        assert (first, list(sampler), len(sampler)) == ([0, 1, 2, 3, 4], [10, 11, 12, 13, 14], 5)


class TestAugment:
    def test_nothing_changes_nothing(self):
        still = make_square()
        same = augment(still, STILL, np.random.default_rng(0))
        np.testing.assert_array_equal(same.image, still.image)
        np.testing.assert_array_equal(same.boxes, still.boxes)

    @pytest.mark.parametrize(
        "change", [{"translate": 0.2}, {"scale": (0.6, 1.4)}, {"flip": 1.0}, {"shear_deg": 8.0}]
    )
    def test_boxes_follow_the_picture(self, change: dict):
        config = dataclasses.replace(STILL, **change)
        for seed in range(6):
            seen = augment(make_square(), config, np.random.default_rng(seed))
            if len(seen.boxes):
                np.testing.assert_allclose(seen.boxes[0], bound(seen.image), atol=1.6)

    def test_a_window_of_a_larger_picture_shows_it_as_large_as_it_is(self):
        large = make_square(x=150, y=60, side=20, size=200)
        windows = [augment(large, STILL, np.random.default_rng(seed), 64) for seed in range(20)]
        assert {window.image.shape for window in windows} == {(64, 64, 3)}
        with_animal = [window for window in windows if len(window.boxes)]
        assert len(with_animal) >= 12
        for window in with_animal:
            np.testing.assert_allclose(window.boxes[0], bound(window.image), atol=1)
        assert max(np.ptp(window.boxes[0, ::2]) for window in with_animal) == 20
        assert len({window.boxes[0, 0] for window in with_animal}) > 5

    def test_a_turned_box_is_shrunk(self):
        angle = np.deg2rad(45)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        centre = np.array([32.0, 32.0])
        warp = Warp(np.column_stack([turn, centre - turn @ centre]), float(angle))
        boxes, kept = warp_boxes(np.array([[22, 22, 42, 42]], np.float32), warp, 64, 64)
        assert kept.tolist() == [True]
        np.testing.assert_allclose(
            boxes[0, 2:] - boxes[0, :2], 20 * np.sqrt(2) * 2**-0.25, rtol=1e-5
        )

    def test_boxes_that_leave_the_picture_go_with_their_identities(self):
        warp = Warp(np.array([[1.0, 0, 50], [0, 1, 0]]), 0.0)
        boxes = np.array([[0, 0, 12, 12], [12, 0, 40, 12], [30, 30, 60, 60]], np.float32)
        found, kept = warp_boxes(boxes, warp, 64, 64)
        assert kept.tolist() == [True, False, False]
        np.testing.assert_allclose(found, [[50, 0, 62, 12]])
        shifted = dataclasses.replace(STILL, translate=1.0)
        lost = [augment(make_square(), shifted, np.random.default_rng(seed)) for seed in range(12)]
        assert any(len(still.boxes) == 0 for still in lost)
        assert all(len(still.boxes) == len(still.identities) for still in lost)

    def test_no_boxes_stay_no_boxes(self):
        empty = Still(
            np.zeros((64, 64, 3), np.uint8), np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
        )
        assert augment(empty, AugmentConfig(), np.random.default_rng(0)).boxes.shape == (0, 4)

    def test_colours_are_multiplied(self):
        image = np.full((4, 4, 3), (200, 100, 50), np.uint8)
        darker = shift_colours(image, np.array([1.0, 1.0, 0.5]))
        np.testing.assert_allclose(darker[0, 0], (100, 50, 25), atol=2)
        grey = shift_colours(image, np.array([1.0, 0.0, 1.0]))
        assert np.ptp(grey[0, 0]) <= 1


class TestConfig:
    def test_the_papers_protocol(self):
        paper = TrainConfig.paper()
        given = (
            paper.optimizer,
            paper.learning_rate,
            paper.momentum,
            paper.weight_decay,
            paper.batch_size,
        )
        assert given == ("sgd", 0.01, 0.937, 5e-4, 16)
        assert (paper.size_px, paper.epochs, paper.patience, paper.preset, paper.scenes) == (
            640,
            300,
            30,
            "s",
            0,
        )

    def test_a_file_changes_what_it_names(self, tmp_path):
        path = tmp_path / "train.toml"
        path.write_text("epochs = 7\n[augment]\nscale = [0.9, 1.1]\n[stills]\nempty = 0.2\n")
        config = load_config(path, TrainConfig())
        assert (config.epochs, config.augment.scale, config.stills.empty) == (7, (0.9, 1.1), 0.2)
        assert config.batch_size == TrainConfig().batch_size

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("epoch = 3", "epoch: expected one of"),
            ("[augment]\nturn = 3", "augment.turn: expected one of"),
            ("[epochs]\nx = 3", "epochs: expected a value"),
            ("batch_size = 0", "batch_size: expected 1 or more, got 0"),
            ("size_px = 100", "size_px: expected a multiple of 32"),
            ("preset = 'xl'", "preset: expected nano or s or m or l or yolox-s or .*, got xl"),
            ("epochs =", "expected TOML"),
        ],
    )
    def test_what_is_wrong_is_named(self, tmp_path, text: str, message: str):
        path = tmp_path / "train.toml"
        path.write_text(text)
        with pytest.raises(ConfigError, match=message) as caught:
            load_config(path, TrainConfig())
        assert str(path) in str(caught.value)

    def test_a_missing_file_is_named(self, tmp_path):
        with pytest.raises(ConfigError, match=r"none\.toml"):
            load_config(tmp_path / "none.toml", TrainConfig())

    def test_nested_settings_keep_the_rest(self):
        config = change_config(TrainConfig(), {"stills": {"empty": 0.5}})
        assert config.stills == dataclasses.replace(StillConfig(), empty=0.5)


class TestMaterial:
    def test_animals_of_recordings_have_numbers_of_their_own(self):
        reels = film_reels(6, seed=2, first_identity=50, n_frames=3)
        seen = [{int(i) for footage in reel for i in footage.identities} for reel in reels]
        known = [ids for ids in seen if ids != {-1}]
        assert len(set().union(*known)) == sum(map(len, known))
        assert min(set().union(*known)) >= 50
        assert count_identities(reels) == max(set().union(*known)) + 1
        assert any(ids == {-1} for ids in seen), "where all look alike there is nothing to learn"
        assert all(len({footage.packed_place for footage in reel}) == 1 for reel in reels)

    def test_the_same_seed_films_the_same(self):
        first, again = (film_reels(2, seed=9, n_frames=2) for _ in range(2))
        assert [f.packed for reel in first for f in reel] == [
            f.packed for reel in again for f in reel
        ]

    @pytest.mark.parametrize(
        ("changed", "message"), [({"n_recorded": -1}, "footage.n_recorded"), ({"solo": 0.9}, "1")]
    )
    def test_shares_that_make_no_sense_are_refused(self, changed, message):
        with pytest.raises(ConfigError, match=message):
            ClipConfig(**changed)


@pytest.mark.parametrize(
    "recipe", sorted((Path(__file__).parents[3] / "recipes").glob("*.toml")), ids=lambda p: p.stem
)
def test_recipes_name_settings_that_there_are(recipe):
    config = load_config(recipe, TrainConfig())
    assert config.preset == recipe.stem.split("-")[0]
    assert config.minutes is not None

import dataclasses
from pathlib import Path

import pytest

from murid.core.settings import change_settings, load_settings
from murid.errors import ConfigError
from murid.synthetic.still import StillConfig
from murid.training.config import ClipConfig, TrainConfig


def test_the_protocol_of_the_paper():
    paper = TrainConfig.paper()
    given = (
        paper.optimizer,
        paper.learning_rate,
        paper.momentum,
        paper.weight_decay,
        paper.batch_size,
    )
    assert given == ("sgd", 0.01, 0.937, 5e-4, 16)
    assert (
        paper.size_px,
        paper.epochs,
        paper.patience,
        paper.preset,
        paper.synthetic_share,
    ) == (
        640,
        300,
        30,
        "s",
        0,
    )


def test_the_paper_learns_from_single_images_without_mirroring_or_clipping():
    paper = TrainConfig.paper()
    assert paper.identity_source == "box"
    assert paper.identity_loss == "cross_entropy"
    assert paper.max_gradient_norm == 0
    assert not paper.bf16
    augment = paper.augment
    assert augment.flip == 0
    kinds = (augment.hue, augment.saturation, augment.value, augment.rotate_deg)
    assert min(*kinds, augment.translate, augment.shear_deg) > 0
    assert augment.scale[0] < 1 < augment.scale[1]
    assert TrainConfig.paper(bf16=True).bf16


def test_a_file_changes_the_settings_that_it_contains(tmp_path):
    path = tmp_path / "train.toml"
    path.write_text("epochs = 7\n[augment]\nscale = [0.9, 1.1]\n[stills]\nempty = 0.2\n")
    config = load_settings(path, TrainConfig())
    assert (config.epochs, config.augment.scale, config.stills.empty) == (7, (0.9, 1.1), 0.2)
    assert config.batch_size == TrainConfig().batch_size


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch = 3", "epoch: expected one of"),
        ("[augment]\nturn = 3", "augment.turn: expected one of"),
        ("[epochs]\nx = 3", "epochs: expected a whole number, got a table"),
        ("batch_size = 0", "batch_size: expected 1 or more, got 0"),
        ("size_px = 100", "size_px: expected a multiple of 32"),
        ("preset = 'xl'", "preset: expected nano or s or m or l or yolox-s or .*, got xl"),
        ("epochs =", "expected TOML"),
    ],
)
def test_an_invalid_setting_is_named(tmp_path, text: str, message: str):
    path = tmp_path / "train.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_settings(path, TrainConfig())
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml"):
        load_settings(tmp_path / "none.toml", TrainConfig())


def test_nested_settings_keep_the_rest():
    config = change_settings(TrainConfig(), {"stills": {"empty": 0.5}})
    assert config.stills == dataclasses.replace(StillConfig(), empty=0.5)


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"n_synthetic": -1}, "clips.n_synthetic"), ({"solo_share": 0.9}, "1")],
)
def test_invalid_shares_of_clips_are_refused(changed, message):
    with pytest.raises(ConfigError, match=message):
        ClipConfig(**changed)


@pytest.mark.parametrize(
    "recipe", sorted((Path(__file__).parents[3] / "recipes").glob("*.toml")), ids=lambda p: p.stem
)
def test_recipes_have_valid_settings(recipe):
    config = load_settings(recipe, TrainConfig())
    assert config.preset == recipe.stem.split("-")[0]
    assert config.minutes is not None

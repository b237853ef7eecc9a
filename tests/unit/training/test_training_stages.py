import hashlib
import json
from pathlib import Path

import pytest
import torch

from murid.errors import ConfigError, SourceError
from murid.networks.checkpoint import load_network
from murid.networks.network import Network
from murid.networks.presets import NetworkConfig, RimConfig
from murid.training.data import Batch
from murid.training.stages import (
    _make_settings,
    average_weights,
    check_inputs,
    list_recipes,
    load_recipe,
    measure_statistics,
    train_stages,
)

TINY_NETWORK = NetworkConfig(
    "tiny",
    width=0.125,
    head_channels=8,
    rim=RimConfig(grid=4, channels=16, part_channels=8, embedding_size=8),
)

RECIPE = """
averaged = ["second", "third"]

[training]
size_px = 64
batch_size = 2
n_workers = 0
bf16 = false
steps_per_epoch = 2
epochs = 1
pool_images = 8

[training.stills]
body_px = [20.0, 30.0]
n_identities = 5

[training.clips]
n_synthetic = 0

[[stages]]
name = "first"
share = 2
learning_rate = 1e-3

[[stages]]
name = "second"

[[stages]]
name = "third"
"""


@pytest.fixture
def few_images(monkeypatch) -> None:
    """Make a few images in place of some hundreds, and no ONNX files, which take seconds."""
    monkeypatch.setattr("murid.training.recipe.export_onnx", lambda *_, **__: None)
    monkeypatch.setattr("murid.training.image_pool._IMAGES_PER_FILE", 8)
    monkeypatch.setattr("murid.training.fit._N_VALIDATION_IMAGES", 4)


def write_recipe(folder: Path, text: str = RECIPE) -> str:
    path = folder / "recipe.toml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("name", list_recipes())
def test_the_recipes_of_the_package_can_be_read(name):
    recipe = load_recipe(name)
    assert recipe.inputs
    assert {stage.settings.preset for stage in recipe.stages} <= {"nano", "s"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('averaged = ["second", "third"]', 'averaged = ["fourth"]', "averaged"),
        ('name = "third"', 'name = "second"', "different names"),
        ("learning_rate", "learning_speed", "learning_speed"),
        ("[training]", "[trainings]", "trainings"),
        ('name = "third"', "share = 1", r"stages\.2\.name"),
    ],
)
def test_a_wrong_recipe_is_refused_with_its_file(old, new, message, tmp_path):
    path = write_recipe(tmp_path, RECIPE.replace(old, new))
    with pytest.raises(ConfigError, match=message) as error:
        load_recipe(path)
    assert "recipe.toml" in str(error.value)


def test_an_unknown_recipe_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="nano"):
        load_recipe("pico")


def test_other_videos_than_those_of_the_recipe_are_refused(tmp_path):
    video = tmp_path / "mouse.mp4"
    video.write_bytes(b"a video")
    digest = hashlib.sha256(b"a video").hexdigest()
    inputs = f'[inputs]\n"mouse" = "{digest}"\n'
    recipe = load_recipe(write_recipe(tmp_path, RECIPE + inputs))
    check_inputs(recipe, [video])
    video.write_bytes(b"another video")
    with pytest.raises(SourceError, match=digest):
        check_inputs(recipe, [video])


class StopError(Exception):
    pass


@pytest.mark.usefixtures("few_images")
def test_stages_are_trained_averaged_and_not_repeated(tmp_path):
    recipe = load_recipe(write_recipe(tmp_path))
    out = tmp_path / "out"

    def stop_in_the_last_stage(stage: str, _done: int, _total: int | None) -> None:
        if stage == "training, third":
            raise StopError

    with pytest.raises(StopError):
        train_stages(recipe, (), out, report=stop_in_the_last_stage)
    finished = [(out / name / "nano.pt").exists() for name in ("first", "second", "third")]
    assert finished == [True, True, False]
    before = (out / "second" / "nano.pt").read_bytes()

    stages = set()
    result = train_stages(recipe, (), out, report=lambda stage, *_: stages.add(stage))
    assert (out / "second" / "nano.pt").read_bytes() == before
    assert {stage for stage in stages if stage.startswith("training")} == {"training, third"}
    assert result.steps == 6
    assert "Results on" in (out / "README.md").read_text()
    assert json.loads((out / "config.json").read_text())["seed"] == 2
    # The result is the mean of the two stages, and nothing that is no longer needed stays.
    name = "heads.size.0.weight"
    states = [load_network(out / k / "nano.pt").state_dict() for k in ("second", "third")]
    assert not torch.equal(states[0][name], states[1][name])
    mean = load_network(out / "nano.pt").state_dict()[name]
    torch.testing.assert_close(mean, (states[0][name] + states[1][name]) / 2)
    assert not list(out.glob("*/pool"))


def test_every_stage_of_every_seed_is_another_training(tmp_path):
    recipe = load_recipe(write_recipe(tmp_path))
    settings = [_make_settings(recipe, k, seed, None, None) for seed in (0, 1) for k in range(3)]
    assert len({each.seed for each in settings}) == 6


def test_stages_divide_the_time_by_their_shares(tmp_path):
    recipe = load_recipe(write_recipe(tmp_path))
    minutes = [_make_settings(recipe, k, 0, 100.0, None).minutes for k in range(3)]
    assert minutes == pytest.approx([48.5, 24.25, 24.25])


def test_the_mean_has_statistics_of_its_own():
    torch.manual_seed(0)
    networks = [Network(TINY_NETWORK).eval() for _ in range(3)]
    average_weights(networks[0], networks[1:])
    weights = [network.backbone.stem.state_dict() for network in networks]
    for name, value in weights[0].items():
        if value.is_floating_point():
            torch.testing.assert_close(value, (weights[1][name] + weights[2][name]) / 2)
    # Statistics of many batches of other images, as after a training.
    for module in networks[0].modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.num_batches_tracked.fill_(1000)
            module.running_mean.fill_(5)
    images = torch.rand(4, 3, 64, 64) + 3
    none = torch.zeros(0, dtype=torch.int64)
    measure_statistics(networks[0], [Batch(images, [], none, [], [])] * 3)
    norm = next(m for m in networks[0].modules() if isinstance(m, torch.nn.BatchNorm2d))
    assert norm.momentum == pytest.approx(0.03)
    assert not networks[0].training
    # In evaluation mode, the first layer now gives values of mean 0 and variance 1.
    with torch.no_grad():
        seen = []
        norm.register_forward_hook(lambda _module, _inputs, output: seen.append(output.clone()))
        networks[0](images)
    normalised = (seen[0] - norm.bias.view(1, -1, 1, 1)) / norm.weight.view(1, -1, 1, 1)
    torch.testing.assert_close(
        normalised.mean((0, 2, 3)), torch.zeros(len(norm.bias)), atol=1e-2, rtol=0
    )

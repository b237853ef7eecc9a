import dataclasses

import pytest
import torch
from lightning.pytorch.callbacks import Callback

from murid.core.progress import no_progress
from murid.errors import ModelError
from murid.networks.checkpoint import load_network, save_checkpoint
from murid.networks.network import build_network
from murid.synthetic.still import StillConfig
from murid.training.config import AugmentConfig, TrainConfig
from murid.training.data import TrainingImages, collate
from murid.training.fit import (
    LOG_NAME,
    EmaWeights,
    TrainingData,
    _make_pool,
    count_identities,
    count_steps,
    find_checkpoint,
    fit,
    make_held_out_images,
)
from murid.training.loss_balancing import BalanceConfig
from murid.training.module import TrainingModule, compute_rate
from murid.training.network_changes import NetworkChanges, RimChanges
from murid.training.report import read_log
from murid.training.synthetic_sources import SyntheticSources
from murid.training.validate import ValidationResult

TINY = TrainConfig(
    size_px=64,
    epochs=2,
    steps_per_epoch=3,
    batch_size=2,
    n_workers=0,
    bf16=False,
    identity_every=1,
    stills=StillConfig(body_px=(20, 30), n_identities=5, empty=0.0),
)
DATA = TrainingData(held_out=make_held_out_images(TINY, TrainingData().sources)[:4])


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


class KilledError(Exception):
    """Raised in place of a kill."""


class KillAt(Callback):
    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_end(self, trainer, *_) -> None:
        if trainer.global_step == self.step:
            raise KilledError


def test_a_training_writes_log_and_checkpoints(tmp_path):
    fitted = fit(TINY, DATA, tmp_path)
    assert fitted.steps == 6
    assert fitted.seconds > 0
    assert not fitted.network.training
    assert {"best.ckpt", "last.ckpt", LOG_NAME, "events"} <= {
        path.name for path in tmp_path.iterdir()
    }
    rows = read_log(tmp_path / LOG_NAME)
    assert [row["step"] for row in rows] == [3, 6]
    assert {"train/heat", "train/identity", "train/waiting", "val/ap50", "val/ap75"} <= set(rows[1])


def test_without_training_of_re_identification(tmp_path):
    fit(dataclasses.replace(TINY, identity_every=0, epochs=1), DATA, tmp_path)
    (row,) = read_log(tmp_path / LOG_NAME)
    assert "train/heat" in row
    assert "train/identity" not in row


def test_a_resumed_training_gives_the_same_weights(tmp_path):
    config = dataclasses.replace(TINY, ema_decay=None)
    whole = fit(config, DATA, tmp_path / "whole").network.state_dict()
    with pytest.raises(KilledError):
        fit(config, DATA, tmp_path / "killed", [KillAt(5)])
    recorder = Recorder()
    again = fit(config, DATA, tmp_path / "killed", [recorder]).network.state_dict()
    assert len(recorder.rates) == 3  # the first epoch is not repeated
    for name, value in whole.items():
        torch.testing.assert_close(again[name], value, msg=name)


def test_a_checkpoint_of_another_preset_is_refused(tmp_path):
    fit(dataclasses.replace(TINY, epochs=1, steps_per_epoch=1), DATA, tmp_path)
    with pytest.raises(ModelError, match="preset: expected s, got nano"):
        fit(dataclasses.replace(TINY, preset="s"), DATA, tmp_path)
    (tmp_path / "last.ckpt").write_bytes(b"half")
    with pytest.raises(ModelError, match="checkpoint"):
        fit(TINY, DATA, tmp_path)


def test_a_checkpoint_of_a_changed_network_is_refused(tmp_path):
    changed = dataclasses.replace(TINY, network=NetworkChanges(rim=RimChanges(grid=4)))
    short = dataclasses.replace(changed, epochs=1, steps_per_epoch=1)
    network = fit(short, DATA, tmp_path).network
    assert network.config.rim.grid == 4
    with pytest.raises(ModelError, match=r"network.rim.grid: expected 8, got 4"):
        fit(TINY, DATA, tmp_path)
    save_checkpoint(tmp_path / "nano.pt", network)
    assert load_network(tmp_path / "nano.pt").config == network.config
    started = dataclasses.replace(TINY, start=str(tmp_path / "nano.pt"))
    with pytest.raises(ModelError, match=r"nano.pt.*network.rim.grid: expected 8, got 4"):
        fit(started, DATA, tmp_path / "other")


def test_a_checkpoint_without_a_network_is_that_of_its_preset(tmp_path):
    torch.save({"murid": {"preset": "nano"}}, tmp_path / "last.ckpt")
    assert find_checkpoint(tmp_path, TINY) == tmp_path / "last.ckpt"
    changed = dataclasses.replace(TINY, network=NetworkChanges(head_channels=16))
    with pytest.raises(ModelError, match=r"network.head_channels: expected 16, got 32"):
        find_checkpoint(tmp_path, changed)


def test_the_literal_network_is_trained(tmp_path):
    literal = RimChanges(grid=20, literal_order=True, use_vector=True, share_parts=True)
    network = NetworkChanges(box_mode="wh", head_channels=16, n_classes=2, rim=literal)
    config = dataclasses.replace(
        TINY, network=network, box_loss_reduction="sum", epochs=1, ema_decay=None
    )
    trained = fit(config, DATA, tmp_path)
    assert trained.validation.rank1 is not None
    assert trained.network.config == config.network_config
    (row,) = read_log(tmp_path / LOG_NAME)
    assert row["train/identity"] > 0


@pytest.mark.parametrize("bf16", [False, True])
def test_the_precision_is_that_of_the_machine(tmp_path, monkeypatch, bf16):
    chosen = []

    def choose(wanted: bool) -> str:
        chosen.append(wanted)
        return "32-true"

    monkeypatch.setattr("murid.training.fit.choose_precision", choose)
    config = dataclasses.replace(TINY, bf16=bf16, epochs=1, steps_per_epoch=1)
    fit(config, DATA, tmp_path)
    assert chosen == [bf16]


def test_the_time_limit_ends_a_training(tmp_path):
    fitted = fit(dataclasses.replace(TINY, epochs=1000, minutes=0.02), DATA, tmp_path)
    assert 1.2 <= fitted.seconds < 10
    assert fitted.steps < 3000


def test_losses_decrease(tmp_path):
    labelled = DATA.held_out
    unchanged = AugmentConfig(
        hue=0, saturation=0, value=0, rotate_deg=0, shear_deg=0, translate=0, scale=(1, 1), flip=0
    )
    config = dataclasses.replace(
        TINY, synthetic_share=0.0, epochs=10, steps_per_epoch=4, ema_decay=None, augment=unchanged
    )
    fit(config, TrainingData(labelled=labelled, held_out=labelled), tmp_path)
    rows = read_log(tmp_path / LOG_NAME)
    assert rows[-1]["train/heat"] < 0.8 * rows[0]["train/heat"]


def test_steps_of_an_epoch():
    assert count_steps(TINY, 100) == 3
    free = dataclasses.replace(TINY, steps_per_epoch=None)
    assert count_steps(free, 100) == 50
    assert count_steps(free, 0) == 250


def test_classes_are_the_identities_that_can_occur():
    labelled = TrainingData(labelled=DATA.held_out, n_identities=4)
    paper = dataclasses.replace(TrainConfig.paper(), stills=TINY.stills)
    assert count_identities(paper, labelled) == 4
    assert TrainingModule(paper, 4, 1).identity_loss.scale == pytest.approx(1.5537, abs=1e-4)
    mixed = dataclasses.replace(paper, synthetic_share=0.5)
    assert count_identities(mixed, labelled) == 5 + 4
    assert count_identities(paper, DATA) == 5
    assert count_identities(paper, dataclasses.replace(labelled, n_identities=0)) == 3


def test_the_moving_average_is_fast_at_first_and_slow_later():
    callback = EmaWeights(0.99)
    average = callback._kwargs["multi_avg_fn"]
    means, counters = [torch.zeros(1), torch.zeros(2)], [torch.tensor(3)]
    average(means, [torch.ones(1), torch.ones(2)], 0)
    assert min(float(mean.min()) for mean in means) > 0.99
    callback.load_state_dict({"latest_update_step": 10**6})
    means = [torch.zeros(1)]
    average(means, [torch.ones(1)], 0)
    assert float(means[0]) == pytest.approx(0.01, abs=1e-5)
    average(counters, [torch.tensor(5)], 10)
    assert counters[0] == 5


def test_a_training_killed_within_an_epoch_goes_on_from_there(tmp_path):
    # A checkpoint after every step.
    config = dataclasses.replace(
        TINY, ema_decay=0.9, epochs=2, steps_per_epoch=4, checkpoint_minutes=1e-9
    )
    whole = fit(config, DATA, tmp_path / "whole").network.state_dict()
    killed = tmp_path / "killed"
    for step in (3, 6):
        with pytest.raises(KilledError):
            fit(config, DATA, killed, [KillAt(step)])
        saved = torch.load(killed / "last.ckpt", weights_only=True)["global_step"]
        assert step - 1 <= saved <= step
    again = fit(config, DATA, killed)
    assert again.steps == 8
    for name, value in again.network.state_dict().items():
        torch.testing.assert_close(value, whole[name], msg=name)
    assert [row["step"] for row in read_log(killed / LOG_NAME)] == [4, 8]


def test_a_training_starts_from_a_given_network(tmp_path):
    network = build_network("nano")
    with torch.no_grad():
        network.heads.heatmap[-1].bias.fill_(3.25)
    save_checkpoint(tmp_path / "nano.pt", network)
    config = dataclasses.replace(
        TINY,
        start=str(tmp_path / "nano.pt"),
        epochs=1,
        steps_per_epoch=1,
        learning_rate=1e-9,
        ema_decay=None,
    )
    trained = fit(config, DATA, tmp_path / "out").network
    assert float(trained.heads.heatmap[-1].bias[0].detach()) == pytest.approx(3.25, abs=1e-4)
    with pytest.raises(ModelError, match="preset: expected s, got nano"):
        fit(dataclasses.replace(config, preset="s"), DATA, tmp_path / "other")


class Recorder(Callback):
    """Keeps what a training does in each step and epoch."""

    def __init__(self) -> None:
        self.rates: list[list[float]] = []
        self.gradient_norms: list[float] = []
        self.weights: list[torch.Tensor] = []
        self.validated: list[torch.Tensor] = []

    def on_train_batch_end(self, trainer, module, *_) -> None:
        self.rates.append([group["lr"] for group in trainer.optimizers[0].param_groups])
        gradients = [p.grad for p in module.network.parameters() if p.grad is not None]
        self.gradient_norms.append(float(torch.nn.utils.get_total_norm(gradients)))
        self.weights.append(get_weight(module.network))

    def on_validation_batch_end(self, *arguments) -> None:
        _trainer, _module, _outputs, batch, *_ = arguments
        self.validated.append(batch.images)


def get_weight(network) -> torch.Tensor:
    return network.heads.offset[-1].weight.detach().clone()


def test_the_rate_follows_the_schedule_gradients_are_clipped_and_weights_averaged(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("murid.training.fit._EMA_RAMP_STEPS", 1e-9)
    config = dataclasses.replace(
        TINY,
        epochs=1,
        warmup=0.5,
        final_rate=0.1,
        max_gradient_norm=1e-3,
        ema_decay=0.75,
        balance=BalanceConfig(name="uncertainty-task", learning_rate=0.02),
    )
    recorder = Recorder()
    fitted = fit(config, DATA, tmp_path, [recorder])
    for step, rates in enumerate(recorder.rates):
        expected = config.learning_rate * compute_rate(step / 3, 0.5, 0.1)
        assert rates == pytest.approx([expected, expected, 0.02])
    assert recorder.gradient_norms == pytest.approx([1e-3] * 3, rel=0.05)
    # The average starts with the weights after the first step.
    mean = recorder.weights[0]
    for weight in recorder.weights[1:]:
        mean = 0.75 * mean + 0.25 * weight
    torch.testing.assert_close(get_weight(fitted.network), mean)
    # Validation uses the images that are held out.
    expected = collate(list(DATA.held_out)).images
    torch.testing.assert_close(torch.cat(recorder.validated), expected)


def test_a_training_stops_when_it_gets_no_better_and_keeps_the_best_weights(tmp_path, monkeypatch):
    scores = iter([0.1, 0.2, 0.4, 0.3, 0.2, 0.5, 0.6])
    measured = ValidationResult(**{f.name: 0.0 for f in dataclasses.fields(ValidationResult)})
    monkeypatch.setattr(
        "murid.training.module.summarise",
        lambda _: dataclasses.replace(measured, ap50=next(scores)),
    )
    config = dataclasses.replace(
        TINY, epochs=7, steps_per_epoch=1, patience=2, ema_decay=None, identity_every=0
    )
    recorder = Recorder()
    fitted = fit(config, DATA, tmp_path, [recorder])
    assert fitted.steps == 5
    assert torch.equal(get_weight(fitted.network), recorder.weights[2])


def test_the_seed_decides_the_initial_weights(tmp_path):
    frozen = dataclasses.replace(
        TINY, epochs=1, steps_per_epoch=1, learning_rate=1e-9, identity_every=0
    )
    configs = [dataclasses.replace(frozen, seed=seed) for seed in (0, 1)]
    first, second = (
        get_weight(fit(config, DATA, tmp_path / str(config.seed)).network) for config in configs
    )
    assert not torch.allclose(first, second, rtol=0.1)


def test_no_training_image_is_a_validation_image():
    images = TrainingImages(TINY, TrainingData().sources)
    held_out = {still.image.tobytes() for still in DATA.held_out}
    assert len(held_out) == len(DATA.held_out)
    assert not held_out & {images[k].image.tobytes() for k in range(8)}


def test_other_labels_make_other_images_of_the_pool(tmp_path, monkeypatch):
    described = []
    monkeypatch.setattr(
        "murid.training.fit.build_image_pool",
        lambda _images, _n, _directory, settings, *_: described.append(settings),
    )
    config = dataclasses.replace(TINY, pool_images=2)
    still = DATA.held_out[0]
    moved = dataclasses.replace(still, boxes=still.boxes + 1)
    for labelled in ([still], [still], [moved]):
        _make_pool(TrainingImages(config, SyntheticSources(), labelled), tmp_path, no_progress)
    assert described[0] == described[1] != described[2]

import dataclasses

import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import Callback

from murid.errors import ModelError
from murid.networks.checkpoint import save_checkpoint
from murid.networks.network import build_network
from murid.synthetic.still import StillConfig
from murid.training.config import AugmentConfig, TrainConfig
from murid.training.fit import LOG, EmaWeights, TrainingData, count_steps, fit, make_held_out
from murid.training.module import compute_rate
from murid.training.report import read_log

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
FEW = TrainingData(held_out=make_held_out(TINY, TrainingData().material)[:4])


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


class KilledError(Exception):
    """Stands for a kill."""


class KillAt(Callback):
    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_end(self, trainer, *_) -> None:
        if trainer.global_step == self.step:
            raise KilledError


def test_a_training_leaves_weights_log_and_checkpoints(tmp_path):
    fitted = fit(TINY, FEW, tmp_path)
    assert fitted.steps == 6
    assert fitted.seconds > 0
    assert not fitted.network.training
    assert {"best.ckpt", "last.ckpt", LOG, "events"} <= {path.name for path in tmp_path.iterdir()}
    rows = read_log(tmp_path / LOG)
    assert [row["step"] for row in rows] == [3, 6]
    assert {"train/heat", "train/identity", "train/waiting", "val/ap50", "val/ap75"} <= set(rows[1])


def test_re_identification_may_be_left_out(tmp_path):
    fit(dataclasses.replace(TINY, identity_every=0, epochs=1), FEW, tmp_path)
    (row,) = read_log(tmp_path / LOG)
    assert "train/heat" in row
    assert "train/identity" not in row


def test_a_killed_training_ends_like_an_undisturbed_one(tmp_path):
    config = dataclasses.replace(TINY, ema_decay=None)
    whole = fit(config, FEW, tmp_path / "whole").network.state_dict()
    with pytest.raises(KilledError):
        fit(config, FEW, tmp_path / "killed", [KillAt(5)])
    again = fit(config, FEW, tmp_path / "killed").network.state_dict()
    for name, value in whole.items():
        torch.testing.assert_close(again[name], value, msg=name)


def test_a_checkpoint_of_another_preset_is_refused(tmp_path):
    fit(dataclasses.replace(TINY, epochs=1, steps_per_epoch=1), FEW, tmp_path)
    with pytest.raises(ModelError, match="preset: expected s, got nano"):
        fit(dataclasses.replace(TINY, preset="s"), FEW, tmp_path)
    (tmp_path / "last.ckpt").write_bytes(b"half")
    with pytest.raises(ModelError, match="checkpoint"):
        fit(TINY, FEW, tmp_path)


def test_time_ends_a_training(tmp_path):
    fitted = fit(dataclasses.replace(TINY, epochs=1000, minutes=0.02), FEW, tmp_path)
    assert 1.2 <= fitted.seconds < 10
    assert fitted.steps < 3000


def test_losses_fall(tmp_path):
    labelled = FEW.held_out
    still = AugmentConfig(
        hue=0, saturation=0, value=0, rotate_deg=0, shear_deg=0, translate=0, scale=(1, 1), flip=0
    )
    config = dataclasses.replace(
        TINY, scenes=0.0, epochs=10, steps_per_epoch=4, ema_decay=None, augment=still
    )
    fit(config, TrainingData(labelled=labelled, held_out=labelled), tmp_path)
    rows = read_log(tmp_path / LOG)
    assert rows[-1]["train/heat"] < 0.8 * rows[0]["train/heat"]


def test_steps_of_an_epoch():
    assert count_steps(TINY, 100) == 3
    free = dataclasses.replace(TINY, steps_per_epoch=None)
    assert count_steps(free, 100) == 50
    assert count_steps(free, 0) == 250


def test_the_rate_rises_then_falls_by_half_a_cosine():
    rates = np.array([compute_rate(progress, 0.1, 0.05) for progress in np.linspace(0, 1, 101)])
    assert rates[0] < 0.01
    assert rates.argmax() in (9, 10, 11)
    assert rates[-1] == pytest.approx(0.05)
    assert compute_rate(0.5, 0, 0) == pytest.approx(0.5)


def test_the_mean_follows_fast_at_first_and_slowly_later():
    mean = EmaWeights(0.99)._kwargs["avg_fn"]
    old, new = torch.zeros(1), torch.ones(1)
    assert float(mean(old, new, 0)) > 0.99
    assert float(mean(old, new, 10**6)) == pytest.approx(0.01, abs=1e-5)
    assert mean(torch.tensor(3), torch.tensor(5), 10) == 5


def test_a_training_starts_from_the_given_network(tmp_path):
    network = build_network("nano")
    with torch.no_grad():
        network.heads.heatmap[-1].bias.fill_(3.25)
    save_checkpoint(tmp_path / "nano.pt", network)
    hardly = dataclasses.replace(
        TINY,
        start=str(tmp_path / "nano.pt"),
        epochs=1,
        steps_per_epoch=1,
        learning_rate=1e-9,
        ema_decay=None,
    )
    trained = fit(hardly, FEW, tmp_path / "out").network
    assert float(trained.heads.heatmap[-1].bias[0].detach()) == pytest.approx(3.25, abs=1e-4)
    with pytest.raises(ModelError, match="preset: expected s, got nano"):
        fit(dataclasses.replace(hardly, preset="s"), FEW, tmp_path / "other")

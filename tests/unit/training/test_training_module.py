import numpy as np
import pytest
import torch

from murid.training.module import compute_rate, rename_old_keys


def test_the_learning_rate_rises_then_follows_half_a_cosine():
    rates = np.array([compute_rate(progress, 0.1, 0.05) for progress in np.linspace(0, 1, 101)])
    assert rates[0] < 0.01
    assert rates.argmax() in (9, 10, 11)
    assert rates[-1] == pytest.approx(0.05)
    assert compute_rate(0.5, 0, 0) == pytest.approx(0.5)


def test_checkpoints_of_earlier_versions_get_the_present_names():
    state = {"tell_apart.linear.bias": torch.zeros(3), "network.heads.bias": torch.ones(1)}
    assert list(rename_old_keys(state)) == ["identity_loss.linear.bias", "network.heads.bias"]

import dataclasses
import math

import pytest

from murid.errors import ConfigError
from murid.training.loss_balancing import (
    BalanceConfig,
)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "dwa"}, "balance.name: expected fixed or uncertainty-task or .* got dwa"),
        ({"size_weight": 0}, "size_weight: expected more than 0, got 0"),
        ({"identity_weight": -1}, "identity_weight: expected 0 or more"),
        ({"name": "gradnorm", "alpha": math.nan}, "alpha: expected 0 or more, got nan"),
        ({"name": "gradnorm", "first_epoch_steps": 0}, "first_epoch_steps: expected 1 or more"),
        ({"name": "gradnorm", "learning_rate": 0}, "learning_rate: expected more than 0"),
        (
            {"name": "uncertainty-task", "identity_log_variance": math.inf},
            "identity_log_variance: expected a finite",
        ),
        ({"name": "mgda-ub", "normalise": "l1"}, "normalise: expected none or l2 or loss or"),
        ({"name": "mgda-ub", "tolerance": -1.0}, "tolerance: expected more than 0"),
        ({"name": "mgda-ub", "max_iterations": 0}, "max_iterations: expected 1 or more"),
        (
            {"name": "uncertainty-task", "level": "branch"},
            "level: expected task with uncertainty-task, got branch",
        ),
        (
            {"name": "uncertainty-branch", "level": "task"},
            "level: expected branch with uncertainty-branch",
        ),
        (
            {"name": "gradnorm", "level": "head"},
            "level: expected branch or task with gradnorm, got head",
        ),
        (
            {"name": "fixed", "alpha": 2.0},
            "alpha: expected its default with fixed, used only by gradnorm, got 2",
        ),
        (
            {"name": "mgda-ub", "identity_weight": 0.3},
            "identity_weight: expected its default with mgda-ub",
        ),
        (
            {"name": "fixed", "learning_rate": 0.1},
            "used only by uncertainty-task or uncertainty-branch or gradnorm",
        ),
    ],
)
def test_invalid_settings_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        BalanceConfig(**settings)


def test_settings_are_immutable():
    with pytest.raises(dataclasses.FrozenInstanceError):
        BalanceConfig().alpha = 1.0

"""Balancing the losses of detection and re-identification: five methods, and a grid search."""

from murid.training.loss_balancing.config import BalanceConfig
from murid.training.loss_balancing.gradients import (
    SharedTensors,
    capture_shared_features,
    get_last_shared_parameters,
)
from murid.training.loss_balancing.grid import (
    IDENTITY_WEIGHT_GRID,
    Trial,
    choose_best,
    iterate_grid,
    search_grid,
)
from murid.training.loss_balancing.methods import BalancedLoss, LossBalancer, make_loss_balancer

__all__ = [
    "IDENTITY_WEIGHT_GRID",
    "BalanceConfig",
    "BalancedLoss",
    "LossBalancer",
    "SharedTensors",
    "Trial",
    "capture_shared_features",
    "choose_best",
    "get_last_shared_parameters",
    "iterate_grid",
    "make_loss_balancer",
    "search_grid",
]

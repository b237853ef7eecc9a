"""How the losses of detection and identity are balanced: five methods behind one interface, and a grid search."""

from murid.training.loss_balancing.config import BalanceConfig
from murid.training.loss_balancing.gradients import Shared, get_last_shared, tap_representation
from murid.training.loss_balancing.grid import (
    IDENTITY_GRID,
    Trial,
    choose_best,
    iterate_grid,
    search_grid,
)
from murid.training.loss_balancing.methods import Balance, Balanced, make_balance

__all__ = [
    "IDENTITY_GRID",
    "Balance",
    "BalanceConfig",
    "Balanced",
    "Shared",
    "Trial",
    "choose_best",
    "get_last_shared",
    "iterate_grid",
    "make_balance",
    "search_grid",
    "tap_representation",
]

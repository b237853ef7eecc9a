"""How the losses of detection and identity are balanced: five methods behind one interface, and a grid search."""

from murid.training.balance.config import BalanceConfig
from murid.training.balance.grid import IDENTITY_GRID, Trial, choose_best, iterate_grid, search_grid
from murid.training.balance.methods import Balance, Balanced, make_balance
from murid.training.balance.shared import Shared, get_last_shared, tap_representation

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

"""Settings of loss balancing."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal, get_args

from murid.errors import ConfigError

BalanceMethod = Literal["fixed", "uncertainty-task", "uncertainty-branch", "gradnorm", "mgda-ub"]
Level = Literal["task", "branch"]
Normalise = Literal["none", "l2", "loss", "loss+"]

# Weight of the size loss within the detection loss (paper, section III-A).
_SIZE_WEIGHT = 0.1
# Levels that each method supports; the first is the default.
_LEVELS: dict[str, tuple[Level, ...]] = {
    "fixed": ("task",),
    "uncertainty-task": ("task",),
    "uncertainty-branch": ("branch",),
    "gradnorm": ("branch", "task"),
    "mgda-ub": ("branch", "task"),
}
# Methods that learn uncertainties.
_UNCERTAINTIES = ("uncertainty-task", "uncertainty-branch")
# Methods that use each setting. Other methods refuse values other than the default.
_USED_BY: dict[str, tuple[str, ...]] = {
    "identity_weight": ("fixed",),
    "detection_log_variance": _UNCERTAINTIES,
    "identity_log_variance": _UNCERTAINTIES,
    "learning_rate": (*_UNCERTAINTIES, "gradnorm"),
    "alpha": ("gradnorm",),
    "first_epoch_steps": ("gradnorm",),
    "normalise": ("mgda-ub",),
    "max_iterations": ("mgda-ub",),
    "tolerance": ("mgda-ub",),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class BalanceConfig:
    """Method of loss balancing and its settings; defaults are those of the cited works.

    Raises
    ------
    ConfigError
        If a value is out of range, or differs from the default though the method does not use it.
    """

    name: BalanceMethod = "fixed"
    """The method: constant weights (``fixed``), learnt uncertainties (``uncertainty-task``,
    ``uncertainty-branch``), ``gradnorm``, or ``mgda-ub``."""

    level: Level | None = None
    """Losses that have a weight: detection and identity (``task``), or heat, offset, size and
    identity (``branch``). None = ``task`` for ``fixed`` and ``uncertainty-task``, else ``branch``.
    Only ``gradnorm`` and ``mgda-ub`` support both."""

    size_weight: float | None = None
    """Constant weight of the size loss before balancing. None = 0.1 within detection (paper,
    section III-A), or 1 at the ``branch`` level, where size has a weight of its own."""

    identity_weight: float = 0.1
    """Weight of identity relative to detection, for ``fixed`` (FairMOT)."""

    detection_log_variance: float = -1.85
    """Initial log-variance of detection, or of each of its branches, for ``uncertainty-*``
    (FairMOT)."""

    identity_log_variance: float = -1.05
    """Initial log-variance of identity, for ``uncertainty-*`` (FairMOT)."""

    learning_rate: float = 1e-3
    """Learning rate of the weights of ``uncertainty-*`` and ``gradnorm``, without weight decay."""

    alpha: float = 1.5
    """Exponent of ``gradnorm``: larger values force more similar learning rates of the tasks; 0 =
    equal gradient norms (Chen et al. 2018)."""

    first_epoch_steps: int = 250
    """Steps with equal weights in which ``gradnorm`` measures the initial losses."""

    normalise: Normalise = "none"
    """Divisor of the gradients of ``mgda-ub``: ``none``, their norm (``l2``), the ``loss``, or the
    product of both (``loss+``). With ``none`` and ``loss``, the task with the smallest gradient
    gets nearly all of the weight, and the detector learns slowly or not at all."""

    max_iterations: int = 250
    """Maximum number of iterations of the ``mgda-ub`` solver (Sener and Koltun 2018)."""

    tolerance: float = 1e-5
    """Step size below which that solver stops (Sener and Koltun 2018)."""

    def __post_init__(self) -> None:
        self._check("name", self.name in _LEVELS, " or ".join(_LEVELS))
        choices = get_args(Normalise)
        self._check("normalise", self.normalise in choices, " or ".join(choices))
        weight = self.size_weight
        self._check("size_weight", weight is None or 0 < weight < math.inf, "more than 0")
        for name in ("learning_rate", "tolerance"):
            self._check(name, 0 < getattr(self, name) < math.inf, "more than 0")
        for name in ("identity_weight", "alpha"):
            self._check(name, 0 <= getattr(self, name) < math.inf, "0 or more")
        for name in ("detection_log_variance", "identity_log_variance"):
            self._check(name, math.isfinite(getattr(self, name)), "a finite number")
        for name in ("first_epoch_steps", "max_iterations"):
            self._check(name, getattr(self, name) >= 1, "1 or more")
        self._check_use()

    def _check_use(self) -> None:
        """Check that all values other than the defaults are used by the method."""
        levels = _LEVELS[self.name]
        expected = f"{' or '.join(levels)} with {self.name}"
        self._check("level", self.level is None or self.level in levels, expected)
        for setting in fields(self):
            methods = _USED_BY.get(setting.name, (self.name,))
            changed = getattr(self, setting.name) != setting.default
            expected = f"its default with {self.name}, used only by {' or '.join(methods)}"
            self._check(setting.name, self.name in methods or not changed, expected)

    def _check(self, name: str, holds: bool, expected: str) -> None:
        if not holds:
            raise ConfigError(f"balance.{name}: expected {expected}, got {getattr(self, name)}")

    @property
    def groups(self) -> dict[str, dict[str, float]]:
        """Balanced losses by name; each is a sum of losses with constant weights."""
        if (self.level or _LEVELS[self.name][0]) == "task":
            size = _SIZE_WEIGHT if self.size_weight is None else self.size_weight
            return {
                "detection": {"heat": 1.0, "offset": 1.0, "size": size},
                "identity": {"identity": 1.0},
            }
        # The method's own weight of the size loss replaces the constant.
        size = 1.0 if self.size_weight is None else self.size_weight
        return {
            "heat": {"heat": 1.0},
            "offset": {"offset": 1.0},
            "size": {"size": size},
            "identity": {"identity": 1.0},
        }

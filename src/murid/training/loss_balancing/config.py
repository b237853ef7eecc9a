"""Settings of the balance between the losses."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal

from murid.errors import ConfigError

BalanceName = Literal["fixed", "uncertainty-task", "uncertainty-branch", "gradnorm", "mgda-ub"]
Level = Literal["task", "branch"]
Normalise = Literal["none", "l2", "loss", "loss+"]

_LEVELS: dict[str, tuple[Level, ...]] = {
    "fixed": ("task",),
    "uncertainty-task": ("task",),
    "uncertainty-branch": ("branch",),
    "gradnorm": ("branch", "task"),
    "mgda-ub": ("branch", "task"),
}
_UNCERTAINTIES = ("uncertainty-task", "uncertainty-branch")
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
    """Which balance, and its constants; the defaults are those of the cited papers and of FairMOT.

    Raises
    ------
    ConfigError
        If a value is out of range, or set though the chosen balance does not use it.
    """

    name: BalanceName = "fixed"
    """The method: ``fixed`` weights, weights learnt by ``uncertainty-task`` or
    ``uncertainty-branch``, ``gradnorm``, or ``mgda-ub``."""

    level: Level | None = None
    """What is weighed: detection against identity (``task``), or heat, offset, size and identity
    (``branch``). None = ``task`` for ``fixed`` and ``uncertainty-task``, else ``branch``. Only
    ``gradnorm`` and ``mgda-ub`` can do both."""

    size_weight: float | None = None
    """Constant weight of the size loss before it is balanced; None = 0.1 within detection (paper),
    else 1, since its own weight absorbs it."""

    identity_weight: float = 0.1
    """Weight of identity beside detection, for ``fixed`` (FairMOT)."""

    detection_log_variance: float = -1.85
    """First value of what ``uncertainty-*`` learn for detection, or for each of its branches
    (FairMOT)."""

    identity_log_variance: float = -1.05
    """First value of what ``uncertainty-*`` learn for identity (FairMOT)."""

    learning_rate: float = 1e-3
    """Of the weights that ``uncertainty-*`` and ``gradnorm`` learn; their weight decay is zero."""

    alpha: float = 1.5
    """How strongly ``gradnorm`` pulls tasks to one rate of learning; 0 = gradients of one length
    (GradNorm)."""

    first_epoch_steps: int = 250
    """Steps with equal weights in which ``gradnorm`` measures the losses that later ones are
    compared with."""

    normalise: Normalise = "none"
    """What ``mgda-ub`` divides gradients by before it compares them: their length (``l2``), the
    ``loss``, or both (``loss+``)."""

    max_iterations: int = 250
    """Longest search of ``mgda-ub`` for the shortest combination (Sener and Koltun)."""

    tolerance: float = 1e-5
    """Step below which that search ends (Sener and Koltun)."""

    def __post_init__(self) -> None:
        self._check("name", self.name in _LEVELS, " or ".join(_LEVELS))
        self._check(
            "normalise",
            self.normalise in ("none", "l2", "loss", "loss+"),
            "none, l2, loss or loss+",
        )
        self._check(
            "size_weight",
            self.size_weight is None or 0 < self.size_weight < math.inf,
            "more than 0",
        )
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
        levels = _LEVELS[self.name]
        self._check(
            "level",
            self.level is None or self.level in levels,
            f"{' or '.join(levels)} with {self.name}",
        )
        for setting in fields(self):
            users = _USED_BY.get(setting.name, (self.name,))
            unused = self.name not in users and getattr(self, setting.name) != setting.default
            self._check(
                setting.name,
                not unused,
                f"its default with {self.name}, as it is for {' or '.join(users)} alone",
            )

    def _check(self, name: str, holds: bool, expected: str) -> None:
        if not holds:
            raise ConfigError(f"balance.{name}: expected {expected}, got {getattr(self, name)}")

    @property
    def groups(self) -> dict[str, dict[str, float]]:
        """What is balanced: names, each of a sum of losses with constant weights."""
        if (self.level or _LEVELS[self.name][0]) == "task":
            size = 0.1 if self.size_weight is None else self.size_weight
            return {
                "detection": {"heat": 1.0, "offset": 1.0, "size": size},
                "identity": {"identity": 1.0},
            }
        size = 1.0 if self.size_weight is None else self.size_weight
        return {
            "heat": {"heat": 1.0},
            "offset": {"offset": 1.0},
            "size": {"size": size},
            "identity": {"identity": 1.0},
        }

"""Five ways to weigh the losses of a step, behind one interface."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import nn
from torchjd.aggregation import MGDAWeighting

from murid.errors import ArrayError, ConfigError
from murid.training.loss_balancing.config import BalanceConfig
from murid.training.loss_balancing.gradients import Shared

_TINY = 1e-12


class Balanced(NamedTuple):
    """What to learn from in one step.

    Attributes
    ----------
    total : Tensor
        Scalar. Its backward pass gives the network the gradient of the weighted losses, and the
        balance's own parameters theirs.
    weights : dict of Tensor
        Weight of each balanced loss, detached scalars; those of losses left out are missing.
    """

    total: torch.Tensor
    weights: dict[str, torch.Tensor]


class Balance(nn.Module, ABC):
    """Weighs the losses of a step; what it has learnt or measured is in its ``state_dict``.

    Parameters
    ----------
    config : BalanceConfig
    """

    def __init__(self, config: BalanceConfig) -> None:
        super().__init__()
        self.config, self.groups = config, config.groups
        self.names = list(self.groups)

    def forward(self, losses: Mapping[str, torch.Tensor], shared: Shared | None = None) -> Balanced:
        """Balance the losses of one step.

        Parameters
        ----------
        losses : mapping of str to Tensor
            Scalars by name: ``heat``, ``offset``, ``size``, ``identity``. A task that is not
            trained in this step is missing, or has a loss without gradient.
        shared : Shared, optional
            `GradNorm` needs its weights, `MgdaUb` its representation, the others nothing.

        Raises
        ------
        ArrayError
            If a loss is unknown, none has a gradient, or what is needed of `shared` is empty.
        """
        groups = self._sum_groups(losses)
        names, values = list(groups), torch.stack(list(groups.values()))
        weights, own = self._weigh(names, values, shared or Shared())
        return Balanced(
            (weights * values).sum() + own, dict(zip(names, weights.detach(), strict=True))
        )

    def get_parameter_groups(self) -> list[dict[str, Any]]:
        """Groups for an optimiser: the balance's own parameters with their rate, without weight decay; or none."""
        own = list(self.parameters())
        return (
            [{"params": own, "lr": self.config.learning_rate, "weight_decay": 0.0}] if own else []
        )

    @abstractmethod
    def _weigh(
        self, names: Sequence[str], losses: torch.Tensor, shared: Shared
    ) -> tuple[torch.Tensor, torch.Tensor | float]:
        """Return weights ``(n,)`` of the named losses ``(n,)``, and a term to add to their weighted sum."""

    def _sum_groups(self, losses: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        known = {name for members in self.groups.values() for name in members}
        if not set(losses) <= known:
            raise ArrayError(
                "losses", f"names among {', '.join(sorted(known))}", ", ".join(sorted(losses))
            )
        sums = {}
        for group, members in self.groups.items():
            terms = [
                weight * losses[n]
                for n, weight in members.items()
                if n in losses and losses[n].requires_grad
            ]
            if terms:
                sums[group] = torch.stack(terms).sum()
        if not sums:
            raise ArrayError("losses", "at least one with a gradient", "none")
        return sums

    def _find(self, names: Sequence[str]) -> list[int]:
        return [self.names.index(name) for name in names]


class Fixed(Balance):
    """Constant weights: L_heat + L_offset + λ·L_size + λ_id·L_identity (paper, section III-A; FairMOT)."""

    def _weigh(
        self, names: Sequence[str], losses: torch.Tensor, _shared: Shared
    ) -> tuple[torch.Tensor, torch.Tensor | float]:
        return losses.new_tensor(
            [self.config.identity_weight if name == "identity" else 1.0 for name in names]
        ), 0.0


class Uncertainty(Balance):
    """Weights learnt as uncertainties: ½·Σ(exp(-w_k)·L_k + w_k), w_k log-variances (Kendall et al. 2018, Eq. 10).

    With two tasks this is the loss of FairMOT; with one w a branch, the paper's
    "uncertainty-branch". A task that is not trained in a step leaves its w as it is.
    """

    def __init__(self, config: BalanceConfig) -> None:
        super().__init__(config)
        first = {"identity": config.identity_log_variance}
        self.log_variances = nn.Parameter(
            torch.tensor([first.get(name, config.detection_log_variance) for name in self.names])
        )

    def _weigh(
        self, names: Sequence[str], _losses: torch.Tensor, _shared: Shared
    ) -> tuple[torch.Tensor, torch.Tensor | float]:
        chosen = self.log_variances[self._find(names)]
        return torch.exp(-chosen) / 2, chosen.sum() / 2


class GradNorm(Balance):
    """Weights under which all tasks learn at one rate (Chen et al. 2018, Eqs. 1 and 2, algorithm 1).

    The weights w, T in sum, minimise Σ|G_i - mean(G)·r_i^α|, where G_i = ‖∇_W(w_i·L_i)‖ at the last
    shared layer W, and r_i = (L_i / L_i(0)) / mean is the inverse rate of learning; mean(G) and r
    are constants to the gradient.

    Notes
    -----
    As in LibMTL, w = T·softmax of the parameters keeps the sum, the weights are equal in the first
    epoch, and L_i(0) is the mean loss of that epoch, because the loss of the first batch alone is
    noise.
    """

    loss_sums: torch.Tensor
    n_observed: torch.Tensor
    n_steps: torch.Tensor

    def __init__(self, config: BalanceConfig) -> None:
        super().__init__(config)
        n = len(self.names)
        self.logits = nn.Parameter(torch.zeros(n))
        self.register_buffer("loss_sums", torch.zeros(n))
        self.register_buffer("n_observed", torch.zeros(n))
        self.register_buffer("n_steps", torch.zeros((), dtype=torch.int64))

    def compute_weights(self) -> torch.Tensor:
        """Weights ``(T,)`` of all tasks, T in sum."""
        return len(self.names) * torch.softmax(self.logits, dim=0)

    def _weigh(
        self, names: Sequence[str], losses: torch.Tensor, shared: Shared
    ) -> tuple[torch.Tensor, torch.Tensor | float]:
        rows, values = self._find(names), losses.detach()
        if self.n_steps < self.config.first_epoch_steps or bool((self.n_observed[rows] == 0).any()):
            self._observe(rows, values)
            return torch.ones_like(values), 0.0
        weights, first = self.compute_weights()[rows], self.loss_sums[rows] / self.n_observed[rows]
        norms = _compute_gramian(losses, "shared.weights", shared.weights).diagonal().sqrt()
        mismatch = self._compute_mismatch(weights * norms, values / first.clamp(min=_TINY))
        # Only its gradient matters: the total stays the sum of the weighted losses.
        return weights.detach(), mismatch - mismatch.detach()

    def _observe(self, rows: list[int], values: torch.Tensor) -> None:
        self.loss_sums[rows] += values
        self.n_observed[rows] += 1
        self.n_steps += 1

    def _compute_mismatch(self, norms: torch.Tensor, progress: torch.Tensor) -> torch.Tensor:
        """Distance of the gradients' lengths G ``(n,)`` from what the shares of loss left ``(n,)`` ask for."""
        rates = progress / progress.mean().clamp(min=_TINY)
        wanted = (norms.mean() * rates**self.config.alpha).detach()
        return (norms - wanted).abs().sum()


class MgdaUb(Balance):
    """Weights a on the simplex for which ‖Σ a_i·∇_Z L_i‖ is least (Sener and Koltun 2018, MGDA-UB, section 3.3).

    Z is the shared representation. One backward pass with these weights follows, as in the authors'
    code: it weighs shared and task-specific parameters alike. TorchJD brings the Frank-Wolfe
    solver, exact for two tasks.

    Notes
    -----
    A task whose gradient is zero, as of a batch without animals, is left out, with weight 0: it
    would otherwise take all the weight, and nothing would be learnt from that batch.
    """

    def __init__(self, config: BalanceConfig) -> None:
        super().__init__(config)
        self.solver = MGDAWeighting(epsilon=config.tolerance, max_iters=config.max_iterations)

    def _weigh(
        self, _names: Sequence[str], losses: torch.Tensor, shared: Shared
    ) -> tuple[torch.Tensor, torch.Tensor | float]:
        gramian = _compute_gramian(losses, "shared.representation", shared.representation)
        # The solver's loop compares numbers in each iteration, which would wait for an accelerator
        # every time.
        weights = self._solve(gramian.cpu().double(), losses.detach().cpu().double())
        return weights.to(losses), 0.0

    def _solve(self, gramian: torch.Tensor, losses: torch.Tensor) -> torch.Tensor:
        """Weights ``(n,)`` from products of gradients ``(n, n)`` and losses ``(n,)``, float64."""
        live = gramian.diagonal() > 0
        weights = torch.zeros_like(losses)
        if not live.any():
            return weights.fill_(1 / len(losses))
        divisors = self._compute_divisors(gramian.diagonal().sqrt(), losses)[live]
        weights[live] = self.solver(gramian[live][:, live] / torch.outer(divisors, divisors))
        return weights

    def _compute_divisors(self, norms: torch.Tensor, losses: torch.Tensor) -> torch.Tensor:
        floored = losses.clamp(min=_TINY)
        choices = {
            "none": torch.ones_like(norms),
            "l2": norms,
            "loss": floored,
            "loss+": floored * norms,
        }
        return choices[self.config.normalise]


_METHODS: dict[str, type[Balance]] = {
    "fixed": Fixed,
    "uncertainty-task": Uncertainty,
    "uncertainty-branch": Uncertainty,
    "gradnorm": GradNorm,
    "mgda-ub": MgdaUb,
}


def make_balance(config: BalanceConfig | str) -> Balance:
    """Return the balance of a configuration, or the one of that name with default settings.

    Raises
    ------
    ConfigError
        If there is no balance of that name.
    """
    if isinstance(config, str):
        if config not in _METHODS:
            raise ConfigError(f"balance: expected one of {', '.join(_METHODS)}, got {config!r}")
        config = BalanceConfig(name=config)  # type: ignore[arg-type]
    return _METHODS[config.name](config)


def _compute_gramian(
    losses: torch.Tensor, field: str, inputs: Sequence[torch.Tensor]
) -> torch.Tensor:
    """Inner products ``(n, n)`` float32 of the gradients of losses ``(n,)`` with respect to all inputs together."""
    if not inputs:
        raise ArrayError(field, "at least one tensor", "none")
    rows = [
        torch.autograd.grad(loss, inputs, retain_graph=True, materialize_grads=True)
        for loss in losses
    ]
    gramian = losses.new_zeros((len(losses), len(losses)))
    for gradients in zip(*rows, strict=True):
        stacked = torch.stack([g.flatten().to(gramian) for g in gradients])
        gramian = gramian + stacked @ stacked.T
    return gramian

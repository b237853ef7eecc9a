"""Methods of loss balancing: fixed weights, uncertainty weighting, GradNorm and MGDA-UB."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import nn
from torchjd.aggregation import MGDAWeighting

from murid.errors import ArrayError, ConfigError
from murid.training.loss_balancing.config import BalanceConfig
from murid.training.loss_balancing.gradients import SharedTensors

# Keeps divisors above 0.
_EPSILON = 1e-12


class BalancedLoss(NamedTuple):
    """Balanced loss of one step.

    Attributes
    ----------
    total : Tensor
        Scalar. Its backward pass computes the gradient of the weighted losses for the network, and
        the gradient of the balancer's own parameters.
    weights : dict of Tensor
        Weight of each balanced loss, detached scalars. Losses that are not trained are missing.
    """

    total: torch.Tensor
    weights: dict[str, torch.Tensor]


class LossBalancer(nn.Module, ABC):
    """Base class: weights the losses of a step; its ``state_dict`` has all learnt values.

    Parameters
    ----------
    config : BalanceConfig
    """

    def __init__(self, config: BalanceConfig) -> None:
        super().__init__()
        self.config = config
        self.groups = config.groups
        self.names = list(self.groups)

    def forward(
        self, losses: Mapping[str, torch.Tensor], shared: SharedTensors | None = None
    ) -> BalancedLoss:
        """Return the balanced loss of one step.

        Parameters
        ----------
        losses : mapping of str to Tensor
            Scalars by name: ``heat``, ``offset``, ``size``, ``identity``. A task that is not
            trained in this step is missing, or its loss has no gradient.
        shared : SharedTensors, optional
            `GradNorm` needs `weights`, `MgdaUb` needs `representation`, the others nothing.

        Raises
        ------
        ArrayError
            If a loss is unknown, none has a gradient, or the needed part of `shared` is empty.
        """
        groups = self._sum_groups(losses)
        names = list(groups)
        values = torch.stack(list(groups.values()))
        weights, regulariser = self._compute_weights(names, values, shared or SharedTensors())
        total = (weights * values).sum() + regulariser
        return BalancedLoss(total, dict(zip(names, weights.detach(), strict=True)))

    def get_parameter_groups(self) -> list[dict[str, Any]]:
        """Return optimiser groups of the balancer's own parameters, if it has any."""
        parameters = list(self.parameters())
        if not parameters:
            return []
        rate = self.config.learning_rate
        return [{"params": parameters, "lr": rate, "weight_decay": 0.0}]

    @abstractmethod
    def _compute_weights(
        self, names: Sequence[str], losses: torch.Tensor, shared: SharedTensors
    ) -> tuple[torch.Tensor, torch.Tensor | float]:
        """Return weights ``(n,)`` of the losses ``(n,)``, and a term added to the weighted sum."""

    def _sum_groups(self, losses: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return the sum of each group's losses, without groups that have no gradient."""
        known = {name for members in self.groups.values() for name in members}
        if not set(losses) <= known:
            raise ArrayError(
                "losses", f"names among {', '.join(sorted(known))}", ", ".join(sorted(losses))
            )
        sums = {}
        for group, members in self.groups.items():
            terms = [
                weight * losses[name]
                for name, weight in members.items()
                if name in losses and losses[name].requires_grad
            ]
            if terms:
                sums[group] = torch.stack(terms).sum()
        if not sums:
            raise ArrayError("losses", "at least one with a gradient", "none")
        return sums

    def _find_indices(self, names: Sequence[str]) -> list[int]:
        """Return the indices of the named losses among all."""
        return [self.names.index(name) for name in names]


class FixedWeights(LossBalancer):
    """Constant weights: L_heat + L_offset + λ·L_size + λ_id·L_identity (paper; FairMOT)."""

    def _compute_weights(
        self, names: Sequence[str], losses: torch.Tensor, _shared: SharedTensors
    ) -> tuple[torch.Tensor, torch.Tensor | float]:
        identity_weight = self.config.identity_weight
        weights = [identity_weight if name == "identity" else 1.0 for name in names]
        return losses.new_tensor(weights), 0.0


class UncertaintyWeighting(LossBalancer):
    """Learnt uncertainties: ½·Σ(exp(-w_k)·L_k + w_k) with log-variances w_k (Kendall et al. 2018).

    This is their Eq. 10. With two tasks it is the loss of FairMOT; with one w per branch it is the
    paper's "uncertainty-branch". The w of a task that is not trained in a step does not change.
    """

    def __init__(self, config: BalanceConfig) -> None:
        super().__init__(config)
        initial = [
            config.identity_log_variance if name == "identity" else config.detection_log_variance
            for name in self.names
        ]
        self.log_variances = nn.Parameter(torch.tensor(initial))

    def _compute_weights(
        self, names: Sequence[str], _losses: torch.Tensor, _shared: SharedTensors
    ) -> tuple[torch.Tensor, torch.Tensor | float]:
        log_variances = self.log_variances[self._find_indices(names)]
        return torch.exp(-log_variances) / 2, log_variances.sum() / 2


class GradNorm(LossBalancer):
    """Weights with which all tasks train at a similar rate (Chen et al. 2018, algorithm 1).

    The weights w, whose sum is T, minimise Σ|G_i - mean(G)·r_i^α| (their Eqs. 1 and 2). Here G_i =
    ‖∇_W(w_i·L_i)‖ at the last shared layer W, and r_i = (L_i / L_i(0)) / mean is the inverse
    training rate. mean(G) and r are constants for the gradient.

    Notes
    -----
    As in LibMTL, w = T·softmax of the parameters, which keeps the sum. The weights are equal in the
    first epoch, and L_i(0) is the mean loss of that epoch, because the loss of a single batch is
    noisy.
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
        """Return the weights ``(T,)`` of all tasks; their sum is T."""
        return len(self.names) * torch.softmax(self.logits, dim=0)

    def _compute_weights(
        self, names: Sequence[str], losses: torch.Tensor, shared: SharedTensors
    ) -> tuple[torch.Tensor, torch.Tensor | float]:
        rows = self._find_indices(names)
        values = losses.detach()
        # First epoch: measure the initial losses with equal weights.
        in_first_epoch = self.n_steps < self.config.first_epoch_steps
        if in_first_epoch or bool((self.n_observed[rows] == 0).any()):
            self._observe(rows, values)
            return torch.ones_like(values), 0.0
        # Then compare gradient norms with those that give equal training rates.
        weights = self.compute_weights()[rows]
        initial = self.loss_sums[rows] / self.n_observed[rows]
        norms = _compute_gramian(losses, "shared.weights", shared.weights).diagonal().sqrt()
        remaining = values / initial.clamp(min=_EPSILON)
        deviation = self._compute_deviation(weights * norms, remaining)
        # The term is zero and contributes a gradient only: the total stays the weighted sum.
        return weights.detach(), deviation - deviation.detach()

    def _observe(self, rows: list[int], values: torch.Tensor) -> None:
        self.loss_sums[rows] += values
        self.n_observed[rows] += 1
        self.n_steps += 1

    def _compute_deviation(self, norms: torch.Tensor, remaining: torch.Tensor) -> torch.Tensor:
        """Return Σ|G_i - mean(G)·r_i^α| of gradient norms G and remaining shares of the losses."""
        inverse_rates = remaining / remaining.mean().clamp(min=_EPSILON)
        targets = (norms.mean() * inverse_rates**self.config.alpha).detach()
        return (norms - targets).abs().sum()


class MgdaUb(LossBalancer):
    """Weights a on the simplex that minimise ‖Σ a_i·∇_Z L_i‖ (MGDA-UB, Sener and Koltun 2018).

    Z is the shared representation (their section 3.3). One backward pass with these weights
    follows, as in the authors' code; it weights shared and task-specific parameters alike. The
    Frank-Wolfe solver is that of TorchJD, exact for two tasks.

    Notes
    -----
    A task whose gradient is zero, as in a batch without animals, gets weight 0. Otherwise it would
    get all the weight, and the network would learn nothing from that batch.

    Gradients of detection and identity are nearly orthogonal, and the minimum-norm point of
    orthogonal gradients g has weights proportional to 1 / ‖g‖². See `BalanceConfig.normalise`. As
    in the authors' code, normalised gradients only serve to find the weights, which then weight the
    losses themselves.
    """

    def __init__(self, config: BalanceConfig) -> None:
        super().__init__(config)
        self.solver = MGDAWeighting(epsilon=config.tolerance, max_iters=config.max_iterations)

    def _compute_weights(
        self, _names: Sequence[str], losses: torch.Tensor, shared: SharedTensors
    ) -> tuple[torch.Tensor, torch.Tensor | float]:
        gramian = _compute_gramian(losses, "shared.representation", shared.representation)
        # The solver compares values in each iteration. On a GPU every comparison would synchronise.
        weights = self._solve(gramian.cpu().double(), losses.detach().cpu().double())
        return weights.to(losses), 0.0

    def _solve(self, gramian: torch.Tensor, losses: torch.Tensor) -> torch.Tensor:
        """Return weights ``(n,)`` from the Gramian of gradients ``(n, n)`` and losses ``(n,)``."""
        has_gradient = gramian.diagonal() > 0
        weights = torch.zeros_like(losses)
        if not has_gradient.any():
            return weights.fill_(1 / len(losses))
        divisors = self._compute_divisors(gramian.diagonal().sqrt(), losses)[has_gradient]
        remaining = gramian[has_gradient][:, has_gradient]
        weights[has_gradient] = self.solver(remaining / torch.outer(divisors, divisors))
        return weights

    def _compute_divisors(self, norms: torch.Tensor, losses: torch.Tensor) -> torch.Tensor:
        """Return the divisor of each gradient ``(n,)`` that `BalanceConfig.normalise` names."""
        positive_losses = losses.clamp(min=_EPSILON)
        divisors = {
            "none": torch.ones_like(norms),
            "l2": norms,
            "loss": positive_losses,
            "loss+": positive_losses * norms,
        }
        return divisors[self.config.normalise]


# Methods by their name in `BalanceConfig`.
_METHODS: dict[str, type[LossBalancer]] = {
    "fixed": FixedWeights,
    "uncertainty-task": UncertaintyWeighting,
    "uncertainty-branch": UncertaintyWeighting,
    "gradnorm": GradNorm,
    "mgda-ub": MgdaUb,
}


def make_loss_balancer(config: BalanceConfig | str) -> LossBalancer:
    """Return the balancer of a configuration, or of a method's name with default settings.

    Raises
    ------
    ConfigError
        If there is no method of that name.
    """
    if isinstance(config, str):
        if config not in _METHODS:
            raise ConfigError(f"balance: expected one of {', '.join(_METHODS)}, got {config!r}")
        config = BalanceConfig(name=config)  # type: ignore[arg-type]
    return _METHODS[config.name](config)


def _compute_gramian(
    losses: torch.Tensor, field: str, inputs: Sequence[torch.Tensor]
) -> torch.Tensor:
    """Return the Gramian ``(n, n)`` float32 of the losses' gradients with respect to `inputs`."""
    if not inputs:
        raise ArrayError(field, "at least one tensor", "none")
    rows = [
        torch.autograd.grad(loss, inputs, retain_graph=True, materialize_grads=True)
        for loss in losses
    ]
    # Sum the scalar products over all tensors, without concatenating the gradients.
    gramian = losses.new_zeros((len(losses), len(losses)))
    for gradients in zip(*rows, strict=True):
        stacked = torch.stack([g.flatten().to(gramian) for g in gradients])
        gramian = gramian + stacked @ stacked.T
    return gramian

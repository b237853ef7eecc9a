import itertools
import math

import pytest
import torch
from torch import nn
from torchjd.aggregation import MGDA

from murid.errors import ArrayError, ConfigError
from murid.networks.network import build_network
from murid.training.loss_balancing import (
    BalanceConfig,
    SharedTensors,
    capture_shared_features,
    get_last_shared_parameters,
    make_loss_balancer,
)

TWO = {"level": "task"}
FOUR = {"heat": 2.0, "offset": 3.0, "size": 5.0, "identity": 7.0}
NAMES = ("fixed", "uncertainty-task", "uncertainty-branch", "gradnorm", "mgda-ub")


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Toy(nn.Module):
    """Two quadratic losses, detection's and identity's, of one shared linear layer."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.shared = nn.Linear(3, 4, bias=False)
        self.heads = nn.ModuleDict(
            {name: nn.Linear(4, 2, bias=False) for name in ("heat", "identity")}
        )
        for parameter in self.parameters():
            nn.init.normal_(parameter, generator=generator)
        self.x = torch.randn(5, 3, generator=generator)
        self.goals = {
            "heat": torch.zeros(5, 2),
            "identity": 4 * torch.randn(5, 2, generator=generator),
        }

    def forward(self) -> tuple[dict[str, torch.Tensor], SharedTensors]:
        z = self.shared(self.x)
        losses = {
            name: (head(z) - self.goals[name]).square().sum() / 2
            for name, head in self.heads.items()
        }
        return losses, SharedTensors([self.shared.weight], [z])

    def differentiate_z(self) -> dict[str, torch.Tensor]:
        """Gradients of the losses at Z by hand: (Z·Hᵀ - goal)·H."""
        z = self.x @ self.shared.weight.T
        return {
            n: ((z @ h.weight.T - self.goals[n]) @ h.weight).detach() for n, h in self.heads.items()
        }

    def differentiate_shared(self) -> dict[str, torch.Tensor]:
        return {name: gradient.T @ self.x for name, gradient in self.differentiate_z().items()}

    def differentiate_heads(self) -> dict[str, torch.Tensor]:
        z = self.x @ self.shared.weight.T
        return {n: ((z @ h.weight.T - self.goals[n]).T @ z).detach() for n, h in self.heads.items()}


def make(name: str, **settings):
    return make_loss_balancer(BalanceConfig(name=name, **settings))


def make_warm_gradnorm(**settings):
    """GradNorm after a first epoch of one step, and a toy that has moved since."""
    balance, toy = make("gradnorm", first_epoch_steps=1, **TWO, **settings), Toy()
    first, shared = toy()
    balance(first, shared)
    with torch.no_grad():
        toy.shared.weight.mul_(0.5)
        balance.logits.copy_(torch.tensor([0.3, -0.2]))
    return balance, toy, torch.stack([first["heat"], first["identity"]]).detach()


def as_losses(values: dict[str, float]) -> dict[str, torch.Tensor]:
    return {name: torch.tensor(value, requires_grad=True) for name, value in values.items()}


def as_numbers(weights: dict[str, torch.Tensor]) -> dict[str, float]:
    return {name: float(weight) for name, weight in weights.items()}


# Gradients of the network


def make_level(name: str) -> dict[str, str]:
    return TWO if name in ("gradnorm", "mgda-ub") else {}


@pytest.mark.parametrize("name", NAMES)
def test_the_backward_pass_gives_the_network_the_gradient_of_the_weighted_losses(name):
    balance, toy = make(name, **make_level(name)), Toy()
    losses, shared = toy()
    balanced = balance(losses, shared)
    balanced.total.backward()
    heat, identity = (float(weight) for weight in balanced.weights.values())
    weights = {"heat": heat, "identity": identity}
    expected = sum(weights[n] * g for n, g in toy.differentiate_shared().items())
    assert expected.norm() > 0
    torch.testing.assert_close(toy.shared.weight.grad, expected)
    for task, gradient in toy.differentiate_heads().items():
        torch.testing.assert_close(toy.heads[task].weight.grad, weights[task] * gradient)


def test_gradnorm_adds_no_gradient_to_the_network_after_its_first_epoch():
    balance, toy, _ = make_warm_gradnorm()
    losses, shared = toy()
    balanced = balance(losses, shared)
    balanced.total.backward()
    weights = dict(zip(("heat", "identity"), balanced.weights.values(), strict=True))
    expected = sum(weights[n] * g for n, g in toy.differentiate_shared().items())
    torch.testing.assert_close(toy.shared.weight.grad, expected)
    assert float(balanced.total.detach()) == pytest.approx(
        float(sum(weights[n] * losses[n].detach() for n in losses))
    )


# Closed forms


def test_fixed_weights_are_one_for_detection_and_a_tenth_for_identity():
    losses = as_losses(FOUR)
    assert float(make("fixed")(losses).total.detach()) == pytest.approx(2 + 3 + 0.1 * 5 + 0.1 * 7)
    other = make("fixed", size_weight=0.5, identity_weight=0.3)(losses)
    assert float(other.total.detach()) == pytest.approx(2 + 3 + 0.5 * 5 + 0.3 * 7)
    assert as_numbers(other.weights) == pytest.approx({"detection": 1, "identity": 0.3})


def test_uncertainty_of_two_tasks():
    losses = as_losses(FOUR)
    balance = make("uncertainty-task")
    balanced = balance(losses)
    detection = 2 + 3 + 0.1 * 5
    expected = 0.5 * (math.exp(1.85) * detection + math.exp(1.05) * 7 - 1.85 - 1.05)
    assert float(balanced.total.detach()) == pytest.approx(expected)
    assert as_numbers(balanced.weights) == pytest.approx(
        {"detection": 3.18, "identity": 1.43}, abs=5e-3
    )
    balanced.total.backward()
    by_hand = torch.tensor([0.5 * (1 - math.exp(1.85) * detection), 0.5 * (1 - math.exp(1.05) * 7)])
    torch.testing.assert_close(balance.log_variances.grad, by_hand)


def test_uncertainty_of_four_branches_absorbs_the_weight_of_size():
    losses = as_losses(FOUR)
    detection = math.exp(1.85)
    for size_weight, size in ((None, 5.0), (0.1, 0.5)):
        total = make("uncertainty-branch", size_weight=size_weight)(losses).total
        expected = 0.5 * (detection * (2 + 3 + size) + math.exp(1.05) * 7 - 3 * 1.85 - 1.05)
        assert float(total.detach()) == pytest.approx(expected)


def test_uncertainties_converge_to_the_logarithms_of_the_losses():
    balance = make("uncertainty-task")
    with torch.no_grad():
        balance.log_variances.copy_(torch.tensor([3.0, 0.5]).log())
    balance(as_losses({"heat": 3.0, "identity": 0.5})).total.backward()
    torch.testing.assert_close(balance.log_variances.grad, torch.zeros(2), atol=1e-6, rtol=0)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.5])
def test_gradnorm_follows_its_formula(alpha):
    balance, toy, first = make_warm_gradnorm(alpha=alpha)
    losses, shared = toy()
    balanced = balance(losses, shared)
    balanced.total.backward()
    shares = torch.softmax(torch.tensor([0.3, -0.2]), dim=0)
    torch.testing.assert_close(torch.stack(list(balanced.weights.values())), 2 * shares)

    lengths = torch.stack([g.norm() for g in toy.differentiate_shared().values()])
    progress = torch.stack([losses["heat"], losses["identity"]]).detach() / first
    rates = progress / progress.mean()
    scaled = 2 * shares * lengths
    signs = torch.sign(scaled - scaled.mean() * rates**alpha)
    jacobian = 2 * (torch.diag(shares) - torch.outer(shares, shares))
    assert signs.any()
    torch.testing.assert_close(balance.logits.grad, jacobian @ (signs * lengths))


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_gradnorm_converges_to_gradients_of_equal_training_rates(alpha):
    balance, toy, first = make_warm_gradnorm(alpha=alpha)
    for step in range(600):
        balance.logits.grad = None
        losses, shared = toy()
        balance(losses, shared).total.backward()
        with torch.no_grad():
            balance.logits -= 0.3 / (10 + step) * balance.logits.grad.sign()
    lengths = torch.stack([g.norm() for g in toy.differentiate_shared().values()])
    rates = torch.stack([losses["heat"], losses["identity"]]).detach() / first
    wanted = rates**alpha / lengths
    torch.testing.assert_close(
        balance.compute_weights().detach(), 2 * wanted / wanted.sum(), atol=2e-2, rtol=0
    )


def test_gradnorm_has_equal_weights_in_its_first_epoch():
    balance = make("gradnorm", first_epoch_steps=2, **TWO)
    parameter = torch.tensor(1.0, requires_grad=True)
    for heat, identity in ((2.0, 10.0), (4.0, 30.0)):
        losses = {"heat": heat * parameter, "identity": identity * parameter}
        assert as_numbers(balance(losses, SharedTensors([parameter])).weights) == {
            "detection": 1,
            "identity": 1,
        }
    balance(losses, SharedTensors([parameter])).total.backward()
    torch.testing.assert_close(balance.loss_sums / balance.n_observed, torch.tensor([3.0, 20]))
    assert balance.logits.grad.any()


def test_gradnorm_waits_for_the_first_loss_of_a_task():
    balance, toy = make("gradnorm", first_epoch_steps=1, **TWO), Toy()
    losses, shared = toy()
    balance({"heat": losses["heat"]}, shared)
    assert as_numbers(balance(losses, shared).weights) == {"detection": 1, "identity": 1}
    assert balance.n_observed.tolist() == [2, 1]
    balance(losses, shared)
    assert balance.n_observed.tolist() == [2, 1]


def solve_two(first: torch.Tensor, second: torch.Tensor) -> tuple[float, float]:
    share = float(((second - first) * second).sum() / (first - second).square().sum())
    share = min(1.0, max(0.0, share))
    return share, 1 - share


@pytest.mark.parametrize("stretch", [0.05, 1.0, 20.0])
def test_mgda_of_two_tasks_has_the_minimum_norm(stretch):
    balance, toy = make("mgda-ub", **TWO), Toy()
    with torch.no_grad():
        toy.heads["heat"].weight.mul_(stretch)
    losses, shared = toy()
    weights = tuple(as_numbers(balance(losses, shared).weights).values())
    assert weights == pytest.approx(solve_two(*toy.differentiate_z().values()), abs=1e-5)


def test_mgda_of_two_tasks_has_inner_and_corner_solutions():
    expected = {}
    for stretch in (0.05, 1.0, 20.0):
        toy = Toy()
        with torch.no_grad():
            toy.heads["heat"].weight.mul_(stretch)
        expected[stretch] = solve_two(*toy.differentiate_z().values())[0]
    assert any(0 < share < 1 for share in expected.values())
    aligned = torch.tensor([1.0, 2.0], requires_grad=True)
    losses = {"heat": aligned.sum(), "identity": 3 * aligned.sum()}
    weights = make("mgda-ub", **TWO)(losses, SharedTensors(representation=[aligned])).weights
    assert as_numbers(weights) == {"detection": 1, "identity": 0}


@pytest.mark.parametrize("normalise", ["l2", "loss", "loss+"])
def test_mgda_compares_normalised_gradients(normalise):
    balance, toy = make("mgda-ub", normalise=normalise, **TWO), Toy()
    losses, shared = toy()
    weights = tuple(as_numbers(balance(losses, shared).weights).values())
    scaled = []
    for name, gradient in toy.differentiate_z().items():
        length = gradient.norm() if normalise in ("l2", "loss+") else 1.0
        loss = losses[name].detach() if normalise in ("loss", "loss+") else 1.0
        scaled.append(gradient / (length * loss))
    assert weights == pytest.approx(solve_two(*scaled), abs=1e-5)
    if normalise == "l2":
        assert weights == pytest.approx((0.5, 0.5))


@pytest.mark.parametrize(("max_iterations", "slack"), [(250, 1.02), (10_000, 1.0)])
def test_mgda_of_four_branches_is_near_the_minimum_norm(max_iterations, slack):
    generator = torch.Generator().manual_seed(0)
    gradients = torch.randn(4, 6, generator=generator) * torch.tensor([[1.0], [3.0], [0.5], [2.0]])
    z = torch.zeros(6, requires_grad=True)
    losses = dict(zip(FOUR, gradients @ z, strict=True))
    balance = make("mgda-ub", max_iterations=max_iterations)
    weights = torch.stack(list(balance(losses, SharedTensors(representation=[z])).weights.values()))
    assert (weights >= 0).all()
    assert float(weights.sum()) == pytest.approx(1)
    grid = torch.tensor([w for w in itertools.product(range(21), repeat=4) if sum(w) == 20]) / 20
    best = (grid @ gradients).norm(dim=1).min()
    assert (weights @ gradients).norm() <= slack * best


def test_mgda_agrees_with_torchjd_on_the_whole_jacobian():
    toy = Toy()
    losses, shared = toy()
    weights = torch.stack(list(make("mgda-ub", **TWO)(losses, shared).weights.values()))
    jacobian = torch.stack([gradient.flatten() for gradient in toy.differentiate_z().values()])
    torch.testing.assert_close(weights @ jacobian, MGDA(epsilon=1e-5, max_iters=250)(jacobian))


def test_mgda_uses_all_parts_of_the_representation():
    parts = [torch.zeros(2, requires_grad=True), torch.zeros(3, requires_grad=True)]
    first, second = torch.tensor([1.0, 0, 0, 2, 0]), torch.tensor([0.0, 1, 0, 1, 1])
    joined = torch.cat(parts)
    losses = {"heat": joined @ first, "identity": joined @ second}
    weights = make("mgda-ub", **TWO)(losses, SharedTensors(representation=parts)).weights
    assert tuple(as_numbers(weights).values()) == pytest.approx(solve_two(first, second))


def test_mgda_gives_tasks_without_gradient_no_weight():
    z = torch.ones(2, requires_grad=True)
    losses = {"heat": z.sum(), "identity": 0 * z.sum()}
    balance = make("mgda-ub", **TWO)
    assert as_numbers(balance(losses, SharedTensors(representation=[z])).weights) == {
        "detection": 1,
        "identity": 0,
    }
    both = {"heat": 0 * z.sum(), "identity": 0 * z.sum()}
    assert as_numbers(balance(both, SharedTensors(representation=[z])).weights) == {
        "detection": 0.5,
        "identity": 0.5,
    }


# Steps without a task


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "absent", [{}, {"identity": torch.zeros(())}], ids=["missing", "without gradient"]
)
def test_a_task_that_is_not_trained_is_left_out(name, absent):
    balance, toy = make(name, **make_level(name)), Toy()
    losses, shared = toy()
    balanced = balance({"heat": losses["heat"], **absent}, shared)
    balanced.total.backward()
    assert len(balanced.weights) == 1
    assert toy.heads["identity"].weight.grad is None
    assert toy.shared.weight.grad.any()


def test_uncertainty_of_a_task_that_is_not_trained_is_constant():
    balance, toy = make("uncertainty-task"), Toy()
    losses, _ = toy()
    balance({"heat": losses["heat"]}).total.backward()
    assert balance.log_variances.grad[0] != 0
    assert balance.log_variances.grad[1] == 0


# Training that was interrupted


def train(toy, balance, optimizer, n_steps: int) -> list[dict[str, float]]:
    weights = []
    for _ in range(n_steps):
        optimizer.zero_grad()
        balanced = balance(*toy())
        balanced.total.backward()
        optimizer.step()
        weights.append(as_numbers(balanced.weights))
    return weights


def start(name: str):
    settings = {"first_epoch_steps": 3} if name == "gradnorm" else {}
    balance, toy = make(name, **settings, **make_level(name)), Toy()
    groups = [
        {"params": list(toy.parameters()), "weight_decay": 0.1},
        *balance.get_parameter_groups(),
    ]
    return toy, balance, torch.optim.AdamW(groups, lr=0.05)


@pytest.mark.parametrize("stop", [2, 5])
@pytest.mark.parametrize("name", NAMES)
def test_a_resumed_training_has_the_same_weights(name, stop, tmp_path):
    whole = start(name)
    expected = train(*whole, 9)
    killed = start(name)
    train(*killed, stop)
    torch.save([part.state_dict() for part in killed], tmp_path / "state")
    resumed = start(name)
    for part, state in zip(resumed, torch.load(tmp_path / "state", weights_only=True), strict=True):
        part.load_state_dict(state)
    assert train(*resumed, 9 - stop) == expected[stop:]
    for name_, value in whole[0].state_dict().items():
        assert torch.equal(resumed[0].state_dict()[name_], value)
    if name not in ("fixed", "uncertainty-task", "uncertainty-branch"):
        assert expected[-1] != expected[0]


@pytest.mark.parametrize("name", NAMES)
def test_own_parameters_have_a_learning_rate_and_no_weight_decay(name):
    groups = make(name).get_parameter_groups()
    if name in ("fixed", "mgda-ub"):
        assert groups == []
    else:
        (group,) = groups
        assert group["weight_decay"] == 0
        assert group["lr"] == pytest.approx(1e-3)
        assert len(group["params"]) == 1


# The network


@pytest.mark.parametrize("name", ["gradnorm", "mgda-ub"])
def test_the_whole_network_is_trained(name):
    torch.manual_seed(0)
    settings = {"first_epoch_steps": 1} if name == "gradnorm" else {}
    balance, network = make(name, **settings), build_network("nano")
    rois = torch.tensor([[0.0, 4, 4, 40, 40], [1.0, 10, 10, 50, 50]])
    with capture_shared_features(network) as tapped:
        output = network(torch.rand(2, network.config.n_channels, 64, 64))
    maps = {"heat": output.heatmap, "offset": output.offset - 1, "size": output.size - 2}
    losses = {key: value.square().mean() for key, value in maps.items()}
    losses["identity"] = network.embed(output, rois)[:, 0].square().sum()
    shared = SharedTensors(get_last_shared_parameters(network), tapped)
    for _ in range(2):  # the first step is GradNorm's first epoch
        balanced = balance(losses, shared)
    balanced.total.backward()
    assert all(weight > 0 for weight in balanced.weights.values())
    parts = [network.backbone, network.neck, network.heads, network.rim]
    for part in [*parts, balance] if balance.get_parameter_groups() else parts:
        assert any(p.grad is not None and p.grad.any() for p in part.parameters())


# What is refused


def test_a_balancer_can_be_made_by_name():
    assert make_loss_balancer("mgda-ub").config == BalanceConfig(name="mgda-ub")
    with pytest.raises(ConfigError, match=r"expected one of fixed, .*, got 'pcgrad'"):
        make_loss_balancer("pcgrad")


def test_invalid_losses_are_refused():
    parameter = torch.ones((), requires_grad=True)
    with pytest.raises(
        ArrayError, match="losses: expected names among heat, identity, offset, size, got head"
    ):
        make("fixed")({"head": parameter})
    for nothing in ({}, {"heat": torch.ones(())}):
        with pytest.raises(ArrayError, match="losses: expected at least one with a gradient"):
            make("fixed")(nothing)
    with pytest.raises(ArrayError, match=r"shared.representation: expected at least one tensor"):
        make("mgda-ub")({"heat": parameter}, SharedTensors(weights=[parameter]))
    balance = make("gradnorm", first_epoch_steps=1)
    balance({"heat": parameter})
    with pytest.raises(ArrayError, match=r"shared.weights: expected at least one tensor"):
        balance({"heat": parameter})

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from murid.networks.network import NetworkOutput
from murid.synthetic.still import Still, StillConfig, make_still
from murid.training.config import TrainConfig
from murid.training.data import Batch, collate, make_batch_targets
from murid.training.loss_balancing import BalanceConfig, BalancedLoss
from murid.training.module import TrainingModule, compute_rate, rename_old_keys
from murid.training.network_changes import NetworkChanges, RimChanges

BOXES = np.array([[8, 8, 24, 24], [32, 32, 48, 48]], np.float32)


def make_batch(n_boxes: int = 2, class_ids: list[int] | None = None):
    image = np.zeros((64, 64, 3), np.uint8)
    boxes = BOXES[:n_boxes]
    classes = None if class_ids is None else np.array(class_ids, np.int64)
    return collate([Still(image, boxes, np.arange(n_boxes), class_ids=classes)])


def make_module(changes: NetworkChanges, **settings) -> TrainingModule:
    config = TrainConfig(size_px=64, network=changes, identity_every=1, **settings)
    return TrainingModule(config, 3, 1)


def make_output(module: TrainingModule, batch) -> NetworkOutput:
    with torch.no_grad():
        output = module.network(batch.images)
    return NetworkOutput(*(v if v is None else v.float() for v in output))


def compute_losses(module: TrainingModule, output: NetworkOutput, batch):
    targets = make_batch_targets(batch, module.network.config)
    return module._compute_losses(module.network, output, targets, batch)


def test_classes_of_labels_have_a_channel_of_the_heatmap_each():
    module = make_module(NetworkChanges(n_classes=2))
    batch = make_batch(class_ids=[1, 0])
    output = make_output(module, batch)
    # Peaks at the centre of the first box in the second channel, and the other way round.
    heatmap = torch.full_like(output.heatmap, -9.0)
    heatmap[0, 1, 4, 4] = 9.0
    heatmap[0, 0, 10, 10] = 9.0
    output = output._replace(heatmap=heatmap)

    def compute_heat(class_ids: list[int]) -> float:
        losses = compute_losses(module, output, make_batch(class_ids=class_ids))
        return float(losses["heat"])

    assert compute_heat([1, 0]) < 0.01
    assert compute_heat([0, 1]) > 1


def test_a_network_of_one_class_ignores_the_classes_of_labels():
    module = make_module(NetworkChanges())
    batch = make_batch(class_ids=[3, 1])
    output = make_output(module, batch)
    same = compute_losses(module, output, make_batch())
    given = compute_losses(module, output, batch)
    assert float(given["heat"]) == float(same["heat"])


def test_box_losses_are_averaged_or_summed():
    averaged = make_module(NetworkChanges(), box_overlap_weight=0.0)
    batch = make_batch()
    output = make_output(averaged, batch)
    summed = make_module(NetworkChanges(), box_overlap_weight=0.0, box_loss_reduction="sum")
    means = compute_losses(averaged, output, batch)
    sums = compute_losses(summed, output, batch)
    # Two boxes have four values of offset and eight of size.
    assert float(sums["offset"]) == pytest.approx(4 * float(means["offset"]), rel=1e-3)
    assert float(sums["size"]) == pytest.approx(8 * float(means["size"]), rel=1e-3)
    assert float(sums["heat"]) == float(means["heat"])


def test_the_literal_order_of_pooling_needs_two_boxes():
    module = make_module(NetworkChanges(rim=RimChanges(literal_order=True))).train()
    for n_boxes, expected in ((1, False), (2, True)):
        batch = make_batch(n_boxes)
        losses = compute_losses(module, make_output(module, batch), batch)
        assert ("identity" in losses) is expected


@pytest.mark.parametrize("normalise", ["l2", "loss+"])
def test_mgda_with_normalised_gradients_trains_the_detector(normalise):
    image = np.zeros((64, 64, 3), np.uint8)
    image[8:24, 8:24] = 250
    image[32:48, 32:48] = (250, 90, 20)
    batch = collate([Still(image, BOXES, np.arange(2)), Still(image[::-1], BOXES, np.arange(2))])
    heat = {}
    for name in ("none", normalise):
        torch.manual_seed(0)
        balance = BalanceConfig(name="mgda-ub", level="task", normalise=name)
        rim = RimChanges(channels=32, part_channels=16)
        network = NetworkChanges(width=0.125, head_channels=8, rim=rim)
        config = TrainConfig.paper(
            preset="nano", size_px=64, learning_rate=0.05, network=network, balance=balance
        )
        module = TrainingModule(config, 3, 1).train()
        optimizer = module.configure_optimizers()
        heat[name] = []
        for _ in range(16):
            losses = module._balance_losses(module.network, batch.images, batch)
            heat[name].append(float(losses["heat"].detach()))
            optimizer.zero_grad()
            losses["total"].backward()
            optimizer.step()
    # Without normalisation the task with the smaller gradient gets nearly all of the weight.
    assert heat[normalise][-1] < 0.6 * heat[normalise][0]
    assert heat[normalise][-1] < 0.6 * heat["none"][-1]


def test_plain_yolox_learns_classes():
    config = TrainConfig(preset="yolox-s", size_px=64, network=NetworkChanges(n_classes=2))
    config = dataclasses.replace(config, network=dataclasses.replace(config.network, width=0.125))
    module = TrainingModule(config, 3, 1)
    seen = {}
    module.log_dict = lambda values, **_: seen.update(values)
    batch = make_batch(class_ids=[1, 1])
    module.training_step(batch, 0).backward()
    weight = module.network.heads[0].classes.weight.grad
    assert weight is not None
    assert weight.shape[0] == 2
    assert seen["train/classes"] > 0


def test_the_learning_rate_rises_then_follows_half_a_cosine():
    rates = np.array([compute_rate(progress, 0.1, 0.05) for progress in np.linspace(0, 1, 101)])
    assert rates[0] < 0.01
    assert rates.argmax() in (9, 10, 11)
    assert rates[-1] == pytest.approx(0.05)
    assert compute_rate(0.5, 0, 0) == pytest.approx(0.5)
    assert compute_rate(0.25, 0, 0.2) == pytest.approx(0.2 + 0.8 * (2 + 2**0.5) / 4)
    # Half of the warm-up, which multiplies the cosine.
    cosine = 0.05 + 0.95 * (1 + np.cos(0.05 * np.pi)) / 2
    assert compute_rate(0.05, 0.1, 0.05) == pytest.approx(0.5 * cosine, rel=3e-3)


def test_checkpoints_of_earlier_versions_get_the_present_names():
    state = {"tell_apart.linear.bias": torch.zeros(3), "network.heads.bias": torch.ones(1)}
    assert list(rename_old_keys(state)) == ["identity_loss.linear.bias", "network.heads.bias"]


STILLS = StillConfig(size_px=64, body_px=(20, 30), n_identities=5, empty=0.0)
TINY = TrainConfig(
    size_px=64,
    batch_size=2,
    identity_every=1,
    box_jitter=0.0,
    keypoint_weight=0.0,
    stills=STILLS,
)
LOSSES = ("heat", "offset", "size", "identity")


def make_tiny_module(**changed) -> TrainingModule:
    torch.manual_seed(0)
    return TrainingModule(dataclasses.replace(TINY, **changed), n_identities=5, n_steps=10)


@pytest.fixture(scope="module")
def batch() -> Batch:
    """Return two images with an animal each, of one identity and of another."""
    return collate([make_still(seed, STILLS) for seed in (2, 3)])


def run_step(module: TrainingModule, batch: Batch, monkeypatch) -> dict[str, float]:
    """Return what a training step logs and, as ``returned``, its loss."""
    logged = {}
    monkeypatch.setattr(module, "log_dict", lambda values, **_: logged.update(values))
    returned = module.training_step(batch, 0)
    logged = {name.removeprefix("train/"): float(value) for name, value in logged.items()}
    return {**logged, "returned": float(returned.detach())}


class RecordingBalance(nn.Module):
    """Loss balancer that keeps what it receives, and weights all losses alike."""

    def forward(self, losses, shared) -> BalancedLoss:
        self.losses = losses
        self.shared = shared
        return BalancedLoss(sum(losses.values()), {})


class TestOptimizer:
    """Steps of the optimiser with gradients that are given."""

    def start(self, **changed) -> tuple[TrainingModule, torch.optim.Optimizer]:
        module = make_tiny_module(**changed)
        return module, module.configure_optimizers()

    @pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
    def test_weights_decay_but_biases_and_norms_do_not(self, optimizer):
        module, steps = self.start(optimizer=optimizer, weight_decay=0.5, learning_rate=0.1)
        learnt = [*module.network.parameters(), *module.identity_loss.parameters()]
        for parameter in learnt:
            nn.init.ones_(parameter)
            parameter.grad = torch.zeros_like(parameter)
        steps.step()
        for parameter in learnt:
            expected = 1 - 0.1 * 0.5 if parameter.ndim > 1 else 1
            torch.testing.assert_close(parameter.data, torch.full_like(parameter, expected))

    def test_sgd_has_momentum(self):
        module, steps = self.start(optimizer="sgd", momentum=0.7, weight_decay=0.0)
        weight = module.network.heads.offset[-1].weight
        places = [weight.detach().clone()]
        for _ in range(2):
            weight.grad = torch.ones_like(weight)
            steps.step()
            places.append(weight.detach().clone())
        first, second = places[1] - places[0], places[2] - places[1]
        torch.testing.assert_close(second, 1.7 * first, rtol=1e-3, atol=1e-6)

    def test_everything_is_learnt_and_balance_has_a_rate_of_its_own(self):
        module, steps = self.start(
            optimizer="sgd",
            learning_rate=0.1,
            momentum=0.0,
            identity_loss="cross_entropy",
            balance=BalanceConfig(name="uncertainty-branch", learning_rate=0.02),
        )
        before = {name: p.detach().clone() for name, p in module.named_parameters()}
        for parameter in module.parameters():
            parameter.grad = torch.ones_like(parameter)
        steps.step()
        rates = {
            name: float((before[name] - p.detach()).abs().amax())
            for name, p in module.named_parameters()
        }
        assert min(rates.values()) > 0.01
        assert rates["balance.log_variances"] == pytest.approx(0.02, rel=1e-3)
        assert rates["identity_loss.linear.bias"] == pytest.approx(0.1, rel=1e-3)

    def test_gradients_of_the_network_are_clipped_together_and_those_of_balance_are_not(self):
        module, steps = self.start(balance=BalanceConfig(name="uncertainty-task"))
        for parameter in module.parameters():
            parameter.grad = torch.ones_like(parameter)
        module.configure_gradient_clipping(steps, 0.5)
        gradients = [p.grad for p in module.network.parameters()]
        assert float(nn.utils.get_total_norm(gradients)) == pytest.approx(0.5, rel=1e-3)
        assert module.balance.log_variances.grad.tolist() == [1, 1]


class TestTrainingStep:
    def test_the_loss_is_the_weighted_sum(self, batch, monkeypatch):
        values = run_step(make_tiny_module(), batch, monkeypatch)
        weights = dict(zip(LOSSES, (1, 1, 0.1, 0.1), strict=True))
        expected = sum(weight * values[name] for name, weight in weights.items())
        assert values["returned"] == values["total"] == pytest.approx(expected, rel=1e-4)
        assert all(values[name] > 0 for name in LOSSES)

    def test_learnt_uncertainties_weight_the_losses(self, batch, monkeypatch):
        config = BalanceConfig(name="uncertainty-branch", detection_log_variance=-1.0)
        values = run_step(make_tiny_module(balance=config), batch, monkeypatch)
        detection = sum(values[name] for name in LOSSES[:3])
        expected = np.exp(1) * detection + np.exp(1.05) * values["identity"] - 3 - 1.05
        assert values["returned"] == pytest.approx(expected / 2, rel=1e-4)

    def test_keypoints_are_added_to_the_balanced_losses(self, batch, monkeypatch):
        plain = run_step(make_tiny_module(), batch, monkeypatch)
        other = run_step(make_tiny_module(keypoint_weight=2.0), batch, monkeypatch)
        assert other["keypoints"] > 0
        expected = plain["returned"] + 2 * other["keypoints"]
        assert other["returned"] == pytest.approx(expected, rel=1e-4)

    def test_the_representation_is_every_map_that_a_task_reads(self, batch, monkeypatch):
        module = make_tiny_module()
        module.balance = RecordingBalance()
        run_step(module, batch, monkeypatch)
        shared = module.balance.shared
        assert [64 // z.shape[3] for z in shared.representation] == [4, 8, 16, 32]
        assert len({z.shape[1] for z in shared.representation}) == 4
        # Each task depends on the representation, and both on W.
        for name in ("heat", "identity"):
            loss = module.balance.losses[name]
            gradients = torch.autograd.grad(
                loss,
                [*shared.representation, *shared.weights],
                retain_graph=True,
                allow_unused=True,
            )
            used = [g is not None and bool(g.any()) for g in gradients]
            assert (
                used[:4]
                == {"heat": [True, True, False, False], "identity": [False, True, True, True]}[name]
            )
            assert all(used[4:])

    def test_identity_is_trained_in_every_nth_step(self, batch, monkeypatch):
        module = make_tiny_module(identity_every=3)
        module.balance = RecordingBalance()
        trained = []
        for step in range(7):
            monkeypatch.setattr(TrainingModule, "global_step", step)
            run_step(module, batch, monkeypatch)
            trained.append("identity" in module.balance.losses)
        assert trained == [True, False, False, True, False, False, True]

    def test_boxes_of_re_identification_are_moved_differently_in_each_step(
        self, batch, monkeypatch
    ):
        for jitter, n_values in ((0.0, 1), (0.2, 3)):
            module = make_tiny_module(box_jitter=jitter, identity_loss="cross_entropy")
            values = []
            for step in (0, 1, 2, 0):
                monkeypatch.setattr(TrainingModule, "global_step", step)
                values.append(run_step(module, batch, monkeypatch))
            assert len({step["identity"] for step in values}) == n_values
            assert values[3]["identity"] == values[0]["identity"]
            assert len({step["heat"] for step in values}) == 1

    def test_the_overlap_of_boxes_is_part_of_the_size_loss(self, batch, monkeypatch):
        plain, other = (
            run_step(make_tiny_module(box_overlap_weight=weight), batch, monkeypatch)["size"]
            for weight in (0.0, 7.0)
        )
        # The boxes of an untrained network hardly overlap.
        assert other - plain > 7 * 0.9


def test_a_resumed_training_goes_on_measuring_its_time():
    saved: dict = {"state_dict": {}}
    module = make_tiny_module()
    module.spent_s, module.waited_s = 40.0, 3.0
    module.on_save_checkpoint(saved)
    resumed = make_tiny_module()
    resumed.on_load_checkpoint(saved)
    assert (resumed.spent_s, resumed.waited_s) == (40.0, 3.0)


def test_progress_is_by_steps_or_by_time_whichever_is_more(monkeypatch):
    module = make_tiny_module(minutes=2.0)
    monkeypatch.setattr(TrainingModule, "global_step", 3)
    for spent_s, progress in ((12.0, 0.3), (60.0, 0.5), (500.0, 1.0)):
        module.spent_s = spent_s
        assert module.progress == pytest.approx(progress)


def test_plain_yolox_has_losses_of_its_own(batch, monkeypatch):
    values = run_step(make_tiny_module(preset="yolox-s"), batch, monkeypatch)
    expected = 5 * values["overlap"] + values["objectness"] + values["classes"]
    assert values["returned"] == pytest.approx(expected, rel=1e-4)

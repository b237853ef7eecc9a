import dataclasses

import numpy as np
import pytest
import torch

from murid.networks.network import NetworkOutput
from murid.synthetic.still import Still
from murid.training.config import TrainConfig
from murid.training.data import collate
from murid.training.loss_balancing import BalanceConfig
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
    targets = module._make_targets(module.network, batch)
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


def test_checkpoints_of_earlier_versions_get_the_present_names():
    state = {"tell_apart.linear.bias": torch.zeros(3), "network.heads.bias": torch.ones(1)}
    assert list(rename_old_keys(state)) == ["identity_loss.linear.bias", "network.heads.bias"]

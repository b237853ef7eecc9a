import math

import numpy as np
import pytest
import torch

from murid.errors import ConfigError
from murid.networks.losses import (
    IdentityClassifier,
    SupervisedContrastiveLoss,
    batch_hard_triplet_loss,
    box_overlap_loss,
    detection_loss,
    focal_heatmap_loss,
    keypoint_loss,
    masked_l1_loss,
    supervised_contrastive_loss,
)
from murid.networks.network import NetworkOutput
from murid.networks.targets import Targets, make_targets


def logit(p: float) -> float:
    return math.log(p / (1 - p))


def as_map(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32).view(1, 1, 1, -1)


def test_focal_loss_of_one_centre_and_its_neighbour() -> None:
    loss = focal_heatmap_loss(as_map(logit(0.5), logit(0.25)), as_map(1, 0.5))
    expected = -(math.log(0.5) * 0.5**2 + math.log(0.75) * 0.25**2 * 0.5**4)
    assert float(loss) == pytest.approx(expected)


def test_focal_loss_is_divided_by_the_centres_of_the_whole_batch() -> None:
    logits, target = torch.zeros(2, 1, 1, 2), torch.tensor([1.0, 1, 0, 1]).view(2, 1, 1, 2)
    expected = -(3 * math.log(0.5) * 0.25 + math.log(0.5) * 0.25) / 3
    assert float(focal_heatmap_loss(logits, target)) == pytest.approx(expected)


def test_focal_loss_without_animals_is_the_undivided_sum() -> None:
    loss = focal_heatmap_loss(as_map(logit(0.2), logit(0.4)), as_map(0, 0))
    assert float(loss) == pytest.approx(-(math.log(0.8) * 0.04 + math.log(0.6) * 0.16))


def test_focal_loss_stays_finite() -> None:
    logits = as_map(-200, 200).requires_grad_()
    loss = focal_heatmap_loss(logits, as_map(1, 0))
    assert float(loss.detach()) == pytest.approx(-2 * math.log(1e-4), rel=1e-3)
    loss.backward()
    assert torch.isfinite(logits.grad).all()


def test_masked_l1_counts_only_centres() -> None:
    maps = torch.full((2, 2, 3, 4), 100.0)
    maps[0, :, 1, 2], maps[1, :, 2, 3] = torch.tensor([1.0, 2]), torch.tensor([3.0, 4])
    cells = torch.tensor([[0, 1], [1, 2], [2, 3]])
    loss = masked_l1_loss(maps, cells, torch.tensor([[1.5, 2.0], [3.0, 2.0]]))
    assert float(loss) == pytest.approx(2.5 / (4 + 1e-4))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_masked_l1_without_animals_is_zero(reduction) -> None:
    loss = masked_l1_loss(
        torch.randn(1, 2, 3, 4), torch.zeros(3, 0, dtype=torch.int64), torch.zeros(0, 2), reduction
    )
    assert float(loss) == 0


def test_masked_l1_of_the_paper_is_the_sum() -> None:
    cells = torch.tensor([[0, 0], [0, 0], [0, 1]])
    loss = masked_l1_loss(
        torch.zeros(1, 2, 1, 2), cells, torch.tensor([[1.0, -2], [3, 0]]), reduction="sum"
    )
    assert float(loss) == 6


def test_detection_loss_is_a_weighted_sum() -> None:
    targets = make_targets([np.array([[8, 8, 40, 24]], np.float32)], 32, 64, box_mode="wh")
    maps = torch.zeros(1, 1, 8, 16), torch.zeros(1, 2, 8, 16), torch.zeros(1, 2, 8, 16)
    losses = detection_loss(NetworkOutput(*maps, *maps), targets, size_weight=0.25)
    assert float(losses.size) == pytest.approx((8 + 4) / 2, rel=1e-3)
    assert float(losses.offset) == 0
    assert float(losses.total) == pytest.approx(
        float(losses.heat + losses.offset + 0.25 * losses.size)
    )
    literal = detection_loss(NetworkOutput(*maps, *maps), targets, reduction="sum")
    assert float(literal.size) == 8 + 4
    assert float(literal.total) == pytest.approx(float(literal.heat) + 0.1 * 12)


def test_identity_loss_by_hand() -> None:
    classifier = IdentityClassifier(2, 3)
    scale = math.sqrt(2) * math.log(2)
    assert classifier.scale == pytest.approx(scale)
    with torch.no_grad():
        classifier.linear.weight.copy_(torch.tensor([[1.0, 0], [0, 1], [0, 0]]))
        classifier.linear.bias.copy_(torch.tensor([0.0, 0, 0.5]))
    loss = classifier(torch.tensor([[1.0, 0], [0, 1]]), torch.tensor([0, -1]))
    logits = [scale, 0, 0.5]
    assert float(loss.detach()) == pytest.approx(math.log(sum(map(math.exp, logits))) - scale)


def test_identity_scale_of_the_published_data_set() -> None:
    assert IdentityClassifier(4, 823).scale == pytest.approx(9.49, abs=5e-3)


def test_focal_identity_loss_by_hand() -> None:
    classifier = IdentityClassifier(2, 4, loss="focal")
    with torch.no_grad():
        classifier.linear.weight.zero_()
        classifier.linear.bias.copy_(torch.tensor([logit(0.6), logit(0.2), logit(0.3), logit(0.5)]))
    loss = classifier(torch.tensor([[1.0, 0], [0, 1]]), torch.tensor([0, -1]))
    others = sum(0.75 * p**2 * -math.log(1 - p) for p in (0.2, 0.3, 0.5))
    assert float(loss.detach()) == pytest.approx(0.25 * 0.4**2 * -math.log(0.6) + others)


def test_focal_identity_loss_starts_with_low_probabilities() -> None:
    classifier = IdentityClassifier(16, 50, loss="focal")
    torch.testing.assert_close(torch.sigmoid(classifier.linear.bias), torch.full((50,), 0.01))
    assert 0 < float(classifier.linear.weight.detach().std()) < 0.02


def test_an_unknown_identity_loss_is_refused() -> None:
    with pytest.raises(ConfigError, match="expected cross_entropy or focal, got 'triplet'"):
        IdentityClassifier(4, 5, loss="triplet")


@pytest.mark.parametrize("loss", ["cross_entropy", "focal"])
def test_identity_loss_without_known_animals_is_zero(loss) -> None:
    classifier = IdentityClassifier(4, 10, loss)
    loss = classifier(torch.randn(3, 4), torch.full((3,), -1))
    loss.backward()
    assert float(loss.detach()) == 0


def at_degrees(*angles: float) -> torch.Tensor:
    radians = torch.deg2rad(torch.tensor(angles))
    return torch.stack([radians.cos(), radians.sin()], dim=1)


def chord(degrees: float) -> float:
    return 2 * math.sin(math.radians(degrees) / 2)


def test_triplets_have_the_most_distant_same_and_the_nearest_other_animal() -> None:
    identities = torch.tensor([7, 7, 7, 2, -1])
    loss = batch_hard_triplet_loss(at_degrees(0, 20, 50, 90, 51), identities, margin=0.3)
    # The single picture of 2 has no positive; that of -1 would be the nearest of all.
    gaps = [chord(50) - chord(90), chord(30) - chord(70), chord(50) - chord(40)]
    assert float(loss) == pytest.approx(sum(max(0.0, gap + 0.3) for gap in gaps) / 3, rel=1e-5)


@pytest.mark.parametrize("identities", [[], [-1, -1], [4, 4], [1, 2, 3]])
def test_without_triplets_loss_and_gradient_are_zero(identities) -> None:
    embeddings = torch.nn.functional.normalize(torch.randn(len(identities), 3)).requires_grad_()
    loss = batch_hard_triplet_loss(embeddings, torch.tensor(identities, dtype=torch.int64))
    loss.backward()
    assert float(loss.detach()) == 0
    assert not embeddings.grad.any()


def test_equal_embeddings_of_one_animal_have_a_finite_triplet_gradient() -> None:
    embeddings = at_degrees(0, 0, 10).requires_grad_()
    batch_hard_triplet_loss(embeddings, torch.tensor([0, 0, 1])).backward()
    assert torch.isfinite(embeddings.grad).all()


def test_two_identities_are_refused() -> None:
    with pytest.raises(ConfigError, match="at least 3"):
        IdentityClassifier(128, 2)


def test_contrastive_loss_of_four_animals_by_hand() -> None:
    embeddings, identities = at_degrees(0, 30, 90, 45), torch.tensor([3, 3, 5, -1])
    loss = supervised_contrastive_loss(embeddings, identities, temperature=0.5)
    near, right_angle, sixty = (math.exp(math.cos(math.radians(a)) / 0.5) for a in (30, 90, 60))
    # Only the two pictures of 3 have a partner; 5 is what they are told from, and -1 is not there.
    expected = -(math.log(near / (near + right_angle)) + math.log(near / (near + sixty))) / 2
    assert float(loss) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("identities", [[], [-1, -1], [1, 2, 3]])
def test_without_positives_the_contrastive_loss_is_zero(identities) -> None:
    embeddings = torch.nn.functional.normalize(torch.randn(len(identities), 3)).requires_grad_()
    loss = supervised_contrastive_loss(embeddings, torch.tensor(identities, dtype=torch.int64))
    loss.backward()
    assert float(loss.detach()) == 0
    assert torch.isfinite(embeddings.grad).all()


@pytest.mark.parametrize("box_mode", ["wh", "ltrb"])
def test_overlap_of_boxes_is_zero_where_they_agree_and_one_minus_iou_where_only_sizes_differ(
    box_mode,
) -> None:
    targets = make_targets([np.array([[8, 8, 24, 16]], np.float32)], 32, 32, box_mode=box_mode)
    _, row, column = targets.cells
    offset, size = torch.zeros(1, 2, 8, 8), torch.zeros(1, targets.size.shape[1], 8, 8)
    offset[0, :, row, column], size[0, :, row, column] = targets.offset.T, targets.size.T
    assert float(box_overlap_loss(offset, size, targets)) == pytest.approx(0, abs=1e-5)
    # Half as large in the same shape about the same centre: IoU 1/4, no distance of centres, no
    # difference of shape.
    assert float(box_overlap_loss(offset, size / 2, targets)) == pytest.approx(0.75, abs=1e-4)
    shares = [
        float(detection_loss(output_of(offset, w * size), targets, overlap_weight=3.0).size)
        for w in (0.5, 1.0)
    ]
    plain = [float(detection_loss(output_of(offset, w * size), targets).size) for w in (0.5, 1.0)]
    assert shares == pytest.approx([plain[0] + 3 * 0.75, plain[1]], abs=1e-3)


def output_of(offset: torch.Tensor, size: torch.Tensor) -> NetworkOutput:
    nothing = torch.zeros(1, 1, 1, 1)
    return NetworkOutput(torch.zeros(1, 1, 8, 8), offset, size, nothing, nothing, nothing)


def make_keypoint_targets(points: torch.Tensor) -> Targets:
    """Targets of one image of 8 by 8 cells with an animal in cell (2, 3) and its keypoints."""
    cells = torch.tensor([[0], [2], [3]])
    nothing = torch.zeros(1, 2)
    return Targets(torch.zeros(1, 1, 8, 8), cells, nothing, nothing, points)


def test_the_keypoint_loss_is_least_at_the_truth_and_at_half_the_mean_error() -> None:
    truth = torch.tensor([[[0.4, 0.1], [0.0, 0.0], [-0.4, -0.1]]])
    maps = torch.zeros(1, 9, 8, 8, requires_grad=True)
    optimizer = torch.optim.Adam([maps], lr=0.01, betas=(0.9, 0.9))
    # The truth moves by 0.1 in three directions, so that an error of 0.1 remains.
    angles = torch.arange(3) * 2 * torch.pi / 3
    shifts = 0.1 * torch.stack([angles.cos(), angles.sin()], dim=1)
    for _ in range(700):
        loss = sum(keypoint_loss(maps, make_keypoint_targets(truth + s)) for s in shifts) / 3
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    values = maps.detach()[0, :, 2, 3].reshape(3, 3)
    torch.testing.assert_close(values[:, :2], truth[0], atol=0.02, rtol=0)
    torch.testing.assert_close(values[:, 2].exp(), torch.full((3,), 0.05), atol=0.01, rtol=0)
    # Other cells are not trained.
    assert maps.detach().abs().sum() == values.abs().sum()


def test_unknown_keypoints_are_not_trained() -> None:
    truth = torch.tensor([[[0.4, 0.1], [torch.nan, torch.nan], [-0.4, -0.1]]])
    maps = torch.zeros(1, 9, 8, 8, requires_grad=True)
    keypoint_loss(maps, make_keypoint_targets(truth)).backward()
    assert maps.grad is not None
    assert (maps.grad[0, 3:6] == 0).all()
    assert (maps.grad[0, [0, 1, 6, 7], 2, 3] != 0).all()
    nothing = keypoint_loss(maps, make_keypoint_targets(torch.full((1, 3, 2), torch.nan)))
    assert nothing.item() == 0


def test_only_exact_centres_are_positive() -> None:
    # The cell beside a centre is a reduced negative, and is not counted as an animal.
    loss = focal_heatmap_loss(as_map(logit(0.5)), as_map(0.95))
    assert float(loss) == pytest.approx(-math.log(0.5) * 0.5**2 * 0.05**4)


def test_the_total_has_the_offset_with_weight_one() -> None:
    targets = make_targets([np.array([[9, 10, 41, 26]], np.float32)], 32, 64, box_mode="wh")
    maps = [torch.zeros(1, n, 8, 16) for n in (1, 2, 2)]
    losses = detection_loss(NetworkOutput(*maps, *maps), targets)
    assert float(losses.offset) == pytest.approx((0.25 + 0.5) / 2, rel=1e-3)
    expected = float(losses.heat) + float(losses.offset) + 0.1 * float(losses.size)
    assert float(losses.total) == pytest.approx(expected)


def predict_one_cell(offset: list[float], size: list[float]) -> tuple[torch.Tensor, torch.Tensor]:
    offsets = torch.tensor(offset).view(1, 2, 1, 1)
    return offsets, torch.tensor(size).view(1, len(size), 1, 1)


def make_cell_targets(offset: list[float], size: list[float]) -> Targets:
    cells = torch.zeros(3, 1, dtype=torch.int64)
    unknown = torch.full((1, 3, 2), torch.nan)
    box = torch.tensor([offset]), torch.tensor([size])
    return Targets(torch.ones(1, 1, 1, 1), cells, *box, unknown)


def test_complete_iou_also_counts_the_distance_of_the_centres() -> None:
    truth = make_cell_targets([0.0, 0.0], [4.0, 2.0])
    loss = box_overlap_loss(*predict_one_cell([1.0, 0.0], [4.0, 2.0]), truth)
    # IoU 6 / 10, and the squared distance over the squared diagonal of the enclosing box.
    assert float(loss) == pytest.approx(1 - 0.6 + 1 / (5**2 + 2**2), abs=1e-5)


def test_distances_to_the_sides_give_the_same_box_from_another_centre() -> None:
    truth = make_cell_targets([0.0, 0.0], [2.0, 1.0, 2.0, 1.0])
    loss = box_overlap_loss(*predict_one_cell([1.0, 0.5], [3.0, 1.5, 1.0, 0.5]), truth)
    assert float(loss) == pytest.approx(0, abs=1e-5)


def test_the_temperature_is_a_tenth() -> None:
    embeddings, identities = at_degrees(0, 30, 90), torch.tensor([3, 3, 5])
    expected = supervised_contrastive_loss(embeddings, identities, temperature=0.1)
    assert float(SupervisedContrastiveLoss()(embeddings, identities)) == float(expected)


def test_contrastive_loss_is_the_mean_over_the_positives_of_a_box() -> None:
    # All boxes are alike: each of four has three others, which are equally likely.
    same = torch.tensor([[1.0, 0]] * 4)
    loss = supervised_contrastive_loss(same, torch.tensor([1, 1, 1, 2]))
    assert float(loss) == pytest.approx(math.log(3))

import pytest
import torch

from murid.networks.comparison.simota import assign_cells


def test_simota_on_five_cells_by_hand() -> None:
    # Two animals side by side; stride 8, cells in a row. Cell 4 is near neither.
    centres = torch.tensor([[4.0, 4], [12, 4], [20, 4], [28, 4], [60, 4]])
    strides = torch.full((5,), 8.0)
    truth = torch.tensor([[0.0, 0, 16, 8], [16, 0, 32, 8]])  # centres 8 and 24; radius 12
    boxes = torch.tensor(
        [[0.0, 0, 16, 8], [0, 0, 16, 8], [8, 0, 24, 8], [16, 0, 32, 4], [0, 0, 16, 8]]
    )
    scores = torch.full((5, 1), 0.5)
    # Overlaps with the first: 1, 1, 1/3, 0 -> two cells. With the second: 0, 0, 1/3, 1/2 -> at
    # least one: cell 3.
    found = assign_cells(boxes, scores, centres, strides, truth, torch.zeros(2, dtype=torch.int64))
    assert found.cells.tolist() == [0, 1, 3]
    assert found.animals.tolist() == [0, 0, 1]
    assert found.ious.tolist() == pytest.approx([1, 1, 0.5])


def test_a_cell_of_two_animals_goes_to_the_cheaper_one() -> None:
    centres, strides = torch.tensor([[8.0, 8]]), torch.tensor([8.0])
    truth = torch.tensor([[0.0, 0, 16, 16], [0, 0, 16, 12]])
    found = assign_cells(
        truth[1:], torch.ones(1, 1), centres, strides, truth, torch.zeros(2, dtype=torch.int64)
    )
    assert (found.cells.tolist(), found.animals.tolist()) == ([0], [1])


def test_the_cell_of_higher_score_near_the_centre_is_assigned() -> None:
    centres, strides = torch.tensor([[4.0, 4], [12, 4], [80, 4]]), torch.full((3,), 8.0)
    truth = torch.tensor([[0.0, 0, 16, 8]])
    boxes = torch.tensor([[0.0, 0, 16, 4]] * 3)
    scores = torch.tensor([[0.2], [0.8], [1.0]])
    found = assign_cells(boxes, scores, centres, strides, truth, torch.zeros(1, dtype=torch.int64))
    assert found.cells.tolist() == [1]  # overlaps of 1/2 and 1/2 sum to one cell


def test_simota_without_animals_assigns_nothing() -> None:
    assignment = assign_cells(
        torch.rand(4, 4),
        torch.rand(4, 1),
        torch.rand(4, 2),
        torch.ones(4),
        torch.zeros(0, 4),
        torch.zeros(0).long(),
    )
    assert [len(column) for column in assignment] == [0, 0, 0]


ONE_CLASS = torch.zeros(1, dtype=torch.int64)


def test_cells_within_one_and_a_half_strides_are_assigned() -> None:
    truth = torch.tensor([[0.0, 0, 40, 20]])  # centre (20, 10)
    offsets = torch.tensor([[0.0, 0], [11.9, 0], [12.1, 0], [0, 12.1], [-11.9, 11.9], [23.9, 0]])
    strides = torch.tensor([8.0, 8, 8, 8, 8, 16])
    centres = torch.tensor([20.0, 10]) + offsets
    boxes = truth.expand(6, 4)
    found = assign_cells(boxes, torch.full((6, 1), 0.5), centres, strides, truth, ONE_CLASS)
    assert found.cells.tolist() == [0, 1, 4, 5]


@pytest.mark.parametrize(("score", "cell"), [(0.3, 0), (0.5, 1)])
def test_the_overlap_counts_three_times_as_much_as_the_class(score: float, cell: int) -> None:
    # IoUs of 0.5 and 0.4. The costs are equal where the root of the ratio of scores is 1.25³.
    truth = torch.tensor([[0.0, 0, 10, 10]])
    boxes = torch.tensor([[0.0, 0, 10, 5], [0, 0, 10, 4]])
    scores = torch.tensor([[0.1], [score]])
    centres = torch.full((2, 2), 5.0)
    found = assign_cells(boxes, scores, centres, torch.full((2,), 8.0), truth, ONE_CLASS)
    assert found.cells.tolist() == [cell]


def test_an_animal_takes_at_most_ten_cells() -> None:
    truth = torch.tensor([[0.0, 0, 10, 10]])
    scores = torch.linspace(0.1, 0.9, 14)[:, None]
    centres = torch.full((14, 2), 5.0)
    strides = torch.full((14,), 8.0)
    found = assign_cells(truth.expand(14, 4), scores, centres, strides, truth, ONE_CLASS)
    assert found.cells.tolist() == list(range(4, 14))

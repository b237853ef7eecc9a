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

from dataclasses import fields, replace

import pytest

from murid.errors import ConfigError
from murid.tracking import TrackingConfig


def test_paper_numbers():
    paper = TrackingConfig.paper()
    assert (
        paper.stage1_cost,
        paper.appearance_weight,
        paper.stage1_max_cost,
        paper.stage2_max_cost,
    ) == (
        "fused",
        0.98,
        0.4,
        0.5,
    )
    assert (paper.score_threshold, paper.embedding_momentum, paper.gate_dims) == (0.4, 0.9, 4)
    assert paper.max_lost_s * 30 == 30
    assert paper.low_score_threshold is None
    assert paper.max_tracks is None


def test_paper_states_every_field_itself():
    """A change of a default must not change the paper's method."""
    import inspect

    source = inspect.getsource(TrackingConfig.paper)
    # without meaning: while low_score_threshold is None, in the cost "fused", and in the cost "iou"
    unused = {
        "low_score_max_cost",
        "size_weight",
        "score_weight",
        "neighbour_gate",
        "stage2_max_cost_per_s",
    }
    assert {f.name for f in fields(TrackingConfig) if f"{f.name}=" not in source} == unused


@pytest.mark.parametrize(
    "change",
    [
        {"score_threshold": 1.5},
        {"stage2_max_cost": -0.1},
        {"stage2_cost": "magic"},
        {"min_relative_score": 1.5},
        {"neighbour_gate": -1.0},
        {"min_merged_overlap": 2.0},
        {"stage1_max_cost": -1.0},
        {"embedding_momentum": float("nan")},
        {"max_lost_s": -1.0},
        {"gate_dims": 3},
        {"stage1_cost": "magic"},
        {"output_boxes": "both"},
        {"max_tracks": 0},
        {"birth_threshold": 0.1},
        {"low_score_threshold": 0.3},
    ],
)
def test_nonsense_is_refused_by_name(change):
    with pytest.raises(ConfigError, match=next(iter(change))):
        replace(TrackingConfig(), **change)

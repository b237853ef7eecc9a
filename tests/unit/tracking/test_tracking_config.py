from dataclasses import fields, replace

import pytest

from murid.errors import ConfigError
from murid.tracking import TrackConfig


def test_paper_numbers():
    paper = TrackConfig.paper()
    assert (paper.first_cost, paper.appearance_weight, paper.first_limit, paper.second_limit) == (
        "fused",
        0.98,
        0.4,
        0.5,
    )
    assert (paper.score_threshold, paper.appearance_momentum, paper.gate_dims) == (0.4, 0.9, 4)
    assert paper.max_lost_s * 30 == 30
    assert paper.low_score_threshold is None
    assert paper.max_tracks is None


def test_paper_states_every_field_itself():
    """A change of a default must not change the paper's method."""
    import inspect

    source = inspect.getsource(TrackConfig.paper)
    # without meaning: while low_score_threshold is None, in the cost "fused", and in the cost "iou"
    unused = {"low_score_limit", "size_weight", "score_weight", "isolation", "second_limit_per_s"}
    assert {f.name for f in fields(TrackConfig) if f"{f.name}=" not in source} == unused


@pytest.mark.parametrize(
    "change",
    [
        {"score_threshold": 1.5},
        {"second_limit": -0.1},
        {"second_cost": "magic"},
        {"score_share": 1.5},
        {"isolation": -1.0},
        {"merged_share": 2.0},
        {"first_limit": -1.0},
        {"appearance_momentum": float("nan")},
        {"max_lost_s": -1.0},
        {"gate_dims": 3},
        {"first_cost": "magic"},
        {"output_boxes": "both"},
        {"max_tracks": 0},
        {"birth_threshold": 0.1},
        {"low_score_threshold": 0.3},
    ],
)
def test_nonsense_is_refused_by_name(change):
    with pytest.raises(ConfigError, match=next(iter(change))):
        replace(TrackConfig(), **change)

import inspect
from dataclasses import asdict, fields

import pytest

from murid.errors import ConfigError
from murid.tracking import MotionConfig, ScoreConfig, TrackingConfig


def test_paper_numbers():
    paper = TrackingConfig.paper()
    assert paper.stage1_cost == "fused"
    assert paper.appearance_weight == 0.98
    assert paper.stage1_max_cost == 0.4
    assert paper.stage2_max_cost == 0.5
    assert paper.scores.detection == 0.4
    assert paper.embedding_momentum == 0.9
    assert paper.motion.gating_dims == 4
    assert paper.max_lost_s * 30 == 30
    assert paper.scores.low is None
    assert paper.max_tracks is None


def test_paper_states_every_field_itself():
    """A change of a default must not change the paper's method."""
    # No effect: while scores.low is None, with the cost "fused", and with the cost "iou".
    without_effect = {
        "low_score_max_cost",
        "size_weight",
        "score_weight",
        "neighbour_gate",
        "stage2_max_cost_per_s",
    }
    missing = set()
    for config in (ScoreConfig, MotionConfig, TrackingConfig):
        source = inspect.getsource(config.paper)
        missing |= {f.name for f in fields(config) if f"{f.name}=" not in source}
    assert missing == without_effect


def test_config_survives_a_dictionary():
    config = TrackingConfig(
        scores=ScoreConfig(low=None), motion=MotionConfig(gating_dims=2), max_tracks=3
    )
    assert TrackingConfig.from_dict(asdict(config)) == config


@pytest.mark.parametrize(
    ("config", "change"),
    [
        (ScoreConfig, {"detection": 1.5}),
        (TrackingConfig, {"stage2_max_cost": -0.1}),
        (TrackingConfig, {"stage2_cost": "magic"}),
        (ScoreConfig, {"relative_detection": 1.5}),
        (TrackingConfig, {"neighbour_gate": -1.0}),
        (TrackingConfig, {"min_merged_overlap": 2.0}),
        (TrackingConfig, {"stage1_max_cost": -1.0}),
        (TrackingConfig, {"embedding_momentum": float("nan")}),
        (TrackingConfig, {"max_lost_s": -1.0}),
        (MotionConfig, {"gating_dims": 3}),
        (TrackingConfig, {"stage1_cost": "magic"}),
        (TrackingConfig, {"output_boxes": "both"}),
        (TrackingConfig, {"max_tracks": 0}),
        (TrackingConfig, {"max_tracks": "4"}),
        (TrackingConfig, {"max_tracks": 2.5}),
        (ScoreConfig, {"new_track": 0.1}),
        (ScoreConfig, {"low": 0.3}),
    ],
)
def test_out_of_range_value_is_refused_by_dotted_name(config, change):
    group = {ScoreConfig: "tracking.scores", MotionConfig: "tracking.motion"}
    name = f"{group.get(config, 'tracking')}.{next(iter(change))}"
    with pytest.raises(ConfigError, match=name):
        config(**change)

import pytest

from murid.detection.config import RUNTIME_FIELDS, DetectionConfig
from murid.errors import ConfigError
from murid.video.read_timeout import READ_TIMEOUT_S


@pytest.mark.parametrize(
    "wrong",
    [
        {"score_threshold": 1.5},
        {"duplicate_iou": -0.1},
        {"max_detections": 0},
        {"max_side_px": 8},
        {"precision": "f8"},
        {"read_timeout_s": 0},
    ],
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        DetectionConfig(**wrong)


def test_the_read_timeout_is_that_of_open_source():
    assert DetectionConfig().read_timeout_s == READ_TIMEOUT_S


def test_only_settings_that_decide_the_result_are_described():
    described = DetectionConfig(max_detections=3, n_threads=2).describe_results()
    assert described["max_detections"] == 3
    assert not described.keys() & RUNTIME_FIELDS


def test_a_setting_added_later_is_described_only_where_it_differs_from_its_default():
    assert "embeddings_every" not in DetectionConfig().describe_results()
    assert DetectionConfig(embeddings_every=4).describe_results()["embeddings_every"] == 4

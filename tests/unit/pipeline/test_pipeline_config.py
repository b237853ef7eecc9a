import pytest

from murid import Config
from murid.core.settings import list_settings
from murid.errors import ConfigError


def test_a_file_and_assignments_change_settings(tmp_path):
    path = tmp_path / "murid.toml"
    path.write_text(
        '[detection]\ndetector = "background"\n[tracking]\nstage1_max_cost = 0.7\n'
        "[tracking.scores]\nnew_track = 0.5\n[measures]\nsmooth_s = 0.2\n"
    )
    config = Config.load(path).change("tracking.stage1_max_cost=0.8", "tracking.max_lost_s=3")
    assert config.detection.detector == "background"
    assert config.tracking.stage1_max_cost == 0.8
    assert config.tracking.scores.new_track == 0.5
    assert config.tracking.max_lost_s == 3.0
    assert config.identification == Config().identification


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("tracking.stage3_max_cost=1", "tracking.stage3_max_cost: expected one of"),
        ("tracking.scores.new_track=3", "tracking.scores.new_track: expected"),
        ("detection.batch_size=0", "detection.batch_size: expected 1 or more, got 0"),
        ("identification.refine=maybe", "identification.refine: expected auto or always or never"),
        ("colour=red", "colour: expected one of detection, tracking, identification, measures"),
    ],
)
def test_a_wrong_setting_is_named_in_full(assignment, message):
    with pytest.raises(ConfigError) as caught:
        Config().change(assignment)
    assert str(caught.value).startswith(message)


def test_every_setting_is_documented():
    undocumented = [setting.name for setting in list_settings(Config()) if not setting.summary]
    assert undocumented == []

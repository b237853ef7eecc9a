"""From nothing to a network that tracks: murid train, then murid track with what came out."""

import json

import pytest

from murid.cli import run as murid_cli

CONFIG = """
size_px = 96
epochs = 3
steps_per_epoch = 5
batch_size = 4
n_workers = 0
[stills]
body_px = [20.0, 40.0]
n_identities = 6
[footage]
n_recorded = 2
n_composed = 1
"""


@pytest.fixture
def few_held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("murid.training.fit._N_VALIDATION", 12)


@pytest.mark.usefixtures("few_held_out")
def test_train_then_track(clip, tmp_path, capsys):
    config, out = tmp_path / "train.toml", tmp_path / "mine"
    config.write_text(CONFIG)
    assert murid_cli(["train", "--out", str(out), "--config", str(config), "--solo", str(clip)]) == 0
    printed = capsys.readouterr().out
    assert "AP50" in printed
    assert str(out / "nano-detector.onnx") in printed
    made = {path.name for path in out.iterdir()}
    assert {"nano-detector.onnx", "nano-embedder.onnx", "nano.pt", "README.md", "curves.png", "samples.png"} <= made
    assert json.loads((out / "config.json").read_text())["stills"]["size_px"] == 96
    assert "held-out pictures" in (out / "README.md").read_text()

    run = tmp_path / "run.murid"
    arguments = ["track", str(clip), "--detector", str(out / "nano-detector.onnx"), "--out", str(run)]
    assert murid_cli(arguments) == 0
    assert murid_cli(["info", str(run), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["detector"] == "nano"


@pytest.mark.parametrize(
    ("text", "message"),
    [("epochs = 0", "epochs: expected 1 or more, got 0"), ("speed = 3", "speed: expected one of"), ("[x", "TOML")],
)
def test_a_bad_setting_is_named_before_the_first_step(tmp_path, capsys, text: str, message: str):
    config = tmp_path / "train.toml"
    config.write_text(text)
    assert murid_cli(["train", "--out", str(tmp_path / "out"), "--config", str(config)]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert "train.toml" in error
    assert not (tmp_path / "out").exists()


def test_a_missing_recording_is_named(tmp_path, capsys):
    assert murid_cli(["train", "--out", str(tmp_path / "out"), "--solo", str(tmp_path / "none.mp4")]) == 1
    assert "none.mp4" in capsys.readouterr().err

"""``murid train``, then ``murid track`` with the trained network."""

import json

import pytest

from murid.cli import run as murid_cli
from murid.cli.train import _remove_checkpoints

CONFIG = """
size_px = 96
epochs = 3
steps_per_epoch = 5
batch_size = 4
n_workers = 0
[stills]
body_px = [20.0, 40.0]
n_identities = 6
[clips]
n_synthetic = 2
n_composed = 1
"""


@pytest.fixture
def few_held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("murid.training.fit._N_VALIDATION_IMAGES", 12)


@pytest.mark.usefixtures("few_held_out")
def test_train_then_track(clip, tmp_path, capsys):
    config, out = tmp_path / "train.toml", tmp_path / "mine"
    config.write_text(CONFIG)
    assert (
        murid_cli(
            ["train", "--out", str(out), "--config", str(config), "--solo", str(clip), str(clip)]
        )
        == 0
    )
    printed = capsys.readouterr().out
    assert "AP50" in printed
    assert "waiting for images: " in printed
    assert str(out / "nano-detector.onnx") in printed
    made = {path.name for path in out.iterdir()}
    assert {
        "nano-detector.onnx",
        "nano-embedder.onnx",
        "nano.pt",
        "README.md",
        "curves.png",
        "samples.png",
    } <= made
    assert json.loads((out / "config.json").read_text())["stills"]["size_px"] == 96
    assert "held-out images" in (out / "README.md").read_text()

    run = tmp_path / "run.murid"
    arguments = [
        "track",
        str(clip),
        "--detector",
        str(out / "nano-detector.onnx"),
        "--out",
        str(run),
    ]
    # After so few steps it may find no animal, for which the exit code is 3.
    assert murid_cli(arguments) in {0, 3}
    assert murid_cli(["info", str(run), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["detector"] == "nano"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs = 0", "epochs: expected 1 or more, got 0"),
        ("speed = 3", "speed: expected one of"),
        ("[x", "TOML"),
    ],
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
    assert (
        murid_cli(["train", "--out", str(tmp_path / "out"), "--solo", str(tmp_path / "none.mp4")])
        == 1
    )
    assert "none.mp4" in capsys.readouterr().err


@pytest.mark.usefixtures("few_held_out")
def test_tune_trains_each_setting_once(tmp_path, capsys):
    config, grid, out = tmp_path / "train.toml", tmp_path / "grid.toml", tmp_path / "search"
    config.write_text(CONFIG.replace("epochs = 3", "epochs = 1"))
    grid.write_text("learning_rate = [1e-3]\n[balance]\nidentity_weight = [0.1, 1.0]\n")
    arguments = ["tune", "--out", str(out), "--config", str(config), "--grid", str(grid)]
    assert murid_cli(arguments) == 0
    first = capsys.readouterr().out
    assert (first.count("learning_rate = 0.001"), first.count("identity_weight = 1")) == (
        3,
        1 + ("best" in first and "identity_weight = 1" in first.split("best")[1]),
    )
    made = sorted(path.name for path in out.glob("*=*") if path.is_dir())
    assert made == [
        "learning_rate=0.001-identity_weight=0.1",
        "learning_rate=0.001-identity_weight=1",
    ]
    times = [(out / name / "last.ckpt").stat().st_mtime_ns for name in made]
    assert murid_cli(arguments) == 0
    assert capsys.readouterr().out == first
    assert [(out / name / "last.ckpt").stat().st_mtime_ns for name in made] == times


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("speed = [1]", "speed: expected one of"),
        ("learning_rate = 1e-3", "expected a list of numbers, got 0.001"),
        ("[balance]\nidentity_weight = [-1.0]", "identity_weight: expected 0 or more, got -1"),
    ],
)
def test_a_bad_grid_is_named_before_the_first_step(tmp_path, capsys, text: str, message: str):
    grid = tmp_path / "grid.toml"
    grid.write_text(text)
    assert murid_cli(["tune", "--out", str(tmp_path / "out"), "--grid", str(grid)]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("grid.toml") == 1


@pytest.mark.slow
def test_a_network_memorises_four_short_scenarios(tmp_path, capsys):
    """Train from random weights, then track and score the same scenarios."""
    config, out = tmp_path / "train.toml", tmp_path / "mine"
    config.write_text(
        "synthetic_share = 0.0\nvalidation_share = 0.0\nepochs = 8\nsteps_per_epoch = 250\n"
        "identity_every = 4\nema_decay = 0.99\n"
        "[augment]\nscale = [0.8, 1.2]\nhue = 0.0\nsaturation = 0.0\nvalue = 0.1\nshear_deg = 0.0\n"
    )
    scenes = {"coats-4": 4, "lookalike-5": 5, "shelter-4": 4, "night-5": 5}
    folders = [tmp_path / name for name in scenes]
    for name, folder in zip(scenes, folders, strict=True):
        assert (
            murid_cli(
                [
                    "scenes",
                    "--scenario",
                    name,
                    "--seconds",
                    "3",
                    "--seed",
                    "5",
                    "--out",
                    str(folder),
                ]
            )
            == 0
        )
    assert murid_cli(["train", *map(str, folders), "--out", str(out), "--config", str(config)]) == 0
    for (name, animals), folder in zip(scenes.items(), folders, strict=True):
        run = tmp_path / f"{name}.murid"
        network = str(out / "nano-detector.onnx")
        arguments = ["--animals", str(animals), "--detector", network, "--out", str(run)]
        assert murid_cli(["track", str(folder / "video.mp4"), *arguments]) == 0
        capsys.readouterr()
        assert murid_cli(["evaluate", str(run), str(folder / "gt" / "gt.txt"), "--json"]) == 0
        scores = json.loads(capsys.readouterr().out)["combined"]
        assert min(scores["mota"], scores["idf1"]) > 95, (name, scores)


def test_restart_keeps_the_weights_of_other_trainings(tmp_path):
    for name in ("last.ckpt", "log.jsonl", "our-mice.pt"):
        (tmp_path / name).write_bytes(b"")
    _remove_checkpoints(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["our-mice.pt"]

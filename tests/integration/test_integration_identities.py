"""Identities in a run: told by default in closed mode, told anew without the video, marked in every output."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from configs import BACKGROUND, TRACKS_ONLY

from murid import Config
from murid.cli import run as murid_cli
from murid.errors import ConfigError
from murid.pipeline.identify import identify
from murid.pipeline.run import Run
from murid.pipeline.track import track
from murid.store import RunDirectory

CLOSE_LOOK = "fur_descriptors.parquet", "point_matches.parquet"


@pytest.fixture
def run(tracked, tmp_path):
    """Copy of a finished run whose video is gone, with a stretch in which one animal is not detected."""
    path = shutil.copytree(tracked, tmp_path / "cage.murid")
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["source"] = str(tmp_path / "gone.mp4")
    (path / "manifest.json").write_text(json.dumps(manifest))
    return path


def read_parts(path):
    return {p.relative_to(path): p.read_bytes() for p in path.rglob("*.parquet")}


def test_told_again_without_the_video_it_is_the_same(run):
    before = read_parts(run)
    assert identify(run).path == run
    assert read_parts(run) == before
    with RunDirectory.open(run, writable=True) as directory:
        directory.identities.remove()
    assert not list((run / "identities").iterdir())
    identify(run, animals=3)
    assert read_parts(run) == before


def test_tracks_of_the_association_stay(run, clip, tracked, tmp_path):
    told = Run.open(run).tracks()
    assert set(np.unique(told.track_ids)) <= {1, 2, 3}
    plain = track(clip, animals=3, config=TRACKS_ONLY, out=tmp_path / "plain.murid")
    assert plain.tracks().interpolated is None
    assert plain.info()["stages"]["identification"] == "pending"
    np.testing.assert_array_equal(
        np.concatenate([tracks.track_ids for _, tracks in RunDirectory.open(run).tracks.iterate()]),
        plain.tracks().track_ids,
    )


def test_filled_in_positions_are_marked_in_every_output(run, tmp_path):
    result = Run.open(run)
    tracks, trajectories = result.tracks(), result.trajectories()
    assert tracks.interpolated.any(), "the clip is to have a gap"
    assert trajectories.interpolated.sum() == tracks.interpolated.sum()
    assert (trajectories.confidence[trajectories.interpolated] == 0).all()
    assert np.isfinite(trajectories.identity_probability[trajectories.interpolated]).all()
    table = pd.read_csv(result.export("csv", tmp_path / "a.csv"))
    assert table["interpolated"].sum() == tracks.interpolated.sum()
    assert (table["score"][table["interpolated"] == 1] == 0).all()
    rows = np.loadtxt(result.export("mot", tmp_path / "a.txt"), delimiter=",")
    assert (rows[:, 6] == 0).sum() == tracks.interpolated.sum()


def test_bad_numbers(run, capsys):
    assert murid_cli(["identify", str(run), "--animals", "0"]) != 0
    assert "--animals: expected 1 or more, got 0" in capsys.readouterr().err
    assert murid_cli(["identify", str(run.parent)]) != 0
    assert "expected a run directory" in capsys.readouterr().err


def test_a_run_without_a_number_asks_for_one(clip, tmp_path, capsys):
    out = tmp_path / "open.murid"
    track(clip, config=BACKGROUND, out=out)
    assert murid_cli(["identify", str(out)]) != 0
    assert "expected a number, since this run was made without one" in capsys.readouterr().err
    assert murid_cli(["identify", str(out), "--animals", "3"]) == 0
    assert "identities in 90 frames" in capsys.readouterr().out
    assert murid_cli(["info", str(out)]) == 0
    assert "probability" in capsys.readouterr().out


def point_to(run, source):
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps(manifest | {"source": str(source)}))


def test_learning_the_animals_needs_the_video_once(run, clip, tmp_path, capsys):
    told = read_parts(run)
    assert murid_cli(["identify", str(run), "--refine"]) == 1
    assert "gone.mp4" in capsys.readouterr().err
    assert read_parts(run) == told
    point_to(run, clip)
    assert murid_cli(["identify", str(run), "--refine"]) == 0
    assert "refine: " in capsys.readouterr().out
    learnt = read_parts(run)
    assert pd.read_parquet(run / "fur_descriptors.parquet").shape[0] > 0
    point_to(run, tmp_path / "gone.mp4")
    with RunDirectory.open(run, writable=True) as directory:
        directory.identities.remove()
    assert isinstance(
        identify(run, animals=3, config=Config().change("identification.refine=always")).info()[
            "appearance_selections"
        ],
        list,
    )
    assert read_parts(run) == learnt
    assert (
        identify(run, config=Config().change("identification.refine=never")).info()[
            "appearance_selections"
        ]
        is None
    )
    assert {k: v for k, v in read_parts(run).items() if k.name not in CLOSE_LOOK} == told


def test_animals_are_learnt_where_names_are_in_doubt(clip, tmp_path):
    doubted = track(clip, animals=3, config=BACKGROUND, out=tmp_path / "doubted.murid")
    assert doubted.info()["crossings"]
    assert isinstance(doubted.info()["appearance_selections"], list)
    assert pd.read_parquet(doubted.path / "fur_descriptors.parquet").shape[0] > 0
    told = read_parts(doubted.path)
    point_to(doubted.path, tmp_path / "gone.mp4")
    identify(doubted.path)
    assert read_parts(doubted.path) == told
    (doubted.path / "fur_descriptors.parquet").unlink()
    assert identify(doubted.path, animals=2).info()["appearance_selections"] is None, (
        "neither prints nor video"
    )
    sure = track(clip, animals=1, config=BACKGROUND, out=tmp_path / "sure.murid")
    assert sure.info()["appearance_selections"] is None
    assert not (sure.path / "fur_descriptors.parquet").exists()


def test_learning_needs_looks_and_a_number(clip, run, tmp_path):
    always = Config().change("identification.refine=always")
    with pytest.raises(ConfigError, match="refine: expected a number of animals"):
        track(clip, config=always, out=tmp_path / "open.murid")
    blind = always.change("identification.use_appearance=false")
    with pytest.raises(ConfigError, match="use_appearance: expected true"):
        identify(run, config=blind)

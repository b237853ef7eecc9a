"""Identities of a run: by default, again without the video, and in every output."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from configs import BACKGROUND, TRACKS_ONLY

from murid import Config
from murid.appearance import second_pass
from murid.cli import run as murid_cli
from murid.errors import ConfigError
from murid.pipeline.identify import identify
from murid.pipeline.run import Run
from murid.pipeline.track import track
from murid.store import RunDirectory

SECOND_PASS_FILES = "fur_descriptors.parquet", "point_matches.parquet"


@pytest.fixture
def run(tracked, tmp_path):
    """Copy of a finished run without its video, with frames in which one animal is undetected."""
    path = shutil.copytree(tracked, tmp_path / "cage.murid")
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["source"] = str(tmp_path / "gone.mp4")
    (path / "manifest.json").write_text(json.dumps(manifest))
    return path


def read_parts(path):
    return {p.relative_to(path): p.read_bytes() for p in path.rglob("*.parquet")}


def test_identifying_again_without_the_video_gives_the_same(run):
    before = read_parts(run)
    assert identify(run).path == run
    assert read_parts(run) == before
    with RunDirectory.open(run, writable=True) as directory:
        directory.identities.remove()
    assert not list((run / "identities").iterdir())
    identify(run, animals=3)
    assert read_parts(run) == before


def test_identification_keeps_the_tracks(run, clip, tracked, tmp_path):
    tracks = Run.open(run).tracks()
    assert set(np.unique(tracks.track_ids)) <= {1, 2, 3}
    plain = track(clip, animals=3, config=TRACKS_ONLY, out=tmp_path / "plain.murid")
    assert plain.tracks().interpolated is None
    facts = plain.info()
    assert facts["stages"]["identification"] == "pending"
    assert plain.identity_probabilities() is None
    assert facts["identity_probability"] is None
    assert {row["mean_identity_probability"] for row in facts["tracks"]} == {None}
    np.testing.assert_array_equal(
        np.concatenate([tracks.track_ids for _, tracks in RunDirectory.open(run).tracks.iterate()]),
        plain.tracks().track_ids,
    )


def test_interpolated_positions_are_marked_in_every_output(run, tmp_path):
    result = Run.open(run)
    identity_probabilities = result.identity_probabilities()
    given = result.tracks().identity_probabilities
    assert identity_probabilities is not None
    assert identity_probabilities.overall == pytest.approx(float(given.mean()), abs=1e-4)
    assert identity_probabilities.overall == pytest.approx(
        result.info()["identity_probability"], abs=1e-4
    )
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


def test_invalid_numbers_are_refused(run, capsys):
    assert murid_cli(["identify", str(run), "--animals", "0"]) != 0
    assert "--animals: expected 1 or more, got 0" in capsys.readouterr().err
    assert murid_cli(["identify", str(run.parent)]) != 0
    assert "expected a run directory" in capsys.readouterr().err


def test_identify_requires_a_number_of_animals(clip, tmp_path, capsys):
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


def test_second_pass_reads_the_video_once(run, clip, tmp_path, capsys):
    without_refinement = read_parts(run)
    assert murid_cli(["identify", str(run), "--refine"]) == 1
    assert "gone.mp4" in capsys.readouterr().err
    assert read_parts(run) == without_refinement
    point_to(run, clip)
    assert murid_cli(["identify", str(run), "--refine"]) == 0
    assert "refine: " in capsys.readouterr().out
    refined = read_parts(run)
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
    assert read_parts(run) == refined
    assert (
        identify(run, config=Config().change("identification.refine=never")).info()[
            "appearance_selections"
        ]
        is None
    )
    assert {
        k: v for k, v in read_parts(run).items() if k.name not in SECOND_PASS_FILES
    } == without_refinement


def test_second_pass_runs_where_identities_are_uncertain(clip, tmp_path):
    uncertain = track(clip, animals=3, config=BACKGROUND, out=tmp_path / "uncertain.murid")
    assert uncertain.info()["crossings"]
    assert isinstance(uncertain.info()["appearance_selections"], list)
    assert pd.read_parquet(uncertain.path / "fur_descriptors.parquet").shape[0] > 0
    identified = read_parts(uncertain.path)
    point_to(uncertain.path, tmp_path / "gone.mp4")
    identify(uncertain.path)
    assert read_parts(uncertain.path) == identified
    (uncertain.path / "fur_descriptors.parquet").unlink()
    messages = []
    again = identify(uncertain.path, animals=2, announce=messages.append)
    assert again.info()["appearance_selections"] is None, "neither fur descriptors nor video"
    assert messages[-1].startswith("no second pass: ")
    assert "gone.mp4" in messages[-1]
    certain = track(clip, animals=1, config=BACKGROUND, out=tmp_path / "certain.murid")
    assert certain.info()["appearance_selections"] is None
    assert not (certain.path / "fur_descriptors.parquet").exists()


def test_second_pass_is_announced_and_can_be_left_out(clip, tmp_path, capsys):
    arguments = ["track", str(clip), "--animals", "3", "--detector", "background"]
    assert murid_cli([*arguments, "--out", str(tmp_path / "a.murid")]) == 0
    output = capsys.readouterr()
    assert "doubtful crossing" in output.err
    assert ": second pass over the video" in output.err
    assert ", about " in output.err
    assert "refine: " in output.out
    without = [*arguments, "--no-refine", "--out", str(tmp_path / "b.murid")]
    assert murid_cli(without) == 0
    output = capsys.readouterr()
    assert "second pass" not in output.err
    assert "refine: " not in output.out


def test_long_recordings_whose_fur_does_not_help_are_read_in_part(clip, tmp_path, monkeypatch):
    monkeypatch.setattr(second_pass, "SAMPLE_STRETCH_S", 0.2)
    monkeypatch.setattr(second_pass, "N_SAMPLE_STRETCHES", 2)
    messages = []
    run = track(
        clip, animals=3, config=BACKGROUND, out=tmp_path / "a.murid", announce=messages.append
    )
    assert len(messages) == 2
    assert "to see whether it tells them apart" in messages[0]
    assert messages[1].startswith("fur does not tell these animals apart")
    fur = pd.read_parquet(run.path / "fur_descriptors.parquet")
    assert 0 < len(np.unique(fur["frame"])) <= 12
    # The points are those of the whole recording.
    monkeypatch.undo()
    whole = track(clip, animals=3, config=BACKGROUND, out=tmp_path / "b.murid")
    points, whole_points = (
        pd.read_parquet(path / "point_matches.parquet") for path in (run.path, whole.path)
    )
    pd.testing.assert_frame_equal(points, whole_points)


def test_second_pass_requires_embeddings_and_a_number(clip, run, tmp_path):
    always = Config().change("identification.refine=always")
    with pytest.raises(ConfigError, match="refine: expected a number of animals"):
        track(clip, config=always, out=tmp_path / "open.murid")
    blind = always.change("identification.use_appearance=false")
    with pytest.raises(ConfigError, match="use_appearance: expected true"):
        identify(run, config=blind)

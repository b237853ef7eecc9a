import numpy as np
import pytest
from store_runs import write_identities

from murid.core.types import Tracks
from murid.store import RunDirectory


def test_summary_equals_that_of_the_parts(finished):
    stored = finished.path / "summary-tracks.parquet"
    summary = finished.read_summary()
    tracks = finished.read_tracks()
    frames = tracks.detections.frame_numbers
    assert [row["id"] for row in summary] == np.unique(
        tracks.track_ids[tracks.track_ids >= 0]
    ).tolist()
    for row in summary:
        own = tracks.track_ids == row["id"]
        assert (row["first_frame"], row["last_frame"]) == (frames[own].min(), frames[own].max())
        assert (row["n_frames"], row["n_interpolated"], row["mean_identity_probability"]) == (
            own.sum(),
            0,
            None,
        ), "a track has no identity probability"
        assert row["mean_score"] == pytest.approx(tracks.detections.scores[own].mean(), abs=1e-4)
    for damage in (lambda: stored.write_bytes(stored.read_bytes()[:-9]), stored.unlink):
        damage()
        assert finished.read_summary() == summary


def test_summary_of_some_parts_is_not_stored(finished):
    def write(run, wanted):
        for first, table in run.detections.iterate():
            if (first == 8) == wanted:
                run.tracks.write(first, Tracks(table, np.ones(len(table), np.int64)))

    with RunDirectory.open(finished.path, writable=True) as run:
        run.tracks.start({})
        write(run, False)
    with RunDirectory.open(finished.path, writable=True) as run:
        write(run, True)
        run.tracks.finish()
    assert not (finished.path / "summary-tracks.parquet").exists()
    assert [row["n_frames"] for row in run.read_summary()] == [len(run.detections.read())]


def test_summary_of_identities_has_their_probabilities(finished):
    with RunDirectory.open(finished.path, writable=True) as run:
        write_identities(run)
    rows = {row["id"]: row for row in run.read_summary()}
    assert [rows[i]["mean_identity_probability"] for i in (1, 2, 3)] == [0.75, 0.75, 0.5]
    assert all(row["identity_uncertain"] for row in rows.values())


def test_merged_frames_are_counted(finished):
    with RunDirectory.open(finished.path, writable=True) as run:
        write_identities(run)
        tracks = run.read_tracks()
        for row in run.read_summary():
            assert row["n_merged"] == tracks.merged[tracks.track_ids == row["id"]].sum()
        assert run.read_summary()[0]["n_merged"] > 0

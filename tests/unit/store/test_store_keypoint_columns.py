"""Keypoints in the parts of a run: round trips, and runs without them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from store_runs import CROSSINGS, make_detections, write_tracks

from murid.core import Detections, Tracks
from murid.core.keypoints import KEYPOINTS
from murid.errors import RunError
from murid.store import RunDirectory, parts
from murid.store.keypoint_columns import KEYPOINT_COLUMNS
from murid.store.parquet import list_columns


def add_keypoints(detections, seed=0):
    rng = np.random.default_rng(seed)
    keypoints = rng.uniform(0, 1, (len(detections), 3, 3)).astype(np.float32) * [900, 600, 1]
    keypoints[rng.random(keypoints.shape[:2]) < 0.2] = [np.nan, np.nan, 0]
    return replace(detections, keypoints=keypoints)


def write_frames(run, first, last, unreadable=()):
    with run.detections.write() as writer:
        for t in range(first, last):
            if t in unreadable:
                writer.add_unreadable(t, t / 30, "broken packet")
            else:
                writer.add(t, t / 30, add_keypoints(make_detections(t), t))


@pytest.fixture
def run(tmp_path, settings):
    """A run of 20 frames in three parts, of which frame 12 cannot be decoded."""
    with RunDirectory.create(tmp_path / "cage.murid", **settings) as run:
        write_frames(run, 0, 20, {12})
        run.detections.finish()
        yield run


def test_detections_round_trip(run):
    table = RunDirectory.open(run.path).detections.read()
    for t in range(20):
        expected = Detections.empty(5) if t == 12 else add_keypoints(make_detections(t), t)
        np.testing.assert_array_equal(
            table[t].keypoints,
            np.zeros((0, 3, 3)) if expected.keypoints is None else expected.keypoints,
        )
    np.testing.assert_array_equal(run.detections.read_keypoints(), table.keypoints)
    assert run.detections.has_keypoints()
    assert run.detections.read(keypoints=False).keypoints is None


def test_columns_have_names_that_need_no_murid(run):
    part = pd.read_parquet(run.path / "detections/part-00000.parquet")
    assert [f"{k}_{v}" for k in KEYPOINTS for v in ("x", "y", "confidence")] == [
        name for name in part.columns if name in KEYPOINT_COLUMNS
    ]
    assert (part[list(KEYPOINT_COLUMNS)].dtypes == np.float32).all()
    expected = run.detections.read_part(0).keypoints
    np.testing.assert_array_equal(part["tail_base_y"], expected[:, 2, 1])
    np.testing.assert_array_equal(part["nose_confidence"], expected[:, 0, 2])


def test_parts_of_unreadable_and_empty_frames_have_the_columns(tmp_path, settings):
    """Programs that read all parts at once expect the same columns in each."""
    with RunDirectory.create(tmp_path / "x", **settings) as run:
        write_frames(run, 0, 24, {3, *range(8, 16), 16})
        run.detections.finish()
        columns = [list_columns(path) for path in sorted(run.path.glob("detections/*"))]
        assert len(columns) == 3
        assert columns[0] == columns[1] == columns[2]
        assert run.detections.read().keypoints is not None


def test_a_resumed_run_goes_on_with_keypoints(tmp_path, settings):
    with RunDirectory.create(tmp_path / "x", **settings) as run:
        write_frames(run, 0, 8)
    with RunDirectory.create(tmp_path / "x", **settings, existing="resume") as run:
        write_frames(run, run.next_frame, 20)
        run.detections.finish()
        expected = [add_keypoints(make_detections(t), t).keypoints for t in range(20)]
        np.testing.assert_array_equal(run.detections.read_keypoints(), np.concatenate(expected))


def test_keypoints_are_unknown_in_parts_that_were_made_without(tmp_path, settings):
    with RunDirectory.create(tmp_path / "x", **settings) as run:
        with run.detections.write() as writer:
            for t in range(8):
                writer.add(t, t / 30, make_detections(t))
        write_frames(run, 8, 16)
        run.detections.finish()
        n_before = len(run.detections.read_part(0))
        keypoints = run.detections.read_keypoints()
        assert np.isnan(keypoints[:n_before, :, :2]).all()
        assert (keypoints[:n_before, :, 2] == 0).all()
        np.testing.assert_array_equal(keypoints[n_before:], run.detections.read_part(1).keypoints)


def test_runs_without_keypoints_have_no_columns(finished):
    assert not finished.detections.has_keypoints()
    assert finished.detections.read_keypoints() is None
    assert finished.detections.read().keypoints is None
    assert finished.read_tracks().detections.keypoints is None
    for path in finished.path.glob("*/part-*.parquet"):
        assert KEYPOINT_COLUMNS[0] not in list_columns(path)


def test_tracks_have_keypoints_of_their_own(run):
    run.tracks.start({"max_lost_frames": 30})
    for first, table in run.detections.iterate():
        ids = np.where(np.arange(len(table)) % 3 == 0, -1, np.arange(len(table)) + 1)
        moved = replace(table, keypoints=table.keypoints + 1)
        run.tracks.write(first, Tracks(moved, ids))
    run.tracks.finish()
    tracks = run.read_tracks()
    detected = run.detections.read().keypoints
    expected = detected + (tracks.track_ids >= 0)[:, None, None]
    np.testing.assert_array_equal(tracks.detections.keypoints, expected)


def test_tracks_without_columns_have_the_keypoints_of_the_detections(run):
    write_tracks(run)
    path = run.path / "tracks/part-00000.parquet"
    assert KEYPOINT_COLUMNS[0] not in list_columns(path)
    tracks = run.tracks.read_part(0)
    np.testing.assert_array_equal(
        tracks.detections.keypoints, run.detections.read_part(0).keypoints
    )


def test_identities_have_keypoints_of_their_own(run):
    run.identities.start({"animals": 3})
    for first, table in run.detections.iterate(embeddings=False):
        rows = np.concatenate([np.arange(len(each)) for each in table]).astype(np.int64)
        moved = replace(table, keypoints=table.keypoints + 1)
        run.identities.write(first, rows, Tracks(moved, rows + 1))
    run.identities.finish(CROSSINGS)
    tracks = Tracks.concatenate([part for _, part in run.identities.iterate()])
    np.testing.assert_array_equal(tracks.detections.keypoints, run.detections.read_keypoints() + 1)


def test_a_missing_column_is_named(run):
    path = run.path / "detections/part-00000.parquet"
    table = pq.read_table(path).drop_columns("nose_y")
    pq.write_table(table, path)
    with pytest.raises(RunError, match="nose_y: expected a column of this name"):
        run.detections.read_part(0)
    assert run.detections.find_damaged() == [0]
    pq.write_table(table.append_column("nose_y", pa.array(np.zeros(len(table)))), path)
    with pytest.raises(RunError, match="nose_y: expected a full column of float32"):
        parts.read_detections(path, 0, 8)

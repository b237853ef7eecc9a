import json
import tracemalloc
from dataclasses import replace
from importlib.metadata import version

import numpy as np
import pandas as pd
import pytest
from store_runs import make_detections, write_frames, write_identities, write_tracks

from murid.core.types import Detections, DetectionTable, Tracks
from murid.errors import ArrayError, RunError
from murid.store import FrameTable, RunDirectory


def test_detections_round_trip(finished):
    run = RunDirectory.open(finished.path)
    expected = [Detections.empty(5) if t == 12 else make_detections(t) for t in range(20)]
    table = run.detections.read()
    assert table.n_frames == run.n_frames == 20
    for t, detections in enumerate(expected):
        np.testing.assert_array_equal(table[t].boxes, detections.boxes)
        np.testing.assert_array_equal(table[t].scores, detections.scores)
        np.testing.assert_allclose(table[t].embeddings, detections.embeddings, atol=1e-3)


def test_embeddings_are_unit_rows_after_rounding_to_float16(finished):
    norms = np.linalg.norm(finished.detections.read().embeddings, axis=1)
    np.testing.assert_allclose(norms, 1, atol=1e-6)


def test_embeddings_can_be_left_out(finished):
    assert finished.detections.read(embeddings=False).embeddings is None


def test_detector_without_embeddings_leaves_no_column(tmp_path, settings):
    with RunDirectory.create(tmp_path / "x", **settings) as run:
        write_frames(run, 20, embedding_size=None)
        run.detections.finish()
        assert run.detections.read().embeddings is None
        part = pd.read_parquet(tmp_path / "x/detections/part-00000.parquet")
        assert list(part.columns) == ["frame", "x1", "y1", "x2", "y2", "score"]


def test_frames_keep_their_times_and_why_they_cannot_be_read(finished):
    frames = finished.frames.read()
    np.testing.assert_array_equal(frames.times_s, np.arange(20) / 30)
    np.testing.assert_array_equal(frames.frames, np.arange(20))
    assert frames.unreadable == {12: "broken packet"}
    assert finished.frames.list_unreadable() == [12]
    assert finished.frames.read_reason(12) == "broken packet"
    assert np.flatnonzero(~frames.readable).tolist() == [12]


def test_corrections_and_sources_go_with_the_identities(finished):
    summary = {"n": 1, "authors": ["Ada"], "first_utc": "2026-05-04", "last_utc": "2026-05-04"}
    with RunDirectory.open(finished.path, writable=True) as run:
        write_identities(run)
        assert set(run.read_tracks().sources.tolist()) == {0}
        assert run.manifest.corrections == {}
        for remove in (run.identities.remove, lambda: run.identities.start({"animals": 3})):
            run.identities.write_corrections(summary)
            assert RunDirectory.open(finished.path).manifest.corrections == summary
            remove()
            assert RunDirectory.open(finished.path).manifest.corrections == {}
            write_identities(run)
        run.identities.remove()
        assert run.read_tracks().sources is None


def test_sources_round_trip(finished):
    with RunDirectory.open(finished.path, writable=True) as run:
        write_identities(run)
        tracks = run.identities.read_part(0)
        rows = np.where(tracks.interpolated, -1, 0)
        sources = (np.arange(len(rows)) % 3).astype(np.uint8)
        run.identities.write(0, rows, tracks, sources)
        np.testing.assert_array_equal(run.identities.read_part(0).sources, sources)
        everything = run.read_tracks()
        np.testing.assert_array_equal(everything.sources[: len(rows)], sources)
        assert len(everything.sources) == len(everything.track_ids)


def test_tracks_are_aligned_with_detections(finished):
    tracks, detections = finished.read_tracks(), finished.detections.read()
    np.testing.assert_array_equal(tracks.detections.frame_offsets, detections.frame_offsets)
    np.testing.assert_array_equal(tracks.detections.scores, detections.scores)
    moved = np.where((tracks.track_ids >= 0)[:, None], detections.boxes + 1, detections.boxes)
    np.testing.assert_array_equal(tracks.detections.boxes, moved)
    assert (tracks.track_ids == -1).any()
    assert (tracks.track_ids > 0).any()


def test_pandas_reads_the_parts_without_murid(finished):
    detections = pd.concat(
        pd.read_parquet(p) for p in sorted((finished.path / "detections").glob("*.parquet"))
    )
    table = finished.detections.read()
    np.testing.assert_array_equal(detections["frame"], table.frame_numbers)
    np.testing.assert_array_equal(detections[["x1", "y1", "x2", "y2"]], table.boxes)
    assert detections["embedding"].iloc[0].dtype == np.float16
    frames = pd.read_parquet(finished.path / "frames/part-00001.parquet")
    assert frames.dtypes[["frame", "time_s", "readable"]].tolist() == [np.int64, np.float64, bool]
    assert frames.set_index("frame")["reason"].dropna().to_dict() == {12: "broken packet"}
    tracks = pd.read_parquet(finished.path / "tracks/part-00000.parquet")
    assert list(tracks.columns) == ["frame", "row", "track_id", "x1", "y1", "x2", "y2"]
    assert (tracks["track_id"] >= 0).all()


def test_parts_cover_their_frames(finished):
    assert [len(f) for f in finished.frames.iterate()] == [8, 8, 4]
    assert [first for first, _ in finished.detections.iterate()] == [0, 8, 16]
    assert [tracks.n_frames for _, tracks in finished.iterate_tracks()] == [8, 8, 4]


def test_iterating_holds_one_part_in_memory(tmp_path, settings):
    with RunDirectory.create(tmp_path / "x", **settings) as run:
        write_frames(run, 160, embedding_size=256)
        run.detections.finish()
        tracemalloc.start()
        n = sum(len(table) for _, table in run.detections.iterate())
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < n * 256 * 4 / 3, f"{peak} bytes for {n * 1024} of embeddings"


def test_video_without_frames(tmp_path, settings):
    with RunDirectory.create(tmp_path / "x", **settings) as run:
        write_frames(run, 0)
        run.detections.finish(note="the file ends after its header")
        write_tracks(run)
    run = RunDirectory.open(tmp_path / "x")
    assert (run.n_frames, run.n_parts, len(run.frames.read())) == (0, 0, 0)
    assert run.read_tracks().n_frames == 0
    assert run.manifest.stages["detection"].note == "the file ends after its header"


def test_part_without_detections_keeps_the_embeddings_of_others(tmp_path, settings):
    with RunDirectory.create(tmp_path / "x", **settings) as run:
        with run.detections.write() as writer:
            for t in range(8):
                writer.add_unreadable(t, t / 30, "broken")
            for t in range(8, 16):
                writer.add(t, t / 30, make_detections(t))
        assert run.detections.read().embeddings.shape == (len(run.detections.read()), 5)


def test_manifest_says_what_was_done(finished, settings):
    with RunDirectory.open(finished.path, writable=True) as run:
        run.record("export", {"format": "mot", "n": 3})
    document = json.loads((finished.path / "manifest.json").read_text())
    assert document["format_version"] == 2
    assert document["murid_version"] == version("murid")
    assert document["source"].endswith("/cage.mp4")
    assert document["source"].startswith("/")
    assert document["fingerprint"] == settings["fingerprint"]
    assert document["stages"]["detection"] == {
        "state": "done",
        "n_frames": 20,
        "n_parts": 3,
        "note": None,
    }
    entry = document["provenance"][-1]
    assert (entry["verb"], entry["arguments"]) == ("export", {"format": "mot", "n": 3})
    assert entry["time_utc"].endswith("+00:00")
    assert RunDirectory.open(finished.path).manifest == run.manifest


def test_settings_that_json_cannot_hold_are_refused(tmp_path, settings):
    with pytest.raises(ArrayError, match=r"config.detection: expected plain values"):
        RunDirectory.create(
            tmp_path / "x", **settings | {"config": {"detection": {"threshold": np.ones(3)}}}
        )
    assert not (tmp_path / "x").exists()


def test_reading_tracks_before_they_are_done_is_refused(tmp_path, settings):
    with RunDirectory.create(tmp_path / "x", **settings) as run:
        write_frames(run, 20)
        with pytest.raises(RunError, match=r"stages.detection.state: expected done"):
            run.tracks.start({})
        run.detections.finish()
        run.tracks.start({})
        with pytest.raises(RunError, match=r"stages.tracking.state: expected done.*got running"):
            run.read_tracks()
        with pytest.raises(
            RunError, match=r"tracks/part-00000.parquet: file: expected the tracks of every part"
        ):
            run.tracks.finish()


def test_new_tracking_removes_the_old_tracks(finished):
    with RunDirectory.open(finished.path, writable=True) as run:
        run.tracks.start({"max_lost_frames": 60})
        assert not list((run.path / "tracks").iterdir())
        assert run.manifest.config["tracking"] == {"max_lost_frames": 60}
        assert len(list((run.path / "detections").iterdir())) == 3


def test_writing_needs_a_run_open_for_writing(finished):
    run = RunDirectory.open(finished.path)
    for write in (
        lambda: run.record("plot", {}),
        lambda: run.tracks.start({}),
        lambda: run.detections.finish(),
    ):
        with pytest.raises(RunError, match="expected one that is open for writing"):
            write()


def test_frames_have_to_come_in_order(tmp_path, settings):
    with RunDirectory.create(tmp_path / "x", **settings) as run, run.detections.write() as writer:
        writer.add(0, 0.0, make_detections(0))
        with pytest.raises(ArrayError, match="frame index: expected 1, got 2"):
            writer.add(2, 0.1, make_detections(2))


def test_parts_that_do_not_fit_are_refused(tmp_path, settings):
    table = DetectionTable.from_frames([make_detections(t) for t in range(4)])
    with RunDirectory.create(tmp_path / "x", **settings) as run:
        with pytest.raises(
            ArrayError, match="1 to 8 frames from a multiple of 8, got 4 from frame 3"
        ):
            run.detections.write_part(FrameTable(3, np.arange(4.0)), table)
        with pytest.raises(ArrayError, match="n_frames: expected 5, got 4"):
            run.detections.write_part(FrameTable(0, np.arange(5.0)), table)
        run.detections.write_part(FrameTable(0, np.arange(4.0)), table)
        short = Tracks(
            DetectionTable.from_frames([make_detections(0)]),
            np.zeros(len(make_detections(0)), np.int64),
        )
        with pytest.raises(ArrayError, match="Tracks: expected 4 frames"):
            run.tracks.write(0, short)


def test_directory_name_with_equals_sign_adds_no_column(tmp_path, settings):
    with RunDirectory.create(tmp_path / "mouse=1" / "x.murid", **settings) as run:
        write_frames(run, 9)
        run.detections.finish()
        assert run.detections.read().n_frames == 9


def test_another_clock_retimes_frames_and_invalidates_what_depends_on_them(finished):
    """Detections stay; tracks, identities and what they were computed from do not."""
    with RunDirectory.open(finished.path, writable=True) as run:
        write_identities(run)
        before = run.frames.read()
        boxes = run.detections.read().boxes
        times_s = 5 + before.times_s * 2
        video = {"fps": 15.0, "clock": {"kind": "timestamps", "sha256": "0"}}
        run.set_clock(video, times_s, times_s)
        after = run.frames.read()
        np.testing.assert_array_equal(after.times_s, times_s)
        assert after.unreadable == before.unreadable
        assert (run.manifest.fps, run.manifest.clock) == (15.0, video["clock"])
        np.testing.assert_array_equal(run.read_source_times(), times_s)
        assert [run.is_done(stage) for stage in run.manifest.stages] == [True, False, False]
        np.testing.assert_array_equal(run.detections.read().boxes, boxes)
        # The same clock changes nothing.
        write_tracks(run)
        run.set_clock(video, times_s, times_s)
        assert run.is_done("tracking")
        # Without timestamps there is no table of them.
        run.set_clock({"fps": 10.0, "clock": {"kind": "fps", "fps": 10.0}}, times_s)
        with pytest.raises(RunError, match="timestamps"):
            run.read_source_times()


def test_frames_of_a_selection_have_their_numbers_in_the_video(finished):
    assert finished.manifest.to_video_frame(7) == 7
    frames = {"first": 10, "every": 3, "n_source_frames": 100}
    selected = replace(finished.manifest, video={"frames": frames})
    assert selected.to_video_frame(7) == 31
    assert selected.video_frames(8)[7] == 31

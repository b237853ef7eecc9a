import numpy as np
import pytest
from store_runs import (
    CROSSINGS,
    make_colour_features,
    make_detections,
    make_fur_descriptors,
    make_point_matches,
    write_frames,
    write_identities,
    write_side_tables,
    write_tracks,
)

from murid.errors import ArrayError, RunError
from murid.store import RunDirectory, side_tables
from murid.store.side_tables import (
    COLOUR_FEATURES,
    FRAME_TIMES,
    FUR_DESCRIPTORS,
    POINT_MATCHES,
    SIDE_TABLES,
    SideTable,
)

DEPEND_ON_DETECTIONS = {
    "colour_features",
    "fur_descriptors",
    "point_matches",
    "gap_foreground",
}
DEPEND_ON_TRACKS = {"summary-tracks"}
DEPEND_ON_IDENTITIES = {"crossings", "summary-identities"}
ALL = {"frame_times"} | DEPEND_ON_DETECTIONS | DEPEND_ON_TRACKS | DEPEND_ON_IDENTITIES


def list_tables(run: RunDirectory) -> set[str]:
    return {path.stem for path in run.path.glob("*.parquet")}


def check_equal(found, expected):
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)


@pytest.fixture
def complete(finished):
    """A finished run with identities and all side tables, open for writing."""
    with RunDirectory.open(finished.path, writable=True) as run:
        write_identities(run)
        write_side_tables(run)
        FRAME_TIMES.write(run.path, {"frame": np.arange(3), "time_s": np.arange(3) / 7}, {})
        yield run


def test_every_side_table_is_in_the_registry(complete):
    assert list_tables(complete) == {table.name for table in SIDE_TABLES} == ALL


def test_side_tables_round_trip(complete):
    run = RunDirectory.open(complete.path)
    check_equal(run.side_tables.read(COLOUR_FEATURES), make_colour_features())
    check_equal(run.side_tables.read(FUR_DESCRIPTORS), make_fur_descriptors())
    check_equal(run.side_tables.read(POINT_MATCHES), make_point_matches())
    assert run.side_tables.read(FUR_DESCRIPTORS)["fur_descriptor"].dtype == np.float16
    names = list(CROSSINGS)
    rows = [list(row) for row in zip(*(CROSSINGS[name].tolist() for name in names), strict=True)]
    assert [[row[name] for name in names] for row in run.identities.read_crossings()] == rows


def test_table_that_was_not_computed_is_none(finished):
    for table in SIDE_TABLES:
        if table.name != "summary-tracks":
            assert finished.side_tables.read(table) is None


def test_restart_leaves_no_side_table(complete, settings):
    complete.close()
    with RunDirectory.create(complete.path, existing="restart", **settings) as run:
        assert list_tables(run) == set()


def test_new_tracks_remove_what_depends_on_tracks(complete):
    complete.tracks.start({})
    assert list_tables(complete) == ALL - DEPEND_ON_TRACKS


@pytest.mark.parametrize("change", ["start", "remove"])
def test_new_identities_remove_what_depends_on_identities(complete, change):
    if change == "start":
        complete.identities.start({})
    else:
        complete.identities.remove()
    assert list_tables(complete) == ALL - DEPEND_ON_IDENTITIES


def test_redetected_part_removes_what_depends_on_detections(complete):
    with complete.detections.rewrite_part(1) as (writer, n_frames):
        for t in range(writer.next_frame, writer.next_frame + n_frames):
            writer.add(t, t / 30, make_detections(t))
    assert list_tables(complete) == ALL - DEPEND_ON_DETECTIONS


class Killed(BaseException):
    pass


@pytest.mark.parametrize("exists", [False, True])
def test_kill_between_the_tables_of_the_second_pass_leaves_neither(finished, monkeypatch, exists):
    write = SideTable.write

    def write_first_only(self, *arguments):
        if self is POINT_MATCHES:
            raise Killed
        write(self, *arguments)

    with RunDirectory.open(finished.path, writable=True) as run:
        if exists:
            run.side_tables.write_second_pass(make_fur_descriptors(), make_point_matches())
        with monkeypatch.context() as patch:
            patch.setattr(SideTable, "write", write_first_only)
            with pytest.raises(Killed):
                run.side_tables.write_second_pass(make_fur_descriptors(9), make_point_matches(9))
    run = RunDirectory.open(finished.path)
    assert FUR_DESCRIPTORS.path(run.path).is_file()
    assert run.side_tables.read(FUR_DESCRIPTORS) is None
    assert run.side_tables.read(POINT_MATCHES) is None
    with RunDirectory.open(finished.path, writable=True) as run:
        run.side_tables.write_second_pass(make_fur_descriptors(9), make_point_matches(9))
        check_equal(run.side_tables.read(FUR_DESCRIPTORS), make_fur_descriptors(9))
        check_equal(run.side_tables.read(POINT_MATCHES), make_point_matches(9))


def test_same_content_gives_the_same_files(complete):
    paths = [table.path(complete.path) for table in side_tables.SECOND_PASS]
    before = [path.read_bytes() for path in paths]
    write_side_tables(complete)
    assert [path.read_bytes() for path in paths] == before


def test_damaged_table_names_the_file(complete):
    path = COLOUR_FEATURES.path(complete.path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(RunError, match=r"colour_features.parquet: file: expected an undamaged"):
        complete.side_tables.read(COLOUR_FEATURES)


def test_crossings_missing_from_a_finished_run(complete):
    side_tables.CROSSINGS.path(complete.path).unlink()
    with pytest.raises(RunError, match=r"crossings.parquet: file: expected the crossings"):
        complete.identities.read_crossings()


def test_missing_column_is_refused(complete):
    with pytest.raises(ArrayError, match=r"colour_features.row: expected a column"):
        complete.side_tables.write(COLOUR_FEATURES, {"frame": np.zeros(1, np.int64)})


def test_side_tables_need_finished_detection_and_a_run_open_for_writing(tmp_path, settings):
    with RunDirectory.create(tmp_path / "x", **settings) as run:
        write_frames(run, 9)
        with pytest.raises(RunError, match=r"stages.detection.state: expected done"):
            run.side_tables.write(COLOUR_FEATURES, make_colour_features())
        run.detections.finish()
        write_tracks(run)
    with pytest.raises(RunError, match="expected one that is open for writing"):
        run.side_tables.write_second_pass(make_fur_descriptors(), make_point_matches())

import sys
from collections.abc import Iterator
from contextlib import nullcontext

import pytest
from example_recordings import make_empty, make_recording

from murid.errors import ConfigError, FormatError, MissingExtraError, RunError
from murid.export.registry import (
    EXPORT_FORMATS,
    check_format_suffix,
    find_export_format,
    guess_export_format,
)
from murid.export.tracks_chunk import TracksChunk

DENSE = ("movement", "nwb", "deeplabcut", "idtracker")
EXTRAS = {
    "movement": ("h5netcdf", "movement"),
    "nwb": ("ndx_pose", "nwb"),
    "sleap": ("sleap_io", "sleap"),
    "deeplabcut": ("tables", "deeplabcut"),
    "idtracker": ("h5py", "idtracker"),
}


def test_every_format_is_found_by_name():
    for name, known in EXPORT_FORMATS.items():
        assert find_export_format(name) is known


@pytest.mark.parametrize(
    ("suffix", "name"),
    [
        (".txt", "mot"),
        (".CSV", "csv"),
        (".parquet", "parquet"),
        (".nc", "movement"),
        (".nwb", "nwb"),
        (".slp", "sleap"),
        (".json", "coco"),
    ],
)
def test_suffixes_stand_for_formats(suffix, name):
    assert guess_export_format(f"some/where/cage{suffix}") is EXPORT_FORMATS[name]


def test_unknown_names_and_suffixes_list_the_known_ones():
    with pytest.raises(ConfigError, match=r"format: expected mot or csv or .* or coco, got 'xlsx'"):
        find_export_format("xlsx")
    with pytest.raises(
        FormatError, match=r"cage.xlsx: suffix: expected .txt or .csv or .*, got '.xlsx'"
    ):
        guess_export_format("cage.xlsx")
    with pytest.raises(
        FormatError, match=r"cage.h5: suffix: .* the format's name \(deeplabcut or idtracker\)"
    ):
        guess_export_format("cage.h5")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("idtracker", "trajectories.npz"),
        ("idtracker", "trajectories.NPY"),
        ("via", "cage.json"),
        ("movement", "cage.h5"),
        ("sleap", "cage.h5"),
        ("csv", "cage.parquet"),
        ("parquet", "cage.csv"),
    ],
)
def test_a_suffix_of_another_format_is_refused(name, file):
    with pytest.raises(FormatError, match=rf"{file}: suffix: expected .* for {name}, got '"):
        check_format_suffix(file, EXPORT_FORMATS[name])


def test_suffixes_of_no_format_and_those_of_other_tables_are_free():
    for name, file in (("mot", "gt.csv"), ("csv", "a.tsv"), ("movement", "a.out"), ("nwb", "cage")):
        check_format_suffix(file, EXPORT_FORMATS[name])


@pytest.mark.parametrize("name", EXPORT_FORMATS)
def test_export_that_fails_leaves_the_file_that_was_there(tmp_path, name):
    head, tail = make_recording()
    damaged = RunError("part-00001", "file", "a part", "a damaged one")

    def read() -> Iterator[TracksChunk]:
        yield head
        if has_summary:
            raise damaged
        yield tail

    has_summary = False
    recording = make_recording(read_chunks=read)
    has_summary = len(recording.names) == 2
    path = tmp_path / f"cage{EXPORT_FORMATS[name].suffixes[0]}"
    path.write_text("before")
    with pytest.raises(RunError, match="a damaged one"):
        EXPORT_FORMATS[name].export(path, recording)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert path.read_text() == "before"


@pytest.mark.parametrize("name", EXTRAS)
def test_a_missing_library_is_named_with_its_install_line(tmp_path, monkeypatch, name):
    module, extra = EXTRAS[name]
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(
        MissingExtraError, match=rf"not installed; .* pip install 'murid\[{extra}\]'"
    ):
        EXPORT_FORMATS[name].export(
            tmp_path / f"cage{EXPORT_FORMATS[name].suffixes[0]}", make_recording()
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", EXPORT_FORMATS)
def test_a_recording_without_animals_is_empty_or_refused(tmp_path, name):
    path, has_axis_of_animals = tmp_path / f"cage{EXPORT_FORMATS[name].suffixes[0]}", name in DENSE
    refused = pytest.raises(FormatError, match="tracks: expected at least one animal")
    with refused if has_axis_of_animals else nullcontext():
        EXPORT_FORMATS[name].export(path, make_empty())
    assert path.exists() != has_axis_of_animals

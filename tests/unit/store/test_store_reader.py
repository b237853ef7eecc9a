import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from store_runs import write_frames

from murid.errors import RunError, StorageError
from murid.store import RunDirectory

HELPERS = Path(__file__).parents[2] / "helpers"


def edit_manifest(path: Path, **changes: object) -> None:
    manifest = path / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | changes))


def test_missing_run(tmp_path):
    with pytest.raises(RunError, match="directory: expected a run directory, got nothing there"):
        RunDirectory.open(tmp_path / "nowhere")
    with pytest.raises(
        RunError,
        match=r"manifest.json: expected a run directory, got a directory without this file",
    ):
        RunDirectory.open(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunError, match="got a file"):
        RunDirectory.open(tmp_path / "file")


def test_newer_run(finished, settings):
    edit_manifest(finished.path, format_version=7)
    for attempt in (
        lambda: RunDirectory.open(finished.path),
        lambda: RunDirectory.create(finished.path, existing="restart", **settings),
    ):
        with pytest.raises(RunError, match=r"format_version: expected at most 2 .*, got 7"):
            attempt()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"source": 3}, "source: expected str, got 3"),
        ({"part_frames": None}, "part_frames: expected int, got nothing"),
        ({"part_frames": 0}, "part_frames: expected a number above 0, got 0"),
        ({"part_frames": True}, "part_frames: expected int, got True"),
        ({"format_version": "one"}, "format_version: expected int, got 'one'"),
        ({"config": {"detection": 3}}, "config.detection: expected an object, got int"),
        ({"stages": {}}, "stages.detection: expected dict, got nothing"),
        (
            {"stages": {"detection": {"state": "paused", "n_frames": 0, "n_parts": 0}}},
            "stages.detection.state: expected pending or running or done, got 'paused'",
        ),
        ({"provenance": [3]}, "provenance: expected objects, got int"),
        (
            {"provenance": [{"verb": "track"}]},
            "provenance.murid_version: expected str, got nothing",
        ),
    ],
)
def test_damaged_manifest_names_the_field(finished, changes, field):
    edit_manifest(finished.path, **changes)
    with pytest.raises(RunError, match=field):
        RunDirectory.open(finished.path)


@pytest.mark.parametrize("content", [b"", b'{"format": "mur', b"\xff\xfe\x00", b"[]"])
def test_manifest_that_is_no_document(finished, content):
    (finished.path / "manifest.json").write_bytes(content)
    with pytest.raises(RunError, match=r"manifest.json"):
        RunDirectory.open(finished.path)


def spoil(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    if how == "flip":
        content[60] ^= 0xFF
    path.write_bytes(
        {"flip": bytes(content), "cut": bytes(content[: len(content) // 2]), "empty": b""}[how]
    )


@pytest.mark.parametrize("how", ["flip", "cut", "empty"])
@pytest.mark.parametrize("kind", ["detections", "frames", "tracks"])
def test_damaged_part_names_the_file(finished, kind, how):
    spoil(finished.path / kind / "part-00001.parquet", how)
    run = RunDirectory.open(finished.path)
    with pytest.raises(
        RunError, match=f"{kind}/part-00001.parquet: file: expected an undamaged part"
    ):
        (run.read_tracks if kind != "frames" else run.frames.read)()


@pytest.mark.parametrize("kind", ["detections", "frames", "tracks"])
def test_part_missing_from_a_finished_run(finished, kind):
    (finished.path / kind / "part-00001.parquet").unlink()
    with pytest.raises(RunError, match=r"part-00001.parquet"):
        RunDirectory.open(finished.path).read_tracks()


@pytest.mark.parametrize(
    ("kind", "column", "values", "message"),
    [
        ("detections", "frame", pa.int64(), "frame: expected ascending frames from 8 to 15"),
        ("tracks", "frame", pa.int64(), "frame: expected frames 8 to 15"),
        ("tracks", "row", pa.int64(), "row: expected rows of the same part's detections"),
        ("frames", "frame", pa.int64(), "frame: expected consecutive frames from 8"),
        (
            "detections",
            "score",
            pa.float64(),
            "score: expected a full column of float32, got double",
        ),
        ("detections", "x1", None, "x1: expected a column of this name"),
        (
            "detections",
            "embedding",
            pa.float32(),
            "embedding: expected a fixed-size list of floats, got float",
        ),
    ],
)
def test_part_with_other_columns_names_the_column(finished, kind, column, values, message):
    path = finished.path / kind / "part-00001.parquet"
    table = pq.ParquetFile(path).read()
    place = table.schema.get_field_index(column)
    if values is None:
        table = table.remove_column(place)
    else:
        table = table.set_column(
            place, column, pa.array([999] * len(table), pa.int64()).cast(values)
        )
    pq.write_table(table, path)
    run = RunDirectory.open(finished.path)
    with pytest.raises(RunError, match=message):
        (
            run.read_tracks
            if kind == "tracks"
            else run.frames.read
            if kind == "frames"
            else run.detections.read
        )()


FILL_THE_DISK = """
import json, resource, sys
sys.path.insert(0, sys.argv[2])
from store_runs import write_frames
from murid.errors import StorageError
from murid.store import RunDirectory
run = RunDirectory.create(sys.argv[1], **json.loads(sys.argv[3]))
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
try:
    write_frames(run, 20, embedding_size=512)
except StorageError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX limits")
def test_no_room_leaves_no_part(tmp_path, settings):
    path = tmp_path / "x.murid"
    arguments = [sys.executable, "-c", FILL_THE_DISK, str(path), str(HELPERS), json.dumps(settings)]
    said = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    assert (
        "detections/part-00000.parquet: file: expected a place that can be written to, got File too large"
        in said
    )
    assert sorted(p.name for p in path.rglob("*.parquet")) == ["part-00000.parquet"]
    assert RunDirectory.open(path).n_parts == 0
    with RunDirectory.create(path, existing="resume", **settings) as run:
        write_frames(run, 20)
        assert run.n_frames == 20


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_errors_of_the_disk_become_storage_errors(tmp_path, settings, monkeypatch, code):
    def write_half(table, where, **options):
        Path(where).write_bytes(b"half")
        raise OSError(code, "the disk says no")

    with RunDirectory.create(tmp_path / "x", **settings) as run:
        monkeypatch.setattr(pq, "write_table", write_half)
        with pytest.raises(StorageError, match=f"got {os.strerror(code)}"):
            write_frames(run, 20)
        assert not [p for p in run.path.rglob("*") if "part" in p.name]


def test_place_that_cannot_be_written_to(tmp_path, settings):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="a place that can be written to"):
        RunDirectory.create(tmp_path / "file" / "cage.murid", **settings)

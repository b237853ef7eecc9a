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


def damage(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    if how == "flip":
        content[60] ^= 0xFF
    path.write_bytes(
        {"flip": bytes(content), "cut": bytes(content[: len(content) // 2]), "empty": b""}[how]
    )


@pytest.mark.parametrize("how", ["flip", "cut", "empty"])
@pytest.mark.parametrize("kind", ["detections", "frames", "tracks"])
def test_damaged_part_names_the_file(finished, kind, how):
    damage(finished.path / kind / "part-00001.parquet", how)
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
def test_full_disk_leaves_no_part(tmp_path, settings):
    path = tmp_path / "x.murid"
    arguments = [sys.executable, "-c", FILL_THE_DISK, str(path), str(HELPERS), json.dumps(settings)]
    said = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    message = "file: expected a place that can be written to, got File too large"
    assert f"detections/part-00000.parquet: {message}" in said
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


def test_directory_that_cannot_be_written_to(tmp_path, settings):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="a place that can be written to"):
        RunDirectory.create(tmp_path / "file" / "cage.murid", **settings)

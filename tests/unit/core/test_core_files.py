import threading

import pytest

from murid.core.files import describe_content, remove_leftovers, replace_on_success, write_text
from murid.errors import StorageError


def test_file_exists_only_after_the_block(tmp_path):
    target = tmp_path / "tracks.csv"
    with replace_on_success(target) as temporary:
        temporary.write_text("new")
        assert not target.exists()
        assert temporary.suffix == ".csv"
        assert temporary.name.startswith(".")
    assert target.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["tracks.csv"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_error_leaves_the_old_file(tmp_path, error):
    target = tmp_path / "tracks.csv"
    target.write_text("old")

    def write_half():
        with replace_on_success(target) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        write_half()
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["tracks.csv"]


def test_block_that_writes_nothing_is_an_error(tmp_path):
    with pytest.raises(StorageError, match="No such file"), replace_on_success(tmp_path / "x"):
        pass


@pytest.mark.parametrize("name", ["file/x.txt", "directory"])
def test_directory_that_cannot_be_written_to(tmp_path, name):
    (tmp_path / "directory").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=name.partition("/")[0]):
        write_text(tmp_path / name, "text")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["directory", "file"]


def test_the_directory_of_a_file_is_made(tmp_path):
    write_text(tmp_path / "a" / "b" / "x.txt", "text")
    assert (tmp_path / "a" / "b" / "x.txt").read_text() == "text"


def test_the_directory_of_a_file_is_not_made_where_it_must_exist(tmp_path):
    path = tmp_path / "a" / "x"
    with (
        pytest.raises(StorageError, match="No such file"),
        replace_on_success(path, make_parents=False) as temporary,
    ):
        temporary.write_text("text")
    assert not path.parent.exists()


def test_files_are_readable_by_others(tmp_path):
    plain, atomic = tmp_path / "plain", tmp_path / "atomic"
    plain.write_text("x")
    write_text(atomic, "x")
    assert atomic.stat().st_mode == plain.stat().st_mode


def test_concurrent_writers_leave_one_complete_file(tmp_path):
    texts = [str(i) * 100_000 for i in range(8)]
    threads = [threading.Thread(target=write_text, args=(tmp_path / "x", text)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "x").read_text() in texts


def test_leftovers_are_removed_and_nothing_else(tmp_path):
    (tmp_path / ".part.1a2b.murid-tmp.parquet").write_text("half")
    (tmp_path / "part.parquet").write_text("whole")
    (tmp_path / ".hidden").write_text("mine")
    remove_leftovers(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [".hidden", "part.parquet"]


def test_what_lies_at_a_path_is_described(tmp_path):
    contents = {
        "an empty file": b"",
        "a text file": "Mäuse".encode() * 200,
        "a damaged file, or one that was cut off": b"PAR1\x00\x01",
        "a file of another kind": b"\x89PNG\x00\x01",
    }
    for described, content in contents.items():
        (tmp_path / "x").write_bytes(content)
        assert describe_content(tmp_path / "x", b"PAR1") == described
    assert describe_content(tmp_path) == "a directory"
    assert describe_content(tmp_path / "y") == "nothing there"

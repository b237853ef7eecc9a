"""Atomic writing of files: write under a temporary name, then rename."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from murid.errors import FormatError, StorageError

# Part of the name of every file that is still being written; by it, leftovers of a killed process
# are found and removed.
TEMPORARY_MARK = ".murid-tmp"

# Bytes that are read to tell text from other files.
_SNIFFED_BYTES = 512


@contextmanager
def storage_errors(path: str | Path) -> Iterator[None]:
    """Raise `StorageError` about `path` where the block raises `OSError`, as on a full disk."""
    try:
        yield
    except OSError as error:
        got = os.strerror(error.errno) if error.errno else str(error)
        raise StorageError(path, "file", "a place that can be written to", got) from error


@contextmanager
def replace_on_success(path: str | Path, *, make_parents: bool = True) -> Iterator[Path]:
    """Yield a temporary path to write to, and rename it to `path` when the block succeeds.

    The temporary file lies in the same directory and has the same suffix. After an error or an
    interrupt nothing is left, and a file that was at `path` before is untouched.

    Parameters
    ----------
    path : str or Path
        The final name.
    make_parents : bool
        Whether to make the directory of `path`; otherwise it has to exist.

    Yields
    ------
    Path
        Where to write. The block has to close the file.

    Raises
    ------
    StorageError
        If the disk is full, or writing is not permitted.
    """
    path = Path(path)
    if make_parents:
        make_directory(path.parent)
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{TEMPORARY_MARK}{path.suffix}")
    try:
        with storage_errors(path):
            yield temporary
            _flush_to_disk(temporary, os.O_RDWR)
            temporary.replace(path)
            if os.name == "posix":
                _flush_to_disk(path.parent, os.O_RDONLY)
    finally:
        with storage_errors(path):
            temporary.unlink(missing_ok=True)


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a whole file, atomically; raises `StorageError`."""
    with replace_on_success(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: str | Path, content: str) -> None:
    """Write a whole file as UTF-8, atomically, line ends unchanged; raises `StorageError`."""
    write_bytes(path, content.encode())


def make_directory(path: str | Path) -> None:
    """Make a directory and its parents unless they exist; raises `StorageError`."""
    with storage_errors(path):
        Path(path).mkdir(parents=True, exist_ok=True)


def describe_content(path: str | Path, magic: bytes = b"") -> str:
    """Return in words what lies at a path, for an error that expected something else.

    Parameters
    ----------
    path : str or Path
    magic : bytes
        First bytes of files of the expected kind; a file that begins with them was cut off.

    Returns
    -------
    str
        ``"nothing there"``, ``"a directory"``, ``"an empty file"``, ``"a text file"``, …
    """
    path = Path(path)
    if path.is_dir():
        return "a directory"
    try:
        with path.open("rb") as file:
            start = file.read(_SNIFFED_BYTES)
    except FileNotFoundError:
        return "nothing there"
    except OSError as error:
        return error.strerror or str(error)
    if not start.strip():
        return "a file of blanks" if start else "an empty file"
    if magic and start.startswith(magic):
        return "a damaged file, or one that was cut off"
    # A character may be cut off at the end of what was read.
    text = start.decode("utf-8", errors="ignore")
    is_text = len(start) - len(text.encode()) < 4 and "\0" not in text
    return "a text file" if is_text else "a file of another kind"


def remove_leftovers(directory: str | Path) -> None:
    """Delete the temporary files that a killed process left in `directory`.

    Only safe while no other process writes there. Raises `StorageError`.
    """
    with storage_errors(directory):
        for leftover in Path(directory).glob(f".*{TEMPORARY_MARK}*"):
            leftover.unlink(missing_ok=True)


@contextmanager
def stage_directory(path: str | Path) -> Iterator[Path]:
    """Yield a temporary directory that becomes `path` when the block succeeds.

    After an error it is removed.

    Raises
    ------
    FormatError
        If something exists at `path` already, other than an empty directory.
    StorageError
        If it cannot be made.
    """
    out = Path(path)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FormatError(out, "directory", "nothing there, or an empty directory", "something")
    make_directory(out.absolute().parent)
    staged = out.absolute().with_name(f".{out.name}{TEMPORARY_MARK}")
    shutil.rmtree(staged, ignore_errors=True)
    try:
        make_directory(staged)
        yield staged
        with storage_errors(out):
            staged.replace(out)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _flush_to_disk(path: Path, flags: int) -> None:
    """Wait until the content has reached the disk.

    Else a power cut could keep the rename and lose the content. Some network file systems do not
    support this for a directory; that error is ignored.
    """
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    except OSError:
        if not path.is_dir():
            raise
    finally:
        os.close(descriptor)

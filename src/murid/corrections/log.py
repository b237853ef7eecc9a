"""The log of corrections: one JSON document a line, appended to."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from murid.core.files import storage_errors
from murid.corrections.records import Entry, Statement
from murid.errors import RunError

LOG_NAME = "corrections.jsonl"
VERSION = 1
"""Version of the schema that this murid writes. It reads all versions up to this one."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Entry)


def read_log(run: Path) -> tuple[Entry, ...]:
    """Return the entries of the log of a run directory; none if there is no log.

    A last line without its end was cut off while it was written, and does not count.

    Raises
    ------
    RunError
        If a line is no entry, or a newer murid wrote it.
    """
    path = run / LOG_NAME
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise RunError(path, "file", "a log of corrections", str(error.strerror)) from error
    lines = content.split(b"\n")[:-1]
    return tuple(_read_line(path, number, line) for number, line in enumerate(lines, 1))


def append_to_log(run: Path, statement: Statement, author: str) -> Entry:
    """Add a statement to the log of a run directory, and return once it is on the disk.

    The caller holds the lock of the run.

    Raises
    ------
    RunError
        If the log is damaged.
    StorageError
        If the disk is full, or writing is not permitted.
    """
    path = run / LOG_NAME
    entry = Entry(
        version=VERSION,
        line=len(read_log(run)) + 1,
        time_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        author=author,
        statement=statement,
    )
    with storage_errors(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _cut_unfinished(descriptor)
            os.lseek(descriptor, 0, os.SEEK_END)
            _write_all(descriptor, _encoder.encode(entry) + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    return entry


def cut_log(run: Path, n_lines: int) -> None:
    """Remove what was added to the log after its first lines; the caller holds the lock.

    Raises
    ------
    StorageError
        If writing is not permitted.
    """
    path = run / LOG_NAME
    if not path.exists():
        return
    with storage_errors(path):
        if n_lines == 0:
            path.unlink()
            return
        with path.open("r+b") as file:
            for _ in range(n_lines):
                file.readline()
            file.truncate(file.tell())


def _read_line(path: Path, number: int, line: bytes) -> Entry:
    field = f"line {number}"
    try:
        version = msgspec.json.decode(line, type=_Version).version
        if not 1 <= version <= VERSION:
            expected = f"version {VERSION} or older (a newer murid may read it)"
            raise RunError(path, field, expected, f"version {version}")
        entry = _decoder.decode(line)
    except msgspec.DecodeError as error:
        raise RunError(path, field, "a correction", str(error)) from error
    if entry.line != number:
        raise RunError(path, field, f"the number {number}", str(entry.line))
    return entry


class _Version(msgspec.Struct):
    """What all versions have in common."""

    version: int


def _cut_unfinished(descriptor: int) -> None:
    """Remove a last line that was cut off while it was written."""
    size = os.lseek(descriptor, 0, os.SEEK_END)
    os.lseek(descriptor, 0, os.SEEK_SET)
    end = os.read(descriptor, size).rfind(b"\n") + 1
    if end < size:
        os.ftruncate(descriptor, end)


def _write_all(descriptor: int, content: bytes) -> None:
    written = 0
    while written < len(content):
        written += os.write(descriptor, content[written:])

"""Read files with a timeout, so that a stalled or vanished disk raises an error."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from murid.errors import SourceError

# Seconds to wait for a disk. Disks that spin up and network shares that reconnect take tens of
# seconds; a longer timeout only delays the error of a disk that is gone.
READ_TIMEOUT_S = 60.0

_BLOCK_BYTES = 2**24

# Bytes at either end of a file by which it is identified.
_END_BYTES = 2**20

T = TypeVar("T")


class TimeoutFile:
    """A file opened for reading, as `av.open` takes it, that is read in a thread of its own.

    A read that hangs blocks only that thread; the caller gets an error after the timeout.

    Parameters
    ----------
    path : Path
    read_timeout_s : float
        Seconds to wait for the disk.

    Raises
    ------
    SourceError
        Here and when reading: if there is no file, the disk fails or does not respond in time, or
        the file has become shorter than it was when it was opened.
    """

    def __init__(self, path: Path, read_timeout_s: float = READ_TIMEOUT_S) -> None:
        self.name = str(path)
        self._path = path
        self._timeout_s = read_timeout_s
        self._position = 0
        self._has_stalled = False
        self._requests: SimpleQueue[Callable[[], Any] | None] = SimpleQueue()
        self._results: SimpleQueue[Any] = SimpleQueue()
        Thread(target=self._serve, name="murid-disk", daemon=True).start()
        try:
            self._descriptor, self._size = self._request(self._open)
        except BaseException:
            self._requests.put(None)
            raise

    @property
    def size(self) -> int:
        """Size in bytes when the file was opened."""
        return self._size

    def read(self, n_bytes: int) -> bytes:
        """Return up to `n_bytes` from the current position; nothing at the end of the file."""
        content: bytes = self._request(lambda: _read_at(self._descriptor, n_bytes, self._position))
        if not content and self._position < self._size:
            expected = f"{self._size} bytes as when it was opened"
            got = f"{self._position}; it was truncated while it was read"
            raise SourceError(self._path, "file", expected, got)
        self._position += len(content)
        return content

    def read_at(self, position: int, n_bytes: int) -> bytes:
        """Return up to `n_bytes` from a position; fewer or nothing at the end of the file."""
        self.seek(position)
        return self.read(n_bytes)

    def read_both_ends(self) -> bytes:
        """Return the first and the last MiB, which may overlap, to identify the file.

        Reading all of a long recording would take minutes.
        """
        return self.read_at(0, _END_BYTES) + self.read_at(
            max(0, self._size - _END_BYTES), _END_BYTES
        )

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to another position, in bytes, and return it."""
        starts = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}
        self._position = max(0, offset + starts[whence])
        return self._position

    def tell(self) -> int:
        """Return the current position in bytes."""
        return self._position

    def close(self) -> None:
        """Close the file, as soon as the disk responds."""
        self._requests.put(lambda: os.close(self._descriptor))
        self._requests.put(None)

    def _open(self) -> tuple[int, int]:
        """Open the file and return its descriptor and size in bytes."""
        status = self._path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise SourceError(self._path, "file", "a file", "a folder, device or pipe")
        flags = os.O_RDONLY | getattr(os, "O_BINARY", 0)
        return os.open(self._path, flags), status.st_size

    def _request(self, call: Callable[[], T]) -> T:
        """Run a function in the reading thread and return its result, or raise its exception."""
        self._requests.put(call)
        # After one timeout the thread still hangs, so there is no point in waiting again.
        timeout_s = 0 if self._has_stalled else self._timeout_s
        try:
            result = self._results.get(timeout=timeout_s)
        except Empty:
            self._has_stalled = True
            expected = f"an answer of the disk within {self._timeout_s:g} s"
            got = "none; run the same command again to retry"
            raise SourceError(self._path, "reading", expected, got) from None
        if isinstance(result, FileNotFoundError):
            raise SourceError(self._path, "file", "an existing file", "nothing there") from result
        if isinstance(result, OSError):
            got = os.strerror(result.errno) if result.errno else str(result)
            raise SourceError(self._path, "file", "a file that can be read", got) from result
        if isinstance(result, Exception):
            raise result
        return result  # type: ignore[no-any-return]

    def _serve(self) -> None:
        """Run requests one after the other, until None comes."""
        while (call := self._requests.get()) is not None:
            try:
                self._results.put(call())
            except Exception as error:
                self._results.put(error)


def read_bytes(path: Path, read_timeout_s: float = READ_TIMEOUT_S) -> bytes:
    """Return the content of a file; raises `SourceError` as `TimeoutFile` does."""
    file = TimeoutFile(path, read_timeout_s)
    try:
        blocks = []
        while block := file.read(_BLOCK_BYTES):
            blocks.append(block)
        return b"".join(blocks)
    finally:
        file.close()


def _read_at(descriptor: int, n_bytes: int, position: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(descriptor, n_bytes, position)
    os.lseek(descriptor, position, os.SEEK_SET)
    return os.read(descriptor, n_bytes)

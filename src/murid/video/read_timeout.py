"""Files on disks that may stall or vanish: what is not given in time, or no longer there, is an error with a name."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from murid.errors import SourceError

READ_TIMEOUT_S = 60.0
"""Seconds for which a disk that gives nothing is waited for."""

T = TypeVar("T")


class TimeoutFile:
    """A file opened for reading, as `av.open` takes it; it is read in a thread of its own, which alone can hang.

    Parameters
    ----------
    path : Path
    read_timeout_s : float
        Seconds for which an answer of the disk is waited for.

    Raises
    ------
    SourceError
        Here and when reading: if there is no file, the disk gives nothing for so long or fails, or
        the file has become shorter than it was when it was opened.
    """

    def __init__(self, path: Path, read_timeout_s: float = READ_TIMEOUT_S) -> None:
        self.name, self._path, self._patience_s = str(path), path, read_timeout_s
        self._asked: SimpleQueue[Callable[[], Any] | None] = SimpleQueue()
        self._answers: SimpleQueue[Any] = SimpleQueue()
        self._place, self._stalled = 0, False
        Thread(target=self._answer, name="murid-disk", daemon=True).start()
        try:
            self._descriptor, self._size = self._ask(self._open)
        except BaseException:
            self._asked.put(None)
            raise

    def read(self, n_bytes: int) -> bytes:
        """Read on; nothing at the end of the file."""
        content: bytes = self._ask(lambda: _read_at(self._descriptor, n_bytes, self._place))
        if not content and self._place < self._size:
            expected = f"{self._size} bytes as when it was opened"
            raise SourceError(
                self._path, "file", expected, f"{self._place}; it was cut while it was read"
            )
        self._place += len(content)
        return content

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to another place."""
        self._place = max(
            0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        )
        return self._place

    def tell(self) -> int:
        """Return the place of the next byte."""
        return self._place

    def close(self) -> None:
        """Let go of the file, as soon as the disk does."""
        self._asked.put(lambda: os.close(self._descriptor))
        self._asked.put(None)

    def _open(self) -> tuple[int, int]:
        facts = self._path.stat()
        if not stat.S_ISREG(facts.st_mode):
            raise SourceError(self._path, "file", "a file", "a folder, device or pipe")
        return os.open(self._path, os.O_RDONLY | getattr(os, "O_BINARY", 0)), facts.st_size

    def _ask(self, act: Callable[[], T]) -> T:
        self._asked.put(act)
        try:
            answer = self._answers.get(timeout=0 if self._stalled else self._patience_s)
        except Empty:
            self._stalled = True
            expected, got = (
                f"an answer of the disk within {self._patience_s:g} s",
                "none; the same command tries again",
            )
            raise SourceError(self._path, "reading", expected, got) from None
        if isinstance(answer, FileNotFoundError):
            raise SourceError(
                self._path, "file", "a file that is there", "nothing there"
            ) from answer
        if isinstance(answer, OSError):
            got = os.strerror(answer.errno) if answer.errno else str(answer)
            raise SourceError(self._path, "file", "a file that can be read", got) from answer
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]

    def _answer(self) -> None:
        while (act := self._asked.get()) is not None:
            try:
                self._answers.put(act())
            except Exception as error:
                self._answers.put(error)


def read_whole(path: Path, read_timeout_s: float = READ_TIMEOUT_S) -> bytes:
    """Read a file from its beginning to its end; raises `SourceError` as `TimeoutFile` does."""
    file = TimeoutFile(path, read_timeout_s)
    try:
        blocks = []
        while block := file.read(2**24):
            blocks.append(block)
        return b"".join(blocks)
    finally:
        file.close()


def _read_at(descriptor: int, n_bytes: int, place: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(descriptor, n_bytes, place)
    os.lseek(descriptor, place, os.SEEK_SET)
    return os.read(descriptor, n_bytes)

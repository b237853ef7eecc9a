"""File lock: one process at a time writes to a run; a killed process loses its lock."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from pathlib import Path

from murid.core.files import storage_errors
from murid.errors import RunError

LOCK_NAME = ".lock"


class Lock:
    """Exclusive lock on a directory, from construction until `release`.

    The file ``.lock`` remains and names the last process that had the lock. Where a file system
    offers no locks (some network mounts), the directory is used without one.

    Raises
    ------
    RunError
        If another process, or another object of this one, is writing there.
    StorageError
        If the directory cannot be written to.
    """

    def __init__(self, directory: Path) -> None:
        path = directory / LOCK_NAME
        with storage_errors(path):
            self._descriptor: int | None = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _lock(self._descriptor)
        except (BlockingIOError, PermissionError) as error:
            holder = self._read_holder()
            self.release()
            expected = "no other process writing here"
            raise RunError(directory, "writer", expected, holder) from error
        except OSError:
            # The file system has no locks.
            pass
        self._write_holder()

    def _read_holder(self) -> str:
        """Name of the process that holds the lock; Windows cannot read a locked file."""
        if os.name != "posix" or self._descriptor is None:
            return "a process"
        return os.pread(self._descriptor, 200, 0).decode(errors="replace") or "a process"

    def _write_holder(self) -> None:
        assert self._descriptor is not None
        with suppress(OSError):
            os.ftruncate(self._descriptor, 0)
            os.write(self._descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())

    def release(self) -> None:
        """Let other processes write; calling it twice does no harm."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        # A locked byte cannot be read, so lock one far behind the text.
        os.lseek(descriptor, 1 << 30, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

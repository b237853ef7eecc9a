"""One writer at a time: a lock that the operating system lets go of when its process dies, however it dies."""

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
    """Hold a directory for writing until `release`; the file ``.lock`` stays and only says who held it last.

    Where a file system offers no locks (some network mounts), the directory is used without one.

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
            holder = (
                os.pread(self._descriptor, 200, 0).decode(errors="replace")
                if os.name == "posix"
                else "a process"
            )
            self.release()
            raise RunError(
                directory, "writer", "no other process writing here", holder or "a process"
            ) from error
        except OSError:
            pass
        self._sign()

    def _sign(self) -> None:
        assert self._descriptor is not None
        with suppress(OSError):
            os.ftruncate(self._descriptor, 0)
            os.write(self._descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())

    def release(self) -> None:
        """Let others write; calling it twice does no harm."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(
            descriptor, 1 << 30, os.SEEK_SET
        )  # a locked byte cannot be read, so lock one far behind the text
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

"""Memory of large arrays, returned to the operating system once it is freed."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Any

# From this size on an array has memory of its own. It is not smaller, since such memory is slower
# to get: short-lived arrays of short recordings are below.
_MIN_MAPPED_BYTES = 4 * 1024 * 1024
_M_MMAP_THRESHOLD = -3


def map_large_arrays() -> None:
    """Let large arrays have memory of their own, which is returned as soon as they are freed.

    The C library (glibc) does so for arrays above a limit, and raises this limit to up to 32 MB
    with each array that is freed; smaller ones then leave gaps. This holds the limit at 4 MB for
    the rest of the process.
    """
    change_option = _find_function("mallopt")
    if change_option is not None:
        change_option(_M_MMAP_THRESHOLD, _MIN_MAPPED_BYTES)


def release_memory() -> None:
    """Return freed memory to the operating system, where the C library can (glibc).

    It keeps freed arrays of up to 32 MB for later ones, in pieces between those in use. In a day of
    video these add up to hundreds of megabytes, if nobody asks for them.
    """
    trim = _find_function("malloc_trim")
    if trim is not None:
        trim(0)


@cache
def _find_function(name: str) -> Any:
    """Return a function of the C library, or None if it is another library than glibc."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        return getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError):
        return None

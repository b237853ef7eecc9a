"""Memory that was freed, returned to the operating system."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Any


def release_memory() -> None:
    """Return freed memory to the operating system, where the C library can (glibc).

    It keeps freed arrays of up to 32 MB for later ones, in pieces between those in use. In a day of
    video these add up to hundreds of megabytes, if nobody asks for them.
    """
    trim = _find_trim()
    if trim is not None:
        trim(0)


@cache
def _find_trim() -> Any:
    """Return ``malloc_trim`` of the C library, or None."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None

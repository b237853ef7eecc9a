"""What tracklet stitching found without pairs, kept for further calls with other pairs.

While a person corrects a recording, each answer adds pairs of detections that are certainly the
same animal or different ones. The tracklets hardly ever change by that, and stitching without the
pairs gives the same paths, so that only what follows has to be computed again.
"""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from murid.identification.tracklets import Tracklets

T = TypeVar("T")


class StitchCache(Generic[T]):
    """Results of stitching, by what they depend on.

    Valid for the detections, embeddings and settings of one recording.

    Parameters
    ----------
    max_entries : int
        Number of results that are kept: those that were used last.
    max_detections : int
        Results of more detections are not kept, so that memory stays bounded.
    """

    def __init__(self, max_entries: int = 1, max_detections: int = 4_000_000) -> None:
        self._max_entries = max_entries
        self._max_detections = max_detections
        self._found: OrderedDict[bytes, T] = OrderedDict()

    def get(self, key: bytes) -> T | None:
        """Return a result, or None if it is not there."""
        found = self._found.get(key)
        if found is not None:
            self._found.move_to_end(key)
        return found

    def keep(self, key: bytes, found: T, n_detections: int) -> None:
        """Keep a result, and forget the one that was not used for longest."""
        if n_detections > self._max_detections:
            return
        self._found[key] = found
        while len(self._found) > self._max_entries:
            self._found.popitem(last=False)


def make_key(tracklets: Tracklets, *others: NDArray[np.generic] | None) -> bytes:
    """Return a digest of tracklets and of other arrays that a result depends on."""
    digest = blake2b(digest_size=16)
    for array in (tracklets.offsets, tracklets.rows, *others):
        # The length keeps arrays apart that are the same one after the other.
        digest.update(str(None if array is None else array.shape).encode())
        if array is not None:
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.digest()

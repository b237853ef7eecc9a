"""How bright the images of a video are, measured on the way of its frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from murid.core import Frame
from murid.core.types import UInt8

# Share of the pixels that may be brighter. An animal or a lamp is larger, single hot pixels of a
# sensor are fewer.
_PERCENTILE = 99.5

# Pixels along the shorter side that are looked at; more cost time and change nothing.
_N_SAMPLED = 64


class BrightnessMeter:
    """Measures the brightness of frames while something else reads them."""

    def __init__(self) -> None:
        self._levels: list[float] = []

    def watch(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """Yield the frames unchanged."""
        for frame in frames:
            self.add(frame.image)
            yield frame

    def add(self, image: UInt8) -> None:
        """Measure an image ``(h, w, 3)`` uint8."""
        step = max(1, min(image.shape[:2]) // _N_SAMPLED)
        levels = image[::step, ::step].max(axis=2)
        self._levels.append(float(np.percentile(levels, _PERCENTILE)))

    @property
    def level(self) -> float | None:
        """Level of the bright parts, 0 to 255: the median over the frames; None without any."""
        return round(float(np.median(self._levels)), 2) if self._levels else None

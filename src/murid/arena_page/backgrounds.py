"""Background images of several videos, estimated when they are needed, the last ones kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock, Thread

import cv2

from murid.core.types import UInt8
from murid.errors import MuridError
from murid.video import FrameSource, open_source
from murid.video.background_image import estimate_background_image

# The video that is shown, its neighbours, and one to go back to: an image of 1920x1080 pixels takes
# 6 MB.
_N_KEPT = 4

# 95 shows no blocks when the page enlarges the image; PNG would be five times as large.
_JPEG_QUALITY = 95


class BackgroundImages:
    """The background image of each video; may be used by several threads.

    Parameters
    ----------
    sources : sequence of str
        Videos, folders of images or globs.
    estimate : callable
        Returns the image ``(h, w, 3)`` RGB of a source.
    """

    def __init__(
        self,
        sources: Sequence[str],
        estimate: Callable[[FrameSource], UInt8] = estimate_background_image,
    ) -> None:
        self._sources = sources
        self._estimate = estimate
        # One at a time: a video that is being prepared is not decoded twice.
        self._locks = [Lock() for _ in sources]
        self._lock = Lock()
        self._images: OrderedDict[int, UInt8] = OrderedDict()

    def get(self, video: int) -> UInt8:
        """Return the image of a video, ``(h, w, 3)`` uint8 RGB; raises `SourceError`."""
        with self._locks[video]:
            image = self._find(video)
            if image is None:
                image = self._estimate(open_source(self._sources[video]))
                self._keep(video, image)
        return image

    def encode(self, video: int) -> bytes:
        """Return the image of a video as JPEG; raises `SourceError`."""
        image = cv2.cvtColor(self.get(video), cv2.COLOR_RGB2BGR)
        quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
        encoded: bytes = cv2.imencode(".jpg", image, quality)[1].tobytes()
        return encoded

    def prepare(self, video: int) -> None:
        """Estimate the image of a video in the background, if there is such a video."""
        if video < len(self._sources):
            Thread(target=self._try_to_get, args=(video,), daemon=True).start()

    def _try_to_get(self, video: int) -> None:
        try:
            self.get(video)
        except MuridError:
            # Whoever opens this video is told.
            return

    def _find(self, video: int) -> UInt8 | None:
        with self._lock:
            if video in self._images:
                self._images.move_to_end(video)
            return self._images.get(video)

    def _keep(self, video: int, image: UInt8) -> None:
        with self._lock:
            self._images[video] = image
            while len(self._images) > _N_KEPT:
                self._images.popitem(last=False)

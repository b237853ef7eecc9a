"""JPEG images of the frames of a recording: decoded on demand, neighbours prefetched, cached."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Condition, Lock, Thread

import cv2

from murid.core import Frame
from murid.core.types import UInt8
from murid.errors import SourceError
from murid.video import FrameSource, UnreadableFrame
from murid.video.frame_reader import FrameReader

# Good enough to tell fur apart; 95 doubles the bytes that a tunnel has to carry.
_JPEG_QUALITY = 85

# Images of a clip of four seconds at 1920 pixels fit in, and no more memory is ever used.
_CACHE_BYTES = 64 * 2**20

# Frames that are made ready after the one that was asked for, while nobody asks for others.
_N_PREFETCHED = 8

# A step back from a frame that is not cached decodes so many at once, for the next steps back.
_N_DECODED_BACK = 16

# Crops of animals are enlarged or reduced to this height.
_CROP_HEIGHT_PX = 160

Box = tuple[float, float, float, float]


class FrameServer:
    """JPEG images of the frames of a source; may be used by several threads.

    Parameters
    ----------
    source : FrameSource
    cache_bytes : int
        Maximum size of all images that are kept.
    """

    def __init__(self, source: FrameSource, cache_bytes: int = _CACHE_BYTES) -> None:
        self._source = source
        self._cache = _ImageCache(cache_bytes)
        # One decoder for each purpose: to go to another place costs more than the next frame.
        self._view = _Decoder(source)
        self._later = _Decoder(source)
        self._crops = _Decoder(source)
        self._prefetcher = _Prefetcher(self._prefetch)

    def get_image(self, number: int, width: int = 0, *, is_for_later: bool = False) -> bytes:
        """Return a frame as JPEG.

        Parameters
        ----------
        number : int
            Frame of the source.
        width : int
            Width in pixels to which a wider frame is reduced; 0 = as it is.
        is_for_later : bool
            Whether nobody waits for it; it then does not delay other frames.

        Raises
        ------
        SourceError
            If there is no such frame, or it cannot be decoded.
        """
        if is_for_later:
            return self._make(self._later, number, width)
        with self._prefetcher.pause():
            is_step_back = 0 < self._view.last_number - number <= _N_DECODED_BACK
            if is_step_back and self._cache.get((number, width)) is None:
                for earlier in range(max(number - _N_DECODED_BACK + 1, 0), number):
                    self._try_to_make(earlier, width)
            image = self._make(self._view, number, width)
        self._prefetcher.want(number, width)
        return image

    def get_crop(self, number: int, box: Box) -> bytes:
        """Return the part of a frame in a box, with some of its surroundings, as JPEG.

        Raises `SourceError` as `get_image`.
        """
        key = ("crop", number, box)
        image = self._cache.get(key)
        if image is None:
            image = _encode(_crop(self._crops.read(number).image, box))
            self._cache.add(key, image)
        return image

    def close(self) -> None:
        """End prefetching."""
        self._prefetcher.close()

    def _make(self, decoder: _Decoder, number: int, width: int) -> bytes:
        """Return an image from the cache, or decode and add it."""
        image = self._cache.get((number, width))
        if image is None:
            image = _encode(_reduce(decoder.read(number).image, width))
            self._cache.add((number, width), image)
        return image

    def _prefetch(self, number: int, width: int, place: int) -> bool:
        """Make one of the images after a frame; return whether there are more to make."""
        last_frame = (self._source.info.n_frames or 0) - 1
        wanted = number + 1 + place
        if wanted > last_frame:
            return False
        self._try_to_make(wanted, width)
        return place + 1 < _N_PREFETCHED

    def _try_to_make(self, number: int, width: int) -> None:
        try:
            self._make(self._view, number, width)
        except SourceError:
            # Whoever asks for this frame is told.
            return


class _Decoder:
    """A reader of frames that threads share; it keeps the last frame."""

    def __init__(self, source: FrameSource) -> None:
        self._path = source.info.path
        self._reader = FrameReader(source)
        self._lock = Lock()
        self._last: Frame | UnreadableFrame | None = None

    @property
    def last_number(self) -> int:
        """Number of the frame that was read last; -1 before the first."""
        return -1 if self._last is None else self._last.index

    def read(self, number: int) -> Frame:
        """Return a frame; raises `SourceError` if it cannot be decoded."""
        with self._lock:
            if self._last is None or self._last.index != number:
                self._last = self._reader.read(number)
            frame = self._last
        if isinstance(frame, UnreadableFrame):
            expected = "one that can be decoded"
            raise SourceError(self._path, f"frame {number}", expected, frame.reason)
        return frame


class _ImageCache:
    """The images that were used last, up to a number of bytes."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._n_bytes = 0
        self._images: OrderedDict[Hashable, bytes] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable) -> bytes | None:
        """Return an image, or None if it is not there."""
        with self._lock:
            if key in self._images:
                self._images.move_to_end(key)
            return self._images.get(key)

    def add(self, key: Hashable, image: bytes) -> None:
        """Keep an image, and drop those that were not used for longest."""
        with self._lock:
            self._n_bytes += len(image) - len(self._images.pop(key, b""))
            self._images[key] = image
            while self._n_bytes > self._max_bytes and len(self._images) > 1:
                _, dropped = self._images.popitem(last=False)
                self._n_bytes -= len(dropped)


class _Prefetcher:
    """Makes images in a thread while nobody waits for one.

    Parameters
    ----------
    make : callable
        Makes the image at a place after a frame, and returns whether there are more.
    """

    def __init__(self, make: Callable[[int, int, int], bool]) -> None:
        self._make = make
        self._condition = Condition()
        self._n_waiting = 0
        self._wanted: tuple[int, int] | None = None
        self._is_closed = False
        Thread(target=self._run, name="murid-prefetch", daemon=True).start()

    def pause(self) -> _Pause:
        """Return a context in which no further image is begun."""
        return _Pause(self._condition, self._count)

    def _count(self, change: int) -> None:
        self._n_waiting += change

    def want(self, number: int, width: int) -> None:
        """Make the images after a frame, and no longer those after another."""
        with self._condition:
            self._wanted = (number, width)
            self._condition.notify_all()

    def close(self) -> None:
        """End the thread."""
        with self._condition:
            self._is_closed = True
            self._condition.notify_all()

    def _run(self) -> None:
        current: tuple[int, int] | None = None
        place = 0
        while True:
            with self._condition:
                self._condition.wait_for(
                    lambda: self._is_closed or (self._wanted is not None and not self._n_waiting)
                )
                if self._is_closed or self._wanted is None:
                    return
                if self._wanted != current:
                    current = self._wanted
                    place = 0
            if self._make(*current, place):
                place += 1
                continue
            with self._condition:
                if self._wanted == current:
                    self._wanted = None
                current = None


class _Pause:
    """While somebody waits for a frame."""

    def __init__(self, condition: Condition, count: Callable[[int], None]) -> None:
        self._condition = condition
        self._count = count

    def __enter__(self) -> None:
        with self._condition:
            self._count(1)

    def __exit__(self, *_: object) -> None:
        with self._condition:
            self._count(-1)
            self._condition.notify_all()


def _reduce(image: UInt8, width: int) -> UInt8:
    """Return an image of a width, if it is wider."""
    if not 0 < width < image.shape[1]:
        return image
    height = max(1, round(image.shape[0] * width / image.shape[1]))
    reduced: UInt8 = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return reduced


def _crop(image: UInt8, box: Box) -> UInt8:
    """Return a square around a box, a quarter larger than it, cut at the edges of the image."""
    height, width = image.shape[:2]
    centre_x, centre_y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    half = max(box[2] - box[0], box[3] - box[1], 8.0) * 0.625
    left = min(max(0, int(centre_x - half)), width - 1)
    top = min(max(0, int(centre_y - half)), height - 1)
    right = min(width, max(left + 1, int(centre_x + half)))
    bottom = min(height, max(top + 1, int(centre_y + half)))
    part = image[top:bottom, left:right]
    scale = _CROP_HEIGHT_PX / part.shape[0]
    size = (max(1, round(part.shape[1] * scale)), _CROP_HEIGHT_PX)
    crop: UInt8 = cv2.resize(part, size, interpolation=cv2.INTER_CUBIC)
    return crop


def _encode(image: UInt8) -> bytes:
    """Return an image ``(h, w, 3)`` RGB as JPEG."""
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    encoded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)[1]
    return bytes(encoded)

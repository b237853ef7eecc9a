"""Cameras that are faster than the tracking, hang, or are unplugged."""

import threading
import time

import numpy as np
import pytest

from murid.errors import SourceError
from murid.live import Feed, open_feed


class Camera:
    """Gives `n` pictures of rising brightness, one every `pause_s`."""

    fps = 50.0

    def __init__(self, n, pause_s=0.0, first=0):
        self._values, self._pause_s = iter(range(first, first + n)), pause_s

    def read(self):
        time.sleep(self._pause_s)
        value = next(self._values, None)
        return None if value is None else np.full((4, 6, 3), value, np.uint8)

    def close(self):
        pass


def test_what_comes_too_fast_is_dropped_and_counted():
    feed, seen = Feed(lambda: Camera(60, 0.005)), []
    for captured in feed:
        seen.append(captured)
        time.sleep(0.03)
    feed.close()
    assert feed.n_captured == 60
    assert len(seen) + feed.n_dropped == 60
    assert feed.n_dropped > 20
    assert [int(c.image[0, 0, 0]) for c in seen] == [c.number for c in seen]
    assert seen[-1].number == 59


def test_a_lost_camera_is_waited_for():
    attempts = []

    def plug():
        attempts.append(1)
        if len(attempts) == 2:
            raise SourceError("0", "camera", "one", "none")
        return Camera(3, 0.02, first=10 * len(attempts))

    feed = Feed(plug, patience_s=1.2)
    values = [int(captured.image[0, 0, 0]) for captured in feed if not (len(attempts) == 3 and feed.stop())]
    feed.close()
    assert values == sorted(values)  # a busy machine may drop some
    assert values[0] == 10
    assert values[-1] >= 30
    assert feed.n_lost == 1


def test_a_camera_that_hangs_can_be_stopped():
    hanging = threading.Event()

    class Hanging(Camera):
        def read(self):
            if hanging.is_set():
                time.sleep(3)
            hanging.set()
            return np.zeros((4, 6, 3), np.uint8)

    feed = Feed(lambda: Hanging(1))
    threading.Timer(0.3, feed.stop).start()
    started = time.monotonic()
    assert len(list(feed)) == 1
    assert time.monotonic() - started < 2


def test_no_camera():
    with pytest.raises(SourceError, match="no_such_video"):
        open_feed("no_such_video.mp4", as_live=True)
    with pytest.raises(SourceError, match="--as-live"):
        open_feed("cage.mp4")
    with pytest.raises(SourceError, match="at least one"):
        Feed(lambda: Camera(0))

"""Cameras that are faster than tracking, hang, or are unplugged."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import cv2
import numpy as np
import pytest

from murid.errors import SourceError
from murid.live import CameraStream, open_camera
from murid.live import camera as camera_module


class Camera:
    """Gives `n` images of increasing brightness, one every `pause_s`."""

    fps = 50.0

    def __init__(self, n, pause_s=0.0, first=0):
        self._values, self._pause_s = iter(range(first, first + n)), pause_s

    def read(self):
        time.sleep(self._pause_s)
        value = next(self._values, None)
        return None if value is None else np.full((4, 6, 3), value, np.uint8)

    def close(self):
        pass


def test_images_that_arrive_too_fast_are_dropped_and_counted():
    camera_stream, seen = CameraStream(lambda: Camera(60, 0.005)), []
    for captured in camera_stream:
        seen.append(captured)
        time.sleep(0.03)
    camera_stream.close()
    assert camera_stream.n_captured == 60
    assert len(seen) + camera_stream.n_dropped == 60
    assert camera_stream.n_dropped > 20
    assert [int(c.image[0, 0, 0]) for c in seen] == [c.number for c in seen]
    assert seen[-1].number == 59


def test_a_lost_camera_is_reopened():
    attempts = []

    def plug():
        attempts.append(1)
        if len(attempts) == 2:
            raise SourceError("0", "camera", "one", "none")
        return Camera(3, 0.02, first=10 * len(attempts))

    camera_stream = CameraStream(plug, read_timeout_s=1.2)
    values = [
        int(captured.image[0, 0, 0])
        for captured in camera_stream
        if not (len(attempts) == 3 and camera_stream.stop())
    ]
    camera_stream.close()
    assert values == sorted(values)  # a busy machine may drop some
    assert values[0] == 10
    assert values[-1] >= 30
    assert camera_stream.n_lost == 1


def test_a_camera_that_hangs_can_be_stopped():
    hanging = threading.Event()

    class Hanging(Camera):
        def read(self):
            if hanging.is_set():
                time.sleep(3)
            hanging.set()
            return np.zeros((4, 6, 3), np.uint8)

    camera_stream = CameraStream(lambda: Hanging(1))
    threading.Timer(0.3, camera_stream.stop).start()
    started = time.monotonic()
    assert len(list(camera_stream)) == 1
    assert time.monotonic() - started < 2


def test_a_camera_that_hangs_for_longer_than_the_timeout_ends_the_stream():
    end_of_test = threading.Event()

    class Hanging(Camera):
        def read(self):
            return super().read() if not self.started else end_of_test.wait(60) and None

        started = property(lambda self: self._values.__length_hint__() < 1)

    camera_stream = CameraStream(lambda: Hanging(3, 0.02), read_timeout_s=0.5)
    started = time.monotonic()
    assert 1 <= len(list(camera_stream)) <= 3
    assert 0.4 < time.monotonic() - started < 5
    assert camera_stream.failure == "the camera gave nothing for 0.5 s"
    end_of_test.set()
    camera_stream.close()


def test_an_exception_of_the_camera_ends_the_stream_with_a_message():
    class Breaking(Camera):
        def read(self):
            image = super().read()
            if image is None:
                raise RuntimeError("the driver says no")
            return image

    camera_stream = CameraStream(lambda: Breaking(4, 0.02))
    assert list(camera_stream)
    assert camera_stream.failure == "the driver says no"


def test_a_camera_that_does_not_come_back():
    cameras = iter([Camera(2, 0.02)])

    def plug():
        for camera in cameras:
            return camera
        raise SourceError("0", "camera", "one", "none")

    camera_stream = CameraStream(plug, read_timeout_s=0.7)
    assert list(camera_stream)
    assert camera_stream.failure == "the camera did not come back within 0.7 s"
    assert camera_stream.n_lost == 1


class Stream(BaseHTTPRequestHandler):
    """A network camera that hangs after twelve images the first time, and ends after them later."""

    calls: ClassVar[list[int]] = []

    def do_GET(self):
        self.calls.append(1)
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for k in range(12):
            image = np.full((48, 64, 3), 20 * k, np.uint8)
            jpeg = cv2.imencode(".jpg", image)[1].tobytes()
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            self.wfile.write(head.encode() + jpeg + b"\r\n")
            time.sleep(0.03)
        if len(self.calls) == 1:
            time.sleep(6)

    def log_message(self, *_):
        pass


def test_a_stream_that_stalls_is_reopened(monkeypatch):
    monkeypatch.setattr(camera_module, "STREAM_STALL_S", 1.0)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Stream)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with open_camera(
            f"http://127.0.0.1:{server.server_port}/stream", read_timeout_s=20
        ) as camera_stream:
            seen = 0
            for _ in camera_stream:
                seen += 1
                if len(Stream.calls) >= 2 and camera_stream.n_captured > 14:
                    camera_stream.stop()
        assert camera_stream.n_lost >= 1
        assert seen > 2
    finally:
        server.shutdown()
        server.server_close()


def test_no_camera():
    with pytest.raises(SourceError, match="no_such_video"):
        open_camera("no_such_video.mp4", as_live=True)
    with pytest.raises(SourceError, match="--as-live"):
        open_camera("cage.mp4")
    with pytest.raises(SourceError, match="at least one"):
        CameraStream(lambda: Camera(0))

"""Measure how long the frames of a review take: steps and jumps, beside OpenCV.

    python benchmarks/review_frames.py --out /tmp/frames

The video is made if it is not there: 1920x1080, H.264 with B-frames, a key frame every 250 frames.
Times are those from the request to the JPEG image, medians over the frames. The aim is a step under
60 ms and a jump under 300 ms on two cores.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np

from murid.video import open_source
from murid.web.frames import FrameServer

WIDTH = 1920
HEIGHT = 1080
GOP_FRAMES = 250
N_FRAMES = 2000
N_JUMPS = 40
N_STEPS = 60
# Width to which the page reduces the frame in a window of 1920 pixels.
SHOWN_WIDTH = 1280
JPEG_QUALITY = 85


def write_video(path: Path) -> None:
    """Write animals on bedding, with the noise of a camera."""
    rng = np.random.default_rng(0)
    floor = cv2.GaussianBlur(rng.normal(120, 30, (HEIGHT, WIDTH)).astype(np.float32), (0, 0), 3)
    noise = [rng.normal(0, 3, (HEIGHT, WIDTH)).astype(np.float32) for _ in range(4)]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width = WIDTH
        stream.height = HEIGHT
        stream.pix_fmt = "yuv420p"
        stream.gop_size = GOP_FRAMES
        stream.options = {"preset": "veryfast", "bf": "3", "sc_threshold": "0", "crf": "23"}
        for t in range(N_FRAMES):
            image = floor + noise[t % len(noise)]
            for animal in range(5):
                centre = (
                    int(960 + 700 * np.sin(t / 40 + animal * 1.3)),
                    int(540 + 400 * np.cos(t / 53 + animal * 2.1)),
                )
                cv2.ellipse(image, centre, (90, 45), 2 * t + 30 * animal, 0, 360, 30, -1)
            grey = np.clip(image, 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(np.repeat(grey[..., None], 3, 2), format="rgb24")
            frame.pts = t
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def measure(get: Callable[[int], object], numbers: list[int]) -> dict[str, float]:
    """Return median and 95th percentile of the milliseconds that frames take one after another."""
    times_ms = []
    for number in numbers:
        started = time.perf_counter()
        get(number)
        times_ms.append(1000 * (time.perf_counter() - started))
    return {
        "median_ms": round(float(np.median(times_ms)), 2),
        "p95_ms": round(float(np.percentile(times_ms, 95)), 2),
    }


def make_opencv_reader(path: Path) -> Callable[[int], bytes]:
    """Return a function that gives a frame as JPEG, by OpenCV."""
    capture = cv2.VideoCapture(str(path))

    def get(number: int) -> bytes:
        if int(capture.get(cv2.CAP_PROP_POS_FRAMES)) != number:
            capture.set(cv2.CAP_PROP_POS_FRAMES, number)
        image = capture.read()[1]
        height = HEIGHT * SHOWN_WIDTH // WIDTH
        reduced = cv2.resize(image, (SHOWN_WIDTH, height), interpolation=cv2.INTER_AREA)
        options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
        return bytes(cv2.imencode(".jpg", reduced, options)[1])

    return get


def main() -> None:
    """Make the video, measure, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the video")
    parser.add_argument("--video", type=Path, help="another video instead")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.video or options.out / "gop250.mp4"
    if not path.exists():
        write_video(path)

    source = open_source(path)
    n_frames = source.info.n_frames or 0
    rng = np.random.default_rng(1)
    jumps = rng.integers(0, n_frames - N_STEPS, N_JUMPS).tolist()
    start = int(jumps[0])
    steps = list(range(start + 1, start + N_STEPS))

    def open_server() -> Callable[[int], bytes]:
        server = FrameServer(source)
        return lambda number: server.get_image(number, SHOWN_WIDTH)

    found = {}
    for name, make in (("murid", open_server), ("opencv", lambda: make_opencv_reader(path))):
        get = make()
        found[name] = {"jump": measure(get, jumps)}
        get = make()
        get(start)
        found[name]["step"] = measure(get, steps)
        # In a recording of its own, so that the way back is not in the cache.
        get = make()
        get(steps[-1] + 1)
        found[name]["step_back"] = measure(get, steps[::-1])
    # Of the 95th percentiles: cached frames take no time.
    ratios = {
        key: round(found["opencv"][key]["p95_ms"] / found["murid"][key]["p95_ms"], 2)
        for key in found["murid"]
    }
    print(json.dumps(found | {"opencv_to_murid": ratios}, indent=2))


if __name__ == "__main__":
    main()

"""``murid live``."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from murid.cli.progress import show_progress
from murid.detection.config import DetectionConfig
from murid.errors import ConfigError
from murid.live import (
    CameraStream,
    LiveConfig,
    LiveFrame,
    finish_live,
    load_hook,
    open_camera,
    send_udp,
    track_live,
)
from murid.tracking import TrackingConfig

_EVERY_S = 5.0


def live(
    source: str,
    /,
    *,
    out: Path | None = None,
    animals: int | None = None,
    detector: str | None = None,
    background: Path | None = None,
    arena: Path | None = None,
    as_live: Annotated[bool, Parameter(negative=())] = False,
    on_frame: str | None = None,
    udp: str | None = None,
    seconds: float | None = None,
    patience: float = 30.0,
    restart: Annotated[bool, Parameter(negative=())] = False,
    resume: Annotated[bool, Parameter(negative=())] = False,
    identities: bool = True,
    detect: DetectionConfig | None = None,
    association: TrackingConfig | None = None,
) -> None:
    """Track what a camera sees, until it ends or Ctrl-C; frames that come too fast are dropped and counted.

    Parameters
    ----------
    source : str
        Number of a camera (0), address of a stream (rtsp://…), or with --as-live a video file,
        which plays at its own pace. A run directory of a live run whose process was killed is
        finished.
    out : Path
        Run directory; live-DATE-TIME.murid by default.
    animals : int
        Number of animals, at most.
    detector : str
        nano, background, or the path of a network exported by murid.
    background : Path
        Video or folder of pictures from which to learn the empty scene beforehand; else it is
        learnt on the way.
    arena : Path
        Arena file (murid arena makes one from a picture of the camera), as for murid track.
    as_live : bool
        The source is a file.
    on_frame : str
        module:function that is called with every frame and its animals (murid.live.LiveFrame).
    udp : str
        host:port to which every frame's animals are sent as a line of JSON.
    seconds : float
        Stop after so long.
    patience : float
        Seconds for which a camera that was lost is waited for.
    restart : bool
        Remove a run that is there.
    resume : bool
        Go on with a run that is there.
    identities : bool
        Tell identities at the end, where the number of animals is given.
    detect : DetectionConfig
        Settings of detection.
    association : TrackingConfig
        Settings of association.
    """
    if (Path(source) / "manifest.json").is_file():
        with show_progress() as report:
            run = finish_live(source, report)
        print(f"{run.info()['n_frames']} frames: {run.path}")
        return
    if animals is not None and animals < 1:
        raise ConfigError(f"--animals: expected 1 or more, got {animals}")
    path = out or Path(f"live-{datetime.now():%Y%m%d-%H%M%S}.murid")
    with ExitStack() as stack:
        callbacks = [load_hook(on_frame)] if on_frame else []
        callbacks += [stack.enter_context(send_udp(udp))] if udp else []
        camera_stream = stack.enter_context(
            open_camera(source, as_live=as_live, read_timeout_s=patience)
        )
        stack.enter_context(_stop_on_signal(camera_stream))
        run, summary = track_live(
            camera_stream,
            path,
            source=source,
            animals=animals,
            detector=detector,
            background=background,
            arena=arena,
            restart=restart,
            resume=resume,
            callbacks=[*callbacks, _Ticker(camera_stream)],
            config=LiveConfig(most_s=seconds),
            detect=detect,
            association=association,
            identities=identities,
        )
    print(
        f"{summary.n_tracked} frames tracked, {summary.n_dropped} of {summary.n_captured} dropped: {run.path}"
    )
    print(
        f"latency {1e3 * summary.p50_s:.1f} ms in the middle, {1e3 * summary.p99_s:.1f} ms at most in 99 %"
    )
    if summary.n_lost:
        print(f"murid: warning: the camera was lost {summary.n_lost} times", file=sys.stderr)
    if summary.camera_failure:
        print(
            f"murid: warning: {summary.camera_failure}; what was seen until then is kept",
            file=sys.stderr,
        )
    if summary.failure:
        print(
            f"murid: warning: --on-frame or --udp failed {summary.failures} times: {summary.failure}",
            file=sys.stderr,
        )


class _Ticker:
    """Says now and then how it goes."""

    def __init__(self, camera_stream: CameraStream) -> None:
        self._feed, self._last, self._n = camera_stream, time.monotonic(), 0

    def __call__(self, frame: LiveFrame) -> None:
        self._n += 1
        passed = time.monotonic() - self._last
        if passed >= _EVERY_S:
            rate, late = self._n / passed, 1e3 * frame.latency_s
            said = f"frame {frame.index}: {rate:.1f} frames/s, {late:.1f} ms, {self._feed.n_dropped} dropped"
            print(said, file=sys.stderr, flush=True)
            self._last, self._n = time.monotonic(), 0


@contextmanager
def _stop_on_signal(camera_stream: CameraStream) -> Iterator[None]:
    """End the feed at the first Ctrl-C or SIGTERM, so that all is stored; a second one interrupts."""
    before: dict[int, Any] = {}

    def stop(number: int, _frame: Any) -> None:
        camera_stream.stop()
        signal.signal(number, before[number])
        print("murid: stopping; once more to interrupt", file=sys.stderr)

    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, stop)
    try:
        yield
    finally:
        for signal_number, handler in before.items():
            signal.signal(signal_number, handler)

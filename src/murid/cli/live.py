"""``murid live``."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from murid.cli.messages import choose_exit_code, summarise_identities, warn
from murid.cli.options import (
    EVERYDAY,
    IDENTITIES,
    OUTPUT,
    SETTINGS,
    DetectorOptions,
    check_animals,
)
from murid.cli.progress import show_progress
from murid.core.plurals import format_count
from murid.live import (
    CameraStream,
    LiveConfig,
    LiveFrame,
    LiveSummary,
    finish_live,
    load_callback,
    open_camera,
    open_udp_callback,
    track_live,
)
from murid.pipeline.config import Config
from murid.store import is_run_directory

# Seconds between two lines about the frame rate.
_TICK_S = 5.0


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class CameraOptions:
    """How the camera is read, and when to stop."""

    as_live: Annotated[bool, Parameter(negative=(), group=SETTINGS)] = False
    """The source is a file, played at its own frame rate."""

    seconds: Annotated[float | None, Parameter(group=EVERYDAY)] = None
    """Stop after so many seconds."""

    read_timeout: Annotated[float, Parameter(group=SETTINGS)] = 30.0
    """Seconds to wait for a camera that was lost."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class LiveOptions(DetectorOptions):
    """Settings of live tracking."""

    identities: Annotated[bool, Parameter(group=IDENTITIES)] = True
    """Identify the animals at the end; needs --animals."""

    background: Annotated[Path | None, Parameter(group=SETTINGS)] = None
    """Video or folder of images to learn the background from; by default the images so far."""

    def load(self, base: Config | None = None) -> Config:
        """Return the configuration, these options included; raises `ConfigError`."""
        config = super().load(base)
        return config if self.identities else config.change("identification.enabled=false")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class CallbackOptions:
    """Receivers of every frame as soon as it is tracked."""

    on_frame: Annotated[str | None, Parameter(group=OUTPUT)] = None
    """module:function that is called with every frame and its animals (murid.live.LiveFrame)."""

    udp: Annotated[str | None, Parameter(group=OUTPUT)] = None
    """host:port to which the animals of every frame are sent as a line of JSON."""


def live(
    source: str,
    /,
    *,
    animals: Annotated[int | None, Parameter(group=EVERYDAY)] = None,
    out: Annotated[Path | None, Parameter(group=EVERYDAY)] = None,
    arena: Annotated[Path | None, Parameter(group=EVERYDAY)] = None,
    restart: Annotated[bool, Parameter(negative=(), group=EVERYDAY)] = False,
    resume: Annotated[bool, Parameter(negative=(), group=EVERYDAY)] = False,
    camera: CameraOptions | None = None,
    options: LiveOptions | None = None,
    outputs: CallbackOptions | None = None,
) -> int:
    """Track the images of a camera until it ends or Ctrl-C is pressed.

    Frames that come faster than they are tracked are dropped and counted.

    Parameters
    ----------
    source : str
        Number of a camera (0), address of a stream (rtsp://…), or with --as-live a video file. A
        run directory of a live run whose process was killed is finished.
    animals : int
        Number of animals, an upper bound.
    out : Path
        Run directory; live-DATE-TIME.murid by default.
    arena : Path
        Arena file (murid arena makes one from an image of the camera), as for murid track.
    restart : bool
        Remove an existing run.
    resume : bool
        Go on with an existing run.
    """
    # A run instead of a camera: its process was killed, and it only has to be finished.
    if is_run_directory(Path(source)):
        with show_progress() as report:
            run = finish_live(source, report)
        facts = run.info()
        print(f"{format_count(facts['n_frames'], 'frame')}: {run.path}")
        warn(facts)
        for line in summarise_identities(facts):
            print(line)
        return choose_exit_code([facts])
    check_animals(animals)
    chosen = options or LiveOptions()
    reading = camera or CameraOptions()
    path = out or Path(f"live-{datetime.now():%Y%m%d-%H%M%S}.murid")
    with ExitStack() as stack:
        callbacks = _open_callbacks(outputs or CallbackOptions(), stack)
        camera_stream = stack.enter_context(
            open_camera(source, as_live=reading.as_live, read_timeout_s=reading.read_timeout)
        )
        stack.enter_context(_stop_on_signal(camera_stream))
        run, summary = track_live(
            camera_stream,
            path,
            source=source,
            animals=animals,
            config=chosen.load(),
            background=chosen.background,
            arena=arena,
            restart=restart,
            resume=resume,
            callbacks=[*callbacks, _Ticker(camera_stream)],
            live=LiveConfig(max_duration_s=reading.seconds),
        )
    dropped = f"{summary.n_dropped} of {summary.n_captured} dropped"
    print(f"{format_count(summary.n_tracked, 'frame')} tracked, {dropped}: {run.path}")
    print(f"latency {1e3 * summary.p50_s:.1f} ms median, {1e3 * summary.p99_s:.1f} ms for 99 %")
    _warn(summary)
    facts = run.info()
    warn(facts)
    for line in summarise_identities(facts):
        print(line)
    return choose_exit_code([facts])


def _open_callbacks(options: CallbackOptions, stack: ExitStack) -> list[Any]:
    callbacks: list[Any] = []
    if options.on_frame:
        callbacks.append(load_callback(options.on_frame))
    if options.udp:
        callbacks.append(stack.enter_context(open_udp_callback(options.udp)))
    return callbacks


def _warn(summary: LiveSummary) -> None:
    """Print on standard error what went wrong."""
    warnings = []
    if summary.n_lost:
        warnings.append(f"the camera was lost {format_count(summary.n_lost, 'time')}")
    if summary.camera_failure:
        warnings.append(f"{summary.camera_failure}; frames until then are stored")
    if summary.failure:
        failed = f"--on-frame or --udp failed {format_count(summary.failures, 'time')}"
        warnings.append(f"{failed}: {summary.failure}")
    for warning in warnings:
        print(f"murid: warning: {warning}", file=sys.stderr)


class _Ticker:
    """Prints the frame rate and latency now and then."""

    def __init__(self, camera_stream: CameraStream) -> None:
        self._camera_stream = camera_stream
        self._last_s = time.monotonic()
        self._n_frames = 0

    def __call__(self, frame: LiveFrame) -> None:
        self._n_frames += 1
        now_s = time.monotonic()
        passed_s = now_s - self._last_s
        if passed_s < _TICK_S:
            return
        rate = f"{self._n_frames / passed_s:.1f} frames/s"
        latency = f"{1e3 * frame.latency_s:.1f} ms"
        dropped = f"{self._camera_stream.n_dropped} dropped"
        print(f"frame {frame.index}: {rate}, {latency}, {dropped}", file=sys.stderr, flush=True)
        self._last_s = now_s
        self._n_frames = 0


@contextmanager
def _stop_on_signal(camera_stream: CameraStream) -> Iterator[None]:
    """End the stream at the first Ctrl-C or SIGTERM, so that all is stored; a second interrupts."""
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

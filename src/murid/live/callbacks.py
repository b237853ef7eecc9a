"""Who is told of every frame as soon as it is tracked: a function of the user's, or a program over the network."""

from __future__ import annotations

import importlib
import json
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from murid.core.boxes import compute_centres
from murid.core.types import TrackedDetections, UInt8
from murid.errors import ConfigError


@dataclass(frozen=True, eq=False, slots=True)
class LiveFrame:
    """A frame that has just been tracked.

    Attributes
    ----------
    index : int
        Its number in the run.
    time_s : float
        Seconds from the start of the run to when the picture was there.
    latency_s : float
        Seconds from then until now.
    image : ndarray
        ``(h, w, 3)`` uint8 RGB.
    tracked : TrackedDetections
        Animals, -1 = not in a track yet.
    """

    index: int
    time_s: float
    latency_s: float
    image: UInt8
    tracked: TrackedDetections


FrameCallback = Callable[[LiveFrame], object]
"""Called with every frame, in order; tracking waits for it."""


def load_hook(name: str) -> FrameCallback:
    """Import ``module:function``, from the working directory too.

    Raises
    ------
    ConfigError
        If there is no such function.
    """
    module, colon, function = name.partition(":")
    if not (module and colon and function):
        raise ConfigError(f"--on-frame: expected module:function, got {name}")
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        hook = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"--on-frame: expected a function that can be imported, got {name}: {error}"
        ) from error
    if not callable(hook):
        raise ConfigError(f"--on-frame: expected a function, got {name}, a {type(hook).__name__}")
    return hook  # type: ignore[no-any-return]


@contextmanager
def send_udp(address: str) -> Iterator[FrameCallback]:
    """Lend a listener that sends each frame as a line of JSON: ``frame``, ``time_s``, ``latency_s``, ``animals``.

    An animal has ``id``, centre ``x``, ``y``, ``box`` (left, top, right, bottom), all in pixels,
    and ``score``.

    Parameters
    ----------
    address : str
        ``host:port``.

    Raises
    ------
    ConfigError
        If it is no address.
    """
    host, colon, port = address.rpartition(":")
    if not (host and colon and port.isdigit()):
        raise ConfigError(f"--udp: expected host:port, got {address}")
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(
            host, int(port), type=socket.SOCK_DGRAM
        )[0]
    except OSError as error:
        raise ConfigError(f"--udp: expected a host that is known, got {host}: {error}") from error
    with socket.socket(family, kind, protocol) as sender:
        yield lambda frame: sender.sendto(to_json(frame).encode(), target)


def to_json(frame: LiveFrame) -> str:
    """One line of JSON, as `send_udp` describes it."""
    detections, ids = frame.tracked.detections, frame.tracked.track_ids
    centres = compute_centres(detections.boxes)
    animals = [
        {
            "id": int(ids[k]),
            "x": round(float(centres[k, 0]), 2),
            "y": round(float(centres[k, 1]), 2),
            "box": [round(float(side), 2) for side in detections.boxes[k]],
            "score": round(float(detections.scores[k]), 4),
        }
        for k in range(len(ids))
        if ids[k] >= 0
    ]
    head = {
        "frame": frame.index,
        "time_s": round(frame.time_s, 4),
        "latency_s": round(frame.latency_s, 4),
    }
    return json.dumps(head | {"animals": animals}) + "\n"

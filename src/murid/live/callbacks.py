"""Callbacks for every tracked frame: a Python function, or datagrams to another program."""

from __future__ import annotations

import importlib
import json
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from murid.core.boxes import compute_centres
from murid.core.types import TrackedDetections, UInt8
from murid.errors import ConfigError


@dataclass(frozen=True, eq=False, slots=True)
class LiveFrame:
    """A frame that has just been tracked.

    Attributes
    ----------
    index : int
        Frame number in the run.
    time_s : float
        Seconds from the start of the run to the arrival of the image.
    latency_s : float
        Seconds from the arrival of the image until now.
    image : ndarray
        ``(h, w, 3)`` uint8 RGB.
    tracked : TrackedDetections
        Detections and their track ids; -1 for detections that belong to no track yet.
    """

    index: int
    time_s: float
    latency_s: float
    image: UInt8
    tracked: TrackedDetections


# Called with every frame, in order. Tracking waits until it returns.
FrameCallback = Callable[[LiveFrame], object]


def load_callback(name: str) -> FrameCallback:
    """Import a callback by ``module:function``, also from the working directory.

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
        callback = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        expected = "a function that can be imported"
        raise ConfigError(f"--on-frame: expected {expected}, got {name}: {error}") from error
    if not callable(callback):
        got = f"{name}, a {type(callback).__name__}"
        raise ConfigError(f"--on-frame: expected a function, got {got}")
    return callback  # type: ignore[no-any-return]


@contextmanager
def open_udp_callback(address: str) -> Iterator[FrameCallback]:
    """Yield a callback that sends each frame as a line of JSON in a UDP datagram.

    The line has ``frame``, ``time_s``, ``latency_s`` and ``animals``. An animal has ``id``, its
    centre ``x``, ``y`` and its ``box`` (left, top, right, bottom), in pixels, and ``score``.

    Parameters
    ----------
    address : str
        ``host:port``.

    Raises
    ------
    ConfigError
        If it is not an address, or the host is unknown.
    """
    host, colon, port = address.rpartition(":")
    if not (host and colon and port.isdigit()):
        raise ConfigError(f"--udp: expected host:port, got {address}")
    try:
        addresses = socket.getaddrinfo(host, int(port), type=socket.SOCK_DGRAM)
    except OSError as error:
        raise ConfigError(f"--udp: expected a host that is known, got {host}: {error}") from error
    family, kind, protocol, _, target = addresses[0]
    with socket.socket(family, kind, protocol) as sender:
        yield lambda frame: sender.sendto(to_json(frame).encode(), target)


def to_json(frame: LiveFrame) -> str:
    """Return a frame as one line of JSON (see `open_udp_callback`)."""
    detections = frame.tracked.detections
    centres = compute_centres(detections.boxes)
    animals: list[dict[str, Any]] = []
    for k, track_id in enumerate(frame.tracked.track_ids.tolist()):
        if track_id >= 0:
            animals.append(
                {
                    "id": track_id,
                    "x": round(float(centres[k, 0]), 2),
                    "y": round(float(centres[k, 1]), 2),
                    "box": [round(float(side), 2) for side in detections.boxes[k]],
                    "score": round(float(detections.scores[k]), 4),
                }
            )
    content = {
        "frame": frame.index,
        "time_s": round(frame.time_s, 4),
        "latency_s": round(frame.latency_s, 4),
        "animals": animals,
    }
    return json.dumps(content) + "\n"

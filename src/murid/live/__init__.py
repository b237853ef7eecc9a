"""Tracking what a camera sees while it sees it."""

from murid.live.callbacks import FrameCallback, LiveFrame, load_hook, send_udp
from murid.live.camera import CameraStream, Captured, open_camera
from murid.live.track_live import LiveConfig, LiveSummary, finish_live, track_live

__all__ = [
    "CameraStream",
    "Captured",
    "FrameCallback",
    "LiveConfig",
    "LiveFrame",
    "LiveSummary",
    "finish_live",
    "load_hook",
    "open_camera",
    "send_udp",
    "track_live",
]

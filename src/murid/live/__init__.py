"""Track the images of a camera while it records."""

from murid.live.callbacks import FrameCallback, LiveFrame, load_callback, open_udp_callback
from murid.live.camera import CameraStream, CapturedImage, open_camera
from murid.live.config import LiveConfig
from murid.live.summary import LiveSummary
from murid.live.track_live import finish_live, track_live

__all__ = [
    "CameraStream",
    "CapturedImage",
    "FrameCallback",
    "LiveConfig",
    "LiveFrame",
    "LiveSummary",
    "finish_live",
    "load_callback",
    "open_camera",
    "open_udp_callback",
    "track_live",
]

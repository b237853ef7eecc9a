"""Tracking what a camera sees while it sees it."""

from murid.live.callbacks import Listener, LiveFrame, load_hook, send_udp
from murid.live.camera import Captured, Feed, open_feed
from murid.live.track_live import LiveConfig, LiveSummary, finish_live, track_live

__all__ = [
    "Captured",
    "Feed",
    "Listener",
    "LiveConfig",
    "LiveFrame",
    "LiveSummary",
    "finish_live",
    "load_hook",
    "open_feed",
    "send_udp",
    "track_live",
]

"""Tracking what a camera sees while it sees it."""

from murid.live.feed import Captured, Feed, open_feed
from murid.live.flow import LiveConfig, LiveSummary, finish_live, track_live
from murid.live.listeners import Listener, LiveFrame, load_hook, send_udp

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

"""Read frames from videos and image sequences, model the background, write annotated videos."""

from murid.video.annotate import PALETTE, Annotator, choose_colour
from murid.video.clocked_source import ClockOptions, open_as_tracked, open_clocked
from murid.video.info import FrameSource, UnreadableFrame, VideoInfo
from murid.video.source import open_source, sample_frames
from murid.video.writer import VideoWriter

__all__ = [
    "PALETTE",
    "Annotator",
    "ClockOptions",
    "FrameSource",
    "UnreadableFrame",
    "VideoInfo",
    "VideoWriter",
    "choose_colour",
    "open_as_tracked",
    "open_clocked",
    "open_source",
    "sample_frames",
]

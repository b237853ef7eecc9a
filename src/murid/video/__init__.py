"""Frames in, from files, folders and globs; annotated video out."""

from murid.video.annotate import PALETTE, Annotator, choose_colour
from murid.video.info import FrameSource, UnreadableFrame, VideoInfo
from murid.video.source import open_source, sample_frames
from murid.video.writer import VideoSink

__all__ = [
    "PALETTE",
    "Annotator",
    "FrameSource",
    "UnreadableFrame",
    "VideoInfo",
    "VideoSink",
    "choose_colour",
    "open_source",
    "sample_frames",
]

"""Tracks of a chunk of frames, and their boxes as a table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from murid.core.keypoints import KEYPOINTS
from murid.core.types import SOURCES, Bool, Float32, Float64, Int8, Int64, Tracks
from murid.errors import ArrayError


@dataclass(frozen=True, eq=False, slots=True)
class TracksChunk:
    """The tracks of consecutive frames and the times of these frames.

    Attributes
    ----------
    first_frame : int
        Index of the first frame among the frames that were tracked.
    times_s : ndarray
        ``(F,)`` float64 seconds.
    tracks : Tracks
        Tracks of the same F frames.
    first_video_frame, frame_step : int
        Tracked frame k is frame ``first_video_frame + frame_step * k`` of the video.
    """

    first_frame: int
    times_s: Float64
    tracks: Tracks
    first_video_frame: int = 0
    frame_step: int = 1

    @property
    def video_frames(self) -> Int64:
        """``(F,)`` int64: the numbers of the frames in the video, from 0."""
        frames = self.first_frame + np.arange(len(self.times_s), dtype=np.int64)
        return self.first_video_frame + self.frame_step * frames

    def __post_init__(self) -> None:
        expected = (self.tracks.n_frames,)
        if self.times_s.shape != expected:
            raise ArrayError(
                "TracksChunk.times_s", f"shape {expected}", f"shape {self.times_s.shape}"
            )


class TrackedBox(NamedTuple):
    """One box of one track.

    Attributes
    ----------
    frame, track_id : int
        Frame from 0.
    score : float
    identity_probability : float or None
        Probability that the box shows this identity; None = not known.
    interpolated : bool
        Whether the position was interpolated rather than detected.
    merged : bool
        Whether the box holds another animal as well.
    source : str
        Who says which animal it is: one of `murid.core.types.SOURCES`.
    """

    frame: int
    track_id: int
    score: float
    identity_probability: float | None
    interpolated: bool
    merged: bool
    source: str


@dataclass(frozen=True, eq=False, slots=True)
class TrackRows:
    """The tracked boxes of a chunk, ordered by frame and then track id: columns of one length.

    Attributes
    ----------
    frames, track_ids : ndarray
        ``(N,)`` int64, frames of the video from 0.
    times_s, scores : ndarray
        ``(N,)`` float64 seconds and float32.
    boxes : ndarray
        ``(N, 4)`` float64, xyxy in pixels.
    interpolated : ndarray
        ``(N,)`` bool: whether a position was interpolated rather than detected.
    merged : ndarray
        ``(N,)`` bool: whether the box holds another animal as well; False where that is unknown.
    identity_probabilities : ndarray
        ``(N,)`` float32: probability that the box shows this identity; NaN = not known.
    sources : ndarray
        ``(N,)`` int8: who says which animal it is, an index in `murid.core.types.SOURCES`.
    keypoints : ndarray
        ``(N, K, 3)`` float64: x and y in pixels, and confidence, of each of `KEYPOINTS`; all three
        are NaN where a keypoint is unknown, and everywhere in a recording without keypoints.
    """

    frames: Int64
    track_ids: Int64
    times_s: Float64
    scores: Float32
    boxes: Float64
    interpolated: Bool
    merged: Bool
    identity_probabilities: Float32
    sources: Int8
    keypoints: Float64

    @property
    def source_names(self) -> list[str]:
        """Who says which animal each row is, in words."""
        return [SOURCES[source] for source in self.sources.tolist()]

    def iterate_boxes(self) -> Iterator[TrackedBox]:
        """Yield each row as plain Python values, without time and coordinates."""
        probabilities = (
            None if math.isnan(value) else value for value in self.identity_probabilities.tolist()
        )
        cells = zip(
            self.frames.tolist(),
            self.track_ids.tolist(),
            self.scores.tolist(),
            probabilities,
            self.interpolated.tolist(),
            self.merged.tolist(),
            self.source_names,
            strict=True,
        )
        return map(TrackedBox._make, cells)


def iterate_rows(chunks: Iterable[TracksChunk]) -> Iterator[TrackRows]:
    """Yield the tracked boxes of each chunk; detections without a track are left out."""
    for chunk in chunks:
        yield _to_rows(chunk)


def _to_rows(chunk: TracksChunk) -> TrackRows:
    tracks = chunk.tracks
    table = tracks.detections
    frame_numbers = table.frame_numbers
    order = np.lexsort((tracks.track_ids, frame_numbers))
    order = order[tracks.track_ids[order] >= 0]
    interpolated = np.zeros(len(order), bool)
    if tracks.interpolated is not None:
        interpolated = tracks.interpolated[order]
    merged = np.zeros(len(order), bool)
    if tracks.merged is not None:
        merged = tracks.merged[order]
    identity_probabilities = np.full(len(order), np.nan, np.float32)
    if tracks.identity_probabilities is not None:
        identity_probabilities = tracks.identity_probabilities[order]
    sources = np.zeros(len(order), np.int8)
    if tracks.sources is not None:
        sources = tracks.sources[order]
    keypoints = np.full((len(order), len(KEYPOINTS), 3), np.nan)
    if table.keypoints is not None:
        keypoints = table.keypoints[order].astype(np.float64)
        keypoints[np.isnan(keypoints).any(axis=2)] = np.nan
    return TrackRows(
        frames=chunk.video_frames[frame_numbers[order]],
        track_ids=tracks.track_ids[order],
        times_s=chunk.times_s[frame_numbers[order]],
        scores=table.scores[order],
        boxes=table.boxes[order].astype(np.float64),
        interpolated=interpolated,
        merged=merged,
        identity_probabilities=identity_probabilities,
        sources=sources,
        keypoints=keypoints,
    )

"""What an export is made of: the tracks of one stretch of video after another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from murid.core.types import Float64, Tracks
from murid.errors import ArrayError


@dataclass(frozen=True, eq=False, slots=True)
class TracksChunk:
    """The tracks of consecutive frames, and when these were.

    Attributes
    ----------
    first_frame : int
        Index in the video of the first of the frames.
    times_s : ndarray
        ``(F,)`` float64 seconds.
    tracks : Tracks
        Of the same F frames.
    """

    first_frame: int
    times_s: Float64
    tracks: Tracks

    def __post_init__(self) -> None:
        if self.times_s.shape != (self.tracks.n_frames,):
            raise ArrayError(
                "TracksChunk.times_s",
                f"shape ({self.tracks.n_frames},)",
                f"shape {self.times_s.shape}",
            )


@dataclass(frozen=True, eq=False, slots=True)
class TrackRows:
    """The boxes of a stretch that belong to a track, by frame and then track id: columns of one length.

    Attributes
    ----------
    frames, track_ids : ndarray
        ``(N,)`` int64, frames from 0.
    times_s, scores : ndarray
        ``(N,)`` float64 seconds and float32.
    boxes : ndarray
        ``(N, 4)`` float64, xyxy in pixels.
    interpolated : ndarray
        ``(N,)`` bool: whether a position was filled in rather than seen.
    identity_probabilities : ndarray
        ``(N,)`` float32: how likely it is this animal; NaN = not known.
    """

    frames: np.ndarray
    track_ids: np.ndarray
    times_s: np.ndarray
    scores: np.ndarray
    boxes: np.ndarray
    interpolated: np.ndarray
    identity_probabilities: np.ndarray


def iterate_rows(stretches: Iterable[TracksChunk]) -> Iterator[TrackRows]:
    """Yield the rows of each stretch; memory is that of one of them."""
    for stretch in stretches:
        tracks = stretch.tracks
        table, track_ids = tracks.detections, tracks.track_ids
        numbers = table.frame_numbers
        order = np.lexsort((track_ids, numbers))
        order = order[track_ids[order] >= 0]
        places = numbers[order]
        yield TrackRows(
            places + stretch.first_frame,
            track_ids[order],
            stretch.times_s[places],
            table.scores[order],
            table.boxes[order].astype(np.float64),
            np.zeros(len(order), bool)
            if tracks.interpolated is None
            else tracks.interpolated[order],
            np.full(len(order), np.nan, np.float32)
            if tracks.identity_probabilities is None
            else tracks.identity_probabilities[order],
        )

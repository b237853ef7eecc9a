"""The input of every exporter: the tracks of a video, chunk by chunk, and its metadata."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from murid.core.identity_probabilities import IdentityProbabilities
from murid.core.types import Int64
from murid.corrections.summary import CorrectionsSummary
from murid.datasets.raw_labels import to_name
from murid.export.tracks_chunk import TracksChunk

# Times may deviate this much from a constant frame rate: some containers round times to ms.
MAX_TIME_ERROR_S = 1e-3


class TracksSummary(NamedTuple):
    """Track ids, frame rate and keypoints of a recording, from one pass over all tracks.

    Attributes
    ----------
    track_ids : ndarray
        ``(I,)`` int64, ascending.
    constant_fps : float or None
        Frames per second if all frames are equally spaced, else None.
    has_keypoints : bool
        Whether detections have keypoints, see `murid.core.keypoints`.
    """

    track_ids: Int64
    constant_fps: float | None
    has_keypoints: bool


@dataclass(frozen=True, eq=False)
class TrackedRecording:
    """The tracks of one video and its metadata; iterate over it to get the chunks.

    Iteration can be repeated, and keeps one chunk in memory at a time.

    Attributes
    ----------
    source : str
        Path of the video, image folder or glob.
    width, height : int
        Pixels.
    fps : float
        Frames per second, the median.
    n_frames : int
        Number of frames of all chunks together.
    identified : bool
        Whether each track is one animal from the first to the last frame.
    read_chunks : callable
        Yields consecutive chunks, the first one at frame 0.
    fingerprint : str
        Hash that identifies the video.
    tracked_at : datetime or None
        Time at which the video was tracked.
    metadata : mapping
        Metadata of session and animals from the user, see `murid.export.metadata`.
    identity_names : mapping of int to str
        Names of identities by track id, if the user or a gallery gave names.
    started_at : datetime or None
        Time of the first frame, if the timestamps of the recording have dates.
    has_own_times : bool
        Whether the time of each frame was measured, so that no rate may stand for them.
    identity_probabilities : IdentityProbabilities or None
        How likely the identities are right, if the animals were identified.
    corrections : CorrectionsSummary or None
        The corrections that the identities follow from; None without any. Only then files say who
        made them, and have a ``source`` of each box.
    """

    source: str
    width: int
    height: int
    fps: float
    n_frames: int
    identified: bool
    read_chunks: Callable[[], Iterable[TracksChunk]]
    fingerprint: str = ""
    tracked_at: datetime | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    identity_names: Mapping[int, str] = field(default_factory=dict)
    started_at: datetime | None = None
    has_own_times: bool = False
    identity_probabilities: IdentityProbabilities | None = None
    corrections: CorrectionsSummary | None = None

    def __iter__(self) -> Iterator[TracksChunk]:
        return iter(self.read_chunks())

    @property
    def name(self) -> str:
        """Name of the video without folder and suffix, valid as a file name."""
        return to_name(Path(self.source).stem)

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each track or animal, in the order of the track ids."""
        return tuple(self.get_name(i) for i in self.summary.track_ids.tolist())

    @cached_property
    def n_video_frames(self) -> int:
        """Length of the video up to the last tracked frame; not all before need be tracked."""
        ends = (int(chunk.video_frames[-1]) + 1 for chunk in self if len(chunk.times_s))
        return max(ends, default=0)

    def get_name(self, track_id: int) -> str:
        """Return the name of an identity, else ``animal_3``, or ``track_3`` without identities."""
        given = self.identity_names.get(track_id)
        prefix = "animal" if self.identified else "track"
        return given or f"{prefix}_{track_id}"

    @cached_property
    def summary(self) -> TracksSummary:
        """Track ids, constant frame rate and keypoints, from one pass over all chunks."""
        track_ids = np.zeros(0, np.int64)
        has_keypoints = False
        rate = _FrameRateEstimator()
        for chunk in self:
            track_ids = np.union1d(track_ids, chunk.tracks.track_ids)
            rate.add(chunk)
            has_keypoints |= chunk.tracks.detections.keypoints is not None
        constant_fps = None if self.has_own_times else rate.estimate(self.fps)
        return TracksSummary(track_ids[track_ids >= 0], constant_fps, has_keypoints)


class _FrameRateEstimator:
    """Estimates in one pass whether all frames are equally spaced in time.

    It keeps the range of frame intervals that agree with every frame so far. An interval agrees
    with frame k if k intervals after the first frame is within `MAX_TIME_ERROR_S` of its time.
    """

    def __init__(self) -> None:
        self._first_time_s: float | None = None
        self._min_interval_s = 0.0
        self._max_interval_s = np.inf

    def add(self, chunk: TracksChunk) -> None:
        """Use the frame times of a chunk."""
        times_s = chunk.times_s
        if self._first_time_s is None and len(times_s):
            self._first_time_s = float(times_s[0])
        frames = np.arange(chunk.first_frame, chunk.first_frame + len(times_s))
        later = frames > 0
        if self._first_time_s is None or not later.any():
            return
        elapsed_s = times_s[later] - self._first_time_s
        n_intervals = frames[later]
        min_interval_s = float(((elapsed_s - MAX_TIME_ERROR_S) / n_intervals).max())
        max_interval_s = float(((elapsed_s + MAX_TIME_ERROR_S) / n_intervals).min())
        self._min_interval_s = max(self._min_interval_s, min_interval_s)
        self._max_interval_s = min(self._max_interval_s, max_interval_s)

    def estimate(self, nominal_fps: float) -> float | None:
        """Return the constant frame rate, preferably `nominal_fps`; None if it is not constant."""
        if not 0 < self._min_interval_s <= self._max_interval_s < np.inf:
            return None
        if self._min_interval_s <= 1 / nominal_fps <= self._max_interval_s:
            return nominal_fps
        return 2 / (self._min_interval_s + self._max_interval_s)

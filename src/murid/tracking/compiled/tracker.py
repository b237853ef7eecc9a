"""`CompiledTracker`: the compiled association behind the interface of `Tracker`."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from murid.core.clock import StepCounter
from murid.core.types import (
    Detections,
    DetectionTable,
    Float32,
    Float64,
    Int64,
    TrackedDetections,
    Tracks,
)
from murid.errors import ConfigError
from murid.tracking.compiled.kernel import track_frames
from murid.tracking.compiled.state import (
    is_supported,
    make_challenger_arrays,
    make_motion,
    make_settings,
    make_track_arrays,
)
from murid.tracking.config import TrackingConfig
from murid.tracking.tracker import (
    check_detections,
    check_fps,
    count_max_lost_frames,
    make_motion_model,
)

Scalar = TypeVar("Scalar", bound=np.generic)


class CompiledTracker:
    """`Tracker` for a static camera, compiled.

    The first use on a machine compiles the code, which takes up to a minute. The result is cached
    beside the package, or in the cache folder of the user if the package is not writable.

    Parameters
    ----------
    config : TrackingConfig
        Configuration for which `is_supported` is true.
    fps : float
        Frames per second of the video.

    Raises
    ------
    ConfigError
        If `fps` is not a positive number, or the configuration is not supported.
    """

    def __init__(self, config: TrackingConfig, fps: float) -> None:
        if not is_supported(config):
            raise ConfigError(
                "tracking: expected settings that the compiled association supports, got others"
            )
        check_fps(fps)
        self.config = config
        self.fps = float(fps)
        max_lost_frames = count_max_lost_frames(config, self.fps)
        self._settings = make_settings(config, self.fps, max_lost_frames)
        self._motion = make_motion(make_motion_model(config, self.fps))
        self._tracks = make_track_arrays(embedding_size=0)
        self._challengers = make_challenger_arrays()
        self._embedding_size: int | None = None
        self._steps = StepCounter(self.fps)

    def step(self, detections: Detections, *, time_s: float | None = None) -> TrackedDetections:
        """Track the detections of the next frame, as `Tracker.step`."""
        offsets = np.array([0, len(detections)], np.int64)
        times_s = None if time_s is None else np.array([time_s], np.float64)
        ids, boxes = self._track(detections, offsets, self._steps.count(times_s, 1))
        return TrackedDetections(replace(detections, boxes=boxes), ids)

    def follow(self, table: DetectionTable, *, times_s: Float64 | None = None) -> Tracks:
        """Track the next chunk of frames, as `Tracker.follow`."""
        steps = self._steps.count(times_s, table.n_frames)
        ids, boxes = self._track(table, table.frame_offsets, steps)
        return Tracks(replace(table, boxes=boxes), ids)

    def _track(
        self, detections: Detections | DetectionTable, offsets: Int64, steps: Int64
    ) -> tuple[Int64, Float32]:
        """Return track ids ``(N,)`` and reported boxes ``(N, 4)``."""
        if len(detections):
            size = check_detections(detections, self._embedding_size)
            if self._embedding_size is None:
                self._set_embedding_size(size)
        embeddings = detections.embeddings
        if embeddings is None or not len(detections):
            size = self._tracks.embeddings.shape[1]
            embeddings = np.zeros((len(detections), size), np.float32)
        ids, boxes, self._tracks = track_frames(
            _to_read_only(detections.boxes),
            _to_read_only(detections.scores),
            _to_read_only(embeddings),
            _to_read_only(offsets),
            _to_read_only(steps),
            self._tracks,
            self._challengers,
            self._motion,
            self._settings,
        )
        return ids, boxes

    def _set_embedding_size(self, size: int) -> None:
        """Make room for embeddings, before there is any track."""
        self._embedding_size = size
        capacity = len(self._tracks.ids)
        embeddings = np.zeros((capacity, size), np.float32)
        self._tracks = self._tracks._replace(embeddings=embeddings)


def _to_read_only(array: NDArray[Scalar]) -> NDArray[Scalar]:
    """Return a read-only contiguous view.

    numba compiles once for each combination of writable and read-only arrays.
    """
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view

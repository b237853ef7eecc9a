"""The compiled association as a tracker."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from murid.core.types import Detections, DetectionTable, Float32, Int64, TrackedDetections, Tracks
from murid.errors import ConfigError
from murid.tracking.compiled.kernel import follow
from murid.tracking.compiled.state import can_follow, make_settings, make_state
from murid.tracking.config import TrackingConfig
from murid.tracking.tracker import check_detections, check_fps, count_lost_frames, make_motion

N = TypeVar("N", bound=np.generic)


class CompiledTracker:
    """`Tracker` for a camera at rest, compiled.

    The first use on a machine compiles, which takes up to a minute; what comes of it is kept beside
    the package, or in the user's cache where the package cannot be written to.

    Parameters
    ----------
    config : TrackingConfig
        Settings that `can_follow`.
    fps : float
        Frames per second of the video.

    Raises
    ------
    ConfigError
        If `fps` is not a positive number, or the settings are not compiled.
    """

    def __init__(self, config: TrackingConfig, fps: float) -> None:
        if not can_follow(config):
            raise ConfigError(
                "TrackingConfig: expected settings of murid's own association, got others"
            )
        check_fps(fps)
        self.config, self.fps = config, float(fps)
        motion = make_motion(config, self.fps)
        self._settings = make_settings(
            config, self.fps, motion, count_lost_frames(config, self.fps)
        )
        self._motion = motion
        self._state = make_state(motion, config.confirm_new_tracks, 0)
        self._embedding_size: int | None = None

    def step(self, detections: Detections) -> TrackedDetections:
        """Take the detections of the next frame, as `Tracker.step`."""
        ids, boxes = self._follow(detections, np.array([0, len(detections)], np.int64))
        return TrackedDetections(Detections(boxes, detections.scores, detections.embeddings), ids)

    def follow(self, table: DetectionTable) -> Tracks:
        """Take the next stretch of a recording, as `Tracker.follow`."""
        ids, boxes = self._follow(table, table.frame_offsets)
        return Tracks(
            DetectionTable(boxes, table.scores, table.embeddings, table.frame_offsets), ids
        )

    def _follow(
        self, detections: Detections | DetectionTable, offsets: Int64
    ) -> tuple[Int64, Float32]:
        if len(detections):
            size = check_detections(detections, self._embedding_size)
            if self._embedding_size is None:
                self._embedding_size = size
                self._state = self._state._replace(
                    embeddings=np.zeros((len(self._state.ids), size), np.float32)
                )
        embeddings = detections.embeddings
        if embeddings is None or not len(detections):
            embeddings = np.zeros((len(detections), self._state.embeddings.shape[1]), np.float32)
        boxes, scores, embeddings = map(
            _only_read, (detections.boxes, detections.scores, embeddings)
        )
        found = follow(boxes, scores, embeddings, _only_read(offsets), self._state, self._settings)
        ids, shown, self._state = found
        return ids, shown


def _only_read(array: NDArray[N]) -> NDArray[N]:
    """Return a read-only view: numba compiles once more for every mix of arrays that can and cannot be written to."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view

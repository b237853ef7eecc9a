"""Two-stage data association (DAM): detections of one frame after the other become tracks."""

from __future__ import annotations

import math
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from murid.core import boxes as bx
from murid.core.types import (
    Detections,
    DetectionTable,
    Float32,
    Float64,
    Int64,
    Matches,
    TrackBank,
    TrackedDetections,
    Tracks,
)
from murid.errors import ArrayError, ConfigError
from murid.tracking import costs, kalman, lifecycle
from murid.tracking.association import Thresholds, associate
from murid.tracking.config import TrackingConfig
from murid.tracking.lifecycle import TrackState

_TINY = 1e-12


def check_fps(fps: float) -> None:
    """Raise `ConfigError` unless it is a positive number."""
    if not (math.isfinite(fps) and fps > 0):
        raise ConfigError(f"fps must be a positive number, not {fps}")


def make_motion(config: TrackingConfig, fps: float) -> kalman.Motion:
    """How boxes are believed to move at a frame rate."""
    return kalman.Motion.from_noise(
        aspect=config.motion.aspect_ratio_std,
        fps=fps if config.motion.scale_noise_with_fps else kalman.NOISE_FPS,
        velocity_decay_s=config.motion.velocity_decay_s,
        predict_growth=config.motion.predict_growth,
    )


def count_lost_frames(config: TrackingConfig, fps: float) -> int:
    """Frames for which an unseen track is kept."""
    return math.floor(config.max_lost_s * fps + 1e-9)


class Tracker:
    """Follows the animals of one video, frame after frame (paper, section III-C).

    Works with any detector, with or without embeddings. Ids count from 1 in every tracker.

    Parameters
    ----------
    config : TrackingConfig, optional
        Settings; the defaults suit rodents.
    fps : float
        Frames per second of the video.

    Attributes
    ----------
    bank : TrackBank
        The live tracks, in ascending order of their ids.

    Raises
    ------
    ConfigError
        If `fps` is not a positive number.
    """

    def __init__(self, config: TrackingConfig | None = None, fps: float = 30.0) -> None:
        check_fps(fps)
        self.config = TrackingConfig() if config is None else config
        self.fps = float(fps)
        self.bank = lifecycle.empty_bank()
        self._motion = make_motion(self.config, self.fps)
        self._max_lost_frames = count_lost_frames(self.config, self.fps)
        self._frame = 0
        self._next_id = 1
        self._score_sums = np.zeros(2)
        self._embedding_size: int | None = None

    def follow(self, table: DetectionTable, camera_motion: Float64 | None = None) -> Tracks:
        """Take the next stretch of a recording, as `step` does frame by frame.

        Parameters
        ----------
        table : DetectionTable
        camera_motion : ndarray, optional
            ``(F, 2, 3)`` float64, pixels: the map of `step` for each frame.
        """
        motions = repeat(None) if camera_motion is None else camera_motion
        return Tracks.from_frames(
            [self.step(own, motion) for own, motion in zip(table, motions, strict=False)]
        )

    def step(
        self, detections: Detections, camera_motion: Float64 | None = None
    ) -> TrackedDetections:
        """Take the detections of the next frame and say which track each belongs to.

        Parameters
        ----------
        detections : Detections
            All that was seen, ``(n, 4)`` boxes; embeddings in every frame that has detections, or
            in none. A frame that could not be read counts as one without detections.
        camera_motion : ndarray, optional
            ``(2, 3)`` float64, pixels: the affine map that carries a point of the frame before to
            this one; a camera at rest by default.

        Returns
        -------
        TrackedDetections
            One row per detection, in the same order; -1 where a detection belongs to no reported
            track. A box without area belongs to none.

        Raises
        ------
        ArrayError
            If boxes or scores are not finite, a box is inverted, the embeddings change in size, or
            the camera's motion is no such map.
        """
        self._check(detections)
        if camera_motion is not None:
            _check_motion(camera_motion)
        solid = np.flatnonzero((detections.boxes[:, 2:] > detections.boxes[:, :2]).all(axis=1))
        if len(solid) == len(detections):
            return self._step(detections, camera_motion)
        tracked = self._step(detections[solid], camera_motion)
        boxes, ids = detections.boxes.copy(), np.full(len(detections), -1, np.int64)
        boxes[solid], ids[solid] = tracked.detections.boxes, tracked.track_ids
        return TrackedDetections(Detections(boxes, detections.scores, detections.embeddings), ids)

    def _step(self, detections: Detections, camera_motion: Float64 | None) -> TrackedDetections:
        self._frame += 1
        config, frame = self.config, self._frame
        ids = np.full(len(detections), -1, np.int64)

        thresholds = self._choose_thresholds(detections.scores)
        bank = lifecycle.predict(self.bank, self._motion)
        if camera_motion is not None:
            bank = lifecycle.warp(bank, camera_motion)
        matches = associate(bank, detections, config, thresholds, frame, self.fps)
        ids[matches.detection_rows] = bank.ids[matches.track_rows]
        merged = self._find_merged(bank, detections, matches)
        bank = lifecycle.update(bank, detections, matches, config.embedding_momentum, frame, merged)
        bank = lifecycle.mark_missed(bank, matches.unmatched_tracks)
        births = self._choose_births(
            bank, detections, matches.unmatched_detections, thresholds.birth
        )
        ids[births] = self._next_id + np.arange(len(births))
        bank = lifecycle.start(
            bank, detections[births], self._birth_state, self._next_id, frame, self._motion
        )
        self._next_id += len(births)
        self.bank = bank = self._retire(bank)
        return _report(bank, detections, ids, config.output_boxes, merged)

    @property
    def _birth_state(self) -> TrackState:
        return (
            TrackState.TENTATIVE
            if self.config.confirm_new_tracks and self._frame > 1
            else TrackState.TRACKED
        )

    def _choose_thresholds(self, scores: Float32) -> Thresholds:
        """Thresholds for a frame, after its scores have been added to the recording's.

        The usual score is the mean of all scores so far, each with the weight of its square: that
        of animals clearly seen, however much clutter there is beside them.
        """
        config = self.config.scores
        squares = scores.astype(np.float64) ** 2
        self._score_sums = self._score_sums + np.array([(squares * scores).sum(), squares.sum()])
        usual = float(self._score_sums[0] / max(self._score_sums[1], _TINY))
        usual = usual if self.config.max_tracks is None else 0.0
        main = max(config.detection, config.relative_detection * usual)
        low = main if config.low is None else config.low
        return Thresholds(main, low, max(config.new_track, config.relative_new_track * usual, main))

    def _find_merged(
        self, bank: TrackBank, detections: Detections, matches: Matches
    ) -> NDArray[np.bool_]:
        """Matched detections ``(n,)`` bool that hold more animals than the one they are matched with."""
        merged = np.full(len(detections), False)
        if self.config.min_merged_overlap is not None and len(bank) > 1 and len(detections):
            pairs = costs.find_merged(bank, detections, self.config.min_merged_overlap)
            merged[matches.detection_rows] = pairs[matches.track_rows, matches.detection_rows]
        return merged

    def _choose_births(
        self, bank: TrackBank, detections: Detections, leftover: Int64, min_score: float
    ) -> Int64:
        """Rows ``(k,)`` of leftover detections that start tracks, left to right; the best if room is short."""
        rows = leftover[detections.scores[leftover] >= min_score]
        if self.config.max_tracks is not None:
            best = np.argsort(-detections.scores[rows], kind="stable")
            rows = rows[best[: max(self.config.max_tracks - len(bank), 0)]]
        left, top = detections.boxes[rows, 0], detections.boxes[rows, 1]
        return rows[np.lexsort((top, left))]

    def _retire(self, bank: TrackBank) -> TrackBank:
        """Remove the old and the double, but not where the number of animals is known: nobody leaves the cage."""
        if self.config.max_tracks is not None:
            return bank
        bank = lifecycle.retire(bank, self._frame, self._max_lost_frames)
        if self.config.duplicate_max_cost is None:
            return bank
        return lifecycle.drop_duplicates(bank, self.config.duplicate_max_cost)

    def _check(self, detections: Detections) -> None:
        if not len(detections):
            return
        size = check_detections(detections, self._embedding_size)
        if self._embedding_size is None:
            self._embedding_size, self.bank = size, lifecycle.empty_bank(size)


def check_detections(detections: Detections | DetectionTable, embedding_size: int | None) -> int:
    """Return the size of their embeddings, 0 = none.

    Raises
    ------
    ArrayError
        If boxes or scores are not finite, a box is inverted, or the embeddings are not of the size
        of earlier ones.
    """
    if not np.isfinite(detections.boxes).all():
        raise ArrayError("Detections.boxes", "finite coordinates", "NaN or infinity")
    if not np.isfinite(detections.scores).all():
        raise ArrayError("Detections.scores", "finite scores", "NaN or infinity")
    if (detections.boxes[:, 2:] < detections.boxes[:, :2]).any():
        raise ArrayError(
            "Detections.boxes", "xyxy boxes with x1 <= x2 and y1 <= y2", "an inverted box"
        )
    size = 0 if detections.embeddings is None else detections.embeddings.shape[1]
    if embedding_size not in (None, size):
        raise ArrayError(
            "Detections.embeddings", f"size {embedding_size} as in earlier frames", f"{size}"
        )
    return size


def _check_motion(motion: Float64) -> None:
    if (
        motion.shape != (2, 3)
        or not np.isfinite(motion).all()
        or abs(np.linalg.det(motion[:, :2])) < 1e-6
    ):
        expected = "(2, 3) finite numbers, an affine map that can be undone"
        raise ArrayError("camera_motion", expected, f"{motion.tolist()} of shape {motion.shape}")


def _report(
    bank: TrackBank,
    detections: Detections,
    ids: Int64,
    output_boxes: str,
    merged: NDArray[np.bool_],
) -> TrackedDetections:
    """Keep the ids of tracks that are alive and confirmed; give boxes as the configuration asks.

    Of a box that holds several animals the filter's is given in any case but that of the
    detection's own.
    """
    reported = np.where(np.isin(ids, bank.ids[bank.states == TrackState.TRACKED]), ids, -1)
    if output_boxes == "detection":
        return TrackedDetections(detections, reported)
    rows = np.flatnonzero(reported >= 0)
    boxes = detections.boxes.copy()
    filtered = bx.from_cxcyah(bank.means[np.searchsorted(bank.ids, reported[rows]), :4])
    share = np.where(merged[rows] | (output_boxes == "kalman"), 1.0, 0.5)[:, None]
    boxes[rows] = share * filtered + (1 - share) * boxes[rows]
    return TrackedDetections(Detections(boxes, detections.scores, detections.embeddings), reported)

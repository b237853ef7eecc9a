"""Two-stage data association (DAM, the data association module of the paper), frame by frame."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from itertools import repeat
from numbers import Real

import numpy as np

from murid.core import boxes as bx
from murid.core.clock import StepCounter, to_frames
from murid.core.types import (
    Bool,
    Detections,
    DetectionTable,
    Float32,
    Float64,
    Int64,
    TrackedDetections,
    Tracks,
)
from murid.core.validation import to_array
from murid.errors import ArrayError, ConfigError
from murid.tracking import costs, kalman, lifecycle
from murid.tracking.assignment import Matches
from murid.tracking.association import (
    ScoreThresholds,
    associate,
    count_max_predicted_frames,
    count_pause_frames,
)
from murid.tracking.challengers import (
    choose_replacement,
    empty_challengers,
    find_without_place,
    follow_challengers,
    warp_challengers,
)
from murid.tracking.config import TrackingConfig
from murid.tracking.lifecycle import TrackState
from murid.tracking.track_bank import TrackBank

# Avoids division by zero before the first detection.
_EPSILON = 1e-12

# A lost track survives this many frames at any frame rate: a few missed detections must not end it.
_MIN_LOST_FRAMES = 5

# A camera motion with a smaller determinant maps the image to a line or a point.
_MIN_DETERMINANT = 1e-6


def check_fps(fps: float) -> None:
    """Raise `ConfigError` unless the frame rate is a positive number."""
    is_number = isinstance(fps, Real) and not isinstance(fps, bool)
    if not (is_number and math.isfinite(fps) and fps > 0):
        raise ConfigError(f"fps: expected a positive number, got {fps!r}")


def make_motion_model(config: TrackingConfig, fps: float) -> kalman.MotionModel:
    """Return the motion model of the Kalman filter at a frame rate."""
    motion = config.motion
    return kalman.MotionModel.from_noise(
        aspect_ratio_std=motion.aspect_ratio_std,
        fps=fps if motion.scale_noise_with_fps else kalman.NOISE_FPS,
        velocity_decay_s=motion.velocity_decay_s,
        predict_growth=motion.predict_growth,
    )


def count_max_lost_frames(config: TrackingConfig, fps: float) -> int:
    """Return the number of frames for which a lost track is kept."""
    return math.floor(to_frames(config.max_lost_s, fps, _MIN_LOST_FRAMES) + 1e-9)


class Tracker:
    """Track the animals of one video, frame by frame (paper, section III-C).

    Any detector can be used, with or without embeddings. In every tracker, ids count from 1.

    Parameters
    ----------
    config : TrackingConfig, optional
        Configuration; the defaults suit rodents.
    fps : float
        Frames per second of the video.

    Attributes
    ----------
    bank : TrackBank
        The current tracks, in ascending order of their ids.

    Raises
    ------
    ConfigError
        If `fps` is not a positive number.

    Examples
    --------
    Two animals in three frames, with boxes as (left, top, right, bottom) in pixels:

    >>> import numpy as np
    >>> from murid import Detections, Tracker
    >>> from murid.tracking import TrackingConfig
    >>> tracker = Tracker(TrackingConfig(max_tracks=2), fps=30)
    >>> for x in (0, 5, 10):
    ...     boxes = np.array([[x, 0, x + 40, 20], [200 - x, 80, 240 - x, 100]], np.float32)
    ...     scores = np.array([0.9, 0.8], np.float32)
    ...     tracked = tracker.step(Detections(boxes, scores))
    ...     print(tracked.track_ids)
    [1 2]
    [1 2]
    [1 2]
    """

    def __init__(self, config: TrackingConfig | None = None, fps: float = 30.0) -> None:
        check_fps(fps)
        self.config = TrackingConfig() if config is None else config
        self.fps = float(fps)
        self.bank = lifecycle.empty_bank()
        self._motion = make_motion_model(self.config, self.fps)
        self._max_lost_frames = count_max_lost_frames(self.config, self.fps)
        self._pause_frames = count_pause_frames(self.fps)
        self._max_predicted_frames = count_max_predicted_frames(self.fps)
        self._steps = StepCounter(self.fps)
        # Detections that found no place, if the number of animals is known.
        self._challengers = empty_challengers()
        # Number of the latest frame, from 1, counted in frame intervals.
        self._frame = 0
        self._next_id = 1
        # Sum of cubes and sum of squares of all scores so far, for the typical score.
        self._score_sums = np.zeros(2)
        self._embedding_size: int | None = None

    def follow(
        self,
        table: DetectionTable,
        camera_motion: Float64 | None = None,
        times_s: Float64 | None = None,
    ) -> Tracks:
        """Track the next chunk of frames, as `step` does frame by frame.

        Parameters
        ----------
        table : DetectionTable
            Detections of ``F`` frames.
        camera_motion : ndarray, optional
            ``(F, 2, 3)`` float64, pixels: the affine map of `step` for each frame.
        times_s : ndarray, optional
            ``(F,)`` float64: the times of the frames in seconds. Frames without times are equally
            spaced.

        Raises
        ------
        ArrayError
            As `step`, or if there is not one camera motion, or one time, for each frame.
        """
        _check_type(table, DetectionTable)
        motions: Iterable[Float64 | None] = repeat(None)
        if camera_motion is not None:
            shape = (table.n_frames, 2, 3)
            motions = to_array("camera_motion", camera_motion, np.float64, shape)
        steps = self._steps.count(times_s, table.n_frames).tolist()
        return Tracks.from_frames(
            [
                self._check_and_step(frame, motion, n_steps)
                for frame, motion, n_steps in zip(table, motions, steps, strict=False)
            ]
        )

    def step(
        self,
        detections: Detections,
        camera_motion: Float64 | None = None,
        time_s: float | None = None,
    ) -> TrackedDetections:
        """Track the detections of the next frame.

        Parameters
        ----------
        detections : Detections
            ``n`` detections, with embeddings in every frame that has detections or in none. Pass
            empty detections for a frame that could not be read.
        camera_motion : ndarray, optional
            ``(2, 3)`` float64, pixels: affine map from points of the previous frame to this one;
            a static camera by default.
        time_s : float, optional
            The time of the frame in seconds. Frames without times are equally spaced.

        Returns
        -------
        TrackedDetections
            One row per detection, in the same order, with the id of its track; -1 = no reported
            track. A box without area belongs to no track.

        Raises
        ------
        ArrayError
            If boxes or scores are not finite, a box is inverted, the size of the embeddings
            changes, the camera motion is not an invertible affine map, or the time is before that
            of the frame before.
        """
        _check_type(detections, Detections)
        times_s = None if time_s is None else np.array([time_s], np.float64)
        n_steps = int(self._steps.count(times_s, 1)[0])
        return self._check_and_step(detections, camera_motion, n_steps)

    def _check_and_step(
        self, detections: Detections, camera_motion: Float64 | None, n_steps: int
    ) -> TrackedDetections:
        """Track the detections of a frame that is some frame intervals after the one before."""
        self._check(detections)
        if camera_motion is not None:
            camera_motion = to_array("camera_motion", camera_motion, np.float64, (2, 3))
            _check_camera_motion(camera_motion)

        has_area = (detections.boxes[:, 2:] > detections.boxes[:, :2]).all(axis=1)
        if has_area.all():
            return self._step(detections, camera_motion, n_steps)

        # Track the boxes with an area, then put the others back.
        rows = np.flatnonzero(has_area)
        tracked = self._step(detections[rows], camera_motion, n_steps)
        boxes = detections.boxes.copy()
        boxes[rows] = tracked.detections.boxes
        ids = np.full(len(detections), -1, np.int64)
        ids[rows] = tracked.track_ids
        return TrackedDetections(replace(detections, boxes=boxes), ids)

    def _step(
        self, detections: Detections, camera_motion: Float64 | None, n_steps: int
    ) -> TrackedDetections:
        """Track the detections of the next frame, all of which have an area."""
        self._frame += n_steps
        frame = self._frame
        config = self.config
        ids = np.full(len(detections), -1, np.int64)
        thresholds = self._update_thresholds(detections.scores)

        # Predict the tracks to this frame, then move them with the camera.
        bank = self._cross_gap(self.bank, n_steps)
        for _ in range(min(n_steps, self._max_predicted_frames)):
            bank = lifecycle.predict(bank, self._motion)
        if camera_motion is not None:
            bank = lifecycle.warp(bank, camera_motion)
            self._challengers = warp_challengers(self._challengers, camera_motion)

        # Match tracks and detections in stages.
        within_pause = min(n_steps, self._pause_frames + 1)
        matches = associate(bank, detections, config, thresholds, frame, self.fps, within_pause)
        ids[matches.detection_rows] = bank.ids[matches.track_rows]

        # Update matched tracks; a merged box has little weight.
        merged = self._find_merged(bank, detections, matches)
        bank = lifecycle.update(bank, detections, matches, config.embedding_momentum, frame, merged)

        # Mark unmatched tracks as lost.
        bank = lifecycle.mark_lost(bank, matches.unmatched_tracks)

        # Start tracks from unmatched detections with a high score.
        unmatched = matches.unmatched_detections
        new_rows = self._choose_new_tracks(bank, detections, unmatched, thresholds.new_track)
        ids[new_rows] = self._next_id + np.arange(len(new_rows))
        bank = lifecycle.start_tracks(
            bank, detections[new_rows], self._initial_state, self._next_id, frame, self._motion
        )
        self._next_id += len(new_rows)
        if config.max_tracks is not None:
            bank = self._challenge(bank, detections, ids, thresholds.new_track)

        # Remove tracks that were lost for too long, and duplicates.
        self.bank = self._remove_tracks(bank)
        return _report(self.bank, detections, ids, config.output_boxes, merged)

    def _challenge(
        self, bank: TrackBank, detections: Detections, ids: Int64, min_score: float
    ) -> TrackBank:
        """Return the tracks after a challenger replaced the weakest one, if it is stronger.

        Writes the id of a new track to `ids` ``(n,)``, in which detections without a track have -1.
        """
        rows = find_without_place(detections, ids >= 0, min_score)
        self._challengers, matched = follow_challengers(
            self._challengers, detections, rows, self._frame, self.fps
        )
        chosen = choose_replacement(bank, self._challengers, self._frame, self.fps)
        if chosen is None:
            return bank
        track_row, challenger = chosen
        row = int(matched[challenger])
        new = lifecycle.start_tracks(
            lifecycle.empty_bank(bank.embeddings.shape[1]),
            detections[np.array([row])],
            TrackState.TRACKED,
            self._next_id,
            self._frame,
            self._motion,
        )
        winner = self._challengers.select(np.array([challenger]))
        new = replace(
            new,
            hits=winner.hits,
            first_frames=winner.first_frames,
            mean_centres=winner.mean_centres,
            away_hits=winner.away_hits,
            score_sums=winner.score_sums,
        )
        self._challengers = self._challengers.select(
            np.arange(len(self._challengers)) != challenger
        )
        ids[row] = self._next_id
        self._next_id += 1
        return TrackBank.concatenate([bank.select(np.arange(len(bank)) != track_row), new])

    def _cross_gap(self, bank: TrackBank, n_steps: int) -> TrackBank:
        """Return the tracks after the missing frames before the next one.

        After a pause of the recording all are lost, and those are removed that were lost for too
        long.
        """
        if n_steps - 1 <= self._pause_frames:
            return bank
        bank = lifecycle.mark_lost(bank, np.arange(len(bank)))
        self._challengers = empty_challengers()
        if self.config.max_tracks is not None:
            return bank
        # Within this frame a track may still be matched one frame later than it is kept without.
        return lifecycle.remove_expired(bank, self._frame, self._max_lost_frames + 1)

    @property
    def _initial_state(self) -> TrackState:
        """State of a new track: only tracks of the first frame need no confirmation."""
        if self.config.confirm_new_tracks and self._frame > 1:
            return TrackState.TENTATIVE
        return TrackState.TRACKED

    def _update_thresholds(self, scores: Float32) -> ScoreThresholds:
        """Return the thresholds of a frame, after its scores count in the typical score.

        The typical score is the mean of all scores so far, each weighted by its square. The weight
        makes it the score of clearly visible animals, at any number of false positives.
        """
        config = self.config.scores
        squares = scores.astype(np.float64) ** 2
        sums = np.array([(squares * scores).sum(), squares.sum()])
        self._score_sums = self._score_sums + sums

        typical = 0.0
        if self.config.max_tracks is None:
            sum_of_cubes, sum_of_squares = self._score_sums
            typical = float(sum_of_cubes / max(sum_of_squares, _EPSILON))
        detection = max(config.detection, config.relative_detection * typical)
        new_track = max(config.new_track, config.relative_new_track * typical, detection)
        low = detection if config.low is None else config.low
        return ScoreThresholds(detection, low, new_track)

    def _find_merged(self, bank: TrackBank, detections: Detections, matches: Matches) -> Bool:
        """Return which detections ``(n,)`` are matched merged boxes."""
        merged = np.full(len(detections), False)
        min_overlap = self.config.min_merged_overlap
        if min_overlap is not None and len(bank) > 1 and len(detections):
            pairs = costs.find_merged(bank, detections, min_overlap)
            merged[matches.detection_rows] = pairs[matches.track_rows, matches.detection_rows]
        return merged

    def _choose_new_tracks(
        self, bank: TrackBank, detections: Detections, unmatched: Int64, min_score: float
    ) -> Int64:
        """Return rows ``(k,)`` of detections that start tracks, from left to right.

        With a maximum number of tracks, those with the highest scores are chosen.
        """
        rows = unmatched[detections.scores[unmatched] >= min_score]
        if self.config.max_tracks is not None:
            n_free = max(self.config.max_tracks - len(bank), 0)
            by_score = np.argsort(-detections.scores[rows], kind="stable")
            rows = rows[by_score[:n_free]]
        left = detections.boxes[rows, 0]
        top = detections.boxes[rows, 1]
        return rows[np.lexsort((top, left))]

    def _remove_tracks(self, bank: TrackBank) -> TrackBank:
        """Return the tracks without expired and duplicate ones.

        None is removed if the number of animals is known, since no animal leaves the cage.
        """
        if self.config.max_tracks is not None:
            return bank
        bank = lifecycle.remove_expired(bank, self._frame, self._max_lost_frames)
        if self.config.duplicate_max_cost is None:
            return bank
        return lifecycle.remove_duplicates(bank, self.config.duplicate_max_cost)

    def _check(self, detections: Detections) -> None:
        """Raise `ArrayError` if detections are invalid; the first ones fix the embedding size."""
        if not len(detections):
            return
        size = check_detections(detections, self._embedding_size)
        if self._embedding_size is None:
            self._embedding_size = size
            self.bank = lifecycle.empty_bank(size)


def check_detections(detections: Detections | DetectionTable, embedding_size: int | None) -> int:
    """Return the size of the embeddings, 0 = none.

    Raises
    ------
    ArrayError
        If boxes or scores are not finite, a box is inverted, or the embeddings have another size
        than earlier ones.
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


def _check_type(value: object, expected: type) -> None:
    """Raise `ArrayError` where somebody passes bare boxes, for example."""
    if not isinstance(value, expected):
        name = "detections" if expected is Detections else "table"
        raise ArrayError(name, f"murid.{expected.__name__}", type(value).__name__)


def _check_camera_motion(motion: Float64) -> None:
    """Raise `ArrayError` unless it is an invertible affine map ``(2, 3)``."""
    if not np.isfinite(motion).all() or abs(np.linalg.det(motion[:, :2])) < _MIN_DETERMINANT:
        expected = "(2, 3) finite numbers, an invertible affine map"
        raise ArrayError("camera_motion", expected, f"{motion.tolist()} of shape {motion.shape}")


def _report(
    bank: TrackBank, detections: Detections, ids: Int64, output_boxes: str, merged: Bool
) -> TrackedDetections:
    """Return ids of confirmed tracks, and boxes as `TrackingConfig.output_boxes` says.

    A merged box is replaced by the box of the Kalman filter, unless the boxes of the detections are
    asked for.
    """
    confirmed = bank.ids[bank.states == TrackState.TRACKED]
    reported = np.where(np.isin(ids, confirmed), ids, -1)
    if output_boxes == "detection":
        return TrackedDetections(detections, reported)

    rows = np.flatnonzero(reported >= 0)
    track_rows = np.searchsorted(bank.ids, reported[rows])
    filtered = bx.from_cxcyah(bank.means[track_rows, :4])
    only_filtered = merged[rows] | (output_boxes == "kalman")
    weights = np.where(only_filtered, 1.0, 0.5)[:, None]
    boxes = detections.boxes.copy()
    boxes[rows] = weights * filtered + (1 - weights) * boxes[rows]
    return TrackedDetections(replace(detections, boxes=boxes), reported)

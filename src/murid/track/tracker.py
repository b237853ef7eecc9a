"""Two-stage data association (DAM): detections of one frame after the other become tracks."""

from __future__ import annotations

import math

import numpy as np

from murid.core import boxes as bx
from murid.core.types import Detections, Int64, Matches, TrackBank, TrackedDetections
from murid.errors import ArrayError, ConfigError
from murid.track import lifecycle
from murid.track.association import associate
from murid.track.config import TrackConfig
from murid.track.lifecycle import TrackState


class Tracker:
    """Follows animals through one video, one frame at a time.

    Works with detections of any detector, with or without embeddings. Ids count from 1 in every tracker.

    Parameters
    ----------
    config : TrackConfig, optional
        Settings; the defaults suit rodents.
    fps : float
        Frames per second of the video.

    Attributes
    ----------
    bank : TrackBank
        The live tracks, in ascending order of id.

    Raises
    ------
    ConfigError
        If `fps` is not a positive number.
    """

    def __init__(self, config: TrackConfig | None = None, fps: float = 30.0) -> None:
        if not (math.isfinite(fps) and fps > 0):
            raise ConfigError(f"fps must be a positive number, not {fps}")
        self.config = TrackConfig() if config is None else config
        self.fps = float(fps)
        self.bank = lifecycle.empty_bank()
        self._frame = 0
        self._next_id = 1
        self._embedding_size: int | None = None

    def step(self, detections: Detections) -> TrackedDetections:
        """Take the detections of the next frame and say which track each belongs to.

        Parameters
        ----------
        detections : Detections
            ``(n, 4)`` boxes with scores; embeddings in every frame that has detections, or in none.

        Returns
        -------
        TrackedDetections
            One row per detection, in the same order; -1 where a detection belongs to no reported track.

        Raises
        ------
        ArrayError
            If boxes or scores are not finite, a box is inverted, or the embeddings change in size.
        """
        self._check(detections)
        self._frame += 1
        config, frame = self.config, self._frame
        bank = lifecycle.predict(self.bank, config.aspect_noise)
        matches = associate(bank, detections, config, (frame - bank.last_frames) / self.fps)
        ids = _read_ids(bank, matches, len(detections))
        bank = lifecycle.update(bank, detections, matches, config.appearance_momentum, frame)
        bank = lifecycle.drop_missed_tentative(bank, frame)
        bank = self._start(bank, detections, matches.unmatched_detections, ids)
        self.bank = bank = self._retire(bank)
        return _report(bank, detections, ids, config)

    def _check(self, detections: Detections) -> None:
        if not len(detections):
            return
        if not np.isfinite(detections.boxes).all():
            raise ArrayError("Detections.boxes", "finite coordinates", "NaN or infinity")
        if (detections.boxes[:, 2:] < detections.boxes[:, :2]).any():
            raise ArrayError("Detections.boxes", "xyxy boxes with x1 <= x2 and y1 <= y2", "an inverted box")
        if not np.isfinite(detections.scores).all():
            raise ArrayError("Detections.scores", "finite scores", "NaN or infinity")
        size = 0 if detections.embeddings is None else detections.embeddings.shape[1]
        if self._embedding_size is None:
            self._embedding_size = size
            self.bank = lifecycle.empty_bank(size)
        if size != self._embedding_size:
            raise ArrayError("Detections.embeddings", f"size {self._embedding_size} as in earlier frames", f"{size}")

    def _retire(self, bank: TrackBank) -> TrackBank:
        config = self.config
        if config.max_tracks is None:
            bank = lifecycle.retire(bank, self._frame, math.floor(config.max_lost_s * self.fps + 1e-9))
        if config.duplicate_limit is not None:
            bank = lifecycle.drop_duplicates(bank, config.duplicate_limit)
        return bank

    def _start(self, bank: TrackBank, detections: Detections, leftover: Int64, ids: Int64) -> TrackBank:
        config = self.config
        rows = leftover[detections.scores[leftover] >= config.birth_threshold]
        if config.max_tracks is not None:
            best = np.argsort(-detections.scores[rows], kind="stable")
            rows = np.sort(rows[best[: max(config.max_tracks - len(bank), 0)]])
        if not len(rows):
            return bank
        tentative = config.confirm_new_tracks and self._frame > 1
        state = TrackState.TENTATIVE if tentative else TrackState.TRACKED
        bank = lifecycle.start(bank, detections[rows], state, self._next_id, self._frame)
        ids[rows] = np.arange(self._next_id, self._next_id + len(rows))
        self._next_id += len(rows)
        return bank


def _read_ids(bank: TrackBank, matches: Matches, n_detections: int) -> Int64:
    ids = np.full(n_detections, -1, np.int64)
    ids[matches.detection_rows] = bank.ids[matches.track_rows]
    return ids


def _report(bank: TrackBank, detections: Detections, ids: Int64, config: TrackConfig) -> TrackedDetections:
    """Keep the ids of tracks that are alive and confirmed; give boxes as the configuration asks for."""
    tracked = bank.states == TrackState.TRACKED
    reported = np.where(np.isin(ids, bank.ids[tracked]), ids, -1)
    if config.output_boxes == "detection" or not len(bank):
        return TrackedDetections(detections, reported)
    boxes = detections.boxes.copy()
    rows = np.flatnonzero(reported >= 0)
    boxes[rows] = bx.from_cxcyah(bank.means[np.searchsorted(bank.ids, reported[rows]), :4])
    return TrackedDetections(Detections(boxes, detections.scores, detections.embeddings), reported)

"""Collectors of the second pass: they receive the frames of a video, and return the results."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from murid.appearance.fur_descriptors import DESCRIPTOR_SIZE, compute_fur_descriptors
from murid.appearance.point_tracker import BODY_PX, PointTracker
from murid.core import Frame
from murid.core.clock import to_frames
from murid.core.ranges import concatenate_ranges
from murid.core.types import Bool, DetectionTable, Float64, Int64, UInt8
from murid.identification import IdentificationConfig
from murid.identification.appearance_models.tracklet_features import FurDescriptors
from murid.identification.occlusion import find_unoccluded
from murid.identification.point_matches import (
    MAX_MATCH_S,
    MIN_MATCH_FRAMES,
    PointMatchCounter,
    PointMatches,
)
from murid.identification.time_slots import TimeSlots
from murid.identification.tracklets import (
    compute_max_displacement,
    find_tracklets,
)
from murid.video.background_model import fit_static_background
from murid.video.resize import downscale

# Maximum number of fur descriptors of one recording, spread evenly over it: 0.9 kB each.
MAX_DESCRIPTORS = 100_000
# Points are tracked from this time before the end of a tracklet until this time after the beginning
# of the next one. At low frame rates, over this many frames: fewer do not reach across a contact.
AROUND_S = 1.0
MIN_AROUND_FRAMES = 3
# Longer side of the images in which fur is described. A larger one shows finer patterns, and takes
# longer.
_MAX_SIDE_PX = 1280


class FurCollector:
    """Collects the fur descriptors of unoccluded detections.

    Parameters
    ----------
    table : DetectionTable
        All detections of the recording.
    usable : ndarray
        ``(N,)`` bool: detections that are surely animals.
    body_px : float
        Body length in pixels of the video.
    sampled : sequence of ndarray
        Images spread over the video, for the background model.
    """

    def __init__(
        self, table: DetectionTable, usable: Bool, body_px: float, sampled: Sequence[UInt8]
    ) -> None:
        self._boxes = table.boxes
        self._unoccluded = find_unoccluded(table, usable)
        self._body_px = body_px
        n_unoccluded = int(self._unoccluded.sum())
        self._every = max(1, -(-n_unoccluded // MAX_DESCRIPTORS))
        self._background = fit_static_background(
            [downscale(image, _MAX_SIDE_PX)[0] for image in sampled]
        )
        self._rows = [np.zeros(0, np.int64)]
        self._values = [np.zeros((0, DESCRIPTOR_SIZE), np.float32)]

    @property
    def has_background(self) -> bool:
        """Whether there is a background model; none is found where the camera moves."""
        return self._background is not None

    def add(self, frame: Frame, rows: Int64) -> None:
        """Describe the unoccluded detections of a frame; `rows` ``(k,)`` are its usable ones."""
        image, factor = downscale(frame.image, _MAX_SIDE_PX)
        if self._background is None or frame.index % self._every:
            return
        # The size of the images may change within a video.
        if image.shape != self._background.image.shape:
            return
        own = rows[self._unoccluded[rows]]
        descriptors = compute_fur_descriptors(
            image,
            self._boxes[own] * factor,
            self._background,
            self._body_px * float(factor),
            self._boxes[rows] * factor,
        )
        found = np.isfinite(descriptors[:, 0])
        self._rows.append(own[found])
        self._values.append(descriptors[found])

    def finish(self) -> FurDescriptors:
        """Return all fur descriptors."""
        return FurDescriptors(np.concatenate(self._rows), np.concatenate(self._values))


class PointMatchCollector:
    """Tracks points on animals that are about to touch or vanish, and counts point matches.

    Parameters
    ----------
    table : DetectionTable
        All detections of the recording.
    usable : ndarray
        ``(N,)`` bool: detections that are surely animals.
    body_px : float
        Body length in pixels of the video.
    fps : float
        Frames per second.
    sampled : sequence of ndarray
        Images spread over the video, for the background model.
    times_s : ndarray, optional
        ``(F,)`` float64 times of the frames in seconds; equally spaced by default.
    """

    def __init__(
        self,
        table: DetectionTable,
        usable: Bool,
        body_px: float,
        fps: float,
        sampled: Sequence[UInt8],
        times_s: Float64 | None = None,
    ) -> None:
        self._boxes = table.boxes
        self._factor = min(1.0, BODY_PX / body_px)
        background = fit_static_background([self._downscale(image) for image in sampled])
        self._tracker = None
        if background is not None:
            self._tracker = PointTracker(background, body_px * self._factor)
        max_match = to_frames(MAX_MATCH_S, fps, MIN_MATCH_FRAMES)
        self._counter = PointMatchCounter(round(max_match))
        # Points are not tracked across a pause of the recording.
        self._slots = TimeSlots.from_times(times_s, fps).get_slots(table.n_frames)
        self._last_slot = -1
        # Tracklets, as identification will find them.
        chained = table.scores >= IdentificationConfig().min_score
        spread = TimeSlots.from_times(times_s, fps).spread(table)
        tracklets = find_tracklets(spread, chained, body_px, compute_max_displacement(fps))
        # Detections near an end or a beginning of their tracklet, or not unoccluded.
        occluded = ~find_unoccluded(table, usable)
        age = concatenate_ranges(tracklets.lengths)
        remaining = np.repeat(tracklets.lengths, tracklets.lengths) - age
        n_around = round(to_frames(AROUND_S, fps, MIN_AROUND_FRAMES))
        self._is_ending = occluded.copy()
        self._is_ending[tracklets.rows] |= remaining <= n_around
        self._is_beginning = occluded.copy()
        self._is_beginning[tracklets.rows] |= age < n_around
        # Where animals touch, a box contains points of both: it is of no tracklet.
        self._tracklets = np.full(len(table), -1)
        self._tracklets[tracklets.rows] = tracklets.numbers
        self._tracklets[occluded] = -1

    @property
    def has_background(self) -> bool:
        """Whether there is a background model; none is found where the camera moves."""
        return self._tracker is not None

    def add(self, frame: Frame, rows: Int64) -> None:
        """Track the points into a frame; `rows` ``(k,)`` are its usable detections."""
        tracker = self._tracker
        if tracker is None or not (len(tracker) or self._is_ending[rows].any()):
            return
        image = self._downscale(frame.image)
        # The size of the images may change within a video.
        if image.shape != tracker.shape:
            return
        boxes = self._boxes[rows] * np.float32(image.shape[1] / frame.image.shape[1])
        slot = int(self._slots[frame.index])
        if slot != self._last_slot + 1:
            tracker.reset()
        self._last_slot = slot
        # Track, and count the points that are on other tracklets now.
        self._counter.keep(tracker.track(image, boxes))
        owners = np.append(rows, -1)[tracker.find_owners(boxes)]
        tracklets = np.where(owners >= 0, self._tracklets[owners], -1)
        self._counter.update(slot, tracklets, owners)
        # Drop points on animals that are alone for longer, then seed where they will be needed.
        wanted = (owners < 0) | self._is_beginning[owners] | self._is_ending[owners]
        tracker.keep(wanted)
        self._counter.keep(np.flatnonzero(wanted))
        self._counter.seed(tracker.seed(boxes, self._is_ending[rows]))

    def finish(self) -> PointMatches:
        """Return all point matches."""
        return self._counter.finish()

    def _downscale(self, image: UInt8) -> UInt8:
        """Return the image in which points are tracked: a body is `BODY_PX` long at most."""
        max_side_px = max(1, round(max(image.shape[:2]) * self._factor))
        return downscale(image, max_side_px)[0]

"""Collectors of the second pass: they receive the frames of a video, and return the results.

Frames, boxes and the background model are those of a `BodyScale`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from murid.appearance.fur_descriptors import DESCRIPTOR_SIZE, compute_fur_descriptors
from murid.appearance.point_tracker import BODY_PX, PointTracker
from murid.core import Frame
from murid.core.clock import to_frames
from murid.core.ranges import concatenate_ranges
from murid.core.types import Bool, DetectionTable, Float32, Float64, Int64, UInt8
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
    measure_body_px,
)
from murid.video import UnreadableFrame
from murid.video.background_model import BackgroundModel
from murid.video.resize import shrink

# Detections with a lower score may not be animals.
MIN_SCORE = 0.3
# Images are shrunk by the largest whole factor at which a body is still this long. A descriptor has
# 28 pixels along a body, so it loses nothing, and takes a quarter of the time at twice the size.
MIN_BODY_PX = 64.0
# Maximum number of fur descriptors of one recording, spread evenly over it: 0.9 kB each.
MAX_DESCRIPTORS = 100_000
# Fur is described in so many frames per second, up to twice as many where the rate is no multiple.
# On `lookalike-5`, 15 told 67.2 % of held-out pairs apart, 30 told 68.1 %, in twice the time.
MAX_FUR_FPS = 15
# Points are tracked from this time before the end of a tracklet until this time after the beginning
# of the next one. At low frame rates, over this many frames: fewer do not reach across a contact.
AROUND_S = 1.0
MIN_AROUND_FRAMES = 3


@dataclass(frozen=True, eq=False, slots=True)
class BodyScale:
    """The scale at which the second pass sees a recording, and its detections at that scale.

    Attributes
    ----------
    factor : int
        Images are smaller than those of the video by this factor.
    table : DetectionTable
        All detections of the recording, with boxes in pixels of these images.
    usable : ndarray
        ``(N,)`` bool: detections that are surely animals.
    body_px : float
        Body length in pixels of these images.
    """

    factor: int
    table: DetectionTable
    usable: Bool
    body_px: float

    @classmethod
    def of(cls, table: DetectionTable) -> BodyScale:
        """Return the scale for all detections of a recording, with boxes in pixels of the video."""
        usable = table.scores >= MIN_SCORE
        body_px = measure_body_px(table.boxes[usable], table.scores[usable])
        factor = max(1, int(body_px // MIN_BODY_PX))
        scaled = replace(table, boxes=(table.boxes / np.float32(factor)).astype(np.float32))
        return cls(factor, scaled, usable, body_px / factor)

    def find_usable(self, frame: int) -> Int64:
        """Return the rows ``(k,)`` of the usable detections of a frame."""
        first, last = self.table.frame_offsets[frame : frame + 2].tolist()
        rows: Int64 = first + self.usable[first:last].nonzero()[0]
        return rows

    def shrink(
        self, frames: Iterable[Frame | UnreadableFrame]
    ) -> Iterator[Frame | UnreadableFrame]:
        """Yield frames at this scale."""
        for frame in frames:
            if isinstance(frame, Frame) and min(frame.image.shape[:2]) >= self.factor:
                frame = replace(frame, image=shrink(frame.image, self.factor))
            yield frame


def count_fur_interval(fps: float) -> int:
    """Return the distance in frames at which fur is described, at least 1.

    Rates such as 29.97 count as 30.
    """
    return max(1, round(fps) // MAX_FUR_FPS)


class FurCollector:
    """Collects the fur descriptors of unoccluded detections.

    Parameters
    ----------
    scale : BodyScale
    background : BackgroundModel
    fps : float
        Frames per second.
    max_descriptors : int
        Maximum number of fur descriptors, spread evenly over the recording.
    """

    def __init__(
        self,
        scale: BodyScale,
        background: BackgroundModel,
        fps: float,
        max_descriptors: int = MAX_DESCRIPTORS,
    ) -> None:
        self._boxes = scale.table.boxes
        self._body_px = scale.body_px
        self._background = background
        self._unoccluded = find_unoccluded(scale.table, scale.usable)
        n_unoccluded = int(self._unoccluded.sum())
        self._every = max(count_fur_interval(fps), -(-n_unoccluded // max_descriptors))
        self._rows = [np.zeros(0, np.int64)]
        self._values = [np.zeros((0, DESCRIPTOR_SIZE), np.float32)]

    def add(self, frame: Frame, rows: Int64) -> None:
        """Describe the unoccluded detections of a frame; `rows` ``(k,)`` are its usable ones."""
        # The size of the images may change within a video.
        if frame.index % self._every or frame.image.shape != self._background.image.shape:
            return
        own = rows[self._unoccluded[rows]]
        descriptors = compute_fur_descriptors(
            frame.image, self._boxes[own], self._background, self._body_px, self._boxes[rows]
        )
        found = np.isfinite(descriptors[:, 0])
        self._rows.append(own[found])
        self._values.append(descriptors[found])

    def finish(self) -> FurDescriptors:
        """Return all fur descriptors."""
        return FurDescriptors(np.concatenate(self._rows), np.concatenate(self._values))


@dataclass(frozen=True, eq=False, slots=True)
class PointFrames:
    """Where points are tracked: at the ends of tracklets, and where animals occlude each other.

    Attributes
    ----------
    slots : ndarray
        ``(F,)`` int64 time slot of each frame: points are not tracked across a pause.
    tracklets : ndarray
        ``(N,)`` int64 tracklet of each detection, -1 = none. Where animals touch, a box contains
        points of both: it is of none.
    is_ending, is_beginning : ndarray
        ``(N,)`` bool: detections near an end or a beginning of their tracklet, or not unoccluded.
    wanted_frames : ndarray
        ``(F,)`` bool: frames with such a detection. In others every animal is in the middle of its
        tracklet, and nothing is in doubt.
    """

    slots: Int64
    tracklets: Int64
    is_ending: Bool
    is_beginning: Bool
    wanted_frames: Bool

    @classmethod
    def of(cls, scale: BodyScale, fps: float, times_s: Float64 | None) -> PointFrames:
        """Return them for a recording; `times_s` ``(F,)`` are None for equally spaced frames."""
        table = scale.table
        time_slots = TimeSlots.from_times(times_s, fps)
        # Tracklets, as identification will find them.
        chained = table.scores >= IdentificationConfig().min_score
        max_displacement = compute_max_displacement(fps)
        found = find_tracklets(time_slots.spread(table), chained, scale.body_px, max_displacement)
        occluded = ~find_unoccluded(table, scale.usable)
        age = concatenate_ranges(found.lengths)
        remaining = np.repeat(found.lengths, found.lengths) - age
        n_around = round(to_frames(AROUND_S, fps, MIN_AROUND_FRAMES))
        is_ending = occluded.copy()
        is_ending[found.rows] |= remaining <= n_around
        is_beginning = occluded.copy()
        is_beginning[found.rows] |= age < n_around
        tracklets = np.full(len(table), -1)
        tracklets[found.rows] = found.numbers
        tracklets[occluded] = -1
        wanted_frames = np.zeros(table.n_frames, bool)
        wanted_frames[table.frame_numbers[scale.usable & (is_ending | is_beginning)]] = True
        slots = time_slots.get_slots(table.n_frames)
        return cls(slots, tracklets, is_ending, is_beginning, wanted_frames)


class PointMatchCollector:
    """Tracks points on animals that are about to touch or vanish, and counts point matches.

    Parameters
    ----------
    scale : BodyScale
    background : BackgroundModel
    fps : float
        Frames per second.
    times_s : ndarray, optional
        ``(F,)`` float64 times of the frames in seconds; equally spaced by default.
    """

    def __init__(
        self,
        scale: BodyScale,
        background: BackgroundModel,
        fps: float,
        times_s: Float64 | None = None,
    ) -> None:
        self._shape = background.image.shape
        # Points are tracked in images in which a body is `BODY_PX` long at most.
        self._factor = min(1.0, BODY_PX / scale.body_px)
        self._boxes = scale.table.boxes
        small_background = BackgroundModel(
            self._downscale(background.image), self._downscale(background.threshold)
        )
        self._tracker = PointTracker(small_background, scale.body_px * self._factor)
        max_match = to_frames(MAX_MATCH_S, fps, MIN_MATCH_FRAMES)
        self._counter = PointMatchCounter(round(max_match))
        self._frames = PointFrames.of(scale, fps, times_s)
        self._last_slot = -1

    @property
    def wanted_frames(self) -> Bool:
        """``(F,)`` bool: frames in which points are tracked; `add` ignores the others."""
        return self._frames.wanted_frames

    def add(self, frame: Frame, rows: Int64) -> None:
        """Track the points into a frame; `rows` ``(k,)`` are its usable detections."""
        frames = self._frames
        # The size of the images may change within a video.
        if not frames.wanted_frames[frame.index] or frame.image.shape != self._shape:
            return
        image = self._downscale(frame.image)
        boxes = self._to_image(self._boxes[rows])
        slot = int(frames.slots[frame.index])
        if slot != self._last_slot + 1:
            self._tracker.reset()
        self._last_slot = slot
        # Track, and count the points that are on other tracklets now.
        self._counter.keep(self._tracker.track(image, boxes))
        owners = np.append(rows, -1)[self._tracker.find_owners(boxes)]
        tracklets = np.where(owners >= 0, frames.tracklets[owners], -1)
        self._counter.update(slot, tracklets, owners)
        # Drop points on animals that are alone for longer, then seed where they will be needed.
        wanted = (owners < 0) | frames.is_beginning[owners] | frames.is_ending[owners]
        self._tracker.keep(wanted)
        self._counter.keep(np.flatnonzero(wanted))
        self._counter.seed(self._tracker.seed(boxes, frames.is_ending[rows]))

    def finish(self) -> PointMatches:
        """Return all point matches."""
        return self._counter.finish()

    def _downscale(self, image: UInt8) -> UInt8:
        """Return an image ``(h, w)`` or ``(h, w, 3)`` in which a body is `BODY_PX` long at most."""
        if self._factor == 1:
            return image
        # The factor is above a half: linear interpolation is close to area means there.
        height, width = (max(1, round(side * self._factor)) for side in self._shape[:2])
        return np.asarray(cv2.resize(image, (width, height)), np.uint8)

    def _to_image(self, boxes: Float32) -> Float32:
        """Return boxes ``(k, 4)`` in pixels of the images in which points are tracked."""
        if self._factor == 1:
            return boxes
        height, width = (max(1, round(side * self._factor)) for side in self._shape[:2])
        factors = np.tile([width / self._shape[1], height / self._shape[0]], 2)
        return np.asarray(boxes * factors, np.float32)

"""Behaviour of the animals of a recording, frame by frame: the input of all measures and plots."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from murid.analysis.bouts import Bouts, find_bouts, select_entries
from murid.analysis.clock import Clock
from murid.analysis.config import KEYPOINT_LENGTH_FIELDS, LENGTH_FIELDS, MeasureConfig
from murid.analysis.gaps import find_missing, interpolate_gaps
from murid.analysis.kinematics import (
    compute_acceleration,
    compute_body_length,
    compute_heading,
    compute_speed,
    compute_steps,
    compute_turns,
)
from murid.analysis.pose import Pose
from murid.analysis.smoothing import compute_window_frames, smooth
from murid.analysis.social import compute_distances, find_following, find_group_sizes
from murid.analysis.space import (
    compute_border_width,
    compute_wall_distance,
    find_hidden,
    find_inside,
    find_visiting,
)
from murid.analysis.units import Length, parse_area_share
from murid.arenas.layout import Layout
from murid.core.types import Bool, Float64, Int64, Trajectories
from murid.errors import ArrayError

# Arena id of an animal outside all arenas.
NO_ARENA = -1

# A speed needs two frames, so that a bout of immobility or following has at least two. Only below
# some 4 frames/s is this longer than the minimum duration of such a bout.
_MIN_MOVEMENT_FRAMES = 2

# Limits of speeds, and the interval between frames, in seconds, above which they shrink. The
# defaults then are 0.1 and 0.25 body lengths from frame to frame, still above the jitter of boxes.
_SPEED_FIELDS = ("min_moving_speed", "max_immobile_speed")
_MAX_SPEED_INTERVAL_S = 1.0


class ZoneFrames(NamedTuple):
    """Rows ``(R,)`` in which an animal is in a zone, is hidden there, and is visiting it.

    A visit goes on within a margin around the zone, see `murid.analysis.space.find_visiting`.
    """

    inside: Bool
    hidden: Bool
    visiting: Bool


@dataclass(frozen=True, eq=False, slots=True)
class Behaviour:
    """Position and movement of the animals, frame by frame.

    Where frames are missing in the recording, rows without a frame cover the time, see
    `murid.analysis.clock.Clock`. So there are R rows for F frames, and as many in a recording
    without dropped frames and pauses.

    Lengths are in centimetres if the layout has a scale, else in pixels. If the pixels of the video
    are not square, lengths in pixels are in square pixels of the same height.

    Attributes
    ----------
    names : tuple of str
        Names of the I animals.
    clock : Clock
        Time of the rows, and how long each lasts.
    position_px : ndarray
        ``(R, 2, I)`` pixels, gaps interpolated and smoothed; NaN = missing.
    seen : ndarray
        ``(R, I)`` bool: detected, that is neither interpolated nor missing.
    missing : ndarray
        ``(R, I)`` bool.
    speed, acceleration, steps : ndarray
        ``(R, I)``, see `murid.analysis.kinematics`; steps below the minimum moving speed are 0.
    heading_deg, turns_deg : ndarray
        ``(R, I)``, while an animal moves.
    arena_ids : ndarray
        ``(I,)`` int64: the arena in which an animal is for most of the time; -1 = none.
    immobile : tuple of Bouts
        Bouts of immobility of each animal.
    identity_probability : ndarray
        ``(R, I)`` float64: how likely each animal is the one that it is named; NaN where it is not
        known, and everywhere for tracks.
    lengths_px : dict of str to float
        The `LENGTH_FIELDS` of the configuration in pixels, or pixels per second; without the width
        of the border if that is a share of an area.
    body_length_px : float
        Body length in pixels, see `murid.analysis.kinematics.compute_body_length`.
    layout : Layout
        In square pixels.
    config : MeasureConfig
    pixel_aspect : float
        Width of a pixel of the video divided by its height.
    pose : Pose or None
        Keypoints and body headings; None for a run without keypoints.
    """

    names: tuple[str, ...]
    clock: Clock
    position_px: Float64
    seen: Bool
    missing: Bool
    speed: Float64
    acceleration: Float64
    steps: Float64
    heading_deg: Float64
    turns_deg: Float64
    arena_ids: Int64
    immobile: tuple[Bouts, ...]
    identity_probability: Float64
    lengths_px: dict[str, float]
    body_length_px: float
    layout: Layout
    config: MeasureConfig
    pixel_aspect: float = 1.0
    pose: Pose | None = None

    @property
    def time_s(self) -> Float64:
        """``(R,)`` seconds: start of each row."""
        return self.clock.time_s

    @property
    def durations_s(self) -> Float64:
        """``(R,)`` seconds: how long each row lasts."""
        return self.clock.durations_s

    @property
    def n_frames(self) -> int:
        """Number of frames of the recording, F."""
        return self.clock.n_frames

    @property
    def n_rows(self) -> int:
        """Number of rows, R."""
        return self.clock.n_rows

    @property
    def scale(self) -> float:
        """Centimetres per pixel; 1 if lengths are in pixels."""
        return self.layout.cm_per_px or 1.0

    def get_arena(self, animal: int) -> str:
        """Return the name of the arena of an animal; empty if it is in none."""
        arena_id = int(self.arena_ids[animal])
        return "" if arena_id == NO_ARENA else self.layout.arena_names[arena_id]

    def iterate_pairs(self) -> Iterator[tuple[int, int]]:
        """Yield each pair of animals in the same arena once."""
        for a, b in combinations(range(len(self.names)), 2):
            if self.arena_ids[a] == self.arena_ids[b] != NO_ARENA:
                yield a, b

    def compute_wall_distance(self, animal: int) -> Float64 | None:
        """Return the distance ``(F,)`` from the wall; None if the layout has no arena."""
        arena_id = self.arena_ids[animal]
        if arena_id == NO_ARENA or not self.layout.arenas:
            return None
        arena = self.layout.arenas[arena_id]
        return self.scale * compute_wall_distance(arena, self.position_px[:, :, [animal]])[:, 0]

    def compute_border_width(self, animal: int) -> float | None:
        """Return the width of the border along the wall; None if the layout has no arena."""
        arena_id = self.arena_ids[animal]
        if arena_id == NO_ARENA or not self.layout.arenas:
            return None
        share = parse_area_share(self.config.border_width)
        if share is None:
            return self.scale * self.lengths_px["border_width"]
        return self.scale * compute_border_width(self.layout.arenas[arena_id], share)

    def find_zone_frames(self, animal: int) -> dict[str, ZoneFrames]:
        """Return the rows in which an animal is in each zone of its arena, by name of the zone.

        They include rows in which it is hidden in a nest or shelter, but no gap in the recording.
        """
        if self.arena_ids[animal] == NO_ARENA:
            return {}
        found = {}
        for zone in self.layout.list_zones(self.get_arena(animal)):
            inside = find_inside(zone, self.position_px[:, :, [animal]])[:, 0]
            hidden = np.zeros(len(inside), bool)
            if zone.hides:
                hidden = find_hidden(inside, self.missing[:, animal])
                hidden &= ~self.clock.is_gap
            margin_px = self.lengths_px["zone_margin"]
            visiting = find_visiting(zone, self.position_px[:, :, animal], margin_px)
            found[zone.name] = ZoneFrames(inside | hidden, hidden, visiting | hidden)
        return found

    def find_visits(self, animal: int, frames: ZoneFrames) -> Bouts:
        """Return the visits of an animal to a zone, from `find_zone_frames`."""
        missing = self.missing[:, animal] & ~frames.hidden
        min_visit_s = self.config.min_visit_s
        return find_bouts(frames.visiting, self.clock.edges_s, min_visit_s, min_visit_s, missing)

    def find_entries(self, animal: int, visits: Bouts) -> Bouts:
        """Return the visits that begin with an entry, see `murid.analysis.bouts.select_entries`."""
        return select_entries(visits, self.missing[:, animal])

    def compute_distances(self, a: int, b: int) -> Float64:
        """Return the distance ``(F,)`` between two animals."""
        return self.scale * compute_distances(self.position_px[:, :, a], self.position_px[:, :, b])

    def find_contacts(self, a: int, b: int) -> Bouts:
        """Return the contacts of two animals: centres within `max_contact_distance`."""
        max_distance = self.scale * self.lengths_px["max_contact_distance"]
        is_near = self.compute_distances(a, b) <= max_distance
        return find_bouts(is_near, self.clock.edges_s, self.config.min_contact_s)

    def find_contact_frames(self, animal: int) -> Bool:
        """Return the rows ``(R,)`` in which an animal is in contact with any other."""
        in_contact = np.zeros(self.n_rows, bool)
        for a, b in self.iterate_pairs():
            if animal in (a, b):
                in_contact |= self.find_contacts(a, b).to_mask(self.n_rows)
        return in_contact

    def find_following(self, follower: int, leader: int) -> Bouts:
        """Return bouts of one animal following another, see `murid.analysis.social`."""
        is_following = find_following(
            self.position_px[:, :, follower],
            self.position_px[:, :, leader],
            self.time_s,
            max_distance=self.lengths_px["max_following_distance"],
            min_speed=self.lengths_px["max_immobile_speed"],
            max_angle_deg=self.config.max_following_angle_deg,
            is_gap=self.clock.is_gap,
        )
        return find_movement_bouts(is_following, self.clock, self.config.min_following_s)

    def find_huddles(self) -> dict[int, Bouts]:
        """Return bouts of huddling of each animal that is not alone in its arena.

        A huddle is a group of immobile animals, see `murid.analysis.social.find_group_sizes`.
        """
        found = {}
        for arena_id in np.unique(self.arena_ids[self.arena_ids != NO_ARENA]):
            animals = np.flatnonzero(self.arena_ids == arena_id)
            if len(animals) < 2:
                continue
            is_immobile = np.column_stack(
                [self.immobile[animal].to_mask(self.n_rows) for animal in animals]
            )
            sizes = find_group_sizes(
                self.position_px[:, :, animals],
                is_immobile,
                self.lengths_px["max_huddle_distance"],
            )
            for animal, group_size in zip(animals.tolist(), sizes.T, strict=True):
                is_huddling = group_size > 1
                found[animal] = find_bouts(
                    is_huddling, self.clock.edges_s, self.config.min_huddle_s
                )
        return found

    def require_pose(self) -> Pose:
        """Return the keypoints; raises `ArrayError` for a run without keypoints."""
        if self.pose is None:
            expected = "a run with keypoints, from a network that finds them"
            raise ArrayError("keypoints", expected, "a run without keypoints")
        return self.pose

    def describe(self) -> dict[str, Any]:
        """Return unit, scale, body length, clock, smoothing and all lengths, as plain values.

        Frames per second are the median; time without frames is that of gaps too long to fill.
        """
        unit = self.layout.unit
        interval_s = self.clock.interval_s
        body_length = None
        if not np.isnan(self.body_length_px):
            body_length = round(self.scale * self.body_length_px, 4)
        facts: dict[str, Any] = {
            "unit": unit,
            "cm_per_px": self.layout.cm_per_px,
            "body_length": body_length,
            "smoothing_frames": compute_window_frames(interval_s, self.config.smooth_s),
            "n_frames": self.clock.n_frames,
            "fps": round(1 / interval_s, 4) if interval_s else None,
            "max_gap_s": round(self.clock.max_gap_s, 4),
            "unfilmed_s": round(self.clock.unfilmed_s, 4),
            "pixel_aspect": self.pixel_aspect,
        }
        # Lengths in body lengths are NaN in a recording without boxes.
        for name, length_px in self.lengths_px.items():
            if name in KEYPOINT_LENGTH_FIELDS and self.pose is None:
                continue
            length = round(self.scale * length_px, 4)
            if np.isfinite(length):
                facts[f"{name}_{unit}"] = length
        # A share of the area is another width in each arena.
        share = parse_area_share(self.config.border_width)
        if share is not None:
            facts[f"border_width_{unit}"] = {
                arena.name: round(self.scale * compute_border_width(arena, share), 4)
                for arena in self.layout.arenas
            }
        return facts


def compute_behaviour(
    trajectories: Trajectories,
    layout: Layout,
    config: MeasureConfig | None = None,
    pixel_aspect: float = 1.0,
) -> Behaviour:
    """Interpolate gaps, smooth, and compute how the animals move.

    Parameters
    ----------
    trajectories : Trajectories
        In pixels of the image of the layout.
    layout : Layout
        Arenas and zones, in pixels of the video.
    config : MeasureConfig, optional
    pixel_aspect : float
        Width of a pixel of the video divided by its height. If it is not 1, positions, boxes and
        layout are converted to square pixels of the same height first.

    Returns
    -------
    Behaviour

    Raises
    ------
    ConfigError
        If a setting is in centimetres and the layout has no scale.
    ArrayError
        If the times do not increase, or the aspect is not above 0.
    """
    config = config or MeasureConfig()
    if not 0 < pixel_aspect < np.inf:
        raise ArrayError("pixel_aspect", "a number above 0", f"{pixel_aspect:g}")
    clock = Clock.from_times(trajectories.time_s, config.max_gap_s)
    time_s = clock.time_s
    layout = layout.to_square_pixels(pixel_aspect)
    to_square = np.array([pixel_aspect, 1.0])[:, None]
    body_length_px = compute_body_length(trajectories.shape * to_square)
    has_keypoints = trajectories.keypoints is not None
    length_fields = (*LENGTH_FIELDS, *(KEYPOINT_LENGTH_FIELDS if has_keypoints else ()))
    lengths_px = {
        name: Length.parse(getattr(config, name), name).to_px(
            body_length_px, layout.cm_per_px, name
        )
        for name in length_fields
        if name != "border_width" or parse_area_share(config.border_width) is None
    }
    # Between frames that are far apart, a slow net speed is a long way: a limit of a speed is never
    # more than its distance in this time from one frame to the next.
    if clock.interval_s > _MAX_SPEED_INTERVAL_S:
        for name in _SPEED_FIELDS:
            lengths_px[name] *= _MAX_SPEED_INTERVAL_S / clock.interval_s

    # Positions that were interpolated by identification are dropped first, so that short gaps are
    # interpolated again under `max_gap_s`.
    raw = trajectories.position * to_square
    interpolated = trajectories.interpolated
    if interpolated is not None and not config.use_interpolated:
        raw = np.where(interpolated[:, None], np.nan, raw)
    seen = ~find_missing(raw)
    if interpolated is not None:
        seen &= ~interpolated
    # Time without a frame is time in which no animal was seen.
    seen = clock.expand(seen, False)
    raw = clock.expand(raw, np.nan)
    without_gaps = interpolate_gaps(raw, time_s, clock.max_gap_s)
    position = smooth(without_gaps, time_s, config.smooth_s, clock.interval_s)

    # Jitter of the boxes of a resting animal is slower than `min_moving_speed`.
    missing = find_missing(position)
    speed_px = compute_speed(position, time_s, clock.is_gap)
    # A central difference does not use the position in its middle.
    speed_px[missing] = np.nan
    steps_px = compute_steps(position)
    is_slow = speed_px < lengths_px["min_moving_speed"]
    steps_px = np.where(is_slow & ~np.isnan(steps_px), 0.0, steps_px)

    max_immobile_speed = lengths_px["max_immobile_speed"]
    heading_deg = compute_heading(position, time_s, max_immobile_speed, clock.is_gap)
    heading_deg[missing] = np.nan
    acceleration_px = compute_acceleration(position, time_s, clock.is_gap)
    acceleration_px[missing] = np.nan
    immobile = tuple(
        find_movement_bouts(speed < max_immobile_speed, clock, config.min_immobile_s)
        for speed in speed_px.T
    )
    scale = layout.cm_per_px or 1.0
    return Behaviour(
        names=trajectories.individuals,
        clock=clock,
        position_px=position,
        seen=seen,
        missing=missing,
        speed=scale * speed_px,
        acceleration=scale * acceleration_px,
        steps=scale * steps_px,
        heading_deg=heading_deg,
        turns_deg=compute_turns(heading_deg),
        arena_ids=_find_arenas(position, clock.durations_s, layout),
        immobile=immobile,
        identity_probability=_expand_probability(trajectories, clock, missing),
        lengths_px=lengths_px,
        body_length_px=body_length_px,
        layout=layout,
        config=config,
        pixel_aspect=pixel_aspect,
        pose=_compute_pose(trajectories, clock, config, to_square, missing),
    )


def _compute_pose(
    trajectories: Trajectories,
    clock: Clock,
    config: MeasureConfig,
    to_square: Float64,
    missing: Bool,
) -> Pose | None:
    """Return keypoints and headings of the rows; None without keypoints."""
    if trajectories.keypoints is None:
        return None
    # Space is the second axis of keypoints, and of the factors of positions the first.
    raw = trajectories.keypoints * to_square[..., None]
    confidence = trajectories.keypoint_confidence
    if confidence is not None:
        is_doubtful = ~(confidence >= config.min_keypoint_confidence)
        raw = np.where(is_doubtful[:, None], np.nan, raw)
    if trajectories.interpolated is not None and not config.use_interpolated:
        raw = np.where(trajectories.interpolated[:, None, None], np.nan, raw)
    # As of positions, one missed frame is interpolated at any frame rate.
    max_gap_s = 0.0
    if config.max_keypoint_gap_s:
        max_gap_s = Clock.from_times(trajectories.time_s, config.max_keypoint_gap_s).max_gap_s
    raw = clock.expand(raw, np.nan)
    raw = np.where(missing[:, None, None], np.nan, raw)
    return Pose.compute(
        raw,
        clock.time_s,
        max_gap_s=max_gap_s,
        smooth_s=config.smooth_keypoints_s,
        interval_s=clock.interval_s,
        is_gap=clock.is_gap,
    )


def _expand_probability(trajectories: Trajectories, clock: Clock, missing: Bool) -> Float64:
    """Return the identity probability ``(R, I)`` of the positions that are not missing."""
    if trajectories.identity_probability is None:
        return np.full(missing.shape, np.nan)
    expanded: Float64 = clock.expand(trajectories.identity_probability, np.nan)
    return np.where(missing, np.nan, expanded)


def find_movement_bouts(state: Bool, clock: Clock, min_duration_s: float) -> Bouts:
    """Return the bouts of a state ``(R,)`` that is computed from speeds."""
    bouts = find_bouts(state, clock.edges_s, min_duration_s)
    n_filmed = np.concatenate([[0], np.cumsum(clock.is_filmed)])
    n_frames = n_filmed[bouts.last_frames + 1] - n_filmed[bouts.first_frames]
    return bouts.select(n_frames >= _MIN_MOVEMENT_FRAMES)


def _find_arenas(position: Float64, durations_s: Float64, layout: Layout) -> Int64:
    """Return the arena ``(I,)`` in which each animal is for most of the time; -1 = none."""
    n_animals = position.shape[2]
    arena_ids = np.full(n_animals, NO_ARENA, np.int64)
    for animal in range(n_animals):
        by_frame = layout.locate(position[:, :, animal])
        located = (by_frame >= 0) & np.isfinite(position[:, 0, animal])
        if located.any():
            seconds = np.bincount(by_frame[located], durations_s[located])
            arena_ids[animal] = seconds.argmax()
    return arena_ids

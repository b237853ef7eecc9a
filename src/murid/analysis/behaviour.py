"""Behaviour of the animals of a recording, frame by frame: the input of all measures and plots."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from murid.analysis.bouts import Bouts, find_bouts
from murid.analysis.config import LENGTH_FIELDS, MeasureConfig
from murid.analysis.gaps import compute_durations, find_missing, interpolate_gaps
from murid.analysis.kinematics import (
    compute_acceleration,
    compute_body_length,
    compute_heading,
    compute_speed,
    compute_steps,
    compute_turns,
)
from murid.analysis.smoothing import compute_window_frames, smooth
from murid.analysis.social import compute_distances, find_following, find_group_sizes
from murid.analysis.space import compute_wall_distance, find_hidden, find_inside
from murid.analysis.units import Length
from murid.arenas.layout import Layout
from murid.core.types import Bool, Float64, Int64, Trajectories

# Arena id of an animal outside all arenas.
NO_ARENA = -1


class ZoneFrames(NamedTuple):
    """Frames ``(F,)`` in which an animal is in a zone, and those in which it is hidden there."""

    inside: Bool
    hidden: Bool


@dataclass(frozen=True, eq=False, slots=True)
class Behaviour:
    """Position and movement of the animals, frame by frame.

    Lengths are in centimetres if the layout has a scale, else in pixels.

    Attributes
    ----------
    names : tuple of str
        Names of the I animals.
    time_s, durations_s : ndarray
        ``(F,)`` seconds: time of each frame, and how long it lasts.
    position_px : ndarray
        ``(F, 2, I)`` pixels, gaps interpolated and smoothed; NaN = missing.
    seen : ndarray
        ``(F, I)`` bool: detected, that is neither interpolated nor missing.
    missing : ndarray
        ``(F, I)`` bool.
    speed, acceleration, steps : ndarray
        ``(F, I)``, see `murid.analysis.kinematics`; steps below the minimum moving speed are 0.
    heading_deg, turns_deg : ndarray
        ``(F, I)``, while an animal moves.
    arena_ids : ndarray
        ``(I,)`` int64: the arena in which an animal is in most frames; -1 = none.
    immobile : tuple of Bouts
        Bouts of immobility of each animal.
    lengths_px : dict of str to float
        The `LENGTH_FIELDS` of the configuration in pixels, or pixels per second.
    body_length_px : float
        Body length in pixels, see `murid.analysis.kinematics.compute_body_length`.
    layout, config : Layout, MeasureConfig
    """

    names: tuple[str, ...]
    time_s: Float64
    durations_s: Float64
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
    lengths_px: dict[str, float]
    body_length_px: float
    layout: Layout
    config: MeasureConfig

    @property
    def n_frames(self) -> int:
        """Number of frames, F."""
        return len(self.time_s)

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

    def find_zone_frames(self, animal: int) -> dict[str, ZoneFrames]:
        """Return the frames in which an animal is in each zone of its arena, by name of the zone.

        They include frames in which it is hidden in a nest or shelter.
        """
        if self.arena_ids[animal] == NO_ARENA:
            return {}
        found = {}
        for zone in self.layout.list_zones(self.get_arena(animal)):
            inside = find_inside(zone, self.position_px[:, :, [animal]])[:, 0]
            hidden = np.zeros(len(inside), bool)
            if zone.hides:
                hidden = find_hidden(inside, self.missing[:, animal])
            found[zone.name] = ZoneFrames(inside | hidden, hidden)
        return found

    def find_visits(self, inside: Bool) -> Bouts:
        """Return the visits to a zone, from the frames ``(F,)`` in which an animal is inside."""
        min_visit_s = self.config.min_visit_s
        return find_bouts(inside, self.time_s, min_visit_s, max_pause_s=min_visit_s)

    def compute_distances(self, a: int, b: int) -> Float64:
        """Return the distance ``(F,)`` between two animals."""
        return self.scale * compute_distances(self.position_px[:, :, a], self.position_px[:, :, b])

    def find_contacts(self, a: int, b: int) -> Bouts:
        """Return the contacts of two animals: centres within `max_contact_distance`."""
        max_distance = self.scale * self.lengths_px["max_contact_distance"]
        is_near = self.compute_distances(a, b) <= max_distance
        return find_bouts(is_near, self.time_s, self.config.min_contact_s)

    def find_contact_frames(self, animal: int) -> Bool:
        """Return the frames ``(F,)`` in which an animal is in contact with any other."""
        in_contact = np.zeros(self.n_frames, bool)
        for a, b in self.iterate_pairs():
            if animal in (a, b):
                in_contact |= self.find_contacts(a, b).to_mask(self.n_frames)
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
        )
        return find_bouts(is_following, self.time_s, self.config.min_following_s)

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
                [self.immobile[animal].to_mask(self.n_frames) for animal in animals]
            )
            sizes = find_group_sizes(
                self.position_px[:, :, animals],
                is_immobile,
                self.lengths_px["max_huddle_distance"],
            )
            for animal, group_size in zip(animals.tolist(), sizes.T, strict=True):
                found[animal] = find_bouts(group_size > 1, self.time_s, self.config.min_huddle_s)
        return found

    def describe(self) -> dict[str, Any]:
        """Return unit, scale, body length, smoothing window and all lengths, as plain values."""
        unit = self.layout.unit
        body_length = None
        if not np.isnan(self.body_length_px):
            body_length = round(self.scale * self.body_length_px, 4)
        facts = {
            "unit": unit,
            "cm_per_px": self.layout.cm_per_px,
            "body_length": body_length,
            "smoothing_frames": compute_window_frames(self.time_s, self.config.smooth_s),
            "n_frames": self.n_frames,
        }
        # Lengths in body lengths are NaN in a recording without boxes.
        for name, length_px in self.lengths_px.items():
            length = round(self.scale * length_px, 4)
            if np.isfinite(length):
                facts[f"{name}_{unit}"] = length
        return facts


def compute_behaviour(
    trajectories: Trajectories, layout: Layout, config: MeasureConfig | None = None
) -> Behaviour:
    """Interpolate gaps, smooth, and compute how the animals move.

    Parameters
    ----------
    trajectories : Trajectories
        In pixels of the image of the layout.
    layout : Layout
        Arenas and zones.
    config : MeasureConfig, optional

    Returns
    -------
    Behaviour

    Raises
    ------
    ConfigError
        If a setting is in centimetres and the layout has no scale.
    """
    config = config or MeasureConfig()
    time_s = trajectories.time_s
    body_length_px = compute_body_length(trajectories.shape)
    lengths_px = {
        name: Length.parse(getattr(config, name), name).to_px(
            body_length_px, layout.cm_per_px, name
        )
        for name in LENGTH_FIELDS
    }

    # Positions that were interpolated by identification are dropped first, so that short gaps are
    # interpolated again under `max_gap_s`.
    raw = trajectories.position
    interpolated = trajectories.interpolated
    if interpolated is not None and not config.use_interpolated:
        raw = np.where(interpolated[:, None], np.nan, raw)
    seen = ~find_missing(raw)
    if interpolated is not None:
        seen &= ~interpolated
    without_gaps = interpolate_gaps(raw, time_s, config.max_gap_s)
    position = smooth(without_gaps, time_s, config.smooth_s)

    # Jitter of the boxes of a resting animal is slower than `min_moving_speed`.
    speed_px = compute_speed(position, time_s)
    steps_px = compute_steps(position)
    is_slow = speed_px < lengths_px["min_moving_speed"]
    steps_px = np.where(is_slow & ~np.isnan(steps_px), 0.0, steps_px)

    heading_deg = compute_heading(position, time_s, lengths_px["max_immobile_speed"])
    immobile = tuple(
        find_bouts(speed < lengths_px["max_immobile_speed"], time_s, config.min_immobile_s)
        for speed in speed_px.T
    )
    scale = layout.cm_per_px or 1.0
    return Behaviour(
        names=trajectories.individuals,
        time_s=time_s,
        durations_s=compute_durations(time_s),
        position_px=position,
        seen=seen,
        missing=find_missing(position),
        speed=scale * speed_px,
        acceleration=scale * compute_acceleration(position, time_s),
        steps=scale * steps_px,
        heading_deg=heading_deg,
        turns_deg=compute_turns(heading_deg),
        arena_ids=_find_arenas(position, layout),
        immobile=immobile,
        lengths_px=lengths_px,
        body_length_px=body_length_px,
        layout=layout,
        config=config,
    )


def _find_arenas(position: Float64, layout: Layout) -> Int64:
    """Return the arena ``(I,)`` in which each animal is in most frames; -1 = none."""
    n_animals = position.shape[2]
    arena_ids = np.full(n_animals, NO_ARENA, np.int64)
    for animal in range(n_animals):
        by_frame = layout.locate(position[:, :, animal])
        by_frame = by_frame[(by_frame >= 0) & np.isfinite(position[:, 0, animal])]
        if len(by_frame):
            arena_ids[animal] = np.bincount(by_frame).argmax()
    return arena_ids

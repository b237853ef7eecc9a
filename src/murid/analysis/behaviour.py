"""A recording prepared for measuring: positions bridged and smoothed, how animals move, what they do and when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from murid.analysis.bouts import Bouts, find_bouts
from murid.analysis.config import LENGTHS, MeasureConfig
from murid.analysis.gaps import bridge_gaps, compute_durations, find_missing
from murid.analysis.kinematics import (
    compute_acceleration,
    compute_heading,
    compute_speed,
    compute_steps,
    compute_turns,
    measure_body,
)
from murid.analysis.smoothing import count_window, smooth
from murid.analysis.social import compute_distances, find_following, find_group_sizes
from murid.analysis.space import compute_wall_distance, find_hidden, find_inside
from murid.analysis.units import Length
from murid.arenas.layout import Layout
from murid.core.types import Bool, Float64, Int64, Trajectories


@dataclass(frozen=True, eq=False, slots=True)
class Behaviour:
    """How animals move, frame by frame; lengths are centimetres where the layout has a scale, else pixels.

    Attributes
    ----------
    names : tuple of str
        Of the I animals.
    time_s, durations_s : ndarray
        ``(F,)`` seconds: when each frame was, and how long it lasted.
    position_px : ndarray
        ``(F, 2, I)`` bridged and smoothed, pixels; NaN = missing.
    seen : ndarray
        ``(F, I)`` bool: neither filled in, nor bridged, nor missing.
    missing : ndarray
        ``(F, I)`` bool.
    speed, acceleration, steps : ndarray
        ``(F, I)`` as of `murid.analysis.kinematics`; steps that do not count are 0.
    heading_deg, turns_deg : ndarray
        ``(F, I)``, while an animal moves.
    arenas : ndarray
        ``(I,)`` int64: the arena in which an animal is most of the time; -1 = none.
    immobile : tuple of Bouts
        Of each animal.
    lengths_px : dict of str to float
        The lengths and speeds of the settings, pixels.
    body_px : float
        Length of a body, pixels.
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
    arenas: Int64
    immobile: tuple[Bouts, ...]
    lengths_px: dict[str, float]
    body_px: float
    layout: Layout
    config: MeasureConfig

    @property
    def n_frames(self) -> int:
        """Number of frames, F."""
        return len(self.time_s)

    @property
    def scale(self) -> float:
        """Length of a pixel in the unit of the layout."""
        return self.layout.cm_per_px or 1.0

    def get_arena(self, animal: int) -> str:
        """Name of the arena of an animal; empty if it is in none."""
        number = int(self.arenas[animal])
        return self.layout.arena_names[number] if number >= 0 else ""

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Yield every two animals of one arena, once."""
        for a, b in combinations(range(len(self.names)), 2):
            if self.arenas[a] == self.arenas[b] >= 0:
                yield a, b

    def compute_wall_distance(self, animal: int) -> Float64 | None:
        """Distance ``(F,)`` from the wall, in the unit of the layout; None where no arena is drawn."""
        if self.arenas[animal] < 0 or not self.layout.arenas:
            return None
        arena = self.layout.arenas[self.arenas[animal]]
        return self.scale * compute_wall_distance(arena, self.position_px[:, :, [animal]])[:, 0]

    def find_in_zones(self, animal: int) -> dict[str, tuple[Bool, Bool]]:
        """Frames ``(F,)`` in which an animal is in each zone of its arena, and those of them in which it is hidden."""
        found = {}
        for zone in (
            self.layout.list_zones(self.get_arena(animal)) if self.arenas[animal] >= 0 else ()
        ):
            inside = find_inside(zone, self.position_px[:, :, [animal]])[:, 0]
            hidden = (
                find_hidden(inside, self.missing[:, animal])
                if zone.hides
                else np.zeros(len(inside), bool)
            )
            found[zone.name] = inside | hidden, hidden
        return found

    def find_visits(self, inside: Bool) -> Bouts:
        """Visits to a zone, from whether an animal is inside ``(F,)``."""
        return find_bouts(inside, self.time_s, self.config.min_visit_s, self.config.min_visit_s)

    def compute_distances(self, a: int, b: int) -> Float64:
        """Distance ``(F,)`` of two animals, in the unit of the layout."""
        return self.scale * compute_distances(self.position_px[:, :, a], self.position_px[:, :, b])

    def find_contacts(self, a: int, b: int) -> Bouts:
        """Contacts of two animals: centres within `max_contact_distance` for `min_contact_s`."""
        near = self.compute_distances(a, b) <= self.scale * self.lengths_px["max_contact_distance"]
        return find_bouts(near, self.time_s, self.config.min_contact_s)

    def find_following(self, follower: int, leader: int) -> Bouts:
        """Bouts in which one animal follows another: see `murid.analysis.social.find_following`."""
        within, above = (
            self.lengths_px["max_following_distance"],
            self.lengths_px["max_immobile_speed"],
        )
        follows = find_following(
            self.position_px[:, :, follower],
            self.position_px[:, :, leader],
            self.time_s,
            within,
            above,
            self.config.max_following_angle_deg,
        )
        return find_bouts(follows, self.time_s, self.config.min_following_s)

    def find_huddles(self) -> dict[int, Bouts]:
        """Bouts in which each animal that is not alone is in a huddle of immobile ones: see `find_group_sizes`."""
        found = {}
        for arena in np.unique(self.arenas[self.arenas >= 0]):
            animals = np.flatnonzero(self.arenas == arena)
            if len(animals) < 2:
                continue
            still = np.column_stack([self.immobile[k].to_mask(self.n_frames) for k in animals])
            sizes = find_group_sizes(
                self.position_px[:, :, animals], still, self.lengths_px["max_huddle_distance"]
            )
            for animal, of_animal in zip(animals.tolist(), sizes.T, strict=True):
                found[animal] = find_bouts(of_animal > 1, self.time_s, self.config.min_huddle_s)
        return found

    def describe(self) -> dict[str, Any]:
        """What was done, as plain values: unit, scale, length of a body, smoothing, and the lengths of the settings."""
        unit, window = self.layout.unit, count_window(self.time_s, self.config.smooth_s)
        lengths = {name: round(self.scale * value, 4) for name, value in self.lengths_px.items()}
        return {
            "unit": unit,
            "cm_per_px": self.layout.cm_per_px,
            "body_length": None if np.isnan(self.body_px) else round(self.scale * self.body_px, 4),
            "smoothing_frames": window,
            "n_frames": self.n_frames,
        } | {f"{name}_{unit}": value for name, value in lengths.items() if np.isfinite(value)}


def compute_behaviour(
    trajectories: Trajectories, layout: Layout, config: MeasureConfig | None = None
) -> Behaviour:
    """Bridge, smooth, and work out how animals move.

    Parameters
    ----------
    trajectories : Trajectories
        In pixels of the layout's picture.
    layout : Layout
        Where they live.
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
    time_s, raw = trajectories.time_s, trajectories.position
    if trajectories.interpolated is not None and not config.use_interpolated:
        raw = np.where(trajectories.interpolated[:, None], np.nan, raw)
    position = smooth(bridge_gaps(raw, time_s, config.max_gap_s), time_s, config.smooth_s)
    body_px = measure_body(trajectories.shape)
    lengths = {
        name: Length.parse(getattr(config, name), name).to_px(body_px, layout.cm_per_px, name)
        for name in LENGTHS
    }
    speed_px = compute_speed(position, time_s)
    steps_px = np.where(speed_px < lengths["min_moving_speed"], 0.0, compute_steps(position))
    steps_px[np.isnan(compute_steps(position))] = np.nan
    heading = compute_heading(position, time_s, lengths["max_immobile_speed"])
    scale = layout.cm_per_px or 1.0
    seen = ~find_missing(raw)
    return Behaviour(
        names=trajectories.individuals,
        time_s=time_s,
        durations_s=compute_durations(time_s),
        position_px=position,
        seen=seen if trajectories.interpolated is None else seen & ~trajectories.interpolated,
        missing=find_missing(position),
        speed=scale * speed_px,
        acceleration=scale * compute_acceleration(position, time_s),
        steps=scale * steps_px,
        heading_deg=heading,
        turns_deg=compute_turns(heading),
        arenas=_find_arenas(position, layout),
        immobile=tuple(
            find_bouts(s < lengths["max_immobile_speed"], time_s, config.min_immobile_s)
            for s in speed_px.T
        ),
        lengths_px=lengths,
        body_px=body_px,
        layout=layout,
        config=config,
    )


def _find_arenas(position: Float64, layout: Layout) -> Int64:
    """Arena ``(I,)`` in which each animal is in most frames; -1 = in none."""
    found = np.full(position.shape[2], -1, np.int64)
    for animal in range(position.shape[2]):
        numbers = layout.locate(position[:, :, animal])
        numbers = numbers[(numbers >= 0) & np.isfinite(position[:, 0, animal])]
        if len(numbers):
            found[animal] = np.bincount(numbers).argmax()
    return found

"""Measures in tidy tables: per animal and time bin, per zone, per pair, per bout, per frame.

A table is a dict of columns of one length. ``docs/reference/measures.md`` defines every column.
Columns of lengths end in their unit: ``_cm`` if the layout has a scale, else ``_px``. NaN and None
stand for values that are unknown or not defined. A step belongs to the frame in which it ends, and
a bout to the bin in which it begins. A frame that lasts beyond the end of a bin is shared between
bins by time. Columns that need keypoints are those of `murid.analysis.pose_measures`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from murid.analysis.behaviour import Behaviour, compute_behaviour
from murid.analysis.bins import Bins, divide
from murid.analysis.bouts import NamedBouts
from murid.analysis.pose_measures import (
    iterate_animal_bouts,
    iterate_pair_bouts,
    measure_body_heading,
    measure_nose_pair,
    measure_nose_social,
    measure_nose_zones,
    tabulate_keypoints,
)
from murid.analysis.social import compute_association
from murid.arenas.layout import Layout, Zone
from murid.core.identity_probabilities import is_uncertain
from murid.core.keypoints import KEYPOINTS
from murid.core.types import Bool, Float64, Trajectories

Table = dict[str, Any]


def compute_measures(behaviour: Behaviour, bin_s: float | None = None) -> dict[str, Table]:
    """Return all measures of a recording.

    Parameters
    ----------
    behaviour : Behaviour
        From `murid.analysis.compute_behaviour`.
    bin_s : float, optional
        Length of a time bin, seconds; None = the whole recording.

    Returns
    -------
    dict of str to dict
        Tables ``animals``, ``zones``, ``pairs`` and ``bouts``. They have the columns that need
        keypoints only if the recording has keypoints. A table without rows, for instance
        of a recording in which no animal was detected, has its columns.

    Raises
    ------
    ConfigError
        If the bin is not above 0.
    """
    tables = _compute_tables(behaviour, bin_s)
    if not all(tables.values()):
        columns = _compute_tables(_make_example(behaviour), None)
        tables = {name: table or _drop_rows(columns[name]) for name, table in tables.items()}
    return tables


def _compute_tables(behaviour: Behaviour, bin_s: float | None) -> dict[str, Table]:
    """Return the tables of `compute_measures`; a table without rows has no columns."""
    bins = Bins.cut(behaviour.time_s, behaviour.durations_s, bin_s)
    huddles = behaviour.find_huddles()
    pairs = {(a, b): _measure_pair(behaviour, bins, a, b) for a, b in behaviour.iterate_pairs()}
    animals = []
    zones: list[Table] = []
    for animal in range(len(behaviour.names)):
        table = _measure_animal(behaviour, bins, animal)
        table["huddle_s"] = _fill_nan(bins)
        if animal in huddles:
            table["huddle_s"] = bins.seconds(huddles[animal].to_mask(behaviour.n_rows))
        table |= _measure_social(behaviour, bins, animal, pairs)
        if behaviour.pose is not None:
            table |= measure_body_heading(behaviour, bins, animal)
            table |= measure_nose_social(behaviour, bins, animal, pairs)
        animals.append(table)
        zones += _measure_zones(behaviour, bins, animal)
    return {
        "animals": _concatenate(animals),
        "zones": _concatenate(zones),
        "pairs": _concatenate(list(pairs.values())),
        "bouts": tabulate_bouts(behaviour),
    }


def tabulate_frames(behaviour: Behaviour) -> Table:
    """Return position and movement: one row per animal and frame with a known position."""
    unit = behaviour.layout.unit
    tables = []
    for animal, name in enumerate(behaviour.names):
        keypoints: Table = {}
        is_known = ~behaviour.missing[:, animal] & behaviour.clock.is_filmed
        rows = np.flatnonzero(is_known)
        x, y = behaviour.scale * behaviour.position_px[rows, :, animal].T
        immobile = behaviour.immobile[animal].to_mask(behaviour.n_rows)
        if behaviour.pose is not None:
            keypoints = tabulate_keypoints(behaviour, rows, animal)
        tables.append(
            {
                "animal": np.repeat(name, len(rows)),
                "frame": behaviour.clock.frames[rows],
                "time_s": behaviour.time_s[rows],
                f"x_{unit}": x,
                f"y_{unit}": y,
                f"speed_{unit}_s": behaviour.speed[rows, animal],
                f"acceleration_{unit}_s2": behaviour.acceleration[rows, animal],
                "heading_deg": behaviour.heading_deg[rows, animal],
                "immobile": immobile[rows],
                "seen": behaviour.seen[rows, animal],
                "identity_probability": behaviour.identity_probability[rows, animal],
                **keypoints,
            }
        )
    return _concatenate(tables) or _drop_rows(tabulate_frames(_make_example(behaviour)))


def tabulate_bouts(behaviour: Behaviour) -> Table:
    """Return one row per bout of immobility, visit to a zone, contact, following or huddling.

    In a recording with keypoints also of what animals do with their noses.
    """
    groups = list(_iterate_bouts(behaviour))
    counts = [len(group.bouts) for group in groups]
    bounds = [
        behaviour.clock.find_frames(group.bouts.first_frames, group.bouts.last_frames)
        for group in groups
    ]

    def repeat(values: list[str]) -> np.ndarray:
        return np.repeat(np.array(values, object), counts)

    def join(columns: list[Any], dtype: Any) -> np.ndarray:
        return np.concatenate([np.zeros(0, dtype), *columns])

    return {
        "behaviour": repeat([group.behaviour for group in groups]),
        "arena": repeat([group.arena for group in groups]),
        "animal": repeat([group.animal for group in groups]),
        "with": repeat([group.partner for group in groups]),
        "first_frame": join([first for first, _ in bounds], np.int64),
        "last_frame": join([last for _, last in bounds], np.int64),
        "start_s": join([group.bouts.start_s for group in groups], np.float64),
        "duration_s": join([group.bouts.duration_s for group in groups], np.float64),
    }


def _iterate_bouts(behaviour: Behaviour) -> Iterator[NamedBouts]:
    names = behaviour.names
    huddles = behaviour.find_huddles()
    for animal, name in enumerate(names):
        arena = behaviour.get_arena(animal)
        yield NamedBouts("immobile", name, "", arena, behaviour.immobile[animal])
        for zone, frames in behaviour.find_zone_frames(animal).items():
            visits = behaviour.find_visits(animal, frames)
            yield NamedBouts("visit", name, zone, arena, visits)
        if animal in huddles:
            yield NamedBouts("huddle", name, "", arena, huddles[animal])
        if behaviour.pose is not None:
            yield from iterate_animal_bouts(behaviour, animal)
    for a, b in behaviour.iterate_pairs():
        arena = behaviour.get_arena(a)
        contacts = behaviour.find_contacts(a, b)
        yield NamedBouts("contact", names[a], names[b], arena, contacts)
        for follower, leader in ((a, b), (b, a)):
            bouts = behaviour.find_following(follower, leader)
            yield NamedBouts("follow", names[follower], names[leader], arena, bouts)
        if behaviour.pose is not None:
            yield from iterate_pair_bouts(behaviour, a, b)


def _measure_animal(behaviour: Behaviour, bins: Bins, animal: int) -> Table:
    """Return movement and thigmotaxis of one animal in each bin."""
    unit = behaviour.layout.unit
    missing = behaviour.missing[:, animal]
    seen = behaviour.seen[:, animal]
    position = behaviour.scale * behaviour.position_px[:, :, animal]
    steps = behaviour.steps[:, animal]
    turns_deg = behaviour.turns_deg[:, animal]
    immobile = behaviour.immobile[animal]

    known_s = bins.seconds(~missing)
    immobile_s = bins.seconds(immobile.to_mask(behaviour.n_rows) & ~missing)
    turned_deg = bins.total(np.abs(turns_deg))
    turning_distance = bins.total(np.where(np.isfinite(turns_deg), steps, 0.0))
    return {
        **_make_bin_columns(behaviour, bins, animal),
        "seen_s": bins.seconds(seen & ~missing),
        "interpolated_s": bins.seconds(~seen & ~missing),
        "missing_s": bins.seconds(missing),
        **_make_identity_columns(bins.mean(behaviour.identity_probability[:, animal])),
        f"x_mean_{unit}": bins.mean(position[:, 0]),
        f"y_mean_{unit}": bins.mean(position[:, 1]),
        f"distance_{unit}": np.where(known_s > 0, bins.total(steps), np.nan),
        f"speed_mean_{unit}_s": bins.mean(behaviour.speed[:, animal]),
        f"speed_max_{unit}_s": bins.max(behaviour.speed[:, animal]),
        f"acceleration_mean_{unit}_s2": bins.mean(behaviour.acceleration[:, animal]),
        "immobile_s": immobile_s,
        "immobile_share": divide(immobile_s, known_s),
        "immobile_bouts": bins.count(immobile),
        "turned_deg": turned_deg,
        "turned_net_deg": bins.total(turns_deg),
        f"meander_deg_{unit}": divide(turned_deg, turning_distance),
        **_measure_border(behaviour, bins, animal, known_s),
    }


def _measure_border(behaviour: Behaviour, bins: Bins, animal: int, known_s: Float64) -> Table:
    """Return the distance from the wall and the time near it; NaN without an arena."""
    unit = behaviour.layout.unit
    wall_distance = behaviour.compute_wall_distance(animal)
    border_width = behaviour.compute_border_width(animal)
    if wall_distance is None or border_width is None:
        return {
            f"wall_distance_mean_{unit}": _fill_nan(bins),
            "border_s": _fill_nan(bins),
            "border_share": _fill_nan(bins),
        }
    border_s = bins.seconds(wall_distance <= border_width)
    return {
        f"wall_distance_mean_{unit}": bins.mean(wall_distance),
        "border_s": border_s,
        "border_share": divide(border_s, known_s),
    }


def _measure_social(
    behaviour: Behaviour, bins: Bins, animal: int, pairs: dict[tuple[int, int], Table]
) -> Table:
    """Return contact, strength in the social network and following, over all other animals."""
    own = {pair: table for pair, table in pairs.items() if animal in pair}
    if not own:
        columns = ("contact_s", "strength", "follows_s", "followed_s")
        return {name: _fill_nan(bins) for name in columns}
    follows_s = []
    followed_s = []
    for (first, _), table in own.items():
        is_first = animal == first
        follows_s.append(table["a_follows_b_s" if is_first else "b_follows_a_s"])
        followed_s.append(table["b_follows_a_s" if is_first else "a_follows_b_s"])
    return {
        "contact_s": bins.seconds(behaviour.find_contact_frames(animal)),
        "strength": np.nansum([table["association"] for table in own.values()], axis=0),
        "follows_s": np.sum(follows_s, axis=0),
        "followed_s": np.sum(followed_s, axis=0),
    }


def _measure_zones(behaviour: Behaviour, bins: Bins, animal: int) -> Iterator[Table]:
    """Yield the measures of one animal in each zone of its arena."""
    missing = behaviour.missing[:, animal]
    noses: dict[str, Table] = {}
    if behaviour.pose is not None:
        noses = measure_nose_zones(behaviour, bins, animal)
    for zone, frames in behaviour.find_zone_frames(animal).items():
        inside_s = bins.seconds(frames.inside)
        visits = behaviour.find_visits(animal, frames)
        steps = np.where(frames.inside, behaviour.steps[:, animal], 0.0)
        yield {
            **_make_bin_columns(behaviour, bins, animal),
            "zone": np.repeat(zone, len(bins)),
            "time_s": inside_s,
            "hidden_s": bins.seconds(frames.hidden),
            "time_share": divide(inside_s, bins.seconds(frames.hidden | ~missing)),
            "entries": bins.count(behaviour.find_entries(animal, visits)),
            "latency_s": bins.first(frames.visiting) - bins.start_s,
            f"distance_{behaviour.layout.unit}": bins.total(steps),
            **_make_identity_columns(
                bins.mean(
                    np.where(frames.inside, behaviour.identity_probability[:, animal], np.nan)
                )
            ),
            **noses.get(zone, {}),
        }


def _measure_pair(behaviour: Behaviour, bins: Bins, a: int, b: int) -> Table:
    """Return distance, contact and following of two animals in each bin."""
    unit = behaviour.layout.unit
    n_rows = behaviour.n_rows
    distances = behaviour.compute_distances(a, b)
    known = np.isfinite(distances)
    contacts = behaviour.find_contacts(a, b)
    in_contact = contacts.to_mask(n_rows)
    a_follows_b = behaviour.find_following(a, b).to_mask(n_rows)
    b_follows_a = behaviour.find_following(b, a).to_mask(n_rows)
    columns = _make_bin_columns(behaviour, bins, a)
    noses: Table = {}
    if behaviour.pose is not None:
        noses = measure_nose_pair(behaviour, bins, a, b)
    return {
        "arena": columns["arena"],
        "animal_a": columns["animal"],
        "animal_b": np.repeat(behaviour.names[b], len(bins)),
        "bin": columns["bin"],
        "start_s": columns["start_s"],
        "end_s": columns["end_s"],
        "both_known_s": bins.seconds(known),
        f"distance_mean_{unit}": bins.mean(distances),
        f"distance_min_{unit}": bins.min(distances),
        "contact_s": bins.seconds(in_contact),
        "contacts": bins.count(contacts),
        "association": _compute_associations(bins, in_contact, known),
        "a_follows_b_s": bins.seconds(a_follows_b),
        "b_follows_a_s": bins.seconds(b_follows_a),
        **noses,
    }


def _compute_associations(bins: Bins, in_contact: Bool, known: Bool) -> Float64:
    """Return the association index ``(B,)`` of two animals in each bin."""
    # Pieces are in order of time, so those of one bin are consecutive.
    edges = np.searchsorted(bins.bin_ids, np.arange(len(bins) + 1))
    together = in_contact[bins.frames]
    both_known = known[bins.frames]
    return np.array(
        [
            compute_association(
                together[start:end], both_known[start:end], bins.durations_s[start:end]
            )
            for start, end in pairwise(edges)
        ]
    )


def _make_bin_columns(behaviour: Behaviour, bins: Bins, animal: int) -> Table:
    """Return the first columns of every table of one animal: arena, animal and bin."""
    n_bins = len(bins)
    return {
        "arena": np.repeat(behaviour.get_arena(animal), n_bins),
        "animal": np.repeat(behaviour.names[animal], n_bins),
        "bin": np.arange(n_bins),
        "start_s": bins.start_s,
        "end_s": bins.end_s,
    }


def _make_identity_columns(probability: Float64) -> Table:
    """Return columns of identity probabilities ``(B,)``: these, and which are uncertain."""
    known = [None if np.isnan(value) else value for value in probability.tolist()]
    # An array of objects holds None for what is not known, which a boolean one cannot.
    flags = [None if value is None else is_uncertain(value) for value in known]
    return {
        "identity_probability": probability,
        "identity_uncertain": np.array(flags, object),
    }


def _fill_nan(bins: Bins) -> Float64:
    """Return a column of NaN, for a measure that is not defined."""
    return np.full(len(bins), np.nan)


def _concatenate(tables: list[Table]) -> Table:
    """Return the rows of tables of the same columns; an empty dict if there are no tables."""
    if not tables:
        return {}
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


def _drop_rows(table: Table) -> Table:
    """Return the columns of a table without its rows."""
    return {name: column[:0] for name, column in table.items()}


def _make_example(behaviour: Behaviour) -> Behaviour:
    """Return two animals that rest in a zone, with the same unit, whose tables all have rows.

    The tables of a recording without animals, pairs or zones get their columns from it. They have
    keypoints if the given behaviour has.
    """
    corners = ((0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0))
    layout = Layout(2, 2, zones=(Zone("zone", corners),), cm_per_px=behaviour.layout.cm_per_px)
    resting = np.ones((2, 2, 2))
    trajectories = Trajectories(np.arange(2.0), ("a", "b"), resting, resting, np.ones((2, 2)))
    if behaviour.pose is not None:
        keypoints = np.ones((2, 2, len(KEYPOINTS), 2))
        confidence = np.ones((2, len(KEYPOINTS), 2))
        trajectories = replace(trajectories, keypoints=keypoints, keypoint_confidence=confidence)
    return compute_behaviour(trajectories, layout)

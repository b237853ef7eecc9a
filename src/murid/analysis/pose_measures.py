"""Columns and bouts of measures that need keypoints; only a recording with keypoints has them.

``docs/reference/measures.md`` defines every column.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from murid.analysis.behaviour import Behaviour
from murid.analysis.bins import Bins, divide
from murid.analysis.bouts import NamedBouts
from murid.analysis.pose_behaviour import (
    compute_nose_distances,
    find_animal_orientation,
    find_missing_nose,
    find_nose_contacts,
    find_nose_entries,
    find_nose_following,
    find_nose_visits,
    find_nose_zone_frames,
    find_tail_base_contacts,
    find_zone_orientation,
    get_keypoint,
)
from murid.core.keypoints import KEYPOINTS
from murid.core.types import Float64, Int64

Table = dict[str, Any]


def measure_body_heading(behaviour: Behaviour, bins: Bins, animal: int) -> Table:
    """Return how one animal turned its body in each bin."""
    pose = behaviour.require_pose()
    turns_deg = pose.body_turns_deg[:, animal]
    speed = pose.angular_speed_deg_s[:, animal]
    known_s = bins.seconds(np.isfinite(pose.body_heading_deg[:, animal]))
    return {
        "body_heading_known_s": known_s,
        "body_turned_deg": np.where(known_s > 0, bins.total(np.abs(turns_deg)), np.nan),
        "body_turned_net_deg": np.where(known_s > 0, bins.total(turns_deg), np.nan),
        "angular_speed_mean_deg_s": bins.mean(speed),
        "angular_speed_max_deg_s": bins.max(speed),
    }


def measure_nose_social(
    behaviour: Behaviour, bins: Bins, animal: int, pairs: Mapping[tuple[int, int], Table]
) -> Table:
    """Return contacts of the nose, orientation and following, over all other animals."""
    own = {pair: table for pair, table in pairs.items() if animal in pair}
    if not own:
        columns = (
            "oriented_to_animals_s",
            "nose_to_nose_s",
            "nose_to_tail_base_s",
            "nose_to_tail_base_received_s",
            "nose_follows_s",
            "nose_followed_s",
        )
        return {name: np.full(len(bins), np.nan) for name in columns}
    others = [b if a == animal else a for a, b in own]
    # Time in contact with two others at once counts once.
    oriented = np.zeros(behaviour.n_rows, bool)
    nose_to_nose = np.zeros(behaviour.n_rows, bool)
    nose_to_tail_base = np.zeros(behaviour.n_rows, bool)
    received = np.zeros(behaviour.n_rows, bool)
    for other in others:
        n_rows = behaviour.n_rows
        oriented |= find_animal_orientation(behaviour, animal, other).to_mask(n_rows)
        nose_to_nose |= find_nose_contacts(behaviour, animal, other).to_mask(n_rows)
        nose_to_tail_base |= find_tail_base_contacts(behaviour, animal, other).to_mask(n_rows)
        received |= find_tail_base_contacts(behaviour, other, animal).to_mask(n_rows)
    follows_s = []
    followed_s = []
    for (first, _), table in own.items():
        is_first = animal == first
        follows_s.append(table["a_nose_follows_b_s" if is_first else "b_nose_follows_a_s"])
        followed_s.append(table["b_nose_follows_a_s" if is_first else "a_nose_follows_b_s"])
    return {
        "oriented_to_animals_s": bins.seconds(oriented),
        "nose_to_nose_s": bins.seconds(nose_to_nose),
        "nose_to_tail_base_s": bins.seconds(nose_to_tail_base),
        "nose_to_tail_base_received_s": bins.seconds(received),
        "nose_follows_s": np.sum(follows_s, axis=0),
        "nose_followed_s": np.sum(followed_s, axis=0),
    }


def measure_nose_zones(behaviour: Behaviour, bins: Bins, animal: int) -> dict[str, Table]:
    """Return the columns of the nose of one animal in each zone of its arena."""
    missing = find_missing_nose(behaviour, animal)
    orientation = find_zone_orientation(behaviour, animal)
    tables = {}
    for zone, frames in find_nose_zone_frames(behaviour, animal).items():
        inside_s = bins.seconds(frames.inside)
        visits = find_nose_visits(behaviour, animal, frames)
        tables[zone] = {
            "nose_s": inside_s,
            "nose_share": divide(inside_s, bins.seconds(frames.hidden | ~missing)),
            "nose_entries": bins.count(find_nose_entries(behaviour, animal, visits)),
            "nose_latency_s": bins.first(frames.visiting) - bins.start_s,
            "oriented_s": bins.seconds(orientation[zone].to_mask(behaviour.n_rows)),
            "oriented_bouts": bins.count(orientation[zone]),
        }
    return tables


def measure_nose_pair(behaviour: Behaviour, bins: Bins, a: int, b: int) -> Table:
    """Return contacts of noses, orientation and following of two animals in each bin."""
    n_rows = behaviour.n_rows
    unit = behaviour.layout.unit
    distances = compute_nose_distances(behaviour, a, b)
    nose_contacts = find_nose_contacts(behaviour, a, b)
    a_to_tail_base = find_tail_base_contacts(behaviour, a, b)
    b_to_tail_base = find_tail_base_contacts(behaviour, b, a)
    a_oriented = find_animal_orientation(behaviour, a, b).to_mask(n_rows)
    b_oriented = find_animal_orientation(behaviour, b, a).to_mask(n_rows)
    a_follows = find_nose_following(behaviour, a, b).to_mask(n_rows)
    b_follows = find_nose_following(behaviour, b, a).to_mask(n_rows)
    return {
        "both_noses_known_s": bins.seconds(np.isfinite(distances)),
        f"nose_distance_mean_{unit}": bins.mean(distances),
        f"nose_distance_min_{unit}": bins.min(distances),
        "nose_to_nose_s": bins.seconds(nose_contacts.to_mask(n_rows)),
        "nose_to_nose_contacts": bins.count(nose_contacts),
        "a_nose_to_b_tail_base_s": bins.seconds(a_to_tail_base.to_mask(n_rows)),
        "a_nose_to_b_tail_base_contacts": bins.count(a_to_tail_base),
        "b_nose_to_a_tail_base_s": bins.seconds(b_to_tail_base.to_mask(n_rows)),
        "b_nose_to_a_tail_base_contacts": bins.count(b_to_tail_base),
        "a_oriented_to_b_s": bins.seconds(a_oriented),
        "b_oriented_to_a_s": bins.seconds(b_oriented),
        "a_nose_follows_b_s": bins.seconds(a_follows),
        "b_nose_follows_a_s": bins.seconds(b_follows),
    }


def tabulate_keypoints(behaviour: Behaviour, rows: Int64, animal: int) -> Table:
    """Return keypoints, body heading and angular speed of one animal in some rows."""
    unit = behaviour.layout.unit
    pose = behaviour.require_pose()
    table: dict[str, Float64] = {}
    for k, name in enumerate(KEYPOINTS):
        x, y = behaviour.scale * get_keypoint(behaviour, k, animal)[rows].T
        table[f"{name}_x_{unit}"] = x
        table[f"{name}_y_{unit}"] = y
    table["body_heading_deg"] = pose.body_heading_deg[rows, animal]
    table["angular_speed_deg_s"] = pose.angular_speed_deg_s[rows, animal]
    return table


def iterate_animal_bouts(behaviour: Behaviour, animal: int) -> Iterator[NamedBouts]:
    """Yield visits of the nose of an animal, and orientation towards zones."""
    name = behaviour.names[animal]
    arena = behaviour.get_arena(animal)
    for zone, frames in find_nose_zone_frames(behaviour, animal).items():
        visits = find_nose_visits(behaviour, animal, frames)
        yield NamedBouts("nose_visit", name, zone, arena, visits)
    for zone, bouts in find_zone_orientation(behaviour, animal).items():
        yield NamedBouts("oriented_to_zone", name, zone, arena, bouts)


def iterate_pair_bouts(behaviour: Behaviour, a: int, b: int) -> Iterator[NamedBouts]:
    """Yield contacts of noses, orientation and following of two animals."""
    arena = behaviour.get_arena(a)
    names = behaviour.names
    contacts = find_nose_contacts(behaviour, a, b)
    yield NamedBouts("nose_to_nose", names[a], names[b], arena, contacts)
    finders = {
        "nose_to_tail_base": find_tail_base_contacts,
        "oriented_to_animal": find_animal_orientation,
        "nose_follow": find_nose_following,
    }
    for name, find in finders.items():
        for animal, other in ((a, b), (b, a)):
            bouts = find(behaviour, animal, other)
            yield NamedBouts(name, names[animal], names[other], arena, bouts)

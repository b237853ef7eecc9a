"""Measures in tidy tables: one row per animal and time bin, per zone, per pair, per bout, per frame.

A table is a dict of columns of one length. Columns that are lengths end in their unit, ``_cm``
where the layout has a scale and ``_px`` where it has none; NaN and None = not known, or not
defined. A step belongs to the bin of the frame in which it ends, a bout to that in which it begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from murid.analysis.behaviour import Behaviour
from murid.analysis.bins import Bins, divide
from murid.analysis.bouts import Bouts
from murid.analysis.social import compute_association
from murid.core.types import Bool

Table = dict[str, Any]


def compute_measures(behaviour: Behaviour, bin_s: float | None = None) -> dict[str, Table]:
    """Measure a recording.

    Parameters
    ----------
    behaviour : Behaviour
        As `murid.analysis.compute_behaviour` makes it.
    bin_s : float, optional
        Length of a time bin, seconds; None = the whole recording.

    Returns
    -------
    dict of str to dict
        ``animals``, ``zones``, ``pairs`` and ``bouts``: see `docs/measures.md` for every column.

    Raises
    ------
    ConfigError
        If the bin is not above 0.
    """
    bins = Bins.cut(behaviour.time_s, behaviour.durations_s, bin_s)
    pairs = [_measure_pair(behaviour, bins, a, b) for a, b in behaviour.pairs()]
    huddles = behaviour.find_huddles()
    animals = [
        _measure_animal(behaviour, bins, k, huddles.get(k)) for k in range(len(behaviour.names))
    ]
    _add_company(behaviour, bins, animals, pairs)
    zones = [row for k in range(len(behaviour.names)) for row in _measure_zones(behaviour, bins, k)]
    return {
        "animals": _stack(animals),
        "zones": _stack(zones),
        "pairs": _stack(pairs),
        "bouts": list_bouts(behaviour),
    }


def tabulate_frames(behaviour: Behaviour) -> Table:
    """One row per animal and frame in which it is known: position, speed, acceleration, heading, what it does."""
    u, tables = behaviour.layout.unit, []
    for k, name in enumerate(behaviour.names):
        known = np.flatnonzero(~behaviour.missing[:, k])
        x, y = behaviour.scale * behaviour.position_px[known, :, k].T
        tables.append(
            {
                "animal": np.repeat(name, len(known)),
                "frame": known,
                "time_s": behaviour.time_s[known],
                f"x_{u}": x,
                f"y_{u}": y,
                f"speed_{u}_s": behaviour.speed[known, k],
                f"acceleration_{u}_s2": behaviour.acceleration[known, k],
                "heading_deg": behaviour.heading_deg[known, k],
                "immobile": behaviour.immobile[k].to_mask(behaviour.n_frames)[known],
                "seen": behaviour.seen[known, k],
            }
        )
    return _stack(tables)


def list_bouts(behaviour: Behaviour) -> Table:
    """One row per bout of immobility, visit to a zone, contact, following, or huddling."""
    rows = list(_iterate_bouts(behaviour))
    columns: Table = {name: [] for name in ("behaviour", "arena", "animal", "with")}
    counts = [len(bouts) for *_, bouts in rows]
    for place, name in enumerate(("behaviour", "animal", "with")):
        columns[name] = np.repeat(np.array([row[place] for row in rows], object), counts)
    columns["arena"] = np.repeat(np.array([row[3] for row in rows], object), counts)
    for name in ("first_frame", "last_frame", "start_s", "duration_s"):
        attribute = {"first_frame": "first_frames", "last_frame": "last_frames"}.get(name, name)
        columns[name] = np.concatenate(
            [np.zeros(0), *(getattr(bouts, attribute) for *_, bouts in rows)]
        )
    for name in ("first_frame", "last_frame"):
        columns[name] = columns[name].astype(np.int64)
    return columns


def _iterate_bouts(behaviour: Behaviour) -> Iterator[tuple[str, str, str, str, Bouts]]:
    """Behaviour, animal, partner or zone, arena, bouts."""
    names, huddles = behaviour.names, behaviour.find_huddles()
    for k, name in enumerate(names):
        arena = behaviour.get_arena(k)
        yield "immobile", name, "", arena, behaviour.immobile[k]
        for zone, (inside, _) in behaviour.find_in_zones(k).items():
            yield "visit", name, zone, arena, behaviour.find_visits(inside)
        if k in huddles:
            yield "huddle", name, "", arena, huddles[k]
    for a, b in behaviour.pairs():
        yield "contact", names[a], names[b], behaviour.get_arena(a), behaviour.find_contacts(a, b)
        for follower, leader in ((a, b), (b, a)):
            bouts = behaviour.find_following(follower, leader)
            yield "follow", names[follower], names[leader], behaviour.get_arena(a), bouts


def _measure_animal(behaviour: Behaviour, bins: Bins, k: int, huddles: Bouts | None) -> Table:
    u, n = behaviour.layout.unit, behaviour.n_frames
    missing, seen, turns = behaviour.missing[:, k], behaviour.seen[:, k], behaviour.turns_deg[:, k]
    immobile, steps = behaviour.immobile[k], behaviour.steps[:, k]
    position = behaviour.scale * behaviour.position_px[:, :, k]
    known_s = bins.seconds(~missing)
    immobile_s = bins.seconds(immobile.to_mask(n) & ~missing)
    wall = behaviour.compute_wall_distance(k)
    turned, distance = bins.total(np.abs(turns)), bins.total(steps)
    blank = np.full(len(bins), np.nan)
    table = {
        **_begin(behaviour, bins, k),
        "seen_s": bins.seconds(seen & ~missing),
        "interpolated_s": bins.seconds(~seen & ~missing),
        "missing_s": bins.seconds(missing),
        f"x_mean_{u}": bins.mean(position[:, 0]),
        f"y_mean_{u}": bins.mean(position[:, 1]),
        f"distance_{u}": np.where(known_s > 0, distance, np.nan),
        f"speed_mean_{u}_s": bins.mean(behaviour.speed[:, k]),
        f"speed_max_{u}_s": bins.largest(behaviour.speed[:, k]),
        f"acceleration_mean_{u}_s2": bins.mean(behaviour.acceleration[:, k]),
        "immobile_s": immobile_s,
        "immobile_share": divide(immobile_s, known_s),
        "immobile_bouts": bins.count(immobile),
        "turned_deg": turned,
        "turned_net_deg": bins.total(turns),
        f"meander_deg_{u}": divide(turned, bins.total(np.where(np.isfinite(turns), steps, 0.0))),
        f"wall_distance_mean_{u}": blank,
        "border_s": blank,
        "border_share": blank,
    }
    if wall is not None:
        border_s = bins.seconds(wall <= behaviour.scale * behaviour.lengths_px["border_width"])
        table |= {
            f"wall_distance_mean_{u}": bins.mean(wall),
            "border_s": border_s,
            "border_share": divide(border_s, known_s),
        }
    return table | {"huddle_s": blank if huddles is None else bins.seconds(huddles.to_mask(n))}


def _measure_zones(behaviour: Behaviour, bins: Bins, k: int) -> Iterator[Table]:
    known = np.flatnonzero(~behaviour.missing[:, k])
    for zone, (inside, hidden) in behaviour.find_in_zones(k).items():
        visits = behaviour.find_visits(inside)
        begun = visits.first_frames > (known[0] if len(known) else 0)
        entries = Bouts(*(getattr(visits, name)[begun] for name in Bouts.__slots__))
        steps = np.where(inside, behaviour.steps[:, k], 0.0)
        yield {
            **_begin(behaviour, bins, k),
            "zone": np.repeat(zone, len(bins)),
            "time_s": bins.seconds(inside),
            "hidden_s": bins.seconds(hidden),
            "time_share": divide(
                bins.seconds(inside), bins.seconds(hidden | ~behaviour.missing[:, k])
            ),
            "entries": bins.count(entries),
            "latency_s": _find_latency(behaviour, bins, inside),
            f"distance_{behaviour.layout.unit}": bins.total(steps),
        }


def _find_latency(behaviour: Behaviour, bins: Bins, inside: Bool) -> np.ndarray:
    """Seconds from the start of each bin to the first moment inside, ``(B,)``; NaN = never."""
    first = np.full(len(bins), np.inf)
    np.minimum.at(first, bins.numbers[inside], behaviour.time_s[inside])
    return np.where(np.isfinite(first), first - bins.start_s, np.nan)


def _measure_pair(behaviour: Behaviour, bins: Bins, a: int, b: int) -> Table:
    u, n = behaviour.layout.unit, behaviour.n_frames
    distances = behaviour.compute_distances(a, b)
    known = np.isfinite(distances)
    contacts = behaviour.find_contacts(a, b)
    touching = contacts.to_mask(n)
    forth, back = behaviour.find_following(a, b), behaviour.find_following(b, a)
    shares = [
        compute_association(touching[own], known[own], bins.durations_s[own])
        for own in (slice(*np.searchsorted(bins.numbers, [k, k + 1])) for k in range(len(bins)))
    ]
    begin = _begin(behaviour, bins, a)
    names = {"animal_a": begin.pop("animal"), "animal_b": np.repeat(behaviour.names[b], len(bins))}
    return (
        {"arena": begin.pop("arena")}
        | names
        | begin
        | {
            "both_known_s": bins.seconds(known),
            f"distance_mean_{u}": bins.mean(distances),
            f"distance_min_{u}": -bins.largest(-distances),
            "contact_s": bins.seconds(touching),
            "contacts": bins.count(contacts),
            "association": np.array(shares),
            "a_follows_b_s": bins.seconds(forth.to_mask(n)),
            "b_follows_a_s": bins.seconds(back.to_mask(n)),
        }
    )


def _add_company(
    behaviour: Behaviour, bins: Bins, animals: list[Table], pairs: list[Table]
) -> None:
    """Add to each animal what its pairs say of it: contact with any, strength in the network, following."""
    ways = list(behaviour.pairs())
    for k, animal in enumerate(animals):
        own = [(pair, a == k) for pair, (a, b) in zip(pairs, ways, strict=True) if k in (a, b)]
        blank = np.full(len(bins), np.nan)
        animal["contact_s"] = bins.seconds(find_in_contact(behaviour, k)) if own else blank
        animal["strength"] = (
            np.nansum([pair["association"] for pair, _ in own], axis=0) if own else blank
        )
        for column, forth, back in (
            ("follows_s", "a_follows_b_s", "b_follows_a_s"),
            ("followed_s", "b_follows_a_s", "a_follows_b_s"),
        ):
            animal[column] = (
                np.sum([pair[forth if first else back] for pair, first in own], axis=0)
                if own
                else blank
            )


def find_in_contact(behaviour: Behaviour, k: int) -> Bool:
    """Frames ``(F,)`` in which an animal is in contact with any other."""
    found = np.zeros(behaviour.n_frames, bool)
    for a, b in behaviour.pairs():
        if k in (a, b):
            found |= behaviour.find_contacts(a, b).to_mask(behaviour.n_frames)
    return found


def _begin(behaviour: Behaviour, bins: Bins, k: int) -> Table:
    n = len(bins)
    return {
        "arena": np.repeat(behaviour.get_arena(k), n),
        "animal": np.repeat(behaviour.names[k], n),
        "bin": np.arange(n),
        "start_s": bins.start_s,
        "end_s": bins.end_s,
    }


def _stack(tables: list[Table]) -> Table:
    """Lay tables of the same columns end to end; no columns without any table."""
    return {
        name: np.concatenate([table[name] for table in tables])
        for name in (tables[0] if tables else ())
    }

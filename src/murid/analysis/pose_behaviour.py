"""What animals do with their noses: visits, orientation, contacts, following.

Each function raises `ArrayError` for a run without keypoints. Where a keypoint that it needs is
missing, the behaviour is not known: no bout goes on through such a frame.
"""

from __future__ import annotations

import numpy as np

from murid.analysis.behaviour import NO_ARENA, Behaviour, ZoneFrames, find_movement_bouts
from murid.analysis.bouts import Bouts, find_bouts, select_entries
from murid.analysis.gaps import find_missing
from murid.analysis.pose import find_nose_following as find_nose_following_frames
from murid.analysis.pose import find_oriented
from murid.analysis.space import find_inside, find_visiting
from murid.arenas.layout import Zone
from murid.core.keypoints import NOSE, TAIL_BASE
from murid.core.types import Bool, Float64


def get_keypoint(behaviour: Behaviour, keypoint: int, animal: int) -> Float64:
    """Return the positions ``(R, 2)`` of a keypoint, an index of `KEYPOINTS`, in pixels."""
    return behaviour.require_pose().keypoints_px[:, :, keypoint, animal]


def find_missing_nose(behaviour: Behaviour, animal: int) -> Bool:
    """Return the rows ``(R,)`` in which the nose of an animal is missing."""
    return find_missing(get_keypoint(behaviour, NOSE, animal)[:, :, None])[:, 0]


def find_nose_zone_frames(behaviour: Behaviour, animal: int) -> dict[str, ZoneFrames]:
    """Return the rows in which the nose of an animal is in each zone of its arena.

    As in `Behaviour.find_zone_frames`, the time in which the animal is hidden in a nest or shelter
    belongs to it.
    """
    nose = get_keypoint(behaviour, NOSE, animal)
    margin_px = behaviour.lengths_px["zone_margin"]
    of_centre = behaviour.find_zone_frames(animal)
    found = {}
    for zone in _list_zones(behaviour, animal):
        hidden = of_centre[zone.name].hidden
        inside = find_inside(zone, nose[:, :, None])[:, 0]
        visiting = find_visiting(zone, nose, margin_px)
        found[zone.name] = ZoneFrames(inside | hidden, hidden, visiting | hidden)
    return found


def find_nose_visits(behaviour: Behaviour, animal: int, frames: ZoneFrames) -> Bouts:
    """Return the visits of the nose of an animal to a zone, from `find_nose_zone_frames`."""
    missing = find_missing_nose(behaviour, animal) & ~frames.hidden
    min_visit_s = behaviour.config.min_visit_s
    edges_s = behaviour.clock.edges_s
    return find_bouts(frames.visiting, edges_s, min_visit_s, min_visit_s, missing)


def find_nose_entries(behaviour: Behaviour, animal: int, visits: Bouts) -> Bouts:
    """Return the visits of the nose that begin with an entry, see `select_entries`."""
    return select_entries(visits, find_missing_nose(behaviour, animal))


def find_zone_orientation(behaviour: Behaviour, animal: int) -> dict[str, Bouts]:
    """Return the bouts in which an animal is oriented towards each zone of its arena.

    The animal is outside, with the centre of its box, and its nose is at most
    `max_zone_orientation_distance` from the outline. The angle between its body heading and the
    line from the nose to the nearest point of the outline is at most `max_orientation_angle_deg`;
    or the nose is in the zone.

    Notes
    -----
    Exploration of an object: the nose is directed to it at 2 cm or less, or touches it, while
    sitting on it is no exploration (Ennaceur and Delacour 1988, Behavioural Brain Research 31:47).
    """
    nose = get_keypoint(behaviour, NOSE, animal)
    heading_deg = behaviour.require_pose().body_heading_deg[:, animal]
    centre = behaviour.position_px[:, :, [animal]]
    is_known = ~behaviour.missing[:, animal] & np.isfinite(heading_deg)
    found = {}
    for zone in _list_zones(behaviour, animal):
        is_outside = is_known & ~find_inside(zone, centre)[:, 0]
        towards = find_oriented(
            heading_deg,
            nose,
            zone.find_nearest(nose),
            behaviour.lengths_px["max_zone_orientation_distance"],
            behaviour.config.max_orientation_angle_deg,
        )
        towards |= find_inside(zone, nose[:, :, None])[:, 0]
        min_s = behaviour.config.min_orientation_s
        found[zone.name] = find_bouts(is_outside & towards, behaviour.clock.edges_s, min_s)
    return found


def find_animal_orientation(behaviour: Behaviour, animal: int, other: int) -> Bouts:
    """Return the bouts in which an animal is oriented towards another.

    The nose of the animal is at most `max_animal_orientation_distance` from the centre of the
    other's box, and the angle between its body heading and the line from the nose to this centre is
    at most `max_orientation_angle_deg`: the "facing angle" of MARS (Segalin et al. 2021).
    """
    is_oriented = find_oriented(
        behaviour.require_pose().body_heading_deg[:, animal],
        get_keypoint(behaviour, NOSE, animal),
        behaviour.position_px[:, :, other],
        behaviour.lengths_px["max_animal_orientation_distance"],
        behaviour.config.max_orientation_angle_deg,
    )
    return find_bouts(is_oriented, behaviour.clock.edges_s, behaviour.config.min_orientation_s)


def compute_nose_distances(behaviour: Behaviour, a: int, b: int) -> Float64:
    """Return the distance ``(R,)`` between the noses of two animals, cm or pixels."""
    offset = get_keypoint(behaviour, NOSE, a) - get_keypoint(behaviour, NOSE, b)
    distances: Float64 = behaviour.scale * np.hypot(*offset.T)
    return distances


def find_nose_contacts(behaviour: Behaviour, a: int, b: int) -> Bouts:
    """Return the nose-to-nose contacts: noses within `max_nose_contact_distance`.

    Notes
    -----
    The oral-oral contact of de Chaumont et al. (2019), Nature Biomedical Engineering 3:930, and
    nose-to-nose of DeepOF (Bordes et al. 2023), whose distance is 25 mm.
    """
    return _find_close(behaviour, NOSE, a, NOSE, b)


def find_tail_base_contacts(behaviour: Behaviour, animal: int, other: int) -> Bouts:
    """Return the contacts of the nose of one animal with the tail base of another.

    Notes
    -----
    Anogenital sniffing: the oral-genital contact of de Chaumont et al. (2019), and nose-to-tail of
    DeepOF (Bordes et al. 2023).
    """
    return _find_close(behaviour, NOSE, animal, TAIL_BASE, other)


def find_nose_following(behaviour: Behaviour, follower: int, leader: int) -> Bouts:
    """Return the bouts of following a tail base, see `murid.analysis.pose.find_nose_following`."""
    heading_deg = behaviour.require_pose().body_heading_deg
    is_following = find_nose_following_frames(
        behaviour.position_px[:, :, follower],
        behaviour.position_px[:, :, leader],
        (get_keypoint(behaviour, NOSE, follower), heading_deg[:, follower]),
        (get_keypoint(behaviour, TAIL_BASE, leader), heading_deg[:, leader]),
        behaviour.time_s,
        max_distance=behaviour.lengths_px["max_nose_following_distance"],
        min_speed=behaviour.lengths_px["max_immobile_speed"],
        max_angle_deg=behaviour.config.max_following_angle_deg,
        is_gap=behaviour.clock.is_gap,
    )
    min_s = behaviour.config.min_following_s
    return find_movement_bouts(is_following, behaviour.clock, min_s)


def _find_close(
    behaviour: Behaviour, keypoint: int, animal: int, other_keypoint: int, other: int
) -> Bouts:
    """Return the bouts in which keypoints of two animals are in contact."""
    own = get_keypoint(behaviour, keypoint, animal)
    offset = get_keypoint(behaviour, other_keypoint, other) - own
    is_near = np.hypot(*offset.T) <= behaviour.lengths_px["max_nose_contact_distance"]
    return find_bouts(is_near, behaviour.clock.edges_s, behaviour.config.min_contact_s)


def _list_zones(behaviour: Behaviour, animal: int) -> tuple[Zone, ...]:
    """Return the zones of the arena of an animal; none if it is in no arena."""
    if behaviour.arena_ids[animal] == NO_ARENA:
        return ()
    return tuple(behaviour.layout.list_zones(behaviour.get_arena(animal)))

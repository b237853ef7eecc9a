"""Zones of the arena in which crossings happen, to look only at those of one zone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from murid.arenas.layout import Layout
from murid.core.boxes import compute_centres
from murid.review.crossings import ReviewCrossing
from murid.review.results import IdentityPart


def list_zone_names(layout: Layout) -> list[str]:
    """Return the names of the zones of a layout, each once, in order."""
    return list(dict.fromkeys(zone.name for zone in layout.zones))


def find_crossing_zones(
    crossings: Sequence[ReviewCrossing], parts: Iterable[IdentityPart], layout: Layout
) -> dict[str, tuple[str, ...]]:
    """Return the names of the zones in which either animal is as a crossing begins, by its id.

    Parameters
    ----------
    crossings : sequence of ReviewCrossing
    parts : iterable of IdentityPart
        Parts of the run that hold the first frames of the crossings; others are of no use.
    layout : Layout
        In pixels of the video.
    """
    found: dict[str, tuple[str, ...]] = {}
    by_frame: dict[int, list[ReviewCrossing]] = {}
    for crossing in crossings:
        by_frame.setdefault(crossing.first_frame, []).append(crossing)
    for part in parts:
        own_frames = range(part.first_frame, part.first_frame + part.n_frames)
        for frame in sorted(by_frame.keys() & set(own_frames)):
            rows = slice(*part.offsets[frame - part.first_frame :][:2])
            centres = compute_centres(part.boxes[rows])
            for crossing in by_frame[frame]:
                is_own = np.isin(part.identities[rows], crossing.identities)
                names = [z.name for z in layout.zones if z.contains(centres[is_own]).any()]
                found[crossing.id] = tuple(dict.fromkeys(names))
    return found

"""Where animals live: arenas, zones in them, what is to be ignored, and the scale; in pixels of the video."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.validation import explain_validity

from murid.core.types import Bool, Float64, Int64
from murid.errors import ArrayError

ZONE_KINDS = ("zone", "nest", "shelter")
WHOLE = "picture"
"""Name of the one arena where none is drawn."""

_MOST_PX = 1_000_000
_MOST_OUTSIDE = 0.5
_MOST_SHARED = 0.01
_QUARTER_SEGMENTS = 64  # a circle is taken for a polygon of 256 sides


@dataclass(frozen=True, eq=False)
class Region:
    """A named part of the picture.

    Attributes
    ----------
    name : str
    polygon : tuple of (float, float)
        Corners in order; () for a circle.
    circle : (float, float, float) or None
        Centre and radius.

    Raises
    ------
    ArrayError
        If it is neither or both, the sides of the polygon cross, or it has no area.
    """

    name: str
    polygon: tuple[tuple[float, float], ...] = ()
    circle: tuple[float, float, float] | None = None

    def __post_init__(self) -> None:
        if not self.name or not self.name.isprintable():
            raise ArrayError("name", "a printable name", repr(self.name))
        if bool(self.polygon) == (self.circle is not None):
            raise ArrayError(
                f"{self.name}", "a polygon or a circle", "both" if self.polygon else "neither"
            )
        if not (np.abs([*np.ravel(self.polygon), *(self.circle or ())]) <= _MOST_PX).all():
            raise ArrayError(f"{self.name}", f"pixels of at most {_MOST_PX}", "others")
        if self.circle is not None and not self.circle[2] > 0:
            raise ArrayError(f"{self.name}.circle", "a radius above 0", f"{self.circle[2]:g}")
        if self.polygon and len(set(self.polygon)) < 3:
            raise ArrayError(
                f"{self.name}.polygon", "3 or more corners", str(len(set(self.polygon)))
            )
        if not self.geometry.is_valid or not self.geometry.area > 0:
            got = explain_validity(self.geometry) if not self.geometry.is_valid else "no area"
            raise ArrayError(f"{self.name}.polygon", "sides that do not cross", got)

    @cached_property
    def geometry(self) -> Any:
        """The region as Shapely has it."""
        if self.circle is not None:
            x, y, radius = self.circle
            return shapely.Point(x, y).buffer(radius, quad_segs=_QUARTER_SEGMENTS)
        return shapely.Polygon(self.polygon)

    def contains(self, points: NDArray[np.floating]) -> Bool:
        """Whether points ``(N, 2)`` lie within, ``(N,)``; NaN does not."""
        inside: Bool = shapely.contains_xy(self.geometry, points[:, 0], points[:, 1])
        return inside

    def compute_wall_distance(self, points: NDArray[np.floating]) -> Float64:
        """Distance of points ``(N, 2)`` from the outline, ``(N,)`` pixels; NaN where a point is NaN."""
        if self.circle is not None:
            x, y, radius = self.circle
            aside: Float64 = np.abs(np.hypot(points[:, 0] - x, points[:, 1] - y) - radius)
            return aside
        known = np.isfinite(points).all(axis=1)
        distances = np.full(len(points), np.nan)
        distances[known] = shapely.distance(self.geometry.exterior, shapely.points(points[known]))
        return distances

    def to_plain(self) -> dict[str, Any]:
        """Plain values, as in an arena file."""
        shape = (
            {"circle": list(self.circle)}
            if self.circle
            else {"polygon": [list(p) for p in self.polygon]}
        )
        return {"name": self.name} | shape


@dataclass(frozen=True, eq=False)
class Arena(Region):
    """An enclosure whose animals never leave it; `animals` is how many there are at most, None = not said."""

    animals: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.animals is not None and self.animals < 1:
            raise ArrayError(f"{self.name}.animals", "1 or more", str(self.animals))

    def to_plain(self) -> dict[str, Any]:
        """Plain values, as in an arena file."""
        return super().to_plain() | ({} if self.animals is None else {"animals": self.animals})


@dataclass(frozen=True, eq=False)
class Zone(Region):
    """A part of an arena of interest.

    `kind` is ``zone``, ``nest`` or ``shelter``: an animal that vanishes in one of the last two and
    comes back there was there in between. `arena` names the arena that it belongs to, None = all.
    """

    kind: str = "zone"
    arena: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind not in ZONE_KINDS:
            raise ArrayError(f"{self.name}.kind", " or ".join(ZONE_KINDS), repr(self.kind))

    @property
    def hides(self) -> bool:
        """Whether animals cannot be seen in it."""
        return self.kind != "zone"

    def to_plain(self) -> dict[str, Any]:
        """Plain values, as in an arena file."""
        plain = super().to_plain() | ({"kind": self.kind} if self.hides else {})
        return plain | ({} if self.arena is None else {"arena": self.arena})


@dataclass(frozen=True, eq=False)
class Layout:
    """All that is drawn on the picture of a video.

    Attributes
    ----------
    width, height : int
        Of the picture, pixels.
    arenas : tuple of Arena
        () = the whole picture is one.
    zones : tuple of Zone
    ignored : tuple of Region
        Where nothing is an animal.
    cm_per_px : float or None
        Scale, the same all over the picture; None = not known.

    Raises
    ------
    ArrayError
        If a region lies outside the picture, arenas overlap, a name is there twice, a zone belongs
        to no arena or lies outside it, or the scale is not above 0.
    """

    width: int
    height: int
    arenas: tuple[Arena, ...] = ()
    zones: tuple[Zone, ...] = ()
    ignored: tuple[Region, ...] = ()
    cm_per_px: float | None = None
    _box: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("width", "height"):
            if not 1 <= getattr(self, name) <= _MOST_PX:
                raise ArrayError(name, f"1 to {_MOST_PX} pixels", "another number")
        if self.cm_per_px is not None and not 0 < self.cm_per_px < np.inf:
            raise ArrayError("cm_per_px", "a scale above 0", f"{self.cm_per_px:g}")
        object.__setattr__(self, "_box", shapely.box(0, 0, self.width, self.height))
        for region in (*self.arenas, *self.zones, *self.ignored):
            _check_within(region, self._box, f"the picture of {self.width}x{self.height} pixels")
        self._check_arenas()
        self._check_zones()

    def _check_arenas(self) -> None:
        _check_unique("arena", [arena.name for arena in self.arenas])
        for a, b in combinations(self.arenas, 2):
            shared = a.geometry.intersection(b.geometry).area
            if shared > _MOST_SHARED * min(a.geometry.area, b.geometry.area):
                raise ArrayError(
                    f"{a.name}, {b.name}",
                    "arenas that do not overlap",
                    f"{shared:.0f} pixels in both",
                )

    def _check_zones(self) -> None:
        arenas = {arena.name: arena for arena in self.arenas}
        for zone in self.zones:
            if zone.arena is None:
                continue
            if zone.arena not in arenas:
                raise ArrayError(
                    f"{zone.name}.arena",
                    f"one of {', '.join(arenas) or 'no arenas'}",
                    repr(zone.arena),
                )
            _check_within(zone, arenas[zone.arena].geometry, f"arena {zone.arena}")
        for name in self.arena_names:
            _check_unique("zone", [zone.name for zone in self.list_zones(name)])

    @property
    def arena_names(self) -> tuple[str, ...]:
        """Names of the arenas; `WHOLE` where there are none."""
        return tuple(arena.name for arena in self.arenas) or (WHOLE,)

    @property
    def unit(self) -> str:
        """``cm`` where there is a scale, else ``px``."""
        return "px" if self.cm_per_px is None else "cm"

    @property
    def restricts(self) -> bool:
        """Whether there is a place where nothing is tracked."""
        return bool(self.arenas or self.ignored)

    def list_zones(self, arena: str) -> list[Zone]:
        """Zones of an arena, in order."""
        return [zone for zone in self.zones if zone.arena in (None, arena)]

    def locate(self, points: NDArray[np.floating]) -> Int64:
        """Number ``(N,)`` of the arena that each point ``(N, 2)`` lies in; -1 = in none, or to be ignored."""
        numbers = np.full(len(points), -1 if self.arenas else 0, np.int64)
        for number, arena in enumerate(self.arenas):
            numbers[(numbers < 0) & arena.contains(points)] = number
        for region in self.ignored:
            numbers[region.contains(points)] = -1
        return numbers

    def to_plain(self) -> dict[str, Any]:
        """Plain values, as in an arena file: what JSON and TOML can hold."""
        plain: dict[str, Any] = {"width": self.width, "height": self.height}
        if self.cm_per_px is not None:
            plain["cm_per_px"] = self.cm_per_px
        regions = {"arena": self.arenas, "zone": self.zones, "ignore": self.ignored}
        return plain | {
            key: [r.to_plain() for r in of_kind] for key, of_kind in regions.items() if of_kind
        }


def compute_scale(points: Iterable[tuple[float, float]], length_cm: float) -> float:
    """Centimetres in a pixel, from two points and how far apart they are; raises `ArrayError`."""
    (x1, y1), (x2, y2) = points
    length_px = float(np.hypot(x2 - x1, y2 - y1))
    if not length_px > 0:
        raise ArrayError("scale", "two points apart", "the same point twice")
    if not 0 < length_cm < np.inf:
        raise ArrayError("scale", "a length above 0 cm", f"{length_cm:g} cm")
    return length_cm / length_px


def _check_within(region: Region, other: Any, name: str) -> None:
    outside = 1 - region.geometry.intersection(other).area / region.geometry.area
    if outside > _MOST_OUTSIDE:
        raise ArrayError(
            region.name, f"a region within {name}", f"one with {outside:.0%} of it outside"
        )


def _check_unique(kind: str, names: list[str]) -> None:
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ArrayError(
            f"{kind}.name", "every name once", f"{twice[0]!r} {names.count(twice[0])} times"
        )

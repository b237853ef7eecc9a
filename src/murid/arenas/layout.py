"""Layout of a video: arenas, zones, ignored regions and scale, in pixels of the video."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations
from typing import Any, Self

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.validation import explain_validity

from murid.core.types import Bool, Float64, Int64
from murid.errors import ArrayError

ZONE_KINDS = ("zone", "nest", "shelter")

# Name of the only arena if a layout has none.
WHOLE_IMAGE = "picture"

# Larger coordinates and sizes are typing errors.
_MAX_PX = 1_000_000

# Regions may reach beyond the image or their arena, since people draw inaccurately and an arena may
# be partly out of view; but not by more than this fraction of their area.
_MAX_OUTSIDE_FRACTION = 0.5

# Neighbouring arenas share a wall and may overlap there by this fraction of the smaller one. An
# animal in a larger overlap would belong to the wrong arena.
_MAX_OVERLAP_FRACTION = 0.01

# Circles become polygons of 256 sides, whose area is smaller by 0.01 %.
_SEGMENTS_PER_QUARTER = 64


@dataclass(frozen=True, eq=False)
class Region:
    """A named part of the image: a polygon or a circle.

    Attributes
    ----------
    name : str
    polygon : tuple of (float, float)
        Corners in order, pixels; () for a circle.
    circle : (float, float, float) or None
        Centre and radius, pixels.

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
            got = "both" if self.polygon else "neither"
            raise ArrayError(f"{self.name}", "a polygon or a circle", got)
        numbers = [*np.ravel(self.polygon), *(self.circle or ())]
        if not (np.abs(numbers) <= _MAX_PX).all():
            raise ArrayError(f"{self.name}", f"pixels of at most {_MAX_PX}", "others")
        if self.circle is not None and not self.circle[2] > 0:
            raise ArrayError(f"{self.name}.circle", "a radius above 0", f"{self.circle[2]:g}")
        n_corners = len(set(self.polygon))
        if self.polygon and n_corners < 3:
            raise ArrayError(f"{self.name}.polygon", "3 or more corners", str(n_corners))
        if not self.geometry.is_valid or not self.geometry.area > 0:
            got = explain_validity(self.geometry) if not self.geometry.is_valid else "no area"
            raise ArrayError(f"{self.name}.polygon", "sides that do not cross", got)

    @cached_property
    def geometry(self) -> Any:
        """The region as a Shapely polygon."""
        if self.circle is not None:
            x, y, radius = self.circle
            return shapely.Point(x, y).buffer(radius, quad_segs=_SEGMENTS_PER_QUARTER)
        return shapely.Polygon(self.polygon)

    def contains(self, points: NDArray[np.floating]) -> Bool:
        """Return whether points ``(N, 2)`` lie in the region, ``(N,)``; False for NaN."""
        is_inside: Bool = shapely.contains_xy(self.geometry, points[:, 0], points[:, 1])
        return is_inside

    def compute_wall_distance(self, points: NDArray[np.floating]) -> Float64:
        """Return the distances ``(N,)`` of points ``(N, 2)`` from the outline in pixels."""
        if self.circle is not None:
            x, y, radius = self.circle
            from_centre = np.hypot(points[:, 0] - x, points[:, 1] - y)
            from_rim: Float64 = np.abs(from_centre - radius)
            return from_rim
        is_known = np.isfinite(points).all(axis=1)
        distances = np.full(len(points), np.nan)
        known_points = shapely.points(points[is_known])
        distances[is_known] = shapely.distance(self.geometry.exterior, known_points)
        return distances

    def find_nearest(self, points: NDArray[np.floating]) -> Float64:
        """Return the points ``(N, 2)`` of the outline that are nearest to points ``(N, 2)``.

        NaN where a point is NaN.
        """
        is_known = np.isfinite(points).all(axis=1)
        nearest = np.full(points.shape, np.nan)
        lines = shapely.shortest_line(self.geometry.exterior, shapely.points(points[is_known]))
        # The first end of each line is on the outline.
        nearest[is_known] = shapely.get_coordinates(lines)[::2]
        return nearest

    def to_square_pixels(self, pixel_aspect: float) -> Self:
        """Return the region with x times `pixel_aspect`; a circle becomes a polygon."""
        corners = self.polygon
        if self.circle is not None:
            # The last corner of a ring repeats the first.
            corners = tuple(self.geometry.exterior.coords)[:-1]
        stretched = tuple((x * pixel_aspect, y) for x, y in corners)
        return replace(self, polygon=stretched, circle=None)

    def to_dict(self) -> dict[str, Any]:
        """Return the region as plain values, as in an arena file."""
        if self.circle:
            return {"name": self.name, "circle": list(self.circle)}
        return {"name": self.name, "polygon": [list(point) for point in self.polygon]}


@dataclass(frozen=True, eq=False)
class Arena(Region):
    """An enclosure that its animals never leave.

    Attributes
    ----------
    animals : int or None
        Maximum number of animals in it; None if it is not given.
    """

    animals: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.animals is not None and self.animals < 1:
            raise ArrayError(f"{self.name}.animals", "1 or more", str(self.animals))

    def to_dict(self) -> dict[str, Any]:
        """Return the arena as plain values, as in an arena file."""
        content = super().to_dict()
        if self.animals is not None:
            content["animals"] = self.animals
        return content


@dataclass(frozen=True, eq=False)
class Zone(Region):
    """A part of an arena that is of interest.

    Attributes
    ----------
    kind : {"zone", "nest", "shelter"}
        Animals cannot be seen in a nest or shelter. An animal that disappears in one and reappears
        there was there in between.
    arena : str or None
        Name of the arena that the zone belongs to; None for all.
    """

    kind: str = "zone"
    arena: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind not in ZONE_KINDS:
            raise ArrayError(f"{self.name}.kind", " or ".join(ZONE_KINDS), repr(self.kind))

    @property
    def hides(self) -> bool:
        """Whether animals in it cannot be seen."""
        return self.kind != "zone"

    def to_dict(self) -> dict[str, Any]:
        """Return the zone as plain values, as in an arena file."""
        content = super().to_dict()
        if self.hides:
            content["kind"] = self.kind
        if self.arena is not None:
            content["arena"] = self.arena
        return content


@dataclass(frozen=True, eq=False)
class Layout:
    """Arenas, zones, ignored regions and the scale of a video.

    Attributes
    ----------
    width, height : int
        Size of the image, pixels.
    arenas : tuple of Arena
        (): the whole image is one arena.
    zones : tuple of Zone
    ignored : tuple of Region
        Detections there are dropped.
    cm_per_px : float or None
        Scale, the same all over the image; None if it is unknown. Where pixels are not square, it
        is the height of a pixel.

    Raises
    ------
    ArrayError
        If a region lies outside the image, arenas overlap, a name occurs twice, a zone belongs to
        no arena or lies outside it, or the scale is not above 0.
    """

    width: int
    height: int
    arenas: tuple[Arena, ...] = ()
    zones: tuple[Zone, ...] = ()
    ignored: tuple[Region, ...] = ()
    cm_per_px: float | None = None
    _image_box: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("width", "height"):
            if not 1 <= getattr(self, name) <= _MAX_PX:
                raise ArrayError(name, f"1 to {_MAX_PX} pixels", "another number")
        if self.cm_per_px is not None and not 0 < self.cm_per_px < np.inf:
            raise ArrayError("cm_per_px", "a scale above 0", f"{self.cm_per_px:g}")
        object.__setattr__(self, "_image_box", shapely.box(0, 0, self.width, self.height))
        for region in (*self.arenas, *self.zones, *self.ignored):
            image = f"the image of {self.width}x{self.height} pixels"
            _check_within(region, self._image_box, image)
        self._check_arenas()
        self._check_zones()

    def _check_arenas(self) -> None:
        _check_unique("arena", [arena.name for arena in self.arenas])
        for first, second in combinations(self.arenas, 2):
            overlap = first.geometry.intersection(second.geometry).area
            smaller_area = min(first.geometry.area, second.geometry.area)
            if overlap > _MAX_OVERLAP_FRACTION * smaller_area:
                field_name = f"{first.name}, {second.name}"
                got = f"{overlap:.0f} pixels in both"
                raise ArrayError(field_name, "arenas that do not overlap", got)

    def _check_zones(self) -> None:
        arenas = {arena.name: arena for arena in self.arenas}
        for zone in self.zones:
            if zone.arena is None:
                continue
            if zone.arena not in arenas:
                expected = f"one of {', '.join(arenas) or 'no arenas'}"
                raise ArrayError(f"{zone.name}.arena", expected, repr(zone.arena))
            _check_within(zone, arenas[zone.arena].geometry, f"arena {zone.arena}")
        for name in self.arena_names:
            _check_unique("zone", [zone.name for zone in self.list_zones(name)])

    @property
    def arena_names(self) -> tuple[str, ...]:
        """Names of the arenas; `WHOLE_IMAGE` if there are none."""
        return tuple(arena.name for arena in self.arenas) or (WHOLE_IMAGE,)

    @property
    def unit(self) -> str:
        """Unit of length: ``cm`` if there is a scale, else ``px``."""
        return "px" if self.cm_per_px is None else "cm"

    def to_square_pixels(self, pixel_aspect: float) -> Layout:
        """Return the layout in square pixels as high as those of the video.

        Parameters
        ----------
        pixel_aspect : float
            Width of a pixel of the video divided by its height. The layout is as many times as
            wide; `cm_per_px` is the height of a pixel, and stays.
        """
        if pixel_aspect == 1:
            return self
        return Layout(
            width=max(1, round(self.width * pixel_aspect)),
            height=self.height,
            arenas=tuple(arena.to_square_pixels(pixel_aspect) for arena in self.arenas),
            zones=tuple(zone.to_square_pixels(pixel_aspect) for zone in self.zones),
            ignored=tuple(region.to_square_pixels(pixel_aspect) for region in self.ignored),
            cm_per_px=self.cm_per_px,
        )

    def list_zones(self, arena: str) -> list[Zone]:
        """Return the zones of an arena, in order."""
        return [zone for zone in self.zones if zone.arena in (None, arena)]

    def locate(self, points: NDArray[np.floating]) -> Int64:
        """Return the number ``(N,)`` of the arena in which each point ``(N, 2)`` lies.

        -1 for points in no arena or in an ignored region.
        """
        numbers = np.full(len(points), -1 if self.arenas else 0, np.int64)
        for number, arena in enumerate(self.arenas):
            numbers[(numbers < 0) & arena.contains(points)] = number
        for region in self.ignored:
            numbers[region.contains(points)] = -1
        return numbers

    def to_dict(self) -> dict[str, Any]:
        """Return the layout as plain values, as in an arena file: what JSON and TOML can hold."""
        content: dict[str, Any] = {"width": self.width, "height": self.height}
        if self.cm_per_px is not None:
            content["cm_per_px"] = self.cm_per_px
        if self.arenas:
            content["arena"] = [arena.to_dict() for arena in self.arenas]
        if self.zones:
            content["zone"] = [zone.to_dict() for zone in self.zones]
        if self.ignored:
            content["ignore"] = [region.to_dict() for region in self.ignored]
        return content


def _check_within(region: Region, outer: Any, outer_name: str) -> None:
    """Raise `ArrayError` if most of a region lies outside another geometry."""
    inside_area = region.geometry.intersection(outer).area
    outside_fraction = 1 - inside_area / region.geometry.area
    if outside_fraction > _MAX_OUTSIDE_FRACTION:
        got = f"one with {outside_fraction:.0%} of it outside"
        raise ArrayError(region.name, f"a region within {outer_name}", got)


def _check_unique(kind: str, names: list[str]) -> None:
    """Raise `ArrayError` if a name occurs twice."""
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        got = f"{repeated[0]!r} {names.count(repeated[0])} times"
        raise ArrayError(f"{kind}.name", "every name once", got)

"""What is drawn on a video: shapes that change one by one, and are a valid layout each time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Self

from msgspec import UNSET

from murid.arena_page.requests import (
    AddShape,
    Circle,
    Corners,
    DeleteShape,
    DrawingChange,
    EditShape,
    MoveShapes,
    RemoveScale,
    SetScale,
    SetScaleByWidth,
)
from murid.arenas.layout import Arena, Layout, Region, Zone
from murid.arenas.scale import compute_scale, compute_scale_from_width
from murid.core.plurals import format_count
from murid.errors import ArrayError
from murid.web.app import ConflictError

# Coordinates after a move or an enlargement, so that files show 51.3 and not 51.300000000000004.
_N_DECIMALS = 3

# Pixels and fields of view count as alike up to this fraction: encoders round sizes to whole
# blocks, and 640x480 to 720x544 is the same view.
_MAX_ASPECT_DIFFERENCE = 0.02


@dataclass(frozen=True, slots=True)
class ImageSize:
    """Size of the images of a video in pixels, and the width of a pixel divided by its height."""

    width: int
    height: int
    pixel_aspect: float = 1.0

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


@dataclass(frozen=True, slots=True)
class Shape:
    """A region of a layout with a number that it keeps while it is changed.

    Attributes
    ----------
    id : int
        From 1.
    role : {"arena", "zone", "nest", "shelter", "ignore"}
    name : str
    polygon : tuple of (float, float)
        Corners in order, pixels; () for a circle.
    circle : (float, float, float) or None
        Centre and radius, pixels.
    animals : int or None
        Maximum number of animals in an arena.
    arena : int or None
        Number of the arena that a zone belongs to; None for all.
    """

    id: int
    role: str
    name: str
    polygon: Corners = ()
    circle: Circle | None = None
    animals: int | None = None
    arena: int | None = None

    @property
    def is_zone(self) -> bool:
        """Whether it is a zone, nest or shelter."""
        return self.role not in ("arena", "ignore")

    @property
    def region(self) -> Region:
        """The region, without what only arenas or zones have; raises `ArrayError`."""
        return Region(self.name, self.polygon, self.circle)

    def move(self, dx: float, dy: float) -> Self:
        """Return the shape moved, by pixels."""
        polygon = tuple((_round(x + dx), _round(y + dy)) for x, y in self.polygon)
        circle = None
        if self.circle is not None:
            x, y, radius = self.circle
            circle = (_round(x + dx), _round(y + dy), radius)
        return replace(self, polygon=polygon, circle=circle)

    def enlarge(self, x_factor: float, y_factor: float) -> Self:
        """Return the shape with all coordinates multiplied."""
        polygon = tuple((_round(x * x_factor), _round(y * y_factor)) for x, y in self.polygon)
        circle = None
        if self.circle is not None:
            x, y, radius = self.circle
            radius_factor = (x_factor * y_factor) ** 0.5
            circle = (_round(x * x_factor), _round(y * y_factor), _round(radius * radius_factor))
        return replace(self, polygon=polygon, circle=circle)


def _round(coordinate: float) -> float:
    return round(coordinate, _N_DECIMALS)


@dataclass(frozen=True, slots=True)
class Drawing:
    """The shapes and the scale of a video. Every drawing is a valid layout.

    Attributes
    ----------
    size : ImageSize
    shapes : tuple of Shape
    cm_per_px : float or None
        As in `Layout`.
    next_id : int
        Number of the next shape. It only grows, so that undo never gives a number twice.
    layout : Layout
        The drawing as an arena file holds it.

    Raises
    ------
    ArrayError
        If it is not a valid layout.
    """

    size: ImageSize
    shapes: tuple[Shape, ...] = ()
    cm_per_px: float | None = None
    next_id: int = 1
    layout: Layout = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "layout", self._make_layout())

    @classmethod
    def from_layout(cls, layout: Layout, pixel_aspect: float) -> Drawing:
        """Return the drawing of a layout."""
        regions = (*layout.arenas, *layout.zones, *layout.ignored)
        arena_ids = {arena.name: number for number, arena in enumerate(layout.arenas, 1)}
        shapes = tuple(
            _make_shape(number, region, arena_ids) for number, region in enumerate(regions, 1)
        )
        size = ImageSize(layout.width, layout.height, pixel_aspect)
        return cls(size, shapes, layout.cm_per_px, len(shapes) + 1)

    def apply(self, change: DrawingChange) -> tuple[Drawing, str]:
        """Return the changed drawing, and what was done in words.

        Raises
        ------
        ArrayError
            If the result would be no valid layout.
        ConflictError
            If there is no such shape.
        """
        if isinstance(change, AddShape):
            return self._add(change)
        if isinstance(change, EditShape):
            return self._edit(change)
        if isinstance(change, MoveShapes):
            return self._move(change)
        if isinstance(change, DeleteShape):
            return self._delete(change)
        if isinstance(change, RemoveScale):
            return replace(self, cm_per_px=None), "scale removed"
        return self._set_scale(change)

    def fit(self, size: ImageSize) -> Drawing:
        """Return the drawing for images of another size that show the same field of view.

        Raises
        ------
        ArrayError
            If images of that size cannot show the same.
        """
        x_factor = size.width / self.size.width
        y_factor = size.height / self.size.height
        aspects = (x_factor / y_factor, size.pixel_aspect / self.size.pixel_aspect)
        if max(abs(aspect - 1) for aspect in aspects) > _MAX_ASPECT_DIFFERENCE:
            expected = f"images of the proportions of {self.size} pixels"
            raise ArrayError("shapes", expected, f"{size} pixels")
        shapes = tuple(shape.enlarge(x_factor, y_factor) for shape in self.shapes)
        cm_per_px = None if self.cm_per_px is None else self.cm_per_px / y_factor
        return Drawing(size, shapes, cm_per_px, self.next_id)

    def find(self, number: int) -> Shape:
        """Return a shape by its number; raises `ConflictError` if it is gone."""
        for shape in self.shapes:
            if shape.id == number:
                return shape
        raise ConflictError(f"shape: expected one that is drawn, got number {number}")

    def _add(self, change: AddShape) -> tuple[Drawing, str]:
        name = change.name.strip() or self._suggest_name(change.role)
        shape = Shape(self.next_id, change.role, name, change.polygon, change.circle)
        if shape.is_zone:
            shape = replace(shape, arena=self._find_arena_around(shape))
        added = replace(self, shapes=(*self.shapes, shape), next_id=self.next_id + 1)
        return added, f"{name} added"

    def _edit(self, change: EditShape) -> tuple[Drawing, str]:
        before = self.find(change.shape)
        fields = ("role", "name", "polygon", "circle", "animals", "arena")
        given = {name: getattr(change, name) for name in fields}
        given = {name: value for name, value in given.items() if value is not UNSET}
        if "name" in given:
            given["name"] = given["name"].strip()
        if "polygon" in given and "circle" not in given:
            given["circle"] = None
        if "circle" in given and "polygon" not in given:
            given["polygon"] = ()
        after = replace(before, **given)
        if after.role != "arena":
            after = replace(after, animals=None)
        if not after.is_zone:
            after = replace(after, arena=None)
        if after.arena is not None and self.find(after.arena).role != "arena":
            got = self.find(after.arena).name
            raise ArrayError(f"{after.name}.arena", "one of the arenas", repr(got))

        others = [after if shape.id == before.id else shape for shape in self.shapes]
        if before.role == "arena" and after.role != "arena":
            # Its zones belong to all arenas from now on.
            others = [
                replace(shape, arena=None) if shape.arena == before.id else shape
                for shape in others
            ]
        words = f"{after.name} changed"
        if after.name != before.name:
            words = f"{before.name} renamed {after.name}"
        return replace(self, shapes=tuple(others)), words

    def _move(self, change: MoveShapes) -> tuple[Drawing, str]:
        moved = {shape.id for shape in self.shapes}
        words = "all shapes moved"
        if change.shape is not None:
            moved = self._find_group(change.shape)
            words = f"{self.find(change.shape).name} moved"
        shapes = tuple(
            shape.move(change.dx, change.dy) if shape.id in moved else shape
            for shape in self.shapes
        )
        return replace(self, shapes=shapes), words

    def _delete(self, change: DeleteShape) -> tuple[Drawing, str]:
        name = self.find(change.shape).name
        group = self._find_group(change.shape)
        kept = tuple(shape for shape in self.shapes if shape.id not in group)
        zones = f" with {format_count(len(group) - 1, 'zone')}" if len(group) > 1 else ""
        return replace(self, shapes=kept), f"{name} deleted{zones}"

    def _set_scale(self, change: SetScale | SetScaleByWidth) -> tuple[Drawing, str]:
        aspect = self.size.pixel_aspect
        if isinstance(change, SetScale):
            cm_per_px = compute_scale(change.points, change.length_cm, aspect)
        else:
            region = self.find(change.shape).region
            cm_per_px = compute_scale_from_width(region, change.length_cm, aspect)
        return replace(self, cm_per_px=cm_per_px), f"scale set to {cm_per_px:.4g} cm/pixel"

    def _find_group(self, number: int) -> set[int]:
        """Return a shape and, if it is an arena, its zones."""
        self.find(number)
        return {shape.id for shape in self.shapes if number in (shape.id, shape.arena)}

    def _find_arena_around(self, zone: Shape) -> int | None:
        """Return the arena in which most of a zone lies, or None."""
        geometry = zone.region.geometry
        for shape in self.shapes:
            if shape.role != "arena":
                continue
            inside_area = geometry.intersection(shape.region.geometry).area
            if inside_area > geometry.area / 2:
                return shape.id
        return None

    def _suggest_name(self, role: str) -> str:
        names = {shape.name for shape in self.shapes}
        number = 1
        while f"{role} {number}" in names:
            number += 1
        return f"{role} {number}"

    def _make_layout(self) -> Layout:
        names = {shape.id: shape.name for shape in self.shapes if shape.role == "arena"}
        return Layout(
            self.size.width,
            self.size.height,
            arenas=tuple(
                Arena(shape.name, shape.polygon, shape.circle, shape.animals)
                for shape in self._list("arena")
            ),
            zones=tuple(
                Zone(
                    shape.name,
                    shape.polygon,
                    shape.circle,
                    shape.role,
                    None if shape.arena is None else names[shape.arena],
                )
                for shape in self.shapes
                if shape.is_zone
            ),
            ignored=tuple(shape.region for shape in self._list("ignore")),
            cm_per_px=self.cm_per_px,
        )

    def _list(self, role: str) -> Iterable[Shape]:
        return (shape for shape in self.shapes if shape.role == role)


def _make_shape(number: int, region: Region, arena_ids: dict[str, int]) -> Shape:
    """Return the shape of a region of a layout."""
    fields: dict[str, Any] = {"role": "ignore"}
    if isinstance(region, Arena):
        fields = {"role": "arena", "animals": region.animals}
    if isinstance(region, Zone):
        arena = None if region.arena is None else arena_ids[region.arena]
        fields = {"role": region.kind, "arena": arena}
    return Shape(number, name=region.name, polygon=region.polygon, circle=region.circle, **fields)

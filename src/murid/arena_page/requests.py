"""What the page sends: one record for each kind of request."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

Role = Literal["arena", "zone", "nest", "shelter", "ignore"]
Point = tuple[float, float]
Corners = Annotated[tuple[Point, ...], msgspec.Meta(max_length=1000)]
Circle = tuple[float, float, float]
Name = Annotated[str, msgspec.Meta(max_length=80)]
Animals = Annotated[int, msgspec.Meta(ge=1, le=1000)]
ShapeId = Annotated[int, msgspec.Meta(ge=1)]


class _Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all requests: immutable, with named fields."""


class _Change(_Request, frozen=True, tag_field="kind"):
    """Base of all changes of a drawing."""


class AddShape(_Change, frozen=True, tag="add"):
    """A new shape, with a polygon or a circle.

    Attributes
    ----------
    role : {"arena", "zone", "nest", "shelter", "ignore"}
    name : str
        Empty: one is made up.
    polygon : tuple of (float, float)
        Corners in order, pixels; () for a circle.
    circle : (float, float, float) or None
        Centre and radius, pixels.
    """

    role: Role
    name: Name = ""
    polygon: Corners = ()
    circle: Circle | None = None


class EditShape(_Change, frozen=True, tag="edit"):
    """Other values of a shape; a field that is missing stays as it is.

    Attributes
    ----------
    shape : int
    role, name, polygon, circle
        As in `AddShape`. A polygon replaces a circle, and a circle a polygon.
    animals : int or None
        Maximum number of animals in an arena.
    arena : int or None
        The arena of a zone; None = all arenas.
    """

    shape: ShapeId
    role: Role | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    polygon: Corners | UnsetType = UNSET
    circle: Circle | UnsetType = UNSET
    animals: Animals | UnsetType | None = UNSET
    arena: ShapeId | UnsetType | None = UNSET


class MoveShapes(_Change, frozen=True, tag="move"):
    """Move a shape and, with an arena, its zones; or all shapes (`shape` None), in pixels."""

    dx: float
    dy: float
    shape: ShapeId | None = None


class DeleteShape(_Change, frozen=True, tag="delete"):
    """Remove a shape and, with an arena, its zones."""

    shape: ShapeId


class SetScale(_Change, frozen=True, tag="scale"):
    """The scale, from two points and the distance between them."""

    points: tuple[Point, Point]
    length_cm: float


class SetScaleByWidth(_Change, frozen=True, tag="scale by width"):
    """The scale, from the width of a shape between its leftmost and its rightmost point."""

    shape: ShapeId
    length_cm: float


class RemoveScale(_Change, frozen=True, tag="remove scale"):
    """No scale."""


class CopyVideo(_Change, frozen=True, tag="copy"):
    """All shapes and the scale of another video, in place of those of this one."""

    video: Annotated[int, msgspec.Meta(ge=0)]


DrawingChange = (
    AddShape | EditShape | MoveShapes | DeleteShape | SetScale | SetScaleByWidth | RemoveScale
)
Change = DrawingChange | CopyVideo


class ChangeRequest(_Request, frozen=True):
    """A change of the drawing of a video."""

    change: Change


class OpenRequest(_Request, frozen=True):
    """Show a video. If nothing was drawn on it yet, it gets the shapes of `previous`."""

    previous: Annotated[int, msgspec.Meta(ge=0)] | None = None


class SaveRequest(_Request, frozen=True):
    """Write the arena file; `overwrite` replaces one that is not the one that was opened."""

    overwrite: bool = False

"""What the page sends: one record for each kind of request."""

from __future__ import annotations

from typing import Annotated

import msgspec

from murid.corrections.records import Answer

Frame = Annotated[int, msgspec.Meta(ge=0)]
Animal = Annotated[int, msgspec.Meta(ge=1)]
Row = Annotated[int, msgspec.Meta(ge=0)]


class _Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all requests: immutable, with named fields."""


class AnswerRequest(_Request, frozen=True):
    """Whether two identities are right through a crossing.

    Attributes
    ----------
    crossing : str
        Its id.
    answer : {"right", "swapped", "unsure"}
    revision : str
        Of the identities that the person saw.
    """

    crossing: str
    answer: Answer
    revision: str


class SwapRequest(_Request, frozen=True, tag_field="kind", tag="swap"):
    """Exchange two identities from a frame on; `last_frame` None = to the end."""

    identities: tuple[Animal, Animal]
    first_frame: Frame
    last_frame: Frame | None = None


class AssignRequest(_Request, frozen=True, tag_field="kind", tag="assign"):
    """Give a detection to an animal."""

    frame: Frame
    row: Row
    animal: Animal


class DropRequest(_Request, frozen=True, tag_field="kind", tag="drop"):
    """A detection is no animal."""

    frame: Frame
    row: Row


class AddRequest(_Request, frozen=True, tag_field="kind", tag="add"):
    """An animal is in a box in which none was detected."""

    frame: Frame
    box: tuple[float, float, float, float]
    animal: Animal


class RenameRequest(_Request, frozen=True, tag_field="kind", tag="rename"):
    """An animal has a name."""

    animal: Animal
    name: Annotated[str, msgspec.Meta(max_length=80)]


Edit = SwapRequest | AssignRequest | DropRequest | AddRequest | RenameRequest


class EditRequest(_Request, frozen=True):
    """A correction in any frame, of the identities of a revision."""

    edit: Edit
    revision: str


class UndoRequest(_Request, frozen=True):
    """Revoke a correction; by default the last one."""

    line: Annotated[int, msgspec.Meta(ge=1)] | None = None

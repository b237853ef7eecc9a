"""What the page sends, as JSON."""

import msgspec
import pytest

from murid.arena_page.requests import ChangeRequest, EditShape


def test_a_field_that_is_missing_is_not_none() -> None:
    decode = msgspec.json.Decoder(ChangeRequest).decode
    edit = decode(b'{"change": {"kind": "edit", "shape": 3, "arena": null}}').change
    assert edit == EditShape(shape=3, arena=None)
    assert edit.animals is msgspec.UNSET


def test_unknown_fields_are_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field `colour`"):
        msgspec.json.decode(
            b'{"change": {"kind": "delete", "shape": 3, "colour": 1}}', type=ChangeRequest
        )

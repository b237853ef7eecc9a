"""Ids as other programs write them: numbers, numbers as text, and names.

JSON and spreadsheets turn the number 3 into ``"3"`` or ``3.0``, and not always in every place of a
file, so that ids are compared only after `normalise_id`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from murid.datasets.labels import UNKNOWN_TRACK_ID

# Keys of an identity, in lower case and without spaces and underscores.
_IDENTITY_KEYS = ("trackid", "instanceid", "trackingid", "individualid", "animalid", "identity")


# Columns of numbers have 64 bits. Ids that are hashes may be longer: they are names.
_MAX_NUMBER = 2**62


def find_identity(*places: Mapping[str, Any]) -> int | str | None:
    """Return the identity of an animal among its attributes, normalised; None if there is none.

    Parameters
    ----------
    *places : mapping
        Attributes by name; the first with an identity is used.
    """
    for place in places:
        found = {simplify_key(key): value for key, value in place.items()}
        for key in _IDENTITY_KEYS:
            if found.get(key) is not None:
                return normalise_id(found[key])
    return None


def simplify_key(key: str) -> str:
    """Return a key in lower case and without spaces and underscores, to compare it."""
    return key.lower().replace("_", "").replace(" ", "")


def to_whole_number(value: Any) -> int | None:
    """Return a whole number of 62 bits that is written as a number or as text; None otherwise."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    if not number.is_integer() or abs(number) > _MAX_NUMBER:
        return None
    # Large numbers lose digits as floats.
    return value if isinstance(value, int) else int(number)


def normalise_id(value: Any) -> int | str | None:
    """Return an id in the one form in which it is compared.

    ``3``, ``3.0``, ``"3"`` and ``"3.0"`` are one id. Other text is an id as it is; None stands for
    no id.
    """
    if value is None:
        return None
    number = to_whole_number(value)
    return str(value).strip() if number is None else number


class IdentityNumbers:
    """Numbers of identities that a file gives as numbers or as names.

    A number stays as it is. A name gets the next number above all numbers of the file, in the
    order in which names first appear.

    Parameters
    ----------
    identities : iterable
        All identities of the file, normalised by `normalise_id`.
    """

    def __init__(self, identities: list[int | str | None]) -> None:
        numbers = [identity for identity in identities if isinstance(identity, int)]
        first = max(numbers, default=UNKNOWN_TRACK_ID) + 1
        names = [identity for identity in identities if isinstance(identity, str)]
        self._numbers = {name: first + k for k, name in enumerate(dict.fromkeys(names))}

    def get_number(self, identity: int | str | None) -> int:
        """Return the number of an identity; `UNKNOWN_TRACK_ID` for none."""
        if identity is None or identity == "":
            return UNKNOWN_TRACK_ID
        return identity if isinstance(identity, int) else self._numbers[identity]

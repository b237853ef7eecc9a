"""Names of animals: which are allowed, and new ones."""

from __future__ import annotations

import re
from collections.abc import Iterable
from string import ascii_lowercase
from uuid import uuid4

from murid.datasets.raw_labels import to_name
from murid.errors import ConfigError
from murid.reid.gallery import Animal

UNKNOWN = "unknown"
"""Name of an identity that matches no animal of the gallery, followed by its number."""
# Names that exports give to tracks and identities without a name.
_RESERVED = re.compile(rf"(animal|track|{UNKNOWN})([_-]?\d+)?", re.IGNORECASE)


def check_names(names: Iterable[str]) -> None:
    """Raise `ConfigError` unless all names are different, and allowed for animals and files."""
    seen: set[str] = set()
    for name in names:
        if to_name(name) != name or not name:
            expected = "a name of letters, digits, dots, dashes and underscores"
            raise ConfigError(f"{name!r}: expected {expected}")
        if _RESERVED.fullmatch(name):
            expected = "a name that murid does not give itself"
            raise ConfigError(f"{name!r}: expected {expected}, got a reserved one")
        if name in seen:
            raise ConfigError(f"{name!r}: expected one animal of this name, got two")
        seen.add(name)


def create_animal(name: str) -> Animal:
    """Return a new animal with a uuid of its own."""
    return Animal(name, str(uuid4()))


def find_free_name(taken: set[str]) -> str:
    """Return the first of ``animal-a`` … ``animal-z``, ``animal-aa`` … that is not taken."""
    number = 0
    while (name := f"animal-{_to_letters(number)}") in taken:
        number += 1
    return name


def _to_letters(number: int) -> str:
    """Return ``a`` for 0, ``z`` for 25, ``aa`` for 26 and so on."""
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = ascii_lowercase[rest] + letters
    return letters

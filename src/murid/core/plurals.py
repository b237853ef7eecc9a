"""Counted nouns in messages, such as ``1 frame`` and ``3 frames``."""

from __future__ import annotations


def format_count(n: int, noun: str, plural: str | None = None) -> str:
    """Return a number and its noun, such as ``1 frame``, ``3 frames`` or ``2 identities``.

    Parameters
    ----------
    n : int
        The number.
    noun : str
        The noun for one.
    plural : str, optional
        The noun for any other number; by default `noun` with an *s*.
    """
    return f"{n} {choose_form(n, noun, plural)}"


def choose_form(n: int, noun: str, plural: str | None = None) -> str:
    """Return the noun that goes with a number, without the number."""
    if n == 1:
        return noun
    return f"{noun}s" if plural is None else plural

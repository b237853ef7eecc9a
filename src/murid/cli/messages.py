"""What the verbs say of a run, in the same words."""

from __future__ import annotations

import sys
from typing import Any


def warn(facts: dict[str, object]) -> None:
    """Say on standard error what is wrong with a run."""
    if facts["note"]:
        print(f"murid: warning: the video is truncated: {facts['note']}", file=sys.stderr)
    if facts["identity_note"]:
        print(f"murid: warning: {facts['identity_note']}", file=sys.stderr)
    unreadable = facts["unreadable_frames"]
    assert isinstance(unreadable, list)
    if unreadable:
        some = ", ".join(str(k) for k in unreadable[:5]) + (", …" if len(unreadable) > 5 else "")
        print(
            f"murid: warning: {len(unreadable)} frames could not be decoded: {some}",
            file=sys.stderr,
        )


def print_learning(facts: dict[str, Any]) -> None:
    """Say whether learning the animals of a run helped, where it was asked for."""
    if facts["appearance_selections"] == []:
        print("adapt: dropped, too little was seen to judge it by")
    for row in facts["appearance_selections"] or ():
        outcome = "used" if row["used"] else "dropped"
        told = f"of pairs of stretches held out {row['after']:.0%} are told with it, {row['before']:.0%} without"
        print(f"adapt: {outcome}, {told}")


def print_names(facts: dict[str, Any]) -> None:
    """Say what the identities of a run are called, where they have names."""
    named = [row for row in facts["tracks"] if row["name"] is not None]
    if named:
        print(
            "names: "
            + ", ".join(
                f"{row['id']} {row['name']} ({row['name_probability']:.0%})" for row in named
            )
        )

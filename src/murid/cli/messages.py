"""Messages about a run that several verbs print."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from murid.cli import EXIT_EMPTY
from murid.core.identity_probabilities import MIN_CERTAIN_PROBABILITY, format_probability
from murid.core.plurals import format_count
from murid.pipeline.result_warnings import NO_ANIMAL, ResultWarning

# Frames that could not be read are listed up to this number; more would hide the rest.
_MAX_LISTED_FRAMES = 5


def print_json(document: Any) -> None:
    """Print a document as JSON, as every ``--json`` does."""
    print(json.dumps(document))


def warn_of_result(warnings: Sequence[ResultWarning]) -> None:
    """Print on standard error what makes a result nearly empty."""
    for warning in warnings:
        print(f"murid: warning: {warning.message}", file=sys.stderr)


def choose_exit_code(documents: Sequence[dict[str, Any]]) -> int:
    """Return 3 if no animal was found in a run of the descriptions, else 0."""
    codes = {warning["code"] for facts in documents for warning in facts["warnings"]}
    return EXIT_EMPTY if NO_ANIMAL in codes else 0


def warn(facts: dict[str, Any]) -> None:
    """Print on standard error what is wrong with a run."""
    warn_of_result([ResultWarning(**warning) for warning in facts["warnings"]])
    if facts["note"]:
        print(f"murid: warning: the video is truncated: {facts['note']}", file=sys.stderr)
    if facts["identity_note"]:
        print(f"murid: warning: {facts['identity_note']}", file=sys.stderr)
    unreadable = facts["unreadable_frames"]
    if unreadable:
        n_unreadable = format_count(len(unreadable), "frame")
        listed = ", ".join(str(frame) for frame in unreadable[:_MAX_LISTED_FRAMES])
        more = ", …" if len(unreadable) > _MAX_LISTED_FRAMES else ""
        print(
            f"murid: warning: {n_unreadable} could not be read: {listed}{more}"
            f" ({facts['unreadable_reason']})",
            file=sys.stderr,
        )


def announce(message: str) -> None:
    """Print on standard error what is done next, and why."""
    print(f"murid: {message}", file=sys.stderr, flush=True)


def describe_run(facts: dict[str, Any]) -> str:
    """Return in words how many identities, or tracks, a run has."""
    n_tracks = len(facts["tracks"])
    if facts["stages"]["identification"] == "done":
        found = format_count(n_tracks, "identity", "identities")
    else:
        found = format_count(n_tracks, "track")
    return f"{found} in {format_count(facts['n_frames'], 'frame')}"


def describe_identity_probability(facts: dict[str, Any]) -> str | None:
    """Return in words how likely the identities of a run are right; None if it has none."""
    probability = facts["identity_probability"]
    if probability is None:
        return None
    crossings = format_count(len(facts["crossings"]), "doubtful crossing")
    text = f"{crossings}, names {format_probability(probability)} sure"
    uncertain = facts["uncertain_identities"]
    if uncertain:
        below = f"below {format_probability(MIN_CERTAIN_PROBABILITY)}"
        text += f" ({', '.join(map(str, uncertain))} {below})"
    return text


def summarise_identities(facts: dict[str, Any], hint: str = ": see murid info") -> Iterator[str]:
    """Yield the last line on a run: identities, doubtful crossings, and how sure names are.

    It ends in the hint where identities are in doubt; there is no line without identities.
    """
    names = describe_identity_probability(facts)
    if names is None:
        return
    found = format_count(len(facts["tracks"]), "identity", "identities")
    is_doubtful = facts["crossings"] or facts["uncertain_identities"]
    yield f"{found}, {names}" + (hint if is_doubtful else "")


def describe_refinement(facts: dict[str, Any]) -> Iterator[str]:
    """Yield lines on the second pass over the video, if there was one, and on the names."""
    selections = facts["appearance_selections"]
    if selections == []:
        yield "refine: not used, there was too little to judge it by"
    for row in selections or ():
        outcome = "used" if row["used"] else "not used"
        yield (
            f"refine: {outcome}; {row['after']:.0%} of held-out tracklet pairs are classified"
            f" correctly with fur descriptors, {row['before']:.0%} without"
        )
    named = [row for row in facts["tracks"] if row["name"] is not None]
    if named:
        names = (f"{row['id']} {row['name']} ({row['name_probability']:.0%})" for row in named)
        yield "names: " + ", ".join(names)

"""``murid fix``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Group, Parameter

from murid.cli.messages import (
    announce,
    choose_exit_code,
    describe_run,
    print_json,
    summarise_identities,
    warn,
)
from murid.cli.options import EVERYDAY, JsonFlag
from murid.cli.progress import show_progress
from murid.core.plurals import format_count
from murid.corrections.records import Entry, find_lines_in_force, select_active
from murid.errors import ConfigError
from murid.pipeline.correction_file import Request, apply_request, read_requests
from murid.pipeline.corrections import RunCorrections
from murid.pipeline.identify import identify

WHAT = Group.create_ordered("What is wrong")
WHEN = Group.create_ordered("When (frames such as 115, or times such as 00:03:12.5 or 90s)")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class FixOptions:
    """Corrections, each with its frames."""

    swap: Annotated[str | None, Parameter(group=WHAT)] = None
    """A,B: the two identities are exchanged, from --from to --to, or to the end."""

    right: Annotated[str | None, Parameter(group=WHAT)] = None
    """A,B: the two identities are right through the crossing from --from to --to."""

    assign: Annotated[str | None, Parameter(group=WHAT)] = None
    """A=B: what has the identity A at --at is animal B."""

    drop: Annotated[int | None, Parameter(group=WHAT)] = None
    """What has this identity from --from to --to is no animal."""

    add: Annotated[int | None, Parameter(group=WHAT)] = None
    """This animal is in --box at --at, where it was not detected."""

    rename: Annotated[str | None, Parameter(group=WHAT)] = None
    """A=NAME: the name of an animal; nothing after the = takes it away."""

    start: Annotated[str | None, Parameter(name="--from", group=WHEN)] = None
    """First frame, or time."""

    end: Annotated[str | None, Parameter(name="--to", group=WHEN)] = None
    """Last frame, or time."""

    at: Annotated[str | None, Parameter(group=WHEN)] = None
    """Frame, or time."""

    box: Annotated[str | None, Parameter(group=WHAT)] = None
    """x1,y1,x2,y2 in pixels, for --add."""

    def to_request(self) -> dict[str, Any] | None:
        """Return what was given, as a line of a file of corrections; None for nothing."""
        given = {
            "swap": self.swap,
            "right": self.right,
            "assign": self.assign,
            "drop": self.drop,
            "add": self.add,
            "rename": self.rename,
            "from": self.start,
            "to": self.end,
            "at": self.at,
            "box": self.box,
        }
        return {name: value for name, value in given.items() if value is not None} or None


def fix(
    run: Path,
    /,
    *,
    options: FixOptions | None = None,
    apply: Annotated[Path | None, Parameter(group=EVERYDAY)] = None,
    undo: Annotated[bool, Parameter(negative=(), group=EVERYDAY)] = False,
    line: Annotated[int | None, Parameter(group=EVERYDAY)] = None,
    list_corrections: Annotated[
        bool, Parameter(name="--list", negative=(), group=EVERYDAY)
    ] = False,
    identify_again: Annotated[bool, Parameter(name="--identify", group=EVERYDAY)] = True,
    author: Annotated[str | None, Parameter(group=EVERYDAY)] = None,
    json: JsonFlag = False,
) -> int:
    """Correct the identities of a run, and identify the animals again with what is now certain.

    Each correction is a line in corrections.jsonl in the run. It counts whenever the run is
    identified, with other settings too. murid review is the same in the browser.

    Parameters
    ----------
    run : Path
        Run directory.
    apply : Path
        File with one correction a line, such as {"swap": "1,2", "from": 115, "to": 240}.
    undo : bool
        Revoke the last correction, or that of --line.
    line : int
        Line of the correction to revoke; --list shows them.
    list_corrections : bool
        List all corrections, and change nothing.
    identify_again : bool
        Identify the animals again at once; --no-identify only stores the correction.
    author : str
        Who corrects; the user of this computer by default.
    json : bool
        Print one JSON document instead of text.
    """
    corrections = RunCorrections(run, author)
    if list_corrections:
        _print_list(corrections, json)
        return 0
    if line is not None and not undo:
        raise ConfigError("--line: expected --undo with it, got none")
    requests = _collect(options or FixOptions(), apply)
    if not requests and not undo:
        raise ConfigError("fix: expected a correction such as --swap 1,2, got none")
    if undo:
        added = [corrections.undo(line)]
    else:
        with corrections.all_or_none() as together:
            added = [apply_request(together, run, request) for request in requests]
    if identify_again:
        with show_progress() as report:
            result = identify(run, report=report, announce=announce)
        facts = result.info()
    if json:
        print_json({"added": [_to_row(entry, {entry.line}) for entry in added]})
        return 0
    for entry in added:
        print(f"{entry.line}: {entry.statement.describe()}")
    if not identify_again:
        return 0
    warn(facts)
    print(f"{describe_run(facts)}: {result.path}")
    for text in summarise_identities(facts):
        print(text)
    return choose_exit_code([facts])


def _collect(options: FixOptions, path: Path | None) -> list[Request]:
    """Return the corrections of the options and of a file; raises `ConfigError`."""
    given = options.to_request()
    requests = [] if given is None else [Request("", given)]
    return requests + ([] if path is None else read_requests(path))


def _print_list(corrections: RunCorrections, json: bool) -> None:
    entries = corrections.entries
    in_force = find_lines_in_force(entries)
    if json:
        print_json({"corrections": [_to_row(entry, in_force) for entry in entries]})
        return
    for entry in entries:
        state = "" if entry.line in in_force else " (not in force)"
        print(f"{entry.line}: {entry.statement.describe()}{state}, {entry.author} {entry.time_utc}")
    print(f"{format_count(len(select_active(entries)), 'correction')} in force")


def _to_row(entry: Entry, in_force: set[int]) -> dict[str, Any]:
    return {
        "line": entry.line,
        "what": entry.statement.describe(),
        "in_force": entry.line in in_force,
        "author": entry.author,
        "time_utc": entry.time_utc,
    }

"""Corrections as people write them: identities and frames, on the command line or in a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from murid.core.clock import parse_time
from murid.core.files import describe_content
from murid.corrections.records import Entry
from murid.errors import ConfigError, FormatError
from murid.pipeline.corrections import RunCorrections
from murid.store import RunDirectory

# What each kind of correction needs besides itself, and what it may have.
_NEEDED = {"drop": ("from", "to"), "right": ("from", "to"), "assign": ("at",), "add": ("at", "box")}
_OPTIONAL = {"swap": ("from", "to")}
KINDS = ("swap", "right", "assign", "drop", "add", "rename")
_NAMES = (*KINDS, "from", "to", "at", "box")


@dataclass(frozen=True, slots=True)
class Request:
    """One correction as it was written.

    Attributes
    ----------
    place : str
        Where, for messages; empty for the command line.
    values : mapping of str to any
        One of `KINDS` and its frames.
    """

    place: str
    values: Mapping[str, Any]

    def fail(self, name: str, expected: str, got: object) -> ConfigError:
        """Return the error for one value."""
        return ConfigError(f"{self.locate(name)}: expected {expected}, got {got}")

    def locate(self, name: str) -> str:
        """Return where a value is, such as ``--from`` or ``fixes.jsonl: line 3: from``."""
        if self.place:
            return f"{self.place}: {name}"
        return f"--{name}" if name in _NAMES else name

    def find_kind(self) -> str:
        """Return which kind of correction it is; raises `ConfigError` unless it is one."""
        kinds = [name for name in KINDS if name in self.values]
        if len(kinds) != 1:
            got = ", ".join(kinds) or "none"
            raise self.fail("correction", f"one of {', '.join(KINDS)}", got)
        kind = kinds[0]
        allowed = (kind, *_NEEDED.get(kind, ()), *_OPTIONAL.get(kind, ()))
        for name in _NEEDED.get(kind, ()):
            if name not in self.values:
                raise self.fail(name, f"a value, which {kind} needs", "none")
        for name in self.values:
            if name not in allowed:
                raise self.fail(name, f"{' and '.join(allowed)} alone", name)
        return kind

    def split(self, name: str, sign: str, n: int, pattern: str) -> list[str]:
        """Return the parts of a value; raises `ConfigError` unless there are n."""
        value = self.values[name]
        text = sign.join(map(str, value)) if isinstance(value, list) else str(value)
        parts = [part.strip() for part in text.split(sign)]
        if len(parts) != n:
            raise self.fail(name, f"a value such as {pattern}", text)
        return parts

    def to_number(self, name: str, text: object) -> int:
        """Return a whole number; raises `ConfigError`."""
        try:
            return int(str(text))
        except ValueError as error:
            raise self.fail(name, "a whole number", text) from error


def read_requests(path: Path) -> list[Request]:
    """Return the corrections of a file, one JSON object a line.

    Raises
    ------
    FormatError
        If it cannot be read, or a line is no JSON object.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(path, "file", "lines of JSON", describe_content(path)) from error
    requests = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except json.JSONDecodeError as error:
            raise FormatError(path, f"line {number}", "a JSON object", error.msg) from error
        if not isinstance(values, dict):
            raise FormatError(path, f"line {number}", "a JSON object", type(values).__name__)
        requests.append(Request(f"{path}: line {number}", values))
    for request in requests:
        request.find_kind()
    return requests


def apply_request(corrections: RunCorrections, run: str | Path, request: Request) -> Entry:
    """Add a correction to a run; raises as the methods of `RunCorrections`."""
    try:
        return _apply(corrections, run, request)
    except ConfigError as error:
        if not request.place or str(error).startswith(request.place):
            raise
        raise ConfigError(f"{request.place}: {error}") from error


def _apply(corrections: RunCorrections, run: str | Path, request: Request) -> Entry:
    kind = request.find_kind()
    frames = _Frames(run, request)
    if kind == "swap":
        one, other = (
            request.to_number("swap", part) for part in request.split(kind, ",", 2, "1,2")
        )
        first = frames.get("from")
        return corrections.swap(one, other, 0 if first is None else first, frames.get("to"))
    if kind == "right":
        one, other = (request.to_number(kind, part) for part in request.split(kind, ",", 2, "1,2"))
        first, last = frames.get_needed("from"), frames.get_needed("to")
        return corrections.answer_crossing((one, other), first, last, "right")
    if kind == "assign":
        parts = request.split(kind, "=", 2, "3=1, the identity and the animal that it is")
        identity, animal = (request.to_number(kind, part) for part in parts)
        return corrections.assign(frames.get_needed("at"), identity, animal)
    if kind == "drop":
        identity = request.to_number(kind, request.values[kind])
        return corrections.drop(identity, frames.get_needed("from"), frames.get_needed("to"))
    if kind == "add":
        parts = request.split("box", ",", 4, "10,20,60,55")
        try:
            box = [float(part) for part in parts]
        except ValueError as error:
            raise request.fail("box", "four numbers", request.values["box"]) from error
        animal = request.to_number(kind, request.values[kind])
        return corrections.add(frames.get_needed("at"), box, animal)
    number, name = request.split("rename", "=", 2, "1=alice")
    return corrections.rename(request.to_number(kind, number), name)


class _Frames:
    """Frames of the run that a correction names as frames of the video, or as times."""

    def __init__(self, run: str | Path, request: Request) -> None:
        self._run = RunDirectory.open(run)
        self._request = request

    def get_needed(self, name: str) -> int:
        """Return a frame that must be given."""
        frame = self.get(name)
        assert frame is not None  # `Request.find_kind` has looked
        return frame

    def get(self, name: str) -> int | None:
        """Return the frame of the run, None where none is named; raises `ConfigError`."""
        value = self._request.values.get(name)
        if value is None:
            return None
        text = str(value).strip()
        if text.isdigit():
            return self._from_video_frame(name, int(text))
        time_s = parse_time(self._request.locate(name), text)
        times_s = self._run.frames.read().times_s
        if time_s is None or not len(times_s) or not 0 <= time_s <= times_s[-1]:
            expected = f"a time from 0 to {times_s[-1]:.6g} s" if len(times_s) else "no time"
            raise self._request.fail(name, expected, text)
        return int(np.searchsorted(times_s, time_s))

    def _from_video_frame(self, name: str, number: int) -> int:
        numbers = self._run.manifest.video_frames(self._run.n_frames)
        if number not in numbers:
            step = f" in steps of {numbers.step}" if numbers.step > 1 else ""
            expected = f"a frame from {numbers[0]} to {numbers[-1]}{step}" if numbers else "none"
            raise self._request.fail(name, expected, number)
        return numbers.index(number)

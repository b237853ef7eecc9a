"""The manifest of a run directory: its video, its settings, and the state of its stages."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_args

import numpy as np

from murid.core.files import describe_content, replace_on_success
from murid.errors import ArrayError, RunError
from murid.store.migrate import migrate_manifest

FORMAT = "murid-run"

# Version of the run directory that this murid writes. It reads all versions up to this one: see
# `murid.store.migrate`.
FORMAT_VERSION = 2

MANIFEST_NAME = "manifest.json"

StageName = Literal["detection", "tracking", "identification"]
StageState = Literal["pending", "running", "done"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StageStatus:
    """State of a stage.

    Attributes
    ----------
    state : {"pending", "running", "done"}
        A stage that is ``running`` while no process holds the lock was interrupted.
    n_frames, n_parts : int
        Size of the result once the state is ``done``; 0 before that.
    note : str or None
        Shown to the user, such as why the video ended early.
    """

    state: StageState = "pending"
    n_frames: int = 0
    n_parts: int = 0
    note: str | None = None


@dataclass(frozen=True, slots=True)
class AnimalName:
    """Name of an identity.

    Attributes
    ----------
    name : str
    uuid : str or None
        Identifies the animal in all recordings; None where it is in no gallery.
    probability : float
        Probability in [0, 1] that it is that animal, or that it is unknown.
    """

    name: str
    uuid: str | None = None
    probability: float = 1.0


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation on a run: verb, version of murid, arguments, and time (UTC, ISO 8601)."""

    verb: str
    murid_version: str
    arguments: Mapping[str, Any]
    time_utc: str

    @classmethod
    def now(cls, verb: str, arguments: Mapping[str, Any]) -> Operation:
        """Return an entry for an operation that happens now, in this version of murid."""
        return cls(
            verb, version("murid"), arguments, datetime.now(UTC).isoformat(timespec="seconds")
        )


@dataclass(frozen=True, slots=True)
class Manifest:
    """Content of ``manifest.json``; all values are plain JSON.

    Attributes
    ----------
    source : str
        Absolute path of the video, image folder or glob.
    fingerprint : mapping
        Identifies the video: size, frames, frame rate, hash of its head and tail.
    detector : str
        Identifies the detector: hash of its weights, or name of a method without weights.
    config : mapping of str to mapping
        Settings by section: ``detection``, ``tracking``, ``identification``, ``arenas``.
    part_frames : int
        Frames in each part but the last.
    stages : mapping of str to StageStatus
        ``detection``, ``tracking`` and ``identification``; the last one stays pending where only
        tracks were requested.
    provenance : tuple of Operation
        Every operation on this run, oldest first.
    murid_version : str
        Version of murid that made the run.
    embedder : str or None
        Identifies the weights of the embeddings; None where there are no embeddings, or they are
        unknown.
    names : mapping of int to AnimalName
        Names of identities, where they have names.
    video : mapping
        Facts about the recording, as `murid.video.VideoInfo.describe` returns them; empty in runs
        made before it was stored.
    corrections : mapping
        The corrections that the identities follow from: ``n``, ``authors``, ``first_utc`` and
        ``last_utc``; empty without any.
    """

    source: str
    fingerprint: Mapping[str, Any]
    detector: str
    config: Mapping[str, Mapping[str, Any]]
    part_frames: int
    stages: Mapping[StageName, StageStatus] = field(
        default_factory=lambda: {name: StageStatus() for name in get_args(StageName)}
    )
    provenance: tuple[Operation, ...] = ()
    murid_version: str = field(default_factory=lambda: version("murid"))
    embedder: str | None = None
    names: Mapping[int, AnimalName] = field(default_factory=dict)
    video: Mapping[str, Any] = field(default_factory=dict)
    corrections: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fps(self) -> float:
        """Frames per second: of the clock that the run goes by, the median rate."""
        return float(self.video.get("fps") or self.fingerprint["fps"])

    @property
    def pixel_aspect(self) -> float:
        """Width of a pixel divided by its height."""
        return float(self.video.get("pixel_aspect") or 1.0)

    @property
    def clock(self) -> Mapping[str, Any]:
        """Where the times of the frames come from: ``kind`` is video, fps or timestamps."""
        clock: Mapping[str, Any] = self.video.get("clock") or {"kind": "video"}
        return clock

    @property
    def first_video_frame(self) -> int:
        """Frame of the video that is frame 0 of the run."""
        return int(self.video.get("frames", {}).get("first", 0))

    @property
    def frame_step(self) -> int:
        """Frames of the video from one frame of the run to the next."""
        return int(self.video.get("frames", {}).get("every", 1))

    def video_frames(self, n_frames: int) -> range:
        """Return the numbers in the video of the first frames of the run."""
        first, step = self.first_video_frame, self.frame_step
        return range(first, first + step * n_frames, step)

    def to_video_frame(self, frame: int) -> int:
        """Return the number in the video of a frame of the run."""
        return self.first_video_frame + self.frame_step * frame

    def with_stage(self, name: StageName, stage: StageStatus) -> Manifest:
        """Return a copy in which one stage is replaced."""
        return replace(self, stages={**self.stages, name: stage})

    def with_operation(self, operation: Operation) -> Manifest:
        """Return a copy with one more entry of provenance."""
        return replace(self, provenance=(*self.provenance, operation))


def to_json_values(values: Mapping[str, Any], field: str) -> dict[str, Any]:
    """Return values as JSON reads them back, so that they compare equal; raises `ArrayError`."""
    try:
        text = json.dumps(dict(values), allow_nan=False, default=_to_plain)
        plain: dict[str, Any] = json.loads(text)
    except (TypeError, ValueError) as error:
        raise ArrayError(field, "plain values that JSON can hold", str(error)) from error
    return plain


def _to_plain(value: Any) -> Any:
    """Return numbers of NumPy as Python's, and paths as text; raises TypeError for others."""
    if isinstance(value, np.generic):
        return value.item()
    return os.fspath(value)


def save_manifest(directory: Path, manifest: Manifest) -> None:
    """Write ``manifest.json`` atomically; raises `StorageError`."""
    document = {"format": FORMAT, "format_version": FORMAT_VERSION} | asdict(manifest)
    text = json.dumps(document, indent=2, allow_nan=False) + "\n"
    with replace_on_success(directory / MANIFEST_NAME, make_parents=False) as temporary:
        temporary.write_bytes(text.encode())


def load_document(directory: Path) -> dict[str, Any]:
    """Read ``manifest.json`` and check what all versions have in common.

    Raises
    ------
    RunError
        If there is no run, the file is not JSON or not murid's, or a newer murid wrote it.
    """
    path = directory / MANIFEST_NAME
    if not directory.is_dir():
        expected = "a run directory (murid track makes one of a video)"
        raise RunError(directory, "directory", expected, describe_content(directory))
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        got = "a directory without this file"
        raise RunError(directory, MANIFEST_NAME, "a run directory", got) from error
    except json.JSONDecodeError as error:
        got = describe_content(path, b"{")
        raise RunError(path, "file", "a readable JSON document", f"{got}: {error}") from error
    except (OSError, ValueError) as error:
        expected = "a readable JSON document"
        raise RunError(path, "file", expected, describe_content(path)) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise RunError(path, "format", f'"{FORMAT}"', "a document of something else")
    found = _take(document, "format_version", int, path)
    if not 1 <= found <= FORMAT_VERSION:
        expected = f"at most {FORMAT_VERSION} (a newer murid may read it)"
        raise RunError(path, "format_version", expected, str(found))
    return document


def load_manifest(directory: Path) -> Manifest:
    """Read ``manifest.json``, also of older versions.

    Raises
    ------
    RunError
        If there is no run, a newer murid wrote it, or a field is missing or damaged.
    """
    document = load_document(directory)
    path = directory / MANIFEST_NAME
    if document["format_version"] == 1:
        document = migrate_manifest(document)
    stages = _take(document, "stages", dict, path)
    provenance = _take(document, "provenance", list, path)
    manifest = Manifest(
        source=_take(document, "source", str, path),
        fingerprint=_take(document, "fingerprint", dict, path),
        detector=_take(document, "detector", str, path),
        config=_take(document, "config", dict, path),
        part_frames=_take(document, "part_frames", int, path),
        stages={name: _load_stage(stages, name, path) for name in get_args(StageName)},
        provenance=tuple(_load_operation(entry, path) for entry in provenance),
        murid_version=_take(document, "murid_version", str, path),
        embedder=_take_optional(document, "embedder", path),
        names=_load_names(document.get("names", {}), path),
        video=_take(document, "video", dict, path) if "video" in document else {},
        corrections=_load_corrections(document.get("corrections", {}), path),
    )
    for name, settings in manifest.config.items():
        if not isinstance(settings, dict):
            raise RunError(path, f"config.{name}", "an object", type(settings).__name__)
    if manifest.part_frames < 1:
        raise RunError(path, "part_frames", "a number above 0", str(manifest.part_frames))
    return manifest


def _load_stage(stages: dict[str, Any], name: str, path: Path) -> StageStatus:
    where = f"stages.{name}"
    entry = _take(stages, name, dict, path, "stages.")
    state = _take(entry, "state", str, path, f"{where}.")
    if state not in get_args(StageState):
        raise RunError(path, f"{where}.state", " or ".join(get_args(StageState)), repr(state))
    n_frames = _take(entry, "n_frames", int, path, f"{where}.")
    n_parts = _take(entry, "n_parts", int, path, f"{where}.")
    note = _take_optional(entry, "note", path, f"{where}.")
    return StageStatus(cast(StageState, state), n_frames, n_parts, note)


def _load_operation(entry: Any, path: Path) -> Operation:
    if not isinstance(entry, dict):
        raise RunError(path, "provenance", "objects", type(entry).__name__)
    return Operation(
        verb=_take(entry, "verb", str, path, "provenance."),
        murid_version=_take(entry, "murid_version", str, path, "provenance."),
        arguments=_take(entry, "arguments", dict, path, "provenance."),
        time_utc=_take(entry, "time_utc", str, path, "provenance."),
    )


def _load_names(entries: Any, path: Path) -> dict[int, AnimalName]:
    if not isinstance(entries, dict) or not all(
        isinstance(entry, dict) for entry in entries.values()
    ):
        raise RunError(path, "names", "an object of objects", repr(entries)[:60])
    names = {}
    for key, entry in entries.items():
        if not key.isdecimal():
            raise RunError(path, "names", "identities as keys", repr(key)[:60])
        where = f"names.{key}."
        names[int(key)] = AnimalName(
            name=_take(entry, "name", str, path, where),
            uuid=_take_optional(entry, "uuid", path, where),
            probability=_take(entry, "probability", float, path, where),
        )
    return names


def _load_corrections(entry: Any, path: Path) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise RunError(path, "corrections", "an object", repr(entry)[:60])
    if not entry:
        return {}
    where = "corrections."
    authors = _take(entry, "authors", list, path, where)
    if not all(isinstance(author, str) for author in authors):
        raise RunError(path, "corrections.authors", "a list of names", repr(authors)[:60])
    return {
        "n": _take(entry, "n", int, path, where),
        "authors": authors,
        "first_utc": _take(entry, "first_utc", str, path, where),
        "last_utc": _take(entry, "last_utc", str, path, where),
    }


def _take(document: Mapping[str, Any], key: str, kind: type[T], path: Path, prefix: str = "") -> T:
    """Return a value; raises `RunError` if it is missing or of another type."""
    value = document.get(key)
    # In Python, True is an int; in JSON it is not.
    if not isinstance(value, kind) or isinstance(value, bool):
        got = "nothing" if value is None else repr(value)[:60]
        raise RunError(path, prefix + key, kind.__name__, got)
    return value


def _take_optional(
    document: Mapping[str, Any], key: str, path: Path, prefix: str = ""
) -> str | None:
    """Return a string, or None if it is missing or null."""
    if document.get(key) is None:
        return None
    return _take(document, key, str, path, prefix)

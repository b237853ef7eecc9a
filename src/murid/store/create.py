"""How a run directory begins: an empty place, an old run to remove, or one to go on with."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from murid.core.files import make_directory, remove_leftovers, storage_errors
from murid.errors import ArrayError, RunError
from murid.store.manifest import MANIFEST_NAME, Manifest, load_document, save_manifest
from murid.store.parts import COLOUR_FEATURES_NAME, FUR_DESCRIPTORS_NAME, KINDS, Kind, summary_path

START_OVER = "; use the same again, or start over with --restart"


def make_manifest(
    source: str | Path,
    fingerprint: Mapping[str, Any],
    config: Mapping[str, Mapping[str, Any]],
    detector: str,
    part_frames: int,
    embedder: str | None = None,
) -> Manifest:
    """Make the manifest of a run that has not begun; raises `ArrayError` for what JSON cannot hold."""
    if part_frames < 1:
        raise ArrayError("part_frames", "a number above 0", str(part_frames))
    settings = {stage: to_plain(values, f"config.{stage}") for stage, values in config.items()}
    # An address of a camera stays as it is, and a glob is not a path to resolve.
    path = str(source) if "://" in str(source) else os.path.abspath(source)  # noqa: PTH100
    return Manifest(
        path,
        to_plain(fingerprint, "fingerprint"),
        detector,
        settings,
        part_frames,
        embedder=embedder,
    )


def to_plain(values: Mapping[str, Any], field: str) -> dict[str, Any]:
    """Return what JSON makes of the values, so that they compare equal to what is read back; raises `ArrayError`."""
    try:
        plain: dict[str, Any] = json.loads(
            json.dumps(dict(values), allow_nan=False, default=os.fspath)
        )
    except (TypeError, ValueError) as error:
        raise ArrayError(field, "plain values that JSON can hold", str(error)) from error
    return plain


def holds_run(path: Path) -> bool:
    """Whether there is a manifest at this place, whatever its state."""
    return (path / MANIFEST_NAME).exists()


def check_free(path: Path, restart: bool) -> None:
    """Raise `RunError` unless a run may begin at `path`: nothing there, hidden files only, or a run to remove."""
    if not os.path.lexists(path):
        return
    if not path.is_dir():
        raise RunError(path, "directory", "a place for a run directory", "a file")
    if holds_run(path):
        load_document(path)
        if not restart:
            raise RunError(
                path, "directory", "a new or empty directory", "a run (resume it, or use --restart)"
            )
        return
    with storage_errors(path):
        foreign = sorted(entry.name for entry in path.iterdir() if not entry.name.startswith("."))
    if foreign:
        raise RunError(
            path,
            "directory",
            "a new or empty directory, or a run",
            f"other files, such as {foreign[0]}",
        )


def initialise(path: Path, manifest: Manifest, restart: bool) -> None:
    """Remove an old run's parts, then write the new manifest; the caller holds the lock.

    Parts go first: whatever a kill in between leaves is still a run, and never old parts under a
    new manifest.

    Raises
    ------
    RunError
        If another process has begun a run here in the meantime.
    StorageError
        If the directory cannot be written to.
    """
    check_free(path, restart)
    for kind in KINDS:
        remove_parts(path, kind)
    with storage_errors(path):
        for name in (COLOUR_FEATURES_NAME, FUR_DESCRIPTORS_NAME):
            (path / name).unlink(missing_ok=True)
    save_manifest(path, manifest)
    tidy(path)


def tidy(path: Path) -> None:
    """Make missing directories, and remove what a killed writer left half-written; raises `StorageError`."""
    for directory in (path, *(path / kind for kind in KINDS)):
        make_directory(directory)
        remove_leftovers(directory)


def remove_parts(path: Path, kind: Kind) -> None:
    """Remove the sums and all parts of one kind, the last first, and nothing else; raises `StorageError`."""
    with storage_errors(path / kind):
        summary_path(path, kind).unlink(missing_ok=True)
        for part in sorted((path / kind).glob("part-*.parquet"), reverse=True):
            part.unlink()


def check_same(path: Path, there: Manifest, wanted: Manifest) -> None:
    """Raise `RunError` for the first thing in which the run that is there differs from the one wanted."""
    pairs = [("source.fingerprint", there.fingerprint, wanted.fingerprint)]
    pairs += [("detector", {"": there.detector}, {"": wanted.detector})]
    pairs += [
        ("config.detection", there.config.get("detection", {}), wanted.config.get("detection", {}))
    ]
    for field, old, new in pairs:
        for key in sorted(old.keys() | new.keys()):
            if old.get(key) != new.get(key):
                name = f"{field}.{key}".rstrip(".")
                raise RunError(
                    path,
                    name,
                    f"{old.get(key)!r} as in the run that is there",
                    repr(new.get(key)) + START_OVER,
                )

"""Start of a run directory: a new one, one that is restarted, or one that is resumed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from murid.core.files import make_directory, remove_leftovers, storage_errors
from murid.errors import ArrayError, RunError
from murid.store import parts, side_tables
from murid.store.manifest import (
    FORMAT_VERSION,
    MANIFEST_NAME,
    Manifest,
    load_document,
    load_manifest,
    save_manifest,
    to_json_values,
)
from murid.store.migrate import upgrade_files

# Entries of a fingerprint that tell recordings apart: of files, and of cameras.
_FILE_KEYS = ("size_bytes", "sha256")
_CONTENT_KEYS = (*_FILE_KEYS, "live")

_HINT = "; use the same again, another --out, or start over with --restart"


def make_manifest(
    source: str | Path,
    fingerprint: Mapping[str, Any],
    config: Mapping[str, Mapping[str, Any]],
    detector: str,
    part_frames: int,
    embedder: str | None = None,
    video: Mapping[str, Any] | None = None,
) -> Manifest:
    """Return the manifest of a new run; raises `ArrayError` for what JSON cannot hold."""
    if part_frames < 1:
        raise ArrayError("part_frames", "a number above 0", str(part_frames))
    settings = {
        stage: to_json_values(values, f"config.{stage}") for stage, values in config.items()
    }
    # The address of a camera stays as it is. A glob is no path that could be resolved.
    path = str(source) if "://" in str(source) else os.path.abspath(source)  # noqa: PTH100
    return Manifest(
        source=path,
        fingerprint=to_json_values(fingerprint, "fingerprint"),
        detector=detector,
        config=settings,
        part_frames=part_frames,
        embedder=embedder,
        video=to_json_values(video or {}, "video"),
    )


def is_run_directory(path: Path) -> bool:
    """Whether a path is a run directory: it has a manifest, damaged or not."""
    return (path / MANIFEST_NAME).exists()


def check_free(path: Path, wanted: Manifest, restart: bool) -> None:
    """Raise `RunError` unless the run `wanted` may start at `path`.

    It may where nothing exists, in a directory of hidden files only, and, on restart, over a run of
    the same video. A run of another video is never replaced: it is somebody's work, and both videos
    may only have the same stem.
    """
    if not os.path.lexists(path):
        return
    if not path.is_dir():
        raise RunError(path, "directory", "a place for a run directory", "a file")
    if is_run_directory(path):
        load_document(path)
        if not restart:
            raise RunError(
                path, "directory", "a new or empty directory", "a run (resume it, or use --restart)"
            )
        existing = load_manifest(path)
        if not _is_same_content(existing, wanted):
            _check_source(path, existing, wanted)
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
    """Remove what an old run wrote, then write the new manifest; the caller holds the lock.

    The manifest comes last: a kill in between never leaves old parts under a new manifest.

    Raises
    ------
    RunError
        If another process has started a run here in the meantime.
    StorageError
        If the directory cannot be written to.
    """
    check_free(path, manifest, restart)
    # Side tables before the parts that they were computed from.
    side_tables.remove_all(path)
    for kind in parts.KINDS:
        parts.remove_parts(path, kind)
    save_manifest(path, manifest)
    _tidy(path)


def prepare(path: Path) -> None:
    """Prepare an existing run for writing; the caller holds the lock.

    Makes missing directories, removes what a killed process left half-written, and upgrades a run
    of an older format version. Raises `RunError` and `StorageError`.
    """
    _tidy(path)
    if load_document(path)["format_version"] < FORMAT_VERSION:
        upgrade_files(path)
        # The manifest comes last: until then the run counts as one of the old version.
        save_manifest(path, load_manifest(path))


def _tidy(path: Path) -> None:
    for directory in (path, *(path / kind for kind in parts.KINDS)):
        make_directory(directory)
        remove_leftovers(directory)


def check_same(path: Path, existing: Manifest, wanted: Manifest) -> None:
    """Raise `RunError` if the video, detector or settings of detection are not the same."""
    if not _is_same_content(existing, wanted):
        _check_source(path, existing, wanted)
        _refuse_changed_file(path, existing, wanted)
    _check_equal(path, "source.fingerprint", existing.fingerprint, wanted.fingerprint)
    # Settings before the detector, which learns the background from the frames that they choose.
    _check_equal(
        path,
        "config.detection",
        existing.config.get("detection", {}),
        wanted.config.get("detection", {}),
    )
    _check_equal(path, "detector", {"": existing.detector}, {"": wanted.detector})


def _is_same_content(existing: Manifest, wanted: Manifest) -> bool:
    """Whether two runs are of the same recording, whatever its name is now.

    Other differences of the fingerprint, such as the number of frames, come from how it was read.
    """
    return all(
        existing.fingerprint.get(key) == wanted.fingerprint.get(key) for key in _CONTENT_KEYS
    )


def _check_source(path: Path, existing: Manifest, wanted: Manifest) -> None:
    """Raise `RunError` if two runs of different content are of sources with different names."""
    old = existing.source
    new = wanted.source
    # A video that was moved together with its run, and changed, keeps its name.
    is_moved = not os.path.lexists(old) and os.path.basename(old) == os.path.basename(new)  # noqa: PTH119
    if os.path.realpath(old) != os.path.realpath(new) and not is_moved:
        got = f"{new}, another one (--out DIR gives it a run of its own; both runs stay)"
        raise RunError(path, "video", f"{old}, whose run this is", got)


def _refuse_changed_file(path: Path, existing: Manifest, wanted: Manifest) -> None:
    """Raise `RunError` where the content of a file is not that which was tracked.

    The resolution of a camera is no content; it is checked with the other settings.
    """
    if not any(key in existing.fingerprint for key in _FILE_KEYS):
        return
    expected = f"{wanted.source} as it was when this run was made"
    size = existing.fingerprint.get("size_bytes")
    new_size = wanted.fingerprint.get("size_bytes")
    sizes = "" if size == new_size else f", {new_size} bytes instead of {size}"
    way_out = "--restart tracks it as it is now, --out DIR keeps this run"
    raise RunError(path, "video", expected, f"a file that has changed{sizes}; {way_out}")


def _check_equal(
    path: Path, field: str, existing: Mapping[str, Any], wanted: Mapping[str, Any]
) -> None:
    for key in sorted(existing.keys() | wanted.keys()):
        if existing.get(key) != wanted.get(key):
            name = f"{field}.{key}".rstrip(".")
            expected = f"{existing.get(key)!r} as in the existing run"
            raise RunError(path, name, expected, repr(wanted.get(key)) + _HINT)

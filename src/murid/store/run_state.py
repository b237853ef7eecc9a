"""State of an open run: its path, manifest, write lock and the parts that exist."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from murid.errors import ArrayError, RunError
from murid.store import parts
from murid.store.lock import Lock
from murid.store.manifest import Manifest, StageName, save_manifest
from murid.store.parquet import count_rows


class RunState:
    """An open run directory.

    A part holds `Manifest.part_frames` frames; the last part of a video may be shorter. A part
    exists once both its frames and its detections are stored.

    Attributes
    ----------
    path : Path
        The directory.
    manifest : Manifest
        The manifest as it was last read or written.
    lock : Lock or None
        Held while the run is open for writing.
    """

    def __init__(self, path: Path, manifest: Manifest, lock: Lock | None) -> None:
        self.path = path
        self.manifest = manifest
        self.lock = lock

    def is_done(self, stage: StageName) -> bool:
        """Whether a stage is finished."""
        return self.manifest.stages[stage].state == "done"

    def update(self, manifest: Manifest) -> None:
        """Write a new manifest; raises `RunError` if not open for writing, and `StorageError`."""
        self.check_writable()
        save_manifest(self.path, manifest)
        self.manifest = manifest

    def check_writable(self) -> None:
        """Raise `RunError` unless the run is open for writing."""
        if self.lock is None:
            expected = "one that is open for writing"
            raise RunError(self.path, "run", expected, "one that is open for reading")

    def check_detected(self) -> None:
        """Raise `RunError` unless detection is finished."""
        if not self.is_done("detection"):
            state = self.manifest.stages["detection"].state
            expected = "done (murid track continues it)"
            raise RunError(self.path, "stages.detection.state", expected, state)

    @property
    def n_parts(self) -> int:
        """Number of parts, counted up to the first that is missing.

        Raises `RunError` if detection is finished and a part of it is missing.
        """
        # Count files: the manifest has the number only once detection is finished.
        number = 0
        while self._has_part(number):
            number += 1
        stage = self.manifest.stages["detection"]
        if self.is_done("detection") and number < stage.n_parts:
            missing = self.part_path("detections", number)
            expected = f"part {number + 1} of {stage.n_parts}"
            raise RunError(missing, "file", expected, "nothing there")
        return number

    def _has_part(self, number: int) -> bool:
        return (
            self.part_path("frames", number).is_file()
            and self.part_path("detections", number).is_file()
        )

    @property
    def n_frames(self) -> int:
        """Number of frames in all parts."""
        if self.is_done("detection"):
            return self.manifest.stages["detection"].n_frames
        n_parts = self.n_parts
        if n_parts == 0:
            return 0
        return self.first_frame(n_parts - 1) + self.count_frames(n_parts - 1)

    @property
    def next_frame(self) -> int:
        """Index of the frame at which detection continues: the first after the last full part."""
        if self.is_done("detection"):
            return self.n_frames
        # A shorter last part is detected again, together with the frames that follow it.
        return self.n_frames // self.manifest.part_frames * self.manifest.part_frames

    def part_path(self, kind: parts.Kind, number: int) -> Path:
        """Path of a part of the given kind."""
        return parts.part_path(self.path, kind, number)

    def first_frame(self, number: int) -> int:
        """Index of the first frame of a part."""
        return number * self.manifest.part_frames

    def count_frames(self, number: int) -> int:
        """Number of frames of a part; raises `RunError` if its file is damaged."""
        return count_rows(self.part_path("frames", number))

    def count_detections(self, number: int) -> int:
        """Number of detections of a part; raises `RunError` if its file is damaged."""
        return count_rows(self.part_path("detections", number))

    def check_complete(self, kind: parts.Kind) -> None:
        """Raise `RunError` if a part of this kind is missing."""
        for number in range(self.n_parts):
            path = self.part_path(kind, number)
            if not path.is_file():
                raise RunError(path, "file", f"the {kind} of every part", "nothing there")


def find_damaged(numbers: Iterable[int], read: Callable[[int], object]) -> list[int]:
    """Return those part numbers whose part `read` finds missing or damaged."""
    damaged = []
    for number in numbers:
        try:
            read(number)
        except (RunError, ArrayError):
            damaged.append(number)
    return damaged

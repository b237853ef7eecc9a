"""What the tracks and the identities of a run have in common: results of a stage, part by part."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from murid.core.types import DetectionTable, Tracks
from murid.errors import RunError
from murid.store import parts
from murid.store.detection_parts import DetectionParts
from murid.store.manifest import StageName
from murid.store.run_state import RunState, find_damaged
from murid.store.side_tables import SideTable, SideTables
from murid.store.summary import Summary


class ResultParts(ABC):
    """Result of a stage that is computed from the detections of a run, part by part.

    Everything that writes raises `RunError` if the run is not open for writing, and `StorageError`
    if the disk is full or writing is not permitted.
    """

    stage: ClassVar[StageName]
    kind: ClassVar[parts.Kind]
    summary_table: ClassVar[SideTable]
    # Command that finishes the stage; error messages name it.
    command: ClassVar[str]
    # Whether a part lacks keypoints that the detections have.
    takes_detected_keypoints: ClassVar[bool]

    def __init__(
        self, state: RunState, detections: DetectionParts, side_tables: SideTables
    ) -> None:
        self._state = state
        self._detections = detections
        self._side_tables = side_tables
        self._summary = Summary()

    def iterate(self, embeddings: bool = False) -> Iterator[tuple[int, Tracks]]:
        """Yield the index of the first frame and the result of each part.

        Parameters
        ----------
        embeddings : bool
            Whether to read the embeddings of the detections as well.

        Raises
        ------
        RunError
            If the stage is not finished, or a part is missing or damaged.
        """
        self.check_done()
        for number in range(self._state.n_parts):
            yield self._state.first_frame(number), self._read_part(number, embeddings)

    def read_part(self, number: int, embeddings: bool = False) -> Tracks:
        """Return the result of one part; raises `RunError` as `iterate`."""
        self.check_done()
        return self._read_part(number, embeddings)

    def check_done(self) -> None:
        """Raise `RunError` unless the stage is finished."""
        if not self._state.is_done(self.stage):
            state = self._state.manifest.stages[self.stage].state
            field = f"stages.{self.stage}.state"
            raise RunError(self._state.path, field, f"done ({self.command})", state)

    def find_damaged(self) -> list[int]:
        """Return the numbers of missing or damaged parts; none unless the stage is finished.

        The detections are taken to be undamaged.
        """
        if not self._state.is_done(self.stage):
            return []
        n_parts = self._state.manifest.stages[self.stage].n_parts
        return find_damaged(range(n_parts), lambda number: self._read_part(number, False))

    def read_summary(self) -> Summary | None:
        """Return the sums over each track or identity, or None where they were not stored."""
        return Summary.read(self._side_tables, self.summary_table)

    def _read_part(self, number: int, embeddings: bool) -> Tracks:
        path = self._state.part_path(self.kind, number)
        keypoints = self.takes_detected_keypoints
        detections = self._detections.read_part(number, embeddings, keypoints)
        return self._read_file(path, self._state.first_frame(number), detections)

    @staticmethod
    @abstractmethod
    def _read_file(path: Path, first_frame: int, detections: DetectionTable) -> Tracks:
        """Return the result of one part from its file; raises `RunError` if it is damaged."""

    def _write_summary(self) -> None:
        """Store the sums that were added while the parts were written, unless some are missing."""
        n_frames = self._state.n_frames
        self._summary.write_if_complete(self._side_tables, self.summary_table, n_frames)

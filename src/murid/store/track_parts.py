"""The tracks of a run: one row per detection that belongs to a track."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from murid.core.types import Tracks
from murid.errors import ArrayError, RunError
from murid.store import parts
from murid.store.detection_parts import DetectionParts
from murid.store.manifest import StageStatus, to_json_values
from murid.store.run_state import RunState, find_damaged
from murid.store.side_tables import TRACK_SUMMARY, SideTables
from murid.store.summary import Summary


class TrackParts:
    """The tracks of a run.

    Everything that writes raises `RunError` if the run is not open for writing, and `StorageError`
    if the disk is full or writing is not permitted.
    """

    def __init__(
        self, state: RunState, detections: DetectionParts, side_tables: SideTables
    ) -> None:
        self._state = state
        self._detections = detections
        self._side_tables = side_tables
        self._summary = Summary()

    def iterate(self, embeddings: bool = False) -> Iterator[tuple[int, Tracks]]:
        """Yield the index of the first frame and the tracks of each part.

        Rows are aligned with the detections. Boxes are those of the tracker where a detection
        belongs to a track, and those of the detector elsewhere.

        Parameters
        ----------
        embeddings : bool
            Whether to read the embeddings of the detections as well.

        Raises
        ------
        RunError
            If tracking is not finished, or a part is missing or damaged.
        """
        self.check_done()
        for number in range(self._state.n_parts):
            yield self._state.first_frame(number), self._read_part(number, embeddings)

    def check_done(self) -> None:
        """Raise `RunError` unless tracking is finished."""
        if not self._state.is_done("tracking"):
            state = self._state.manifest.stages["tracking"].state
            expected = "done (murid track continues it)"
            raise RunError(self._state.path, "stages.tracking.state", expected, state)

    def _read_part(self, number: int, embeddings: bool) -> Tracks:
        path = self._state.part_path("tracks", number)
        detections = self._detections.read_part(number, embeddings)
        return parts.read_tracks(path, self._state.first_frame(number), detections)

    def find_damaged(self) -> list[int]:
        """Return the numbers of missing or damaged parts; none unless tracking is finished.

        The detections are taken to be undamaged.
        """
        if not self._state.is_done("tracking"):
            return []
        n_parts = self._state.manifest.stages["tracking"].n_parts
        return find_damaged(range(n_parts), lambda number: self._read_part(number, False))

    def read_summary(self) -> Summary | None:
        """Return the sums over each track, or None where they were not stored."""
        return Summary.read(self._side_tables, TRACK_SUMMARY)

    def start(self, config: Mapping[str, Any]) -> None:
        """Remove the tracks, and store the settings of new ones.

        Raises `RunError` if detection is not finished.
        """
        self._state.check_detected()
        # The manifest first: after a kill, no finished stage lacks its parts.
        manifest = self._state.manifest.with_stage("tracking", StageStatus("running"))
        settings = {**manifest.config, "tracking": to_json_values(config, "config.tracking")}
        self._state.update(replace(manifest, config=settings))
        self._side_tables.remove_dependents("tracks")
        parts.remove_parts(self._state.path, "tracks")
        self._summary = Summary()

    def write(self, first_frame: int, tracks: Tracks) -> None:
        """Store the tracks of one part: one row per detection of it, id -1 = in no track.

        Raises `ArrayError` if the frames or rows differ from those of the part's detections.
        """
        self._state.check_writable()
        number, offset = divmod(first_frame, self._state.manifest.part_frames)
        n_frames = self._state.count_frames(number)
        n_detections = self._state.count_detections(number)
        fits = tracks.n_frames == n_frames and len(tracks.detections) == n_detections
        if offset or not fits:
            expected = f"{n_frames} frames, {n_detections} detections of a part"
            got = f"{tracks.n_frames} frames, {len(tracks.detections)} detections"
            raise ArrayError("Tracks", expected, f"{got} from frame {first_frame}")
        parts.write_tracks(self._state.part_path("tracks", number), first_frame, tracks)
        self._summary.add(first_frame, tracks)

    def finish(self) -> None:
        """Mark tracking as finished; raises `RunError` if the tracks of a part are missing."""
        state = self._state
        state.check_complete("tracks")
        self._summary.write_if_complete(self._side_tables, TRACK_SUMMARY, state.n_frames)
        status = StageStatus("done", state.n_frames, state.n_parts)
        state.update(state.manifest.with_stage("tracking", status))

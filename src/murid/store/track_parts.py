"""The tracks of a run: one row per detection that belongs to a track."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from murid.core.types import DetectionTable, Tracks
from murid.errors import ArrayError
from murid.store import parts
from murid.store.manifest import StageStatus, to_json_values
from murid.store.result_parts import ResultParts
from murid.store.side_tables import TRACK_SUMMARY
from murid.store.summary import Summary


class TrackParts(ResultParts):
    """The tracks of a run.

    Rows are aligned with the detections. Boxes are those of the tracker where a detection belongs
    to a track, and those of the detector elsewhere; so are keypoints.
    """

    stage = "tracking"
    kind = "tracks"
    summary_table = TRACK_SUMMARY
    takes_detected_keypoints = True
    command = "murid track continues it"

    @staticmethod
    def _read_file(path: Path, first_frame: int, detections: DetectionTable) -> Tracks:
        return parts.read_tracks(path, first_frame, detections)

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
        self._write_summary()
        status = StageStatus("done", state.n_frames, state.n_parts)
        state.update(state.manifest.with_stage("tracking", status))

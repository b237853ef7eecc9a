"""The identities of a run: which animal each detection is, interpolated positions included."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from murid.core.types import Bool, DetectionTable, Float32, Int64, Tracks, UInt8
from murid.errors import ArrayError, RunError
from murid.store import parts
from murid.store.manifest import AnimalName, Manifest, StageStatus, to_json_values
from murid.store.result_parts import ResultParts
from murid.store.side_tables import CROSSINGS, IDENTITY_SUMMARY
from murid.store.summary import Summary


class IdentityParts(ResultParts):
    """The identities of a run, as track ids.

    Interpolated positions are included; their embeddings are zero. Keypoints are those that
    identification made consistent over time.

    Attributes
    ----------
    before_rewrite : callable or None
        Called before stored identities are removed or replaced, so that those who read them in
        other threads can be made to wait.
    """

    before_rewrite: Callable[[], None] | None = None

    stage = "identification"
    kind = "identities"
    summary_table = IDENTITY_SUMMARY
    takes_detected_keypoints = False
    command = "murid identify RUN --animals N identifies the animals"

    @staticmethod
    def _read_file(path: Path, first_frame: int, detections: DetectionTable) -> Tracks:
        return parts.read_identities(path, first_frame, detections)

    def iterate_assignments(self) -> Iterator[tuple[Int64, Int64, Int64, Float32]]:
        """Yield frames, rows, identities and identity probabilities of detections, part by part.

        Detections without an identity and interpolated positions are left out. Raises `RunError`
        as `iterate` does.
        """
        self.check_done()
        for number in range(self._state.n_parts):
            yield self.read_assignments(number)

    def read_assignments(self, number: int) -> tuple[Int64, Int64, Int64, Float32]:
        """Return frames, rows, identities and probabilities of the detections of one part.

        Raises `RunError` if it is missing or damaged.
        """
        return parts.read_assignments(self._state.part_path("identities", number))

    def read_presence(self, number: int) -> tuple[Int64, Int64, Float32, Bool]:
        """Return frames, identities, probabilities and interpolated of the boxes of one part.

        Raises `RunError` as `read_part`, which reads the boxes as well.
        """
        self.check_done()
        return parts.read_presence(self._state.part_path("identities", number))

    def read_crossings(self) -> list[dict[str, Any]]:
        """Return the doubtful crossings, the most doubtful first: one dictionary per crossing.

        Keys: ``first_frame``, ``last_frame``, ``identity_a``, ``identity_b``, ``swap_probability``,
        and, but for runs of older versions, ``lasting_probability`` and ``interval_frames``. Empty
        unless identification is finished. Raises `RunError` if the file is missing or damaged.
        """
        if not self._state.is_done("identification"):
            return []
        columns = self._side_tables.read(CROSSINGS)
        if columns is None:
            path = CROSSINGS.path(self._state.path)
            raise RunError(path, "file", "the crossings of a finished stage", "nothing there")
        lists = [column.tolist() for column in columns.values()]
        return [dict(zip(columns, row, strict=True)) for row in zip(*lists, strict=True)]

    def start(self, config: Mapping[str, Any]) -> None:
        """Remove identities, names and corrections in the manifest, and store new settings.

        Raises `RunError` if detection is not finished.
        """
        self._state.check_detected()
        plain = to_json_values(config, "config.identification")
        self._replace(StageStatus("running"), {**self._config, "identification": plain})

    def remove(self) -> None:
        """Remove the identities: the tracks are the result of the run again."""
        others = dict(self._config)
        others.pop("identification", None)
        self._replace(StageStatus(), others)

    @property
    def _config(self) -> Mapping[str, Mapping[str, Any]]:
        return self._state.manifest.config

    def _replace(self, status: StageStatus, config: Mapping[str, Mapping[str, Any]]) -> None:
        self._state.check_writable()
        if self.before_rewrite is not None:
            self.before_rewrite()
        # The manifest first: after a kill, no finished stage lacks its parts.
        manifest: Manifest = self._state.manifest.with_stage("identification", status)
        self._state.update(replace(manifest, config=config, names={}, corrections={}))
        self._side_tables.remove_dependents("identities")
        parts.remove_parts(self._state.path, "identities")
        self._summary = Summary()

    def write(
        self, first_frame: int, rows: Int64, tracks: Tracks, sources: UInt8 | None = None
    ) -> None:
        """Store the identities of one part.

        Parameters
        ----------
        first_frame : int
            First frame of the part.
        rows : ndarray
            ``(N,)`` int64: row of each detection within its frame; -1 = interpolated.
        tracks : Tracks
            Identities as track ids, ordered by frame.
        sources : ndarray, optional
            ``(N,)`` uint8 index in `murid.core.types.SOURCES`: who says which animal it is; the
            program by default.

        Raises
        ------
        ArrayError
            If the frames are not those of the part.
        """
        self._state.check_writable()
        number, offset = divmod(first_frame, self._state.manifest.part_frames)
        n_frames = self._state.count_frames(number)
        if offset or tracks.n_frames != n_frames:
            got = f"{tracks.n_frames} frames from frame {first_frame}"
            raise ArrayError("Tracks", f"the {n_frames} frames of a part", got)
        path = self._state.part_path("identities", number)
        parts.write_identities(path, first_frame, rows, tracks, sources)
        self._summary.add(first_frame, tracks)

    def finish(
        self,
        crossings: Mapping[str, NDArray[Any]],
        note: str | None = None,
        corrections: Mapping[str, Any] | None = None,
    ) -> None:
        """Mark identification as finished.

        Parameters
        ----------
        crossings : mapping of str to ndarray
            Doubtful crossings: the columns of `murid.store.side_tables.CROSSINGS`.
        note : str, optional
            Shown to the user.
        corrections : mapping, optional
            The corrections that the identities follow from, as `Manifest.corrections`.

        Raises
        ------
        RunError
            If the identities of a part are missing.
        """
        state = self._state
        state.check_complete("identities")
        self._write_summary()
        self._side_tables.write(CROSSINGS, crossings)
        status = StageStatus("done", state.n_frames, state.n_parts, note)
        manifest = state.manifest.with_stage("identification", status)
        plain = to_json_values(corrections or {}, "corrections")
        state.update(replace(manifest, corrections=plain))

    def write_corrections(self, summary: Mapping[str, Any]) -> None:
        """Store from which corrections the identities follow, as `Manifest.corrections`.

        Raises `RunError` if identification is not finished.
        """
        self.check_done()
        plain = to_json_values(summary, "corrections")
        self._state.update(replace(self._state.manifest, corrections=plain))

    def write_names(self, names: Mapping[int, AnimalName]) -> None:
        """Store the names of identities; raises `RunError` if identification is not finished."""
        self.check_done()
        self._state.update(replace(self._state.manifest, names=dict(names)))

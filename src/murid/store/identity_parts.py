"""The identities of a run: which animal each detection is, interpolated positions included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from murid.core.types import Float32, Int64, Tracks
from murid.errors import ArrayError, RunError
from murid.store import parts
from murid.store.detection_parts import DetectionParts
from murid.store.manifest import AnimalName, Manifest, StageStatus, to_json_values
from murid.store.run_state import RunState, find_damaged
from murid.store.side_tables import CROSSINGS, IDENTITY_SUMMARY, SideTables
from murid.store.summary import Summary


class IdentityParts:
    """The identities of a run.

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
        """Yield the index of the first frame and the identities of each part, as track ids.

        Interpolated positions are included; their embeddings are zero.

        Parameters
        ----------
        embeddings : bool
            Whether to read the embeddings of the detections as well.

        Raises
        ------
        RunError
            If identification is not finished, or a part is missing or damaged.
        """
        self.check_done()
        for number in range(self._state.n_parts):
            yield self._state.first_frame(number), self._read_part(number, embeddings)

    def iterate_assignments(self) -> Iterator[tuple[Int64, Int64, Int64, Float32]]:
        """Yield frames, rows, identities and identity probabilities of detections, part by part.

        Detections without an identity and interpolated positions are left out. Raises `RunError`
        as `iterate` does.
        """
        self.check_done()
        for number in range(self._state.n_parts):
            yield parts.read_assignments(self._state.part_path("identities", number))

    def check_done(self) -> None:
        """Raise `RunError` unless identification is finished."""
        if not self._state.is_done("identification"):
            state = self._state.manifest.stages["identification"].state
            expected = "done (murid identify RUN --animals N identifies the animals)"
            raise RunError(self._state.path, "stages.identification.state", expected, state)

    def _read_part(self, number: int, embeddings: bool) -> Tracks:
        path = self._state.part_path("identities", number)
        detections = self._detections.read_part(number, embeddings)
        return parts.read_identities(path, self._state.first_frame(number), detections)

    def find_damaged(self) -> list[int]:
        """Return the numbers of missing or damaged parts; none unless identification is finished.

        The detections are taken to be undamaged.
        """
        if not self._state.is_done("identification"):
            return []
        n_parts = self._state.manifest.stages["identification"].n_parts
        return find_damaged(range(n_parts), lambda number: self._read_part(number, False))

    def read_summary(self) -> Summary | None:
        """Return the sums over each identity, or None where they were not stored."""
        return Summary.read(self._side_tables, IDENTITY_SUMMARY)

    def read_crossings(self) -> list[dict[str, Any]]:
        """Return the doubtful crossings, the most doubtful first: one dictionary per crossing.

        Keys: ``first_frame``, ``last_frame``, ``identity_a``, ``identity_b`` and
        ``swap_probability``. Empty unless identification is finished. Raises `RunError` if the
        file is missing or damaged.
        """
        if not self._state.is_done("identification"):
            return []
        columns = self._side_tables.read(CROSSINGS)
        if columns is None:
            path = CROSSINGS.path(self._state.path)
            raise RunError(path, "file", "the crossings of a finished stage", "nothing there")
        lists = [columns[name].tolist() for name in CROSSINGS.columns]
        return [dict(zip(CROSSINGS.columns, row, strict=True)) for row in zip(*lists, strict=True)]

    def start(self, config: Mapping[str, Any]) -> None:
        """Remove the identities and their names, and store the settings of new ones.

        Raises `RunError` if detection is not finished.
        """
        self._state.check_detected()
        plain = to_json_values(config, "config.identification")
        self._replace(StageStatus("running"), {**self._config, "identification": plain})

    def remove(self) -> None:
        """Remove the identities: the tracks are the result of the run again."""
        others = {name: own for name, own in self._config.items() if name != "identification"}
        self._replace(StageStatus(), others)

    @property
    def _config(self) -> Mapping[str, Mapping[str, Any]]:
        return self._state.manifest.config

    def _replace(self, status: StageStatus, config: Mapping[str, Mapping[str, Any]]) -> None:
        # The manifest first: after a kill, no finished stage lacks its parts.
        manifest: Manifest = self._state.manifest.with_stage("identification", status)
        self._state.update(replace(manifest, config=config, names={}))
        self._side_tables.remove_dependents("identities")
        parts.remove_parts(self._state.path, "identities")
        self._summary = Summary()

    def write(self, first_frame: int, rows: Int64, tracks: Tracks) -> None:
        """Store the identities of one part.

        Parameters
        ----------
        first_frame : int
            First frame of the part.
        rows : ndarray
            ``(N,)`` int64: row of each detection within its frame; -1 = interpolated.
        tracks : Tracks
            Identities as track ids, ordered by frame.

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
        parts.write_identities(path, first_frame, rows, tracks)
        self._summary.add(first_frame, tracks)

    def finish(self, crossings: Mapping[str, NDArray[Any]], note: str | None = None) -> None:
        """Mark identification as finished.

        Parameters
        ----------
        crossings : mapping of str to ndarray
            Doubtful crossings: the columns of `murid.store.side_tables.CROSSINGS`.
        note : str, optional
            Shown to the user.

        Raises
        ------
        RunError
            If the identities of a part are missing.
        """
        state = self._state
        state.check_complete("identities")
        self._summary.write_if_complete(self._side_tables, IDENTITY_SUMMARY, state.n_frames)
        self._side_tables.write(CROSSINGS, crossings)
        status = StageStatus("done", state.n_frames, state.n_parts, note)
        state.update(state.manifest.with_stage("identification", status))

    def write_names(self, names: Mapping[int, AnimalName]) -> None:
        """Store the names of identities; raises `RunError` if identification is not finished."""
        self.check_done()
        self._state.update(replace(self._state.manifest, names=dict(names)))

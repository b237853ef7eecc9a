"""What a run directory holds, read one part at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from murid.core.types import DetectionTable, Float32, Int64, Tracks
from murid.errors import ArrayError, RunError
from murid.store import parts
from murid.store.frame_table import FrameTable
from murid.store.manifest import Manifest, StageName
from murid.store.parquet import count_rows
from murid.store.summary import Summary

CROSSINGS_NAME = "crossings.parquet"


class RunReader:
    """The reading half of a run directory.

    Memory does not grow with the length of the video, unless whole columns are asked for with
    ``read_...``.

    Attributes
    ----------
    path : Path
        The directory.
    manifest : Manifest
        What it says about itself.
    """

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path, self.manifest = path, manifest

    def is_done(self, stage: StageName) -> bool:
        """Whether a stage is finished."""
        return self.manifest.stages[stage].state == "done"

    @property
    def n_parts(self) -> int:
        """Parts that are there, counted up to the first that is missing.

        Raises `RunError` if detection is done and a part of it is missing.
        """
        number, stage = 0, self.manifest.stages["detection"]
        while all(
            parts.part_path(self.path, kind, number).is_file() for kind in ("frames", "detections")
        ):
            number += 1
        if self.is_done("detection") and number < stage.n_parts:
            missing = parts.part_path(self.path, "detections", number)
            raise RunError(
                missing, "file", f"part {number + 1} of {stage.n_parts}", "nothing there"
            )
        return number

    @property
    def n_frames(self) -> int:
        """Frames in the parts that are there."""
        if self.is_done("detection"):
            return self.manifest.stages["detection"].n_frames
        n_parts = self.n_parts
        return (
            (n_parts - 1) * self.manifest.part_frames + self._count_frames(n_parts - 1)
            if n_parts
            else 0
        )

    @property
    def next_frame(self) -> int:
        """Index of the frame at which detection goes on: the first after the last full part."""
        if self.is_done("detection"):
            return self.n_frames
        return self.n_frames // self.manifest.part_frames * self.manifest.part_frames

    @property
    def embeddings_every(self) -> int:
        """Embeddings are there of every so many-th frame; rows of the others are zero.

        Raises `RunError` if the manifest says something else than a number above 0.
        """
        every = self.manifest.config.get("detection", {}).get("embeddings_every", 1)
        if not isinstance(every, int) or every < 1:
            raise RunError(
                self.path, "config.detection.embeddings_every", "a number above 0", repr(every)
            )
        return every

    def _count_frames(self, number: int) -> int:
        return count_rows(parts.part_path(self.path, "frames", number))

    def iterate_frames(self) -> Iterator[FrameTable]:
        """Yield the frames of each part: their times, and which could not be decoded; raises `RunError`."""
        for number in range(self.n_parts):
            yield parts.read_frames(
                parts.part_path(self.path, "frames", number), self._first_frame(number)
            )

    def iterate_detections(self, embeddings: bool = True) -> Iterator[tuple[int, DetectionTable]]:
        """Yield the index of the first frame and the detections of each part, also of an unfinished run.

        Rows of frames whose embeddings were not kept (`embeddings_every`) have embeddings of zeros.

        Parameters
        ----------
        embeddings : bool
            Whether to read them, as float32 unit rows rounded to float16 before.

        Raises
        ------
        RunError
            If a part is missing or damaged.
        """
        for number in range(self.n_parts):
            yield self._first_frame(number), self._read_detections(number, embeddings)

    def iterate_embeddings(self) -> Iterator[tuple[int, Float32]]:
        """Yield the first row of each part, counted over the whole recording, and its embeddings, where it has any."""
        first_row = 0
        for _, table in self.iterate_detections():
            if table.embeddings is not None:
                yield first_row, table.embeddings
            first_row += len(table)

    def iterate_tracks(
        self, embeddings: bool = False, *, associated: bool = False
    ) -> Iterator[tuple[int, Tracks]]:
        """Yield the index of the first frame and the tracks of each part.

        Where identities were told, a track is an identity, filled-in positions included; else
        tracks are aligned with the detections, boxes are the tracker's where a detection belongs to
        a track, and the detector's elsewhere.

        Parameters
        ----------
        embeddings : bool
            Whether to read them as well.
        associated : bool
            Whether to yield the tracks of the association though identities were told.

        Raises
        ------
        RunError
            If tracking is not finished, or a part is missing or damaged.
        """
        if not self.is_done("tracking"):
            raise RunError(
                self.path,
                "stages.tracking.state",
                "done (murid track goes on)",
                self.manifest.stages["tracking"].state,
            )
        told = self.is_done("identification") and not associated
        kind: parts.Kind = "identities" if told else "tracks"
        read = parts.read_identities if told else parts.read_tracks
        for first, detections in self.iterate_detections(embeddings):
            path = parts.part_path(self.path, kind, first // self.manifest.part_frames)
            yield first, read(path, first, detections)

    def read_crossings(self) -> list[dict[str, Any]]:
        """Doubtful crossings of identities, the most doubtful first: two identities, frames, and chance of an exchange.

        Raises `RunError` if the file is missing or damaged.
        """
        if not self.is_done("identification"):
            return []
        columns = parts.read_crossings(self.path / CROSSINGS_NAME)
        rows = zip(*(columns[name].tolist() for name in columns), strict=True)
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def read_summary(self) -> list[dict[str, Any]]:
        """First and last frame, frames seen and filled in, mean score and certainty of each track, by id.

        A track is what `iterate_tracks` says. Raises `RunError` as that does.
        """
        kind: parts.Kind = "identities" if self.is_done("identification") else "tracks"
        summary = Summary.load(parts.summary_path(self.path, kind))
        if summary is None:
            summary = Summary()
            for first, tracks in self.iterate_tracks():
                summary.add(first, tracks)
        return summary.to_rows()

    def list_unreadable(self) -> list[int]:
        """Frames that could not be decoded; raises `RunError` if a part is damaged."""
        paths = [(k, parts.part_path(self.path, "frames", k)) for k in range(self.n_parts)]
        return [
            index
            for k, path in paths
            for index in parts.read_unreadable(path, self._first_frame(k))
        ]

    def iterate_owners(self) -> Iterator[tuple[Int64, Int64, Int64, Float32]]:
        """Yield frames, rows, identities and certainties of the detections that have an identity, part by part.

        Raises `RunError` if identities were not told, or a part is damaged.
        """
        if not self.is_done("identification"):
            state, expected = (
                self.manifest.stages["identification"].state,
                "done (murid identify RUN --animals N tells them)",
            )
            raise RunError(self.path, "stages.identification.state", expected, state)
        for number in range(self.n_parts):
            yield parts.read_owners(parts.part_path(self.path, "identities", number))

    def read_colour_features(self) -> tuple[Int64, Int64, Float32] | None:
        """Frames, rows and looks in plain terms ``(n, c)`` of some detections; None where none were measured.

        Raises `RunError` if the file is damaged.
        """
        path = self.path / parts.COLOUR_FEATURES_NAME
        if not path.is_file():
            return None
        frames, rows, colour_features = parts.read_looks(path, "colour_features")
        return frames, rows, colour_features.astype(np.float32)

    def read_fur_descriptors(self) -> tuple[Int64, Int64, NDArray[np.float16]] | None:
        """Frames, rows and prints of the fur ``(n, p)`` of some detections; None where none were taken.

        Raises `RunError` if the file is damaged.
        """
        path = self.path / parts.FUR_DESCRIPTORS_NAME
        if not path.is_file():
            return None
        frames, rows, fur_descriptors = parts.read_looks(path, "print")
        return frames, rows, fur_descriptors.astype(np.float16)

    def read_point_matches(self) -> dict[str, NDArray[Any]] | None:
        """Columns of points of fur followed from detection to detection; None where none were followed.

        Raises `RunError` if the file is damaged.
        """
        path = self.path / parts.POINT_MATCHES_NAME
        return parts.read_point_matches(path) if path.is_file() else None

    def read_frames(self) -> FrameTable:
        """Read the frames of all parts; raises `RunError`."""
        return FrameTable.concatenate(list(self.iterate_frames()))

    def read_detections(self, embeddings: bool = True) -> DetectionTable:
        """Read the detections of all parts; raises `RunError` as `iterate_detections` does."""
        return parts.concatenate([table for _, table in self.iterate_detections(embeddings)])

    def read_tracks(self, embeddings: bool = False) -> Tracks:
        """Read the tracks of all parts; raises `RunError` as `iterate_tracks` does."""
        stretches = [tracks for _, tracks in self.iterate_tracks(embeddings)]
        track_ids = np.concatenate(
            [np.zeros(0, np.int64), *(tracks.track_ids for tracks in stretches)]
        )
        interpolated = [
            tracks.interpolated for tracks in stretches if tracks.interpolated is not None
        ]
        identity_probabilities = [
            tracks.identity_probabilities
            for tracks in stretches
            if tracks.identity_probabilities is not None
        ]
        return Tracks(
            parts.concatenate([tracks.detections for tracks in stretches]),
            track_ids,
            np.concatenate(interpolated) if interpolated else None,
            np.concatenate(identity_probabilities) if identity_probabilities else None,
        )

    def find_damaged(self, kind: Literal["detections", "tracks", "identities"]) -> list[int]:
        """Read every part of a kind, and return the numbers of those that are missing or damaged.

        Frames belong to the detections. Tracks and identities are looked at only where their stage
        is finished, and the detections are taken to be whole.
        """
        stage: dict[str, StageName] = {
            "detections": "detection",
            "tracks": "tracking",
            "identities": "identification",
        }
        state = self.manifest.stages[stage[kind]]
        if kind != "detections" and state.state != "done":
            return []
        numbers = range(state.n_parts if state.state == "done" else self.n_parts)
        return [number for number in numbers if not self._is_whole(kind, number)]

    def _is_whole(self, kind: Literal["detections", "tracks", "identities"], number: int) -> bool:
        try:
            path, first = parts.part_path(self.path, "frames", number), self._first_frame(number)
            detections = self._read_detections(number, embeddings=kind == "detections")
            if kind == "detections":
                parts.read_frames(path, first)
            else:
                read = parts.read_tracks if kind == "tracks" else parts.read_identities
                read(parts.part_path(self.path, kind, number), first, detections)
        except (RunError, ArrayError):
            return False
        return True

    def _read_detections(self, number: int, embeddings: bool) -> DetectionTable:
        path, first = parts.part_path(self.path, "detections", number), self._first_frame(number)
        return parts.read_detections(path, first, self._count_frames(number), embeddings)

    def _first_frame(self, number: int) -> int:
        return number * self.manifest.part_frames

"""A second, closer look at a recording's animals in its video, taken once and kept with the run: prints and ties."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from murid.appearance.fur_descriptors import DESCRIPTOR_SIZE, compute_fur_descriptors
from murid.appearance.point_tracker import BODY_PX, PointTracker
from murid.core import Frame
from murid.core.progress import ProgressCallback
from murid.core.types import DetectionTable, Int64, UInt8
from murid.errors import RunError
from murid.identification import IdentificationConfig
from murid.identification.occlusion import find_unoccluded
from murid.identification.point_matches import (
    MAX_MATCH_S,
    N_VISITS,
    PointMatchCounter,
    PointMatches,
)
from murid.identification.tracklet_features import FurDescriptors
from murid.identification.tracklets import compute_reach, count_up, find_tracklets, measure_body_px
from murid.store import RunDirectory
from murid.store.side_tables import FUR_DESCRIPTORS, POINT_MATCHES
from murid.video import FrameSource, open_source, sample_frames
from murid.video.background_model import fit_static_background
from murid.video.prefetch import prefetch
from murid.video.resize import downscale

MAX_DESCRIPTORS = 100_000
"""Prints of one recording at most, spread evenly over it."""
AROUND_S = 1.0
"""Time before a tracklet ends, and after it began, in which points are followed."""
_N_BACKDROP_FRAMES = 60
_LONGEST_SIDE = 1280
_LEAST_SCORE = 0.3
_N_AHEAD = 8


def run_second_pass(
    run: RunDirectory, report: ProgressCallback
) -> tuple[FurDescriptors, PointMatches]:
    """Prints and ties that a run has, or take them from its video.

    Parameters
    ----------
    run : RunDirectory
        Held for writing, detection done.
    report : callable
        Told of progress.

    Returns
    -------
    fur_descriptors : Prints
        Fur of animals up close; none where the camera moves.
    point_matches : Ties
        Points of fur that were followed while animals touched; none where the camera moves.

    Raises
    ------
    RunError
        If the video is another one by now, or what is stored is damaged.
    SourceError
        If it cannot be opened.
    StorageError
        If the run cannot be written to.
    """
    table = run.detections.read(embeddings=False)
    kept = run.side_tables.read(FUR_DESCRIPTORS)
    tied = run.side_tables.read(POINT_MATCHES)
    if kept is None or tied is None:
        fur_descriptors, point_matches = _take(_open_video(run), table, report)
        frames, rows = _locate(fur_descriptors.rows, table)
        values = np.asarray(fur_descriptors.values, np.float32)
        run.side_tables.write_second_pass(
            {"frame": frames, "row": rows, "fur_descriptor": values},
            _to_columns(point_matches, table),
        )
        kept = run.side_tables.read(FUR_DESCRIPTORS)
        tied = run.side_tables.read(POINT_MATCHES)
    assert kept is not None
    assert tied is not None
    fur_rows = _find_rows(kept["frame"], kept["row"], table, run, FUR_DESCRIPTORS.name)
    return FurDescriptors(fur_rows, kept["fur_descriptor"]), _to_ties(tied, table, run)


def _locate(rows: Int64, table: DetectionTable) -> tuple[Int64, Int64]:
    """Frames of rows of all detections, and rows within these."""
    frames = table.frame_numbers[rows]
    return frames, rows - table.frame_offsets[frames]


def _find_rows(
    frames: Int64, rows: Int64, table: DetectionTable, run: RunDirectory, name: str
) -> Int64:
    """Rows of all detections; raises `RunError` if there are none such."""
    inside = (frames >= 0) & (frames < table.n_frames) & (rows >= 0)
    places: Int64 = table.frame_offsets[np.where(inside, frames, 0)] + rows
    if not (inside & (places < table.frame_offsets[np.where(inside, frames, 0) + 1])).all():
        raise RunError(run.path, name, "rows of the run's detections", "others")
    return places


def _to_columns(
    point_matches: PointMatches, table: DetectionTable
) -> dict[str, NDArray[np.generic]]:
    """Ties with a row for each detection that points were on before."""
    tie, place = np.nonzero(point_matches.before >= 0)
    (frames, rows), (before, rows_before) = (
        _locate(k, table) for k in (point_matches.after[tie], point_matches.before[tie, place])
    )
    columns = (
        tie.astype(np.int64),
        frames,
        rows,
        before,
        rows_before,
        point_matches.counts[tie, place],
    )
    return dict(zip(POINT_MATCHES.columns, columns, strict=True))


def _to_ties(
    columns: dict[str, NDArray[np.generic]], table: DetectionTable, run: RunDirectory
) -> PointMatches:
    tie, frames, rows, before, rows_before, points = (
        np.asarray(columns[name]) for name in POINT_MATCHES.columns
    )
    starts = np.flatnonzero(np.append(True, tie[1:] != tie[:-1])[: len(tie)])
    sizes = np.diff(np.append(starts, len(tie)))
    if (sizes > N_VISITS).any():
        raise RunError(
            run.path, POINT_MATCHES.name, f"{N_VISITS} rows of a tie at most", str(sizes.max())
        )
    at = np.repeat(np.arange(len(starts)), sizes), count_up(sizes)
    after = _find_rows(frames, rows, table, run, POINT_MATCHES.name)[starts]
    shape = len(starts), N_VISITS
    point_matches = PointMatches(after, np.full(shape, -1, np.int64), np.zeros(shape, np.float32))
    point_matches.before[at], point_matches.counts[at] = (
        _find_rows(before, rows_before, table, run, POINT_MATCHES.name),
        points,
    )
    return point_matches


def _open_video(run: RunDirectory) -> FrameSource:
    source = open_source(run.manifest.source)
    if source.compute_fingerprint() != dict(run.manifest.fingerprint):
        raise RunError(
            run.path,
            "fingerprint",
            "the video that the run was made of",
            f"another {run.manifest.source}",
        )
    return source


def _take(
    source: FrameSource, table: DetectionTable, report: ProgressCallback
) -> tuple[FurDescriptors, PointMatches]:
    usable = table.scores >= _LEAST_SCORE
    body_px = measure_body_px(table.boxes[usable], table.scores[usable])
    sampled = [frame.image for frame in sample_frames(source, _N_BACKDROP_FRAMES)]
    fur_descriptors = _PrintTaker(table, usable, body_px, sampled)
    point_matches = _PointWatcher(table, usable, body_px, source.info.fps, sampled)
    for frame in (
        prefetch(source.iterate(0), _N_AHEAD)
        if fur_descriptors.background and point_matches.background
        else ()
    ):
        if isinstance(frame, Frame) and frame.index < table.n_frames:
            first, last = table.frame_offsets[frame.index : frame.index + 2].tolist()
            rows = first + np.flatnonzero(usable[first:last])
            fur_descriptors.see(frame, rows)
            point_matches.see(frame, rows)
        report("refine", frame.index + 1, table.n_frames)
    return fur_descriptors.finish(), point_matches.finish()


class _PrintTaker:
    """Prints of the clear ones of all detections, as long as these are not too many."""

    def __init__(
        self,
        table: DetectionTable,
        usable: NDArray[np.bool_],
        body_px: float,
        sampled: Sequence[UInt8],
    ) -> None:
        self._boxes, self._clear, self._body_px = (
            table.boxes,
            find_unoccluded(table, usable),
            body_px,
        )
        self._every = max(1, -(-int(self._clear.sum()) // MAX_DESCRIPTORS))
        self.background = fit_static_background(
            [downscale(image, _LONGEST_SIDE)[0] for image in sampled]
        )
        self._rows, self._values = (
            [np.zeros(0, np.int64)],
            [np.zeros((0, DESCRIPTOR_SIZE), np.float32)],
        )

    def see(self, frame: Frame, rows: Int64) -> None:
        """Take those of a frame, where all `rows` are."""
        image, factor = downscale(frame.image, _LONGEST_SIDE)
        if (
            self.background is None
            or frame.index % self._every
            or image.shape != self.background.image.shape
        ):
            return
        own = rows[self._clear[rows]]
        boxes, others = self._boxes[own] * factor, self._boxes[rows] * factor
        found = compute_fur_descriptors(
            image, boxes, self.background, self._body_px * float(factor), others
        )
        some = np.isfinite(found[:, 0])
        self._rows.append(own[some])
        self._values.append(found[some])

    def finish(self) -> FurDescriptors:
        """All that were taken."""
        return FurDescriptors(np.concatenate(self._rows), np.concatenate(self._values))


class _PointWatcher:
    """Ties of tracklets, from points on animals that are about to touch others or to vanish, until they are alone."""

    def __init__(
        self,
        table: DetectionTable,
        usable: NDArray[np.bool_],
        body_px: float,
        fps: float,
        sampled: Sequence[UInt8],
    ) -> None:
        self._boxes, self._factor = table.boxes, min(1.0, BODY_PX / body_px)
        self.background = fit_static_background([self._shrink(image) for image in sampled])
        self._follower = (
            PointTracker(self.background, body_px * self._factor) if self.background else None
        )
        self._counter = PointMatchCounter(round(MAX_MATCH_S * fps))
        apart = find_unoccluded(table, usable)
        chained = table.scores >= IdentificationConfig().min_score
        tracklets = find_tracklets(table, chained, body_px, compute_reach(fps))
        lengths, around = np.repeat(tracklets.lengths, tracklets.lengths), round(AROUND_S * fps)
        age = count_up(tracklets.lengths)
        self._numbers, self._ending, self._begun = np.full(len(table), -1), ~apart, ~apart
        self._ending[tracklets.rows] |= lengths - age <= around
        self._begun[tracklets.rows] |= age < around
        self._numbers[tracklets.rows] = tracklets.numbers
        self._numbers[~apart] = -1  # where animals touch, a box holds points of both
        self._last_frame = -1

    def _shrink(self, image: UInt8) -> UInt8:
        return downscale(image, max(1, round(max(image.shape[:2]) * self._factor)))[0]

    def see(self, frame: Frame, rows: Int64) -> None:
        """Follow the points into a frame, where all `rows` are."""
        follower = self._follower
        if follower is None or not (len(follower) or self._ending[rows].any()):
            return
        image = self._shrink(frame.image)
        if image.shape != follower.shape:
            return
        boxes = self._boxes[rows] * np.float32(image.shape[1] / frame.image.shape[1])
        if frame.index != self._last_frame + 1:
            follower.forget()
        self._last_frame = frame.index
        self._counter.keep(follower.follow(image, boxes))
        owners = follower.find_owners(boxes)
        on = np.append(rows, -1)[owners]
        self._counter.update(frame.index, np.where(on >= 0, self._numbers[on], -1), on)
        wanted = (on < 0) | self._begun[on] | self._ending[on]
        follower.keep(wanted)
        self._counter.keep(np.flatnonzero(wanted))
        self._counter.seed(follower.seed(boxes, self._ending[rows]))

    def finish(self) -> PointMatches:
        """All that were found."""
        return self._counter.finish()

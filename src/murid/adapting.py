"""Prints of the fur of a recording's animals: taken from its video once, and kept with the run."""

from __future__ import annotations

import numpy as np

from murid.backgrounds import shrink
from murid.core import Frame
from murid.core.progress import Report
from murid.core.types import DetectionTable, Float32, Int64, UInt8
from murid.detect.backdrop import Backdrop, fit_still_backdrop
from murid.detect.prints import N_PRINTS, measure_prints
from murid.errors import RunError
from murid.identify.pieces import Prints
from murid.identify.tracklets import find_clear, measure_body_px
from murid.store import RunDirectory
from murid.video import FrameSource, open_source, sample_frames
from murid.video.ahead import read_ahead

MOST_PRINTS = 100_000
"""Prints of one recording at most, spread evenly over it."""
_N_BACKDROP_FRAMES = 60
_LONGEST_SIDE = 1280
_LEAST_SCORE = 0.3
_N_AHEAD = 8


def gather_prints(run: RunDirectory, report: Report) -> Prints:
    """Prints that a run has, or take them from its video.

    Parameters
    ----------
    run : RunDirectory
        Held for writing, detection done.
    report : callable
        Told of progress.

    Returns
    -------
    Prints
        None in it where the camera moves.

    Raises
    ------
    RunError
        If the video is another one by now, or stored prints are damaged.
    SourceError
        If it cannot be opened.
    StorageError
        If the run cannot be written to.
    """
    table = run.read_detections(embeddings=False)
    kept = run.read_prints()
    if kept is None:
        run.write_prints(*_take(_open_video(run), table, report))
        kept = run.read_prints()
    assert kept is not None
    frames, rows, values = kept
    inside = (frames >= 0) & (frames < table.n_frames) & (rows >= 0)
    places = table.frame_offsets[np.where(inside, frames, 0)] + rows
    if not (inside & (places < table.frame_offsets[np.where(inside, frames, 0) + 1])).all():
        raise RunError(run.path, "prints.parquet", "rows of the run's detections", "others")
    return Prints(places, values)


def _open_video(run: RunDirectory) -> FrameSource:
    source = open_source(run.manifest.source)
    if source.compute_fingerprint() != dict(run.manifest.fingerprint):
        raise RunError(run.path, "fingerprint", "the video that the run was made of", f"another {run.manifest.source}")
    return source


def _take(source: FrameSource, table: DetectionTable, report: Report) -> tuple[Int64, Int64, Float32]:
    """Frames, rows and prints of clear sights."""
    usable = table.scores >= _LEAST_SCORE
    clear = find_clear(table, usable)
    body_px = measure_body_px(table.boxes[usable], table.scores[usable])
    every = max(1, -(-int(clear.sum()) // MOST_PRINTS))
    sampled = sample_frames(source, _N_BACKDROP_FRAMES)
    backdrop = fit_still_backdrop([shrink(frame.image, _LONGEST_SIDE)[0] for frame in sampled])
    frames, rows, values = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros((0, N_PRINTS), np.float32)]
    for frame in read_ahead(source.iterate(0), _N_AHEAD) if backdrop is not None else ():
        if isinstance(frame, Frame) and frame.index % every == 0 and frame.index < table.n_frames:
            assert backdrop is not None
            first, last = table.frame_offsets[frame.index : frame.index + 2]
            own = np.flatnonzero(clear[first:last])
            others = table.boxes[first:last][usable[first:last]]
            found = _measure(frame.image, table.boxes[first:last][own], backdrop, body_px, others)
            some = np.isfinite(found[:, 0])
            frames.append(np.full(int(some.sum()), frame.index, np.int64))
            rows.append(own[some])
            values.append(found[some])
        report("adapt", frame.index + 1, table.n_frames)
    return np.concatenate(frames), np.concatenate(rows), np.concatenate(values)


def _measure(image: UInt8, boxes: Float32, backdrop: Backdrop, body_px: float, others: Float32) -> Float32:
    small, factor = shrink(image, _LONGEST_SIDE)
    if small.shape != backdrop.image.shape:
        return np.full((len(boxes), N_PRINTS), np.nan, np.float32)
    return measure_prints(small, boxes * factor, backdrop, body_px * float(factor), others * factor)

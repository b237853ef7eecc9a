"""Association of the stored detections of a run, from its first frame to its last."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from hashlib import sha256
from typing import Any

import numpy as np

from murid.arenas.layout import Layout
from murid.core import Tracks
from murid.core.progress import ProgressCallback
from murid.core.types import Float64
from murid.pipeline.per_arena import ArenaTracker, count_animals
from murid.store import RunDirectory
from murid.tracking import TrackingConfig, find_likely_tracks, select_tracks


def describe_association(
    config: TrackingConfig, motion: Float64 | None, layout: Layout | None
) -> dict[str, Any]:
    """Settings of association, and what else decides its result."""
    settings = asdict(config)
    if layout is not None:
        settings["arena"] = layout.to_dict()
    if motion is not None:
        settings["camera_motion"] = sha256(motion.tobytes()).hexdigest()
    return settings


def associate(
    run: RunDirectory,
    layout: Layout,
    config: TrackingConfig,
    fps: float,
    motion: Float64 | None,
    report: ProgressCallback,
) -> None:
    """Link the stored detections over time: from the beginning, since it takes seconds and depends on all before."""
    likely = None
    if config.scores.min_mean is not None and count_animals(layout, config.max_tracks) is None:
        stretches = (tracks for _, tracks in _follow(run, layout, config, fps, motion))
        likely = find_likely_tracks(
            stretches, config.scores.min_mean, config.scores.relative_min_mean
        )
    for first, tracks in _follow(run, layout, config, fps, motion):
        run.tracks.write(first, tracks if likely is None else select_tracks(tracks, likely))
        report("track", first + tracks.n_frames, run.n_frames)
    run.tracks.finish()


def _follow(
    run: RunDirectory, layout: Layout, config: TrackingConfig, fps: float, motion: Float64 | None
) -> Iterator[tuple[int, Tracks]]:
    """First frame and tracks of one stretch after the other; the camera rests after its last known motion."""
    tracker = ArenaTracker(layout, config, fps, camera_moves=motion is not None)
    for first, table in run.detections.iterate(run.detections.embeddings_every == 1):
        if motion is None:
            yield first, tracker.follow(table)
            continue
        own = motion[first : first + table.n_frames]
        still = np.broadcast_to(np.eye(2, 3), (table.n_frames - len(own), 2, 3))
        yield first, tracker.follow(table, np.concatenate([own, still]))

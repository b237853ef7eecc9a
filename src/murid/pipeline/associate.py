"""Link the stored detections of a run to tracks, from the first frame to the last."""

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
from murid.identification.keypoints.track_keypoints import TrackKeypoints
from murid.pipeline.per_arena import ArenaTracker, count_animals
from murid.store import RunDirectory
from murid.tracking import TrackingConfig, find_likely_tracks, select_tracks


def describe_tracking(config: TrackingConfig, motion: Float64 | None) -> dict[str, Any]:
    """Return the settings of tracking, and what else decides its result, as plain values."""
    settings = asdict(config)
    if motion is not None:
        settings["camera_motion"] = sha256(motion.tobytes()).hexdigest()
    return settings


def associate(
    run: RunDirectory,
    layout: Layout,
    config: TrackingConfig,
    motion: Float64 | None,
    report: ProgressCallback,
) -> None:
    """Link the stored detections over time and store the tracks.

    It always starts at the first frame: it takes seconds, and each frame depends on those before.
    """
    # The tracker is compiled when it is first used, which may take a minute.
    report("track", 0, run.n_frames)
    # With an unknown number of animals, a first pass finds the tracks that are likely animals.
    likely = None
    is_open = count_animals(layout, config.max_tracks) is None
    if is_open and config.scores.min_mean is not None:
        likely = find_likely_tracks(
            (tracks for _, tracks in _track_each_part(run, layout, config, motion)),
            config.scores.min_mean,
            config.scores.relative_min_mean,
        )
    track_keypoints = TrackKeypoints(run.manifest.fps)
    for first_frame, tracks in _track_each_part(run, layout, config, motion):
        kept = tracks if likely is None else select_tracks(tracks, likely)
        times_s = run.frames.read_part(first_frame // run.manifest.part_frames).times_s
        run.tracks.write(first_frame, track_keypoints.resolve(kept, times_s))
        report("track", first_frame + tracks.n_frames, run.n_frames)
    run.tracks.finish()


def _track_each_part(
    run: RunDirectory, layout: Layout, config: TrackingConfig, motion: Float64 | None
) -> Iterator[tuple[int, Tracks]]:
    """Yield the first frame and the tracks of each part; the camera rests after its last motion."""
    manifest = run.manifest
    # A camera's own rate is that with which it was tracked while it recorded: the median rate is
    # known only afterwards, and the tracks must stay those that callbacks got.
    is_live = "live" in manifest.fingerprint
    fps = float(manifest.fingerprint["fps"]) if is_live else manifest.fps
    tracker = ArenaTracker(layout, config, fps, camera_moves=motion is not None)
    has_embeddings = run.detections.embeddings_every == 1
    parts = zip(run.detections.iterate(has_embeddings), run.frames.iterate(), strict=True)
    for (first_frame, table), frames in parts:
        if motion is None:
            yield first_frame, tracker.follow(table, times_s=frames.times_s)
            continue
        known = motion[first_frame : first_frame + table.n_frames]
        # After the last known motion the camera is at rest.
        at_rest = np.broadcast_to(np.eye(2, 3), (table.n_frames - len(known), 2, 3))
        motions = np.concatenate([known, at_rest])
        yield first_frame, tracker.follow(table, motions, frames.times_s)

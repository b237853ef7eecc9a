"""Tracks as trajectories: the position of each animal in each frame, NaN where it is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from murid.core.boxes import compute_centres
from murid.core.keypoints import KEYPOINTS
from murid.core.types import Int64, Trajectories
from murid.export.recording import TrackedRecording
from murid.export.tracks_chunk import TracksChunk

# Frames per HDF5 chunk of a file of trajectories. Larger chunks compress better, but reading one
# frame decodes a whole chunk.
HDF5_CHUNK_FRAMES = 4096


def to_trajectories(
    chunk: TracksChunk,
    track_ids: Int64,
    names: Sequence[str],
    *,
    has_keypoints: bool | None = None,
) -> Trajectories:
    """Return the tracks of a chunk as arrays with axes for time and animal.

    Parameters
    ----------
    chunk : TracksChunk
    track_ids : ndarray
        ``(I,)`` int64, ascending: at least every track id of the chunk.
    names : sequence of str
        Name of each track.
    has_keypoints : bool, optional
        Whether the result has keypoints. By default, it has those of the chunk, if there are any; a
        chunk without detections has none, whatever the rest of its recording has.

    Returns
    -------
    Trajectories
        Of the frames of the chunk; `interpolated`, `merged`, `identity_probability` and `source`
        are None for tracks without identities. Keypoints that are unknown are NaN, and so is their
        confidence.
    """
    tracks = chunk.tracks
    rows = np.flatnonzero(tracks.track_ids >= 0)
    frames = tracks.detections.frame_numbers[rows]
    animals = np.searchsorted(track_ids, tracks.track_ids[rows])
    boxes = tracks.detections.boxes[rows].astype(np.float64)

    position = np.full((tracks.n_frames, 2, len(track_ids)), np.nan)
    position[frames, :, animals] = compute_centres(boxes)
    shape = np.full(position.shape, np.nan)
    shape[frames, :, animals] = boxes[:, 2:] - boxes[:, :2]
    confidence = np.full((tracks.n_frames, len(track_ids)), np.nan)
    confidence[frames, animals] = tracks.detections.scores[rows]

    interpolated = None
    if tracks.interpolated is not None:
        interpolated = np.zeros(confidence.shape, bool)
        interpolated[frames, animals] = tracks.interpolated[rows]
    merged = None
    if tracks.merged is not None:
        merged = np.zeros(confidence.shape, bool)
        merged[frames, animals] = tracks.merged[rows]
    identity_probability = None
    if tracks.identity_probabilities is not None:
        identity_probability = np.full(confidence.shape, np.nan)
        identity_probability[frames, animals] = tracks.identity_probabilities[rows]
    source = None
    if tracks.sources is not None:
        source = np.full(confidence.shape, -1, np.int8)
        source[frames, animals] = tracks.sources[rows]
    keypoints = None
    keypoint_confidence = None
    if has_keypoints or (has_keypoints is None and tracks.detections.keypoints is not None):
        keypoints = np.full((tracks.n_frames, 2, len(KEYPOINTS), len(track_ids)), np.nan)
        keypoint_confidence = np.full((tracks.n_frames, len(KEYPOINTS), len(track_ids)), np.nan)
        if tracks.detections.keypoints is not None:
            found = tracks.detections.keypoints[rows].astype(np.float64)
            keypoints[frames, :, :, animals] = found[:, :, :2].swapaxes(1, 2)
            is_known = np.isfinite(found).all(axis=2)
            keypoint_confidence[frames, :, animals] = np.where(is_known, found[:, :, 2], np.nan)
    return Trajectories(
        chunk.times_s,
        tuple(names),
        position,
        shape,
        confidence,
        interpolated,
        identity_probability,
        merged,
        source,
        keypoints,
        keypoint_confidence,
    )


def iterate_trajectories(recording: TrackedRecording) -> Iterator[tuple[slice, Trajectories]]:
    """Yield the frames of each chunk, as a slice of the video, and its trajectories.

    All trajectories have the same animals in the same order.
    """
    track_ids = recording.summary.track_ids
    names = recording.names
    has_keypoints = recording.summary.has_keypoints
    for chunk in recording:
        frames = slice(chunk.first_frame, chunk.first_frame + len(chunk.times_s))
        yield frames, to_trajectories(chunk, track_ids, names, has_keypoints=has_keypoints)

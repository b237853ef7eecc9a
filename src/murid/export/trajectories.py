"""Tracks as trajectories: where each animal was in each frame, missing frames as NaN."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from murid.core.boxes import compute_centres
from murid.core.types import Int64, Trajectories
from murid.errors import FormatError
from murid.export.recording import TrackedRecording
from murid.export.tracks_chunk import TracksChunk


def to_trajectories(stretch: TracksChunk, track_ids: Int64, names: Sequence[str]) -> Trajectories:
    """Lay the tracks of a stretch out by time and animal.

    Parameters
    ----------
    stretch : TracksChunk
    track_ids : ndarray
        ``(I,)`` int64, ascending: every id in the stretch, and whichever others are wanted.
    names : sequence of str
        Name of each.

    Returns
    -------
    Trajectories
        Of the stretch's frames; `interpolated` and `identity_probability` are None where identities
        were not told.
    """
    tracks = stretch.tracks
    kept = np.flatnonzero(tracks.track_ids >= 0)
    frames, animals = (
        tracks.detections.frame_numbers[kept],
        np.searchsorted(track_ids, tracks.track_ids[kept]),
    )
    boxes = tracks.detections.boxes[kept].astype(np.float64)
    position, shape = np.full((2, tracks.n_frames, 2, len(track_ids)), np.nan)
    position[frames, :, animals], shape[frames, :, animals] = (
        compute_centres(boxes),
        boxes[:, 2:] - boxes[:, :2],
    )
    confidence = np.full((tracks.n_frames, len(track_ids)), np.nan)
    confidence[frames, animals] = tracks.detections.scores[kept]
    interpolated = identity_probability = None
    if tracks.interpolated is not None:
        interpolated = np.zeros(confidence.shape, bool)
        interpolated[frames, animals] = tracks.interpolated[kept]
    if tracks.identity_probabilities is not None:
        identity_probability = np.full(confidence.shape, np.nan)
        identity_probability[frames, animals] = tracks.identity_probabilities[kept]
    return Trajectories(
        stretch.times_s,
        tuple(names),
        position,
        shape,
        confidence,
        interpolated,
        identity_probability,
    )


def iterate_trajectories(recording: TrackedRecording) -> Iterator[tuple[slice, Trajectories]]:
    """Yield the frames of each stretch, as a slice of the whole, and its trajectories, the same animals in each."""
    ids, names = recording.survey.track_ids, recording.names
    for stretch in recording:
        where = slice(stretch.first_frame, stretch.first_frame + len(stretch.times_s))
        yield where, to_trajectories(stretch, ids, names)


def require_animals(recording: TrackedRecording) -> None:
    """Raise `FormatError` unless there is at least one track: arrays by animal and frame cannot hold none."""
    if not len(recording.survey.track_ids):
        raise FormatError(recording.source, "tracks", "at least one animal", "none in any frame")

"""A small recording with everything that can be exported."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from murid.core.types import DetectionTable, Tracks
from murid.corrections.summary import CorrectionsSummary
from murid.export.recording import TrackedRecording
from murid.export.tracks_chunk import TracksChunk

N_FRAMES = 7


def make_recording(
    *, identified: bool = True, times_s: np.ndarray | None = None, **changes
) -> TrackedRecording:
    """Animals 3 and 7 in chunks of four and three frames; 7 is missing in frame 2, both in frame 5.

    In frame 4, the position of 3 is interpolated, and in frame 3, both boxes are merged. Ids are in
    descending order within a frame, and frame 0 has a box of no track."""
    times = np.arange(N_FRAMES) / 25 if times_s is None else times_s
    return TrackedRecording(
        **{
            "source": "/videos/cage 1.mp4",
            "width": 640,
            "height": 480,
            "fps": 25.0,
            "n_frames": N_FRAMES,
            "identified": identified,
            "read_chunks": lambda: [
                _make_chunk(0, times[:4], identified),
                _make_chunk(4, times[4:], identified),
            ],
            "fingerprint": "abc",
            "tracked_at": datetime(2026, 5, 4, 9, tzinfo=UTC),
            **changes,
        }
    )


def _make_chunk(first: int, times_s: np.ndarray, identified: bool) -> TracksChunk:
    boxes, scores, ids, interpolated, identity_probabilities, counts = [], [], [], [], [], []
    for frame in range(first, first + len(times_s)):
        present = {2: [3], 5: []}.get(frame, [7, -1, 3] if frame == 0 else [7, 3])
        for i in present:
            boxes.append([10 * i + frame / 8, 20, 10 * i + 30 + frame / 4, 60.1])
            is_interpolated = identified and (frame, i) == (4, 3)
            scores.append(0 if is_interpolated else 0.5 + i / 20)
            ids.append(i)
            interpolated.append(is_interpolated)
            identity_probabilities.append(0.5 if frame < 2 else 0.99)
        counts.append(len(present))
    table = DetectionTable(
        np.array(boxes, np.float32),
        np.array(scores, np.float32),
        None,
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
    )
    identity_columns = (
        (
            np.array(interpolated),
            np.array(identity_probabilities, np.float32),
            table.frame_numbers + first == 3,
        )
        if identified
        else ()
    )
    return TracksChunk(first, times_s, Tracks(table, np.array(ids, np.int64), *identity_columns))


def make_empty() -> TrackedRecording:
    """Seven frames without animals."""
    table = DetectionTable(
        np.zeros((0, 4), np.float32),
        np.zeros(0, np.float32),
        None,
        np.zeros(N_FRAMES + 1, np.int64),
    )
    chunk = TracksChunk(0, np.arange(N_FRAMES) / 25, Tracks(table, np.zeros(0, np.int64)))
    return make_recording(read_chunks=lambda: [chunk])


CORRECTIONS = CorrectionsSummary(
    3, ("Ada", "Bén"), "2026-05-04T09:00:00+00:00", "2026-05-06T10:30:00+00:00"
)


def make_corrected() -> TrackedRecording:
    """The recording after three corrections: frame 1 follows from them, and a person named 7 in 3.

    Rows are as in `make_recording`."""

    def read_chunks():
        for chunk in make_recording():
            frames = chunk.first_frame + chunk.tracks.detections.frame_numbers
            sources = np.where(frames == 1, 1, 0).astype(np.int8)
            sources[(frames == 3) & (chunk.tracks.track_ids == 7)] = 2
            yield replace(chunk, tracks=replace(chunk.tracks, sources=sources))

    return make_recording(read_chunks=read_chunks, corrections=CORRECTIONS)


def make_pose_recording(**changes) -> TrackedRecording:
    """The recording with keypoints: every animal points to the right, its nose at the edge.

    All keypoints of 7 are unknown in frame 1, and its tail base is in frame 3. Those of 3 are
    interpolated in frame 4. Rows are as in `make_recording`."""
    base = make_recording(**changes)

    def read_chunks():
        for chunk in base:
            table = chunk.tracks.detections
            frames = chunk.first_frame + table.frame_numbers
            ids = chunk.tracks.track_ids
            left, top, right, bottom = table.boxes.T
            y = (top + bottom) / 2
            keypoints = np.stack(
                [
                    np.column_stack([right, y + 1, np.full(len(y), 0.9)]),
                    np.column_stack([(left + right) / 2 + 2, y, np.full(len(y), 0.8)]),
                    np.column_stack([left, y + 1, np.full(len(y), 0.7)]),
                ],
                axis=1,
            ).astype(np.float32)
            unknown = [np.nan, np.nan, 0]
            keypoints[(ids == 7) & (frames == 1)] = unknown
            keypoints[(ids == 7) & (frames == 3), 2] = unknown
            keypoints[(ids == 3) & (frames == 4), :, 2] = 0
            detections = replace(table, keypoints=keypoints)
            yield replace(chunk, tracks=replace(chunk.tracks, detections=detections))

    return replace(base, read_chunks=read_chunks)

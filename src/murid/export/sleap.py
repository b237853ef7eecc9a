"""SLEAP project (``.slp``), through sleap-io: boxes with tracks, identities and keypoints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from murid.core.boxes import compute_centres
from murid.core.extras import import_extra
from murid.core.files import replace_on_success
from murid.core.keypoints import KEYPOINTS, SKELETON
from murid.core.types import Float64
from murid.export.recording import TrackedRecording
from murid.export.tracks_chunk import TrackedBox, iterate_rows

# The only node of a recording without keypoints: the centre of the box.
NODE = "center"

# The `source` of a box, which SLEAP shows.
SOURCE_DETECTED = "murid"
SOURCE_INTERPOLATED = "murid, interpolated"
SOURCE_CORRECTION = "murid, because of a correction"
SOURCE_PERSON = "person"


def export_sleap(path: str | Path, recording: TrackedRecording) -> None:
    """Write tracks as a SLEAP project, atomically.

    A box is a ``PredictedBoundingBox`` with its score and track and, for a run with identities, an
    ``Identity`` of the same name and its probability. It is linked to a predicted instance of one
    node, its centre, so that SLEAP, which does not draw boxes, shows the tracks. In a recording
    with keypoints, the nodes are `murid.core.keypoints`, with edges and a score each; an unknown
    keypoint is not visible, and a box without any has no instance. Where a person corrected
    identities, the ``source`` of a box says so, and the provenance of the project has
    ``murid_corrections``: how many, their authors, the first and the last time.

    Parameters
    ----------
    path : str or Path
        The file; an existing one is replaced.
    recording : TrackedRecording

    Raises
    ------
    MissingExtraError
        If sleap-io is not installed.
    StorageError
        If the file cannot be written.

    Notes
    -----
    sleap-io holds every box as an object: memory grows with the number of boxes.
    """
    sleap_io = import_extra("sleap_io", "sleap-io", "sleap")
    # The length of the video, of which not all frames may have been tracked.
    shape = [recording.n_video_frames, recording.height, recording.width, 3]
    video = sleap_io.Video(recording.source, open_backend=False, backend_metadata={"shape": shape})
    factory = _BoxFactory.create(sleap_io, recording)
    frames = []
    for frame, group in groupby(_iterate_boxes(recording), lambda row: row[0].frame):
        boxes = [factory.make_box(*row) for row in group]
        instances = [box.instance for box in boxes if box.instance is not None]
        frames.append(
            sleap_io.LabeledFrame(video=video, frame_idx=frame, instances=instances, bboxes=boxes)
        )
    labels = sleap_io.Labels(
        labeled_frames=frames,
        videos=[video],
        skeletons=[factory.skeleton],
        tracks=list(factory.tracks.values()),
        identities=list(factory.identities.values()),
    )
    if recording.corrections:
        labels.provenance["murid_corrections"] = recording.corrections.to_plain()
    with replace_on_success(path) as temporary:
        sleap_io.save_slp(labels, str(temporary), verbose=False)


def _iterate_boxes(recording: TrackedRecording) -> Iterator[tuple[TrackedBox, Float64, Float64]]:
    """Yield each box, its xyxy coordinates ``(4,)`` and keypoints ``(K, 3)``, frame by frame."""
    for rows in iterate_rows(recording):
        yield from zip(rows.iterate_boxes(), rows.boxes, rows.keypoints, strict=True)


@dataclass(frozen=True)
class _BoxFactory:
    """Makes sleap-io objects of boxes; `identities` is empty for tracks without identities."""

    sleap_io: Any
    skeleton: Any
    tracks: dict[int, Any]
    identities: dict[int, Any]
    is_corrected: bool
    has_keypoints: bool

    @classmethod
    def create(cls, sleap_io: Any, recording: TrackedRecording) -> _BoxFactory:
        has_keypoints = recording.summary.has_keypoints
        skeleton = sleap_io.Skeleton([NODE], name="box")
        if has_keypoints:
            skeleton = sleap_io.Skeleton(list(KEYPOINTS), list(SKELETON), name="body_axis")
        track_ids = recording.summary.track_ids.tolist()
        tracks = {i: sleap_io.Track(recording.get_name(i)) for i in track_ids}
        identities = {}
        if recording.identified:
            identities = {i: sleap_io.Identity(track.name) for i, track in tracks.items()}
        is_corrected = recording.corrections is not None
        return cls(sleap_io, skeleton, tracks, identities, is_corrected, has_keypoints)

    def make_box(self, box: TrackedBox, xyxy: Float64, keypoints: Float64) -> Any:
        """Make a box and its instance, from coordinates ``(4,)`` and keypoints ``(K, 3)``."""
        common = {"track": self.tracks[box.track_id], "score": box.score}
        if self.identities:
            common["identity"] = self.identities[box.track_id]
            common["identity_score"] = box.identity_probability
        points = compute_centres(xyxy[None])
        point_scores = np.array([box.score])
        if self.has_keypoints:
            points = keypoints[:, :2]
            point_scores = np.nan_to_num(keypoints[:, 2])
        instance = None
        # SLEAP does not expect an instance without a visible point.
        if np.isfinite(points).any():
            instance = self.sleap_io.PredictedInstance.from_numpy(
                skeleton=self.skeleton, points_data=points, point_scores=point_scores, **common
            )
        return self.sleap_io.PredictedBoundingBox(
            *xyxy.tolist(), source=self._describe_source(box), instance=instance, **common
        )

    def _describe_source(self, box: TrackedBox) -> str:
        if self.is_corrected and box.source == "person":
            return SOURCE_PERSON
        if box.interpolated:
            return SOURCE_INTERPOLATED
        if self.is_corrected and box.source == "correction":
            return SOURCE_CORRECTION
        return SOURCE_DETECTED

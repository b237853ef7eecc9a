"""SLEAP project out (``.slp``), through sleap-io: boxes with tracks and identities, and their centres as poses."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from murid.core.boxes import compute_centres
from murid.core.extras import import_extra
from murid.core.files import replace_on_success
from murid.export.recording import TrackedRecording
from murid.export.tracks_chunk import iterate_rows

NODE = "center"
SEEN, FILLED = "murid", "murid, filled in"
"""Source of a box."""


def export_sleap(path: str | Path, recording: TrackedRecording) -> None:
    """Write tracks as a SLEAP project, atomically.

    A box is a ``PredictedBoundingBox`` with its score and track; where identities were told, with
    an ``Identity`` of the same name and its certainty as well. It is linked to a predicted instance
    of one node, its centre, so that SLEAP itself, which knows no boxes yet, shows the tracks.

    Parameters
    ----------
    path : str or Path
        The file; one that is there is replaced.
    recording : TrackedRecording

    Raises
    ------
    MissingExtraError
        If sleap-io is not installed.
    StorageError
        If it cannot be written.

    Notes
    -----
    sleap-io holds every box as an object: memory grows with the number of boxes.
    """
    sleap_io = import_extra("sleap_io", "sleap-io", "sleap")
    shape = [recording.n_frames, recording.height, recording.width, 3]
    video = sleap_io.Video(recording.source, open_backend=False, backend_metadata={"shape": shape})
    skeleton = sleap_io.Skeleton([NODE], name="box")
    tracks = {
        int(i): sleap_io.Track(recording.name_track(int(i))) for i in recording.survey.track_ids
    }
    identities = (
        {i: sleap_io.Identity(track.name) for i, track in tracks.items()}
        if recording.identified
        else {}
    )
    make = _animal_maker(sleap_io, skeleton, tracks, identities)
    frames = []
    for frame, animals in groupby(_iterate_animals(recording), itemgetter(0)):
        boxes = [make(*animal[1:]) for animal in animals]
        instances = [box.instance for box in boxes]
        frames.append(
            sleap_io.LabeledFrame(video=video, frame_idx=frame, instances=instances, bboxes=boxes)
        )
    labels = sleap_io.Labels(
        labeled_frames=frames,
        videos=[video],
        skeletons=[skeleton],
        tracks=list(tracks.values()),
        identities=list(identities.values()),
    )
    with replace_on_success(path) as temporary:
        sleap_io.save_slp(labels, str(temporary), verbose=False)


def _iterate_animals(recording: TrackedRecording) -> Iterator[tuple[Any, ...]]:
    """Frame, track id, box, centre, score, certainty and whether it was filled in, of each animal in each frame."""
    for rows in iterate_rows(recording):
        places = (rows.frames, rows.track_ids, rows.boxes, compute_centres(rows.boxes))
        marks = (rows.scores, rows.identity_probabilities, rows.interpolated)
        yield from zip(*(column.tolist() for column in places + marks), strict=True)


def _animal_maker(
    sleap_io: Any, skeleton: Any, tracks: dict[int, Any], identities: dict[int, Any]
) -> Callable[..., Any]:
    def make(
        track_id: int,
        box: list[float],
        centre: list[float],
        score: float,
        identity_probability: float,
        interpolated: bool,
    ) -> Any:
        common = {"track": tracks[track_id], "score": score}
        if identities:
            known = None if math.isnan(identity_probability) else identity_probability
            common |= {"identity": identities[track_id], "identity_score": known}
        points = {"points_data": np.array([centre]), "point_scores": np.array([score])}
        instance = sleap_io.PredictedInstance.from_numpy(skeleton=skeleton, **points, **common)
        source = FILLED if interpolated else SEEN
        return sleap_io.PredictedBoundingBox(*box, source=source, instance=instance, **common)

    return make

"""The appearance of a run's identities: embeddings from the run, colour features from its video."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

import numpy as np

from murid.appearance.colour_features import N_COLOUR_FEATURES, compute_colour_features
from murid.core import DetectionTable
from murid.core.records import ArrayRecord
from murid.core.types import Float32, Int64
from murid.errors import RunError, SourceError
from murid.identification.occlusion import find_unoccluded
from murid.reid.gallery import GallerySession
from murid.reid.prototypes import AppearanceSamples, IdentityPrototypes, compute_prototypes
from murid.store import RunDirectory
from murid.store.side_tables import COLOUR_FEATURES
from murid.video import FrameSource, open_as_tracked, sample_frames
from murid.video.background_model import fit_static_background
from murid.video.resize import downscale

# Frames in which appearance is sampled, spread over the recording. More take longer and hardly add
# postures. For the background model, fewer are enough.
_N_FRAMES = 400
_N_BACKGROUND_FRAMES = 60
# Maximum longer side of the images: colours need no detail.
_MAX_SIDE_PX = 640
# Detections with a lower score, and identities with a lower probability, may be wrong.
_MIN_SCORE = 0.3
_MIN_IDENTITY_PROBABILITY = 0.5


@dataclass(frozen=True, eq=False, slots=True)
class ColourFeatures(ArrayRecord):
    """Colour features of some detections of a run.

    Attributes
    ----------
    frames, rows : ndarray
        ``(n,)`` int64 frame of each detection, and its row in this frame; -1 = a frame in which
        none were measured.
    values : ndarray
        ``(n, N_COLOUR_FEATURES)`` float32, NaN where they were not measured.
    """

    frames: Int64
    rows: Int64
    values: Float32

    @classmethod
    def unmeasured(cls, frames: Int64) -> ColourFeatures:
        """Return unknown colour features in some frames."""
        values = np.full((len(frames), N_COLOUR_FEATURES), np.nan, np.float32)
        return cls(frames, np.full(len(frames), -1, np.int64), values)


def describe_identities(
    run: RunDirectory, embedder: str | None, gallery: str
) -> IdentityPrototypes:
    """Compute the prototypes of a run's identities.

    Parameters
    ----------
    run : RunDirectory
        Open for writing: colour features are measured in the video once and stored.
    embedder : str or None
        Hash of the weights that the embeddings must be of; None = any.
    gallery : str
        Path of the gallery or run that has these weights, for the error message.

    Raises
    ------
    RunError
        If there are no identities, no embeddings, or embeddings of other weights.
    """
    _check_embedder(run, embedder, gallery)
    colour_features = _read_colour_features(run)
    if colour_features is None:
        colour_features = _measure_run(run)
    return compute_prototypes(_sample_appearance(run, colour_features))


def describe_session(run: RunDirectory, identity_prototypes: IdentityPrototypes) -> GallerySession:
    """Return the session under which a run's prototypes are added to a gallery."""
    manifest = run.manifest
    if manifest.provenance:
        date = manifest.provenance[0].time_utc
    else:
        date = datetime.now(UTC).isoformat(timespec="seconds")
    # A live camera has no hash of its content, and is another recording every time.
    camera = json.dumps(dict(manifest.fingerprint), sort_keys=True) + date
    fingerprint = str(manifest.fingerprint.get("sha256", camera))
    variation = identity_prototypes.variation
    return GallerySession(manifest.source, fingerprint, date, version("murid"), variation)


def _check_embedder(run: RunDirectory, embedder: str | None, gallery: str) -> None:
    """Raise `RunError` unless the run has embeddings of these weights."""
    found = run.manifest.embedder
    if found is None:
        expected = (
            "embeddings of known weights, to tell animals by "
            "(murid track with the detector nano makes them)"
        )
        got = f"none, by {run.manifest.detector.split(' ')[0]}"
        raise RunError(run.path, "embedder", expected, got)
    if embedder is not None and found != embedder:
        expected = f"embeddings of the weights that {gallery} was made with, {embedder[:12]}"
        got = f"{found[:12]}; embeddings of other weights differ"
        raise RunError(run.path, "embedder", expected, got)


def _read_colour_features(run: RunDirectory) -> ColourFeatures | None:
    """Return the stored colour features; None if there are none."""
    stored = run.side_tables.read(COLOUR_FEATURES)
    if stored is None:
        return None
    return ColourFeatures(stored["frame"], stored["row"], stored["colour_features"])


def _write_colour_features(run: RunDirectory, found: ColourFeatures) -> None:
    run.side_tables.write(
        COLOUR_FEATURES,
        {"frame": found.frames, "row": found.rows, "colour_features": found.values},
    )


def _measure_run(run: RunDirectory) -> ColourFeatures:
    """Measure and store colour features; return unknown ones if the video is gone or changed."""
    try:
        manifest = run.manifest
        source = open_as_tracked(manifest.source, manifest.video, run.frames.read().times_s)
        is_same = source.compute_fingerprint() == dict(manifest.fingerprint)
    except SourceError:
        is_same = False
    if not is_same:
        last = max(run.n_frames - 1, 0)
        frames = np.unique(np.linspace(0, last, _N_FRAMES).astype(np.int64))
        return ColourFeatures.unmeasured(frames)
    found = _measure_video(source, run.detections.read(embeddings=False, keypoints=False))
    _write_colour_features(run, found)
    return found


def _measure_video(source: FrameSource, table: DetectionTable) -> ColourFeatures:
    """Compute the colour features of all detections in frames spread over a video."""
    background = fit_static_background(
        [
            downscale(frame.image, _MAX_SIDE_PX)[0]
            for frame in sample_frames(source, _N_BACKGROUND_FRAMES)
        ]
    )
    parts = [ColourFeatures.unmeasured(np.zeros(0, np.int64))]
    for frame in sample_frames(source, _N_FRAMES):
        if frame.index >= table.n_frames:
            continue
        image, factor = downscale(frame.image, _MAX_SIDE_PX)
        boxes = table[frame.index].boxes * factor
        # The size of the images may change within a video.
        fits = background is not None and background.image.shape == image.shape
        values = compute_colour_features(image, boxes, background if fits else None)
        frames = np.full(len(values), frame.index, np.int64)
        parts.append(ColourFeatures(frames, np.arange(len(values), dtype=np.int64), values))
    return ColourFeatures.concatenate(parts)


def _sample_appearance(run: RunDirectory, colour_features: ColourFeatures) -> AppearanceSamples:
    """Collect samples of unoccluded identities in the frames of the colour features."""
    frames = np.unique(colour_features.frames)
    by_detection = {
        (frame, row): values
        for frame, row, values in zip(
            colour_features.frames.tolist(),
            colour_features.rows.tolist(),
            colour_features.values,
            strict=True,
        )
    }
    unknown = np.full(N_COLOUR_FEATURES, np.nan, np.float32)
    ids: list[int] = []
    embeddings: list[Float32] = []
    colours: list[Float32] = []
    embedding_size = 1
    for table, assignments in _iterate_parts(run, frames):
        if table.embeddings is None:
            continue
        embedding_size = table.embeddings.shape[1]
        for sample in _list_samples(table, assignments, frames, run.detections.embeddings_every):
            ids.append(sample.identity_id)
            embeddings.append(table.embeddings[sample.embedded_row])
            colours.append(by_detection.get((sample.frame, sample.row), unknown))
    return AppearanceSamples(
        np.array(ids, np.int64),
        np.array(embeddings, np.float32).reshape(-1, embedding_size),
        np.array(colours, np.float32).reshape(-1, N_COLOUR_FEATURES),
    )


@dataclass(frozen=True, eq=False, slots=True)
class _Assignments:
    """Detections of a part that have an identity.

    Attributes
    ----------
    frames, rows : ndarray
        ``(n,)`` int64 frame of each, and its row in this frame.
    table_rows : ndarray
        ``(n,)`` int64 its row in the table of the part.
    identity_ids : ndarray
        ``(n,)`` int64.
    probabilities : ndarray
        ``(n,)`` float32 identity probability.
    """

    frames: Int64
    rows: Int64
    table_rows: Int64
    identity_ids: Int64
    probabilities: Float32


@dataclass(frozen=True, slots=True)
class _Sample:
    """A detection of an identity, and the row in the table of the detection with its embedding."""

    frame: int
    row: int
    identity_id: int
    embedded_row: int


def _iterate_parts(
    run: RunDirectory, frames: Int64
) -> Iterator[tuple[DetectionTable, _Assignments]]:
    """Yield detections and assignments of the parts that contain some of the frames."""
    for (first, table), (part_frames, rows, identity_ids, probabilities) in zip(
        run.detections.iterate(), run.identities.iterate_assignments(), strict=True
    ):
        if ((frames >= first) & (frames < first + table.n_frames)).any():
            table_rows = table.frame_offsets[part_frames - first] + rows
            yield (
                table,
                _Assignments(part_frames, rows, table_rows, identity_ids, probabilities),
            )


def _list_samples(
    table: DetectionTable, assignments: _Assignments, frames: Int64, embeddings_every: int
) -> list[_Sample]:
    """Return the samples of a part: detections that are unoccluded and surely of their identity.

    Where only some frames have embeddings, the embedding is that of the last such frame, if the
    animal was unoccluded there.
    """
    unoccluded = find_unoccluded(table, table.scores >= _MIN_SCORE)
    # Detections with embeddings, by frame and identity.
    has_embedding = assignments.frames % embeddings_every == 0
    embedded_rows = {
        (frame, identity_id): table_row
        for frame, identity_id, table_row in zip(
            assignments.frames[has_embedding].tolist(),
            assignments.identity_ids[has_embedding].tolist(),
            assignments.table_rows[has_embedding].tolist(),
            strict=True,
        )
    }
    wanted = np.isin(assignments.frames, frames)
    wanted &= assignments.probabilities >= _MIN_IDENTITY_PROBABILITY
    wanted &= unoccluded[assignments.table_rows]
    samples = []
    for frame, row, identity_id in zip(
        assignments.frames[wanted].tolist(),
        assignments.rows[wanted].tolist(),
        assignments.identity_ids[wanted].tolist(),
        strict=True,
    ):
        embedded_row = embedded_rows.get((frame - frame % embeddings_every, identity_id))
        if embedded_row is not None and unoccluded[embedded_row]:
            samples.append(_Sample(frame, row, identity_id, embedded_row))
    return samples

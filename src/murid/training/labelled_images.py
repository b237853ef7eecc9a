"""Labelled images at the training size, stored on disk so that memory does not grow with them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, overload

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.core.files import make_directory, replace_on_success, write_bytes
from murid.core.progress import ProgressCallback, no_progress
from murid.core.types import Float64, Int64, UInt8
from murid.datasets.images import iterate_images
from murid.datasets.labels import UNKNOWN_TRACK_ID, LabelledSequence
from murid.detection.preprocess import (
    Letterbox,
    apply_letterbox,
    compute_letterbox,
    letterbox_boxes,
)
from murid.synthetic.still import Still
from murid.training.config import IdentitySource
from murid.video.background_model import fit_static_background

_INDEX_NAME = "index.json"
# Version of the stored files. It is part of the key, so that files of another version are rebuilt.
_FORMAT = 3

# Frames that the background of a recording is estimated from. Below the minimum too little of the
# background is visible between the animals.
_N_BACKGROUND_FRAMES = 60
_MIN_BACKGROUND_FRAMES = 5

# Assumed where the frame rate is unknown. Validation compares animals of frames some time apart.
_DEFAULT_FPS = 30.0
# Time between independent images, so that none is too near in time to be compared.
_INDEPENDENT_GAP_S = 3600.0

# Minimum number of sequences to hold out whole ones. With fewer, the end of each is held out.
_MIN_SEQUENCES_TO_SPLIT = 3
# Distinguishes the random generator of the split from others with the same seed.
_SPLIT_STREAM = 3

# PNG compression level: fast to write, and hardly larger than the higher levels.
_PNG_COMPRESSION = 1


@dataclass(frozen=True, slots=True)
class _Entry:
    """Index entry of an image: names of files, boxes ``(n, 4)``, and other values of `Still`."""

    image: str
    background: str | None
    boxes: list[list[float]]
    identities: list[int]
    class_ids: list[int]
    recording: int | None
    time_s: float


class LabelledImages(Sequence[Still]):
    """Labelled images on disk.

    Parameters
    ----------
    directory : Path
        Directory that `build_labelled_images` has written.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        index = json.loads((directory / _INDEX_NAME).read_text(encoding="utf-8"))
        self._entries = [_Entry(**entry) for entry in index["images"]]

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, number: int) -> Still: ...

    @overload
    def __getitem__(self, number: slice) -> list[Still]: ...

    def __getitem__(self, number: int | slice) -> Still | list[Still]:
        """Read one image, or several."""
        if isinstance(number, slice):
            return [self[k] for k in range(len(self))[number]]
        entry = self._entries[number]
        background = None if entry.background is None else self._read(entry.background)
        return Still(
            self._read(entry.image),
            np.array(entry.boxes, np.float32).reshape(-1, 4),
            np.array(entry.identities, np.int64),
            background,
            class_ids=np.array(entry.class_ids, np.int64),
            recording=entry.recording,
            time_s=entry.time_s,
        )

    def subsample(self, max_images: int) -> LabelledImages:
        """Return every k-th image or so: at most `max_images`, evenly spaced."""
        rows = choose_evenly_spaced(len(self), max_images)
        return self._select([self._entries[row] for row in rows.tolist()])

    def select_box_identities(self) -> LabelledImages:
        """Return the images in which each box has an identity of its own."""
        return self._select(
            [entry for entry in self._entries if entry.recording is None and entry.boxes]
        )

    @property
    def n_identities(self) -> int:
        """Number of different identities."""
        return len({k for entry in self._entries for k in entry.identities if k >= 0})

    def _select(self, entries: list[_Entry]) -> LabelledImages:
        selected = LabelledImages(self.directory)
        selected._entries = entries
        return selected

    def _read(self, name: str) -> UInt8:
        bgr = np.asarray(cv2.imread(str(self.directory / name)), np.uint8)
        return np.ascontiguousarray(bgr[..., ::-1])


def build_labelled_images(
    sequences: Sequence[LabelledSequence],
    directory: Path,
    size_px: int,
    identity_source: IdentitySource,
    first_identity: int = 0,
    report: ProgressCallback = no_progress,
    *,
    prefer_tracks: bool = False,
    class_names: Sequence[str] | None = None,
) -> LabelledImages:
    """Write labelled images at the training size, or reuse those of an earlier call.

    Frames in which not all animals are labelled are left out, because the network would learn the
    unlabelled animals as background.

    Parameters
    ----------
    sequences : sequence of LabelledSequence
    directory : Path
        Directory for images and labels.
    size_px : int
        Side of the square that images are fitted into; the rest is grey.
    identity_source : {"track", "box", "none"}
        Whether each track, each box or nothing has its own identity; see `TrainConfig`.
    first_identity : int
        First identity.
    report : callable
        Receives progress.
    prefer_tracks : bool
        Whether ``box`` means tracks in sequences that have them. For validation, because another
        frame of an animal tests re-identification better than another view of the same image.
    class_names : sequence of str, optional
        Classes by their number. Default: those of the sequences, as `list_class_names`.

    Raises
    ------
    SourceError
        If an image cannot be decoded.
    StorageError
        If the directory cannot be written.
    """
    make_directory(directory)
    classes = tuple(list_class_names(sequences) if class_names is None else class_names)
    key = _compute_key(sequences, size_px, identity_source, first_identity, prefer_tracks, classes)
    index = directory / _INDEX_NAME
    if index.exists() and json.loads(index.read_text(encoding="utf-8"))["key"] == key:
        return LabelledImages(directory)
    sources = [
        "track"
        if prefer_tracks and identity_source == "box" and _has_tracks(s)
        else identity_source
        for s in sequences
    ]
    writer = _ImageWriter(directory, size_px, classes, first_identity)
    total = sum(int(sequence.complete.sum()) for sequence in sequences)
    for sequence, source in zip(sequences, sources, strict=True):
        writer.write(sequence, source)
        report("prepare", len(writer.entries), total)
    # The index is written last, so that an interrupted call is repeated.
    with replace_on_success(index) as temporary:
        text = json.dumps({"key": key, "images": writer.entries})
        temporary.write_text(text, encoding="utf-8")
    return LabelledImages(directory)


def list_class_names(sequences: Sequence[LabelledSequence]) -> list[str]:
    """Return the names of the classes that occur, in the order in which the sequences list them."""
    names: dict[str, None] = {}
    for sequence in sequences:
        names |= dict.fromkeys(
            sequence.class_names[class_id] for class_id in np.unique(sequence.class_ids)
        )
    return list(names)


def _has_tracks(sequence: LabelledSequence) -> bool:
    return bool((sequence.track_ids != UNKNOWN_TRACK_ID).any())


def hold_out(
    sequences: Sequence[LabelledSequence], share: float, seed: int
) -> tuple[list[LabelledSequence], list[LabelledSequence]]:
    """Split labelled data: whole sequences if there are three or more, else the end of each.

    Returns
    -------
    kept, held_out : list of LabelledSequence
        The second has about the given share of the sequences, or of the frames.
    """
    if share == 0:
        return list(sequences), []
    if len(sequences) >= _MIN_SEQUENCES_TO_SPLIT:
        order = np.random.default_rng((seed, _SPLIT_STREAM)).permutation(len(sequences))
        n_held_out = min(max(1, round(share * len(sequences))), len(sequences) - 1)
        numbers = set(order[:n_held_out].tolist())
        kept = [sequence for k, sequence in enumerate(sequences) if k not in numbers]
        return kept, [sequences[k] for k in sorted(numbers)]
    kept = []
    held_out = []
    for sequence in sequences:
        n_frames = sequence.n_frames
        n_kept = n_frames - max(1, round(share * n_frames))
        kept.append(take_frames(sequence, np.arange(n_kept)))
        held_out.append(take_frames(sequence, np.arange(n_kept, n_frames)))
    return kept, held_out


def take_frames(sequence: LabelledSequence, rows: NDArray[np.int64]) -> LabelledSequence:
    """Return some frames of a sequence as another sequence.

    Parameters
    ----------
    sequence : LabelledSequence
    rows : ndarray
        ``(k,)`` int64 positions of the frames in the sequence, ascending.
    """
    counts = np.diff(sequence.frame_offsets)[rows]
    box_rows = np.flatnonzero(np.isin(sequence.frame_numbers, rows))
    image_paths = sequence.image_paths
    if image_paths:
        image_paths = tuple(image_paths[row] for row in rows.tolist())
    return replace(
        sequence,
        # Columns with one row per frame.
        frames=sequence.frames[rows],
        sizes=sequence.sizes[rows],
        complete=sequence.complete[rows],
        image_paths=image_paths,
        frame_offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        # Columns with one row per box.
        boxes=sequence.boxes[box_rows],
        track_ids=sequence.track_ids[box_rows],
        class_ids=sequence.class_ids[box_rows],
        visibility=sequence.visibility[box_rows],
    )


class _ImageWriter:
    """Writes images of sequences and numbers their identities, recordings and classes."""

    def __init__(
        self, directory: Path, size_px: int, class_names: Sequence[str], first_identity: int
    ) -> None:
        self.directory = directory
        self.size_px = size_px
        self.class_numbers = {name: number for number, name in enumerate(class_names)}
        self.next_identity = first_identity
        self.next_recording = 0
        self.entries: list[dict[str, Any]] = []

    def write(self, sequence: LabelledSequence, source: IdentitySource) -> None:
        """Write the images of a sequence, and the background of a static camera's recording."""
        rows = np.flatnonzero(sequence.complete)
        background = self._write_background(sequence, rows)
        recording = None
        if source == "track" and _has_tracks(sequence):
            recording = self.next_recording
            self.next_recording += 1
        times_s = _compute_times(sequence)
        class_ids = [self.class_numbers.get(name, 0) for name in sequence.class_names]
        identities: dict[int, int] = {}  # by track
        for row, image in zip(rows.tolist(), iterate_images(sequence, rows.tolist()), strict=True):
            frame = sequence[row]
            height, width = image.shape[:2]
            letterbox = fit_square(width, height, self.size_px)
            boxes = letterbox_boxes(frame.boxes, letterbox, width, height)
            name = f"{len(self.entries):08d}.png"
            _write_png(self.directory / name, apply_letterbox(image, letterbox))
            entry = {
                "image": name,
                "background": background,
                "boxes": boxes.tolist(),
                "identities": [self._number(source, identities, int(k)) for k in frame.track_ids],
                "class_ids": [class_ids[k] for k in frame.class_ids],
                "recording": recording,
                "time_s": float(times_s[row]),
            }
            self.entries.append(entry)

    def _number(self, source: IdentitySource, identities: dict[int, int], track_id: int) -> int:
        """Return the identity of a box: that of its track, a new one, or -1 for none."""
        if source == "none":
            return -1
        if source == "track":
            if track_id == UNKNOWN_TRACK_ID:
                return -1
            if track_id in identities:
                return identities[track_id]
        identity = self.next_identity
        self.next_identity += 1
        identities[track_id] = identity
        return identity

    def _write_background(self, sequence: LabelledSequence, rows: Int64) -> str | None:
        """Write the background of a recording, and return its file name; None if there is none."""
        if not sequence.is_recording or len(rows) < _MIN_BACKGROUND_FRAMES:
            return None
        chosen = rows[choose_evenly_spaced(len(rows), _N_BACKGROUND_FRAMES)]
        squares = []
        for image in iterate_images(sequence, chosen.tolist()):
            height, width = image.shape[:2]
            squares.append(apply_letterbox(image, fit_square(width, height, self.size_px)))
        background = fit_static_background(squares)
        if background is None:
            return None
        name = f"background-{len(self.entries):08d}.png"
        _write_png(self.directory / name, background.image)
        return name


def _compute_times(sequence: LabelledSequence) -> Float64:
    """Return the time of each frame ``(F,)`` in seconds; independent images are far apart."""
    if not sequence.is_recording:
        return _INDEPENDENT_GAP_S * np.arange(sequence.n_frames, dtype=np.float64)
    return sequence.frames / (sequence.fps or _DEFAULT_FPS)


def fit_square(width: int, height: int, size_px: int) -> Letterbox:
    """Return the letterbox that centres an image in a square, scaled as in tracking."""
    fitted = compute_letterbox(width, height, size_px)
    inner_width, inner_height = fitted.compute_inner_size(width, height)
    left = (size_px - inner_width) // 2
    top = (size_px - inner_height) // 2
    return Letterbox(fitted.scale, left, top, size_px, size_px)


def choose_evenly_spaced(n: int, max_rows: int) -> NDArray[np.int64]:
    """Return at most `max_rows` of the rows from 0 to ``n - 1``, evenly spaced, ascending."""
    return np.unique(np.linspace(0, n - 1, min(n, max_rows)).round().astype(np.int64))


def _write_png(path: Path, image: UInt8) -> None:
    options = [cv2.IMWRITE_PNG_COMPRESSION, _PNG_COMPRESSION]
    _, encoded = cv2.imencode(".png", image[..., ::-1], options)
    write_bytes(path, encoded.tobytes())


def _compute_key(sequences: Sequence[LabelledSequence], *settings: Any) -> str:
    """Return a hash of the labels, the places of the images, and the settings."""
    digest = hashlib.sha256(repr((_FORMAT, *settings)).encode())
    for sequence in sequences:
        digest.update(repr((sequence.name, sequence.video, sequence.image_paths)).encode())
        digest.update(sequence.video_dataset.encode())
        digest.update(sequence.frames.tobytes())
        digest.update(sequence.frame_offsets.tobytes())
        digest.update(sequence.boxes.tobytes())
        digest.update(sequence.track_ids.tobytes())
        digest.update(repr((sequence.class_names, sequence.fps, sequence.is_recording)).encode())
        digest.update(sequence.class_ids.tobytes())
        digest.update(sequence.complete.tobytes())
    return digest.hexdigest()

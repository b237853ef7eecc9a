"""Labelled pictures, brought to the training size once and kept on disk, so that memory does not grow with them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, overload

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.core.files import make_directory, replace_on_success, write_bytes
from murid.core.progress import ProgressCallback, no_progress
from murid.core.types import UInt8
from murid.datasets.images import iterate_images
from murid.datasets.labels import LabelledSequence
from murid.detection.preprocess import (
    Letterbox,
    apply_letterbox,
    compute_letterbox,
    letterbox_boxes,
)
from murid.synthetic.still import Still
from murid.training.config import IdentitySource
from murid.video.background_model import fit_static_background

_INDEX = "index.json"
_BACKDROP_FRAMES = 60
_FEWEST_FRAMES = 5  # of a recording that show which parts of its scene are empty


class Library(Sequence[Still]):
    """Labelled pictures on disk.

    Parameters
    ----------
    directory : Path
        As `build_labelled_images` leaves it.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._entries: list[dict[str, Any]] = json.loads(
            (directory / _INDEX).read_text(encoding="utf-8")
        )["pictures"]

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, number: int) -> Still: ...

    @overload
    def __getitem__(self, number: slice) -> list[Still]: ...

    def __getitem__(self, number: int | slice) -> Still | list[Still]:
        """Read one picture, or several."""
        if isinstance(number, slice):
            return [self[k] for k in range(len(self))[number]]
        entry = self._entries[number]
        boxes = np.array(entry["boxes"], np.float32).reshape(-1, 4)
        background = None if entry["background"] is None else self._read(entry["background"])
        return Still(
            self._read(entry["picture"]), boxes, np.array(entry["identities"], np.int64), background
        )

    def thin(self, most: int) -> Library:
        """Return a library of at most so many of the pictures, spread over all."""
        thinned = Library(self.directory)
        rows = np.unique(np.linspace(0, len(self) - 1, min(most, len(self))).round().astype(int))
        thinned._entries = [self._entries[row] for row in rows.tolist()]
        return thinned

    @property
    def n_identities(self) -> int:
        """Number of different identities."""
        return len({k for entry in self._entries for k in entry["identities"] if k >= 0})

    def _read(self, name: str) -> UInt8:
        return np.ascontiguousarray(
            np.asarray(cv2.imread(str(self.directory / name)), np.uint8)[..., ::-1]
        )


def build_labelled_images(
    sequences: Sequence[LabelledSequence],
    directory: Path,
    size_px: int,
    identity_source: IdentitySource,
    first_identity: int = 0,
    report: ProgressCallback = no_progress,
) -> Library:
    """Bring labelled pictures to the training size; what an earlier call with the same data left is used again.

    Frames in which not all animals are labelled are left out, since what is not labelled would be
    learnt as empty.

    Parameters
    ----------
    sequences : sequence of LabelledSequence
    directory : Path
        Where to keep pictures and labels.
    size_px : int
        Side of the square that pictures are fitted into, the rest grey.
    identity_source : {"track", "box", "none"}
        What one identity is; see `TrainConfig`.
    first_identity : int
        Number of the first identity.
    report : callable
        Told of progress.

    Raises
    ------
    SourceError
        If a picture cannot be decoded.
    StorageError
        If nothing can be written.
    """
    make_directory(directory)
    key = _compute_key(sequences, size_px, identity_source, first_identity)
    index = directory / _INDEX
    if index.exists() and json.loads(index.read_text(encoding="utf-8"))["key"] == key:
        return Library(directory)
    builder = _Builder(directory, size_px, identity_source, first_identity)
    total = sum(int(sequence.complete.sum()) for sequence in sequences)
    for sequence in sequences:
        builder.add(sequence)
        report("prepare", len(builder.entries), total)
    with replace_on_success(index) as temporary:
        temporary.write_text(
            json.dumps({"key": key, "pictures": builder.entries}), encoding="utf-8"
        )
    return Library(directory)


def hold_out(
    sequences: Sequence[LabelledSequence], share: float, seed: int
) -> tuple[list[LabelledSequence], list[LabelledSequence]]:
    """Split labelled data in two: whole sequences where there are three or more, else the end of each.

    Returns
    -------
    kept, held_out : list of LabelledSequence
        The second has about the given share of the sequences, or of the frames.
    """
    if share == 0:
        return list(sequences), []
    if len(sequences) >= 3:
        order = np.random.default_rng((seed, 3)).permutation(len(sequences))
        n_out = min(max(1, round(share * len(sequences))), len(sequences) - 1)
        out = set(order[:n_out].tolist())
        return [s for k, s in enumerate(sequences) if k not in out], [
            sequences[k] for k in sorted(out)
        ]
    cuts = [s.n_frames - max(1, round(share * s.n_frames)) for s in sequences]
    halves = [
        np.split(np.arange(s.n_frames), [cut]) for s, cut in zip(sequences, cuts, strict=True)
    ]
    pairs = list(zip(sequences, halves, strict=True))
    return [take_frames(s, rows[0]) for s, rows in pairs], [
        take_frames(s, rows[1]) for s, rows in pairs
    ]


def take_frames(sequence: LabelledSequence, rows: NDArray[np.int64]) -> LabelledSequence:
    """Some of a sequence's frames, by their place in it ``(k,)``, ascending, as a sequence of its own."""
    counts = np.diff(sequence.frame_offsets)[rows]
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    boxes = np.flatnonzero(np.isin(sequence.frame_numbers, rows))
    columns = {
        name: getattr(sequence, name)[boxes]
        for name in ("boxes", "track_ids", "class_ids", "visibility")
    }
    own = {name: getattr(sequence, name)[rows] for name in ("frames", "sizes", "complete")}
    image_paths = (
        tuple(sequence.image_paths[row] for row in rows.tolist()) if sequence.image_paths else ()
    )
    return replace(sequence, frame_offsets=offsets, image_paths=image_paths, **columns, **own)


class _Builder:
    def __init__(
        self, directory: Path, size_px: int, identity_source: IdentitySource, first_identity: int
    ) -> None:
        self.directory, self.size_px, self.identity_source = directory, size_px, identity_source
        self.next_identity = first_identity
        self.entries: list[dict[str, Any]] = []

    def add(self, sequence: LabelledSequence) -> None:
        """Write the pictures of a sequence, and its backdrop where it is a recording by a camera that stands still."""
        rows = np.flatnonzero(sequence.complete)
        background = self._write_backdrop(sequence, rows)
        numbers: dict[int, int] = {}
        for row, image in zip(rows.tolist(), iterate_images(sequence, rows.tolist()), strict=True):
            frame = sequence[row]
            height, width = image.shape[:2]
            letterbox = fit_square(width, height, self.size_px)
            boxes = letterbox_boxes(frame.boxes, letterbox, width, height)
            name = f"{len(self.entries):08d}.png"
            _write_png(self.directory / name, apply_letterbox(image, letterbox))
            identities = [self._number(numbers, int(track_id)) for track_id in frame.track_ids]
            self.entries.append(
                {
                    "picture": name,
                    "background": background,
                    "boxes": boxes.tolist(),
                    "identities": identities,
                }
            )

    def _number(self, numbers: dict[int, int], track_id: int) -> int:
        """Identity of a box: that of its track in this sequence, one of its own, or none."""
        if self.identity_source == "none" or (self.identity_source == "track" and track_id < 0):
            return -1
        if self.identity_source == "track" and track_id in numbers:
            return numbers[track_id]
        self.next_identity += 1
        numbers[track_id] = self.next_identity - 1
        return self.next_identity - 1

    def _write_backdrop(self, sequence: LabelledSequence, rows: NDArray[np.int64]) -> str | None:
        if not sequence.is_recording or len(rows) < _FEWEST_FRAMES:
            return None
        chosen = rows[
            np.unique(
                np.linspace(0, len(rows) - 1, min(len(rows), _BACKDROP_FRAMES)).round().astype(int)
            )
        ]
        images = iterate_images(sequence, chosen.tolist())
        squares = [
            apply_letterbox(i, fit_square(i.shape[1], i.shape[0], self.size_px)) for i in images
        ]
        background = fit_static_background(squares)
        if background is None:
            return None
        name = f"backdrop-{len(self.entries):08d}.png"
        _write_png(self.directory / name, background.image)
        return name


def fit_square(width: int, height: int, size_px: int) -> Letterbox:
    """Fit a picture of the given size into the middle of a square, as tracking fits it into its own shape."""
    fitted = compute_letterbox(width, height, size_px)
    inner_w, inner_h = fitted.compute_inner_size(width, height)
    return Letterbox(
        fitted.scale, (size_px - inner_w) // 2, (size_px - inner_h) // 2, size_px, size_px
    )


def _write_png(path: Path, image: UInt8) -> None:
    write_bytes(
        path, cv2.imencode(".png", image[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
    )


def _compute_key(sequences: Sequence[LabelledSequence], *settings: Any) -> str:
    """Hash of the labels, of where the pictures are, and of the settings."""
    digest = hashlib.sha256(repr(settings).encode())
    for sequence in sequences:
        digest.update(repr((sequence.name, sequence.video, sequence.image_paths)).encode())
        for name in ("frames", "frame_offsets", "boxes", "track_ids", "complete"):
            digest.update(getattr(sequence, name).tobytes())
    return digest.hexdigest()

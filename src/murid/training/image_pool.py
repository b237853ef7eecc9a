"""Training images made ahead: rendered in parallel, kept as uint8, and drawn again and again."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset

from murid.core.files import make_directory, replace_on_success
from murid.core.progress import ProgressCallback, no_progress
from murid.core.types import Float32, Int64, UInt8
from murid.detection.preprocess import compute_planes
from murid.synthetic.still import Still
from murid.training.data import Batch, compute_difference, get_class_ids, get_keypoints
from murid.training.worker_process import use_one_thread

# Images per file: a killed preparation repeats at most these, and each process makes one file at a
# time. Even, so that the two images of a pair are in one file.
_IMAGES_PER_FILE = 256

# Version of the files; older ones are made again.
_FORMAT = 1

# Distinguishes the random generator of the draws from others with the same seed.
_DRAW_STREAM = 6

# Range of the random change of brightness (factor, on a logarithmic scale) and gamma. The synthetic
# camera has varied both already, so little is added.
_MAX_LOG_GAIN = 0.2
_MAX_LOG_GAMMA = 0.2


@dataclass(frozen=True)
class _Labels:
    """Labels of the images of one file, box after box.

    Attributes
    ----------
    offsets : ndarray
        ``(n + 1,)`` int64: boxes of image k are rows ``offsets[k]:offsets[k + 1]``.
    boxes : ndarray
        ``(N, 4)`` float32 xyxy pixels.
    identities : ndarray
        ``(N,)`` int64.
    keypoints : ndarray
        ``(N, 3, 2)`` float32 pixels.
    class_ids : ndarray or None
        ``(N,)`` int64; None in files of earlier versions = all 0.
    """

    offsets: Int64
    boxes: Float32
    identities: Int64
    keypoints: Float32
    class_ids: Int64 | None = None


class _Sample(NamedTuple):
    """An image ``(4, s, s)`` uint8 of a pool and its labels."""

    image: UInt8
    boxes: Float32
    identities: Int64
    keypoints: Float32
    class_ids: Int64


class ImagePool:
    """Images on disk that `build_image_pool` made.

    Parameters
    ----------
    directory : Path
    n_files : int

    Attributes
    ----------
    n_images : int
    """

    def __init__(self, directory: Path, n_files: int) -> None:
        self._images = [
            np.load(_get_image_path(directory, k), mmap_mode="r") for k in range(n_files)
        ]
        self._labels = []
        for k in range(n_files):
            with np.load(_get_label_path(directory, k)) as arrays:
                self._labels.append(_Labels(**arrays))
        self.n_images = _IMAGES_PER_FILE * n_files

    def read(self, number: int) -> _Sample:
        """Return an image and its labels."""
        file, row = divmod(number, _IMAGES_PER_FILE)
        labels = self._labels[file]
        rows = slice(labels.offsets[row], labels.offsets[row + 1])
        image = np.asarray(self._images[file][row])
        boxes = labels.boxes[rows]
        if labels.class_ids is None:
            class_ids = np.zeros(len(boxes), np.int64)
        else:
            class_ids = labels.class_ids[rows]
        return _Sample(image, boxes, labels.identities[rows], labels.keypoints[rows], class_ids)


class PooledBatches(Dataset[Batch]):
    """Endless batches of images of a pool, each turned, mirrored and lit at random.

    Batch k is the same whenever and in whichever process it is made. Images 2j and 2j + 1 of the
    pool stay together, as in `TrainingImages`.

    Parameters
    ----------
    pool : ImagePool
    batch_size : int
        Even.
    seed : int
    """

    def __init__(self, pool: ImagePool, batch_size: int, seed: int) -> None:
        self.pool = pool
        self.batch_size = batch_size
        self.seed = seed

    def __getitem__(self, number: int) -> Batch:
        rng = np.random.default_rng((self.seed, number, _DRAW_STREAM))
        pairs = rng.choice(self.pool.n_images // 2, self.batch_size // 2, replace=False)
        samples = []
        for pair in pairs.tolist():
            samples += [_turn(rng, self.pool.read(2 * pair + k)) for k in range(2)]
        images, boxes, identities, keypoints, class_ids = zip(*samples, strict=True)
        gains = rng.uniform(-_MAX_LOG_GAIN, _MAX_LOG_GAIN, len(images))
        gammas = rng.uniform(-_MAX_LOG_GAMMA, _MAX_LOG_GAMMA, len(images))
        light = np.exp(np.column_stack([gains, gammas])).astype(np.float32)
        return Batch(
            torch.from_numpy(np.stack(images)),
            list(boxes),
            torch.from_numpy(np.concatenate(identities)),
            list(keypoints),
            list(class_ids),
            light=torch.from_numpy(light),
        )


def _turn(rng: np.random.Generator, sample: _Sample) -> _Sample:
    """Turn a square image by a random multiple of 90 degrees, and mirror half of the images."""
    image = sample.image
    size = np.float32(image.shape[-1])
    # All points of the image: two corners of each box, and the keypoints.
    points = np.concatenate([sample.boxes.reshape(-1, 2, 2), sample.keypoints], axis=1)
    for _ in range(int(rng.integers(4))):
        image = np.rot90(image, axes=(1, 2))
        points = np.stack([points[..., 1], size - points[..., 0]], axis=-1)
    if rng.random() < 0.5:
        image = image[..., ::-1]
        points = np.stack([size - points[..., 0], points[..., 1]], axis=-1)
    corners = points[:, :2]
    turned = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    return sample._replace(image=np.ascontiguousarray(image), boxes=turned, keypoints=points[:, 2:])


def build_image_pool(
    images: Dataset[Still],
    n_images: int,
    directory: Path,
    settings: str,
    n_workers: int = 0,
    report: ProgressCallback = no_progress,
) -> ImagePool:
    """Make images 0, 1, 2, … of a data set, unless they exist already.

    Parameters
    ----------
    images : Dataset of Still
        Square images of one size, the same for the same number.
    n_images : int
        Number of images, rounded up to whole files of 256.
    directory : Path
        Directory of the files. Those of an interrupted call are kept.
    settings : str
        What decides the images; files made with other settings are made again.
    n_workers : int
        Number of processes; 0 = this one.
    report : callable
        Receives progress.

    Raises
    ------
    StorageError
        If the directory cannot be written.
    """
    make_directory(directory)
    n_files = -(-n_images // _IMAGES_PER_FILE)
    key = hashlib.sha256(repr((_FORMAT, settings)).encode()).hexdigest()
    _forget_other_images(directory, key)
    missing = _find_missing_files(directory, n_files)
    n_done = n_files - len(missing)
    report("pool", _IMAGES_PER_FILE * n_done, _IMAGES_PER_FILE * n_files)
    maker = _FileMaker(images, directory)
    if n_workers == 0:
        for k in missing:
            maker(k)
            n_done += 1
            report("pool", _IMAGES_PER_FILE * n_done, _IMAGES_PER_FILE * n_files)
    elif missing:
        # Forked processes share the clips in memory instead of copying them.
        with multiprocessing.get_context("fork").Pool(n_workers, use_one_thread) as processes:
            for _ in processes.imap_unordered(maker, missing):
                n_done += 1
                report("pool", _IMAGES_PER_FILE * n_done, _IMAGES_PER_FILE * n_files)
    return ImagePool(directory, n_files)


def count_missing_images(directory: Path, n_images: int) -> int:
    """Return the number of images that `build_image_pool` would make, with the same settings."""
    return _IMAGES_PER_FILE * len(_find_missing_files(directory, -(-n_images // _IMAGES_PER_FILE)))


def _find_missing_files(directory: Path, n_files: int) -> list[int]:
    """Return the numbers of the files that do not exist; the labels are written last."""
    return [k for k in range(n_files) if not _get_label_path(directory, k).exists()]


class _FileMaker:
    """Makes one file of images and one of labels; the labels are written last."""

    def __init__(self, images: Dataset[Still], directory: Path) -> None:
        self.images = images
        self.directory = directory

    def __call__(self, number: int) -> None:
        first = _IMAGES_PER_FILE * number
        stills = [self.images[k] for k in range(first, first + _IMAGES_PER_FILE)]
        planes = compute_planes(
            [still.image for still in stills], [compute_difference(still) for still in stills]
        )
        with (
            replace_on_success(_get_image_path(self.directory, number)) as temporary,
            temporary.open("wb") as file,
        ):
            np.save(file, planes)
        offsets = np.cumsum([0, *(len(still.boxes) for still in stills)])
        with (
            replace_on_success(_get_label_path(self.directory, number)) as temporary,
            temporary.open("wb") as file,
        ):
            np.savez(
                file,
                offsets=offsets.astype(np.int64),
                boxes=np.concatenate([still.boxes for still in stills]),
                identities=np.concatenate([still.identities for still in stills]),
                keypoints=np.concatenate([get_keypoints(still) for still in stills]),
                class_ids=np.concatenate([get_class_ids(still) for still in stills]),
            )


def _forget_other_images(directory: Path, key: str) -> None:
    """Remove files that were made with other settings."""
    index = directory / "index.json"
    if index.exists() and json.loads(index.read_text(encoding="utf-8")) == {"key": key}:
        return
    for path in _list_files(directory):
        path.unlink()
    with replace_on_success(index) as temporary:
        temporary.write_text(json.dumps({"key": key}), encoding="utf-8")


def _list_files(directory: Path) -> Sequence[Path]:
    return [*directory.glob("images-*.npy"), *directory.glob("labels-*.npz")]


def _get_image_path(directory: Path, number: int) -> Path:
    return directory / f"images-{number:05d}.npy"


def _get_label_path(directory: Path, number: int) -> Path:
    return directory / f"labels-{number:05d}.npz"

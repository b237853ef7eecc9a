"""Images inside an HDF5 file, as SLEAP keeps them in its training packages (``.pkg.slp``).

Only labelled frames are kept, under the numbers that they have in their video. A file may contain
the images of several videos, each in a dataset of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from murid.core.extras import import_extra
from murid.core.types import UInt8
from murid.datasets.raw_labels import Size
from murid.errors import SourceError


def read_embedded_frames(path: Path, dataset: str) -> dict[int, Size] | None:
    """Return the size of the image of each frame; None if there are no images.

    The images of one dataset have one size.

    Parameters
    ----------
    path : Path
    dataset : str
        Name of the dataset in the file, such as ``"video0/video"``.

    Raises
    ------
    MissingExtraError
        If sleap-io is not installed.
    """
    try:
        backend = _open(path, dataset)
        frames = [int(frame) for frame in backend.frame_map] or list(range(len(backend)))
        height, width = backend[frames[0]].shape[:2]
    except (OSError, KeyError, IndexError, TypeError, ValueError):
        return None
    return dict.fromkeys(frames, (int(width), int(height)))


def iterate_embedded_images(path: Path, dataset: str, frames: Iterable[int]) -> Iterator[UInt8]:
    """Yield the images ``(h, w, 3)`` RGB of some frames.

    Raises
    ------
    SourceError
        If the file cannot be read, or has no such frame.
    """
    # The file is opened when its first image is read.
    backend = _open(path, dataset)
    for frame in frames:
        try:
            image = np.asarray(backend[frame], np.uint8)
        except (OSError, KeyError, IndexError, TypeError, ValueError) as error:
            field = f"{dataset}, frame {frame}"
            raise SourceError(path, field, "an image that can be decoded", str(error)) from error
        yield np.ascontiguousarray(np.broadcast_to(image, (*image.shape[:2], 3)))


def _open(path: Path, dataset: str) -> Any:
    video_reading = import_extra("sleap_io.io.video_reading", "sleap-io")
    return video_reading.HDF5Video(filename=str(path), dataset=dataset)

"""Training pictures as a stream of batches: made on the fly, never the same one twice, the same again for a seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from murid.detect.backdrop import Backdrop
from murid.detect.preprocess import to_input
from murid.scenes.still import Still, StillConfig, make_still
from murid.training.material import Material


@dataclass(frozen=True)
class Batch:
    """One training step's worth of pictures.

    Attributes
    ----------
    images : Tensor
        ``(B, 4, H, W)`` float32 in [0, 1]: RGB and the difference from the backdrop, zero where there is none.
    boxes : list of ndarray
        ``(n, 4)`` float32 xyxy pixels, one array a picture.
    identities : Tensor
        ``(K,)`` int64 of all boxes, picture after picture; -1 = none.
    """

    images: torch.Tensor
    boxes: list[np.ndarray]
    identities: torch.Tensor


class StillStream(IterableDataset[Still]):
    """Endless stream of training pictures.

    Parameters
    ----------
    config : StillConfig
    material : Material
    first_seed : int
        Picture ``k`` is made from seed ``first_seed + k``.
    """

    def __init__(self, config: StillConfig, material: Material, first_seed: int) -> None:
        self.config, self.material, self.first_seed = config, material, first_seed

    def __iter__(self) -> Iterator[Still]:
        worker = get_worker_info()
        step, start = (worker.num_workers, worker.id) if worker else (1, 0)
        if worker:
            cv2.setNumThreads(0)
        seed = self.first_seed + start
        while True:
            yield make_still(seed, self.config, self.material.cutouts, self.material.places)
            seed += step


def collate(stills: list[Still]) -> Batch:
    """Stack pictures of one size into a batch."""
    images = torch.from_numpy(to_input([s.image for s in stills], [compute_difference(s) for s in stills]))
    identities = torch.from_numpy(np.concatenate([s.identities for s in stills]))
    return Batch(images.contiguous(memory_format=torch.channels_last), [s.boxes for s in stills], identities)


def compute_difference(still: Still) -> np.ndarray:
    """Difference ``(h, w)`` uint8 of a picture from its backdrop, as a detector computes it; zero without one."""
    height, width = still.image.shape[:2]
    if still.backdrop is None:
        return np.zeros((height, width), np.uint8)
    return Backdrop(still.backdrop, np.zeros((height, width), np.uint8)).compute_difference(still.image)


def stream_batches(stream: StillStream, batch_size: int, n_workers: int) -> Iterator[Batch]:
    """Batches made in background processes."""
    loader = DataLoader(
        stream,
        batch_size=batch_size,
        num_workers=n_workers,
        collate_fn=collate,
        prefetch_factor=4 if n_workers else None,
        multiprocessing_context="fork" if n_workers else None,
    )
    yield from loader

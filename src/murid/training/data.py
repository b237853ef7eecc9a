"""Training pictures, made when they are asked for: picture `k` is the same whenever and wherever it is made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from murid.detection.preprocess import to_input
from murid.synthetic.clips import sample_window, sample_window_camera
from murid.synthetic.still import Still, make_still
from murid.training.augment import augment
from murid.training.config import ClipConfig, TrainConfig
from murid.training.synthetic_material import Material, Reel
from murid.video.background_model import BackgroundModel


@dataclass(frozen=True)
class Batch:
    """One training step's worth of pictures.

    Attributes
    ----------
    images : Tensor
        ``(B, 4, H, W)`` float32 in [0, 1]: RGB and the difference from the backdrop, zero where
        there is none.
    boxes : list of ndarray
        ``(n, 4)`` float32 xyxy pixels, one array a picture.
    identities : Tensor
        ``(K,)`` int64 of all boxes, picture after picture; -1 = none.
    """

    images: torch.Tensor
    boxes: list[np.ndarray]
    identities: torch.Tensor

    def to(self, device: torch.device) -> Batch:
        """Move images and identities to a device; boxes stay in NumPy."""
        return Batch(
            self.images.to(device, non_blocking=True), self.boxes, self.identities.to(device)
        )


class PictureSet(Dataset[Still]):
    """Endless training pictures by number: scenes, windows of recordings, and labelled ones changed at random.

    Labelled pictures come in another order in every round through them. For ``contrastive``
    learning of identity an even number and the next one go together, so that animals meet
    themselves in a batch: two frames of one recording, two neighbours among the labelled pictures,
    or, where every box is an identity of its own, the same one twice.

    Parameters
    ----------
    config : TrainConfig
    material : Material
        Real cut-outs and backgrounds, recordings; possibly none.
    labelled : sequence of Still
        Squares of `config.size_px` or larger, possibly none; their identities repeat none of the
        scenes.
    """

    def __init__(
        self, config: TrainConfig, material: Material, labelled: Sequence[Still] = ()
    ) -> None:
        self.config, self.material, self.labelled = config, material, labelled

    def __getitem__(self, number: int) -> Still:
        pair = np.random.default_rng((self.config.seed, number // 2, 1))
        if not len(self.labelled) or pair.random() < self.config.scenes:
            return make_scene(self.config, self.material, (self.config.seed + 1) * 10**9 + number)
        rng = np.random.default_rng((self.config.seed, number, 5))
        return augment(
            self.labelled[self._choose(number)], self.config.augment, rng, self.config.size_px
        )

    def _choose(self, number: int) -> int:
        """Row of the labelled picture that is shown."""
        n, paired = len(self.labelled), self.config.identity_loss == "contrastive"
        step = 2 if paired else 1
        n_steps = n if self.config.identity_source == "box" else -(-n // step)
        round_, place = divmod(number // step, n_steps)
        order = np.random.default_rng((self.config.seed, round_, 2)).permutation(n_steps)
        if not paired or self.config.identity_source == "box":
            return int(order[place])
        return min(2 * int(order[place]) + number % 2, n - 1)


def make_scene(config: TrainConfig, material: Material, seed: int) -> Still:
    """Make a picture whose truth is known exactly; even seeds and the next ones are of the same recording."""
    pair = np.random.default_rng((seed // 2, 3))
    reel = _choose_reel(pair, config.footage, material)
    if reel is None:
        return make_still(seed, config.stills, material.cutouts, material.places)
    camera = sample_window_camera(pair)
    rng = np.random.default_rng((seed, 4))
    return sample_window(rng, reel[int(rng.integers(len(reel)))], camera, config.stills)


def _choose_reel(rng: np.random.Generator, shares: ClipConfig, material: Material) -> Reel | None:
    point = rng.random()
    for share, reels in (
        (shares.recorded, material.recorded),
        (shares.composed, material.composed),
        (shares.solo, material.solos),
    ):
        if 0 <= point < share and reels:
            return reels[int(rng.integers(len(reels)))]
        point -= share
    return None


class EpochSampler(Sampler[int]):
    """Numbers of the pictures of one epoch; the next epoch goes on from there."""

    def __init__(self, n_pictures: int) -> None:
        self.n_pictures, self.epoch = n_pictures, 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, as Lightning does before each."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.n_pictures

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.epoch * self.n_pictures, (self.epoch + 1) * self.n_pictures))


def collate(stills: list[Still]) -> Batch:
    """Stack pictures of one size into a batch."""
    images = torch.from_numpy(
        to_input([s.image for s in stills], [compute_difference(s) for s in stills])
    )
    identities = torch.from_numpy(np.concatenate([s.identities for s in stills]))
    return Batch(
        images.contiguous(memory_format=torch.channels_last), [s.boxes for s in stills], identities
    )


def compute_difference(still: Still) -> np.ndarray:
    """Difference ``(h, w)`` uint8 of a picture from its backdrop, as a detector computes it; zero without one."""
    height, width = still.image.shape[:2]
    if still.background is None:
        return np.zeros((height, width), np.uint8)
    return BackgroundModel(
        still.background, np.zeros((height, width), np.uint8)
    ).compute_difference(still.image)


def load_batches(
    pictures: Dataset[Still], sampler: Sampler[int] | None, config: TrainConfig
) -> DataLoader[Any]:
    """Batches made in background processes, each with one thread."""
    return DataLoader(
        pictures,
        batch_size=config.batch_size,
        sampler=sampler,
        num_workers=config.n_workers,
        collate_fn=collate,
        worker_init_fn=_use_one_thread,
        prefetch_factor=4 if config.n_workers else None,
        persistent_workers=config.n_workers > 0,
        multiprocessing_context="fork" if config.n_workers else None,
    )


def _use_one_thread(_worker: int) -> None:
    cv2.setNumThreads(0)
    torch.set_num_threads(1)


def to_rois(boxes: Sequence[np.ndarray], jitter: float = 0.0) -> torch.Tensor:
    """Return ``(K, 5)`` rows (picture, x1, y1, x2, y2) from each picture's boxes, sides moved at random.

    `jitter` is the standard deviation of that, in sides of the box.
    """
    rows = [
        torch.cat([torch.full((len(b), 1), float(k)), torch.from_numpy(b)], dim=1)
        for k, b in enumerate(boxes)
    ]
    rois = torch.cat(rows)
    if jitter:
        size = (rois[:, 3:] - rois[:, 1:3]).repeat(1, 2)
        rois[:, 1:] += jitter * size * torch.randn(len(rois), 4)
    return rois

"""Synthetic training images, rendered once, stored on disk, and shared by all trainings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import overload

import numpy as np
from torch.utils.data import Dataset

from murid.core.progress import ProgressCallback, no_progress
from murid.synthetic.still import Still, make_still
from murid.synthetic.still_config import StillConfig
from murid.training.image_pool import ImagePool, build_image_pool, count_missing_images

# Hexadecimal digits of the hash in a directory's name.
_N_KEY_DIGITS = 12


@dataclass(frozen=True, slots=True)
class ImageSet:
    """Synthetic images with consecutive seeds.

    Attributes
    ----------
    config : StillConfig
    first_seed : int
    n_images : int
    """

    config: StillConfig
    first_seed: int
    n_images: int

    def locate(self, directory: Path) -> Path:
        """Return the directory of the images, one for each configuration and first seed."""
        described = json.dumps([self.first_seed, asdict(self.config)], sort_keys=True)
        digest = hashlib.sha256(described.encode()).hexdigest()[:_N_KEY_DIGITS]
        return directory / f"{self.config.size_px}px-{digest}"

    def count_missing(self, directory: Path) -> int:
        """Return the number of images that `render` would render."""
        return count_missing_images(self.locate(directory), self.n_images)

    def render(
        self, directory: Path, n_workers: int = 0, report: ProgressCallback = no_progress
    ) -> RenderedImages:
        """Render the images that do not exist yet, without background images.

        Parameters
        ----------
        directory : Path
            Directory of the images of all configurations.
        n_workers : int
            Processes that render; 0 = this one.
        report : callable
            Receives progress.

        Raises
        ------
        StorageError
            If the directory cannot be written.
        """
        # Networks of the paper have no background channel.
        stills = _Stills(replace(self.config, backgrounds=0.0), self.first_seed)
        own = self.locate(directory)
        pool = build_image_pool(stills, self.n_images, own, own.name, n_workers, report)
        return RenderedImages(pool, self.n_images)


class RenderedImages(Sequence[Still]):
    """Images of a pool as labelled images.

    Parameters
    ----------
    pool : ImagePool
    n_images : int
        The first images of the pool, which has whole files of them.
    """

    def __init__(self, pool: ImagePool, n_images: int) -> None:
        self.pool = pool
        self.n_images = n_images

    def __len__(self) -> int:
        return self.n_images

    @overload
    def __getitem__(self, number: int) -> Still: ...

    @overload
    def __getitem__(self, number: slice) -> list[Still]: ...

    def __getitem__(self, number: int | slice) -> Still | list[Still]:
        """Read one image, or several."""
        if isinstance(number, slice):
            return [self[k] for k in range(len(self))[number]]
        if not 0 <= number < self.n_images:
            raise IndexError(number)
        sample = self.pool.read(number)
        image = np.ascontiguousarray(sample.image[:3].transpose(1, 2, 0))
        return Still(
            image,
            sample.boxes.copy(),
            sample.identities.copy(),
            keypoints=sample.keypoints.copy(),
        )


class _Stills(Dataset[Still]):
    """Endless synthetic images with consecutive seeds."""

    def __init__(self, config: StillConfig, first_seed: int) -> None:
        self.config = config
        self.first_seed = first_seed

    def __getitem__(self, number: int) -> Still:
        return make_still(self.first_seed + number, self.config)

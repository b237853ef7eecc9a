"""Training images by number: image k is the same whenever and in whichever process it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from murid.core.keypoints import KEYPOINTS
from murid.detection.preprocess import to_input
from murid.networks.presets import NetworkConfig
from murid.networks.targets import Targets, make_targets
from murid.synthetic.clips import sample_window, sample_window_camera
from murid.synthetic.still import Still, make_still
from murid.training.augment import augment
from murid.training.config import ClipConfig, TrainConfig
from murid.training.synthetic_sources import SyntheticSources
from murid.training.training_clips import Clip
from murid.training.worker_process import use_one_thread
from murid.video.background_model import BackgroundModel

# Second component of the seeds of random generators, so that draws for different purposes are
# independent. Changing one changes the images of a training.
_SOURCE_STREAM = 1
_ORDER_STREAM = 2
_CLIP_STREAM = 3
_WINDOW_STREAM = 4
_AUGMENT_STREAM = 5

# Synthetic images of a training have seeds from (seed + 1) times this on, so that trainings with
# different seeds have no image in common.
_SEEDS_PER_TRAINING = 10**9


@dataclass(frozen=True)
class Batch:
    """Images and labels of one training step.

    Attributes
    ----------
    images : Tensor
        ``(B, 4, H, W)`` float32 in [0, 1], or uint8 until the batch is on its device: RGB, and the
        difference from the background, which is zero where there is no background.
    boxes : list of ndarray
        ``(n, 4)`` float32 xyxy pixels, one array per image.
    identities : Tensor
        ``(K,)`` int64 of all boxes, image after image; -1 = none.
    keypoints : list of ndarray
        ``(n, 3, 2)`` float32 pixels, one array per image; NaN = unknown.
    class_ids : list of ndarray
        ``(n,)`` int64 class of each box, one array per image.
    recordings : ndarray
        ``(K,)`` int64 labelled recording of each box; -1 = none. See `Still`. Only in validation,
        as `times_s`; else empty.
    times_s : ndarray
        ``(K,)`` float64 time of each box in its recording.
    light : Tensor or None
        ``(B, 2)`` float32 factor and exponent of the brightness of each image, which `to` applies;
        None = unchanged.
    targets : Targets or None
        Training targets of the heads; None in validation.
    """

    images: torch.Tensor
    boxes: list[np.ndarray]
    identities: torch.Tensor
    keypoints: list[np.ndarray]
    class_ids: list[np.ndarray]
    recordings: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    times_s: np.ndarray = field(default_factory=lambda: np.zeros(0))
    light: torch.Tensor | None = None
    targets: Targets | None = None

    def to(self, device: torch.device) -> Batch:
        """Return the batch with images, as float32, and targets on a device."""
        images = self.images.to(device, non_blocking=True)
        if images.dtype == torch.uint8:
            images = images.float() / 255
        if self.light is not None:
            images = _change_light(images, self.light.to(device, non_blocking=True))
        images = images.contiguous(memory_format=torch.channels_last)
        targets = None if self.targets is None else self.targets.to(device)
        return replace(self, images=images, light=None, targets=targets)

    def pin_memory(self) -> Batch:
        """Return the batch in memory from which a GPU copies while it computes."""
        return replace(
            self,
            images=self.images.pin_memory(),
            light=None if self.light is None else self.light.pin_memory(),
            targets=None if self.targets is None else self.targets.pin_memory(),
        )


def _change_light(images: torch.Tensor, light: torch.Tensor) -> torch.Tensor:
    """Return images ``(B, 4, H, W)`` in [0, 1] with other brightness; the last channel stays."""
    factors, exponents = light.T[..., None, None, None]
    lit = (images[:, :3].pow(exponents) * factors).clamp(0, 1)
    return torch.cat([lit, images[:, 3:]], dim=1)


class TrainingImages(Dataset[Still]):
    """Endless training images by number: synthetic images, and augmented labelled ones.

    Each pass through the labelled images has a new order. With the ``contrastive`` loss, images 2k
    and 2k + 1 belong together, so that animals occur in a batch more than once: they are two frames
    of one clip, two neighbours among the labelled images, or, where every box has an identity of
    its own, the same labelled image twice.

    Parameters
    ----------
    config : TrainConfig
    sources : SyntheticSources
    labelled : sequence of Still
        Labelled squares of `config.size_px` or larger. Their identities differ from those of the
        synthetic images.
    """

    def __init__(
        self, config: TrainConfig, sources: SyntheticSources, labelled: Sequence[Still] = ()
    ) -> None:
        self.config = config
        self.sources = sources
        self.labelled = labelled

    def __getitem__(self, number: int) -> Still:
        config = self.config
        # The two images of a pair are of the same kind.
        pair_rng = np.random.default_rng((config.seed, number // 2, _SOURCE_STREAM))
        if not len(self.labelled) or pair_rng.random() < config.synthetic_share:
            seed = (config.seed + 1) * _SEEDS_PER_TRAINING + number
            return make_synthetic_image(config, self.sources, seed)
        rng = np.random.default_rng((config.seed, number, _AUGMENT_STREAM))
        still = self.labelled[self._choose_labelled(number)]
        return augment(still, config.augment, rng, config.size_px)

    def _choose_labelled(self, number: int) -> int:
        """Return the row of the labelled image that an image number shows."""
        n = len(self.labelled)
        paired = self.config.identity_loss == "contrastive"
        repeated = self.config.identity_source == "box"
        # A pass has one item per labelled image, or per pair of neighbours.
        images_per_item = 2 if paired else 1
        n_items = n if repeated else -(-n // images_per_item)
        pass_number, place = divmod(number // images_per_item, n_items)
        rng = np.random.default_rng((self.config.seed, pass_number, _ORDER_STREAM))
        item = int(rng.permutation(n_items)[place])
        if not paired or repeated:
            return item
        return min(2 * item + number % 2, n - 1)


def make_synthetic_image(config: TrainConfig, sources: SyntheticSources, seed: int) -> Still:
    """Return a synthetic image; seeds 2k and 2k + 1 give frames of the same clip."""
    pair_rng = np.random.default_rng((seed // 2, _CLIP_STREAM))
    clip = _choose_clip(pair_rng, config.clips, sources)
    if clip is None:
        return make_still(seed, config.stills, sources.cutouts, sources.backgrounds)
    camera = sample_window_camera(pair_rng)
    rng = np.random.default_rng((seed, _WINDOW_STREAM))
    frame = clip[int(rng.integers(len(clip)))]
    return sample_window(rng, frame, camera, config.stills)


def count_synthetic_identities(
    config: TrainConfig, sources: SyntheticSources, has_labels: bool
) -> int:
    """Return the number of identities that synthetic images of a training can show.

    Identities of labelled animals follow these. A classifier has a class for each, and its scale
    depends on their number, so that identities that never occur are not counted.
    """
    if has_labels and config.synthetic_share == 0:
        return 0
    return max(config.stills.n_identities, sources.n_identities)


def _choose_clip(
    rng: np.random.Generator, config: ClipConfig, sources: SyntheticSources
) -> Clip | None:
    """Draw a clip according to the shares of its kinds; None = a single synthetic image."""
    kinds = (
        (config.synthetic_share, sources.synthetic_clips),
        (config.composed_share, sources.composed_clips),
        (config.solo_share, sources.solo_clips),
    )
    # The kinds divide the range from 0 to 1 by their shares. The rest, and the part of a kind
    # without clips, belong to single images.
    point = rng.random()
    for share, clips in kinds:
        if 0 <= point < share and clips:
            return clips[int(rng.integers(len(clips)))]
        point -= share
    return None


class EpochSampler(Sampler[int]):
    """Numbers of images or batches from the first that was not yet used to the end of the epoch.

    A training that is resumed within an epoch thereby goes on with the images that it would have
    used next.

    Parameters
    ----------
    n_per_epoch : int
    count_used : callable
        Returns how many numbers the training has used, over all epochs.
    """

    def __init__(self, n_per_epoch: int, count_used: Callable[[], int]) -> None:
        self.n_per_epoch = n_per_epoch
        self.count_used = count_used

    def __len__(self) -> int:
        return self.n_per_epoch

    def __iter__(self) -> Iterator[int]:
        first = self.count_used()
        return iter(range(first, (first // self.n_per_epoch + 1) * self.n_per_epoch))


def collate(stills: list[Still]) -> Batch:
    """Return a batch of images of one size."""
    differences = [compute_difference(still) for still in stills]
    images = torch.from_numpy(to_input([still.image for still in stills], differences))
    identities = torch.from_numpy(np.concatenate([still.identities for still in stills]))
    counts = [len(still.boxes) for still in stills]
    recordings = [-1 if still.recording is None else still.recording for still in stills]
    return Batch(
        images=images.contiguous(memory_format=torch.channels_last),
        boxes=[still.boxes for still in stills],
        identities=identities,
        keypoints=[get_keypoints(still) for still in stills],
        class_ids=[get_class_ids(still) for still in stills],
        recordings=np.repeat(np.array(recordings, np.int64), counts),
        times_s=np.repeat(np.array([still.time_s for still in stills]), counts),
    )


def get_keypoints(still: Still) -> np.ndarray:
    """Return the keypoints ``(n, 3, 2)`` of an image, NaN where they are unknown."""
    if still.keypoints is None:
        return np.full((len(still.boxes), len(KEYPOINTS), 2), np.nan, np.float32)
    return still.keypoints


def get_class_ids(still: Still) -> np.ndarray:
    """Return the class ``(n,)`` of each animal; synthetic animals are of the first class."""
    if still.class_ids is None:
        return np.zeros(len(still.boxes), np.int64)
    return still.class_ids


def compute_difference(still: Still) -> np.ndarray:
    """Return the difference ``(h, w)`` uint8 of an image from its background; zero without one.

    The difference is computed as in detection.
    """
    height, width = still.image.shape[:2]
    zeros = np.zeros((height, width), np.uint8)
    if still.background is None:
        return zeros
    return BackgroundModel(still.background, zeros).compute_difference(still.image)


def make_loader(
    images: Dataset[Still] | Dataset[Batch],
    sampler: Sampler[int] | None,
    config: TrainConfig,
    *,
    batched: bool = False,
    network: NetworkConfig | None = None,
) -> DataLoader[Any]:
    """Return a loader of batches that are made in `config.n_workers` processes of one thread.

    Parameters
    ----------
    images : Dataset
    sampler : Sampler, optional
        Numbers of the images or batches; by default all in order.
    config : TrainConfig
    batched : bool
        Whether the data set consists of batches already.
    network : NetworkConfig, optional
        The network whose targets are added to the batches; by default none are.
    """
    collate_batch: Callable[[Any], Batch] = _return_batch if batched else collate
    if network is not None and network.detector == "rtm":
        collate_batch = _TargetMaker(collate_batch, network)
    return DataLoader(
        images,
        batch_size=None if batched else config.batch_size,
        sampler=sampler,
        num_workers=config.n_workers,
        collate_fn=collate_batch,
        worker_init_fn=_start_worker,
        prefetch_factor=4 if config.n_workers else None,
        persistent_workers=config.n_workers > 0,
        # A forked process shares the clips in memory instead of copying them.
        multiprocessing_context="fork" if config.n_workers else None,
        pin_memory=torch.cuda.is_available(),
    )


def _return_batch(batch: Batch) -> Batch:
    return batch


@dataclass(frozen=True)
class _TargetMaker:
    """Makes a batch and its targets, in the process that makes the images."""

    collate_batch: Callable[[Any], Batch]
    network: NetworkConfig

    def __call__(self, samples: Any) -> Batch:
        batch = self.collate_batch(samples)
        return replace(batch, targets=make_batch_targets(batch, self.network))


def make_batch_targets(batch: Batch, network: NetworkConfig) -> Targets:
    """Return the training targets of a batch."""
    height, width = batch.images.shape[2:]
    return make_targets(
        batch.boxes,
        height,
        width,
        box_mode=network.box_mode,
        labels=batch.class_ids if network.n_classes > 1 else None,
        n_classes=network.n_classes,
        keypoints=batch.keypoints if network.keypoints else None,
    )


def _start_worker(_number: int) -> None:
    use_one_thread()


def to_rois(
    boxes: Sequence[np.ndarray], jitter: float = 0.0, generator: torch.Generator | None = None
) -> torch.Tensor:
    """Return the boxes of a batch as regions of interest, moved at random.

    Parameters
    ----------
    boxes : sequence of ndarray
        ``(n, 4)`` float32 xyxy pixels, one array per image.
    jitter : float
        Standard deviation of the shift of each side, as a share of the box's width or height.
    generator : Generator, optional
        Source of the shifts; by default PyTorch's own.

    Returns
    -------
    Tensor
        ``(K, 5)`` float32: index of the image, x1, y1, x2, y2.
    """
    parts = [
        torch.cat([torch.full((len(b), 1), float(k)), torch.from_numpy(b)], dim=1)
        for k, b in enumerate(boxes)
    ]
    rois = torch.cat(parts)
    if jitter:
        size = (rois[:, 3:] - rois[:, 1:3]).repeat(1, 2)
        rois[:, 1:] += jitter * size * torch.randn(len(rois), 4, generator=generator)
    return rois

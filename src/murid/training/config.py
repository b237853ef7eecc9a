"""Settings of training, and the two profiles: the paper's protocol, and that of murid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args

from murid.errors import ConfigError
from murid.networks.losses import Reduction
from murid.networks.presets import PRESETS, NetworkConfig
from murid.synthetic.still_config import StillConfig
from murid.training.loss_balancing import BalanceConfig
from murid.training.network_changes import NetworkChanges, change_network

IdentitySource = Literal["track", "box", "none"]
IdentityLoss = Literal["cross_entropy", "focal", "contrastive"]
Optimizer = Literal["sgd", "adamw"]

# Settings that change the speed of a training but not its result.
RUNTIME_SETTINGS = ("n_workers", "n_threads", "checkpoint_minutes")

# Fields of `TrainConfig` by the range of their values.
_ONE_OR_MORE = ("epochs", "batch_size", "patience", "n_threads")
_ZERO_OR_MORE = (
    "box_overlap_weight",
    "keypoint_weight",
    "weight_decay",
    "warmup",
    "box_jitter",
    "max_gradient_norm",
    "n_workers",
    "identity_every",
    "pool_images",
)
_SHARES = ("synthetic_share", "momentum", "final_rate", "validation_share")


@dataclass(frozen=True, kw_only=True, slots=True)
class AugmentConfig:
    """Random augmentation of labelled images: HSV, rotation, scale, shift, shear and mirroring.

    The kinds are those of the paper (section IV-A), the ranges those of YOLOv5 and YOLOX, which the
    paper does not state. Zeros, and a scale from 1 to 1, leave images unchanged.
    """

    hue: float = 0.015
    """Maximum relative change of the hue, 0 to 1."""

    saturation: float = 0.7
    """Maximum relative change of the saturation, 0 to 1."""

    value: float = 0.4
    """Maximum relative change of the brightness, 0 to 1."""

    rotate_deg: float = 10.0
    """Maximum rotation in either direction, degrees."""

    shear_deg: float = 2.0
    """Maximum shear in either direction, degrees."""

    translate: float = 0.1
    """Maximum shift, as a share of the image's width and height."""

    scale: tuple[float, float] = (0.5, 1.5)
    """Minimum and maximum scale factor."""

    flip: float = 0.5
    """Probability of mirroring left and right."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipConfig:
    """Clips with exact ground truth that training images are cut from, and their shares.

    The shares are of the synthetic images. The rest, and the share of a kind without clips, are
    single synthetic images.

    Raises
    ------
    ConfigError
        If a number or a share is negative, or the shares sum to more than 1.
    """

    n_synthetic: int = 200
    """Number of synthetic clips, rendered before the training."""

    n_composed: int = 24
    """Number of clips composed of solo videos, where these are given."""

    synthetic_share: float = 0.35
    """Share of images from synthetic clips."""

    composed_share: float = 0.12
    """Share of images from composed clips."""

    solo_share: float = 0.1
    """Share of images from the solo videos themselves."""

    no_background: float = 0.1
    """Share of the synthetic clips without a background model, as in very short recordings."""

    poor_background: float = 0.15
    """Share of the synthetic clips whose background model is learnt from three frames."""

    def __post_init__(self) -> None:
        for name in ("n_synthetic", "n_composed"):
            if getattr(self, name) < 0:
                raise ConfigError(f"clips.{name}: expected 0 or more, got {getattr(self, name)}")
        shares = (self.synthetic_share, self.composed_share, self.solo_share)
        if min(shares) < 0 or sum(shares) > 1:
            raise ConfigError(
                "clips.synthetic_share, composed_share, solo_share: "
                f"expected 0 or more with a sum of 1 or less, got {shares}"
            )
        backgrounds = (self.no_background, self.poor_background)
        if min(backgrounds) < 0 or sum(backgrounds) > 1:
            raise ConfigError(
                "clips.no_background, poor_background: "
                f"expected 0 or more with a sum of 1 or less, got {backgrounds}"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainConfig:
    """Settings of a training; the defaults are murid's profile.

    Raises
    ------
    ConfigError
        If a value is out of range or unknown.
    """

    preset: str = "nano"
    """Network preset."""

    network: NetworkChanges = field(default_factory=NetworkChanges)
    """Changes to the network of the preset."""

    start: str | None = None
    """Checkpoint (``.pt``) of the same network with the initial weights. None = random weights, as
    in the paper."""

    size_px: int = 256
    """Width and height of training images, a multiple of 32."""

    epochs: int = 100
    """Maximum number of epochs."""

    steps_per_epoch: int | None = None
    """Steps between two validations. None = one pass through the labelled images, or 250 without
    labelled images."""

    minutes: float | None = None
    """Maximum duration in minutes with validation; the learning rate then follows the time. None =
    no limit."""

    patience: int = 30
    """Epochs without a better validation score after which training stops."""

    batch_size: int = 16
    """Images per step."""

    optimizer: Optimizer = "adamw"
    """``sgd`` with momentum (paper), or ``adamw``."""

    learning_rate: float = 2e-3
    """Maximum learning rate."""

    final_rate: float = 0.02
    """Last learning rate as a share of the maximum; it is reached along half a cosine."""

    warmup: float = 0.03
    """Share of the training in which the learning rate rises from zero."""

    momentum: float = 0.937
    """Momentum of ``sgd``."""

    weight_decay: float = 1e-3
    """Weight decay of convolution and linear weights; biases and normalisation have none."""

    ema_decay: float | None = 0.998
    """Decay of the exponential moving average of the weights, after a ramp (YOLOX). None = no
    average."""

    max_gradient_norm: float = 10.0
    """Norm that gradients are clipped to; 0 = no clipping."""

    bf16: bool = True
    """Whether to compute in bfloat16 where the processor or graphics card has it in hardware.
    Elsewhere training runs in float32, and says so."""

    balance: BalanceConfig = field(default_factory=BalanceConfig)
    """How the losses are balanced."""

    box_overlap_weight: float = 10.0
    """Weight of one minus the complete IoU of the boxes, added to the L1 loss of their sides; 0 =
    the paper's loss."""

    box_loss_reduction: Reduction = "mean"
    """Whether the L1 losses of offset and size are divided by the number of values in the batch
    (``mean``, as in FairMOT), or not (``sum``, as in the paper's Eq. 3)."""

    keypoint_weight: float = 3.0
    """Weight of the loss of keypoints, which is added to the balanced losses of the paper; without
    effect on presets that have no keypoints."""

    identity_loss: IdentityLoss = "contrastive"
    """Loss of re-identification: a classifier of all identities in the data (``cross_entropy``, as
    in the paper, or ``focal``), or the supervised contrastive loss between the animals of a batch
    (``contrastive``)."""

    identity_source: IdentitySource = "track"
    """Identities in labelled data: one per ``track``, one per ``box`` (the paper's training on
    single images), or ``none``. With ``none``, re-identification learns from synthetic images
    only."""

    identity_every: int = 3
    """Re-identification is trained in every n-th step, because its backward pass is slow on a CPU;
    0 = never."""

    box_jitter: float = 0.05
    """Standard deviation of the random shift of the boxes that re-identification is trained on, as
    a share of their sides."""

    synthetic_share: float = 0.5
    """Share of synthetic and composed images beside labelled ones; 1 without labelled data."""

    pool_images: int = 0
    """Number of training images that are made before the training and then drawn again and again,
    turned, mirrored and lit at random. 0 = each image is made once, when it is needed. A pool is
    much faster where making an image takes longer than training on it."""

    validation_share: float = 0.2
    """Share of labelled sequences that are held out to select the best weights. 0 = select them on
    the training images."""

    augment: AugmentConfig = field(default_factory=AugmentConfig)
    """Random augmentation of labelled images."""

    stills: StillConfig = field(default_factory=StillConfig)
    """Single synthetic images; `size_px` replaces their size."""

    clips: ClipConfig = field(default_factory=ClipConfig)
    """Clips that synthetic images are cut from."""

    seed: int = 0
    """Seed of weights, images and their order."""

    checkpoint_minutes: float = 5.0
    """Minutes between two checkpoints; there is one after each epoch as well."""

    n_workers: int = 1
    """Processes that prepare images; does not change the result."""

    n_threads: int = 1
    """Threads that train on a CPU; does not change the result."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "stills", replace(self.stills, size_px=self.size_px))
        self._check_choices()
        self._check_numbers()

    def _check_numbers(self) -> None:
        for name in _ONE_OR_MORE:
            self._check(name, getattr(self, name) >= 1, "1 or more")
        for name in _ZERO_OR_MORE:
            self._check(name, getattr(self, name) >= 0, "0 or more")
        for name in _SHARES:
            self._check(name, 0 <= getattr(self, name) <= 1, "a number from 0 to 1")
        self._check("checkpoint_minutes", self.checkpoint_minutes > 0, "more than 0")
        self._check(
            "batch_size",
            self.pool_images == 0 or self.batch_size % 2 == 0,
            "an even number with pool_images",
        )
        self._check("learning_rate", self.learning_rate > 0, "more than 0")
        self._check("size_px", self.size_px > 0 and self.size_px % 32 == 0, "a multiple of 32")
        # Fields that may be None.
        minutes = self.minutes
        steps = self.steps_per_epoch
        decay = self.ema_decay
        self._check("minutes", minutes is None or minutes > 0, "more than 0")
        self._check("steps_per_epoch", steps is None or steps >= 1, "1 or more")
        self._check("ema_decay", decay is None or 0 < decay < 1, "a number between 0 and 1")

    def _check_choices(self) -> None:
        self._check_choice("preset", tuple(PRESETS))
        self._check_choice("box_loss_reduction", get_args(Reduction))
        self._check_choice("optimizer", get_args(Optimizer))
        self._check_choice("identity_loss", get_args(IdentityLoss))
        self._check_choice("identity_source", get_args(IdentitySource))
        has_own_losses = PRESETS[self.preset].detector == "yolox"
        self._check(
            "balance",
            self.balance.name == "fixed" or not has_own_losses,
            f"fixed with {self.preset}, which has losses of its own",
        )
        change_network(PRESETS[self.preset], self.network)  # raises if a change is invalid

    def _check_choice(self, name: str, choices: tuple[str, ...]) -> None:
        self._check(name, getattr(self, name) in choices, " or ".join(choices))

    def _check(self, name: str, holds: bool, expected: str) -> None:
        if not holds:
            raise ConfigError(f"{name}: expected {expected}, got {getattr(self, name)}")

    @property
    def network_config(self) -> NetworkConfig:
        """Configuration of the network: the preset with the changes."""
        return change_network(PRESETS[self.preset], self.network)

    @classmethod
    def paper(cls, **changed: Any) -> TrainConfig:
        """Return the paper's protocol, with the given settings changed.

        Section IV-A states size, epochs, patience, batch size, optimiser, maximum learning rate,
        momentum, weight decay, the kinds of augmentation, which do not include mirroring, and the
        training on single images, in which each box is a class of its own. It mentions neither
        clipping of gradients nor bfloat16. It does not state the schedule, the moving average and
        the ranges of the augmentation, which are those of FairMOT, YOLOv5 and YOLOX.
        """
        protocol = cls(
            preset="s",
            size_px=640,
            epochs=300,
            patience=30,
            batch_size=16,
            optimizer="sgd",
            learning_rate=0.01,
            final_rate=0.05,
            warmup=0.01,
            momentum=0.937,
            weight_decay=5e-4,
            ema_decay=0.9999,
            max_gradient_norm=0.0,
            bf16=False,
            identity_every=1,
            identity_loss="cross_entropy",
            identity_source="box",
            box_overlap_weight=0.0,
            box_jitter=0.0,
            synthetic_share=0.0,
            augment=AugmentConfig(flip=0.0),
        )
        return replace(protocol, **changed)


# Default configurations by name.
PROFILES: dict[str, Callable[[], TrainConfig]] = {"murid": TrainConfig, "paper": TrainConfig.paper}


# Settings that decide the training images; with others, images made ahead are made again.
_IMAGE_SETTINGS = (
    "seed",
    "size_px",
    "identity_loss",
    "identity_source",
    "synthetic_share",
    "augment",
    "stills",
    "clips",
)


def describe_images(config: TrainConfig) -> str:
    """Return the settings that decide the training images, as text."""
    return repr({name: getattr(config, name) for name in _IMAGE_SETTINGS})


def to_plain(config: TrainConfig) -> dict[str, Any]:
    """Return all settings as nested dictionaries of plain values."""
    return asdict(config)

"""Settings of training, and the two profiles: the paper's protocol, and murid's."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from murid.errors import ConfigError
from murid.networks.presets import PRESETS
from murid.synthetic.still import StillConfig
from murid.training.loss_balancing import BalanceConfig

IdentitySource = Literal["track", "box", "none"]
IdentityLoss = Literal["cross_entropy", "focal", "contrastive"]
IDENTITY_LOSSES: tuple[IdentityLoss, ...] = get_args(IdentityLoss)
Optimizer = Literal["sgd", "adamw"]
_AT_LEAST_ONE = ("epochs", "batch_size", "patience", "n_threads")
_NOT_NEGATIVE = (
    "box_overlap_weight",
    "weight_decay",
    "warmup",
    "box_jitter",
    "clip_norm",
    "n_workers",
    "identity_every",
)
_SHARES = ("scenes", "momentum", "final_rate", "validation")


@dataclass(frozen=True, kw_only=True, slots=True)
class AugmentConfig:
    """Random changes to labelled pictures; zeros leave them as they are (spec: HSV, rotation, scale, shift, shear).

    Attributes
    ----------
    hue, saturation, value : float
        Largest relative change of each, 0 to 1.
    rotate_deg, shear_deg : float
        Largest angle either way, degrees.
    translate : float
        Largest shift, in sides of the picture.
    scale : tuple of float
        Smallest and largest factor.
    flip : float
        Chance to mirror left and right.
    """

    hue: float = 0.015
    saturation: float = 0.7
    value: float = 0.4
    rotate_deg: float = 10.0
    shear_deg: float = 2.0
    translate: float = 0.1
    scale: tuple[float, float] = (0.5, 1.5)
    flip: float = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipConfig:
    """Recordings with perfect truth that training pictures are windows of, and how many of the pictures are.

    What is left over of the shares, or has no material, goes to single synthetic pictures.

    Attributes
    ----------
    n_recorded : int
        Synthetic recordings, filmed before the training.
    n_composed : int
        Recordings composed of the animals of solo videos, where these are given.
    recorded, composed, solo : float
        Shares of pictures from synthetic, from composed and from the solo recordings themselves.
    """

    n_recorded: int = 200
    n_composed: int = 24
    recorded: float = 0.35
    composed: float = 0.12
    solo: float = 0.1

    def __post_init__(self) -> None:
        for name in ("n_recorded", "n_composed"):
            if getattr(self, name) < 0:
                raise ConfigError(f"footage.{name}: expected 0 or more, got {getattr(self, name)}")
        shares = (self.recorded, self.composed, self.solo)
        if min(shares) < 0 or sum(shares) > 1:
            raise ConfigError(
                f"footage: expected shares of 0 or more that sum to 1 at most, got {shares}"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainConfig:
    """How to train; the defaults are murid's own profile.

    Raises
    ------
    ConfigError
        If a value is out of range or unknown.
    """

    preset: str = "nano"
    """Network preset."""

    start: str | None = None
    """Network (``.pt``) of the same preset whose weights to start from; None = random ones, as in
    the paper."""

    size_px: int = 256
    """Width and height of training pictures, a multiple of 32."""

    epochs: int = 100
    """Longest training, in epochs."""

    steps_per_epoch: int | None = None
    """Steps between two validations; None = once through the labelled pictures, or 250 where there
    are none."""

    minutes: float | None = None
    """Longest training, in minutes; the learning rate then follows the time. None = no limit."""

    patience: int = 30
    """Epochs without a better validation score after which training ends."""

    batch_size: int = 16
    """Pictures a step."""

    optimizer: Optimizer = "adamw"
    """``sgd`` with momentum (paper), or ``adamw``."""

    learning_rate: float = 2e-3
    """Highest rate."""

    final_rate: float = 0.02
    """Last rate as a share of the highest; the way there is half a cosine."""

    warmup: float = 0.03
    """Share of the training in which the rate rises from zero."""

    momentum: float = 0.937
    """Of ``sgd``."""

    weight_decay: float = 1e-3
    """For convolution and linear weights alone."""

    ema_decay: float | None = 0.998
    """Of the running mean of the weights, reached after a ramp (YOLOX); None = no mean."""

    clip_norm: float = 10.0
    """Longest gradient; 0 = any."""

    bf16: bool = True
    """Compute in bfloat16 where PyTorch's autocast allows it."""

    balance: BalanceConfig = field(default_factory=BalanceConfig)
    """How the losses are balanced."""

    box_overlap_weight: float = 10.0
    """Weight, beside the distance of the sides (paper), of one minus the complete IoU of the boxes;
    0 = the paper's."""

    identity_loss: IdentityLoss = "contrastive"
    """How re-identification learns: by naming every animal of the training (``cross_entropy``, as
    in the paper, or ``focal``), or by telling those in a batch apart (``contrastive``)."""

    identity_source: IdentitySource = "track"
    """What one identity is in labelled data: a ``track``, each ``box`` by itself (the paper's
    single-image training), or ``none``: re-identification then learns from scenes alone."""

    identity_every: int = 3
    """Steps between two that train re-identification, whose backward pass is dear on a CPU; 0 =
    never."""

    box_jitter: float = 0.05
    """Standard deviation, in box sides, by which boxes given to re-identification are moved."""

    scenes: float = 0.5
    """Share of synthetic and composed pictures beside labelled ones; without labelled data all
    are."""

    validation: float = 0.2
    """Share of labelled sequences held out, whole, to choose the best weights by; 0 = choose by
    those trained on."""

    augment: AugmentConfig = field(default_factory=AugmentConfig)
    """Random changes to labelled pictures."""

    stills: StillConfig = field(default_factory=StillConfig)
    """The synthetic pictures; their size is `size_px`."""

    footage: ClipConfig = field(default_factory=ClipConfig)
    """Windows of recordings, among the scenes."""

    seed: int = 0
    """Of weights, pictures and their order."""

    n_workers: int = 1
    """Processes that make pictures."""

    n_threads: int = 1
    """Threads that train on a CPU."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "stills", replace(self.stills, size_px=self.size_px))
        self._check_choices()
        for name in _AT_LEAST_ONE:
            self._check(name, getattr(self, name) >= 1, "1 or more")
        for name in _NOT_NEGATIVE:
            self._check(name, getattr(self, name) >= 0, "0 or more")
        for name in _SHARES:
            self._check(name, 0 <= getattr(self, name) <= 1, "a number from 0 to 1")
        self._check("learning_rate", self.learning_rate > 0, "more than 0")
        self._check("size_px", self.size_px > 0 and self.size_px % 32 == 0, "a multiple of 32")
        self._check("minutes", self.minutes is None or self.minutes > 0, "more than 0")
        self._check(
            "steps_per_epoch",
            self.steps_per_epoch is None or self.steps_per_epoch >= 1,
            "1 or more",
        )
        self._check(
            "ema_decay",
            self.ema_decay is None or 0 < self.ema_decay < 1,
            "a number between 0 and 1",
        )

    def _check_choices(self) -> None:
        self._check("preset", self.preset in PRESETS, " or ".join(PRESETS))
        plain = self.preset in PRESETS and PRESETS[self.preset].detector == "yolox"
        fixed = self.balance.name == "fixed"
        self._check(
            "balance", fixed or not plain, f"fixed with {self.preset}, which has losses of its own"
        )
        self._check("optimizer", self.optimizer in ("sgd", "adamw"), "sgd or adamw")
        self._check(
            "identity_loss", self.identity_loss in IDENTITY_LOSSES, " or ".join(IDENTITY_LOSSES)
        )
        self._check(
            "identity_source",
            self.identity_source in ("track", "box", "none"),
            "track, box or none",
        )

    def _check(self, name: str, holds: bool, expected: str) -> None:
        if not holds:
            raise ConfigError(f"{name}: expected {expected}, got {getattr(self, name)}")

    @classmethod
    def paper(cls, **changed: Any) -> TrainConfig:
        """Return the paper's protocol (section IV-A; FairMOT, YOLOv5 and YOLOX where it is silent: spec section 5)."""
        literal = cls(
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
            identity_every=1,
            identity_loss="cross_entropy",
            box_overlap_weight=0.0,
            box_jitter=0.0,
            scenes=0.0,
        )
        return replace(literal, **changed)


PROFILES: dict[str, Callable[[], TrainConfig]] = {"murid": TrainConfig, "paper": TrainConfig.paper}
"""Configurations by name."""


def load_config(path: str | Path, base: TrainConfig) -> TrainConfig:
    """Read settings from a TOML file, over those of `base`; a table such as ``[augment]`` sets fields of that name.

    Raises
    ------
    ConfigError
        If the file cannot be read, or holds an unknown name or a wrong value.
    """
    given = read_settings(path)
    try:
        return change_config(base, given)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def read_settings(path: str | Path) -> dict[str, Any]:
    """Read a TOML file; raises `ConfigError` if it cannot be read."""
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: expected a readable file, got: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: expected TOML, got: {error}") from error


def change_config(base: TrainConfig, given: Mapping[str, Any]) -> TrainConfig:
    """Return `base` with the given fields changed; nested tables change fields of nested settings."""
    changed: dict[str, Any] = {}
    for name, value in given.items():
        current = _get_field(base, name)
        changed[name] = (
            _change_nested(name, current, value) if isinstance(value, Mapping) else value
        )
    return replace(base, **changed)


def _change_nested(name: str, current: Any, given: Mapping[str, Any]) -> Any:
    if not is_dataclass(current):
        raise ConfigError(f"{name}: expected a value, got a table")
    for inner in given:
        _get_field(current, inner, f"{name}.")
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
    return replace(current, **values)  # type: ignore[type-var]


def _get_field(config: Any, name: str, prefix: str = "") -> Any:
    if name not in {f.name for f in fields(config)}:
        raise ConfigError(
            f"{prefix}{name}: expected one of {', '.join(f.name for f in fields(config))}"
        )
    return getattr(config, name)


def to_plain(config: TrainConfig) -> dict[str, Any]:
    """Return all settings as plain values."""
    return asdict(config)

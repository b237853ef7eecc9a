"""Configuration of networks, and the named presets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from murid.errors import ConfigError

# Width and height of a box, or distances from its centre to left, top, right and bottom.
BoxMode = Literal["wh", "ltrb"]
PartAxis = Literal["width", "height"]
Backbone = Literal["csp-darknet", "resnet34", "resnet50", "dla34", "hardnet85"]
# The paper's detector, or plain YOLOX as its baseline.
DetectorKind = Literal["rtm", "yolox"]
PresetName = Literal["nano", "s", "m", "l", "yolox-s", "resnet34", "resnet50", "dla34", "hardnet85"]

# Input pixels per cell of the heatmap, along each axis (paper, section III-A).
STRIDE = 4


@dataclass(frozen=True, slots=True)
class RimConfig:
    """Configuration of the re-identification branch (paper, section III-B).

    Attributes
    ----------
    grid : int
        Cells along each side of the map pooled from a box; 20 gives the paper's 1024×20×20.
    channels : int
        Channels of the pooled map, and length of the global vector.
    part_channels : int
        Length of each part vector.
    n_parts : int
        Number of strips that the map is split into; divides `grid`.
    part_axis : {"width", "height"}
        Axis along which the map is split: ``"width"`` as in the paper, ``"height"`` as in PCB (Sun
        et al. 2018).
    share_parts : bool
        Whether all strips use the same weights.
    literal_order : bool
        Whether strips are pooled before convolution and attention, in the order of the paper.
        Attention then receives one value per channel, and training needs two or more boxes in a
        batch.
    embedding_size : int
        Length of the embedding.
    use_vector : bool
        Whether the concatenated global and part vectors are the embedding, without a linear layer;
        `embedding_size` must then equal `vector_size`.

    Raises
    ------
    ConfigError
        If a number is below 1, `n_parts` does not divide `grid`, or `embedding_size` does not fit
        `use_vector`.
    """

    grid: int = 8
    channels: int = 1024
    part_channels: int = 256
    n_parts: int = 4
    part_axis: PartAxis = "width"
    share_parts: bool = False
    literal_order: bool = False
    embedding_size: int = 128
    use_vector: bool = False

    def __post_init__(self) -> None:
        for name in ("grid", "channels", "part_channels", "n_parts", "embedding_size"):
            if getattr(self, name) < 1:
                raise ConfigError(
                    f"RimConfig.{name}: expected 1 or more, got {getattr(self, name)}"
                )
        if self.grid % self.n_parts:
            raise ConfigError(
                f"RimConfig.grid: expected a multiple of n_parts ({self.n_parts}), got {self.grid}"
            )
        if self.part_axis not in ("width", "height"):
            raise ConfigError(
                f"RimConfig.part_axis: expected 'width' or 'height', got {self.part_axis!r}"
            )
        if self.use_vector and self.embedding_size != self.vector_size:
            expected = f"{self.vector_size} (vector_size) with use_vector"
            raise ConfigError(
                f"RimConfig.embedding_size: expected {expected}, got {self.embedding_size}"
            )

    @property
    def vector_size(self) -> int:
        """Length of the concatenated global and part vectors."""
        return self.channels + self.n_parts * self.part_channels


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """Configuration of the whole network.

    Attributes
    ----------
    name : str
        Name of the preset, stored in exported files.
    depth, width : float
        Multipliers of the numbers of bottlenecks and of channels (YOLOX).
    head_channels : int
        Channels inside each of the three heads; the paper has 256.
    rim : RimConfig
        The re-identification branch.
    box_mode : {"wh", "ltrb"}
        Size head: width and height of the box (paper), or distances from the centre to its four
        sides (FairMOT), which can describe animals at the border of the image.
    n_classes : int
        Channels of the heatmap.
    max_side_px : int
        Images are scaled so that their longer side has this many pixels.
    background : bool
        Whether images have a fourth channel, the difference from the background model; zero where
        there is no background model.
    backbone : str
        ``"csp-darknet"`` (YOLOX), or a backbone of the paper's comparison (Table 4). `depth` and
        `width` apply to the first only.
    detector : {"rtm", "yolox"}
        RTM with RIM, or plain YOLOX, which has neither and does not use `head_channels`, `rim`,
        `box_mode` and `keypoints`.
    keypoints : bool
        Whether a fourth head finds nose, centre and tail base of each animal.

    Raises
    ------
    ConfigError
        If `box_mode`, `backbone` or `detector` is unknown, a number is out of range, or
        `max_side_px` is not a multiple of 32.
    """

    name: str
    depth: float = 0.33
    width: float = 0.5
    head_channels: int = 256
    rim: RimConfig = field(default_factory=RimConfig)
    box_mode: BoxMode = "wh"
    n_classes: int = 1
    max_side_px: int = 640
    background: bool = False
    backbone: Backbone = "csp-darknet"
    detector: DetectorKind = "rtm"
    keypoints: bool = False

    @property
    def n_channels(self) -> int:
        """Channels of the images."""
        return 4 if self.background else 3

    def __post_init__(self) -> None:
        self._check_choice("box_mode", self.box_mode, get_args(BoxMode))
        self._check_choice("backbone", self.backbone, get_args(Backbone))
        self._check_choice("detector", self.detector, get_args(DetectorKind))
        for name in ("head_channels", "n_classes"):
            if getattr(self, name) < 1:
                raise ConfigError(
                    f"NetworkConfig.{name}: expected 1 or more, got {getattr(self, name)}"
                )
        for name in ("depth", "width"):
            if getattr(self, name) <= 0:
                raise ConfigError(
                    f"NetworkConfig.{name}: expected more than 0, got {getattr(self, name)}"
                )
        if self.max_side_px <= 0 or self.max_side_px % 32:
            raise ConfigError(
                f"NetworkConfig.max_side_px: expected a multiple of 32, got {self.max_side_px}"
            )

    @staticmethod
    def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
        if value not in choices:
            expected = " or ".join(choices)
            raise ConfigError(f"NetworkConfig.{name}: expected {expected}, got {value!r}")


def count_channels(width: float) -> tuple[int, int, int, int]:
    """Return the channels of the backbone's maps at strides 4, 8, 16 and 32 (YOLOX)."""
    # The base width of YOLOX is 64; each stage doubles the channels.
    stem = int(64 * width)
    return 2 * stem, 4 * stem, 8 * stem, 16 * stem


def count_bottlenecks(depth: float) -> int:
    """Return the bottlenecks of the first CSP layer; the middle ones have three times as many."""
    return max(round(3 * depth), 1)


# Networks by name. `nano` is the shipped network: small enough for real time on a CPU. `s` is the
# paper's, `m` and `l` have YOLOX's multipliers. The others are those of the paper's comparisons.
PRESETS: dict[str, NetworkConfig] = {
    "nano": NetworkConfig(
        "nano",
        width=0.1875,
        head_channels=32,
        rim=RimConfig(channels=256, part_channels=64),
        box_mode="ltrb",
        max_side_px=512,
        background=True,
        keypoints=True,
    ),
    "s": NetworkConfig("s"),
    "m": NetworkConfig("m", depth=0.67, width=0.75),
    "l": NetworkConfig("l", depth=1.0, width=1.0),
    "yolox-s": NetworkConfig("yolox-s", detector="yolox"),
    "resnet34": NetworkConfig("resnet34", backbone="resnet34"),
    "resnet50": NetworkConfig("resnet50", backbone="resnet50"),
    "dla34": NetworkConfig("dla34", backbone="dla34"),
    "hardnet85": NetworkConfig("hardnet85", backbone="hardnet85"),
}

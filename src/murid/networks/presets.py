"""Shapes of the network: its configuration and the named presets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from murid.errors import ConfigError

BoxMode = Literal["wh", "ltrb"]
PartAxis = Literal["width", "height"]
Backbone = Literal["csp-darknet", "resnet34", "resnet50", "dla34", "hardnet85"]
DetectorKind = Literal["rtm", "yolox"]
PresetName = Literal["nano", "s", "m", "l", "yolox-s", "resnet34", "resnet50", "dla34", "hardnet85"]
STRIDE = 4
"""Input pixels per cell of the heatmap, along each side."""


@dataclass(frozen=True, slots=True)
class RimConfig:
    """Shape of the re-identification branch (paper, section III-B).

    Attributes
    ----------
    grid : int
        Cells along each side of the map that is pooled from a box; 20 gives the paper's 1024×20×20.
    channels : int
        Channels of that map, and length of the global vector.
    part_channels : int
        Length of the vector of each part.
    n_parts : int
        Strips that the map is cut into; divides `grid`.
    part_axis : {"width", "height"}
        Axis along which the map is cut: ``"width"`` from left to right as in the paper,
        ``"height"`` as in PCB.
    share_parts : bool
        Whether all parts use the same weights.
    literal_order : bool
        Whether strips are pooled before convolution and attention, as the paper writes it;
        attention then sees one value a channel, and training needs at least two boxes at a time.
    embedding_size : int
        Length of the embedding.
    use_vector : bool
        Whether the global and part vectors, laid end to end, are themselves the embedding, without
        a linear layer; `embedding_size` must then be `vector_size`.

    Raises
    ------
    ConfigError
        If the parts do not fit the grid, or the embedding not the vector.
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
        if self.grid % self.n_parts:
            raise ConfigError(
                f"RimConfig.grid: expected a multiple of n_parts ({self.n_parts}), got {self.grid}"
            )
        if self.part_axis not in ("width", "height"):
            raise ConfigError(
                f"RimConfig.part_axis: expected 'width' or 'height', got {self.part_axis!r}"
            )
        if self.use_vector and self.embedding_size != self.vector_size:
            expected = f"{self.vector_size}, the length of the vector, with use_vector"
            raise ConfigError(
                f"RimConfig.embedding_size: expected {expected}, got {self.embedding_size}"
            )

    @property
    def vector_size(self) -> int:
        """Length of the global and part vectors laid end to end."""
        return self.channels + self.n_parts * self.part_channels


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """Shape of the whole network.

    Attributes
    ----------
    name : str
        Name of the preset, kept in exported files.
    depth, width : float
        Multipliers of the number of bottlenecks and of channels (YOLOX).
    head_channels : int
        Channels inside each of the three heads; the paper has 256.
    rim : RimConfig
        The re-identification branch.
    box_mode : {"wh", "ltrb"}
        Size head: width and height of the box (paper), or distances from the centre to its four
        sides (FairMOT), which suit animals cut by the border of the picture.
    n_classes : int
        Channels of the heatmap.
    longest_side : int
        Longest side in pixels that pictures are brought to.
    background : bool
        Whether the images have a fourth channel, the difference from the empty scene; zero where
        that is not known.
    backbone : str
        ``"csp-darknet"`` (YOLOX), or one that the paper compares it with; `depth` and `width` are
        for the first alone.
    detector : {"rtm", "yolox"}
        RTM with RIM; or plain YOLOX, which has neither, and no use for `head_channels`, `rim` and
        `box_mode`.

    Raises
    ------
    ConfigError
        If the box mode, the backbone or the detector is unknown or the longest side no multiple of
        32.
    """

    name: str
    depth: float = 0.33
    width: float = 0.5
    head_channels: int = 256
    rim: RimConfig = field(default_factory=RimConfig)
    box_mode: BoxMode = "wh"
    n_classes: int = 1
    longest_side: int = 640
    background: bool = False
    backbone: Backbone = "csp-darknet"
    detector: DetectorKind = "rtm"

    @property
    def n_channels(self) -> int:
        """Channels of the images."""
        return 4 if self.background else 3

    def __post_init__(self) -> None:
        if self.box_mode not in ("wh", "ltrb"):
            raise ConfigError(
                f"NetworkConfig.box_mode: expected 'wh' or 'ltrb', got {self.box_mode!r}"
            )
        for name, choices in (
            ("backbone", get_args(Backbone)),
            ("detector", get_args(DetectorKind)),
        ):
            if getattr(self, name) not in choices:
                raise ConfigError(
                    f"NetworkConfig.{name}: expected {' or '.join(choices)}, got {getattr(self, name)!r}"
                )
        if self.longest_side <= 0 or self.longest_side % 32:
            raise ConfigError(
                f"NetworkConfig.longest_side: expected a multiple of 32, got {self.longest_side}"
            )


def count_channels(width: float) -> tuple[int, int, int, int]:
    """Channels of the backbone's maps at strides 4, 8, 16 and 32 (YOLOX)."""
    stem = int(64 * width)
    return 2 * stem, 4 * stem, 8 * stem, 16 * stem


def count_bottlenecks(depth: float) -> int:
    """Bottlenecks of the shallow CSP layers; the deep ones have three times as many (YOLOX)."""
    return max(round(3 * depth), 1)


PRESETS: dict[str, NetworkConfig] = {
    "nano": NetworkConfig(
        "nano",
        width=0.1875,
        head_channels=32,
        rim=RimConfig(channels=256, part_channels=64),
        box_mode="ltrb",
        longest_side=512,
        background=True,
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
"""Networks by name: `s` is the paper's, those after ``l`` are what its tables compare it with."""

"""Changes to the network of a preset, as settings of a training."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from murid.errors import ConfigError
from murid.networks.presets import BoxMode, NetworkConfig, PartAxis, RimConfig

# Plain YOLOX has none of these.
_RTM_SETTINGS = ("head_channels", "box_mode", "keypoints", "rim")


@dataclass(frozen=True, kw_only=True, slots=True)
class RimChanges:
    """Changes to the re-identification branch; None = as in the preset. See `RimConfig`."""

    grid: int | None = None
    """Cells along each side of the map that is pooled from a box; a multiple of `n_parts`. 20 gives
    the map of the paper."""

    channels: int | None = None
    """Channels of that map, and length of the global vector; 1024 in the paper."""

    part_channels: int | None = None
    """Length of each part vector; 256 in the paper."""

    n_parts: int | None = None
    """Number of strips that the map is split into; 4 in the paper."""

    part_axis: PartAxis | None = None
    """Axis along which the map is split: ``width`` (paper) or ``height`` (PCB)."""

    share_parts: bool | None = None
    """Whether all strips use the same weights."""

    literal_order: bool | None = None
    """Whether strips are pooled before convolution and attention, as the paper says. Attention then
    receives one value per channel."""

    embedding_size: int | None = None
    """Length of the embedding."""

    use_vector: bool | None = None
    """Whether the concatenated global and part vectors are the embedding, without a linear layer.
    `embedding_size` follows from their lengths."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkChanges:
    """Changes to the network of the preset; None = as in the preset. See `NetworkConfig`."""

    depth: float | None = None
    """Multiplier of the number of bottlenecks (YOLOX)."""

    width: float | None = None
    """Multiplier of the number of channels (YOLOX)."""

    head_channels: int | None = None
    """Channels inside each detection head; 256 in the paper."""

    box_mode: BoxMode | None = None
    """Size head: width and height of the box (``wh``, paper), or distances from the centre to its
    four sides (``ltrb``)."""

    n_classes: int | None = None
    """Classes of animals, each with a channel of the heatmap; 1 in the paper. More than one learn
    from the classes of labels. Detections have the score of their most likely class."""

    max_side_px: int | None = None
    """Images are scaled so that their longer side has this many pixels; a multiple of 32."""

    background: bool | None = None
    """Whether images have a fourth channel, the difference from the background."""

    keypoints: bool | None = None
    """Whether a fourth head finds nose, centre and tail base of each animal."""

    rim: RimChanges = field(default_factory=RimChanges)
    """Changes to the re-identification branch."""


def change_network(preset: NetworkConfig, changes: NetworkChanges) -> NetworkConfig:
    """Return the configuration of a preset with changes.

    Raises
    ------
    ConfigError
        If a value is out of range, or is not used by the network.
    """
    given = _list_changes(changes)
    given_rim = _list_changes(changes.rim)
    if preset.detector == "yolox":
        _refuse_unused(preset, given, given_rim)
    try:
        rim = _change_rim(preset.rim, given_rim)
        return replace(preset, rim=rim, **given)
    except ConfigError as error:
        # Name the settings as the user does.
        message = str(error).replace("RimConfig.", "network.rim.")
        raise ConfigError(message.replace("NetworkConfig.", "network.")) from error


def _list_changes(changes: NetworkChanges | RimChanges) -> dict[str, Any]:
    """Return the fields that are not None, without nested ones."""
    return {
        name: value
        for name, value in asdict(changes).items()
        if value is not None and not isinstance(value, dict)
    }


def _change_rim(rim: RimConfig, given: dict[str, Any]) -> RimConfig:
    if given.get("use_vector") and "embedding_size" not in given:
        lengths = {name: value for name, value in given.items() if name != "use_vector"}
        given = {**given, "embedding_size": replace(rim, **lengths).vector_size}
    return replace(rim, **given)


def _refuse_unused(preset: NetworkConfig, given: dict[str, Any], given_rim: dict[str, Any]) -> None:
    names = [*given, *(f"rim.{name}" for name in given_rim)]
    for name in names:
        if name.partition(".")[0] in _RTM_SETTINGS:
            expected = f"none with {preset.name}, which has heads of its own"
            raise ConfigError(f"network.{name}: expected {expected}, got a value")

"""Save a network with its configuration in one file, and load it without executing pickled code."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from murid.core.files import replace_on_success
from murid.core.settings import flatten_settings
from murid.errors import ConfigError, ModelError
from murid.networks.comparison.yolox_head import Yolox
from murid.networks.network import Network, build_network_from_config
from murid.networks.presets import NetworkConfig, RimConfig

# Version of the file format. Raise it when a file can no longer be read by older releases.
_FORMAT = 1

# Names in the stored configuration where they differ from the names of the fields.
_STORED_NAMES = {"max_side_px": "longest_side"}


@dataclass(frozen=True, eq=False, slots=True)
class Checkpoint:
    """Contents of a checkpoint file.

    Attributes
    ----------
    network : Network or Yolox
        In evaluation mode.
    extra : dict
        Values that were passed to `save_checkpoint`.
    """

    network: Network | Yolox
    extra: dict[str, Any] = field(default_factory=dict)


def save_checkpoint(
    path: str | Path, network: Network | Yolox, extra: Mapping[str, Any] | None = None
) -> None:
    """Write a network to a file; the write is atomic.

    Parameters
    ----------
    path : str or Path
    network : Network or Yolox
    extra : mapping, optional
        Values stored beside the weights: tensors, numbers, strings, and lists and dictionaries of
        these.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    state = {
        "murid.checkpoint": _FORMAT,
        "config": to_stored(network.config),
        "weights": network.state_dict(),
        "extra": dict(extra or {}),
    }
    with replace_on_success(path) as temporary:
        torch.save(state, temporary)


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read a file that `save_checkpoint` wrote.

    Raises
    ------
    ModelError
        If the file is missing, damaged, not a murid checkpoint, or written by a newer murid.
    """
    path = Path(path)
    state = _read(path)
    version = state.get("murid.checkpoint")
    if not isinstance(version, int) or version > _FORMAT:
        raise ModelError(path, "murid.checkpoint", f"format {_FORMAT} or older", str(version))
    try:
        network = build_network_from_config(from_stored(state["config"]))
        network.load_state_dict(state["weights"])
        extra = dict(state["extra"])
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError, ConfigError) as error:
        raise ModelError(
            path, "weights", "a network and its configuration", str(error).splitlines()[0]
        ) from error
    return Checkpoint(network.eval(), extra)


def load_network(path: str | Path) -> Network | Yolox:
    """Read the network of a checkpoint, in evaluation mode.

    Raises
    ------
    ModelError
        As `load_checkpoint`.
    """
    return load_checkpoint(path).network


def check_same_network(path: str | Path, expected: NetworkConfig, got: NetworkConfig) -> None:
    """Raise `ModelError` that names the first setting in which a stored network differs."""
    if expected.name != got.name:
        raise ModelError(path, "preset", expected.name, got.name)
    wanted = flatten_settings(asdict(expected))
    for name, value in flatten_settings(asdict(got)).items():
        if value != wanted[name]:
            raise ModelError(path, f"network.{name}", str(wanted[name]), str(value))


def to_stored(config: NetworkConfig) -> dict[str, Any]:
    """Return a configuration as plain values, with the names of the file format."""
    return {_STORED_NAMES.get(name, name): value for name, value in asdict(config).items()}


def from_stored(stored: Mapping[str, Any]) -> NetworkConfig:
    """Return the configuration from the values of a file."""
    values = dict(stored)
    for name, stored_name in _STORED_NAMES.items():
        values[name] = values.pop(stored_name)
    values["rim"] = RimConfig(**values["rim"])
    return NetworkConfig(**values)


def _read(path: Path) -> dict[str, Any]:
    # `weights_only` refuses pickled code.
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ModelError(path, "file", "a checkpoint", error.strerror or str(error)) from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise ModelError(
            path, "file", "a checkpoint written by murid", "a file that PyTorch cannot read"
        ) from error
    if not isinstance(state, dict):
        raise ModelError(path, "file", "a checkpoint written by murid", type(state).__name__)
    return state

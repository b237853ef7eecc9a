"""Keeps a network with its shape in one file, and reads it back without running code from the file."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from murid.core.files import replace_on_success
from murid.errors import ConfigError, ModelError
from murid.networks.comparison.yolox_head import Yolox
from murid.networks.network import Network, make_network
from murid.networks.presets import NetworkConfig, RimConfig

_FORMAT = 1


@dataclass(frozen=True, eq=False, slots=True)
class Checkpoint:
    """What a checkpoint holds.

    Attributes
    ----------
    network : Network or Yolox
        In evaluation mode.
    extra : dict
        What was given to `save_checkpoint`.
    """

    network: Network | Yolox
    extra: dict[str, Any] = field(default_factory=dict)


def save_checkpoint(
    path: str | Path, network: Network | Yolox, extra: Mapping[str, Any] | None = None
) -> None:
    """Write a network, whole or not at all.

    Parameters
    ----------
    path : str or Path
    network : Network or Yolox
    extra : mapping, optional
        Tensors, numbers, strings, and lists and dictionaries of them, to be kept beside the
        weights.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    state = {
        "murid.checkpoint": _FORMAT,
        "config": asdict(network.config),
        "weights": network.state_dict(),
        "extra": dict(extra or {}),
    }
    with replace_on_success(path) as temporary:
        torch.save(state, temporary)


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read what `save_checkpoint` wrote.

    Raises
    ------
    ModelError
        If the file is missing, damaged, not ours, or newer than this murid.
    """
    path = Path(path)
    state = _read(path)
    version = state.get("murid.checkpoint")
    if not isinstance(version, int) or version > _FORMAT:
        raise ModelError(path, "murid.checkpoint", f"format {_FORMAT} or older", str(version))
    try:
        config = dict(state["config"])
        network = make_network(NetworkConfig(**config | {"rim": RimConfig(**config["rim"])}))
        network.load_state_dict(state["weights"])
        return Checkpoint(network.eval(), dict(state["extra"]))
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError, ConfigError) as error:
        raise ModelError(
            path, "weights", "a network and its configuration", str(error).splitlines()[0]
        ) from error


def load_network(path: str | Path) -> Network | Yolox:
    """Read the network of a checkpoint, in evaluation mode; raises `ModelError` like `load_checkpoint`."""
    return load_checkpoint(path).network


def _read(path: Path) -> dict[str, Any]:
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

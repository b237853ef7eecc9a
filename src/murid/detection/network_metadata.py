"""What a network file says about itself, and whether it is one of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from murid.detection.decode import BoxMode
from murid.errors import ModelError

FORMAT_VERSION = 1
"""Version of the pair of network files that this murid writes and reads."""

Kind = Literal["detector", "embedder"]
N = TypeVar("N", int, float)


@dataclass(frozen=True, slots=True)
class NetworkMetadata:
    """What is written beside the weights in a network file.

    Attributes
    ----------
    preset : str
        Name of the network's size, such as ``"nano"``.
    box_mode : {"wh", "ltrb"}
        What the size head predicts.
    longest_side : int
        Length in pixels of the input's longest side that the network was trained for.
    n_channels : int
        Channels of the input: 3 for RGB, 4 with the difference from the empty scene.
    stride : int
        Input pixels per cell of the heads.
    embedding_size : int
        Length of an embedding.
    score_scale, score_bias : float
        Calibration ``score = sigmoid(scale * logit(peak) + bias)``.
    weights_id : str
        The same in the detector and the embedder that were trained together.
    """

    preset: str
    box_mode: BoxMode
    longest_side: int
    n_channels: int
    stride: int
    embedding_size: int
    score_scale: float
    score_bias: float
    weights_id: str

    def to_properties(self, kind: Kind) -> dict[str, str]:
        """Write the entries of an ONNX file's ``metadata_props``."""
        fields = {name: str(getattr(self, name)) for name in self.__slots__}
        return {
            f"murid.{key}": value
            for key, value in ({"format": str(FORMAT_VERSION), "kind": kind} | fields).items()
        }

    @classmethod
    def from_properties(
        cls, properties: Mapping[str, str], path: Path, kind: Kind
    ) -> NetworkMetadata:
        """Read the entries of an ONNX file's ``metadata_props``.

        Raises
        ------
        ModelError
            If the file is not ours, is newer than this murid, is of another kind, or an entry is
            missing or wrong.
        """
        entries = _Entries(properties, path)
        version = entries.get_number("format", int)
        if version > FORMAT_VERSION:
            raise entries.error(
                "format", f"at most {FORMAT_VERSION} (a newer murid wrote this file)", str(version)
            )
        entries.get_choice("kind", (kind,))
        scale = entries.get_number("score_scale", float)
        if not scale > 0:
            raise entries.error("score_scale", "a positive number", str(scale))
        return cls(
            entries.get("preset"),
            "ltrb" if entries.get_choice("box_mode", ("wh", "ltrb")) == "ltrb" else "wh",
            entries.get_number("longest_side", int),
            int(entries.get_choice("n_channels", ("3", "4"))),
            entries.get_number("stride", int),
            entries.get_number("embedding_size", int),
            scale,
            entries.get_number("score_bias", float),
            entries.get("weights_id"),
        )


@dataclass(frozen=True, slots=True)
class _Entries:
    properties: Mapping[str, str]
    path: Path

    def error(self, name: str, expected: str, got: str) -> ModelError:
        return ModelError(self.path, f"murid.{name}", expected, got)

    def get(self, name: str) -> str:
        if f"murid.{name}" not in self.properties:
            raise self.error(name, "this entry, as in every network exported by murid", "none")
        return str(self.properties[f"murid.{name}"])

    def get_choice(self, name: str, choices: tuple[str, ...]) -> str:
        value = self.get(name)
        if value not in choices:
            raise self.error(name, " or ".join(choices), value)
        return value

    def get_number(self, name: str, kind: type[N]) -> N:
        value = self.get(name)
        try:
            return kind(value)
        except ValueError:
            raise self.error(
                name, "a number" if kind is float else "a whole number", value
            ) from None

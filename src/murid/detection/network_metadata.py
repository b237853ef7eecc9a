"""Metadata in the network files that murid exports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from murid.core.keypoints import KEYPOINTS
from murid.detection.decode import BoxMode
from murid.errors import ModelError

# Version of the pair of network files that this murid writes and reads.
FORMAT_VERSION = 1

Kind = Literal["detector", "embedder"]
N = TypeVar("N", int, float)

# Names in the files where they differ from the names of the fields; network files keep them.
_PROPERTY_NAMES = {"max_side_px": "longest_side"}


@dataclass(frozen=True, slots=True)
class NetworkMetadata:
    """Metadata beside the weights in a network file.

    Attributes
    ----------
    preset : str
        Name of the network's size, such as ``"nano"``.
    box_mode : {"wh", "ltrb"}
        What the size head predicts.
    max_side_px : int
        Length in pixels of the longer input side at which the network was trained.
    n_channels : int
        Channels of the input: 3 for RGB, 4 with the difference from the background.
    stride : int
        Input pixels per cell of the heads.
    embedding_size : int
        Length of an embedding.
    score_scale, score_bias : float
        Calibration ``score = sigmoid(scale * logit(peak) + bias)``.
    weights_id : str
        Identifier, the same in a detector and an embedder that were trained together.
    keypoints : tuple of str
        Names of the keypoints that the network finds; empty if it finds none.
    """

    preset: str
    box_mode: BoxMode
    max_side_px: int
    n_channels: int
    stride: int
    embedding_size: int
    score_scale: float
    score_bias: float
    weights_id: str
    keypoints: tuple[str, ...] = ()

    def to_properties(self, kind: Kind) -> dict[str, str]:
        """Return the entries of an ONNX file's ``metadata_props``."""
        entries = {"format": str(FORMAT_VERSION), "kind": kind}
        for name in self.__slots__:
            value = getattr(self, name)
            text = ",".join(value) if isinstance(value, tuple) else str(value)
            entries[_PROPERTY_NAMES.get(name, name)] = text
        return {f"murid.{name}": value for name, value in entries.items()}

    @classmethod
    def from_properties(
        cls, properties: Mapping[str, str], path: Path, kind: Kind
    ) -> NetworkMetadata:
        """Return the metadata from the entries of an ONNX file's ``metadata_props``.

        Raises
        ------
        ModelError
            If the file was not exported by murid, is newer than this murid or of another kind, or
            an entry is missing or wrong.
        """
        entries = _Entries(properties, path)
        version = entries.get_number("format", int)
        if version > FORMAT_VERSION:
            expected = f"at most {FORMAT_VERSION} (a newer murid wrote this file)"
            raise entries.error("format", expected, str(version))
        entries.get_choice("kind", (kind,))
        score_scale = entries.get_number("score_scale", float)
        if not score_scale > 0:
            raise entries.error("score_scale", "a positive number", str(score_scale))
        box_mode = entries.get_choice("box_mode", ("wh", "ltrb"))
        return cls(
            preset=entries.get("preset"),
            box_mode="ltrb" if box_mode == "ltrb" else "wh",
            max_side_px=entries.get_number(_PROPERTY_NAMES["max_side_px"], int),
            n_channels=int(entries.get_choice("n_channels", ("3", "4"))),
            stride=entries.get_number("stride", int),
            embedding_size=entries.get_number("embedding_size", int),
            score_scale=score_scale,
            score_bias=entries.get_number("score_bias", float),
            weights_id=entries.get("weights_id"),
            keypoints=entries.get_keypoints(),
        )


@dataclass(frozen=True, slots=True)
class _Entries:
    """Entries of a network file, with errors that name the file and the entry."""

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

    def get_keypoints(self) -> tuple[str, ...]:
        # Networks of earlier versions have no keypoints and no such entry.
        value = str(self.properties.get("murid.keypoints", ""))
        if value not in ("", ",".join(KEYPOINTS)):
            raise self.error("keypoints", f"{','.join(KEYPOINTS)} or nothing", value)
        return KEYPOINTS if value else ()

    def get_number(self, name: str, kind: type[N]) -> N:
        value = self.get(name)
        try:
            return kind(value)
        except ValueError:
            expected = "a number" if kind is float else "an integer"
            raise self.error(name, expected, value) from None

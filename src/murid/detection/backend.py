"""What runs the networks: one picture at a time in a lane, several lanes side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from murid.core.types import Float32

Maps = Mapping[str, Float32]
"""Outputs of the detection network ``(1, c, h, w)`` by name."""


class InferenceBackend(Protocol):
    """The networks' working memory for one picture at a time."""

    def infer(self, image: Float32) -> Maps:
        """Maps of a picture ``(1, c, H, W)``, as `to_input` makes it; they change with the lane's next picture."""
        ...

    def embed(self, maps: Maps, boxes: Float32) -> Float32:
        """Embeddings ``(n, d)`` of boxes ``(n, 4)`` xyxy in input pixels, from the maps of the lane's last picture."""
        ...

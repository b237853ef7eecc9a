"""The protocol of inference backends, which run the networks on one image at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from murid.core.types import Float32

# Outputs ``(1, c, h, w)`` of the detection network, by name.
OutputMaps = Mapping[str, Float32]


class InferenceBackend(Protocol):
    """Runs the detection network and the embedder on one image at a time.

    Several backends run in parallel threads, one image each.
    """

    def infer(self, image: Float32) -> OutputMaps:
        """Return the outputs of the detection network for an image ``(1, c, H, W)``.

        The image is as `murid.detection.preprocess.to_input` makes it. The next call may overwrite
        the returned arrays.
        """
        ...

    def embed(self, maps: OutputMaps, boxes: Float32) -> Float32:
        """Return the embeddings ``(n, d)`` of boxes ``(n, 4)``, xyxy in input pixels.

        `maps` is what `infer` returned for the last image.
        """
        ...


def add_batch_column(boxes: Float32) -> Float32:
    """Return boxes ``(n, 5)`` as the embedder takes them, from boxes ``(n, 4)`` of one image.

    The first column is the number of the image in the batch, which is 0.
    """
    return np.concatenate([np.zeros((len(boxes), 1), np.float32), boxes], axis=1)

"""The protocol of detectors, and how to load one by name or path."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from murid.core.types import Detections, Frame, UInt8
from murid.detection.background_subtraction import BackgroundDetector
from murid.detection.config import DetectionConfig
from murid.detection.network_detector import NetworkDetector
from murid.errors import ConfigError

WEIGHTS_DIRECTORY = Path(__file__).parent / "weights"
SHIPPED_NAMES = ("nano",)


class Detector(Protocol):
    """Detects animals in images, each image independently of the ones before."""

    @property
    def name(self) -> str:
        """Name of the detector."""
        ...

    @property
    def fingerprint(self) -> str:
        """Hash of all that decides the result: weights, settings and what `fit` estimated."""
        ...

    @property
    def embedder(self) -> str | None:
        """Identifier of the weights that compute the embeddings; None without embeddings."""
        ...

    @property
    def needs_background(self) -> bool:
        """Whether the result depends on a background model, which `fit` estimates."""
        ...

    def fit(self, frames: Iterable[Frame]) -> None:
        """Adapt to a video: estimate its background model and body size from sampled frames."""

    def detect(self, images: Sequence[UInt8]) -> list[Detections]:
        """Return the detections in each image ``(h, w, 3)`` uint8 RGB.

        Boxes are in pixels of the image, in order of decreasing score.
        """
        ...


def load_detector(name_or_path: str | Path, config: DetectionConfig | None = None) -> Detector:
    """Load a detector.

    Parameters
    ----------
    name_or_path : str or Path
        ``"nano"``, the shipped network; ``"background"``, which needs no network; or the path of a
        network exported by murid, ``<name>-detector.onnx``. If ``<name>-embedder.onnx`` is in the
        same folder, detections have embeddings.
    config : DetectionConfig, optional
        Settings; the field ``detector`` is ignored.

    Raises
    ------
    ConfigError
        If the name is unknown.
    ModelError
        If a network file is missing, damaged or not exported by murid.
    """
    if name_or_path == "background":
        return BackgroundDetector(config)
    path = Path(name_or_path)
    if name_or_path in SHIPPED_NAMES:
        path = WEIGHTS_DIRECTORY / f"{name_or_path}-detector.onnx"
    elif path.suffix != ".onnx" and not path.exists():
        known = ", ".join((*SHIPPED_NAMES, "background"))
        expected = f"{known} or the path of a .onnx file"
        raise ConfigError(f"detector: expected {expected}, got {name_or_path}")
    embedder = path.with_name(f"{path.stem.removesuffix('-detector')}-embedder.onnx")
    return NetworkDetector(path, embedder if embedder.exists() else None, config)

"""What every detector can do, and how to get one by name or path."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from murid.core.types import Detections, Frame, UInt8
from murid.detection.background_subtraction import BackgroundDetector
from murid.detection.config import DetectionConfig
from murid.detection.network_detector import NetworkDetector
from murid.errors import ConfigError

_WEIGHTS = Path(__file__).parent / "weights"
_SHIPPED = ("nano",)


class Detector(Protocol):
    """Finds the animals in pictures; every picture is answered for itself, whatever came before it."""

    @property
    def name(self) -> str:
        """Name of the detector."""
        ...

    @property
    def fingerprint(self) -> str:
        """Hash of everything that decides the result: weights, settings, and the background once there is one."""
        ...

    @property
    def embedder(self) -> str | None:
        """What tells the weights that embeddings come from; None without embeddings."""
        ...

    @property
    def needs_background(self) -> bool:
        """Whether `fit` should be called before `detect`."""
        ...

    def fit(self, frames: Iterable[Frame]) -> None:
        """Learn the background from frames spread over the video; does nothing where none is needed."""

    def detect(self, images: Sequence[UInt8]) -> list[Detections]:
        """Find the animals in each picture ``(h, w, 3)`` uint8 RGB; boxes are in its pixels, by falling score."""
        ...


def load_detector(name_or_path: str | Path, config: DetectionConfig | None = None) -> Detector:
    """Load a detector.

    Parameters
    ----------
    name_or_path : str or Path
        ``"nano"``, the shipped network; ``"background"``, which needs no network; or the path of a
        network exported by murid, ``<name>-detector.onnx``. If ``<name>-embedder.onnx`` lies beside
        it, detections have embeddings.
    config : DetectionConfig, optional
        Settings; its ``detector`` field is not read.

    Raises
    ------
    ConfigError
        If the name is unknown.
    ModelError
        If a network file is missing, damaged or not ours.
    """
    if name_or_path == "background":
        return BackgroundDetector(config)
    path = Path(name_or_path)
    if name_or_path in _SHIPPED:
        path = _WEIGHTS / f"{name_or_path}-detector.onnx"
    elif path.suffix != ".onnx" and not path.exists():
        known = ", ".join((*_SHIPPED, "background"))
        raise ConfigError(
            f"detector: expected {known} or the path of a .onnx file, got {name_or_path}"
        )
    embedder = path.with_name(f"{path.stem.removesuffix('-detector')}-embedder.onnx")
    return NetworkDetector(path, embedder if embedder.exists() else None, config)

"""Settings of detection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from murid.errors import ConfigError

Precision = Literal["auto", "f32", "bf16"]
Device = Literal["auto", "cpu", "cuda", "tensorrt"]


@dataclass(frozen=True, slots=True)
class DetectionConfig:
    """Settings of detection.

    Attributes
    ----------
    detector : str
        ``"nano"`` (the shipped network), ``"background"`` (no network) or the path of a ``.onnx``
        file exported by murid.
    score_threshold : float
        Lowest score that is stored, in [0, 1]; the tracker has its own, higher ones.
    longest_side : int or None
        Length in pixels to which the picture's longest side is brought; None = the length that the
        network was trained at, and for ``"background"`` at most 640.
    top_k : int
        Highest number of animals in one frame.
    duplicate_iou : float or None
        Boxes that overlap a higher-scored one by more than this (intersection over union) are
        dropped; None = never, as in the paper. Animals lying across each other reach 0.5.
    duplicate_containment : float or None
        Boxes with more than this share inside a larger, higher-scored one are dropped; None =
        never, as in the paper.
    small_box_penalty : float
        How much less likely an animal is what is far smaller than the bodies usual in the recording
        (see `murid.detection.size_prior`); 0 = as likely.
    clip_boxes : bool
        Whether boxes end at the border of the picture.
    device : {"auto", "cpu", "cuda", "tensorrt"}
        What runs the network: the processor by OpenVINO, a graphics card by ONNX Runtime (extra
        ``gpu``); ``"auto"`` takes the card where there is one.
    precision : {"auto", "f32", "bf16"}
        Arithmetic of the network on the processor; ``"auto"`` takes bfloat16 where it has it.
    n_threads : int or None
        Processor cores used by the network; None = all.
    batch_size : int
        Number of frames given to the detector at a time.
    embeddings_every : int
        Embeddings are stored of every so many-th frame, to save room; above 1 association goes by
        motion alone.

    Raises
    ------
    ConfigError
        If a value is outside its range.
    """

    detector: str = "nano"
    score_threshold: float = 0.1
    longest_side: int | None = None
    top_k: int = 100
    duplicate_iou: float | None = 0.7
    duplicate_containment: float | None = None
    small_box_penalty: float = 8.0
    clip_boxes: bool = True
    device: Device = "auto"
    precision: Precision = "auto"
    n_threads: int | None = None
    batch_size: int = 16
    embeddings_every: int = 1

    def __post_init__(self) -> None:
        for name in ("score_threshold", "duplicate_iou", "duplicate_containment"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise ConfigError(f"{name}: expected a number from 0 to 1, got {value}")
        if not self.small_box_penalty >= 0:
            raise ConfigError(
                f"small_box_penalty: expected 0 or more, got {self.small_box_penalty}"
            )
        for name, lowest in (
            ("longest_side", 32),
            ("top_k", 1),
            ("n_threads", 1),
            ("batch_size", 1),
            ("embeddings_every", 1),
        ):
            value = getattr(self, name)
            if value is not None and value < lowest:
                raise ConfigError(f"{name}: expected {lowest} or more, got {value}")
        if self.device not in ("auto", "cpu", "cuda", "tensorrt"):
            raise ConfigError(f"device: expected auto, cpu, cuda or tensorrt, got {self.device}")
        if self.precision not in ("auto", "f32", "bf16"):
            raise ConfigError(f"precision: expected auto, f32 or bf16, got {self.precision}")

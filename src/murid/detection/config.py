"""Settings of detection."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from murid.errors import ConfigError

Precision = Literal["auto", "f32", "bf16"]
Device = Literal["auto", "cpu", "cuda", "tensorrt"]

DEVICES = ("auto", "cpu", "cuda", "tensorrt")
PRECISIONS = ("auto", "f32", "bf16")

# Settings that change where and how fast detection runs, not what it finds. A run can be resumed
# with other values of these. `detector` is among them because a run stores the detector's name and
# fingerprint itself.
RUNTIME_FIELDS = frozenset({"detector", "device", "n_threads", "batch_size", "read_timeout_s"})

# Settings added after the first format of runs, with the value that stands for their absence there.
# They are stored only where they differ from it, so that older runs can still be resumed.
_ADDED_FIELDS: dict[str, Any] = {"embeddings_every": 1, "keypoints": True}

_FRACTIONS = ("score_threshold", "duplicate_iou", "duplicate_containment")
_MIN_VALUES = {
    "max_side_px": 32,
    "max_detections": 1,
    "n_threads": 1,
    "batch_size": 1,
    "embeddings_every": 1,
}


@dataclass(frozen=True, slots=True)
class DetectionConfig:
    """Settings of detection.

    Raises
    ------
    ConfigError
        If a value is outside its range.
    """

    detector: str = "nano"
    """``"nano"`` (the shipped network), ``"background"`` (no network) or the path of a ``.onnx``
    file exported by murid."""

    score_threshold: float = 0.1
    """Detections with a lower score are not stored, in [0, 1]. The tracker has thresholds of its
    own, which are higher."""

    max_side_px: int | None = None
    """Length of the longer image side, in pixels, at which the detector sees the images. None: the
    length that the network was trained at; for ``"background"``, at most 640."""

    max_detections: int = 100
    """Maximum number of detections in one frame."""

    duplicate_iou: float | None = 0.7
    """A box is dropped if its intersection over union with a higher-scored box is above this. None:
    never, as in the paper. Two animals that lie across each other reach 0.5."""

    duplicate_containment: float | None = None
    """A box is dropped if more than this fraction of it lies inside a larger, higher-scored box.
    None: never, as in the paper."""

    small_box_penalty: float = 8.0
    """How strongly the score of a box falls that is much smaller than the median animal of the
    recording (see `murid.detection.size_prior`). 0: not at all."""

    clip_boxes: bool = True
    """Whether boxes are clipped to the image."""

    device: Device = "auto"
    """Where the network runs: ``"cpu"`` uses OpenVINO; ``"cuda"`` and ``"tensorrt"`` use ONNX
    Runtime on a GPU (extra ``gpu``). ``"auto"`` uses the GPU if there is one."""

    precision: Precision = "auto"
    """Arithmetic of the network on the CPU. ``"auto"`` uses bfloat16 if the CPU supports it."""

    n_threads: int | None = None
    """Number of CPU cores for the network. None: all."""

    batch_size: int = 16
    """Number of frames that are passed to the detector at a time."""

    keypoints: bool = True
    """Whether nose, centre and tail base of each animal are found, if the detector can."""

    embeddings_every: int = 1
    """Embeddings are stored for every n-th frame only, to save disk space. If above 1, tracking
    uses motion alone."""

    read_timeout_s: float = 60.0
    """Seconds to wait for a stalled disk or network share before reading fails."""

    def __post_init__(self) -> None:
        for name in _FRACTIONS:
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise ConfigError(f"{name}: expected a number from 0 to 1, got {value}")
        for name, minimum in _MIN_VALUES.items():
            value = getattr(self, name)
            if value is not None and value < minimum:
                raise ConfigError(f"{name}: expected {minimum} or more, got {value}")
        if not self.small_box_penalty >= 0:
            got = self.small_box_penalty
            raise ConfigError(f"small_box_penalty: expected 0 or more, got {got}")
        if not self.read_timeout_s > 0:
            got = self.read_timeout_s
            raise ConfigError(f"read_timeout_s: expected seconds above 0, got {got}")
        if self.device not in DEVICES:
            raise ConfigError(f"device: expected auto, cpu, cuda or tensorrt, got {self.device}")
        if self.precision not in PRECISIONS:
            raise ConfigError(f"precision: expected auto, f32 or bf16, got {self.precision}")

    def describe_results(self) -> dict[str, Any]:
        """Return the settings that decide what is detected, as plain values, by name.

        A run stores them and can be resumed only with the same ones.
        """
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in RUNTIME_FIELDS and (name, value) not in _ADDED_FIELDS.items()
        }

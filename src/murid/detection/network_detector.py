"""Runs the detection network and the re-identification network on pictures.

The engine knows nothing of videos, tracks or identities: every picture is answered for itself.
Pictures of a batch run side by side, one to a processor core, which beats one picture on all cores.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import numpy as np

from murid.core.boxes import compute_areas
from murid.core.types import Detections, Float32, Frame, UInt8
from murid.detection.backend import InferenceBackend, Maps
from murid.detection.config import RUNTIME_FIELDS, DetectionConfig
from murid.detection.decode import HeadMaps, decode, select_boxes
from murid.detection.network_file import check_pair, read_network
from murid.detection.onnxruntime_backend import has_cuda
from murid.detection.onnxruntime_backend import open_backends as open_lanes_on_card
from murid.detection.openvino_backend import open_backends
from murid.detection.preprocess import (
    Letterbox,
    apply_letterbox,
    check_image,
    compute_letterbox,
    letterbox_boxes,
    to_input,
    undo_letterbox,
)
from murid.detection.size_prior import downweight_small, estimate_body_area
from murid.errors import ConfigError
from murid.video.background_model import BackgroundModel, fit_static_background

_FEWEST_FRAMES = 5  # that show which parts of a scene are empty

# The names under which settings were hashed at first, where they have changed since. A run can be
# resumed only if the fingerprint is the same, so these names stay.
_FINGERPRINT_NAMES = {
    "max_side_px": "longest_side",
    "max_detections": "top_k",
    "small_box_penalty": "small_doubt",
}


class NetworkDetector:
    """A detector made of one or two network files exported by murid.

    Parameters
    ----------
    path_detector : str or Path
        ONNX file of the detection network.
    path_embedder : str or Path, optional
        ONNX file of the re-identification network trained with it; None = detections without
        embeddings.
    config : DetectionConfig, optional
        Settings; its ``detector`` field is not read.

    Attributes
    ----------
    name : str
        Name of the detector: the detection network's file name without ``-detector.onnx``.
    metadata : NetworkMetadata
        What the detection network says about itself.
    fingerprint : str
        Hash of the network files and of all settings that change the result.
    embedder : str or None
        What tells the weights of the re-identification network from others; None without one.
    needs_background : bool
        Whether the network looks at the difference from the empty scene, which `fit` learns.

    Raises
    ------
    ModelError
        If a file is missing, damaged or not ours, or the two files do not belong together.
    MissingExtraError, ConfigError
        If the device that the settings name cannot be used.
    """

    def __init__(
        self,
        path_detector: str | Path,
        path_embedder: str | Path | None = None,
        config: DetectionConfig | None = None,
    ) -> None:
        self.config = config or DetectionConfig()
        self.name = Path(path_detector).stem.removesuffix("-detector")
        detector, self.metadata = read_network(path_detector, "detector")
        embedder = None
        if path_embedder is not None:
            embedder, other = read_network(path_embedder, "embedder")
            check_pair(path_embedder, self.metadata, other)
        self.fingerprint = self._fingerprint = _compute_fingerprint(
            [path_detector, path_embedder], self.config
        )
        self.embedder = None if path_embedder is None else self.metadata.weights_id
        self.needs_background = self.metadata.n_channels > 3
        self._backdrop: BackgroundModel | None = None
        self._usual_area: float | None = None  # square pixels of the input
        self._longest_side = self.config.max_side_px or self.metadata.longest_side
        backends = self._open_on_card(path_detector, path_embedder) or open_backends(
            detector, embedder, self.config
        )
        self._lanes: SimpleQueue[InferenceBackend] = SimpleQueue()
        for backend in backends:
            self._lanes.put(backend)
        self._workers = ThreadPoolExecutor(len(backends), thread_name_prefix="murid-detect")

    def _open_on_card(
        self, path_detector: str | Path, path_embedder: str | Path | None
    ) -> list[InferenceBackend]:
        """Lanes on a graphics card; none if the processor is asked for, or there is no card and none is asked for."""
        device = self.config.device
        if device == "cpu" or (device == "auto" and not has_cuda()):
            return []
        paths = Path(path_detector), None if path_embedder is None else Path(path_embedder)
        try:
            return open_lanes_on_card(*paths, "cuda" if device == "auto" else device)
        except ConfigError:
            if device == "auto":
                return []
            raise

    def fit(self, frames: Iterable[Frame]) -> None:
        """Learn the empty scene, and the usual size of a body, from frames spread over the video.

        Fewer than five frames, frames of different sizes or a moving camera teach no empty scene:
        the network then goes by the picture alone, as it does before `fit`.
        """
        images = [self._shrink(frame.image) for frame in frames]
        self._backdrop, self._usual_area = None, None
        if self.needs_background and len(images) >= _FEWEST_FRAMES:
            self._backdrop = fit_static_background(images)
        self._usual_area = estimate_body_area(self.detect(images))
        learnt = b"" if self._backdrop is None else self._backdrop.image.tobytes()
        digest = hashlib.sha256(
            self._fingerprint.encode() + learnt + repr(self._usual_area).encode()
        )
        self.fingerprint = digest.hexdigest()

    def detect(self, images: Sequence[UInt8]) -> list[Detections]:
        """Find the animals in each picture.

        Parameters
        ----------
        images : sequence of ndarray
            Pictures ``(h, w, 3)`` uint8, RGB; sizes may differ.

        Returns
        -------
        list of Detections
            One for each picture: boxes in its pixels by falling score, with embeddings if there is
            an embedder.

        Raises
        ------
        ArrayError
            If a picture has the wrong type or shape.
        """
        for image in images:
            check_image(image)
        if len(images) == 1:
            return [self._detect_one(images[0])]
        return list(self._workers.map(self._detect_one, images))

    def _detect_one(self, image: UInt8) -> Detections:
        height, width = image.shape[:2]
        letterbox = compute_letterbox(width, height, self._longest_side)
        backend = self._lanes.get()
        try:
            maps = backend.infer(self._to_input(apply_letterbox(image, letterbox)))
            boxes, scores = self._decode(maps, letterbox, width, height)
            embeddings = self._embed(
                backend, maps, letterbox_boxes(boxes, letterbox, width, height)
            )
        finally:
            self._lanes.put(backend)
        return Detections(boxes, scores, embeddings)

    def _shrink(self, image: UInt8) -> UInt8:
        check_image(image)
        return apply_letterbox(
            image, compute_letterbox(image.shape[1], image.shape[0], self._longest_side)
        )

    def _to_input(self, image: UInt8) -> Float32:
        """Letterboxed picture, with its difference from the empty scene where the network wants it."""
        if not self.needs_background:
            return to_input([image])
        background = self._backdrop
        if background is None or background.image.shape != image.shape:
            return to_input([image], [np.zeros(image.shape[:2], np.uint8)])
        return to_input([image], [background.compute_difference(image)])

    def _decode(
        self, maps: Maps, letterbox: Letterbox, width: int, height: int
    ) -> tuple[Float32, Float32]:
        heads = HeadMaps(maps["heatmap"][0].max(axis=0), maps["offset"][0], maps["size"][0])
        boxes, scores = decode(
            heads,
            box_mode=self.metadata.box_mode,
            stride=self.metadata.stride,
            max_detections=self.config.max_detections,
            score_threshold=self.config.score_threshold,
            score_scale=self.metadata.score_scale,
            score_bias=self.metadata.score_bias,
        )
        if self._usual_area is not None:
            scores = downweight_small(
                scores, compute_areas(boxes), self._usual_area, self.config.small_box_penalty
            )
            order = np.argsort(-scores, kind="stable")[
                : np.count_nonzero(scores >= self.config.score_threshold)
            ]
            boxes, scores = boxes[order], scores[order]
        boxes = undo_letterbox(boxes, letterbox, width, height)
        return select_boxes(boxes, scores, width, height, self.config)

    def _embed(self, backend: InferenceBackend, maps: Maps, boxes: Float32) -> Float32 | None:
        if self.embedder is None:
            return None
        if len(boxes) == 0:
            return np.zeros((0, self.metadata.embedding_size), np.float32)
        return backend.embed(maps, boxes)


def _compute_fingerprint(paths: Sequence[str | Path | None], config: DetectionConfig) -> str:
    """SHA-256 of the network files and of the settings that decide the result."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(b"" if path is None else hashlib.sha256(Path(path).read_bytes()).digest())
    settings = {
        _FINGERPRINT_NAMES.get(name, name): getattr(config, name)
        for name in config.__slots__
        if name not in RUNTIME_FIELDS
    }
    digest.update(repr(sorted(settings.items())).encode())
    return digest.hexdigest()

"""Detect and embed animals in images with the detection network and the re-identification network.

The detector knows nothing of videos, tracks or identities: every image is processed independently.
The images of a batch run in parallel, one on each CPU core, which is faster than one image on all
cores.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

import numpy as np

from murid.core.boxes import compute_areas
from murid.core.types import Detections, Float32, Frame, UInt8
from murid.detection.backend import InferenceBackend, OutputMaps
from murid.detection.config import RUNTIME_FIELDS, DetectionConfig
from murid.detection.decode import HeadMaps, decode, select_detections
from murid.detection.network_file import check_pair, read_network
from murid.detection.onnxruntime_backend import has_cuda, open_onnxruntime_backends
from murid.detection.openvino_backend import open_openvino_backends
from murid.detection.preprocess import (
    Letterbox,
    apply_letterbox,
    check_image,
    compute_letterbox,
    letterbox_boxes,
    to_input,
    undo_letterbox,
    undo_letterbox_keypoints,
)
from murid.detection.size_prior import downweight_small, estimate_body_area
from murid.errors import ConfigError
from murid.video.background_model import BackgroundModel, fit_static_background

# With fewer frames, animals that rest become part of the background too often.
_MIN_BACKGROUND_FRAMES = 5

# Names of settings in the fingerprint, as in the first version, where they have changed since. A
# run can be resumed only if the fingerprint is the same, so these names stay.
_FINGERPRINT_NAMES = {
    "max_side_px": "longest_side",
    "max_detections": "top_k",
    "small_box_penalty": "small_doubt",
}


class NetworkDetector:
    """A detector that runs one or two network files exported by murid.

    Parameters
    ----------
    detector_path : str or Path
        ONNX file of the detection network.
    embedder_path : str or Path, optional
        ONNX file of the re-identification network that was trained with it. None: detections
        without embeddings.
    config : DetectionConfig, optional
        Settings; the field ``detector`` is ignored.

    Attributes
    ----------
    name : str
        File name of the detection network without ``-detector.onnx``.
    metadata : NetworkMetadata
        Metadata of the detection network.
    fingerprint : str
        Hash of the network files and of all settings that decide the result.
    embedder : str or None
        Identifier of the weights that compute the embeddings; None without embeddings.
    needs_background : bool
        Whether an input channel is the difference from the background, which `fit` estimates.

    Raises
    ------
    ModelError
        If a file is missing, damaged or not exported by murid, or the two files do not belong
        together.
    MissingExtraError, ConfigError
        If the device in the settings cannot be used.
    """

    def __init__(
        self,
        detector_path: str | Path,
        embedder_path: str | Path | None = None,
        config: DetectionConfig | None = None,
    ) -> None:
        self.config = config or DetectionConfig()
        self.name = Path(detector_path).stem.removesuffix("-detector")
        detector, self.metadata = read_network(detector_path, "detector")
        embedder = None
        if embedder_path is not None:
            embedder, embedder_metadata = read_network(embedder_path, "embedder")
            check_pair(embedder_path, self.metadata, embedder_metadata)
        self._initial_fingerprint = _compute_fingerprint(detector_path, embedder_path, self.config)
        self.fingerprint = self._initial_fingerprint
        self.embedder = None if embedder_path is None else self.metadata.weights_id
        self.needs_background = self.metadata.n_channels > 3

        # What `fit` estimates: the background at the size of the input, and square input pixels.
        self._background: BackgroundModel | None = None
        self._body_area: float | None = None

        self._finds_keypoints = bool(self.metadata.keypoints) and self.config.keypoints
        self._max_side_px = self.config.max_side_px or self.metadata.max_side_px
        backends = self._open_gpu_backends(detector_path, embedder_path)
        if not backends:
            backends = open_openvino_backends(detector, embedder, self.config)
        self._free_backends: SimpleQueue[InferenceBackend] = SimpleQueue()
        for backend in backends:
            self._free_backends.put(backend)
        self._threads = ThreadPoolExecutor(len(backends), thread_name_prefix="murid-detect")

    def _open_gpu_backends(
        self, detector_path: str | Path, embedder_path: str | Path | None
    ) -> list[InferenceBackend]:
        """Return backends on a GPU; none for device "cpu", or for "auto" without a GPU."""
        device = self.config.device
        if device == "cpu" or (device == "auto" and not has_cuda()):
            return []
        try:
            return open_onnxruntime_backends(
                Path(detector_path),
                None if embedder_path is None else Path(embedder_path),
                "cuda" if device == "auto" else device,
            )
        except ConfigError:
            if device == "auto":
                return []
            raise

    def fit(self, frames: Iterable[Frame]) -> None:
        """Estimate the background and the median body area from frames spread over the video.

        There is no background if there are fewer than five frames, their sizes differ or the camera
        moves. The network then sees the image alone, as before `fit`.
        """
        images = [self._letterbox(frame.image) for frame in frames]
        # Body areas are measured without a prior.
        self._background = None
        self._body_area = None
        if self.needs_background and len(images) >= _MIN_BACKGROUND_FRAMES:
            self._background = fit_static_background(images)
        self._body_area = estimate_body_area(self.detect(images))

        digest = hashlib.sha256(self._initial_fingerprint.encode())
        if self._background is not None:
            digest.update(self._background.image.tobytes())
        digest.update(repr(self._body_area).encode())
        self.fingerprint = digest.hexdigest()

    def detect(self, images: Sequence[UInt8]) -> list[Detections]:
        """Detect the animals in each image.

        Parameters
        ----------
        images : sequence of ndarray
            ``(h, w, 3)`` uint8 RGB; sizes may differ.

        Returns
        -------
        list of Detections
            One for each image: boxes in its pixels in order of decreasing score, with embeddings if
            there is an embedder, and with keypoints if the network finds them.

        Raises
        ------
        ArrayError
            If an image has the wrong type or shape.
        """
        for image in images:
            check_image(image)
        if len(images) == 1:
            return [self._detect_one(images[0])]
        return list(self._threads.map(self._detect_one, images))

    def _detect_one(self, image: UInt8) -> Detections:
        height, width = image.shape[:2]
        letterbox = compute_letterbox(width, height, self._max_side_px)
        backend = self._free_backends.get()
        try:
            maps = backend.infer(self._to_input(apply_letterbox(image, letterbox)))
            detections = self._decode(maps, letterbox, width, height)
            input_boxes = letterbox_boxes(detections.boxes, letterbox, width, height)
            embeddings = self._embed(backend, maps, input_boxes)
        finally:
            self._free_backends.put(backend)
        return replace(detections, embeddings=embeddings)

    def _letterbox(self, image: UInt8) -> UInt8:
        check_image(image)
        height, width = image.shape[:2]
        return apply_letterbox(image, compute_letterbox(width, height, self._max_side_px))

    def _to_input(self, image: UInt8) -> Float32:
        """Return the network input of a letterboxed image, with a difference channel if needed."""
        if not self.needs_background:
            return to_input([image])
        if self._background is None or self._background.image.shape != image.shape:
            difference = np.zeros(image.shape[:2], np.uint8)
        else:
            difference = self._background.compute_difference(image)
        return to_input([image], [difference])

    def _decode(
        self, maps: OutputMaps, letterbox: Letterbox, width: int, height: int
    ) -> Detections:
        """Return the detections without embeddings, in pixels of the image."""
        heads = HeadMaps(
            heatmap=maps["heatmap"][0].max(axis=0),
            offset=maps["offset"][0],
            size=maps["size"][0],
            keypoints=maps["keypoints"][0] if self._finds_keypoints else None,
        )
        detections = decode(
            heads,
            box_mode=self.metadata.box_mode,
            stride=self.metadata.stride,
            max_detections=self.config.max_detections,
            score_threshold=self.config.score_threshold,
            score_scale=self.metadata.score_scale,
            score_bias=self.metadata.score_bias,
        )
        if self._body_area is not None:
            areas = compute_areas(detections.boxes)
            penalty = self.config.small_box_penalty
            scores = downweight_small(detections.scores, areas, self._body_area, penalty)
            n_kept = np.count_nonzero(scores >= self.config.score_threshold)
            order = np.argsort(-scores, kind="stable")[:n_kept]
            detections = replace(detections, scores=scores)[order]
        keypoints = detections.keypoints
        if keypoints is not None:
            keypoints = undo_letterbox_keypoints(keypoints, letterbox, width, height)
        boxes = undo_letterbox(detections.boxes, letterbox, width, height)
        detections = replace(detections, boxes=boxes, keypoints=keypoints)
        return select_detections(detections, width, height, self.config)

    def _embed(self, backend: InferenceBackend, maps: OutputMaps, boxes: Float32) -> Float32 | None:
        """Return the embeddings ``(n, d)`` of boxes in input pixels; None without an embedder."""
        if self.embedder is None:
            return None
        if len(boxes) == 0:
            return np.zeros((0, self.metadata.embedding_size), np.float32)
        return backend.embed(maps, boxes)


def _compute_fingerprint(
    detector_path: str | Path, embedder_path: str | Path | None, config: DetectionConfig
) -> str:
    """Return the SHA-256 of the network files and of the settings that decide the result."""
    digest = hashlib.sha256()
    for path in (detector_path, embedder_path):
        if path is not None:
            digest.update(hashlib.sha256(Path(path).read_bytes()).digest())
    settings = {
        _FINGERPRINT_NAMES.get(name, name): getattr(config, name)
        for name in config.__slots__
        # Runs of versions without keypoints can be resumed as well.
        if name not in RUNTIME_FIELDS and (name, getattr(config, name)) != ("keypoints", True)
    }
    digest.update(repr(sorted(settings.items())).encode())
    return digest.hexdigest()

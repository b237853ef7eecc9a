"""Detects animals without any network: what differs from the empty scene."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from murid.core.types import Detections, Frame, UInt8
from murid.detection.blobs import Blob, find_blobs
from murid.detection.config import DetectionConfig
from murid.detection.preprocess import check_image
from murid.detection.size_prior import compute_weighted_median
from murid.errors import ArrayError, ConfigError
from murid.video.background_model import BackgroundModel, fit_background_model

_LONGEST_SIDE = 640  # pixels to which larger pictures are shrunk
_BLUR_SHARE = 0.0025  # of the longest side: deviation of the blur that takes away grain and bedding
_SMALLEST_BODY = 0.15  # of the usual body area


@dataclass(frozen=True, slots=True)
class BodyPrior:
    """Area in pixels and contrast in thresholds of most bodies in a video."""

    area: float
    contrast: float


class BackgroundDetector:
    """A detector for a still camera and still light, made of differences to the empty scene.

    Animals may be darker or brighter than the floor; tails are left out of the boxes. Animals that
    touch become one box, and an animal that stays in one place through nearly all of the video is
    not seen.

    Parameters
    ----------
    config : DetectionConfig, optional
        Settings; the ones of the network are not read.

    Attributes
    ----------
    name : str
        ``"background"``.
    embedder : None
        There are no embeddings.
    needs_background : bool
        True: `fit` comes first.
    """

    name = "background"
    embedder = None
    needs_background = True

    def __init__(self, config: DetectionConfig | None = None) -> None:
        self.config = config or DetectionConfig(detector=self.name)
        self._backdrop: BackgroundModel | None = None
        self._frame_size = (0, 0)
        self._usual = BodyPrior(1, 1)

    @property
    def fingerprint(self) -> str:
        """Hash of the settings that change the result and, after `fit`, of the background."""
        config = self.config
        digest = hashlib.sha256(
            repr(
                (self.name, config.score_threshold, config.max_side_px, config.max_detections)
            ).encode()
        )
        if self._backdrop is not None:
            digest.update(self._backdrop.image.tobytes() + self._backdrop.threshold.tobytes())
            # Written as it was at first: a run can be resumed only if the fingerprint is the same.
            area, contrast = self._usual.area, self._usual.contrast
            prior = f"UsualBody(area={area!r}, contrast={contrast!r})"
            digest.update(f"({self._frame_size!r}, {prior})".encode())
        return digest.hexdigest()

    def fit(self, frames: Iterable[Frame]) -> None:
        """Learn the empty scene and the usual size of a body from frames spread over the video.

        Raises
        ------
        ArrayError
            If there are fewer than three frames or their sizes differ.
        """
        sizes: set[tuple[int, int]] = set()
        images = []
        for frame in frames:
            sizes.add((frame.image.shape[1], frame.image.shape[0]))
            images.append(self._simplify(frame.image))
        if len(images) < 3 or len(sizes) != 1:
            got = f"{len(images)} frames of sizes {', '.join(f'{w}x{h}' for w, h in sorted(sizes)) or 'none'}"
            raise ArrayError("frames", "three or more frames of one size", got)
        (self._frame_size,) = sizes
        background = self._backdrop = fit_background_model(images)
        blobs = [
            b
            for image in images
            for b in find_blobs(background.compute_difference(image), background.threshold)
        ]
        self._usual = _find_usual(blobs) if blobs else BodyPrior(1, 1)

    def detect(self, images: Sequence[UInt8]) -> list[Detections]:
        """Find the animals in each picture.

        Parameters
        ----------
        images : sequence of ndarray
            Pictures ``(h, w, 3)`` uint8 RGB, of the size of the frames given to `fit`.

        Returns
        -------
        list of Detections
            One for each picture, without embeddings, by falling score.

        Raises
        ------
        ConfigError
            If `fit` was not called.
        ArrayError
            If a picture has another type or size.
        """
        if self._backdrop is None:
            raise ConfigError(
                "detector background: call fit with frames of the video before detect"
            )
        return [self._detect_one(image, self._backdrop) for image in images]

    def _detect_one(self, image: UInt8, background: BackgroundModel) -> Detections:
        check_image(image)
        width, height = self._frame_size
        if image.shape[:2] != (height, width):
            raise ArrayError(
                "image", f"{width}x{height} as in fit", f"{image.shape[1]}x{image.shape[0]}"
            )
        difference = background.compute_difference(self._simplify(image))
        blobs = find_blobs(difference, background.threshold)
        blobs = [blob for blob in blobs if blob.area >= _SMALLEST_BODY * self._usual.area]
        scores = np.array([compute_score(blob, self._usual) for blob in blobs], np.float32)
        boxes = np.array([blob.box for blob in blobs], np.float32).reshape(-1, 4)
        scale = np.array(
            [width / difference.shape[1], height / difference.shape[0]] * 2, np.float32
        )
        order = np.argsort(-scores, kind="stable")[: self.config.max_detections]
        found = Detections((boxes * scale)[order], scores[order])
        return found[found.scores >= np.float32(self.config.score_threshold)]

    def _simplify(self, image: UInt8) -> UInt8:
        height, width = image.shape[:2]
        scale = min(1.0, (self.config.max_side_px or _LONGEST_SIDE) / max(width, height))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        smooth: UInt8 = cv2.GaussianBlur(small, (0, 0), _BLUR_SHARE * max(size))
        return smooth


def compute_score(blob: Blob, prior: BodyPrior) -> float:
    """Score in [0, 1] of a blob: high contrast, a compact shape, no less than half the usual area."""
    contrast = (
        blob.contrast / (blob.contrast + 1) * math.sqrt(min(1.0, blob.contrast / prior.contrast))
    )
    return contrast * min(1.0, 2 * blob.fill) * min(1.0, 2 * blob.area / prior.area)


def _find_usual(blobs: Sequence[Blob]) -> BodyPrior:
    areas = np.array([blob.area for blob in blobs], np.float64)
    contrasts = np.array([blob.contrast for blob in blobs], np.float64)
    # Half of all foreground lies in larger blobs, half in smaller ones: small specks do not count
    # for much.
    return BodyPrior(
        compute_weighted_median(areas, areas), compute_weighted_median(contrasts, areas)
    )

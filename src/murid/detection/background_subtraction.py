"""Detect animals without a network, by background subtraction."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from murid.core.plurals import format_count
from murid.core.types import Detections, Frame, UInt8
from murid.detection.config import DetectionConfig
from murid.detection.connected_components import Component, find_components
from murid.detection.preprocess import check_image
from murid.detection.size_prior import compute_weighted_median
from murid.errors import ArrayError, ConfigError
from murid.video.background_model import BackgroundModel, fit_background_model
from murid.video.resize import downscale

# Larger images are downscaled to this length of the longer side, in pixels. More shows finer detail
# and takes longer.
_MAX_SIDE_PX = 640

# Standard deviation of the Gaussian blur that removes sensor noise and bedding, as a fraction of
# the longer side. A stronger blur also removes thin and faint parts of animals.
_BLUR_FRACTION = 0.0025

# Components smaller than this fraction of the median body are noise.
_MIN_BODY_FRACTION = 0.15

# Fewer frames give no median in which animals that move are absent.
_MIN_FRAMES = 3


@dataclass(frozen=True, slots=True)
class BodyPrior:
    """Median body in a video.

    Attributes
    ----------
    area : float
        Pixels of the downscaled image.
    contrast : float
        Ratio of difference to foreground threshold.
    """

    area: float
    contrast: float


class BackgroundDetector:
    """A detector for a static camera and constant light, by background subtraction.

    Animals may be darker or brighter than the floor. Boxes exclude the tails. Animals that touch
    become one box. An animal that stays in one place through nearly the whole video is not
    detected.

    Parameters
    ----------
    config : DetectionConfig, optional
        Settings; those of the network are ignored.

    Attributes
    ----------
    name : str
        ``"background"``.
    embedder : None
        There are no embeddings.
    needs_background : bool
        True: call `fit` before `detect`.
    """

    name = "background"
    embedder = None
    needs_background = True

    def __init__(self, config: DetectionConfig | None = None) -> None:
        self.config = config or DetectionConfig(detector=self.name)
        self._background: BackgroundModel | None = None
        self._frame_size = (0, 0)
        self._body_prior = BodyPrior(1, 1)

    @property
    def fingerprint(self) -> str:
        """Hash of the settings that decide the result and, after `fit`, of the background."""
        config = self.config
        settings = (self.name, config.score_threshold, config.max_side_px, config.max_detections)
        digest = hashlib.sha256(repr(settings).encode())
        if self._background is not None:
            digest.update(self._background.image.tobytes() + self._background.threshold.tobytes())
            # Written as in the first version: a run can be resumed only if the fingerprint is the
            # same.
            area = self._body_prior.area
            contrast = self._body_prior.contrast
            prior = f"UsualBody(area={area!r}, contrast={contrast!r})"
            digest.update(f"({self._frame_size!r}, {prior})".encode())
        return digest.hexdigest()

    def fit(self, frames: Iterable[Frame]) -> None:
        """Fit the background model and the body prior to frames spread over the video.

        Raises
        ------
        ArrayError
            If there are fewer than three frames, or their sizes differ.
        """
        sizes: set[tuple[int, int]] = set()
        images: list[UInt8] = []
        for frame in frames:
            height, width = frame.image.shape[:2]
            sizes.add((width, height))
            images.append(self._downscale_and_blur(frame.image))
        if len(images) < _MIN_FRAMES or len(sizes) != 1:
            got = format_count(len(images), "frame")
            if len(sizes) > 1:
                got += f" of sizes {', '.join(f'{w}x{h}' for w, h in sorted(sizes))}"
            expected = "three or more frames of one size, from which the background is learnt"
            raise ArrayError("frames", expected, got)
        (self._frame_size,) = sizes
        background = fit_background_model(images)
        self._background = background

        components: list[Component] = []
        for image in images:
            difference = background.compute_difference(image)
            components += find_components(difference, background.threshold)
        self._body_prior = _estimate_body_prior(components) if components else BodyPrior(1, 1)

    def detect(self, images: Sequence[UInt8]) -> list[Detections]:
        """Detect the animals in each image.

        Parameters
        ----------
        images : sequence of ndarray
            ``(h, w, 3)`` uint8 RGB, of the size of the frames given to `fit`.

        Returns
        -------
        list of Detections
            One for each image, without embeddings, in order of decreasing score.

        Raises
        ------
        ConfigError
            If `fit` was not called.
        ArrayError
            If an image has another type or size.
        """
        if self._background is None:
            expected = "call fit with frames of the video before detect"
            raise ConfigError(f"detector background: {expected}")
        return [self._detect_one(image, self._background) for image in images]

    def _detect_one(self, image: UInt8, background: BackgroundModel) -> Detections:
        check_image(image)
        width, height = self._frame_size
        if image.shape[:2] != (height, width):
            got = f"{image.shape[1]}x{image.shape[0]}"
            raise ArrayError("image", f"{width}x{height} as in fit", got)

        difference = background.compute_difference(self._downscale_and_blur(image))
        min_area = _MIN_BODY_FRACTION * self._body_prior.area
        components = [
            component
            for component in find_components(difference, background.threshold)
            if component.area >= min_area
        ]
        scores = np.array(
            [compute_score(component, self._body_prior) for component in components], np.float32
        )
        boxes = np.array([component.box for component in components], np.float32).reshape(-1, 4)

        # From pixels of the downscaled image to pixels of the image.
        small_height, small_width = difference.shape
        scale = np.array([width / small_width, height / small_height] * 2, np.float32)
        order = np.argsort(-scores, kind="stable")[: self.config.max_detections]
        detections = Detections((boxes * scale)[order], scores[order])
        return detections[detections.scores >= np.float32(self.config.score_threshold)]

    def _downscale_and_blur(self, image: UInt8) -> UInt8:
        small, _ = downscale(image, self.config.max_side_px or _MAX_SIDE_PX)
        blurred: UInt8 = cv2.GaussianBlur(small, (0, 0), _BLUR_FRACTION * max(small.shape[:2]))
        return blurred


def compute_score(component: Component, prior: BodyPrior) -> float:
    """Return the score of a component, in [0, 1].

    It is high for high contrast, a compact shape, and at least half the median area.
    """
    contrast = component.contrast / (component.contrast + 1)
    relative_contrast = math.sqrt(min(1.0, component.contrast / prior.contrast))
    compactness = min(1.0, 2 * component.extent)
    size = min(1.0, 2 * component.area / prior.area)
    return contrast * relative_contrast * compactness * size


def _estimate_body_prior(components: Sequence[Component]) -> BodyPrior:
    """Return the medians of area and contrast, weighted by area.

    Half of all foreground pixels lie in larger components and half in smaller ones, so small specks
    have little weight.
    """
    areas = np.array([component.area for component in components], np.float64)
    contrasts = np.array([component.contrast for component in components], np.float64)
    return BodyPrior(
        area=compute_weighted_median(areas, areas),
        contrast=compute_weighted_median(contrasts, areas),
    )

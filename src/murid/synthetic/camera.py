"""What a camera does to a scene: light, colour or infrared, blur, noise, compression."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
UInt8 = NDArray[np.uint8]


@dataclass(frozen=True)
class CameraModel:
    """Settings that stay the same through one recording.

    Attributes
    ----------
    mono : bool
        Monochrome, as under infrared light.
    gain, gamma, offset : float
        Tone curve ``gain * x ** gamma + offset``.
    cast : tuple of float
        Gain of red, green and blue.
    blur_px : float
        Standard deviation of the lens's blur, pixels.
    noise : float
        Standard deviation of the sensor's noise, in [0, 1] units.
    vignette : float
        Darkening of the corners.
    jpeg_quality : int or None
        Compression, None for none.
    """

    mono: bool = True
    gain: float = 1.0
    gamma: float = 1.0
    offset: float = 0.0
    cast: tuple[float, float, float] = (1.0, 1.0, 1.0)
    blur_px: float = 0.5
    noise: float = 0.01
    vignette: float = 0.0
    jpeg_quality: int | None = None


def sample_camera(rng: np.random.Generator) -> CameraModel:
    """Draw a camera; monochrome ones are the commonest in laboratories."""
    return CameraModel(
        mono=bool(rng.random() < 0.62),
        gain=float(rng.uniform(0.55, 1.3)),
        gamma=float(np.exp(rng.normal(0, 0.3))),
        offset=float(rng.normal(0, 0.03)),
        cast=tuple(rng.normal(1, 0.07, 3).tolist()),
        blur_px=float(
            rng.choice([0, rng.uniform(0.3, 0.9), rng.uniform(0.9, 2.2)], p=[0.2, 0.6, 0.2])
        ),
        noise=float(rng.choice([rng.uniform(0, 0.015), rng.uniform(0.015, 0.06)], p=[0.7, 0.3])),
        vignette=float(rng.choice([0, rng.uniform(0.1, 0.6)])),
        jpeg_quality=int(rng.integers(22, 96)) if rng.random() < 0.65 else None,
    )


def expose(scene: Float, camera: CameraModel, rng: np.random.Generator) -> UInt8:
    """Photograph a scene.

    Parameters
    ----------
    scene : ndarray
        ``(h, w, 3)`` float32 RGB in [0, 1].
    camera : CameraModel
    rng : Generator
        Source of the sensor's noise.

    Returns
    -------
    ndarray
        ``(h, w, 3)`` uint8 RGB.
    """
    height, width = scene.shape[:2]
    image = scene * np.asarray(camera.cast, np.float32)
    if camera.blur_px > 0.2:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), camera.blur_px), np.float32)
    if camera.mono:
        image = np.repeat(
            (image @ np.array([0.299, 0.587, 0.114], np.float32))[..., None], 3, axis=2
        )
    image = camera.gain * np.clip(image, 0, 1) ** np.float32(camera.gamma) + camera.offset
    if camera.vignette:
        y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
        image *= 1 - camera.vignette * np.clip((x**2 + y**2) / 2, 0, 1)[..., None]
    if camera.noise:
        channels = 1 if camera.mono else 3
        image = image + camera.noise * rng.standard_normal((height, width, channels), np.float32)
    out = np.asarray(np.clip(image * 255 + 0.5, 0, 255), np.uint8)
    if camera.jpeg_quality is not None:
        _, packed = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, camera.jpeg_quality])
        out = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
    return out

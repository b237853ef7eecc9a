"""A camera that films: one frame after another with the same settings, the costly parts prepared once."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.synthetic.camera import CameraModel

Float = NDArray[np.float32]
UInt8 = NDArray[np.uint8]

_N_TILES = 4
_SLACK = 64  # pixels by which a tile of noise is larger than the picture


class Film:
    """Exposes the frames of one recording.

    Parameters
    ----------
    camera : CameraModel
    height, width : int
        Pixels.
    rng : Generator
        Source of noise and flicker.
    flicker : float
        Amplitude of the light's flicker, as a share of the light.
    """

    def __init__(
        self,
        camera: CameraModel,
        height: int,
        width: int,
        rng: np.random.Generator,
        flicker: float = 0.0,
    ) -> None:
        self._camera, self._size, self._rng, self._flicker = camera, (height, width), rng, flicker
        self._channels = 1 if camera.mono else 3
        levels = np.linspace(0, 1, 256, dtype=np.float32)
        self._tones = np.asarray(
            255 * (camera.gain * levels ** np.float32(camera.gamma) + camera.offset), np.float32
        )
        tile = (height + _SLACK, width + _SLACK, self._channels)
        deviation = np.float32(255 * camera.noise)
        self._noise = [
            deviation * rng.standard_normal(tile, np.float32)
            for _ in range(_N_TILES if deviation else 0)
        ]
        self._fall = self._compute_vignette() if camera.vignette else None
        self._beat, self._sway = rng.uniform(0.3, 2.5), 0.0

    def expose(self, scene: Float) -> UInt8:
        """Photograph a scene ``(h, w, 3)`` float32 RGB in [0, 1]; returns ``(h, w, 3)`` uint8 RGB."""
        image = cv2.convertScaleAbs(scene, alpha=255)
        if self._camera.blur_px > 0.2:
            image = cv2.GaussianBlur(image, (0, 0), self._camera.blur_px)
        if self._channels == 1:
            image = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        elif self._camera.cast != (1.0, 1.0, 1.0):
            image = cv2.multiply(image, (*self._camera.cast, 0.0))
        return self._develop(cv2.LUT(image, self._tones))

    def _develop(self, image: Any) -> UInt8:
        """Light, noise and compression for a picture of 0 to 255 in float32."""
        image = image.reshape(*self._size, self._channels)
        if self._flicker:
            image = image * np.float32(self._draw_light())
        if self._fall is not None:
            image = image * self._fall
        if self._noise:
            image = image + self._crop_noise()
        out = cv2.convertScaleAbs(np.maximum(image, 0, out=image))
        if self._channels == 1:
            out = cv2.cvtColor(out, cv2.COLOR_GRAY2RGB)
        if self._camera.jpeg_quality is not None:
            _, packed = cv2.imencode(
                ".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, self._camera.jpeg_quality]
            )
            out = cv2.imdecode(packed, cv2.IMREAD_COLOR)
        return np.asarray(out, np.uint8)

    def _draw_light(self) -> float:
        """Light of the next frame: a beat of mains against shutter, and a little chance."""
        self._sway += self._beat
        return 1 + self._flicker * (
            float(np.sin(self._sway)) + 0.3 * float(self._rng.standard_normal())
        )

    def _crop_noise(self) -> Any:
        height, width = self._size
        tile = self._noise[int(self._rng.integers(_N_TILES))]
        top, left = (int(v) for v in self._rng.integers(_SLACK, size=2))
        return tile[top : top + height, left : left + width]

    def _compute_vignette(self) -> Float:
        height, width = self._size
        y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
        return np.asarray(
            1 - self._camera.vignette * np.clip((x**2 + y**2) / 2, 0, 1)[..., None], np.float32
        )

"""Simulated cameras: tone curve, colour or infrared, blur, noise, flicker and compression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from murid.core.types import Float32, Float64, UInt8

# Blur below this deviation changes no pixel visibly, so it is left out.
_MIN_BLUR_PX = 0.2

# Weights of red, green and blue in the brightness (ITU-R BT.601).
_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)

# Noise of a recording is cropped from a few tiles at random offsets, since new noise for every
# frame would take most of the time. The margin is how much a tile is larger than the frame; more
# tiles or a larger margin mean fewer repetitions, and more memory.
_N_NOISE_TILES = 4
_NOISE_MARGIN_PX = 64


# Styles of washed-out cameras; the third one has a strong gamma. The number of candidates among
# which one that keeps the animals visible is looked for.
_SATURATED = 0
_FADED = 1
_N_EXPOSURE_CANDIDATES = 8

MIN_TONE_DIFFERENCE = 0.08
"""Minimum difference between animals and floor in images of a washed-out camera, in [0, 1]."""


@dataclass(frozen=True)
class CameraModel:
    """Settings of a simulated camera, constant during one recording."""

    mono: bool = True
    """Whether images are monochrome, as under infrared light."""
    gain: float = 1.0
    """Factor of the tone curve ``gain * x ** gamma + offset``."""
    gamma: float = 1.0
    """Exponent of the tone curve."""
    offset: float = 0.0
    """Constant of the tone curve, in [0, 1] units."""
    colour_gains: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Gains of red, green and blue."""
    blur_px: float = 0.5
    """Standard deviation of the lens blur, pixels."""
    noise: float = 0.01
    """Standard deviation of the sensor noise, in [0, 1] units."""
    vignette: float = 0.0
    """Share by which the corners are darker than the centre."""
    jpeg_quality: int | None = None
    """JPEG quality from 0 to 100; None for no compression."""


def sample_camera(rng: np.random.Generator) -> CameraModel:
    """Sample a camera. Most are monochrome, as in laboratories."""
    # Wider ranges make a detector robust against bad light, and need more training images.
    return CameraModel(
        mono=bool(rng.random() < 0.62),
        gain=float(rng.uniform(0.55, 1.3)),
        gamma=float(np.exp(rng.normal(0, 0.3))),
        offset=float(rng.normal(0, 0.03)),
        colour_gains=tuple(rng.normal(1, 0.07, 3).tolist()),
        # Three groups: in focus, nearly so, and out of focus.
        blur_px=float(
            rng.choice([0, rng.uniform(0.3, 0.9), rng.uniform(0.9, 2.2)], p=[0.2, 0.6, 0.2])
        ),
        # Two groups: good light, and sensors at high gain.
        noise=float(rng.choice([rng.uniform(0, 0.015), rng.uniform(0.015, 0.06)], p=[0.7, 0.3])),
        vignette=float(rng.choice([0, rng.uniform(0.1, 0.6)])),
        jpeg_quality=int(rng.integers(22, 96)) if rng.random() < 0.65 else None,
    )


def sample_washed_out_camera(
    rng: np.random.Generator, floor_brightness: float, coat_brightnesses: Sequence[float]
) -> CameraModel:
    """Sample an overexposed, faded or strongly curved camera, mostly infrared.

    Animals stay apart from the floor by `MIN_TONE_DIFFERENCE`: a fainter one nobody could label.
    If no candidate keeps them apart, the camera is an ordinary one.

    Parameters
    ----------
    rng : Generator
    floor_brightness : float
        Mean of the floor, in [0, 1].
    coat_brightnesses : sequence of float
        Mean of each animal, in [0, 1].
    """
    floor = max(floor_brightness, 0.05)
    for _ in range(_N_EXPOSURE_CANDIDATES):
        style = int(rng.integers(3))
        gamma = float(np.exp(rng.normal(0, 0.3)))
        offset = 0.0
        if style == _SATURATED:
            # The floor reaches white or goes beyond it.
            gain = float(rng.uniform(0.95, 1.6)) / floor**gamma
        elif style == _FADED:
            gain = float(rng.uniform(0.2, 0.55))
            offset = float(rng.uniform(0.15, 0.9)) * (1 - gain)
        else:
            gamma = float(np.exp(rng.choice([-1, 1]) * rng.uniform(0.5, 1.1)))
            gain = float(rng.uniform(0.8, 1.3))
        camera = CameraModel(
            mono=bool(rng.random() < 0.8),
            gain=gain,
            gamma=gamma,
            offset=offset,
            blur_px=float(rng.uniform(0, 1.4)),
            noise=float(rng.uniform(0, 0.025)),
            vignette=float(rng.choice([0, rng.uniform(0.2, 0.8)])),
            jpeg_quality=int(rng.integers(30, 96)) if rng.random() < 0.5 else None,
        )
        tones = _apply_tone_curve(camera, np.array([floor, *coat_brightnesses]))
        if (np.abs(tones[1:] - tones[0]) >= MIN_TONE_DIFFERENCE).all():
            return camera
    return sample_camera(rng)


def _apply_tone_curve(camera: CameraModel, brightness: Float64) -> Float64:
    tones = camera.gain * np.clip(brightness, 0, 1) ** camera.gamma + camera.offset
    return np.asarray(np.clip(tones, 0, 1), np.float64)


def take_image(scene: Float32, camera: CameraModel, rng: np.random.Generator) -> UInt8:
    """Take a single image of a scene.

    Parameters
    ----------
    scene : ndarray
        ``(h, w, 3)`` float32 RGB in [0, 1].
    camera : CameraModel
    rng : Generator
        Source of the sensor noise.

    Returns
    -------
    ndarray
        ``(h, w, 3)`` uint8 RGB.
    """
    height, width = scene.shape[:2]
    # Light and lens.
    image = scene * np.asarray(camera.colour_gains, np.float32)
    if camera.blur_px > _MIN_BLUR_PX:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), camera.blur_px), np.float32)
    if camera.mono:
        # One channel until the end, which takes a third of the time.
        image = (image @ _LUMINANCE)[..., None]

    # Tone curve, vignette and sensor noise.
    # OpenCV's power is several times faster than NumPy's, and drops an axis of length one.
    tones = cv2.pow(np.clip(image, 0, 1), camera.gamma).reshape(image.shape)
    image = np.float32(camera.gain) * tones + np.float32(camera.offset)
    if camera.vignette:
        image *= _compute_vignette(height, width, camera.vignette)
    if camera.noise:
        channels = 1 if camera.mono else 3
        image = image + camera.noise * rng.standard_normal((height, width, channels), np.float32)
    out: Any = np.asarray(np.clip(image * 255 + 0.5, 0, 255), np.uint8)
    if camera.mono:
        out = cv2.cvtColor(out, cv2.COLOR_GRAY2RGB)
    return compress_image(out, camera.jpeg_quality)


class VideoCamera:
    """Takes the frames of one recording, with the costly parts prepared once.

    Parameters
    ----------
    camera : CameraModel
    height, width : int
        Pixels.
    rng : Generator
        Source of noise and flicker.
    flicker : float
        Amplitude of the flicker of the light, relative to the light.
    """

    def __init__(
        self,
        camera: CameraModel,
        height: int,
        width: int,
        rng: np.random.Generator,
        flicker: float = 0.0,
    ) -> None:
        self._camera = camera
        self._size = (height, width)
        self._rng = rng
        self._flicker = flicker
        self._channels = 1 if camera.mono else 3
        levels = np.linspace(0, 1, 256, dtype=np.float32)
        tones = camera.gain * levels ** np.float32(camera.gamma) + camera.offset
        self._tone_table = np.asarray(255 * tones, np.float32)
        self._noise_tiles = self._make_noise_tiles()
        self._vignette: Float32 | None = None
        if camera.vignette:
            self._vignette = _compute_vignette(height, width, camera.vignette)
        # Beat of the mains frequency against the frame rate, radians a frame.
        self._flicker_step = rng.uniform(0.3, 2.5)
        self._flicker_phase = 0.0

    def take_frame(self, scene: Float32) -> UInt8:
        """Take the next frame of a scene.

        Parameters
        ----------
        scene : ndarray
            ``(h, w, 3)`` float32 RGB in [0, 1].

        Returns
        -------
        ndarray
            ``(h, w, 3)`` uint8 RGB.
        """
        # Integer images make blur and colour conversion several times faster.
        image: Any = cv2.convertScaleAbs(scene, alpha=255)
        if self._camera.blur_px > _MIN_BLUR_PX:
            image = cv2.GaussianBlur(image, (0, 0), self._camera.blur_px)
        if self._camera.mono:
            image = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        elif self._camera.colour_gains != (1.0, 1.0, 1.0):
            image = cv2.multiply(image, (*self._camera.colour_gains, 0.0))

        # Tone curve, light and noise, from 0 to 255 in float32.
        image = cv2.LUT(image, self._tone_table).reshape(*self._size, self._channels)
        if self._flicker:
            image = image * np.float32(self._sample_light())
        if self._vignette is not None:
            image = image * self._vignette
        if self._noise_tiles:
            image = image + self._crop_noise()
        out = cv2.convertScaleAbs(np.maximum(image, 0, out=image))
        if self._camera.mono:
            out = cv2.cvtColor(out, cv2.COLOR_GRAY2RGB)
        return compress_image(out, self._camera.jpeg_quality)

    def _make_noise_tiles(self) -> list[Float32]:
        deviation = np.float32(255 * self._camera.noise)
        if not deviation:
            return []
        height, width = self._size
        shape = (height + _NOISE_MARGIN_PX, width + _NOISE_MARGIN_PX, self._channels)
        return [
            deviation * self._rng.standard_normal(shape, np.float32) for _ in range(_N_NOISE_TILES)
        ]

    def _sample_light(self) -> float:
        """Return the light of the next frame: a periodic flicker and random changes."""
        self._flicker_phase += self._flicker_step
        periodic = float(np.sin(self._flicker_phase))
        random = 0.3 * float(self._rng.standard_normal())
        return 1 + self._flicker * (periodic + random)

    def _crop_noise(self) -> Float32:
        height, width = self._size
        tile = self._noise_tiles[int(self._rng.integers(_N_NOISE_TILES))]
        top, left = self._rng.integers(_NOISE_MARGIN_PX, size=2).tolist()
        return tile[top : top + height, left : left + width]


def _compute_vignette(height: int, width: int, strength: float) -> Float32:
    """Return factors ``(h, w, 1)``, from 1 in the centre to ``1 - strength`` in the corners."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    squared_radius = np.clip((x**2 + y**2) / 2, 0, 1)[..., None]
    return np.asarray(1 - strength * squared_radius, np.float32)


def compress_image(image: Any, quality: int | None) -> UInt8:
    """Return an image ``(h, w, 3)`` with the artefacts of JPEG compression."""
    if quality is not None:
        _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        image = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    return np.asarray(image, np.uint8)

"""Synthetic recordings: animals that move in an enclosure, with exact ground truth, streamed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from murid.core import Frame
from murid.core.types import Float32, Float64
from murid.errors import ConfigError
from murid.synthetic.animal import BREEDS, Coat, sample_coat, sample_coat_of_breed
from murid.synthetic.behaviour import BehaviourConfig
from murid.synthetic.camera import CameraModel, VideoCamera
from murid.synthetic.composition import SceneTruth, Shadow, compose_scene
from murid.synthetic.dark_walls import WallReflections
from murid.synthetic.environment import EnclosureKind, build_environment
from murid.synthetic.litters import PUP_LENGTHS, place_litter, sample_pup_coat
from murid.synthetic.motion import Herd
from murid.synthetic.sprite import Sprite, blur_along
from murid.synthetic.steel import add_steel
from murid.synthetic.texture import crop_texture
from murid.synthetic.view import Projection, View, ViewKind

# Direction to the light (x, y, up): 30 degrees from the vertical.
_LIGHT = np.array([0.3, 0.4, 0.866], np.float32)

# Side of the fur texture, which is more than a body is rendered at.
_FUR_SIZE_PX = 256

# Standard deviations of the logarithm of the body length between animals, and of an animal's
# colour from one day to the next. Larger ones make identification easier, and re-identification
# harder.
_LENGTH_DEVIATION = 0.05
_DAILY_DEVIATION = 0.04

# Shadows: blur and displacement in body lengths.
_SHADOW_BLUR = 0.06
_SHADOW_SHIFT = (0.03, 0.045)

# The motion is simulated at this frame rate or a higher one: at a lower one, turns would overshoot.
_MIN_MOTION_FPS = 25.0

# Different coats are chosen among this many; more make them more different, up to a point.
_N_COAT_CANDIDATES = 40

# Difference of two coats with different patterns, on the scale of the summed difference of RGB.
_PATTERN_DIFFERENCE = 0.4
# Maximum mean of RGB of a coat that counts as black.
_MAX_DARK_BRIGHTNESS = 0.2


@dataclass(frozen=True)
class RecordingConfig:
    """Settings of a synthetic recording.

    Raises
    ------
    ConfigError
        If a number is not above 0, a coat is unknown, `present` contains a number twice or one
        that is out of range, only one of enclosure and view is a tank seen from the side, a dark
        box is not seen from above, all animals are pups, or the exposure is longer than the
        interval of the frames.
    """

    n_animals: int = 4
    """Number of animals, at least 1."""
    n_frames: int = 300
    """Number of frames, at least 1."""
    fps: float = 30.0
    """Frames per second."""
    width: int = 640
    """Width of the images, pixels."""
    height: int = 480
    """Height of the images, pixels."""
    body_px: float = 70.0
    """Length of an animal, nose to tail base, pixels."""
    lookalike: bool = False
    """Whether all animals have the same coat and size."""
    seed: int = 0
    """The same seed gives the same recording."""
    animal_seed: int | None = None
    """Recordings with the same value show the same animals on different days: of one build and
    coat, with the fur a little changed. None for animals of this recording alone."""
    present: tuple[int, ...] = ()
    """Which of the `n_animals` are in the recording, by their numbers from 0; () for all."""
    coats: tuple[str, ...] = ()
    """Breeds of `murid.synthetic.animal.BREEDS`, assigned to the animals in turn; () for coats
    that are as different as possible."""
    tagged: bool = False
    """Whether every other animal has an ear tag."""
    n_pups: int = 0
    """How many of the `n_animals`, the first ones, are pups: small, pale, and below the others."""
    behaviour: BehaviourConfig = field(default_factory=BehaviourConfig)
    """Frequency of each behaviour, and speed of the animals."""
    enclosure: EnclosureKind = "field"
    """``field``, ``disc``, ``cage``, ``dark``, which requires the view from above, or ``tank``,
    which requires the side view."""
    steel: bool = False
    """Whether the enclosure has spouts, bottles, hoppers, wire mesh or glints."""
    n_shelters: int = 0
    """Number of roofs that hide the animals below."""
    floor_brightness: float | None = None
    """Brightness of the floor in [0, 1]; None to sample it."""
    view: ViewKind = "above"
    """``above``, ``tilted`` or ``side``."""
    camera: CameraModel = field(
        default_factory=lambda: CameraModel(mono=False, blur_px=0.6, noise=0.01)
    )
    """Tone curve, blur and noise."""
    flicker: float = 0.0
    """Amplitude of the flicker of the light, relative to the light."""
    shadow: float = 0.35
    """Opacity of the shadows."""
    exposure_s: float = 0.0
    """Exposure time, seconds: animals are blurred along their way during it. 0 for no motion
    blur."""

    def __post_init__(self) -> None:
        for name in ("n_animals", "n_frames", "fps", "width", "height", "body_px"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"{name}: expected more than 0, got {getattr(self, name)}")
        if self.n_pups and self.present:
            raise ConfigError("present: expected all animals with n_pups, got some of them")
        if not 0 <= self.n_pups < self.n_animals:
            raise ConfigError(
                f"n_pups: expected 0 to {self.n_animals - 1}, one less than n_animals, "
                f"got {self.n_pups}"
            )
        if not 0 <= self.exposure_s <= 1 / self.fps:
            raise ConfigError(
                f"exposure_s: expected 0 to {1 / self.fps:g}, the interval of the frames, "
                f"got {self.exposure_s:g}"
            )
        unknown = set(self.coats) - set(BREEDS)
        if unknown:
            raise ConfigError(
                f"coats: expected some of {', '.join(BREEDS)}, got {', '.join(sorted(unknown))}"
            )
        out_of_range = [k for k in self.present if not 0 <= k < self.n_animals]
        repeated = len(set(self.present)) < len(self.present)
        if out_of_range or repeated:
            raise ConfigError(
                f"present: expected different numbers from 0 to {self.n_animals - 1}, "
                f"got {self.present}"
            )
        if (self.enclosure == "tank") != (self.view == "side"):
            raise ConfigError(
                "enclosure: expected a tank with the side view and no other one, "
                f"got {self.enclosure} seen from {self.view}"
            )
        if self.enclosure == "dark" and self.view != "above":
            raise ConfigError(f"view: expected above with the enclosure dark, got {self.view}")


@dataclass(frozen=True)
class RecordedFrame:
    """One frame of a synthetic recording.

    Attributes
    ----------
    frame : Frame
    truth : SceneTruth
        `animal_indices` are the numbers of the visible animals, from 0.
    positions : ndarray or None
        ``(n, 2)`` float64 pixels of all animals, hidden ones too; None if unknown.
    """

    frame: Frame
    truth: SceneTruth
    positions: Float64 | None = None


@dataclass(frozen=True)
class _Animal:
    """Constant properties of an animal: its coat, its length in pixels, and its fur texture."""

    coat: Coat
    length_px: float
    fur: Float32


def record(config: RecordingConfig, every: int = 1) -> Iterator[RecordedFrame]:
    """Stream a synthetic recording; the memory needed does not grow with its length.

    Parameters
    ----------
    config : RecordingConfig
    every : int
        Interval of the frames that are rendered. Those between are simulated without rendering,
        which is quick.

    Yields
    ------
    RecordedFrame
        Frames in order, each with the boxes of the animals visible in it.
    """
    # Separate streams of random numbers, so that another camera does not change how the animals
    # move.
    generators = np.random.default_rng(config.seed).spawn(4)
    environment_rng, animal_rng, motion_rng, camera_rng = generators
    height = config.height
    width = config.width
    body_px = config.body_px

    environment = build_environment(
        environment_rng,
        config.enclosure,
        height,
        width,
        body_px,
        config.n_shelters,
        config.floor_brightness,
    )
    animals = _make_animals(config, animal_rng)
    # At low frame rates, several steps of the motion make one frame.
    n_steps = int(np.ceil(_MIN_MOTION_FPS / config.fps))
    motion_fps = n_steps * config.fps
    herd = Herd(
        len(animals),
        environment.ground,
        environment.shelters,
        config.behaviour,
        body_px,
        motion_fps,
        motion_rng,
    )
    if config.n_pups:
        # The litter begins in a heap, with the first dam beside it.
        lengths_px = np.array([animal.length_px for animal in animals[: config.n_pups]])
        dam = herd.position[config.n_pups]
        heap = place_litter(motion_rng, dam, body_px, lengths_px)
        herd.position[: len(heap)] = environment.ground.confine(heap)
    view = View(config.view, height, width)
    camera = VideoCamera(config.camera, height, width, camera_rng, config.flicker)
    if config.steel:
        steel_seed = int(environment_rng.integers(2**31))
        with_steel = add_steel(steel_seed, environment.enclosure)
        environment = replace(environment, enclosure=with_steel)
    enclosure = view.project_enclosure(environment.enclosure)
    reflections = None
    if environment.dark_box is not None:
        box = replace(environment.dark_box, enclosure=enclosure)
        reflections = WallReflections.sample(environment_rng, box, body_px)
    shift_x, shift_y = _SHADOW_SHIFT
    shadow = Shadow(config.shadow, _SHADOW_BLUR * body_px, (shift_x * body_px, shift_y * body_px))

    for index in range(config.n_frames):
        for _ in range(n_steps):
            before = herd.position.copy()
            herd.step()
        if index % every:
            continue
        projection = view.project_points(herd.position)
        sprites = _render_animals(view, animals, herd, projection, animal_rng)
        pixels = projection.pixels
        if config.exposure_s:
            # The way during the exposure, from the velocity in the last step.
            velocity = (pixels - view.project_points(before).pixels) * motion_fps
            ways = velocity * config.exposure_s
            sprites = [
                blur_along(s, float(x), float(y)) for s, (x, y) in zip(sprites, ways, strict=True)
            ]
        if reflections is not None:
            enclosure = reflections.add(sprites, pixels)
        order = view.sort_by_depth(pixels, herd.order)
        scene, truth = compose_scene(enclosure, sprites, pixels, shadow, order=order)
        frame = Frame(index, index / config.fps, camera.take_frame(scene))
        yield RecordedFrame(frame, truth, pixels.copy())


def _render_animals(
    view: View,
    animals: list[_Animal],
    herd: Herd,
    projection: Projection,
    rng: np.random.Generator,
) -> list[Sprite]:
    """Render every animal in its current posture."""
    return [
        view.render(
            animal.coat,
            herd.pose(k),
            animal.length_px,
            (projection.scale_across[k], projection.scale_along[k]),
            _LIGHT,
            animal.fur,
            rng,
        )
        for k, animal in enumerate(animals)
    ]


def _make_animals(config: RecordingConfig, rng: np.random.Generator) -> list[_Animal]:
    """Make the animals of a recording, or those of `animal_seed` on another day."""
    fixed_rng = rng
    if config.animal_seed is not None:
        fixed_rng = np.random.default_rng((config.animal_seed, 2))
    pups = _make_pups(config, fixed_rng)
    deviation = 0.0 if config.lookalike else _LENGTH_DEVIATION
    animals = []
    for coat in _choose_coats(config, fixed_rng):
        length_px = config.body_px * float(np.exp(fixed_rng.normal(0, deviation)))
        animals.append(_Animal(coat, length_px, _sample_fur(fixed_rng)))
    animals[: len(pups)] = pups
    if config.present:
        animals = [animals[k] for k in config.present]
    if config.animal_seed is None:
        return animals
    return [_change_overnight(animal, rng) for animal in animals]


def _make_pups(config: RecordingConfig, rng: np.random.Generator) -> list[_Animal]:
    """Make pups of one litter."""
    if not config.n_pups:
        return []
    floor_brightness = 0.5 if config.floor_brightness is None else config.floor_brightness
    coat = sample_pup_coat(rng, floor_brightness)
    relative_length = float(rng.uniform(*PUP_LENGTHS))
    lengths_px = relative_length * np.exp(rng.normal(0, _LENGTH_DEVIATION, config.n_pups))
    lengths_px = np.clip(lengths_px, *PUP_LENGTHS) * config.body_px
    return [_Animal(coat, float(length_px), _sample_fur(rng)) for length_px in lengths_px]


def _change_overnight(animal: _Animal, rng: np.random.Generator) -> _Animal:
    """Return an animal on another day: its fur lies differently and is cleaner or dirtier."""
    colour = animal.coat.base_colour * rng.normal(1, _DAILY_DEVIATION, 3)
    coat = replace(animal.coat, base_colour=np.clip(colour, 0.01, 1).astype(np.float32))
    fur = _sample_fur(rng)
    length_px = animal.length_px * float(np.exp(rng.normal(0, _DAILY_DEVIATION / 2)))
    return _Animal(coat, length_px, fur)


def _sample_fur(rng: np.random.Generator) -> Float32:
    return crop_texture(rng, _FUR_SIZE_PX, _FUR_SIZE_PX, fine=True).copy()


def _choose_coats(config: RecordingConfig, rng: np.random.Generator) -> list[Coat]:
    """Return a coat for each animal."""
    n = config.n_animals
    if config.coats:
        breeds = [config.coats[k % len(config.coats)] for k in range(n)]
        coats = [sample_coat_of_breed(breed, rng) for breed in breeds]
    else:
        coats = _choose_different_coats(n, rng)
    if config.lookalike:
        coats = coats[:1] * n
    if config.tagged:
        coats = [replace(coat, tagged=k % 2 == 1) for k, coat in enumerate(coats)]
    return coats


def _choose_different_coats(n: int, rng: np.random.Generator) -> list[Coat]:
    """Return coats that are as different as possible, the first one black (greedy search)."""
    candidates = [sample_coat(rng) for _ in range(_N_COAT_CANDIDATES)]
    dark = (
        coat
        for coat in candidates
        if coat.pattern == "plain" and coat.base_colour.mean() < _MAX_DARK_BRIGHTNESS
    )
    chosen = [next(dark, candidates[0])]
    while len(chosen) < n:
        scores = [
            min(_compare_coats(coat, other) for other in chosen) + _score_contrast(coat)
            for coat in candidates
        ]
        chosen.append(candidates[int(np.argmax(scores))])
    return chosen


def _compare_coats(a: Coat, b: Coat) -> float:
    """Return the difference of two coats in colour and pattern."""
    colour_difference = np.abs(a.base_colour - b.base_colour).sum()
    return float(colour_difference + (_PATTERN_DIFFERENCE if a.pattern != b.pattern else 0))


def _score_contrast(coat: Coat) -> float:
    """Return a small score for coats that stand out from a mid-grey floor."""
    return abs(float(0.5 * (coat.base_colour.mean() - 0.6)))

"""Synthetic recordings: animals in one place through time, with perfect ground truth, streamed frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from murid.core import Frame
from murid.errors import ConfigError
from murid.synthetic.animal import BREEDS, Coat, sample_coat, sample_coat_of_breed
from murid.synthetic.behaviour import BehaviourConfig
from murid.synthetic.camera import CameraModel
from murid.synthetic.composition import SceneTruth, Shadow, compose
from murid.synthetic.environment import EnclosureKind, build_environment
from murid.synthetic.motion import Herd
from murid.synthetic.recording_camera import Film
from murid.synthetic.texture import crop_texture
from murid.synthetic.view import View, ViewKind

Float = NDArray[np.float32]

_LIGHT = np.array([0.3, 0.4, 0.866], np.float32)
_FUR_PX = 256
_DAILY = 0.04  # share by which an animal's tone changes from one day to the next


@dataclass(frozen=True)
class RecordingConfig:
    """A recording to make.

    Attributes
    ----------
    n_animals : int
        Number of animals, at least 1.
    n_frames : int
        Length, at least 1.
    fps : float
        Frames per second.
    width, height : int
        Size in pixels.
    body_px : float
        Length of an animal, nose to tail base, pixels.
    lookalike : bool
        Whether all animals wear the same coat and are of one size.
    seed : int
        The same seed gives the same recording.
    animal_seed : int or None
        Recordings that share it show the same animals on other days: of one build and coat, the fur
        a little changed; None = animals of this recording alone.
    present : tuple of int
        Which animals of the cast are there, by their numbers from 0; () = all `n_animals`.
    coats : tuple of str
        Breeds, as in `murid.synthetic.animal.BREEDS`, that the animals wear in turn; () = coats as
        different as can be.
    tagged : bool
        Whether every other animal wears an ear tag.
    behaviour : BehaviourConfig
        How often the animals do what.
    enclosure : str
        ``field``, ``disc``, ``cage``, or ``tank``, which goes with the side view.
    n_shelters : int
        Roofs under which animals are hidden.
    floor_brightness : float or None
        Brightness of the floor in [0, 1]; None = drawn.
    view : str
        ``above``, ``tilted`` or ``side``.
    camera : CameraModel
    flicker : float
        Amplitude of the light's flicker, as a share of the light.
    shadow : float
        Opacity of the shadows.
    """

    n_animals: int = 4
    n_frames: int = 300
    fps: float = 30.0
    width: int = 640
    height: int = 480
    body_px: float = 70.0
    lookalike: bool = False
    seed: int = 0
    animal_seed: int | None = None
    present: tuple[int, ...] = ()
    coats: tuple[str, ...] = ()
    tagged: bool = False
    behaviour: BehaviourConfig = field(default_factory=BehaviourConfig)
    enclosure: EnclosureKind = "field"
    n_shelters: int = 0
    floor_brightness: float | None = None
    view: ViewKind = "above"
    camera: CameraModel = field(
        default_factory=lambda: CameraModel(mono=False, blur_px=0.6, noise=0.01)
    )
    flicker: float = 0.0
    shadow: float = 0.35

    def __post_init__(self) -> None:
        for name in ("n_animals", "n_frames", "fps", "width", "height", "body_px"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"{name}: expected more than 0, got {getattr(self, name)}")
        unknown = set(self.coats) - set(BREEDS)
        if unknown:
            raise ConfigError(
                f"coats: expected some of {', '.join(BREEDS)}, got {', '.join(sorted(unknown))}"
            )
        wrong = [k for k in self.present if not 0 <= k < self.n_animals]
        if wrong or len(set(self.present)) < len(self.present):
            raise ConfigError(
                f"present: expected different numbers from 0 to {self.n_animals - 1}, got {self.present}"
            )
        if (self.enclosure == "tank") != (self.view == "side"):
            raise ConfigError(
                f"enclosure: a tank goes with the side view, got {self.enclosure} seen from {self.view}"
            )


@dataclass(frozen=True)
class RecordedFrame:
    """One frame of a synthetic recording.

    `truth.animal_indices` are the numbers of the animals that are there, from 0; `positions` ``(n, 2)`` are the
    pixels where all of them stand, hidden ones too, None = not known.
    """

    frame: Frame
    truth: SceneTruth
    positions: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class _Actor:
    """What an animal is throughout a recording: its coat, its length in pixels, its fur's texture."""

    coat: Coat
    length_px: float
    fur: Float


def record(config: RecordingConfig, every: int = 1) -> Iterator[RecordedFrame]:
    """Stream a synthetic recording; memory does not grow with its length.

    Parameters
    ----------
    config : RecordingConfig
    every : int
        Distance of the frames that are shown; those between are lived through unseen, which is
        quick.

    Yields
    ------
    RecordedFrame
        Frames in order, each with the boxes of the animals that can be seen in it.
    """
    for_place, for_animals, for_motion, for_film = np.random.default_rng(config.seed).spawn(4)
    height, width, body = config.height, config.width, config.body_px
    place = build_environment(
        for_place, config.enclosure, height, width, body, config.n_shelters, config.floor_brightness
    )
    actors = _cast_actors(config, for_animals)
    herd = Herd(
        len(actors), place.ground, place.shelters, config.behaviour, body, config.fps, for_motion
    )
    view, film = (
        View(config.view, height, width),
        Film(config.camera, height, width, for_film, config.flicker),
    )
    arena = view.show(place.arena)
    shadow = Shadow(config.shadow, 0.06 * body, (0.03 * body, 0.045 * body))
    for index in range(config.n_frames):
        herd.step()
        if index % every:
            continue
        pixels, across, along = view.project(herd.position)
        sprites = [
            view.render(
                actor.coat,
                herd.pose(k),
                actor.length_px,
                (across[k], along[k]),
                _LIGHT,
                actor.fur,
                for_animals,
            )
            for k, actor in enumerate(actors)
        ]
        scene, truth = compose(arena, sprites, pixels, shadow, order=view.sort(pixels, herd.order))
        yield RecordedFrame(
            Frame(index, index / config.fps, film.expose(scene)), truth, pixels.copy()
        )


def _cast_actors(config: RecordingConfig, rng: np.random.Generator) -> list[_Actor]:
    for_cast = rng if config.animal_seed is None else np.random.default_rng((config.animal_seed, 2))
    spread = 0.0 if config.lookalike else 0.05
    cast = [
        _Actor(
            coat,
            config.body_px * float(np.exp(for_cast.normal(0, spread))),
            crop_texture(for_cast, _FUR_PX, _FUR_PX, fine=True).copy(),
        )
        for coat in _choose_coats(config, for_cast)
    ]
    cast = [cast[k] for k in config.present or range(len(cast))]
    return cast if config.animal_seed is None else [_groom(actor, rng) for actor in cast]


def _groom(actor: _Actor, rng: np.random.Generator) -> _Actor:
    """The same animal on another day: its fur lies differently and is a little cleaner or dirtier."""
    base = np.clip(actor.coat.base * rng.normal(1, _DAILY, 3), 0.01, 1).astype(np.float32)
    fur = crop_texture(rng, _FUR_PX, _FUR_PX, fine=True).copy()
    length_px = actor.length_px * float(np.exp(rng.normal(0, _DAILY / 2)))
    return replace(actor, coat=replace(actor.coat, base=base), length_px=length_px, fur=fur)


def _choose_coats(config: RecordingConfig, rng: np.random.Generator) -> list[Coat]:
    n = config.n_animals
    if config.coats:
        coats = [sample_coat_of_breed(config.coats[k % len(config.coats)], rng) for k in range(n)]
    else:
        coats = _choose_different(n, rng)
    if config.lookalike:
        coats = coats[:1] * n
    if config.tagged:
        coats = [replace(coat, tagged=k % 2 == 1) for k, coat in enumerate(coats)]
    return coats


def _choose_different(n: int, rng: np.random.Generator) -> list[Coat]:
    """Coats as far apart as can be found, the first one black."""
    pool = [sample_coat(rng) for _ in range(40)]
    chosen = [next((c for c in pool if c.pattern == "plain" and c.base.mean() < 0.2), pool[0])]
    while len(chosen) < n:
        apart = [
            min(_compare(c, other) for other in chosen) + abs(_compare_ground(c)) for c in pool
        ]
        chosen.append(pool[int(np.argmax(apart))])
    return chosen


def _compare(a: Coat, b: Coat) -> float:
    return float(np.abs(a.base - b.base).sum() + (0.4 if a.pattern != b.pattern else 0))


def _compare_ground(coat: Coat) -> float:
    """Small preference for coats that stand out from a mid-grey floor."""
    return float(0.5 * (coat.base.mean() - 0.6))

"""Named recordings: the public stress bench, and one of any kind at random."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from murid.errors import ConfigError
from murid.synthetic.animal import BREEDS, get_tone
from murid.synthetic.behaviour import BehaviourConfig
from murid.synthetic.camera import CameraModel, sample_camera
from murid.synthetic.environment import EnclosureKind
from murid.synthetic.recording import RecordingConfig
from murid.synthetic.view import ViewKind

SCENARIO_DURATION_S = 60.0
"""Length of a scenario of the bench, seconds."""

_CLEAR = 0.15  # least difference between coat and floor, in [0, 1]
_COLOUR = CameraModel(mono=False, blur_px=0.6, noise=0.012)
_MONO = CameraModel(mono=True, gamma=0.85, blur_px=0.6, noise=0.015)
_INFRARED = CameraModel(
    mono=True, gain=0.5, offset=0.04, blur_px=0.9, noise=0.04, vignette=0.5, jpeg_quality=60
)

SCENARIOS: dict[str, RecordingConfig] = {
    "coats-4": RecordingConfig(
        n_animals=4,
        body_px=76,
        coats=("black", "albino", "agouti", "hooded"),
        behaviour=BehaviourConfig(chase=0.16, climb=0.08),
        floor_brightness=0.55,
        camera=_COLOUR,
    ),
    "lookalike-5": RecordingConfig(
        n_animals=5,
        body_px=64,
        lookalike=True,
        coats=("black",),
        behaviour=BehaviourConfig(chase=0.2, climb=0.08, huddle=0.06),
        enclosure="disc",
        floor_brightness=0.72,
        camera=_MONO,
    ),
    "huddle-6": RecordingConfig(
        n_animals=6,
        fps=25.0,
        body_px=72,
        coats=("agouti", "agouti", "black"),
        tagged=True,
        behaviour=BehaviourConfig(
            run=0.14, pause=0.1, wall=0.06, chase=0.04, huddle=0.5, curl=0.1, rest_s=12.0
        ),
        enclosure="cage",
        floor_brightness=0.62,
        camera=_COLOUR,
    ),
    "shelter-4": RecordingConfig(
        n_animals=4,
        body_px=66,
        coats=("black", "black", "albino", "agouti"),
        behaviour=BehaviourConfig(hide=0.13, pause=0.2, rest_s=5.0),
        enclosure="cage",
        n_shelters=2,
        floor_brightness=0.58,
        camera=_COLOUR,
    ),
    "night-5": RecordingConfig(
        n_animals=5,
        body_px=60,
        coats=("black", "agouti"),
        behaviour=BehaviourConfig(huddle=0.08, chase=0.14),
        enclosure="cage",
        floor_brightness=0.62,
        camera=_INFRARED,
        flicker=0.05,
        shadow=0.15,
    ),
    "crowd-20": RecordingConfig(
        n_animals=20,
        body_px=38,
        coats=("black",),
        behaviour=BehaviourConfig(huddle=0.05, chase=0.12, climb=0.06),
        floor_brightness=0.68,
        camera=_MONO,
    ),
}
"""The bench. Each is 60 s long once `make_scenario` has made it."""


def make_scenario(name: str, seed: int, seconds: float = SCENARIO_DURATION_S) -> RecordingConfig:
    """Recording of a scenario.

    Parameters
    ----------
    name : str
        One of `SCENARIOS`, or ``random`` for any animals, place, view and camera, drawn from the
        seed.
    seed : int
    seconds : float
        Length.

    Returns
    -------
    RecordingConfig

    Raises
    ------
    ConfigError
        If there is no such scenario, or the length is not above 0.
    """
    if name != "random" and name not in SCENARIOS:
        raise ConfigError(f"scenario: expected one of {', '.join(SCENARIOS)}, random, got {name}")
    if not seconds > 0:
        raise ConfigError(f"seconds: expected more than 0, got {seconds:g}")
    config = (
        _draw_scenario(np.random.default_rng((seed, 1))) if name == "random" else SCENARIOS[name]
    )
    return replace(config, seed=seed, n_frames=max(1, round(seconds * config.fps)))


def _draw_scenario(rng: np.random.Generator) -> RecordingConfig:
    """Draw a recording of any kind; bodies of 20 to 250 px, fewer animals the larger they are."""
    view: ViewKind = rng.choice(["above", "tilted", "side"], p=[0.65, 0.2, 0.15])
    place: EnclosureKind = "tank" if view == "side" else rng.choice(["field", "disc", "cage"])
    body_px = float(np.exp(rng.uniform(np.log(20), np.log(250))))
    room = 0.3 * 640 * 480 / body_px**2
    coats = tuple(rng.choice(BREEDS, size=rng.integers(1, 4)).tolist())
    return RecordingConfig(
        n_animals=int(np.clip(rng.integers(1, 13), 1, max(1, room))),
        fps=float(rng.choice([25.0, 30.0, 50.0])),
        body_px=body_px,
        lookalike=bool(rng.random() < 0.3),
        coats=coats,
        tagged=bool(rng.random() < 0.2),
        behaviour=_draw_habits(rng),
        enclosure=place,
        n_shelters=int(rng.integers(0, 3)) if place == "cage" and body_px < 100 else 0,
        floor_brightness=_draw_tone(rng, coats),
        view=view,
        camera=sample_camera(rng),
        flicker=float(rng.choice([0.0, rng.uniform(0.01, 0.08)], p=[0.7, 0.3])),
        shadow=float(rng.uniform(0, 0.6)),
    )


def _draw_tone(rng: np.random.Generator, coats: tuple[str, ...]) -> float:
    """Draw a floor against which none of the coats vanishes altogether, where there is one."""
    tones = rng.uniform(0.15, 0.9, 12)
    gaps = [min(abs(get_tone(coat) - tone) for coat in coats) for tone in tones]
    clear = np.flatnonzero(np.array(gaps) > _CLEAR)
    return float(tones[clear[0] if len(clear) else int(np.argmax(gaps))])


def _draw_habits(rng: np.random.Generator) -> BehaviourConfig:
    """Draw habits around the usual ones."""
    usual = BehaviourConfig(hide=0.1, huddle=0.06)
    names = ("run", "pause", "wall", "chase", "climb", "huddle", "hide", "rear", "curl", "pace")
    factors = np.exp(rng.normal(0, 0.5, len(names)))
    return replace(
        usual,
        **{name: float(getattr(usual, name) * f) for name, f in zip(names, factors, strict=True)},
    )

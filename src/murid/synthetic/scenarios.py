"""Named synthetic recordings: the scenarios of the public stress test, and random ones."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from murid.errors import ConfigError
from murid.synthetic.animal import BREEDS, get_breed_brightness
from murid.synthetic.behaviour import BehaviourConfig
from murid.synthetic.camera import CameraModel, sample_camera
from murid.synthetic.environment import EnclosureKind
from murid.synthetic.recording import RecordingConfig
from murid.synthetic.view import ViewKind

SCENARIO_DURATION_S = 60.0
"""Default length of a scenario, seconds."""

# Minimum difference of brightness between coat and floor, in [0, 1]. A smaller one gives
# recordings in which nobody could label the animals.
_MIN_CONTRAST = 0.15
_N_FLOOR_CANDIDATES = 12

# Random recordings: body lengths in pixels, the share of the image that bodies can cover, and the
# maximum body length at which there is room for shelters.
_MIN_BODY_PX = 20
_MAX_BODY_PX = 250
_MAX_COVERED_SHARE = 0.3
_MAX_SHELTER_BODY_PX = 100

# Standard deviation of the logarithm of the factors by which random behaviour differs.
_BEHAVIOUR_DEVIATION = 0.5

# A colour camera in good light, a monochrome one, and an infrared one in the dark: little light,
# much noise, dark corners and strong compression.
_COLOUR = CameraModel(mono=False, blur_px=0.6, noise=0.012)
_MONOCHROME = CameraModel(mono=True, gamma=0.85, blur_px=0.6, noise=0.015)
_INFRARED = CameraModel(
    mono=True, gain=0.5, offset=0.04, blur_px=0.9, noise=0.04, vignette=0.5, jpeg_quality=60
)

# Each scenario is hard in one way: different coats (the easy reference), look-alikes, huddles,
# shelters, bad light, and many animals.
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
        camera=_MONOCHROME,
    ),
    "huddle-6": RecordingConfig(
        n_animals=6,
        fps=25.0,
        body_px=72,
        coats=("agouti", "agouti", "black"),
        tagged=True,
        behaviour=BehaviourConfig(
            run=0.14, pause=0.1, wall=0.06, chase=0.04, huddle=0.5, curl=0.1, mean_rest_s=12.0
        ),
        enclosure="cage",
        floor_brightness=0.62,
        camera=_COLOUR,
    ),
    "shelter-4": RecordingConfig(
        n_animals=4,
        body_px=66,
        coats=("black", "black", "albino", "agouti"),
        behaviour=BehaviourConfig(hide=0.13, pause=0.2, mean_rest_s=5.0),
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
        camera=_MONOCHROME,
    ),
}
"""The scenarios by name. `make_scenario` gives each its seed and length."""


def make_scenario(name: str, seed: int, seconds: float = SCENARIO_DURATION_S) -> RecordingConfig:
    """Return the settings of a scenario's recording.

    Parameters
    ----------
    name : str
        One of `SCENARIOS`, or ``random`` for any animals, enclosure, view and camera, sampled with
        the seed.
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
    if name == "random":
        config = _sample_recording(np.random.default_rng((seed, 1)))
    else:
        config = SCENARIOS[name]
    return replace(config, seed=seed, n_frames=max(1, round(seconds * config.fps)))


def _sample_recording(rng: np.random.Generator) -> RecordingConfig:
    """Sample a recording of any kind, with fewer animals the larger they are."""
    view: ViewKind = rng.choice(["above", "tilted", "side"], p=[0.65, 0.2, 0.15])
    enclosure: EnclosureKind = "tank"
    if view != "side":
        enclosure = rng.choice(["field", "disc", "cage"])
    body_px = float(np.exp(rng.uniform(np.log(_MIN_BODY_PX), np.log(_MAX_BODY_PX))))
    covered_area = _MAX_COVERED_SHARE * RecordingConfig.width * RecordingConfig.height
    max_animals = max(1, covered_area / body_px**2)
    coats = tuple(rng.choice(BREEDS, size=rng.integers(1, 4)).tolist())
    n_animals = int(np.clip(rng.integers(1, 13), 1, max_animals))
    fps = float(rng.choice([25.0, 30.0, 50.0]))
    lookalike = bool(rng.random() < 0.3)
    tagged = bool(rng.random() < 0.2)
    behaviour = _sample_behaviour(rng)
    n_shelters = 0
    if enclosure == "cage" and body_px < _MAX_SHELTER_BODY_PX:
        n_shelters = int(rng.integers(0, 3))
    return RecordingConfig(
        n_animals=n_animals,
        fps=fps,
        body_px=body_px,
        lookalike=lookalike,
        coats=coats,
        tagged=tagged,
        behaviour=behaviour,
        enclosure=enclosure,
        n_shelters=n_shelters,
        floor_brightness=_sample_floor_brightness(rng, coats),
        view=view,
        camera=sample_camera(rng),
        flicker=float(rng.choice([0.0, rng.uniform(0.01, 0.08)], p=[0.7, 0.3])),
        shadow=float(rng.uniform(0, 0.6)),
    )


def _sample_floor_brightness(rng: np.random.Generator, coats: tuple[str, ...]) -> float:
    """Sample a brightness that contrasts with all coats, or else the best of the candidates."""
    candidates = rng.uniform(0.15, 0.9, _N_FLOOR_CANDIDATES)
    coat_brightness = np.array([get_breed_brightness(coat) for coat in coats])
    contrast = np.abs(coat_brightness - candidates[:, None]).min(axis=1)
    clear = np.flatnonzero(contrast > _MIN_CONTRAST)
    best = clear[0] if len(clear) else int(np.argmax(contrast))
    return float(candidates[best])


def _sample_behaviour(rng: np.random.Generator) -> BehaviourConfig:
    """Sample behaviour around a typical one with some hiding and huddling."""
    typical = BehaviourConfig(hide=0.1, huddle=0.06)
    names = [field.name for field in fields(typical) if field.name != "mean_rest_s"]
    factors = np.exp(rng.normal(0, _BEHAVIOUR_DEVIATION, len(names)))
    changed = {
        name: float(getattr(typical, name) * factor)
        for name, factor in zip(names, factors, strict=True)
    }
    return replace(typical, **changed)

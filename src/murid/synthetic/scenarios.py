"""Named synthetic recordings: the scenarios of the public stress test, and random ones."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from murid.errors import ConfigError
from murid.synthetic.animal import BREEDS, get_breed_brightness
from murid.synthetic.behaviour import BehaviourConfig
from murid.synthetic.camera import CameraModel, sample_camera, sample_washed_out_camera
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

# Frame rates of random recordings and their shares; and shares with motion blur, a litter, a dark
# box (of those seen from above), steel, and a washed-out camera.
_FRAME_RATES = (2.0, 10.0, 25.0, 30.0, 50.0)
_FRAME_RATE_SHARES = (0.08, 0.12, 0.27, 0.27, 0.26)
_MOTION_BLUR_PROBABILITY = 0.3
_MAX_EXPOSURE_S = 0.1
_LITTER_PROBABILITY = 0.06
_MIN_DAM_PX = 60.0
_DARK_BOX_PROBABILITY = 0.15
_STEEL_PROBABILITY = 0.2
_WASHED_OUT_PROBABILITY = 0.12

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
"""The benchmark scenarios by name. `make_scenario` gives each its seed and length."""

# What training needs beside the benchmark and random recordings: a dam with pups, a dark box whose
# walls mirror the animals, low frame rates with a long exposure, and saturated infrared.
TRAINING_SCENARIOS: dict[str, RecordingConfig] = {
    "litter": RecordingConfig(
        n_animals=8,
        n_pups=7,
        body_px=110,
        coats=("black", "agouti", "albino"),
        behaviour=BehaviourConfig(
            run=0.02, pause=0.2, wall=0.02, chase=0, huddle=0.6, climb=0.02, curl=0.2, run_speed=0.8
        ),
        enclosure="cage",
        floor_brightness=0.6,
        camera=_MONOCHROME,
    ),
    "dark-box": RecordingConfig(
        n_animals=3,
        body_px=60,
        coats=("black",),
        behaviour=BehaviourConfig(wall=0.4, huddle=0.2, chase=0.15),
        enclosure="dark",
        floor_brightness=0.55,
        camera=_MONOCHROME,
        shadow=0.2,
    ),
    "slow-10": RecordingConfig(
        n_animals=4,
        fps=10.0,
        body_px=70,
        coats=("black", "albino"),
        behaviour=BehaviourConfig(chase=0.2),
        floor_brightness=0.5,
        camera=_MONOCHROME,
        steel=True,
        exposure_s=0.05,
    ),
    "slow-2": RecordingConfig(
        n_animals=3,
        fps=2.0,
        body_px=70,
        coats=("agouti", "black"),
        behaviour=BehaviourConfig(chase=0.2),
        enclosure="cage",
        floor_brightness=0.62,
        camera=_COLOUR,
        exposure_s=0.15,
    ),
    "overexposed": RecordingConfig(
        n_animals=3,
        body_px=80,
        coats=("black", "agouti", "black"),
        enclosure="cage",
        floor_brightness=0.7,
        camera=CameraModel(gain=1.7, gamma=0.9, blur_px=0.6, noise=0.01, vignette=0.3),
        steel=True,
    ),
}
"""Further scenarios that training clips are rendered from."""


def make_scenario(name: str, seed: int, seconds: float = SCENARIO_DURATION_S) -> RecordingConfig:
    """Return the settings of a scenario's recording.

    Parameters
    ----------
    name : str
        One of `SCENARIOS` or `TRAINING_SCENARIOS`, or ``random`` for any animals, enclosure, view
        and camera, sampled with the seed.
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
    named = {**SCENARIOS, **TRAINING_SCENARIOS}
    if name != "random" and name not in named:
        raise ConfigError(f"scenario: expected one of {', '.join(named)}, random, got {name}")
    if not seconds > 0:
        raise ConfigError(f"seconds: expected more than 0, got {seconds:g}")
    if name == "random":
        config = _sample_recording(np.random.default_rng((seed, 1)))
    else:
        config = named[name]
    return replace(config, seed=seed, n_frames=max(1, round(seconds * config.fps)))


def _sample_recording(rng: np.random.Generator) -> RecordingConfig:
    """Sample a recording of any kind, with fewer animals the larger they are."""
    view: ViewKind = rng.choice(["above", "tilted", "side"], p=[0.65, 0.2, 0.15])
    enclosure: EnclosureKind = "tank"
    if view != "side":
        enclosure = rng.choice(["field", "disc", "cage"])
    if view == "above" and rng.random() < _DARK_BOX_PROBABILITY:
        enclosure = "dark"
    body_px = float(np.exp(rng.uniform(np.log(_MIN_BODY_PX), np.log(_MAX_BODY_PX))))
    covered_area = _MAX_COVERED_SHARE * RecordingConfig.width * RecordingConfig.height
    max_animals = max(1, covered_area / body_px**2)
    coats = tuple(rng.choice(BREEDS, size=rng.integers(1, 4)).tolist())
    n_animals = int(np.clip(rng.integers(1, 13), 1, max_animals))
    fps = float(rng.choice(_FRAME_RATES, p=_FRAME_RATE_SHARES))
    # The exposure is up to half of the interval of the frames, and up to a tenth of a second.
    exposure_s = 0.0
    if rng.random() < _MOTION_BLUR_PROBABILITY:
        exposure_s = float(rng.uniform(0.1, 1)) * min(0.5 / fps, _MAX_EXPOSURE_S)
    n_pups = 0
    if n_animals > 1 and rng.random() < _LITTER_PROBABILITY:
        n_pups = n_animals - 1
        body_px = max(body_px, _MIN_DAM_PX)
    lookalike = bool(rng.random() < 0.3)
    tagged = bool(rng.random() < 0.2)
    behaviour = _sample_behaviour(rng)
    n_shelters = 0
    if enclosure == "cage" and body_px < _MAX_SHELTER_BODY_PX:
        n_shelters = int(rng.integers(0, 3))
    floor_brightness = _sample_floor_brightness(rng, coats)
    camera = sample_camera(rng)
    if rng.random() < _WASHED_OUT_PROBABILITY:
        brightnesses = [get_breed_brightness(coat) for coat in coats]
        camera = sample_washed_out_camera(rng, floor_brightness, brightnesses)
    return RecordingConfig(
        n_animals=n_animals,
        fps=fps,
        body_px=body_px,
        lookalike=lookalike,
        coats=coats,
        tagged=tagged,
        n_pups=n_pups,
        behaviour=behaviour,
        enclosure=enclosure,
        steel=bool(rng.random() < _STEEL_PROBABILITY),
        n_shelters=n_shelters,
        floor_brightness=floor_brightness,
        view=view,
        camera=camera,
        exposure_s=exposure_s,
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

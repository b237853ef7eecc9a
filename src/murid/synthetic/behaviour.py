"""Behaviour of synthetic animals: a state machine per animal that sets goal, speed and posture."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np

from murid.core.types import Bool, Float64, Int64
from murid.synthetic.ground import Ground


class BehaviourState(IntEnum):
    """Current behaviour of an animal; each state is a field of `BehaviourConfig`."""

    RUN = 0
    PAUSE = 1
    WALL = 2
    CHASE = 3
    CLIMB = 4
    HUDDLE = 5
    HIDE = 6
    REAR = 7
    CURL = 8


@dataclass(frozen=True)
class BehaviourConfig:
    """Relative frequencies of the behaviours, and speed of the animals."""

    run: float = 0.3
    """Run to a random point."""
    pause: float = 0.28
    """Stand and sniff."""
    wall: float = 0.14
    """Walk along the wall."""
    chase: float = 0.1
    """Run after another animal."""
    climb: float = 0.04
    """Climb over another animal."""
    huddle: float = 0.03
    """Lie down where others lie."""
    hide: float = 0.0
    """Go under a shelter, if there is one."""
    rear: float = 0.07
    """Stand upright."""
    curl: float = 0.04
    """Curl up on the spot."""
    run_speed: float = 2.2
    """Speed of a run, body lengths a second."""
    mean_rest_s: float = 6.0
    """Mean time in a huddle or a shelter, seconds."""


# Properties of the states, in their order. Durations are means in seconds; `mean_rest_s` replaces
# the missing ones. Speeds are relative to a run. Bends of the spine are in radians.
_MEAN_DURATIONS_S = np.array([2.5, 1.5, 3.0, 2.0, 1.6, np.nan, np.nan, 1.5, 3.5])
_RELATIVE_SPEEDS = np.array([1.0, 0.0, 0.8, 1.5, 0.8, 0.9, 1.3, 0.0, 0.0])
_BENDS = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 1.4, 1.4, 0.0, 2.0])
_REAR = 0.75

_SOCIAL = (BehaviourState.CHASE, BehaviourState.CLIMB)

# Lengths below are in body lengths.
# Distance from the goal at which a run ends. With a smaller one, animals circle around the goal.
_GOAL_RADIUS = 0.3
# Distance from the body to the wall when walking along it, and when lying down beside it.
_WALL_DISTANCE = 0.22
_HUDDLE_WALL_DISTANCE = 0.6
# Distance from the wall of the goals of runs.
_RUN_MARGIN = 0.3
# Spread of the animals in a huddle and under a shelter: smaller makes them overlap more.
_HUDDLE_SPREAD = 0.35
_SHELTER_SPREAD = 0.12
# Distance of the goal ahead of an animal that walks along the wall.
_WALL_STEP = 1.2
# A chasing animal keeps this distance behind the other; a climbing one aims this far beyond it.
_CHASE_DISTANCE = 0.75
_CLIMB_OVERSHOOT = 0.9
# Distance at which another animal is chosen as a partner e times less often.
_PARTNER_DISTANCE = 3


class BehaviourModel:
    """Behaviour of all animals of a recording; `step` advances it by one frame.

    Parameters
    ----------
    n : int
        Number of animals.
    config : BehaviourConfig
    ground : Ground
    shelters : ndarray
        ``(s, 2)`` centres of the shelters, pixels.
    body_px : float
    rng : Generator

    Attributes
    ----------
    state : ndarray
        ``(n,)`` int64 of `BehaviourState`.
    goal : ndarray
        ``(n, 2)`` float64 pixels: where each animal goes.
    just_started : ndarray
        ``(n,)`` bool: whether the state began in this frame.
    """

    def __init__(
        self,
        n: int,
        config: BehaviourConfig,
        ground: Ground,
        shelters: Float64,
        body_px: float,
        rng: np.random.Generator,
    ) -> None:
        self._config = config
        self._ground = ground
        self._shelters = shelters
        self._body_px = body_px
        self._rng = rng

        # Behaviours that need a shelter or another animal are left out where there is none.
        weights = np.array([getattr(config, state.name.lower()) for state in BehaviourState])
        weights[BehaviourState.HIDE] *= bool(len(shelters))
        weights[[*_SOCIAL, BehaviourState.HUDDLE]] *= n > 1
        self._probabilities = weights / weights.sum()
        self._mean_durations_s = np.where(
            np.isnan(_MEAN_DURATIONS_S), config.mean_rest_s, _MEAN_DURATIONS_S
        )

        self.state: Int64 = np.full(n, BehaviourState.PAUSE, np.int64)
        self.goal: Float64 = np.zeros((n, 2))
        self.just_started: Bool = np.zeros(n, bool)
        self._remaining_s = rng.uniform(0, 1, n)
        self._partner = np.zeros(n, np.int64)
        self._side = rng.choice([-1.0, 1.0], n)
        self._speed_factor = np.ones(n)
        first = ground.sample_points(rng, 1)[0]
        self._huddle_centre = ground.follow_wall(first, 0, _HUDDLE_WALL_DISTANCE * body_px)

    def step(self, position: Float64, heading: Float64, fps: float) -> None:
        """Choose new states where the time is over or a run has arrived, and update the goals."""
        self._remaining_s -= 1 / fps
        is_near = self.compute_goal_distance(position) < _GOAL_RADIUS * self._body_px
        arrived = (self.state == BehaviourState.RUN) & is_near
        self.just_started = (self._remaining_s <= 0) | arrived
        for k in np.flatnonzero(self.just_started):
            self._start_state(int(k), position)
        # Goals that move with another animal, or along the wall.
        for k in np.flatnonzero(np.isin(self.state, (*_SOCIAL, BehaviourState.WALL))):
            self._update_goal(int(k), position, heading)

    def compute_goal_distance(self, position: Float64) -> Float64:
        """Return the distance of each animal to its goal, pixels."""
        return np.asarray(np.linalg.norm(self.goal - position, axis=1), np.float64)

    @property
    def speed(self) -> Float64:
        """Target speeds ``(n,)``, body lengths a second."""
        relative = _RELATIVE_SPEEDS[self.state]
        return np.asarray(relative * self._speed_factor * self._config.run_speed, np.float64)

    @property
    def bend(self) -> Float64:
        """Target bends ``(n,)`` of the resting body, radians, to the animal's preferred side."""
        return np.asarray(_BENDS[self.state] * self._side, np.float64)

    @property
    def rear(self) -> Float64:
        """Target uprightness ``(n,)``, from 0 to 1."""
        return np.where(self.state == BehaviourState.REAR, _REAR, 0.0)

    def _start_state(self, k: int, position: Float64) -> None:
        """Sample the next state of an animal, its duration, speed, side and goal."""
        chosen = self._rng.choice(len(BehaviourState), p=self._probabilities)
        state = BehaviourState(int(chosen))
        self.state[k] = state
        self._remaining_s[k] = self._mean_durations_s[state] * self._rng.uniform(0.5, 1.6)
        self._speed_factor[k] = np.exp(self._rng.normal(0, 0.25))
        self._side[k] = self._rng.choice([-1.0, 1.0])
        self.goal[k] = self._sample_goal(k, state, position)
        if state in _SOCIAL:
            self._partner[k] = self._choose_partner(k, position)

    def _sample_goal(self, k: int, state: BehaviourState, position: Float64) -> Any:
        """Return the goal ``(2,)`` of a new state; the own position if it needs none."""
        rng = self._rng
        body_px = self._body_px
        if state == BehaviourState.RUN:
            return self._ground.sample_points(rng, 1, _RUN_MARGIN * body_px)[0]
        if state == BehaviourState.HIDE:
            shelter = self._shelters[rng.integers(len(self._shelters))]
            return shelter + rng.normal(0, _SHELTER_SPREAD * body_px, 2)
        if state == BehaviourState.HUDDLE:
            # The first animal of a huddle decides where it is: at the wall nearest to it.
            others = np.delete(self.state, k)
            if not (others == BehaviourState.HUDDLE).any():
                margin = _HUDDLE_WALL_DISTANCE * body_px
                self._huddle_centre = self._ground.follow_wall(position[k], 0, margin)
            return self._huddle_centre + rng.normal(0, _HUDDLE_SPREAD * body_px, 2)
        return position[k]

    def _choose_partner(self, k: int, position: Float64) -> int:
        """Sample another animal, near ones more often than far ones."""
        distance = np.linalg.norm(position - position[k], axis=1) / self._body_px
        weights = np.exp(-distance / _PARTNER_DISTANCE)
        weights[k] = 0
        return int(self._rng.choice(len(distance), p=weights / weights.sum()))

    def _update_goal(self, k: int, position: Float64, heading: Float64) -> None:
        """Move the goal of an animal along the wall, behind the partner, or beyond it."""
        if self.state[k] == BehaviourState.WALL:
            step = self._side[k] * _WALL_STEP * self._body_px
            margin = _WALL_DISTANCE * self._body_px
            self.goal[k] = self._ground.follow_wall(position[k], step, margin)
            return
        partner = int(self._partner[k])
        if self.state[k] == BehaviourState.CHASE:
            angle = heading[partner]
            ahead = np.array([np.cos(angle), np.sin(angle)]) * self._body_px
            self.goal[k] = position[partner] - _CHASE_DISTANCE * ahead
        else:
            offset = position[partner] - position[k]
            direction = offset / max(float(np.linalg.norm(offset)), 1e-6)
            self.goal[k] = position[partner] + _CLIMB_OVERSHOOT * self._body_px * direction

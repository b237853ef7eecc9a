"""What synthetic animals do: a state machine each, which says where to go, how fast, and in which posture."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from murid.synthetic.ground import Ground

Float64 = NDArray[np.float64]


class BehaviourState(IntEnum):
    """What an animal is doing; the numbers are the order of the fields of `BehaviourConfig`."""

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
    """How often animals choose to do what, relative to each other.

    Attributes
    ----------
    run, pause, wall : float
        Run somewhere; stand and sniff; follow the wall.
    chase, climb, huddle : float
        Run after another animal; climb over it; lie down where others lie.
    hide : float
        Go under a shelter, where there is one.
    rear, curl : float
        Stand upright; curl up where it is.
    pace : float
        Speed of a run, body lengths a second.
    rest_s : float
        Mean time in a huddle or a shelter, seconds.
    """

    run: float = 0.3
    pause: float = 0.28
    wall: float = 0.14
    chase: float = 0.1
    climb: float = 0.04
    huddle: float = 0.03
    hide: float = 0.0
    rear: float = 0.07
    curl: float = 0.04
    pace: float = 2.2
    rest_s: float = 6.0


_SECONDS = np.array([2.5, 1.5, 3.0, 2.0, 1.6, np.nan, np.nan, 1.5, 3.5])
_PACE = np.array([1.0, 0.0, 0.8, 1.5, 0.8, 0.9, 1.3, 0.0, 0.0])
_CURL = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 1.4, 1.4, 0.0, 2.0])
_SOCIAL = (BehaviourState.CHASE, BehaviourState.CLIMB)
_ARRIVED = 0.3  # body lengths
_WALL_GAP = 0.22  # body lengths from a flank to the wall


class Minds:
    """The states of all animals; `decide` moves them on by one frame.

    Parameters
    ----------
    n : int
        Number of animals.
    habits : BehaviourConfig
    ground : Ground
    shelters : ndarray
        ``(s, 2)`` middles of the shelters, pixels.
    body_px : float
    rng : Generator

    Attributes
    ----------
    state : ndarray
        ``(n,)`` int64, of `BehaviourState`.
    goal : ndarray
        ``(n, 2)`` pixels, where each animal wants to be.
    began : ndarray
        ``(n,)`` bool: whether the state is new in this frame.
    """

    def __init__(
        self,
        n: int,
        habits: BehaviourConfig,
        ground: Ground,
        shelters: Float64,
        body_px: float,
        rng: np.random.Generator,
    ) -> None:
        self._habits, self._ground, self._shelters, self._body, self._rng = (
            habits,
            ground,
            shelters,
            body_px,
            rng,
        )
        weights = np.array(
            [getattr(habits, field.name) for field in fields(habits)][: len(BehaviourState)]
        )
        weights[BehaviourState.HIDE] *= bool(len(shelters))
        weights[[*_SOCIAL, BehaviourState.HUDDLE]] *= n > 1
        self._weights = weights / weights.sum()
        self._seconds = np.where(np.isnan(_SECONDS), habits.rest_s, _SECONDS)
        self.state = np.full(n, BehaviourState.PAUSE, np.int64)
        self.goal = np.zeros((n, 2))
        self.began = np.zeros(n, bool)
        self._left_s = rng.uniform(0, 1, n)
        self._partner = np.zeros(n, np.int64)
        self._side = rng.choice([-1.0, 1.0], n)
        self._eager = np.ones(n)
        self._nest = ground.follow_wall(ground.draw(rng, 1)[0], 0, 0.6 * body_px)

    def decide(self, position: Float64, heading: Float64, fps: float) -> None:
        """Choose anew where a time is up or a run has arrived; let goals follow those who are chased."""
        self._left_s -= 1 / fps
        arrived = (self.state == BehaviourState.RUN) & (
            self.distance(position) < _ARRIVED * self._body
        )
        self.began = (self._left_s <= 0) | arrived
        for k in np.flatnonzero(self.began):
            self._choose(int(k), position)
        for k in np.flatnonzero(np.isin(self.state, (*_SOCIAL, BehaviourState.WALL))):
            self._pursue(int(k), position, heading)

    def distance(self, position: Float64) -> Float64:
        """Pixels to each goal."""
        return np.asarray(np.linalg.norm(self.goal - position, axis=1), np.float64)

    @property
    def pace(self) -> Float64:
        """Wanted speeds, body lengths a second."""
        return np.asarray(_PACE[self.state] * self._eager * self._habits.pace, np.float64)

    @property
    def curl(self) -> Float64:
        """Wanted bends of the resting body, radians; to the animal's own side."""
        return np.asarray(_CURL[self.state] * self._side, np.float64)

    @property
    def rear(self) -> Float64:
        """Wanted uprightness."""
        return np.where(self.state == BehaviourState.REAR, 0.75, 0.0)

    def _choose(self, k: int, position: Float64) -> None:
        state = BehaviourState(int(self._rng.choice(len(BehaviourState), p=self._weights)))
        self.state[k] = state
        self._left_s[k] = self._seconds[state] * self._rng.uniform(0.5, 1.6)
        self._eager[k] = np.exp(self._rng.normal(0, 0.25))
        self._side[k] = self._rng.choice([-1.0, 1.0])
        self.goal[k] = self._draw_goal(k, state, position)
        if state in _SOCIAL:
            self._partner[k] = self._pick_partner(k, position)

    def _draw_goal(self, k: int, state: BehaviourState, position: Float64) -> Any:
        rng, body = self._rng, self._body
        if state == BehaviourState.RUN:
            return self._ground.draw(rng, 1, 0.3 * body)[0]
        if state == BehaviourState.HIDE:
            return self._shelters[rng.integers(len(self._shelters))] + rng.normal(0, 0.12 * body, 2)
        if state == BehaviourState.HUDDLE:
            if not (np.delete(self.state, k) == BehaviourState.HUDDLE).any():
                self._nest = self._ground.follow_wall(position[k], 0, 0.6 * body)
            return self._nest + rng.normal(0, 0.35 * body, 2)
        return position[k]

    def _pick_partner(self, k: int, position: Float64) -> int:
        """Another animal, near ones rather than far ones."""
        gap = np.linalg.norm(position - position[k], axis=1) / self._body
        nearness = np.exp(-gap / 3)
        nearness[k] = 0
        return int(self._rng.choice(len(gap), p=nearness / nearness.sum()))

    def _pursue(self, k: int, position: Float64, heading: Float64) -> None:
        if self.state[k] == BehaviourState.WALL:
            step = self._side[k] * 1.2 * self._body
            self.goal[k] = self._ground.follow_wall(position[k], step, _WALL_GAP * self._body)
            return
        other = int(self._partner[k])
        ahead = np.array([np.cos(heading[other]), np.sin(heading[other])]) * self._body
        if self.state[k] == BehaviourState.CHASE:
            self.goal[k] = position[other] - 0.75 * ahead
        else:
            gap = position[other] - position[k]
            away = gap / max(float(np.linalg.norm(gap)), 1e-6)
            self.goal[k] = position[other] + 0.9 * self._body * away

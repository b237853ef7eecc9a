"""How synthetic animals move: smooth speeds and turns towards what they want, bodies that give way to each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from murid.synthetic.animal import Posture
from murid.synthetic.behaviour import BehaviourConfig, BehaviourState, Minds
from murid.synthetic.ground import Ground

Float64 = NDArray[np.float64]

_DISCS = np.array(
    [-0.27, 0.0, 0.27]
)  # body lengths along the heading; a body is three discs to those it meets
_DISC_RADIUS = 0.155  # body lengths; less than the half width, for fur and flesh give way
_FASTEST_TURN = 5.0  # radians a second


class Herd:
    """Positions, headings and postures of all animals of a recording; `step` moves them by one frame.

    Parameters
    ----------
    n : int
        Number of animals.
    ground : Ground
    shelters : ndarray
        ``(s, 2)`` middles of the shelters, pixels.
    habits : BehaviourConfig
    body_px, fps : float
        Length of an animal, frames per second.
    rng : Generator

    Attributes
    ----------
    position : ndarray
        ``(n, 2)`` float64 pixels.
    heading : ndarray
        ``(n,)`` float64 radians.
    order : ndarray
        ``(n,)`` int64: the animals from the lowest to the topmost.
    """

    def __init__(
        self,
        n: int,
        ground: Ground,
        shelters: Float64,
        habits: BehaviourConfig,
        body_px: float,
        fps: float,
        rng: np.random.Generator,
    ) -> None:
        self._ground, self._body, self._fps, self._rng = ground, body_px, fps, rng
        self._minds = Minds(n, habits, ground, shelters, body_px, rng)
        self.position = _spread(n, ground, body_px, rng)
        self.heading = rng.uniform(-np.pi, np.pi, n)
        self.order = np.arange(n)
        self._phase = rng.uniform(0, 2 * np.pi, n)
        self._speed, self._turn, self._bend, self._curl, self._rear, self._tail = np.zeros((6, n))
        self._time_s = 0.0

    def step(self) -> None:
        """Advance by one frame."""
        self._time_s += 1 / self._fps
        self._minds.decide(self.position, self.heading, self._fps)
        self._steer()
        self.position += self._speed[:, None] * _point(self.heading)
        self._keep_apart()
        self.position = self._ground.confine(self.position, 0.2 * self._body)
        self._take_posture()
        for k in np.flatnonzero(self._minds.began & (self._minds.state == BehaviourState.CLIMB)):
            self.order = np.append(self.order[self.order != k], k)

    def pose(self, k: int) -> Posture:
        """How the k-th animal stands now."""
        pace = min(float(self._speed[k]) * self._fps / self._body, 3.0)
        gait = float(np.sin(self._phase[k] + self._time_s * 2 * np.pi * 3.2)) * min(pace, 1.0)
        breath = float(np.sin(1.7 * self._phase[k] + self._time_s * 2 * np.pi * 2.0))
        sniff = float(np.sin(self._phase[k] + self._time_s * 2 * np.pi * 0.45)) * (
            1 - min(pace, 1.0)
        )
        return Posture(
            heading=float(self.heading[k]),
            bend=float(np.clip(self._bend[k], -1.2, 1.2) + self._curl[k]),
            neck=0.12 * gait + 0.3 * sniff,
            stretch=0.88
            + 0.07 * min(pace, 2.0)
            + 0.02 * gait
            + 0.006 * breath
            - 0.06 * abs(float(self._curl[k])),
            rear=float(self._rear[k]),
            tail_bend=float(self._tail[k]) + 0.12 * gait,
            tail_length=0.85,
        )

    def _steer(self) -> None:
        to_goal, distance = (
            self._minds.goal - self.position,
            self._minds.distance(self.position) / self._body,
        )
        near = np.where(distance < 0.15, 0, np.clip(distance, 0.25, 1))
        error = (np.arctan2(to_goal[:, 1], to_goal[:, 0]) - self.heading + np.pi) % (
            2 * np.pi
        ) - np.pi
        facing = np.clip(np.cos(error), 0.15, 1)
        wanted = near * facing * self._minds.pace * self._body / self._fps
        self._speed += (wanted - self._speed) * min(1.0, 6 / self._fps)
        moving = wanted > 0
        wander = self._rng.normal(0, 0.5 / np.sqrt(self._fps), len(error)) * np.where(
            moving, 1.0, 0.2
        )
        limit = _FASTEST_TURN / self._fps
        pull = np.where(moving, np.clip(error * 4 / self._fps, -limit, limit), 0) + wander
        self._turn += (pull - self._turn) * min(1.0, 8 / self._fps)
        self.heading = self.heading + self._turn

    def _take_posture(self) -> None:
        fps = self._fps
        resting = np.linalg.norm(self._minds.goal - self.position, axis=1) < 0.5 * self._body
        self._bend += (0.45 * self._turn * fps - self._bend) * min(1.0, 10 / fps)
        self._curl += (np.where(resting, self._minds.curl, 0) - self._curl) * min(1.0, 2.5 / fps)
        self._rear += (self._minds.rear - self._rear) * min(1.0, 5 / fps)
        drag = np.clip(-0.5 * self._turn * fps, -1.4, 1.4) + 0.5 * np.sin(
            self._phase + 0.5 * self._time_s
        )
        self._tail += (drag - self._tail) * min(1.0, 4 / fps)

    def _keep_apart(self) -> None:
        """Push bodies out of each other, except those of animals that climb."""
        n = len(self.position)
        discs = (
            self.position[:, None] + (_DISCS[:, None] * _point(self.heading)[:, None]) * self._body
        )
        gap = discs.reshape(-1, 1, 2) - discs.reshape(1, -1, 2)
        distance = np.maximum(np.linalg.norm(gap, axis=2), 1e-6)
        overlap = np.maximum(2 * _DISC_RADIUS * self._body - distance, 0).reshape(n, 3, n, 3)
        climbs = self._minds.state == BehaviourState.CLIMB
        overlap *= ~(np.eye(n, dtype=bool) | climbs[:, None] | climbs)[:, None, :, None]
        push = (gap / distance[..., None]).reshape(n, 3, n, 3, 2) * overlap[..., None]
        self.position = self.position + np.clip(
            0.2 * push.sum(axis=(1, 2, 3)), -0.05 * self._body, 0.05 * self._body
        )


def _spread(n: int, ground: Ground, body_px: float, rng: np.random.Generator) -> Float64:
    """Environment n animals apart from each other, as far as there is room."""
    position = np.zeros((n, 2))
    for k in range(n):
        tries = ground.draw(rng, 64, 0.3 * body_px)
        gaps = np.linalg.norm(tries[:, None] - position[None, :k], axis=2).min(
            axis=1, initial=np.inf
        )
        position[k] = tries[int(np.argmax(np.minimum(gaps, 2 * body_px)))]
    return position


def _point(angle: Float64) -> Float64:
    return np.column_stack([np.cos(angle), np.sin(angle)])

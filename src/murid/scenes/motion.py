"""How synthetic animals move: they run, pause, turn along walls, approach each other and rest side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]


@dataclass
class Herd:
    """Positions and headings of all animals of a recording; `step` moves them by one frame.

    Attributes
    ----------
    position : ndarray
        ``(n, 2)`` float64 pixels.
    heading : ndarray
        ``(n,)`` float64 radians.
    speed : ndarray
        ``(n,)`` float64 pixels a frame.
    turn : ndarray
        ``(n,)`` float64 radians a frame.
    """

    position: Float64
    heading: Float64
    speed: Float64
    turn: Float64
    body_px: float
    low: Float64
    high: Float64
    fps: float
    rng: np.random.Generator
    goal: Float64

    @classmethod
    def spread(cls, n: int, low: Float64, high: Float64, body_px: float, fps: float, rng: np.random.Generator) -> Herd:
        """Place n animals apart from each other in the rectangle from `low` to `high`."""
        position = np.zeros((n, 2))
        for k in range(n):
            tries = rng.uniform(low, high, (64, 2))
            gaps = np.linalg.norm(tries[:, None] - position[None, :k], axis=2).min(axis=1, initial=np.inf)
            position[k] = tries[int(np.argmax(np.minimum(gaps, 2 * body_px)))]
        zeros = np.zeros(n)
        goal = rng.uniform(low, high, (n, 2))
        return cls(position, rng.uniform(-np.pi, np.pi, n), zeros, zeros.copy(), body_px, low, high, fps, rng, goal)

    def step(self) -> None:
        """Advance by one frame."""
        n, rng = len(self.position), self.rng
        self._choose_goals()
        to_goal = self.goal - self.position
        distance = np.linalg.norm(to_goal, axis=1)
        resting = distance < 0.5 * self.body_px
        wanted = np.where(resting, 0, np.minimum(distance / self.body_px, 1.0)) * 2.2 * self.body_px / self.fps
        self.speed += (wanted - self.speed) * min(1.0, 5 / self.fps)
        aim = np.arctan2(to_goal[:, 1], to_goal[:, 0])
        error = (aim - self.heading + np.pi) % (2 * np.pi) - np.pi
        limit = 4.0 / self.fps
        moving = self.speed > 0.1 * self.body_px / self.fps
        wander = rng.normal(0, 0.6 / np.sqrt(self.fps), n)
        pull = np.where(moving, np.clip(error * 3 / self.fps, -limit, limit), 0) + wander * np.where(moving, 1, 0.25)
        self.turn += (pull - self.turn) * min(1.0, 8 / self.fps)
        self.heading += self.turn
        self.position += self.speed[:, None] * np.column_stack([np.cos(self.heading), np.sin(self.heading)])
        self._keep_apart()
        np.clip(self.position, self.low, self.high, out=self.position)

    def _choose_goals(self) -> None:
        """About every two seconds an animal sets out: anywhere, along a wall, or to another animal."""
        n = len(self.position)
        for k in np.flatnonzero(self.rng.random(n) < 0.5 / self.fps):
            choice = self.rng.random()
            if choice < 0.35 and n > 1:
                other = (k + self.rng.integers(1, n)) % n
                self.goal[k] = self.position[other] + self.rng.normal(0, 0.4 * self.body_px, 2)
            else:
                self.goal[k] = self.rng.uniform(self.low, self.high)
                if choice > 0.7:
                    axis = int(self.rng.integers(2))
                    self.goal[k, axis] = self.rng.choice([self.low[axis], self.high[axis]])

    def _keep_apart(self) -> None:
        """Bodies may touch and half climb over each other, but not merge."""
        gap = self.position[:, None] - self.position[None]
        distance = np.linalg.norm(gap, axis=2) + np.eye(len(gap)) * 1e9
        overlap = np.maximum(0.42 * self.body_px - distance, 0)
        self.position += 0.3 * (gap / np.maximum(distance, 1e-6)[..., None] * overlap[..., None]).sum(axis=1)

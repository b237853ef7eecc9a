"""Motion of synthetic animals: smooth speeds and turns towards goals, and collisions of bodies."""

from __future__ import annotations

import numpy as np

from murid.core.types import Float64, Int64
from murid.synthetic.animal import Posture
from murid.synthetic.behaviour import BehaviourConfig, BehaviourModel, BehaviourState
from murid.synthetic.ground import Ground

# A body collides as three discs along its heading (body lengths). The radius is smaller than half
# a body's width, since real animals press into each other; a larger one keeps them apart.
_DISC_OFFSETS = np.array([-0.27, 0.0, 0.27])
_DISC_RADIUS = 0.155
_N_DISCS = len(_DISC_OFFSETS)

# Share of an overlap that one frame removes, and the maximum shift by it (body lengths).
# Larger values make bodies bounce.
_PUSH_SHARE = 0.2
_MAX_PUSH = 0.05

# Turning: maximum rate in radians a second, and the gain of turns towards the goal (1/s).
_MAX_TURN_RATE = 5.0
_TURN_GAIN = 4

# Rates (1/s) at which speed, turn and posture approach their targets. Twice the rate halves the
# time that they take; with high rates motion is jerky.
_SPEED_RATE = 6
_TURN_RATE = 8
_BEND_RATE = 10
_CURL_RATE = 2.5
_REAR_RATE = 5
_TAIL_RATE = 4

# Random change of the heading, radians per square root of a second.
_WANDER = 0.5

# Frequencies of steps, breath and sniffing, Hz.
_GAIT_HZ = 3.2
_BREATH_HZ = 2.0
_SNIFF_HZ = 0.45

# Distance of the body's centre to the wall, and to the wall and other animals at the start (body
# lengths), and the number of random positions among which the start is chosen.
_WALL_DISTANCE = 0.2
_START_WALL_DISTANCE = 0.3
_START_DISTANCE = 2
_N_START_CANDIDATES = 64


class Herd:
    """Positions, headings and postures of all animals; `step` advances them by one frame.

    Parameters
    ----------
    n : int
        Number of animals.
    ground : Ground
    shelters : ndarray
        ``(s, 2)`` centres of the shelters, pixels.
    behaviour : BehaviourConfig
    body_px, fps : float
        Length of an animal in pixels, frames per second.
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
        behaviour: BehaviourConfig,
        body_px: float,
        fps: float,
        rng: np.random.Generator,
    ) -> None:
        self._ground = ground
        self._body_px = body_px
        self._fps = fps
        self._rng = rng
        self._behaviour = BehaviourModel(n, behaviour, ground, shelters, body_px, rng)
        self.position: Float64 = _sample_start(n, ground, body_px, rng)
        self.heading: Float64 = rng.uniform(-np.pi, np.pi, n)
        self.order: Int64 = np.arange(n)
        self._phase = rng.uniform(0, 2 * np.pi, n)
        self._time_s = 0.0
        # Pixels and radians a frame; the others are the fields of a posture.
        self._speed = np.zeros(n)
        self._turn = np.zeros(n)
        self._bend = np.zeros(n)
        self._curl = np.zeros(n)
        self._rear = np.zeros(n)
        self._tail_bend = np.zeros(n)

    def step(self) -> None:
        """Advance by one frame."""
        self._time_s += 1 / self._fps
        self._behaviour.step(self.position, self.heading, self._fps)
        self._steer()
        self.position += self._speed[:, None] * _to_direction(self.heading)
        self._separate_bodies()
        margin = _WALL_DISTANCE * self._body_px
        self.position = self._ground.confine(self.position, margin)
        self._update_posture()
        # An animal that begins to climb moves to the top of the stacking order.
        climbs = self._behaviour.state == BehaviourState.CLIMB
        for k in np.flatnonzero(self._behaviour.just_started & climbs):
            self.order = np.append(self.order[self.order != k], k)

    def pose(self, k: int) -> Posture:
        """Return the posture of the k-th animal, with gait, breath and sniffing."""
        phase = self._phase[k]
        cycle = self._time_s * 2 * np.pi
        speed = min(float(self._speed[k]) * self._fps / self._body_px, 3.0)
        gait = float(np.sin(phase + cycle * _GAIT_HZ)) * min(speed, 1.0)
        breath = float(np.sin(1.7 * phase + cycle * _BREATH_HZ))
        sniff = float(np.sin(phase + cycle * _SNIFF_HZ)) * (1 - min(speed, 1.0))
        # Runners are stretched, and curled animals are short.
        stretch = (
            0.88
            + 0.07 * min(speed, 2.0)
            + 0.02 * gait
            + 0.006 * breath
            - 0.06 * abs(float(self._curl[k]))
        )
        return Posture(
            heading=float(self.heading[k]),
            bend=float(np.clip(self._bend[k], -1.2, 1.2) + self._curl[k]),
            neck=0.12 * gait + 0.3 * sniff,
            stretch=stretch,
            rear=float(self._rear[k]),
            tail_bend=float(self._tail_bend[k]) + 0.12 * gait,
            tail_length=0.85,
        )

    def _steer(self) -> None:
        """Update speed and heading towards the goal."""
        fps = self._fps
        to_goal = self._behaviour.goal - self.position
        distance = self._behaviour.compute_goal_distance(self.position) / self._body_px

        # Slow down near the goal, and while facing away from it.
        slowdown = np.where(distance < 0.15, 0, np.clip(distance, 0.25, 1))
        angle = np.arctan2(to_goal[:, 1], to_goal[:, 0])
        error = (angle - self.heading + np.pi) % (2 * np.pi) - np.pi
        facing = np.clip(np.cos(error), 0.15, 1)
        target_speed = slowdown * facing * self._behaviour.speed * self._body_px / fps
        self._speed += (target_speed - self._speed) * min(1.0, _SPEED_RATE / fps)

        # Turn towards the goal while moving, with random changes; resting animals turn little.
        moving = target_speed > 0
        noise = self._rng.normal(0, _WANDER / np.sqrt(fps), len(error))
        wander = noise * np.where(moving, 1.0, 0.2)
        max_turn = _MAX_TURN_RATE / fps
        towards_goal = np.clip(error * _TURN_GAIN / fps, -max_turn, max_turn)
        target_turn = np.where(moving, towards_goal, 0) + wander
        self._turn += (target_turn - self._turn) * min(1.0, _TURN_RATE / fps)
        self.heading = self.heading + self._turn

    def _update_posture(self) -> None:
        """Update bend, curl, uprightness and tail."""
        fps = self._fps
        # The body bends into turns, and curls up at the place where the animal rests.
        distance = np.linalg.norm(self._behaviour.goal - self.position, axis=1)
        resting = distance < 0.5 * self._body_px
        target_curl = np.where(resting, self._behaviour.bend, 0)
        self._bend += (0.45 * self._turn * fps - self._bend) * min(1.0, _BEND_RATE / fps)
        self._curl += (target_curl - self._curl) * min(1.0, _CURL_RATE / fps)
        self._rear += (self._behaviour.rear - self._rear) * min(1.0, _REAR_RATE / fps)
        # The tail drags to the outside of a turn, and sways slowly.
        drag = np.clip(-0.5 * self._turn * fps, -1.4, 1.4)
        sway = 0.5 * np.sin(self._phase + 0.5 * self._time_s)
        self._tail_bend += (drag + sway - self._tail_bend) * min(1.0, _TAIL_RATE / fps)

    def _separate_bodies(self) -> None:
        """Push overlapping bodies apart, except those of animals that climb."""
        n = len(self.position)
        direction = _to_direction(self.heading)[:, None]
        discs = self.position[:, None] + (_DISC_OFFSETS[:, None] * direction) * self._body_px

        # Overlap of every disc with every other one; axes: animal, disc, other animal, its disc.
        gap = discs.reshape(-1, 1, 2) - discs.reshape(1, -1, 2)
        distance = np.maximum(np.linalg.norm(gap, axis=2), 1e-6)
        overlap = np.maximum(2 * _DISC_RADIUS * self._body_px - distance, 0)
        overlap = overlap.reshape(n, _N_DISCS, n, _N_DISCS)
        climbs = self._behaviour.state == BehaviourState.CLIMB
        ignored = np.eye(n, dtype=bool) | climbs[:, None] | climbs
        overlap *= ~ignored[:, None, :, None]

        # Push each body along the mean of its gaps, by a limited distance.
        direction_away = (gap / distance[..., None]).reshape(n, _N_DISCS, n, _N_DISCS, 2)
        push = (direction_away * overlap[..., None]).sum(axis=(1, 2, 3))
        max_push = _MAX_PUSH * self._body_px
        self.position = self.position + np.clip(_PUSH_SHARE * push, -max_push, max_push)


def _sample_start(n: int, ground: Ground, body_px: float, rng: np.random.Generator) -> Float64:
    """Sample ``(n, 2)`` positions that are apart from each other, as far as there is room."""
    position = np.zeros((n, 2))
    for k in range(n):
        margin = _START_WALL_DISTANCE * body_px
        candidates = ground.sample_points(rng, _N_START_CANDIDATES, margin)
        distances = np.linalg.norm(candidates[:, None] - position[None, :k], axis=2)
        nearest = distances.min(axis=1, initial=np.inf)
        best = int(np.argmax(np.minimum(nearest, _START_DISTANCE * body_px)))
        position[k] = candidates[best]
    return position


def _to_direction(angle: Float64) -> Float64:
    """Return unit vectors ``(n, 2)`` of angles in radians."""
    return np.column_stack([np.cos(angle), np.sin(angle)])

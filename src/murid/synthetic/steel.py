"""Steel and glass in an enclosure: spouts, bottles, food hoppers, wire and bright glints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.core.types import Float32
from murid.synthetic.enclosure import Enclosure
from murid.synthetic.surfaces import sample_grey

# Share of the spouts and bottles that hang above the animals.
_ABOVE_PROBABILITY = 0.3

# Shares of the objects, in the order of `_DRAW`.
_SHARES = [0.4, 0.18, 0.15, 0.1, 0.17]

# Distance of the parts of a wire mesh, and of the wires of a hopper, in pixels.
_MESH_PX = (6, 18)


class _Layers(NamedTuple):
    """Images that objects are drawn into, in place: the enclosure's, and its cover."""

    image: Float32
    cover: Float32
    cover_alpha: Float32


class _Tube(NamedTuple):
    """A cylinder in the image: centre, direction, length, half width; all in pixels."""

    centre: NDArray[Any]
    angle: float
    length: float
    half_width: float


def add_steel(seed: int, enclosure: Enclosure, shift_px: tuple[float, float] = (0, 0)) -> Enclosure:
    """Add one to three objects of steel or glass to an enclosure.

    Parameters
    ----------
    seed : int
        The same seed gives the same objects.
    enclosure : Enclosure
    shift_px : tuple of float
        How far the objects have moved to the right and down.

    Returns
    -------
    Enclosure
        With the objects in its image, and some in its cover above the animals.
    """
    rng = np.random.default_rng(seed)
    layers = _Layers(enclosure.image.copy(), enclosure.cover.copy(), enclosure.cover_alpha.copy())
    for _ in range(int(rng.integers(1, 4))):
        _DRAW[int(rng.choice(len(_DRAW), p=_SHARES))](rng, layers, np.array(shift_px))
    return replace(
        enclosure, image=layers.image, cover=layers.cover, cover_alpha=layers.cover_alpha
    )


def _sample_at_wall(
    rng: np.random.Generator, height: int, width: int
) -> tuple[NDArray[Any], float]:
    """Sample a point near a side of the image, and the direction to its inside."""
    side = int(rng.integers(4))
    along = rng.uniform(0.05, 0.95)
    depth = rng.uniform(-0.02, 0.2)
    x, y, angle = (
        (depth, along, 0.0),
        (along, depth, np.pi / 2),
        (1 - depth, along, np.pi),
        (along, 1 - depth, -np.pi / 2),
    )[side]
    return np.array([x * width, y * height]), float(angle + rng.normal(0, 0.25))


def _draw_spout(rng: np.random.Generator, layers: _Layers, shift: NDArray[Any]) -> None:
    """Draw a steel tube that reaches in from a wall, with a ball or a hole at its end."""
    height, width = layers.image.shape[:2]
    start, angle = _sample_at_wall(rng, height, width)
    length = float(rng.uniform(0.08, 0.3) * width)
    half_width = float(rng.uniform(1.5, 8))
    ahead = np.array([np.cos(angle), np.sin(angle)])
    centre = start + shift + 0.5 * length * ahead
    above = rng.random() < _ABOVE_PROBABILITY
    brightness = float(rng.uniform(0.25, 0.8))
    _draw_cylinder(rng, layers, _Tube(centre, angle, length, half_width), brightness, 1.0, above)
    if rng.random() < 0.5:
        end = centre + 0.5 * length * ahead
        _draw_ball(rng, layers, end, half_width * float(rng.uniform(1, 2.6)), brightness, above)


def _draw_bottle(rng: np.random.Generator, layers: _Layers, shift: NDArray[Any]) -> None:
    """Draw a water bottle at a wall: a clear body, a dark stopper and a spout."""
    height, width = layers.image.shape[:2]
    start, angle = _sample_at_wall(rng, height, width)
    half_width = float(rng.uniform(8, 22))
    ahead = np.array([np.cos(angle), np.sin(angle)])
    above = rng.random() < _ABOVE_PROBABILITY
    centre = start + shift
    parts = (
        # Length and half width in half widths of the body, brightness and opacity.
        (3.5, 1.0, float(rng.uniform(0.5, 1)), float(rng.uniform(0.3, 0.8))),
        (0.7, 0.8, float(rng.uniform(0.02, 0.4)), 1.0),
        (float(rng.uniform(0.8, 2)), 0.2, float(rng.uniform(0.5, 0.9)), 1.0),
    )
    for length, part_width, brightness, opacity in parts:
        middle = centre + 0.5 * length * half_width * ahead
        tube = _Tube(middle, angle, length * half_width, part_width * half_width)
        _draw_cylinder(rng, layers, tube, brightness, opacity, above)
        centre = centre + length * half_width * ahead


def _draw_hopper(rng: np.random.Generator, layers: _Layers, shift: NDArray[Any]) -> None:
    """Draw a steel plate at a wall, with wires, and pellets behind them."""
    height, width = layers.image.shape[:2]
    start, angle = _sample_at_wall(rng, height, width)
    angle = float(np.round(angle / (np.pi / 2)) * np.pi / 2)
    size = rng.uniform(0.12, 0.4, 2) * (width, height)
    tube = _Tube(start + shift, angle, float(size[0]), float(size[1] / 2))
    _draw_cylinder(rng, layers, tube, float(rng.uniform(0.3, 0.95)), 1.0, False)
    if rng.random() < 0.5:
        _draw_wires(rng, layers.image, tube)


def _draw_mesh(rng: np.random.Generator, layers: _Layers, shift: NDArray[Any]) -> None:
    """Draw a piece of wire mesh at a wall."""
    height, width = layers.image.shape[:2]
    start, _ = _sample_at_wall(rng, height, width)
    size = rng.uniform(0.1, 0.4, 2) * (width, height)
    for angle in (0.0, np.pi / 2):
        length, breadth = size if angle == 0 else size[::-1]
        tube = _Tube(start + shift, angle, float(length), float(breadth / 2))
        _draw_wires(rng, layers.image, tube)


def _draw_wires(rng: np.random.Generator, image: Float32, area: _Tube) -> None:
    """Draw parallel wires along an area, each lit differently, in place."""
    along = np.array([np.cos(area.angle), np.sin(area.angle)])
    across = np.array([-along[1], along[0]])
    brightness = float(rng.uniform(0.1, 0.95))
    thickness = int(rng.integers(1, 3))
    for offset in np.arange(-area.half_width, area.half_width, float(rng.uniform(*_MESH_PX))):
        middle = area.centre + offset * across
        start = np.int32(middle - 0.5 * area.length * along).tolist()
        end = np.int32(middle + 0.5 * area.length * along).tolist()
        grey = float(np.clip(brightness + rng.normal(0, 0.15), 0, 1))
        cv2.line(image, start, end, (grey, grey, grey), thickness, cv2.LINE_AA)


def _draw_glints(rng: np.random.Generator, layers: _Layers, shift: NDArray[Any]) -> None:
    """Draw one to six saturated spots, round or drawn out, with a halo."""
    height, width = layers.image.shape[:2]
    for _ in range(int(rng.integers(1, 7))):
        centre = rng.uniform(0, 1, 2) * (width, height) + shift
        radius = float(np.exp(rng.uniform(np.log(1.0), np.log(7.0))))
        stretch = float(np.exp(rng.uniform(0, 1.5)))
        angle = float(rng.uniform(0, np.pi))
        reach = 3 * radius * stretch
        window, x, y = _get_window(layers.image, centre, angle, reach)
        spot = np.exp(-((x / (radius * stretch)) ** 2 + (y / radius) ** 2) / 2)[..., None]
        layers.image[window] += np.float32(rng.uniform(0.5, 1.5)) * spot
        np.clip(layers.image[window], 0, 1, out=layers.image[window])


def _draw_cylinder(
    rng: np.random.Generator,
    layers: _Layers,
    tube: _Tube,
    brightness: float,
    opacity: float,
    above: bool,
) -> None:
    """Draw a shiny cylinder: dark sides, and one or two bright lines along it."""
    reach = float(np.hypot(tube.length / 2, tube.half_width)) + 2
    window, x, y = _get_window(layers.image, tube.centre, tube.angle, reach)
    inside = np.minimum(tube.length / 2 - np.abs(x), tube.half_width - np.abs(y))
    alpha = np.clip(inside + 0.5, 0, 1)[..., None] * np.float32(opacity)
    across = y / tube.half_width
    shade = 1 - 0.5 * across**2
    for _ in range(int(rng.integers(1, 3))):
        line = np.exp(-(((across - rng.uniform(-0.6, 0.6)) / rng.uniform(0.08, 0.25)) ** 2))
        shade = shade + rng.uniform(0.3, 1.5) * line
    colour = sample_grey(rng, brightness, brightness, 0.03)
    _paste(layers, window, np.clip(colour * shade[..., None], 0, 1), alpha, above)


def _draw_ball(
    rng: np.random.Generator,
    layers: _Layers,
    centre: NDArray[Any],
    radius: float,
    brightness: float,
    above: bool,
) -> None:
    """Draw a steel ball or the flange of a spout: dark rim, bright spots."""
    window, x, y = _get_window(layers.image, centre, 0.0, radius + 2)
    distance = np.hypot(x, y) / radius
    alpha = np.clip((1 - distance) * radius + 0.5, 0, 1)[..., None]
    shade = 1.1 - 0.7 * distance**2
    spot_x, spot_y = rng.uniform(-0.5, 0.5, 2) * radius
    spot = np.exp(-((x - spot_x) ** 2 + (y - spot_y) ** 2) / (0.2 * radius) ** 2)
    shade = shade + rng.uniform(0.5, 2) * spot
    colour = sample_grey(rng, brightness, brightness, 0.03)
    _paste(layers, window, np.clip(colour * shade[..., None], 0, 1), alpha, above)


def _get_window(
    image: Float32, centre: NDArray[Any], angle: float, reach: float
) -> tuple[tuple[slice, slice], Float32, Float32]:
    """Return the window around a point, and its coordinates along and across a direction."""
    height, width = image.shape[:2]
    left, top = np.clip(np.floor(centre - reach), 0, (width, height)).astype(int).tolist()
    right, bottom = np.clip(np.ceil(centre + reach), 0, (width, height)).astype(int).tolist()
    y, x = np.mgrid[top:bottom, left:right].astype(np.float32)
    x -= np.float32(centre[0])
    y -= np.float32(centre[1])
    cos = np.float32(np.cos(angle))
    sin = np.float32(np.sin(angle))
    return np.s_[top:bottom, left:right], x * cos + y * sin, y * cos - x * sin


def _paste(
    layers: _Layers, window: tuple[slice, slice], colours: Any, alpha: Any, above: bool
) -> None:
    """Blend colours into the image, or into the cover above the animals, in place."""
    if not above:
        layers.image[window] = layers.image[window] * (1 - alpha) + colours * alpha
        return
    # The cover keeps what is in it where the object is transparent.
    below_alpha = layers.cover_alpha[window][..., None]
    total = alpha + below_alpha * (1 - alpha)
    mixed = colours * alpha + layers.cover[window] * below_alpha * (1 - alpha)
    layers.cover[window] = mixed / np.maximum(total, 1e-6)
    layers.cover_alpha[window] = total[..., 0]


_DRAW: tuple[Callable[[np.random.Generator, _Layers, NDArray[Any]], None], ...] = (
    _draw_spout,
    _draw_bottle,
    _draw_hopper,
    _draw_mesh,
    _draw_glints,
)

"""Settings of synthetic training images: size, coats, and shares of kinds and effects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from murid.errors import ConfigError

# Kinds of images that exclude each other; the rest has animals anywhere. Effects can be in an image
# of any kind.
StillKind = Literal["plain", "litters", "contacts", "dark_walls", "camouflage", "rims"]
EXCLUSIVE_KINDS: tuple[StillKind, ...] = ("litters", "contacts", "dark_walls", "camouflage", "rims")
_EFFECTS = ("steel", "overlays", "washed_out", "motion_blur")
_SHARES = ("touching", "empty", "cutouts", "backgrounds", *EXCLUSIVE_KINDS, *_EFFECTS)

# Kinds that need rendered animals: a cut-out is of one size and posture.
RENDERED_KINDS = ("litters", "contacts", "camouflage")


@dataclass(frozen=True)
class StillConfig:
    """Settings of synthetic training images."""

    size_px: int = 256
    """Width and height."""
    body_px: tuple[float, float] = (22.0, 150.0)
    """Minimum and maximum length of the bodies, nose to tail base."""
    n_identities: int = 600
    """Number of different coats; each is made from its own number."""
    touching: float = 0.6
    """Share of images in which animals are put in contact."""
    empty: float = 0.06
    """Share of images without animals."""
    cutouts: float = 0.25
    """Share of images with cut-outs of real animals, if these are given."""
    backgrounds: float = 0.75
    """Share of images with a background image. The others stand for a moving camera, and for the
    beginning of a recording, when no background is known."""
    litters: float = 0.05
    """Share of images with a dam and a heap of small, pale pups."""
    contacts: float = 0.1
    """Share of images with animals nose to nose, nose to tail, side by side, across each other or
    in a chain of three."""
    dark_walls: float = 0.08
    """Share of images of a box with dark, reflecting walls and dark corners, with the animals along
    the walls."""
    camouflage: float = 0.07
    """Share of images in which the animals are hardly darker or lighter than their bedding."""
    rims: float = 0.06
    """Share of images in which the edge of the image cuts most animals, down to the head or the
    rump."""
    steel: float = 0.12
    """Share of images with spouts, bottles, hoppers, wire mesh or glints."""
    overlays: float = 0.12
    """Share of images, and of windows of clips, with text, banners, lines or boxes on them."""
    washed_out: float = 0.08
    """Share of images that are overexposed, faded or of a strong gamma."""
    motion_blur: float = 0.1
    """Share of images with moving animals that a long exposure blurs."""

    def __post_init__(self) -> None:
        for name in _SHARES:
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(
                    f"stills.{name}: expected a share from 0 to 1, got {getattr(self, name)}"
                )
        total = sum(getattr(self, kind) for kind in EXCLUSIVE_KINDS)
        if total > 1:
            raise ConfigError(
                f"stills.{', '.join(EXCLUSIVE_KINDS)}: expected a sum of 1 or less, got {total:g}"
            )

"""Second views of held-out images, which validate re-identification where animals occur once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np

from murid.synthetic.still import Still
from murid.training.augment import augment
from murid.training.config import AugmentConfig, TrainConfig
from murid.training.labelled_images import LabelledImages

# Second component of the seeds of the random generators, as in `murid.training.data`.
_VIEW_STREAM = 6


class SecondViews(Sequence[Still]):
    """Images under a random augmentation, the same each time.

    Parameters
    ----------
    stills : sequence of Still
    config : AugmentConfig
        Without any augmentation the views are the images, and re-identification is trivial.
    seed : int
    """

    def __init__(self, stills: Sequence[Still], config: AugmentConfig, seed: int) -> None:
        self.stills = stills
        self.config = config
        self.seed = seed

    def __len__(self) -> int:
        return len(self.stills)

    @overload
    def __getitem__(self, number: int) -> Still: ...

    @overload
    def __getitem__(self, number: slice) -> list[Still]: ...

    def __getitem__(self, number: int | slice) -> Still | list[Still]:
        """Return one view, or several."""
        if isinstance(number, slice):
            return [self[k] for k in range(len(self))[number]]
        rng = np.random.default_rng((self.seed, number, _VIEW_STREAM))
        return augment(self.stills[number], self.config, rng)


def make_second_views(held_out: LabelledImages, config: TrainConfig) -> Sequence[Still]:
    """Return second views of the held-out images whose boxes are identities of their own."""
    if config.identity_source != "box":
        return ()
    return SecondViews(held_out.select_box_identities(), config.augment, config.seed)

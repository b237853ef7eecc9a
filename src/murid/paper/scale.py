"""How large the tables are made: the paper's protocol, or a small version of it that ends within an hour."""

from __future__ import annotations

from dataclasses import dataclass

from murid.synthetic import SCENARIOS
from murid.synthetic.scenarios import SCENARIO_DURATION_S
from murid.synthetic.still import StillConfig
from murid.training.config import ClipConfig, TrainConfig

COST_SIDE_PX = 640
"""Width and height of the picture for which operations are counted, at every scale."""
COST_BOXES = 10
"""Animals in it, where re-identification is part of the method."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """Sizes of everything that the tables are made of.

    Attributes
    ----------
    name : str
    train : TrainConfig
        What all trainings share.
    n_held_out : int
        Synthetic pictures that a training on scenes is measured by.
    longest_side : int
        To which pictures are brought for detection, pixels.
    scenarios : tuple of str
        Of the scene bench.
    seconds : float
        Length of each.
    scenario_scale : float
        Size of its pictures and animals, as a share of the bench's own.
    max_sequences, max_frames : int or None
        Sequences that are scored, of each data set that is given, spread over it, and frames of
        each; None = all.
    max_images : int or None
        Labelled pictures that are learnt from, spread over the data set.
    """

    name: str
    train: TrainConfig
    n_held_out: int = 300
    longest_side: int = 640
    scenarios: tuple[str, ...] = tuple(SCENARIOS)
    seconds: float = SCENARIO_DURATION_S
    scenario_scale: float = 1.0
    max_sequences: int | None = None
    max_frames: int | None = None
    max_images: int | None = None


FULL = Scale(name="full", train=TrainConfig.paper())
"""The paper's protocol: 300 epochs of 640 pixels from random weights."""

SMALL = Scale(
    name="small",
    train=TrainConfig.paper(
        size_px=96,
        epochs=6,
        steps_per_epoch=60,
        batch_size=4,
        optimizer="adamw",
        learning_rate=2e-3,
        weight_decay=1e-3,
        ema_decay=None,
        box_overlap_weight=10.0,
        clips=ClipConfig(n_synthetic=0),
        stills=StillConfig(body_px=(14.0, 36.0), n_identities=12, empty=0.02),
    ),
    n_held_out=64,
    longest_side=192,
    scenarios=("coats-4", "lookalike-5", "huddle-6", "shelter-4"),
    seconds=3.0,
    scenario_scale=0.4,
    max_sequences=6,
    max_frames=60,
    max_images=400,
)
"""The same networks and code, 360 steps on small pictures: shows that every row runs, not what it
is worth."""

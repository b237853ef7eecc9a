"""Scale of the experiments: the paper's protocol, or a small version that takes an hour."""

from __future__ import annotations

from dataclasses import dataclass

from murid.synthetic import SCENARIOS
from murid.synthetic.scenarios import SCENARIO_DURATION_S
from murid.synthetic.still_config import StillConfig
from murid.training.config import ClipConfig, TrainConfig

# Operations are counted for an image of this width and height, the paper's, at every scale, and for
# this number of embedded boxes where the method includes re-identification.
COST_SIDE_PX = 640
COST_BOXES = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """Sizes of trainings and evaluations.

    Attributes
    ----------
    name : str
    train : TrainConfig
        Settings that all trainings have in common.
    n_held_out : int
        Synthetic images that validate a training on synthetic images.
    max_side_px : int
        Longer side that images are scaled to for detection, pixels.
    scenarios : tuple of str
        Synthetic scenarios to evaluate on.
    seconds : float
        Duration of each scenario.
    scenario_scale : float
        Scale factor of the scenarios' images and animals.
    max_sequences, max_frames : int or None
        Maximum number of evaluated sequences of each data set, spread over it, and of their frames.
        None = all.
    max_images : int or None
        Maximum number of labelled training images, spread over the data set. None = all.
    """

    name: str
    train: TrainConfig
    n_held_out: int = 300
    max_side_px: int = 640
    scenarios: tuple[str, ...] = tuple(SCENARIOS)
    seconds: float = SCENARIO_DURATION_S
    scenario_scale: float = 1.0
    max_sequences: int | None = None
    max_frames: int | None = None
    max_images: int | None = None


# The paper's protocol: 300 epochs at 640 pixels from random weights.
FULL = Scale(name="full", train=TrainConfig.paper())

# The same networks and code with 360 steps on small images. It shows that every row runs; its
# scores do not tell which row is better.
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
    max_side_px=192,
    scenarios=("coats-4", "lookalike-5", "huddle-6", "shelter-4"),
    seconds=3.0,
    scenario_scale=0.4,
    max_sequences=6,
    max_frames=60,
    max_images=400,
)

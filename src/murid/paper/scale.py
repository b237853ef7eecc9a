"""Sizes of the experiments: a check of minutes, a night on two cores, the paper's protocol."""

from __future__ import annotations

from dataclasses import dataclass, replace

from murid.synthetic import SCENARIOS
from murid.synthetic.scenarios import SCENARIO_DURATION_S
from murid.synthetic.still_config import StillConfig
from murid.training.config import AugmentConfig, ClipConfig, TrainConfig

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
    n_images, n_held_out : int
        Synthetic images that networks are trained on, and that validate them. They are rendered
        once for all networks.
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
    n_images: int = 4096
    n_held_out: int = 300
    max_side_px: int = 640
    scenarios: tuple[str, ...] = tuple(SCENARIOS)
    seconds: float = SCENARIO_DURATION_S
    scenario_scale: float = 1.0
    max_sequences: int | None = None
    max_frames: int | None = None
    max_images: int | None = None


# The paper's protocol: 300 epochs at 640 pixels from random weights. An epoch of the synthetic
# images has 250 steps.
FULL = Scale(name="full", train=TrainConfig.paper())

# A night on two cores. Departures from the paper's protocol serve to learn in 2500 steps from
# random weights:
# - Animals are as long as one to two cells of the coarsest map (stride 32), as in the paper's
#   images of 640 pixels. Backbones that only upsample that map (ResNet) cannot separate smaller
#   ones.
# - AdamW, and the overlap of boxes in the loss, which SGD and L1 alone need many more steps for.
# - Kinds of images that the recordings do not have, such as litters and dark walls, are left out.
# - Augmentation changes the size of animals less.
MEDIUM = Scale(
    name="medium",
    train=TrainConfig.paper(
        size_px=128,
        epochs=25,
        steps_per_epoch=100,
        batch_size=8,
        optimizer="adamw",
        learning_rate=2e-3,
        weight_decay=1e-3,
        warmup=0.05,
        ema_decay=None,
        bf16=False,
        max_gradient_norm=10.0,
        box_overlap_weight=10.0,
        augment=AugmentConfig(scale=(0.8, 1.25)),
        clips=ClipConfig(n_synthetic=0),
        stills=StillConfig(
            body_px=(26.0, 60.0),
            n_identities=24,
            empty=0.02,
            litters=0.0,
            dark_walls=0.0,
            camouflage=0.0,
            steel=0.0,
            overlays=0.0,
            washed_out=0.0,
        ),
        n_workers=0,
        n_threads=2,
    ),
    n_images=2048,
    n_held_out=100,
    max_side_px=320,
    scenarios=("coats-4", "lookalike-5", "huddle-6", "shelter-4"),
    seconds=4.0,
    scenario_scale=0.5,
    max_sequences=6,
    max_frames=120,
    max_images=2000,
)

# The same networks and code in minutes: every row runs and its loss falls. Its scores mean nothing.
TINY = replace(
    MEDIUM,
    name="tiny",
    train=replace(
        MEDIUM.train,
        size_px=64,
        epochs=3,
        steps_per_epoch=4,
        batch_size=4,
        stills=replace(MEDIUM.train.stills, body_px=(20.0, 40.0), n_identities=8, empty=0.0),
    ),
    n_images=50,
    n_held_out=10,
    max_side_px=96,
    scenarios=("coats-4", "shelter-4"),
    seconds=0.5,
    scenario_scale=0.2,
    max_sequences=2,
    max_frames=15,
    max_images=50,
)

# Sizes by name.
SCALES = {scale.name: scale for scale in (TINY, MEDIUM, FULL)}

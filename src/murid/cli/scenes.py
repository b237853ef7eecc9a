"""``murid scenes``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from murid.cli.progress import show_progress
from murid.core.plurals import format_count
from murid.synthetic.recording import record
from murid.synthetic.scenarios import SCENARIO_DURATION_S, make_scenario
from murid.synthetic.write_sequence import SequenceInfo, write_sequence

Name = Literal[
    "coats-4",
    "lookalike-5",
    "huddle-6",
    "shelter-4",
    "night-5",
    "crowd-20",
    "litter",
    "dark-box",
    "slow-10",
    "slow-2",
    "overexposed",
    "random",
]


def scenes(
    *,
    scenario: Name,
    out: Path,
    seed: int = 0,
    seconds: float = SCENARIO_DURATION_S,
    masks: bool = False,
) -> None:
    """Make a synthetic recording with exact ground truth, in MOT Challenge layout.

    Parameters
    ----------
    scenario : str
        Scenario of the benchmark (coats-4 to crowd-20) or of training (litter to overexposed), or
        random: animals, enclosure, view and camera drawn from the seed.
    out : Path
        Directory for video.mp4, gt/gt.txt and seqinfo.ini.
    seed : int
        Seed of the random numbers: another seed makes another recording.
    seconds : float
        Length of the recording.
    masks : bool
        Write masks/000001.png and so on as well: each pixel holds the id of its animal, or 0.
    """
    config = make_scenario(scenario, seed, seconds)
    info = SequenceInfo(scenario, config.fps, config.width, config.height, config.n_frames)
    with show_progress() as report:
        write_sequence(out, record(config), info, masks=masks, report=report)
    print(f"{format_count(config.n_animals, 'animal')}, {format_count(config.n_frames, 'frame')}")
    print(f"video         {out / 'video.mp4'}")
    print(f"ground truth  {out / 'gt' / 'gt.txt'}")

"""``murid measure``."""

from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from cyclopts import Parameter

from murid.analysis.behaviour import Behaviour
from murid.analysis.measures import compute_measures, tabulate_frames
from murid.cli.durations import parse_seconds
from murid.cli.messages import warn_of_result
from murid.cli.options import EVERYDAY, OUTPUT, SETTINGS, ConfigOptions
from murid.core.plurals import format_count
from murid.export.tables import write_measures
from murid.pipeline.config import Config
from murid.pipeline.run import Run
from murid.store import RunDirectory

# Columns of frame numbers, which are those of the video where only some frames were tracked.
_FRAME_COLUMNS = {"frame", "first_frame", "last_frame"}


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class MeasureOptions(ConfigOptions):
    """Settings that have an option of their own because they are changed often."""

    smooth: Annotated[str | None, Parameter(group=SETTINGS)] = None
    """Window that positions are smoothed over, such as 0.3s; 0.5s by default, 0 = not at all."""

    tracks: Annotated[bool, Parameter(negative=(), group=SETTINGS)] = False
    """Take every track for an animal, where there are no identities."""

    arena: Annotated[Path | None, Parameter(group=EVERYDAY)] = None
    """Arena file; by default the one that the video was tracked with."""

    def load(self, base: Config | None = None) -> Config:
        """Return the configuration, these options included; raises `ConfigError`."""
        config = super().load(base)
        if self.smooth is None:
            return config
        return config.change(f"measures.smooth_s={parse_seconds(self.smooth, '--smooth')}")


def measure(
    run: Path,
    /,
    *,
    out: Annotated[Path, Parameter(group=EVERYDAY)],
    bin: Annotated[str | None, Parameter(group=EVERYDAY)] = None,  # noqa: A002 (option's name)
    options: MeasureOptions | None = None,
    format: Annotated[  # noqa: A002 (the option's name)
        Literal["csv", "parquet"], Parameter(group=OUTPUT)
    ] = "csv",
    frames: Annotated[bool, Parameter(negative=(), group=OUTPUT)] = False,
    keypoints: Annotated[bool | None, Parameter(group=OUTPUT)] = None,
) -> None:
    """Measure behaviour: tidy tables of animals, zones, pairs and bouts.

    Parameters
    ----------
    run : Path
        Run directory.
    out : Path
        Directory for the tables, and settings.json, which tells how they were made.
    bin : str
        Length of a time bin, such as 60s, 5min or 1h; the whole recording by default.
    format : str
        Format of the tables.
    frames : bool
        Write a table with a row for every frame as well.
    keypoints : bool
        Demand the measures that need keypoints, such as time in zones with the nose, or leave them
        out; by default they are there if the run has keypoints.
    """
    chosen = options or MeasureOptions()
    config = chosen.load().measures
    opened = Run.open(run)
    behaviour = opened.behaviour(chosen.arena, config, tracks=chosen.tracks)
    if keypoints:
        behaviour.require_pose()
    if keypoints is False:
        behaviour = replace(behaviour, pose=None)
    bin_s = None if bin is None else parse_seconds(bin, "--bin")
    tables = compute_measures(behaviour, bin_s)
    if frames:
        tables["frames"] = tabulate_frames(behaviour)
    for table in tables.values():
        for name in _FRAME_COLUMNS & table.keys():
            table[name] = opened.to_video_frames(table[name])
    facts: dict[str, Any] = {"murid": version("murid"), "run": str(run.absolute()), "bin": bin}
    facts |= behaviour.describe()
    corrections = RunDirectory.open(run).manifest.corrections
    if corrections:
        facts["corrections"] = dict(corrections)
    for path in write_measures(out, tables, facts | {"settings": asdict(config)}, f".{format}"):
        print(path)
    print(describe(behaviour))
    warn_of_result(opened.warnings())


def describe(behaviour: Behaviour) -> str:
    """Return what was measured and how, in one sentence, and a line for what is unusual."""
    n_animals = len(behaviour.names)
    animals = format_count(n_animals, "animal")
    unit = behaviour.layout.unit
    body = behaviour.scale * behaviour.body_length_px
    length = "unknown" if np.isnan(body) else f"{body:.1f} {unit}"
    smoothed = format_count(behaviour.describe()["smoothing_frames"], "frame")
    total_s = n_animals * float(behaviour.durations_s.sum())
    missing_s = float((behaviour.durations_s @ behaviour.missing).sum())
    known = 1 - missing_s / total_s if total_s else 0.0
    text = (
        f"{animals}, known {known:.1%} of the time; lengths in {unit}, body length"
        f" {length}; smoothed over {smoothed}"
    )
    if behaviour.pose is not None:
        is_known = np.isfinite(behaviour.pose.body_heading_deg)
        known_s = float((behaviour.durations_s @ is_known).sum())
        share = known_s / (total_s - missing_s) if total_s > missing_s else 0.0
        text += f"\nnose and tail base known {share:.1%} of the time in which the animals are"
    if behaviour.clock.is_gap.any():
        gaps = format_count(int(behaviour.clock.is_gap.sum()), "gap")
        unfilmed = f"together {behaviour.clock.unfilmed_s:.4g} s without frames"
        text += f"\n{gaps} in the recording, {unfilmed}, counted as missing time"
    if behaviour.pixel_aspect != 1:
        pixels = f"pixels are {behaviour.pixel_aspect:.4g} times as wide as high"
        text += f"\n{pixels}: lengths are in square pixels of the same height"
    return text

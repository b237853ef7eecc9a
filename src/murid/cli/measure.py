"""``murid measure``."""

from __future__ import annotations

from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from cyclopts import Parameter

from murid.analysis.behaviour import Behaviour
from murid.analysis.config import MeasureConfig
from murid.analysis.measures import compute_measures, tabulate_frames
from murid.cli.durations import parse_seconds
from murid.export.tables import write_measures
from murid.pipeline.run import Run


def measure(
    run: Path,
    /,
    *,
    out: Path,
    arena: Path | None = None,
    bin: str | None = None,  # noqa: A002 (the option's name)
    smooth: str | None = None,
    format: Literal["csv", "parquet"] = "csv",  # noqa: A002
    frames: Annotated[bool, Parameter(negative=())] = False,
    tracks: Annotated[bool, Parameter(negative=())] = False,
    settings: MeasureConfig | None = None,
) -> None:
    """Measure what the animals did: tidy tables of animals, zones, pairs and bouts.

    Parameters
    ----------
    run : Path
        Run directory.
    out : Path
        Directory for the tables, and settings.json, which says how they were made.
    arena : Path
        Arena file; by default the one that the video was tracked with.
    bin : str
        Length of a time bin, such as 60s, 5min or 1h; the whole recording by default.
    smooth : str
        Window of the smoothing of positions, such as 0.3s; 0.5s by default, 0 = none.
    format : str
        Of the tables.
    frames : bool
        Write a table of every frame as well.
    tracks : bool
        Measure tracks where identities were not told.
    settings : MeasureConfig
        How things are measured.
    """
    config = choose_config(settings, smooth)
    behaviour = Run.open(run).behaviour(arena, config, tracks=tracks)
    tables = compute_measures(behaviour, None if bin is None else parse_seconds(bin, "--bin"))
    if frames:
        tables["frames"] = tabulate_frames(behaviour)
    facts = {
        "murid": version("murid"),
        "run": str(run.absolute()),
        "bin": bin,
    } | behaviour.describe()
    for path in write_measures(out, tables, facts | {"settings": asdict(config)}, f".{format}"):
        print(path)
    print(describe(behaviour))


def choose_config(settings: MeasureConfig | None, smooth: str | None) -> MeasureConfig:
    """Settings, with ``--smooth`` in them."""
    config = settings or MeasureConfig()
    return config if smooth is None else replace(config, smooth_s=parse_seconds(smooth, "--smooth"))


def describe(behaviour: Behaviour) -> str:
    """One sentence on what was measured and how."""
    n, unit, body = len(behaviour.names), behaviour.layout.unit, behaviour.scale * behaviour.body_px
    smoothing = behaviour.describe()["smoothing_frames"]
    known = 0.0 if not behaviour.missing.size else 1 - float(np.mean(behaviour.missing))
    return (
        f"{n} {'animal' if n == 1 else 'animals'}, known {known:.1%} of the time; lengths in {unit}, a body is "
        f"{body:.1f} {unit}; smoothed over {smoothing} frames"
    )

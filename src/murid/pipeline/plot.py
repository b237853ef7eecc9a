"""A run as its figures want it: what the animals did, and a picture to draw on."""

from __future__ import annotations

from pathlib import Path

from murid.analysis.config import MeasureConfig
from murid.core.types import UInt8
from murid.errors import SourceError
from murid.pipeline.run import Run
from murid.plots.plot_data import PlotData
from murid.video import open_source
from murid.video.background_image import estimate_background_image


def load_plot_data(
    run: Run,
    arena: str | Path | None = None,
    config: MeasureConfig | None = None,
    *,
    video: str | Path | None = None,
    tracks: bool = False,
) -> PlotData:
    """Gather what the figures of a run need.

    Parameters
    ----------
    run : Run
    arena, config, tracks
        As of `Run.behaviour`.
    video : str or Path, optional
        The video, where it is not where it was tracked; without any, figures are drawn on white,
        and a note says so.

    Raises
    ------
    SourceError
        If the given video cannot be read, or is of another size.
    MuridError
        As of `Run.behaviour`.
    """
    behaviour, facts = run.behaviour(arena, config, tracks=tracks), run.info()
    source = facts["source"] if video is None else video
    size, notes = (facts["width"], facts["height"]), []
    image = None
    try:
        image = _take_background(source, size)
    except SourceError:
        if video is not None:
            raise
        notes.append(
            "figures are drawn on white, since the video is not where it was (--video says where it is)"
        )
    notes += [facts[name] for name in ("note", "identity_note") if facts[name]]
    return PlotData(run.path.stem, behaviour, run.trajectories(), image, facts["crossings"], notes)


def _take_background(source: str | Path, size: tuple[int, int]) -> UInt8:
    opened = open_source(source)
    got = opened.info.width, opened.info.height
    if got != size:
        raise SourceError(
            opened.info.path, "size", f"{size[0]}x{size[1]} pixels", f"{got[0]}x{got[1]}"
        )
    return estimate_background_image(opened)

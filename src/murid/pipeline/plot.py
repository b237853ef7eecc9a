"""Load the data that the figures of a run are made from."""

from __future__ import annotations

from pathlib import Path

from murid.analysis.config import MeasureConfig
from murid.core.types import UInt8
from murid.errors import SourceError
from murid.pipeline.run import Run
from murid.plots.plot_data import PlotData
from murid.video.background_image import estimate_background_image


def load_plot_data(
    run: Run,
    arena: str | Path | None = None,
    config: MeasureConfig | None = None,
    *,
    video: str | Path | None = None,
    tracks: bool = False,
) -> PlotData:
    """Return the data that the figures of a run are made from.

    Parameters
    ----------
    run : Run
        Finished run.
    arena, config, tracks
        As in `Run.behaviour`.
    video : str or Path, optional
        The video, where it is no longer where it was tracked. Without a video the figures have
        a white background, and a note says so.

    Raises
    ------
    SourceError
        If the given video cannot be read, or is of another size.
    MuridError
        As `Run.behaviour`.
    """
    behaviour = run.behaviour(arena, config, tracks=tracks)
    facts = run.info()
    size_px = (facts["width"], facts["height"])
    notes = []
    image = None
    try:
        image = _estimate_background(run, video, size_px)
    except SourceError:
        if video is not None:
            raise
        notes.append("white background, since the video is gone (--video gives its place)")
    notes += [facts[name] for name in ("note", "identity_note") if facts[name]]
    return PlotData(
        name=run.path.stem,
        behaviour=behaviour,
        trajectories=run.trajectories(),
        image=image,
        crossings=run.crossings(),
        notes=notes,
        identity_probabilities=run.identity_probabilities(),
    )


def _estimate_background(run: Run, video: str | Path | None, size_px: tuple[int, int]) -> UInt8:
    """Return the background of a video; raises `SourceError` if it is of another size."""
    opened = run.open_source(video)
    width = opened.info.width
    height = opened.info.height
    if (width, height) != size_px:
        expected = f"{size_px[0]}x{size_px[1]} pixels"
        raise SourceError(opened.info.path, "size", expected, f"{width}x{height}")
    return estimate_background_image(opened)

"""``murid plot``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from murid.analysis.config import MeasureConfig
from murid.cli.measure import choose_config
from murid.core.files import make_directory
from murid.pipeline.plot import load_plot_data
from murid.pipeline.run import Run
from murid.plots.style import check_matplotlib

Name = Literal["paths", "occupancy", "speed", "ethogram", "social", "identities", "report"]


def plot(
    run: Path,
    /,
    *,
    out: Path | None = None,
    only: list[Name] | None = None,
    format: Literal["png", "pdf", "svg"] = "png",  # noqa: A002 (the option's name)
    arena: Path | None = None,
    video: str | None = None,
    smooth: str | None = None,
    tracks: Annotated[bool, Parameter(negative=())] = False,
    settings: MeasureConfig | None = None,
) -> None:
    """Draw what the animals did: paths, occupancy, speed, ethogram, social, identities; and a report of them all.

    Parameters
    ----------
    run : Path
        Run directory.
    out : Path
        Directory for the pictures; exports/plots in the run by default.
    only : list of str
        Which figures, and whether the report; all by default.
    format : str
        Of the figures. The report is report.pdf, one page, and report.html.
    arena : Path
        Arena file; by default the one that the video was tracked with.
    video : str
        The video, where it is not where it was tracked.
    smooth : str
        Window of the smoothing of positions, such as 0.3s; 0.5s by default, 0 = none.
    tracks : bool
        Draw tracks where identities were not told.
    settings : MeasureConfig
        How things are measured.
    """
    check_matplotlib()
    from murid.plots.figures import draw, list_figures, save
    from murid.plots.report import write_html, write_pdf

    data = load_plot_data(
        Run.open(run), arena, choose_config(settings, smooth), video=video, tracks=tracks
    )
    for note in data.notes:
        print(f"murid: warning: {note}", file=sys.stderr)
    directory = run / "exports" / "plots" if out is None else out
    make_directory(directory)
    wanted: list[str] = [*list_figures(data), "report"] if only is None else list(only)
    for name in wanted:
        if name == "report":
            write_pdf(directory / "report.pdf", data)
            print(directory / "report.pdf")
            write_html(directory / "report.html", data)
            print(directory / "report.html")
        else:
            save(draw(name, data), directory / f"{name}.{format}")
            print(directory / f"{name}.{format}")

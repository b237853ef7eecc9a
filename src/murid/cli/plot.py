"""``murid plot``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from murid.cli.measure import MeasureOptions
from murid.cli.messages import warn_of_result
from murid.cli.options import EVERYDAY, OUTPUT, SETTINGS
from murid.core.files import make_directory
from murid.pipeline.plot import load_plot_data
from murid.pipeline.run import Run
from murid.plots.style import check_matplotlib

Name = Literal["paths", "occupancy", "speed", "ethogram", "social", "identities", "report"]


def plot(
    run: Path,
    /,
    *,
    out: Annotated[Path | None, Parameter(group=EVERYDAY)] = None,
    only: Annotated[list[Name] | None, Parameter(group=EVERYDAY)] = None,
    format: Annotated[  # noqa: A002 (the option's name)
        Literal["png", "pdf", "svg"], Parameter(group=OUTPUT)
    ] = "png",
    video: Annotated[str | None, Parameter(group=SETTINGS)] = None,
    options: MeasureOptions | None = None,
) -> None:
    """Plot behaviour: paths, occupancy, speed, ethogram, social, identities; and a report of all.

    Parameters
    ----------
    run : Path
        Run directory.
    out : Path
        Directory for the figures; exports/plots in the run by default.
    only : list of str
        Figures to make, and whether to make the report; all by default.
    format : str
        Format of the figures. The report is report.pdf, one page, and report.html.
    video : str
        The video, where it is no longer where it was tracked.
    """
    check_matplotlib()
    from murid.plots.figures import draw_figure, list_figures, save_figure
    from murid.plots.report import write_html, write_pdf

    chosen = options or MeasureOptions()
    config = chosen.load().measures
    opened = Run.open(run)
    warn_of_result(opened.warnings())
    data = load_plot_data(opened, chosen.arena, config, video=video, tracks=chosen.tracks)
    for note in data.notes:
        print(f"murid: warning: {note}", file=sys.stderr)
    directory = run / "exports" / "plots" if out is None else out
    make_directory(directory)
    names: list[str] = [*list_figures(data), "report"] if only is None else list(only)
    for name in names:
        if name == "report":
            write_pdf(directory / "report.pdf", data)
            print(directory / "report.pdf")
            write_html(directory / "report.html", data)
            print(directory / "report.html")
        else:
            save_figure(draw_figure(name, data), directory / f"{name}.{format}")
            print(directory / f"{name}.{format}")

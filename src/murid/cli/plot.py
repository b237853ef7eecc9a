"""``murid plot``."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from murid.cli.measure import MeasureOptions
from murid.cli.messages import warn_of_result
from murid.cli.options import EVERYDAY, OUTPUT, SETTINGS
from murid.cli.progress import show_progress
from murid.core.files import make_directory
from murid.errors import ConfigError
from murid.pipeline.crossing_clips import CLIPS_FOLDER, write_crossing_clips
from murid.pipeline.plot import load_plot_data
from murid.pipeline.run import Run
from murid.plots.doubtful_crossings import DoubtfulCrossing
from murid.plots.style import check_matplotlib
from murid.review.report_crossings import list_report_crossings
from murid.store import RunDirectory

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
    clips: Annotated[int, Parameter(group=OUTPUT)] = 0,
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
        Format of the figures. The report is report.pdf, one page, and report.html, which lists
        the doubtful crossings.
    clips : int
        Number of doubtful crossings of which the report has a clip, the ones on which most depends
        first; in the folder report_clips beside it.
    video : str
        The video, where it is no longer where it was tracked.
    """
    check_matplotlib()
    from murid.plots.figures import draw_figure, list_figures, save_figure
    from murid.plots.report import write_html, write_pdf

    if clips < 0:
        raise ConfigError(f"--clips: expected 0 or more, got {clips}")
    if clips and only is not None and "report" not in only:
        raise ConfigError(f"--clips: expected report among --only, got {', '.join(only)}")
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
            listed = _list_crossings(opened, directory, clips, video)
            write_html(directory / "report.html", replace(data, listed_crossings=listed))
            print(directory / "report.html")
            if any(crossing.clip for crossing in listed):
                print(directory / CLIPS_FOLDER)
        else:
            save_figure(draw_figure(name, data), directory / f"{name}.{format}")
            print(directory / f"{name}.{format}")


def _list_crossings(
    run: Run, directory: Path, n_clips: int, video: str | None
) -> list[DoubtfulCrossing]:
    """Return the doubtful crossings for the report, and write clips of the first ones."""
    crossings = list_report_crossings(RunDirectory.open(run.path))
    if not n_clips:
        return crossings
    with show_progress() as report:
        return write_crossing_clips(run, crossings, directory, n_clips, source=video, report=report)

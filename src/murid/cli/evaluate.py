"""``murid evaluate``."""

from __future__ import annotations

import json as json_format
import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from murid.cli.progress import show_progress
from murid.core.files import write_text
from murid.evaluation import evaluate as evaluate_files
from murid.evaluation import format_markdown, format_text, to_document


def evaluate(
    result: Path,
    truth: Path,
    /,
    *,
    protocol: Literal["plain", "animaltrack", "mot17", "mot20"] = "plain",
    split: Literal["train", "test"] | None = None,
    sequences: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    fps: float | None = None,
    frames: int | None = None,
    allow_empty: Annotated[bool, Parameter(negative=())] = False,
    json: Annotated[Path | None, Parameter(allow_leading_hyphen=True)] = None,
    markdown: Path | None = None,
    report: Path | None = None,
    video: Path | None = None,
) -> None:
    """Score a run, a MOT file or a folder of them against ground truth.

    Parameters
    ----------
    result : Path
        Run directory; MOT file; folder with a run or a MOT file for each sequence, named after it.
    truth : Path
        MOT file; folder of one sequence or of many, as MOT Challenge or AnimalTrack lay them out.
    protocol : str
        What counts. plain and animaltrack: every row that is not flagged 0, and animaltrack names
        classes after the sequences; mot17 and mot20: pedestrians, with the other classes as regions
        to ignore.
    split : str
        Part of AnimalTrack.
    sequences : list of str
        Names of the sequences to score; all by default.
    fps : float
        Frames per second, where neither run nor seqinfo.ini says it.
    frames : int
        Length of the video, where nothing else says it.
    allow_empty : bool
        Score a result without boxes, or that touches nothing of the truth, as zero instead of
        refusing it.
    json : Path
        File for all scores, unrounded; - prints them instead of the tables.
    markdown : Path
        File for the tables in Markdown.
    report : Path
        Directory for a page with pictures: when and where identities broke. Looks for the video
        where the run or the truth has it. Needs the extra murid[report].
    video : Path
        The video for the report, where it lies elsewhere.
    """
    if report is not None:
        from murid.evaluation.report import write_report
        from murid.plots.style import check_matplotlib

        check_matplotlib()
    with show_progress() as progress:
        evaluation = evaluate_files(
            result,
            truth,
            protocol=protocol,
            split=split,
            sequences=sequences,
            fps=fps,
            n_frames=frames,
            allow_empty=allow_empty,
            report=progress,
        )
        if report is not None:
            write_report(report, evaluation, video=video, report=progress)
    for note in evaluation.notes:
        print(f"note: {note}", file=sys.stderr)
    document = json_format.dumps(to_document(evaluation), indent=2) + "\n"
    print(document if json == Path("-") else format_text(evaluation))
    if json is not None and json != Path("-"):
        write_text(json, document)
    if markdown is not None:
        write_text(markdown, format_markdown(evaluation))
    if report is not None:
        print(f"report: {report / 'index.html'}", file=sys.stderr)

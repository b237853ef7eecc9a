"""``murid evaluate``."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from murid.cli.messages import print_json, warn_of_result
from murid.cli.options import EVERYDAY, OUTPUT, SETTINGS, JsonFlag
from murid.cli.progress import show_progress
from murid.core.files import write_text
from murid.evaluation import evaluate as evaluate_files
from murid.evaluation import format_markdown, format_text, to_document
from murid.pipeline.run import Run
from murid.store import is_run_directory


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """What is written beside the printed scores."""

    markdown: Annotated[Path | None, Parameter(group=OUTPUT)] = None
    """File for the tables in Markdown."""

    report: Annotated[Path | None, Parameter(group=OUTPUT)] = None
    """Directory for a page with images: when and where identities were swapped. Needs the extra
    murid[report]."""

    video: Annotated[Path | None, Parameter(group=OUTPUT)] = None
    """Video for the report, where it is not beside the run or the ground truth."""


def evaluate(
    result: Path,
    truth: Path,
    /,
    *,
    protocol: Annotated[
        Literal["plain", "animaltrack", "mot17", "mot20"], Parameter(group=EVERYDAY)
    ] = "plain",
    split: Annotated[Literal["train", "test"] | None, Parameter(group=SETTINGS)] = None,
    sequences: Annotated[list[str] | None, Parameter(consume_multiple=True, group=SETTINGS)] = None,
    fps: Annotated[float | None, Parameter(group=SETTINGS)] = None,
    frames: Annotated[int | None, Parameter(group=SETTINGS)] = None,
    allow_empty: Annotated[bool, Parameter(negative=(), group=SETTINGS)] = False,
    all_frames: Annotated[
        bool | None, Parameter(negative="--labelled-frames", group=SETTINGS)
    ] = None,
    outputs: ReportOptions | None = None,
    json: JsonFlag = False,
) -> None:
    """Score a run, a MOT file or a folder of them against ground truth.

    Parameters
    ----------
    result : Path
        Run directory; MOT file; folder with a run or a MOT file for each sequence, named after it.
    truth : Path
        MOT file; folder of one or more sequences in MOT Challenge or AnimalTrack layout; labels of
        a video in COCO, CVAT XML or SLEAP.
    protocol : str
        Which rows count. plain and animaltrack: every row that is not flagged 0; animaltrack
        names classes after the sequences. mot17 and mot20: pedestrians; boxes of other classes
        are ignored.
    split : str
        Split of AnimalTrack.
    sequences : list of str
        Names of the sequences to score; all by default.
    fps : float
        Frames per second, where neither run nor seqinfo.ini has it.
    frames : int
        Number of frames of the video, where nothing else has it.
    allow_empty : bool
        Score a result without boxes, or without overlap with the ground truth, as zero instead of
        refusing it.
    all_frames : bool
        Count frames without labels as empty, or score labelled frames only. By default, ground
        truth of single frames, as people label by hand, is scored on these frames.
    json : bool
        Print one JSON document with all scores, unrounded, instead of text.
    """
    wanted = outputs or ReportOptions()
    if wanted.report is not None:
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
            all_frames=all_frames,
            report=progress,
        )
        if wanted.report is not None:
            write_report(wanted.report, evaluation, video=wanted.video, report=progress)
    for note in evaluation.notes:
        print(f"note: {note}", file=sys.stderr)
    warnings = Run.open(result).warnings() if is_run_directory(result) else []
    warn_of_result(warnings)
    if json:
        listed = {"warnings": [warning.to_dict() for warning in warnings]}
        print_json(to_document(evaluation) | listed)
    else:
        print(format_text(evaluation))
    if wanted.markdown is not None:
        write_text(wanted.markdown, format_markdown(evaluation))
    if wanted.report is not None:
        print(f"report: {wanted.report / 'index.html'}", file=sys.stderr)

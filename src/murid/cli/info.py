"""``murid info``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from murid.cli.clock import describe_clock
from murid.cli.labelled_data import read_all
from murid.cli.messages import (
    describe_refinement,
    print_json,
    summarise_identities,
    warn_of_result,
)
from murid.cli.options import OUTPUT, JsonFlag
from murid.cli.video_facts import collect_video_facts, describe_video
from murid.core.plurals import format_count
from murid.corrections.summary import CorrectionsSummary
from murid.datasets.labels import LabelledSequence
from murid.datasets.raw_labels import ReadOptions
from murid.datasets.registry import recognise_data
from murid.datasets.summary import summarise
from murid.errors import FormatError, SourceError
from murid.pipeline.result_warnings import ResultWarning
from murid.pipeline.run import Run
from murid.store import is_run_directory
from murid.video import FrameSource, open_source

# Maximum number of each that the text lists; --json lists all.
_MAX_LISTED_PROBLEMS = 20
_MAX_LISTED_CROSSINGS = 20

# Names of files that hold labels. Others that are no labels are opened as a video.
_LABEL_SUFFIXES = (".csv", ".h5", ".json", ".pickle", ".pkl", ".slp", ".txt", ".xml", ".yaml")


def info(
    path: Path,
    /,
    *,
    sheet: Annotated[Path | None, Parameter(group=OUTPUT)] = None,
    json: JsonFlag = False,
) -> None:
    """Describe a run, a video or labelled data.

    If labelled data have problems, they are listed, and the exit code is 1.

    Parameters
    ----------
    path : Path
        Run directory, video, folder of images, or a data set in any format that murid reads.
    sheet : Path
        Image to draw: samples of the data with their boxes.
    json : bool
        Print one JSON document instead of text.
    """
    is_run = is_run_directory(path)
    if not is_run and sheet is None and not _is_data(path):
        source = _open_video(path)
        video = collect_video_facts(source)
        if json:
            print_json(video)
        else:
            print("\n".join(describe_video(video)))
        return
    facts = Run.open(path).info() if is_run else {}
    sequences: list[LabelledSequence] = []
    if not is_run or sheet is not None:
        sequences, problems = read_all([path], ReadOptions(require_images=False))
        found = {"problems": [str(problem) for problem in problems]}
        facts = facts or summarise(path, sequences) | found
    if json:
        print_json(facts)
    elif is_run:
        _print_run(facts)
        warn_of_result([ResultWarning(**warning) for warning in facts["warnings"]])
    else:
        _print_data(facts)
    if sheet is not None:
        from murid.datasets.sample_sheet import draw_sample_sheet

        draw_sample_sheet(sheet, sequences)
    if facts.get("problems"):
        n_problems = format_count(len(facts["problems"]), "problem")
        raise FormatError(path, "labels", "none with problems", f"{n_problems}, listed above")


def _is_data(path: Path) -> bool:
    """Whether a path holds labels, also those of a format that murid does not know.

    Labels may be a folder of images as well; they go first.
    """
    is_label_file = path.is_file() and path.suffix.lower() in _LABEL_SUFFIXES
    return is_label_file or recognise_data(path) is not None


def _open_video(path: Path) -> FrameSource:
    """Return the frames of a video or a folder of images; raises `MuridError` if it is neither."""
    expected = "a run directory, a video, a folder of images or labelled data"
    if not path.exists():
        raise FormatError(path, "file", expected, "nothing there")
    try:
        return open_source(path)
    except SourceError as error:
        # What is wrong with a file is worth telling; a folder is just something else.
        if error.field != "images":
            raise
        raise FormatError(path, "directory", expected, "none of them") from error


def _print_run(facts: dict[str, Any]) -> None:
    size = f"{facts['width']}x{facts['height']} pixels"
    stages = (f"{name} {state}" for name, state in facts["stages"].items())
    print(f"{facts['run']}: made by murid {facts['murid_version']} with {facts['detector']}")
    print(f"video   {facts['source']}")
    frames = format_count(facts["n_frames"], "frame")
    print(f"        {size}, {facts['fps']:.2f} frames/s, {frames}")
    if facts["pixel_aspect"] != 1:
        print(f"        pixels are {facts['pixel_aspect']:.4g} times as wide as high")
    print(f"stages  {', '.join(stages)}")
    if facts["keypoints"]:
        print(f"points  {', '.join(facts['keypoints'])}")
    if facts["note"]:
        print(f"note    {facts['note']}")
    if facts["unreadable_frames"]:
        unreadable = format_count(len(facts["unreadable_frames"]), "frame")
        print(f"note    {unreadable} could not be read ({facts['unreadable_reason']})")
    if facts["identity_note"]:
        print(f"note    {facts['identity_note']}")
    if facts["corrections"]["n"]:
        corrections = CorrectionsSummary.from_plain(facts["corrections"])
        print(f"fixes   {corrections.describe()} (murid fix --list shows them)")
    if facts["has_new_corrections"]:
        print("fixes   changed since the animals were identified: murid identify applies them")
    for line in (*describe_clock(facts), *describe_refinement(facts)):
        print(line)
    for line in summarise_identities(facts, hint=""):
        print(line)
    _print_tracks(facts["tracks"])
    _print_crossings(facts["crossings"])


def _print_tracks(tracks: Sequence[dict[str, Any]]) -> None:
    if not tracks:
        return
    frames = f"{'first':>8} {'last':>8} {'detected':>8} {'interpolated':>12} {'merged':>6}"
    print(f"\n{'id':>6} {frames} {'score':>6} {'probability':>11}")
    for row in tracks:
        frames = f"{row['first_frame']:>8} {row['last_frame']:>8} {row['n_frames']:>8}"
        scores = f"{row['n_interpolated']:>12} {row['n_merged']:>6} {row['mean_score']:>6.2f}"
        print(f"{row['id']:>6} {frames} {scores} {_describe_identity(row)}".rstrip())


def _describe_identity(row: dict[str, Any]) -> str:
    """Return identity probability, name, and a mark where the identity is uncertain."""
    probability = row["mean_identity_probability"]
    parts = [f"{'' if probability is None else f'{probability:.4f}':>11}"]
    if row["identity_uncertain"]:
        parts.append("uncertain")
    if row["name"] is not None:
        parts.append(f"{row['name']} ({row['name_probability']:.0%})")
    return "  ".join(parts)


def _print_crossings(crossings: Sequence[dict[str, Any]]) -> None:
    if not crossings:
        return
    print(f"\n{'doubtful crossing':>18} {'first':>8} {'last':>8} {'swapped':>8}")
    for row in crossings[:_MAX_LISTED_CROSSINGS]:
        pair = f"{row['identity_a']} and {row['identity_b']}"
        frames = f"{row['first_frame']:>8} {row['last_frame']:>8}"
        print(f"{pair:>18} {frames} {row['swap_probability']:>8.1%}")
    n_more = len(crossings) - _MAX_LISTED_CROSSINGS
    if n_more > 0:
        print(f"and {n_more} more: --json lists them all")


def _print_data(facts: dict[str, Any]) -> None:
    print(f"{facts['data']}: {format_count(len(facts['sequences']), 'sequence')}")
    print(f"\n{'frames':>8} {'boxes':>8} {'ids':>6} {'length':>7}  {'size':<12} sequence")
    for row in facts["sequences"]:
        length = "" if row["median_length_px"] is None else f"{row['median_length_px']:.0f} px"
        size = " ".join(row["sizes"]) if len(row["sizes"]) < 2 else f"{len(row['sizes'])} sizes"
        counts = f"{row['n_frames']:>8} {row['n_boxes']:>8} {row['n_ids']:>6} {length:>7}"
        print(f"{counts}  {size or 'unknown':<12} {row['name']}, {row['images']}")
    counts = f"{facts['n_frames']:>8} {facts['n_boxes']:>8} {facts['n_ids']:>6} {'':>7}"
    print(f"{counts}  {'':<12} in total\n")
    classes = (f"{name} {n}" for name, n in facts["classes"].items())
    print(f"classes   {', '.join(classes) or 'none'}")
    if facts["n_incomplete"]:
        n_frames = format_count(facts["n_incomplete"], "frame")
        print(f"note      in {n_frames} not all animals are labelled")
    if facts["n_over_edge"]:
        n_boxes = format_count(facts["n_over_edge"], "box reaches", "boxes reach")
        print(f"note      {n_boxes} over the edge of the image")
    for note in facts["notes"]:
        print(f"note      {note}")
    _print_problems(facts["problems"])


def _print_problems(problems: Sequence[str]) -> None:
    print(f"problems  {len(problems) or 'none'}")
    for problem in problems[:_MAX_LISTED_PROBLEMS]:
        print(f"  {problem}")
    n_more = len(problems) - _MAX_LISTED_PROBLEMS
    if n_more > 0:
        print(f"  and {n_more} more: --json lists them all")

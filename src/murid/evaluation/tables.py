"""Tables of scores as text, Markdown and JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from murid.core.plurals import format_count
from murid.evaluation.evaluate import Evaluation
from murid.metrics import Metrics


class ScoreColumn(NamedTuple):
    """A column of a table of scores.

    Attributes
    ----------
    title : str
    field : str
        Field of `Metrics`.
    decimals : int
    """

    title: str
    field: str
    decimals: int = 1


TRACKING_COLUMNS = (
    ScoreColumn("HOTA", "hota"),
    ScoreColumn("DetA", "deta"),
    ScoreColumn("AssA", "assa"),
    ScoreColumn("LocA", "loca"),
    ScoreColumn("MOTA", "mota"),
    ScoreColumn("MOTP", "motp"),
    ScoreColumn("IDF1", "idf1"),
    ScoreColumn("IDP", "idp"),
    ScoreColumn("IDR", "idr"),
    ScoreColumn("MT", "mostly_tracked", 0),
    ScoreColumn("PT", "partly_tracked", 0),
    ScoreColumn("ML", "mostly_lost", 0),
    ScoreColumn("FP", "false_positives", 0),
    ScoreColumn("FN", "false_negatives", 0),
    ScoreColumn("IDSW", "id_switches", 0),
    ScoreColumn("Frag", "fragmentations", 0),
)
DETECTION_AND_IDENTITY_COLUMNS = (
    ScoreColumn("AP50", "ap50"),
    ScoreColumn("AP75", "ap75"),
    ScoreColumn("AP", "ap"),
    ScoreColumn("rank-1", "rank1"),
    ScoreColumn("rank-5", "rank5"),
    ScoreColumn("mAP", "reid_map"),
    ScoreColumn("identity accuracy", "identity_accuracy"),
    ScoreColumn("switches/animal-hour", "switches_per_animal_hour"),
)
_SUMMARY_TITLES = ("HOTA", "DetA", "AssA", "MOTA", "IDF1", "IDSW")
_SUMMARY_COLUMNS = tuple(c for c in TRACKING_COLUMNS if c.title in _SUMMARY_TITLES)

# Name of the row of all sequences together, as in TrackEval.
COMBINED = "COMBINED"

Rows = Mapping[str, Metrics]
Cells = list[list[str]]
"""Text of a table, row by row; the first row has the titles."""


def format_summary(metrics: Metrics) -> str:
    """Return two lines with the most important scores."""
    table = to_text(_fill_cells({"": metrics}, _SUMMARY_COLUMNS, ""))
    # The column of names is empty, so the two spaces after it are cut off.
    return "\n".join(line[2:] for line in table.splitlines())


def format_text(evaluation: Evaluation) -> str:
    """Return the tables for a terminal: tracking, then detection and identity.

    Sequences that are scored on some of their frames only are named below.
    """
    tables = "\n\n".join(to_text(cells) for cells in make_tables(evaluation))
    return "\n".join([tables, *describe_sparse(evaluation)])


def format_markdown(evaluation: Evaluation) -> str:
    """Return the same tables in Markdown."""
    tables = (to_markdown(cells) for cells in make_tables(evaluation))
    return "\n\n".join([*tables, *describe_sparse(evaluation)]) + "\n"


def describe_sparse(evaluation: Evaluation) -> list[str]:
    """Return a line for each sequence that is scored on its labelled frames only."""
    lines = []
    for scored in evaluation.details:
        pair = scored.pair
        if pair.is_sparse:
            frames = format_count(pair.n_scored_frames, "labelled frame")
            lines.append(f"{pair.name}: scored on {frames} of {pair.n_frames}")
    return lines


def to_document(evaluation: Evaluation) -> dict[str, Any]:
    """Return all scores, unrounded, as plain values for JSON."""
    return {
        "protocol": evaluation.protocol,
        "combined": evaluation.combined.to_dict(),
        "classes": {name: metrics.to_dict() for name, metrics in evaluation.classes.items()},
        "sequences": {name: metrics.to_dict() for name, metrics in evaluation.sequences.items()},
        "frames": {
            scored.pair.name: {
                "n_frames": scored.pair.n_frames,
                "n_scored_frames": scored.pair.n_scored_frames,
                "labelled_frames_only": scored.pair.is_sparse,
            }
            for scored in evaluation.details
        },
        "notes": list(evaluation.notes),
    }


def make_tables(evaluation: Evaluation) -> list[Cells]:
    """Return the cells of both tables: rows of sequences, of classes, and of all together."""
    rows = dict(evaluation.sequences)
    for name, metrics in evaluation.classes.items():
        rows[f"all {name}"] = metrics
    if len(evaluation.sequences) > 1:
        rows[COMBINED] = evaluation.combined
    tables = (TRACKING_COLUMNS, DETECTION_AND_IDENTITY_COLUMNS)
    return [_fill_cells(rows, columns, "sequence") for columns in tables]


def to_text(cells: Cells) -> str:
    """Return a table with aligned columns, the first to the left."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        first = row[0].ljust(widths[0])
        others = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join([first, *others]))
    return "\n".join(lines)


def to_markdown(cells: Cells) -> str:
    """Return a table in Markdown."""
    lines = [f"| {' | '.join(row)} |" for row in cells]
    rule = "|---" + "|---:" * (len(cells[0]) - 1) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def _fill_cells(rows: Rows, columns: Sequence[ScoreColumn], title: str) -> Cells:
    """Return the cells of the columns that have a value in some row."""
    known = [
        column
        for column in columns
        if any(getattr(metrics, column.field) is not None for metrics in rows.values())
    ]
    cells = [[title, *(column.title for column in known)]]
    for name, metrics in rows.items():
        values = [_format(getattr(metrics, column.field), column.decimals) for column in known]
        cells.append([name, *values])
    return cells


def _format(value: float | None, decimals: int) -> str:
    """Return a number as text, ``-`` if unknown."""
    return "-" if value is None else f"{value:.{decimals}f}"

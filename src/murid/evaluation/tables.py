"""Scores as people and programs read them: text, Markdown, JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from murid.evaluation.evaluate import Evaluation
from murid.metrics import Metrics


class ScoreColumn(NamedTuple):
    """A column of a table: its title, the field of `Metrics`, and decimals."""

    title: str
    field: str
    decimals: int = 1


TRACKING = (
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
DETECTION_AND_IDENTITY = (
    ScoreColumn("AP50", "ap50"),
    ScoreColumn("AP75", "ap75"),
    ScoreColumn("AP", "ap"),
    ScoreColumn("rank-1", "rank1"),
    ScoreColumn("rank-5", "rank5"),
    ScoreColumn("mAP", "reid_map"),
    ScoreColumn("identity accuracy", "identity_accuracy"),
    ScoreColumn("switches/animal-hour", "switches_per_animal_hour"),
)
_SUMMARY = tuple(c for c in TRACKING if c.title in ("HOTA", "DetA", "AssA", "MOTA", "IDF1", "IDSW"))
COMBINED = "COMBINED"

Rows = Mapping[str, Metrics]
Cells = list[list[str]]


def format_summary(metrics: Metrics) -> str:
    """Two lines with the scores that matter most."""
    return "\n".join(line[2:] for line in align(_fill({"": metrics}, _SUMMARY, "")).splitlines())


def format_text(evaluation: Evaluation) -> str:
    """Tables for a terminal: tracking, then detection and identity."""
    return "\n\n".join(align(cells) for cells in make_tables(evaluation))


def format_markdown(evaluation: Evaluation) -> str:
    """The same tables in Markdown."""
    return "\n\n".join(to_markdown(cells) for cells in make_tables(evaluation)) + "\n"


def to_document(evaluation: Evaluation) -> dict[str, Any]:
    """Return all scores, unrounded, as plain values for JSON."""
    return {
        "protocol": evaluation.protocol,
        "combined": evaluation.combined.to_dict(),
        "classes": {name: metrics.to_dict() for name, metrics in evaluation.classes.items()},
        "sequences": {name: metrics.to_dict() for name, metrics in evaluation.sequences.items()},
        "notes": list(evaluation.notes),
    }


def make_tables(evaluation: Evaluation) -> list[Cells]:
    """Cells of both tables, the first row the titles; sequences, then classes, then all together."""
    rows = dict(evaluation.sequences)
    rows |= {f"all {name}": metrics for name, metrics in evaluation.classes.items()}
    rows |= {COMBINED: evaluation.combined} if len(evaluation.sequences) > 1 else {}
    return [_fill(rows, columns, "sequence") for columns in (TRACKING, DETECTION_AND_IDENTITY)]


def _fill(rows: Rows, columns: Sequence[ScoreColumn], title: str) -> Cells:
    """Cells of the columns that have a value in some row."""
    known = [
        c
        for c in columns
        if any(getattr(metrics, c.field) is not None for metrics in rows.values())
    ]
    cells = [
        [name, *(_format(getattr(metrics, c.field), c.decimals) for c in known)]
        for name, metrics in rows.items()
    ]
    return [[title, *(c.title for c in known)], *cells]


def _format(value: float | None, decimals: int) -> str:
    return "-" if value is None else f"{value:.{decimals}f}"


def align(cells: Cells) -> str:
    """Text with the columns under each other, the first to the left."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        row[0].ljust(widths[0])
        + "".join("  " + cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))
        for row in cells
    )


def to_markdown(cells: Cells) -> str:
    """Table in Markdown, the first row its titles."""
    lines = [f"| {' | '.join(row)} |" for row in cells]
    return "\n".join([lines[0], "|---" + "|---:" * (len(cells[0]) - 1) + "|", *lines[1:]])

"""The tables as Markdown, as text and as JSON: murid's figures, and the paper's beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from murid.evaluation.tables import align, to_markdown
from murid.paper.tables import COLUMNS, ExternalDetector, Method, PaperTable, TableRow

Results = Mapping[Method | ExternalDetector, Mapping[str, Any] | None]
_TRACKERS = {"plain": "plain", "dam": "DAM"}


def format_markdown(tables: Sequence[PaperTable], results: Results, scale: str) -> str:
    """All tables under headings; a cell holds murid's figure and, in brackets, the paper's."""
    parts = [f"Scale: {scale}. In brackets: the paper's figure."]
    parts += [
        f"**Table {_head(table)}**\n\n{to_markdown(fill(table, results))}" for table in tables
    ]
    return "\n\n".join(parts) + "\n"


def format_text(tables: Sequence[PaperTable], results: Results) -> str:
    """The same for a terminal."""
    return "\n\n".join(f"Table {_head(table)}\n{align(fill(table, results))}" for table in tables)


def to_document(tables: Sequence[PaperTable], results: Results, scale: str) -> dict[str, Any]:
    """All figures, unrounded, as plain values."""
    return {
        "scale": scale,
        "tables": {
            table.name: [_to_plain(table, row, results.get(row.source)) for row in table.rows]
            for table in tables
        },
    }


def fill(table: PaperTable, results: Results) -> list[list[str]]:
    """Cells of a table, the titles first."""
    cells = [["row", "tracker", *table.columns]]
    for row in table.rows:
        result = results.get(row.source)
        cells.append([row.title, _TRACKERS[row.source.tracker], *_fill_row(table, row, result)])
    return cells


def get_value(result: Mapping[str, Any] | None, title: str) -> float | None:
    """Figure of a column in a result; None where it has none."""
    column = COLUMNS[title]
    group = (result or {}).get(column.group)
    value = None if group is None else group.get(column.field)
    return None if value is None else value / column.unit


def _fill_row(table: PaperTable, row: TableRow, result: Mapping[str, Any] | None) -> list[str]:
    missing = "not installed" if isinstance(row.source, ExternalDetector) else "not run"
    paper_values = row.paper_values or (None,) * len(table.columns)
    return [
        f"{missing if result is None else _format(title, get_value(result, title))}"
        + ("" if figure is None else f" ({_format(title, figure)})")
        for title, figure in zip(table.columns, paper_values, strict=True)
    ]


def _format(title: str, value: float | None) -> str:
    return "-" if value is None else f"{value:.{COLUMNS[title].decimals}f}"


def _head(table: PaperTable) -> str:
    return f"{table.name}. {table.title}"


def _to_plain(table: PaperTable, row: TableRow, result: Mapping[str, Any] | None) -> dict[str, Any]:
    ours = None if result is None else {title: get_value(result, title) for title in table.columns}
    paper_values = (
        dict(zip(table.columns, row.paper_values, strict=True)) if row.paper_values else None
    )
    return {"row": row.title, "tracker": row.source.tracker, "murid": ours, "paper": paper_values}

"""Format the tables as Markdown, text and JSON, with the values of murid and of the paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from murid.evaluation.tables import to_markdown, to_text
from murid.paper.experiment_runner import ExperimentRunner, get_name
from murid.paper.tables import COLUMNS, ExternalDetector, Method, PaperTable, TableRow
from murid.training.config import TrainConfig, to_plain

Results = Mapping[Method | ExternalDetector, Mapping[str, Any] | None]
# Names of the trackers in the tables.
_TRACKER_TITLES = {"plain": "plain", "dam": "DAM"}


def format_markdown(tables: Sequence[PaperTable], results: Results, scale: str) -> str:
    """Return all tables as Markdown; cells have murid's value, and the paper's in brackets."""
    parts = [f"Scale: {scale}. In brackets: the paper's value."]
    for table in tables:
        cells = to_markdown(fill_cells(table, results))
        parts.append(f"**Table {_format_title(table)}**\n\n{cells}")
    return "\n\n".join(parts) + "\n"


def format_text(tables: Sequence[PaperTable], results: Results) -> str:
    """Return all tables as text for a terminal."""
    parts = [
        f"Table {_format_title(table)}\n{to_text(fill_cells(table, results))}" for table in tables
    ]
    return "\n\n".join(parts)


def to_document(
    tables: Sequence[PaperTable], results: Results, runner: ExperimentRunner
) -> dict[str, Any]:
    """Return all rows with unrounded values and their configuration, as plain values for JSON.

    Settings that all trainings have in common are listed once, and those of a training as
    differences from them.
    """
    rows = {
        table.name: [_to_plain(table, row, results.get(row.source)) for row in table.rows]
        for table in tables
    }
    common = runner.data.adapt_config(runner.data.scale.train)
    runs = {
        get_name(source): _describe_run(runner, source, result, common)
        for source, result in results.items()
        if result is not None
    }
    return {
        "size": runner.data.scale.name,
        "seed": common.seed,
        "settings": to_plain(common),
        "trained_on": {**runner.data.trained_on, "n_held_out": runner.data.scale.n_held_out},
        "evaluated_on": runner.data.evaluated_on,
        "tables": rows,
        "runs": runs,
    }


def _describe_run(
    runner: ExperimentRunner,
    source: Method | ExternalDetector,
    result: Mapping[str, Any],
    common: TrainConfig,
) -> dict[str, Any]:
    """Return what a row was run with, and everything that was measured."""
    described: dict[str, Any] = {"tracker": source.tracker}
    if isinstance(source, Method):
        settings = to_plain(runner.configure_training(source))
        shared = to_plain(common)
        described["settings"] = {
            name: value for name, value in settings.items() if value != shared[name]
        }
    return {**described, **result}


def fill_cells(table: PaperTable, results: Results) -> list[list[str]]:
    """Return the rows of cells of a table, the titles first."""
    cells = [["row", "tracker", *table.columns]]
    for row in table.rows:
        result = results.get(row.source)
        tracker = _TRACKER_TITLES[row.source.tracker]
        cells.append([row.title, tracker, *_fill_row(table, row, result)])
    return cells


def get_value(result: Mapping[str, Any] | None, title: str) -> float | None:
    """Return the value of a column in a result, or None."""
    column = COLUMNS[title]
    group = (result or {}).get(column.group)
    value = None if group is None else group.get(column.field)
    return None if value is None else value / column.unit


def _fill_row(table: PaperTable, row: TableRow, result: Mapping[str, Any] | None) -> list[str]:
    """Return the cells of a row after its title and tracker."""
    missing = "not installed" if isinstance(row.source, ExternalDetector) else "not run"
    paper_values: Sequence[float | None] = row.paper_values or (None,) * len(table.columns)
    cells = []
    for title, paper_value in zip(table.columns, paper_values, strict=True):
        cell = missing if result is None else _format_value(title, get_value(result, title))
        if paper_value is not None:
            cell += f" ({_format_value(title, paper_value)})"
        cells.append(cell)
    return cells


def _format_value(title: str, value: float | None) -> str:
    return "-" if value is None else f"{value:.{COLUMNS[title].decimals}f}"


def _format_title(table: PaperTable) -> str:
    return f"{table.name}. {table.title}"


def _to_plain(table: PaperTable, row: TableRow, result: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return both values of each column of a row."""
    ours = None
    if result is not None:
        ours = {title: get_value(result, title) for title in table.columns}
    paper = None
    if row.paper_values:
        paper = dict(zip(table.columns, row.paper_values, strict=True))
    run = get_name(row.source)
    return {
        "row": row.title,
        "tracker": row.source.tracker,
        "run": run,
        "murid": ours,
        "paper": paper,
    }

"""The tables of the paper in the documentation, from the results of ``murid paper``.

    # A night on two cores; the same command again resumes:
    murid paper --size medium --out tables
    # Copies the results to paper_tables.json, and fills them into docs/explanation/paper.md:
    python benchmarks/paper_tables.py tables/tables.json
    # Fills the page from paper_tables.json, without new results:
    python benchmarks/paper_tables.py

The part of the page between the two comments is always written by this script.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from murid.core.durations import format_duration
from murid.core.files import write_text
from murid.evaluation.tables import to_markdown
from murid.paper.format_tables import fill_cells
from murid.paper.tables import TABLES

_ROOT = Path(__file__).resolve().parents[1]
RESULTS = _ROOT / "benchmarks" / "paper_tables.json"
PAGE = _ROOT / "docs" / "explanation" / "paper.md"

# Comments around the part of the page that is written here.
_BEGIN = "<!-- benchmarks/paper_tables.py writes what follows -->"
_END = "<!-- to here -->"

# Settings that all rows have in common and that the page lists.
_LISTED_SETTINGS = (
    "size_px",
    "batch_size",
    "epochs",
    "steps_per_epoch",
    "optimizer",
    "learning_rate",
    "box_overlap_weight",
    "identity_loss",
    "seed",
)


def read_results() -> dict[str, Any] | None:
    """Return the results that the repository contains, or None if it has none yet."""
    if not RESULTS.exists():
        return None
    document: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return document


def format_page(document: dict[str, Any] | None) -> str:
    """Return the tables of a document of ``murid paper``, and how each row was run, in Markdown."""
    if document is None:
        return "No size has been run to its end yet."
    parts = [_describe_protocol(document)]
    results = {
        row.source: document["runs"].get(described["run"])
        for table in TABLES
        for row, described in zip(table.rows, document["tables"].get(table.name, ()), strict=False)
    }
    for table in TABLES:
        if table.name in document["tables"]:
            title = f"Table {table.name}" if table.name.isdigit() else "Loss balancing"
            heading = f"#### {title}. {table.title}"
            parts += [heading, to_markdown(fill_cells(table, results))]
    parts += ["#### How each row was run", to_markdown(list(_iterate_runs(document["runs"])))]
    return "\n\n".join(parts)


def fill_page(page: str, document: dict[str, Any] | None) -> str:
    """Return the page with its tables replaced; raises `SystemExit` without the two comments."""
    pattern = re.compile(f"{re.escape(_BEGIN)}.*?{re.escape(_END)}", re.DOTALL)
    if len(pattern.findall(page)) != 1:
        raise SystemExit(f"expected the comments {_BEGIN} and {_END} once in the page")
    return pattern.sub(lambda _: f"{_BEGIN}\n\n{format_page(document)}\n\n{_END}", page)


def _describe_protocol(document: dict[str, Any]) -> str:
    """Return the size, the settings and the data that all rows have in common."""
    settings = document["settings"]
    listed = ", ".join(f"`{name}` {settings[name]}" for name in _LISTED_SETTINGS)
    sequences = document["evaluated_on"]["sequences"]
    names = ", ".join(sequences)
    return (
        f"Size `{document['size']}`: {listed}. Scored on {names}. Figures of the paper are in "
        "brackets. All values, settings, versions and losses are in `benchmarks/paper_tables.json`."
    )


def _iterate_runs(runs: dict[str, Any]) -> Iterator[list[str]]:
    """Yield the rows of the table of runs, the titles first."""
    yield ["run", "steps", "loss, first and last epoch", "AP50", "training", "murid", "torch"]
    for name, run in runs.items():
        losses = run.get("losses") or []
        ends = f"{losses[0]['total']:.2f}, {losses[-1]['total']:.2f}" if losses else "-"
        validation = run.get("validation")
        versions = run.get("versions", {})
        yield [
            name,
            str(run.get("steps", "-")),
            ends,
            f"{100 * validation['ap50']:.1f}" if validation else "-",
            format_duration(run["training_seconds"]) if "training_seconds" in run else "-",
            versions.get("murid", "-"),
            versions.get("torch", "-"),
        ]


def main() -> None:
    """Copy new results if they are given, and fill the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, nargs="?", help="tables.json of murid paper")
    arguments = parser.parse_args()
    if arguments.results is not None:
        write_text(RESULTS, arguments.results.read_text(encoding="utf-8"))
    write_text(PAGE, fill_page(PAGE.read_text(encoding="utf-8"), read_results()))


if __name__ == "__main__":
    main()

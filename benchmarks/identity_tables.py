"""Markdown tables of the documentation from ``identities.json``.

    python benchmarks/identity_tables.py benchmarks/identities.json

Prints the tables of lower frame rates and of real clips in ``docs/explanation/accuracy.md``.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

# How the documentation describes the clips.
_CLIPS = {
    "sleapmot-2mice-homecage": "two mice in a home cage, touching (97 frames, all labelled)",
    "udmt-rat2mice-a": "a rat and two mice (141, all)",
    "dlcpost-2mice": "two black mice on bedding (800, 30 labelled)",
    "vibes-2mice-a": "two dark mice, circling (800, 22 labelled)",
}


def format_table(heading: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def format_rates(rates: dict) -> str:
    """Return the table of lower frame rates: mean and lowest accuracy of each method."""
    columns = {
        ("coats", "tracker"): "unlike coats: tracking alone",
        ("coats", "linked"): "identification",
        ("coats", "nearest"): "nearest centroid",
        ("lookalike", "tracker"): "look-alikes: tracking alone",
        ("lookalike", "linked"): "identification",
    }
    kinds = [kind for kind, _ in columns if kind in rates]
    known = sorted({int(rate) for kind in kinds for rate in rates[kind]}, reverse=True)

    def format_cell(kind: str, rate: int, method: str) -> str:
        row = rates.get(kind, {}).get(str(rate))
        return "" if row is None else f"{row[method]['mean']:.1f} ({row[method]['min']:.1f})"

    rows = [
        [str(rate), *(format_cell(kind, rate, method) for kind, method in columns)]
        for rate in known
    ]
    return format_table(["frames/s", *columns.values()], rows)


def format_real(real: dict) -> str:
    """Return the table of real clips."""
    heading = ["clip", "frames", "tracking alone", "without the second pass", "with it"]
    heading += ["`murid track`", "≥ 0.99", "right"]
    rows = []
    for clip, description in _CLIPS.items():
        own = {name: row for name, row in real.items() if name.startswith(f"{clip} every ")}
        for number, (name, row) in enumerate(own.items()):
            step = int(name.rsplit(" ", 1)[1])
            frames = "all" if step == 1 else f"1 of {step}"
            cells = [
                f"{row[m]['idf1']:.1f} · {row[m]['accuracy']:.1f} · {row[m]['switches']:.1f}"
                for m in ("tracker", "without", "with", "murid")
            ]
            shares = [_format_share(row["murid"][c]) for c in ("certain", "certain_right")]
            rows.append(["" if number else description, frames, *cells, *shares])
    return format_table(heading, rows)


def _format_share(percent: float) -> str:
    """Return a share in percent; nothing where there is nothing to take it of."""
    return "" if math.isnan(percent) else f"{percent:.1f} %"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path)
    results = json.loads(parser.parse_args().results.read_text())
    if "rates" in results:
        print(format_rates(results["rates"]), end="\n\n")
    if "real" in results:
        print(format_real(results["real"]))


if __name__ == "__main__":
    main()
